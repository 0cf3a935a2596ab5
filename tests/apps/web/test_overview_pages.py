"""Overviews, batches and findings in a browser: from a figure to the sample, and to a decision."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from goldenbatch.apps.web.pages._overview_offers import OVERVIEW_PAGES
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.findings import Evidence, Finding, FindingOpened, Severity, Subject
from tests.apps.web.kit import EVIL, PASSWORD, look, settled

PAGES = {one.name: one.load() for one in OVERVIEW_PAGES}


def finding_of(web):
    found = web.call("GET", "/findings", "rita", params={"analyst": "watch"}).json()["findings"]
    return next(one["uid"] for one in found if one["attribute"] and not one["verdict"])


def test_each_role_sees_what_waits_for_it(show_as):
    assert "Findings to decide" in show_as(PAGES["home"], "rita").text
    for login in ("olga", "ada"):
        assert "Findings to decide" not in show_as(PAGES["home"], login).text
    assert "Nothing waits for you" in show_as(PAGES["home"], "ada").text


@pytest.mark.parametrize(
    ("name", "values", "path", "words"),
    [
        ("site", {}, {}, ("Running batches", "right first time", "OEE")),
        ("enterprise", {}, {}, ("Running batches", "Open findings")),
        ("indicators", {"name": "OEE"}, {}, ("ISO 22400-2", "availability x effectiveness")),
        ("batches", {"sort": "nonsense", "page": "-3", "state": "ended"}, {}, ("B-7",)),
        ("batch", {}, {"batch": "B-7"}, ("What happened", "42.0", "Sign this record")),
        ("batch", {}, {"batch": f"B-8 {EVIL}"}, ("running", EVIL)),
        ("sample", {"sample": "S1"}, {}, ("B-7", "42.0")),
        ("record", {"stream": "batch/B-7"}, {}, ("BatchCreated", "Prove it")),
        ("findings", {"state": "all", "severity": "nonsense"}, {}, ("Above the limit",)),
    ],
)
def test_each_page_shows_what_it_is_of(show_as, name, values, path, words):
    text = show_as(PAGES[name], "rita", values, **path).text
    for one in words:
        assert one in text, (one, text[:2000])


def test_what_is_not_there_is_told_with_what_to_do(show_as):
    for name, values, path in (
        ("batch", {}, {"batch": "none"}), ("sample", {"sample": "none"}, {}),
        ("lot", {"material": "a", "lot": "b"}, {}), ("record", {"stream": "batch/none"}, {}),
        ("finding", {}, {"uid": "0" * 32}), ("indicators", {"name": "none"}, {}),
    ):  # fmt: skip
        with pytest.raises(NotFoundError) as told:
            show_as(PAGES[name], "rita", values, **path)
        assert told.value.hint


def test_from_a_key_figure_to_the_sample_and_its_proof(page_as, web):
    page = page_as("rita")
    page.goto(f"{web.url}/site")
    settled(page)
    expect(page.get_by_role("table", name="Running batches")).to_contain_text("B-8")
    look(page, "site")
    page.get_by_role("link", name=re.compile("^right first time")).click()
    page.get_by_role("link", name="B-7").click()
    settled(page)
    expect(page.get_by_role("group", name="Timeline of the batch")).to_be_visible()
    look(page, "batch")
    page.get_by_role("table", name="Results", exact=True).get_by_role("link", name="S1").click()
    settled(page)
    look(page, "sample")
    page.get_by_role("link", name="sample/S1").click()
    settled(page)
    page.get_by_role("button", name="Prove version 1").click()
    expect(page.get_by_text("hashes lead from its digest")).to_be_visible()
    look(page, "record")
    page.goto(f"{web.url}/batches/B-7")
    settled(page)
    page.get_by_role("button", name="Make the dossier").click()
    button = page.get_by_role("button", name=re.compile(r"Download .*\.pdf"))
    with page.expect_download() as begun:
        button.click()
    assert begun.value.path().read_bytes().startswith(b"%PDF")


def opened(web, uid, title):
    """An analyst's finding, as the home's own command line appends it."""
    first = web.call("GET", "/stream", params={"name": "batch/B-7"}).json()["events"][0]
    rests_on = Evidence(kind="record", stream="batch/B-7", version=1, digest=first["leaf"])
    finding = Finding(
        subject=Subject(batch="B-7"), title=title, statement="It was seen.", analyst="watch",
        severity=Severity.MAJOR, start=1_700_000_000_000_000, analyst_version="1",
        evidence=(rests_on,),
    )  # fmt: skip
    body = FindingOpened(uid=uid, tick=1, finding=finding).model_dump(mode="json")
    event = {"stream": f"finding/{uid}", "kind": "FindingOpened", "body": body,
             "expected_version": 0, "actor": "analyst/watch"}  # fmt: skip
    answer = web.call("POST", "/events", json={"events": [event]})
    assert answer.is_success, answer.text


def test_several_findings_are_decided_on_in_a_row_while_a_new_one_comes(page_as, web):
    for number in "ab":
        opened(web, number * 32, f"Seen {number}")
    page = page_as("quentin", is_new=True)
    page.goto(f"{web.url}/findings?text=Seen")
    settled(page)
    for number in "ab":
        page.get_by_role("checkbox", name=f"Choose Seen {number}").check()
    opened(web, "c" * 32, "Seen c")
    expect(page.get_by_text("The list has changed")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Choose Seen a")).to_be_checked()
    page.get_by_label("Decision", exact=True).select_option("dismissed")
    page.get_by_label("Reason", exact=True).fill("it was the cleaning")
    page.get_by_role("button", name="Decide and sign").click()
    dialog = page.get_by_role("dialog")
    page.get_by_label("Login").fill("quentin")
    for number in "ab":
        expect(dialog.get_by_text(f"finding/{number * 32}").first).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign as reviewed").click()
    expect(page.get_by_text("2 of 2 findings are decided")).to_be_visible()
    table = page.get_by_role("region", name="1 finding")
    expect(table).to_contain_text("Seen c")


def test_a_finding_is_read_checked_and_decided_on(page_as, web):
    uid = finding_of(web)
    page = page_as("rita", is_new=True, size="tablet", dark=True)
    page.goto(f"{web.url}/findings?state=open")
    settled(page)
    look(page, "findings")
    page.goto(f"{web.url}/findings/{uid}")
    settled(page)
    page.get_by_role("button", name="Read the evidence again").click()
    expect(page.get_by_text(re.compile("^Read again:"))).to_be_visible()
    look(page, "finding")
    reason = page.get_by_label("Reason", exact=True)
    reason.fill("checked <b>at the pump</b>")
    page.wait_for_timeout(300)
    page.reload()
    settled(page)
    expect(reason).to_have_value("checked <b>at the pump</b>")
    page.get_by_label("Decision", exact=True).select_option("needs_laboratory")
    # Another person decides meanwhile: it is told, and nothing is signed over it.
    form = {"login": "pavel", "password": PASSWORD, "verdict": "confirmed", "comment": "so it is"}
    answer = web.call("POST", f"/findings/{uid}/decision", "pavel", json=form)
    assert answer.is_success, answer.text
    expect(page.get_by_text("This finding changed while you looked")).to_be_visible()
    page.gb_allow("409")
    page.get_by_role("button", name="Decide and sign").click()
    expect(page.get_by_text("changed while you looked at it")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Show the new version").click()
    expect(page.get_by_role("table", name="Decisions")).to_contain_text("so it is")
    page.get_by_role("button", name="Decide and sign").click()
    page.get_by_label("Login").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    look(page, "finding-sign")
    page.get_by_role("button", name="Sign as reviewed").click()
    table = page.get_by_role("table", name="Decisions")
    expect(table).to_contain_text("checked <b>at the pump</b>")
    expect(table).to_contain_text("Rita Reviewer")
