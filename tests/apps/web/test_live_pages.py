"""Units, trends and the readings behind them, on a real node and in a browser."""

from __future__ import annotations

from gbx_bench import TANK, TEMP
from playwright.sync_api import expect

from goldenbatch.apps.web.pages.trends import READINGS, TRENDS
from goldenbatch.apps.web.pages.trends import file_of as readings_file
from goldenbatch.apps.web.pages.units import UNIT, UNITS
from tests.apps.web.kit import look, settled


def test_units_and_one_unit_are_shown(show_as):
    assert "Units of the site" in show_as(UNITS, "rita").text
    assert "Signals" in show_as(UNIT, "rita", unit=TANK).text


def test_readings_are_those_of_the_historian_with_their_digest(show_as, asked_as):
    historian = asked_as("rita").site.historian
    at = int(historian.latest([TEMP]).times()[0])
    window = (at - 10 * 60_000_000, at + 1)
    values = {"tag": TEMP, "start": str(window[0]), "end": str(window[1])}
    text = show_as(READINGS, "rita", values).text
    digest, n_readings = historian.digest(TEMP, window)
    assert digest[:16] in text
    lines = readings_file(asked_as("rita"), TEMP, window, "csv").decode().splitlines()
    assert len(lines) == n_readings + 1
    assert "Readings of temp" in show_as(TRENDS, "rita", {"tag": TEMP}).text


def test_a_trend_is_painted_zoomed_by_keys_and_told_as_a_table(page_as, asked_as, web):
    page = page_as("rita")
    at = int(asked_as("rita").site.historian.latest([TEMP]).times()[0])
    page.goto(f"{web.url}/trends?tag={TEMP}&start={at - 3_600_000_000}")
    settled(page)
    box = page.locator(".gb-trend-box canvas").first
    expect(box).to_be_visible()
    role = page.get_by_role("img").first
    assert "bad readings" in role.get_attribute("aria-label")
    role.focus()
    before = page.url
    page.keyboard.press("+")
    page.wait_for_url(lambda url: url != before and "start=" in url)
    page.locator(".gb-trend-table summary").click()
    expect(page.locator(".gb-trend-table tbody tr").first).to_be_visible()
    look(page, "trends")


def test_a_unit_shows_what_the_node_is_told_while_it_is_open(page_as, web):
    page = page_as("rita", dark=True, size="tablet")
    page.goto(f"{web.url}/units/{TANK}")
    settled(page)
    expect(page.locator(".gb-live")).to_contain_text("Live")
    look(page, "unit")
