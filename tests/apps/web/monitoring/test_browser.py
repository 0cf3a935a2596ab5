"""The pages of monitoring in a browser: what is behind a point, an alarm taken note of."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.apps.web.kit import look, settled


@pytest.fixture
def at(page_as, web):
    def open_page(path, login="pavel"):
        page = page_as(login)
        page.goto(web.url + path)
        settled(page)
        return page

    return open_page


def test_a_point_of_a_chart_leads_to_its_batch(at):
    page = at("/monitoring/charts/quality")
    expect(page.get_by_role("heading", level=1)).to_have_text("Control chart")
    card = page.locator(".gb-picked")
    expect(card).to_contain_text("nelson-1")
    page.get_by_role("img").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(card.get_by_role("heading")).to_have_text("Batch b1")
    expect(card.get_by_role("link", name="b1", exact=True)).to_have_attribute("href", "/batches/b1")
    look(page, "chart")


def test_a_row_of_the_explorer_says_what_makes_it_differ(at):
    page = at("/monitoring/latent")
    page.get_by_role("img").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".gb-picked")).to_contain_text("What makes")
    expect(page.locator(".gb-picked").get_by_role("link", name="signal").first).to_be_visible()
    look(page, "latent")


def test_an_alarm_is_acknowledged_by_who_is_logged_in(at, web):
    page = at("/monitoring/alarms", "olga")
    expect(page.get_by_text("unacknowledged", exact=True)).to_be_visible()
    page.get_by_text("Acknowledge", exact=True).first.click()
    page.get_by_label("Comment").fill("batch is on hold")
    look(page, "alarms")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("acknowledged", exact=True)).to_be_visible()
    (one,) = web.call("GET", "/monitoring/alarms").json()["alarms"]
    assert one["state"] == "acknowledged"


PATHS = (
    "/monitoring/design?kind=ewma", "/monitoring/soft-sensors", "/monitoring/release",
    "/monitoring/yields", "/monitoring/yields?show=causes", "/monitoring/lifecycle",
    "/monitoring/alarms?show=figures", "/monitoring/alarms?show=master",
)  # fmt: skip


def test_the_other_pages_open_without_a_fault(at, web):
    page = at("/monitoring/charts", "rita")
    for path in PATHS:
        page.goto(web.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("main .gb-problem")).to_have_count(0)
