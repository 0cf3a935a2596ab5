"""The guided tour in a browser: six steps, by keyboard too, that end signed and verified."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from goldenbatch.apps.web import tour
from goldenbatch.apps.web.pages.tour import STEP, StepData, TourData, where
from goldenbatch.core.errors import NotFoundError
from goldenbatch.ui.web.pages import Group, Page
from tests.apps.web.kit import PASSWORD, look, settled


def test_a_step_that_is_not_there_is_told(show_as):
    with pytest.raises(NotFoundError) as told:
        show_as(STEP, "rita", step="7")
    assert "1 to 6" in told.value.hint


def test_before_anything_is_found_it_waits_and_leads_to_what_is_there():
    class Nobody:
        parts = None

    nothing = TourData(None, is_decided=False)
    ways = [where(Nobody(), StepData(number, nothing)) for number in range(1, 7)]
    assert ways == ["/site?tour=1", "", "", "", "", "/verification?tour=6"]


def test_a_unit_is_shown_by_the_page_that_is_there():
    def page(path):
        return Page(path, "Unit", Group.PRODUCTION, lambda _: None, lambda *_: None)

    assert tour.unit_address({}, "site/tank") == ""
    assert tour.unit_address({"a": page("/units/{unit:path}")}, "s/tank 1") == "/units/s/tank%201"
    assert tour.unit_address({"a": page("/units/{unit}")}, "s/t") == "/units/s%2Ft"


def test_six_steps_end_with_a_signed_decision_and_a_verified_trail(page_as, web):
    page = page_as("rita", is_new=True)
    page.goto(f"{web.url}/tour")
    settled(page)
    look(page, "tour")
    page.get_by_role("link", name="Go to step 1").click()
    bar = page.get_by_role("navigation", name="Guided tour")
    for number in range(1, 6):
        expect(bar).to_contain_text(f"Step {number} of 6")
        settled(page)
        if number == 3:
            expect(page.get_by_role("heading", name="How do you know")).to_be_visible()
            page.goto(f"{web.url}/findings")  # a step aside: the tour goes on where it was
            expect(bar).to_contain_text("Step 3 of 6")
        if number == 5:
            _decide(page)
        bar.get_by_role("link", name="Next step").focus()
        page.keyboard.press("Enter")
    expect(bar).to_contain_text("Step 6 of 6")
    settled(page)
    page.get_by_role("button", name="Run a verification").click()
    expect(page.get_by_text("sound", exact=True).first).to_be_visible(timeout=30_000)
    look(page, "tour-6")
    bar.get_by_role("link", name="Leave the tour").click()
    page.wait_for_url(re.compile(r"/tour\?tour=0$"))
    expect(bar).to_have_count(0)
    page.goto(f"{web.url}/site")
    expect(bar).to_have_count(0)


def _decide(page):
    page.get_by_label("Reason").fill("seen on the tour, and so it is")
    page.get_by_role("button", name="Decide and sign").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Login").fill("rita")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name=re.compile("Sign as")).click()
    expect(page.get_by_text("Signed: accepted.")).to_be_visible()
