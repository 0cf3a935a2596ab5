"""Entries in a real browser: faults told, nothing lost by a reload, a time-out or a restart."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.apps.web.kit import log_in, settled


def opened(page, web):
    page.goto(web.url + "/extra/bench")
    settled(page)
    return page.get_by_label("What was seen")


def test_faults_stand_beside_the_fields_and_in_a_summary(page_as, web):
    page = page_as("olga")
    opened(page, web)
    page.get_by_label("Amount (kg)").fill("many")
    page.get_by_role("button", name="Enter").click()
    summary = page.locator("form.gb-form [role=alert]")
    expect(summary).to_contain_text("2 fields")
    expect(page.get_by_label("What was seen")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("What was seen")).to_be_focused()
    page.get_by_label("What was seen").fill("foam")
    page.get_by_label("Amount (kg)").fill("12.50")
    page.get_by_role("button", name="Enter").click()
    expect(page.locator("#main")).to_contain_text("Taken: foam 12.50")
    expect(summary).to_have_count(0)
    page.reload()
    settled(page)
    expect(page.get_by_label("What was seen")).to_have_value("")


def test_an_entry_outlives_reload_time_out_and_restart_and_goes_with_its_person(new_page, web):
    page = new_page()
    log_in(page, web.url, "olga")
    entry = opened(page, web)
    entry.fill("half an entry")
    page.get_by_label("Secret").fill("never kept")
    page.reload()
    settled(page)
    expect(page.get_by_label("What was seen")).to_have_value("half an entry")
    expect(page.get_by_label("Secret")).to_have_value("")
    # The web process starts again: nobody is logged in any more, and the entry is still there.
    port = int(web.url.rpartition(":")[2])
    page.gb_allow("")  # the page loses its connection, and says so on the console
    web.stop("web")
    web.start_web(port)
    page.goto(web.url + "/extra/bench")
    assert "/login" in page.url
    log_in(page, web.url, "olga")
    expect(opened(page, web)).to_have_value("half an entry")
    assert "never kept" not in page.evaluate("JSON.stringify(localStorage)")
    # Another person at this tablet sees none of it; after a log-out nobody does.
    page.locator(".gb-account summary").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    assert "half an entry" not in page.evaluate("JSON.stringify(localStorage)")
    log_in(page, web.url, "pavel")
    expect(opened(page, web)).to_have_value("")
