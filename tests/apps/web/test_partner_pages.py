"""A package from outside: its page, tile and widget conform, are served, and fail alone."""

from __future__ import annotations

import gbx_extra
import pytest
from playwright.sync_api import expect

from goldenbatch.apps.web.registry import load_registry
from goldenbatch.core.capability import Capability, Offer
from goldenbatch.runtime.discovery import Discovery
from goldenbatch.testing import PageCase, page_checks
from tests.apps.web.kit import settled


def test_the_pages_of_a_partner_conform_at_work(asked_as):
    from goldenbatch.apps.web.sessions import person_of

    asked = asked_as("rita", batch="B-7")
    case = PageCase(asked, person_of(asked.api.get("/session")))
    found = page_checks(gbx_extra.CAPABILITY, case)
    assert len(found) >= 8
    for check in found:
        check.run()


def test_a_page_that_cannot_be_loaded_is_named_and_stops_no_other():
    offers = (Offer("away", "gbx_no_such:PAGE", "x"), Offer("odd", "gbx_extra:tools", "x"))
    broken = Capability("broken", "Broken", "bronze", pages=offers)
    found = load_registry(Discovery({"extra": gbx_extra.CAPABILITY, "broken": broken}))
    assert "extra.bench" in found.pages
    assert any("broken.away" in one for one in found.broken)
    assert any("broken.odd" in one and "no Page" in one for one in found.broken)


@pytest.mark.parametrize("size", ["desktop", "tablet"])
def test_a_partners_page_is_in_the_menu_and_reached_by_keyboard(page_as, web, size):
    page = page_as("rita", size=size)
    page.goto(web.url + "/extra/bench")
    settled(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    if size == "tablet":
        page.get_by_role("button", name="Menu").click()
    link = page.get_by_role("link", name="Bench of a partner")
    expect(link).to_be_visible()
    expect(link).to_have_attribute("aria-current", "page")
    assert link.bounding_box()["height"] >= 48
