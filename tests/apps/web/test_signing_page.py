"""The ceremony in a real browser, against a real node: password, code of an app, security key."""

from __future__ import annotations

import json

import pyotp
import pytest
from playwright.sync_api import expect

from tests.apps.web.kit import ARGUMENTS, BROWSER, PASSWORD, log_in, look, settled


def opened(page, url):
    page.goto(url + "/extra/bench")
    settled(page)
    page.get_by_role("button", name="Review this batch").click()
    dialog = page.get_by_role("dialog", name="Sign")
    expect(dialog).to_be_visible()
    return dialog


def test_the_statement_is_shown_a_wrong_proof_refused_and_a_right_one_signs(page_as, web):
    page = page_as("rita", is_new=True)
    dialog = opened(page, web.url)
    for words in ("Rita Reviewer (quality_reviewer)", "reviewed", "batch/B-7", "looked at it"):
        expect(dialog).to_contain_text(words)
    expect(page.get_by_label("Login")).to_be_focused()
    look(page, "ceremony")
    page.get_by_label("Login").fill("rita")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_label("Login").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign as reviewed").click()
    expect(page.locator("#main")).to_contain_text("Signed version")
    events = web.call("GET", "/events", params={"stream": "batch/B-7", "limit": 1000}).json()
    assert "SignatureApplied" in json.dumps(events)
    # The series is open: the second signature of the session asks for the password alone.
    page.get_by_role("button", name="Review this batch").click()
    expect(page.get_by_label("Password")).to_be_focused()
    assert page.get_by_label("Login").count() == 0
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Review this batch")).to_be_focused()


def enrol(web, login, kind, answer):
    """A credential of a person, offered and confirmed by the home's own command line."""
    form = {"login": login, "kind": kind, "reason": "for a test"}
    token = web.call("POST", "/credentials/offer", json=form).raise_for_status().json()["token"]
    form = {"login": login, "token": token}
    begun = web.call("POST", "/enrolment/begin", json=form).raise_for_status().json()
    form |= {"enrolment": begun["enrolment"], "answer": answer(begun)}
    done = web.call("POST", "/enrolment/finish", json=form).raise_for_status().json()
    form = {"login": login, "credential": done["credential"], "reason": "seen with passport"}
    web.call("POST", "/credentials/confirm", json=form).raise_for_status()


def test_who_has_an_app_for_codes_gives_the_code_too(page_as, web):
    apps = []

    def answer(begun):
        apps.append(pyotp.TOTP(begun["secret"]))
        return {"code": apps[0].now(), "label": "phone"}

    enrol(web, "quentin", "totp", answer)
    page = page_as("quentin", is_new=True)
    opened(page, web.url)
    page.get_by_label("Login").fill("quentin")
    page.get_by_label("Password").fill(PASSWORD)
    # The code of enrolment is used up; the next one is taken within the step that is to come.
    later = apps[0].at(int(page.evaluate("Date.now() / 1000")) + 30)
    page.get_by_label("Code of your authenticator app").fill(later)
    page.get_by_role("button", name="Sign as reviewed").click()
    expect(page.locator("#main")).to_contain_text("Signed version")


@pytest.fixture
def known_page(browser, web, program):
    """A page at the origin that the home takes authenticators from: http://localhost:8600."""
    port = web.url.rpartition(":")[2]
    rule = f"--host-resolver-rules=MAP localhost:8600 127.0.0.1:{port}"
    import asyncio

    asyncio._set_running_loop(browser.gb_loop)
    try:
        own = browser.browser_type.launch(
            executable_path=program(*BROWSER), args=[*ARGUMENTS, rule]
        )
        page = own.new_page()
        page.set_default_timeout(15_000)
        yield page
        own.close()
    finally:
        asyncio._set_running_loop(None)


def test_a_security_key_signs(known_page, web):
    page, url = known_page, "http://localhost:8600"
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    log_in(page, url, "pavel")

    def answer(begun):
        made = page.evaluate(
            """async (options) => (await navigator.credentials.create({publicKey:
            PublicKeyCredential.parseCreationOptionsFromJSON(options)})).toJSON()""",
            begun["options"],
        )
        return {"response": made, "label": "key"}

    enrol(web, "pavel", "webauthn", answer)
    dialog = opened(page, url)
    expect(dialog).to_contain_text("security key")
    page.get_by_role("button", name="Sign as reviewed").click()
    expect(page.locator("#main")).to_contain_text("Signed version")
