"""What stands before the pages: cookies, forms, sockets, headers, ways out, sessions that end."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect
from starlette.requests import Request

from goldenbatch.apps.web.addresses import client_address, own_path
from goldenbatch.apps.web.sessions import COOKIE
from tests.apps.web.kit import PASSWORD, log_in, settled


@pytest.fixture
def visitor(web):
    with httpx.Client(base_url=web.url, trust_env=False, timeout=30) as client:
        yield client


def csrf_of(answer):
    return re.search(r'name="csrf" value="([^"]+)"', answer.text).group(1)


def enter(visitor, login="olga", password=PASSWORD, **more):
    csrf = csrf_of(visitor.get("/login"))
    form = {"login": login, "password": password, "csrf": csrf, **more}
    return visitor.post("/login", data=form)


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(visitor):
    done = enter(visitor)
    assert done.status_code == 303
    kept = next(one for one in done.headers.get_list("set-cookie") if one.startswith(COOKIE))
    assert "HttpOnly" in kept and "SameSite=lax" in kept


def test_a_login_form_from_elsewhere_is_refused(visitor, web):
    form = {"login": "olga", "password": PASSWORD, "csrf": "x"}
    assert visitor.post("/login", data=form).status_code == 403
    visitor.get("/login")
    assert visitor.post("/login", data=form).status_code == 403
    assert COOKIE not in visitor.cookies


@pytest.mark.parametrize("path", ["/logout", "/language", "/session/stay"])
def test_a_form_without_the_sessions_own_token_is_refused(visitor, path):
    enter(visitor)
    assert visitor.post(path, data={"csrf": "x", "language": "de"}).status_code == 403
    assert visitor.get("/session/left").json()["left_s"] > 0


@pytest.mark.parametrize(
    "away", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example",
             "javascript:alert(1)", "/login?next=/", "\r\nSet-Cookie: a=b", "/logout"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_a_login(visitor, away):
    assert own_path(away) == "/"
    assert enter(visitor, next=away).headers["location"] == "/"


def test_pages_are_not_kept_framed_nor_given_foreign_scripts(visitor):
    enter(visitor)
    for path in ("/", "/login", "/no/such/page"):
        answer = visitor.get(path)
        found = answer.headers
        assert found["cache-control"] == "no-store", path
        assert found["x-frame-options"] == "DENY"
        assert found["x-content-type-options"] == "nosniff"
        policy = found["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        scripts = policy.partition("script-src")[2].partition(";")[0]
        assert "unsafe-inline" not in scripts and "http" not in scripts
    assert visitor.get("/no/such/page").status_code == 404


def test_a_socket_is_for_the_page_of_its_own_session_only(visitor, web):
    enter(visitor)
    page = visitor.get("/")
    name = re.search(r"client_id\W+([0-9a-f-]{36})", page.text).group(1)
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    own = {"Origin": web.url}
    assert visitor.get(f"{path}&client_id={name}", headers=own).status_code == 200
    other = {"Origin": "https://evil.example"}
    assert visitor.get(f"{path}&client_id={name}", headers=other).status_code == 403
    assert visitor.get(path, headers=own).status_code == 403
    with httpx.Client(base_url=web.url, trust_env=False) as stranger:
        assert stranger.get(f"{path}&client_id={name}", headers=own).status_code == 403
        enter(stranger, "pavel")  # somebody who is logged in, at somebody else's page
        assert stranger.get(f"{path}&client_id={name}", headers=own).status_code == 403


def test_a_wrong_password_says_why_and_keeps_the_way(visitor):
    answer = enter(visitor, password="wrong", next="/findings?state=open")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text and "/findings?state=open" in answer.text


def request_from(peer, forwarded):
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "told"),
    [
        ("9.9.9.9", "1.1.1.1", (), "9.9.9.9"),
        ("9.9.9.9", "1.1.1.1", ("10.0.0.0/8",), "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", ("10.0.0.0/8",), "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.2.2.2", ("10.0.0.0/8",), "1.1.1.1"),
        ("10.0.0.1", "nonsense", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_where_somebody_comes_from(peer, forwarded, proxies, told):
    assert client_address(request_from(peer, forwarded), proxies) == told


def test_a_log_out_in_one_tab_clears_the_others(new_page, web):
    page = new_page()
    page.gb_allow("")
    log_in(page, web.url, "olga")
    page.goto(web.url)
    settled(page)
    other = page.context.new_page()
    other.goto(web.url)
    settled(other)
    other.locator(".gb-account summary").click()
    other.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login**")
    expect(page.locator("#main")).to_contain_text("session has ended")


def test_a_session_that_ends_at_the_node_ends_here_and_leads_back(new_page, web, monkeypatch):
    page = new_page()
    page.gb_allow("")
    log_in(page, web.url, "olga")
    page.goto(web.url + "/extra/bench?batch=B-7")
    settled(page)
    web.stop("node")  # and with it all that it knows of sessions
    web.start_node(int(web.node.rpartition(":")[2]))
    page.goto(web.url + "/extra/bench?batch=B-7")
    page.wait_for_url("**/login**")
    assert "next=%2Fextra%2Fbench" in page.url


def test_a_node_that_is_away_is_said_and_the_page_comes_back_by_itself(new_page, web):
    page = new_page()
    page.gb_allow("")
    log_in(page, web.url, "olga")
    web.stop("node")
    page.goto(web.url + "/extra/bench")
    expect(page.locator(".gb-away")).to_be_visible()
    web.start_node(int(web.node.rpartition(":")[2]))
    page.wait_for_url("**/login**", timeout=20_000)


def test_a_language_is_chosen_and_stays(page_as, web):
    page = page_as("olga")
    page.goto(web.url + "/extra/bench")
    settled(page)
    page.locator(".gb-account summary").click()
    page.get_by_label("Language").select_option("de")
    page.wait_for_url("**/extra/bench")
    expect(page.locator(".gb-account-box")).to_contain_text("Abmelden")
    assert page.evaluate("document.documentElement.lang") == "de"
    page.locator(".gb-account summary").click()
    page.get_by_label("Darstellung").select_option("dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    settled(page)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
