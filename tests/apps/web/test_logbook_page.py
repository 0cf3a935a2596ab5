"""The logbook in a browser: written with a reload in the middle, handed over and taken over."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.apps.web.kit import PASSWORD, look, settled

AREA = "site/area"


def act(web, login, name, **values):
    answer = web.call("POST", f"/acts/execution.logbook-{name}", login, json={"values": values})
    assert answer.status_code == 200, answer.text
    return answer.json()["events"]


def signed(web, login, name):
    form = {"values": {"area": AREA}, "login": login, "password": PASSWORD}
    answer = web.call("POST", f"/acts/execution.logbook-{name}", json=form)
    assert answer.status_code == 200, answer.text


def test_a_shift_is_written_and_a_reload_loses_nothing(page_as, web):
    act(web, "olga", "start", area=AREA, title="Early")
    page = page_as("olga", size="tablet")
    page.goto(f"{web.url}/logbook")
    page.get_by_role("link", name=AREA, exact=True).click()
    settled(page)
    box = page.get_by_label("What happened, or what was seen")
    box.fill("pump <b>P3</b> is loud")
    page.wait_for_selector("[data-gb-kept]")
    page.reload()
    settled(page)
    expect(box).to_have_value("pump <b>P3</b> is loud")
    page.get_by_label("Somebody must see to it").check()
    page.get_by_role("button", name="Enter", exact=True).click()
    table = page.get_by_role("table", name="Entries of the shift")
    expect(table).to_contain_text("pump <b>P3</b> is loud")
    expect(table).to_contain_text("Olga Operator")
    expect(box).to_have_value("")
    page.get_by_role("button", name="Correct entry 2").click()
    page.get_by_label("It should read").fill("pump P4 is loud")
    page.get_by_label("Reason").fill("it was P4")
    page.get_by_role("dialog").get_by_role("button", name="Correct").click()
    expect(table.locator("del")).to_have_text("pump <b>P3</b> is loud")
    act(web, "olga", "prepare", area=AREA, summary="P4 is loud; B-8 runs")
    signed(web, "olga", "sign-out")
    page.goto(f"{web.url}/logbook/{AREA}")
    settled(page)
    expect(page.get_by_text("signed out", exact=True).first).to_be_visible()
    look(page, "logbook-signed-out")
    signed(web, "pavel", "sign-in")
    page.reload()
    settled(page)
    expect(page.get_by_text("signed out and taken over")).to_be_visible()
    # A shift that was taken over says so when it is changed after that.
    events = web.call("GET", "/stream", "olga", params={"name": f"logbook/{AREA}/1"}).json()
    entry = next(one for one in events["events"] if one["envelope"]["kind"] == "LogEntered")
    name = f"logbook/{AREA}/1@{entry['envelope']['version']}"
    act(web, "olga", "correct", entry=name, text="pump P5 is loud", reason="P5 after all")
    page.reload()
    settled(page)
    expect(page.get_by_role("alert").first).to_contain_text("unsigned")
