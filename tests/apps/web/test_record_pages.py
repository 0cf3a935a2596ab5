"""Pages of records and of administration: what each loads and shows, and to whom it is refused."""

from __future__ import annotations

import pytest

from goldenbatch.apps.web.pages._record_offers import RECORD_PAGES
from goldenbatch.apps.web.pages.trail import wanted_of
from goldenbatch.apps.web.qr import modules, svg
from goldenbatch.core.errors import DeniedError
from goldenbatch.testing.pages import shown, view_of
from goldenbatch.ui.web.view import Person
from tests.apps.web.kit import PASSWORD

PAGES = {one.name: one.load() for one in RECORD_PAGES}
AREA = "site/area"
PATHS = {
    "logbook": {"area": AREA},
    "batch-completeness": {"batch": "B-7"},
    "person": {"who": "olga"},
}
SKIPPED = {"policy-proposal"}
"""Needs a proposal: it has a test of its own."""


def person_of(asked):
    told = asked.api.get("/session")
    return Person(told["uid"], told["login"], told["printed_name"],
                  frozenset(told["roles"]), frozenset(told["classes"]))  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(PAGES) - SKIPPED))
def test_each_page_shows_what_the_node_gives_a_reviewer(asked_as, name):
    page = PAGES[name]
    asked = asked_as("rita", **PATHS.get(name, {}))
    found = shown(page.show, page.load(asked), view_of(asked, person_of(asked), "UTC"))
    assert found.texts
    assert not found.html


@pytest.mark.parametrize("name", ["people", "rights", "training", "settings", "inspections"])
def test_what_is_personal_is_refused_to_an_operator(asked_as, name):
    page = PAGES[name]
    assert "personal" in page.classes
    with pytest.raises(DeniedError):
        page.load(asked_as("olga", **PATHS.get(name, {})))


@pytest.mark.parametrize("name", ["logbooks", "logbook", "analysts"])
def test_what_is_confidential_is_refused_to_an_administrator(asked_as, name):
    with pytest.raises(DeniedError):
        PAGES[name].load(asked_as("ada", **PATHS.get(name, {})))


def test_a_filter_of_the_trail_is_its_address():
    assert wanted_of({"stream": "batch/7", "act": "signed", "flag": "late", "text": ""}) == {
        "streams": ["batch/7"], "acts": ["signed"], "is_late": True,
    }  # fmt: skip
    assert wanted_of({"flag": "nonsense"}) == {}


def test_the_trail_is_filtered_and_paged(asked_as):
    page = PAGES["trail"]
    whole = page.load(asked_as("rita"))
    part = page.load(asked_as("rita", values={"stream": "batch/B-7"}))
    assert {one["stream"] for one in part.found["entries"]} == {"batch/B-7"}
    assert part.found["n_entries"] < whole.found["n_entries"]
    later = page.load(asked_as("rita", values={"page": "1"}))
    assert later.found["entries"][0]["seq"] < whole.found["entries"][-1]["seq"]


def test_a_qr_code_has_its_finders_and_escapes_its_label():
    rows = modules("otpauth://totp/goldenbatch:ann?secret=ABCDEFGH&issuer=goldenbatch")
    finder = [[True] * 7, [True] + [False] * 5 + [True]]
    assert [rows[0][:7], rows[1][:7]] == finder
    assert [rows[0][-7:], rows[-1][:7]] == [finder[0], finder[0]]
    assert "<b>" not in svg("x", '"><b>')


def test_a_proposed_policy_is_shown_with_what_it_would_change(asked_as, web):
    text = web.call("GET", "/policy", "rita").json()["text"]
    text = text.replace("review_days = 180", "review_days = 400")
    number = text.partition('version = "')[2].partition('"')[0]
    text = text.replace(f'version = "{number}"', f'version = "{number}-longer"', 1)
    form = {"login": "pavel", "password": PASSWORD, "text": text, "reason": "too often"}
    made = web.call("POST", "/policy/proposals", "pavel", json=form).json()
    page, asked = PAGES["policy-proposal"], asked_as("rita", digest=made["digest"])
    found = shown(page.show, page.load(asked), view_of(asked, person_of(asked), "UTC"))
    assert "400" in found.text
    assert "yes" in found.texts  # it is weaker than before
    assert not found.html


def test_an_act_is_offered_only_to_who_may(asked_as):
    page = PAGES["analysts"]
    assert page.load(asked_as("rita")).why_not == ""
    operators = asked_as("olga")
    data = page.load(operators)
    assert "needs role" in data.why_not
    found = shown(page.show, data, view_of(operators, person_of(operators), "UTC"))
    assert "You may not do this." in found.texts
    assert "Adopt" not in found.texts
