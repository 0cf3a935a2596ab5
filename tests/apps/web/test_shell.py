"""The shell in a real browser: who is here, the kind of home, the menu, in and out."""

from __future__ import annotations

from playwright.sync_api import expect

from goldenbatch.apps.web.pages.home import HOME
from tests.apps.web.kit import look, settled


def test_a_person_logs_in_and_sees_who_and_where_they_are(page_as, web):
    page = page_as("rita")
    page.goto(web.url)
    settled(page)
    expect(page.locator("body")).to_contain_text("Rita Reviewer")
    look(page, "home")


def test_the_first_page_is_shown_without_a_browser(show_as):
    assert "Findings" in show_as(HOME, "rita").text
