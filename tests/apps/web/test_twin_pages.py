"""The twin studio in a browser: a scenario, its run, two runs, a line at work; and models."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from tests.apps.web.kit import look, settled

STUDY = """schema = "goldenbatch/twin/1"
name = "reactor <b>bold</b>"
members = 20
[model]
use = "benchmark.batch_reactor"
[recipe]
use = "default"
[[measures]]
name = "B"
column = "B"
lower = 0.3
"""
LINE = """schema = "goldenbatch/line/1"
name = "Two mixers"
[[units]]
name = "mixer"
[[units]]
name = "press"
[[buffers]]
name = "hopper"
capacity = 2
[[products]]
name = "A"
route = [
  { name = "mix", unit = "mixer", duration = 2, buffer = "hopper" },
  { name = "press", unit = "press", duration = { kind = "exponential", mean = 3 } },
]
[[plan]]
product = "A"
n_lots = 4
[study]
horizon = 100
n_replications = 3
[[scenarios]]
name = "second press"
set = { "units.press.count" = 2 }
"""


@pytest.fixture(scope="module")
def ended(web):
    """Runs that have ended, by name: an ensemble and a line."""
    asked = {
        "ensemble": {"work": "ensemble", "study": STUDY},
        "line": {"work": "line", "study": LINE},
    }  # fmt: skip
    runs = {}
    for name, form in asked.items():
        answer = web.call("POST", "/twin/runs", "pavel", json=form)
        assert answer.status_code == 201, answer.text
        runs[name] = answer.json()["run"]
    until = time.monotonic() + 90
    for run in runs.values():
        while (found := web.call("GET", f"/twin/runs/{run}", "pavel").json())["status"] in (
            "waiting", "running",
        ):  # fmt: skip
            assert time.monotonic() < until
            time.sleep(0.1)
        assert found["status"] == "done", found
    return runs


def test_a_scenario_is_made_kept_in_the_address_and_run(page_as, web):
    page = page_as("pavel")
    page.goto(f"{web.url}/twin/studio?model=benchmark.batch_reactor")
    settled(page)
    field = page.get_by_label("Input T")
    field.fill("290 L")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("no value in K").first).to_be_visible()
    field.fill("290 K")
    page.wait_for_url(re.compile("s="))
    page.wait_for_timeout(400)
    page.reload()
    settled(page)
    expect(page.get_by_label("Input T")).to_have_value("290 K")
    look(page, "twin-studio")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(re.compile("/twin/runs/"))
    expect(page.get_by_role("heading", name="At the end")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("table", name="Values at the end")).to_contain_text("B")
    look(page, "twin-run")


def test_an_ensemble_says_how_surely_and_two_runs_are_compared(page_as, web, ended):
    page = page_as("pavel", dark=True)
    page.goto(f"{web.url}/twin/runs")
    settled(page)
    expect(page.get_by_role("table", name="Runs, newest first")).to_contain_text(
        "reactor <b>bold</b>"
    )
    page.goto(f"{web.url}/twin/runs/{ended['ensemble']}")
    settled(page)
    expect(page.locator("#main")).to_contain_text("exact interval")
    page.goto(f"{web.url}/twin/compare?first={ended['ensemble']}&second={ended['ensemble']}")
    settled(page)
    expect(page.get_by_role("table", name="Figures of both")).to_contain_text("B")
    expect(page.get_by_role("table", name="Figures of both")).to_contain_text("probability")
    look(page, "twin-compare")


def test_a_line_is_shown_at_work_and_is_stepped_by_keyboard(page_as, web, ended):
    page = page_as("pavel")
    page.goto(f"{web.url}/twin/lines?from={ended['line']}")
    settled(page)
    expect(page.get_by_label("Declaration (TOML)")).to_have_value(re.compile("Two mixers"))
    page.goto(f"{web.url}/twin/runs/{ended['line']}")
    settled(page)
    player = page.get_by_role("group", name="The line at work")
    expect(player.locator("svg")).to_have_count(2)
    title = player.locator("svg title").first
    expect(title).to_contain_text("mixer: busy")
    player.focus()
    before = title.text_content()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert title.text_content() != before
    page.keyboard.press("Home")
    expect(title).to_have_text(before)
    look(page, "twin-line-run")


def test_a_model_shows_its_life_and_what_may_be_done(page_as, web):
    values = {"use": "titre", "title": "Titre <i>soft</i>", "owner": "Process science",
              "method": "PLS"}  # fmt: skip
    form = {"values": values}
    answer = web.call("POST", "/acts/governance.draft", "pavel", json=form)
    assert answer.status_code == 200, answer.text
    page = page_as("rita")
    page.goto(f"{web.url}/governance/models")
    settled(page)
    expect(page.locator("#main")).to_contain_text("Titre <i>soft</i>")
    page.get_by_role("link", name="version 1").first.click()
    page.wait_for_url(re.compile("/governance/models/titre/1"))
    settled(page)
    expect(page.get_by_role("listitem").filter(has_text="begun").first).to_contain_text(
        "Pavel Process"
    )
    expect(page.get_by_role("heading", name="To be looked at first")).to_be_visible()
    look(page, "model-card")
    page.goto(f"{web.url}/governance/plans")
    settled(page)
    expect(page.locator("#main")).to_contain_text("There is no change plan")


def test_who_may_not_run_is_refused_and_files_stay_in_their_run(web, ended):
    form = {"work": "run", "study": STUDY}
    assert web.call("POST", "/twin/runs", "ada", json=form).status_code == 403
    assert web.call("GET", "/twin/runs", "ada").status_code == 403
    run = ended["ensemble"]
    for name in ("state.json", "asked.json", "..%2Fstate.json", "%2E%2E", "worker.log"):
        assert web.call("GET", f"/twin/runs/{run}/files/{name}", "pavel").status_code in (404, 422)
    assert web.call("POST", f"/twin/runs/{run}/cancel", "olga").status_code == 403
    own = {**form, "study": STUDY.replace('use = "benchmark.batch_reactor"', 'target = "os:nice"')}
    assert web.call("POST", "/twin/runs", "pavel", json=own).status_code == 422
    kept = web.call("GET", f"/twin/runs/{run}/kept-values", "pavel").json()
    values = {"values": {**kept, "reason": "for the file"}}
    assert web.call("POST", "/acts/twin.keep", "pavel", json=values).status_code == 200
