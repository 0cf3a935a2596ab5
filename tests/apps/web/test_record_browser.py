"""Pages of records in a browser: a signed review, a verification, enrolment, an inspector."""

from __future__ import annotations

import pyotp
from playwright.sync_api import expect

from tests.apps.web.kit import PASSWORD, log_in, look, settled


def test_a_review_of_the_trail_is_signed_and_a_verification_run(new_page, web):
    page = new_page()
    log_in(page, web.url, "rita")  # anew: the first signature of a session asks for both parts
    page.goto(f"{web.url}/trail?stream=batch%2FB-7")
    settled(page)
    expect(page.get_by_role("table", name="Audit trail")).to_contain_text("BatchCreated")
    look(page, "trail")
    page.get_by_label("What you looked at, and found").fill("all entries of B-7; nothing odd")
    page.get_by_role("button", name="and sign").click()
    page.get_by_role("dialog").get_by_label("Login").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("dialog").get_by_role("button", name="Sign as reviewed").click()
    expect(page.get_by_text("The review is signed and on record.")).to_be_visible()
    rows = web.call("POST", "/projections/signature/select", "rita",
                    json={"where": {"meaning": "reviewed"}}).json()["rows"]  # fmt: skip
    assert "trail/batch/B-7" in {row["stream"] for row in rows}
    page.goto(f"{web.url}/verification")
    settled(page)
    page.get_by_role("button", name="Run a verification").click()
    expect(page.get_by_text("sound", exact=True).first).to_be_visible(timeout=30_000)
    with page.expect_download() as told:
        page.get_by_label("From event").fill("1")
        page.get_by_role("button", name="Download the proof").click()
    assert '"checkpoint"' in told.value.path().read_text()
    look(page, "verification")


def test_an_administrator_adds_a_person_who_enrols_without_a_login(page_as, new_page, web):
    page = page_as("ada")
    page.goto(f"{web.url}/admin/people")
    settled(page)
    page.get_by_label("Login", exact=True).fill("nina")
    page.get_by_label("Name as it stands beside signatures").fill("Nina New")
    page.get_by_label("Reason").fill("new operator")
    page.get_by_role("button", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    token = dialog.locator("code").first.inner_text()
    dialog.get_by_role("button", name="I have it").click()
    expect(page.get_by_role("table", name="Accounts")).to_contain_text("Nina New")
    look(page, "admin-people")
    other = new_page(size="tablet")
    other.goto(f"{web.url}/enrol?login=nina")
    other.get_by_label("One-time token").fill(token)
    other.get_by_role("button", name="Go on").click()
    other.get_by_label("Password that you choose").fill(PASSWORD)
    other.get_by_label("The same again").fill(PASSWORD)
    look(other, "enrol-password")
    other.get_by_role("button", name="Enrol").click()
    expect(other.get_by_role("status")).to_contain_text("It is enrolled")
    form = {"login": "nina", "kind": "totp", "reason": "an app too"}
    offered = web.call("POST", "/credentials/offer", "ada", json=form).json()
    other.goto(f"{web.url}/enrol?login=nina")
    other.get_by_label("One-time token").fill(offered["token"])
    other.get_by_role("button", name="Go on").click()
    expect(other.get_by_role("img", name="QR code")).to_be_visible()
    look(other, "enrol-totp")
    secret = other.locator("code").inner_text().replace(" ", "")
    other.get_by_label("Code that the app shows").fill(pyotp.TOTP(secret).now())
    other.get_by_role("button", name="Enrol").click()
    expect(other.get_by_role("status")).to_contain_text("another person")
    other.goto(f"{web.url}/enrol?login=nina")
    other.gb_allow("403")
    other.get_by_label("One-time token").fill("wrong")
    other.get_by_role("button", name="Go on").click()
    expect(other.get_by_role("alert")).to_be_visible()


def test_a_security_key_is_enrolled_in_the_browser(new_page, web):
    page = new_page()
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True,
           "hasUserVerification": True, "isUserVerified": True,
           "automaticPresenceSimulation": True}  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    form = {"login": "pavel", "kind": "webauthn", "reason": "a key"}
    offered = web.call("POST", "/credentials/offer", "ada", json=form).json()
    # The key is asked for by name: the relying party of the home is localhost.
    page.goto(f"{web.url.replace('127.0.0.1', 'localhost')}/enrol?login=pavel")
    page.get_by_label("One-time token").fill(offered["token"])
    page.get_by_role("button", name="Go on").click()
    page.gb_allow("403")
    with page.expect_request("**/enrol/finish") as told:
        page.get_by_role("button", name="Use the key").click()
    assert "attestationObject" in (told.value.post_data or "")
    # All of the key's answer holds but where it was given: this home expects another port.
    expect(page.get_by_role("alert")).to_contain_text("origin")


def test_an_inspector_sees_that_it_is_one_and_is_offered_no_act(page_as, new_page, web):
    from goldenbatch.core.records import to_iso

    now = web.call("GET", "/inspection/visits", "rita").json()["now"]
    form = {"login": "ada", "password": PASSWORD, "reason": "routine", "who": "ines",
            "name": "Ines Pector", "until": to_iso(now + 86_400_000_000)}  # fmt: skip
    token = web.call("POST", "/inspection/open", json=form).json()["token"]
    values = {"login": "ines", "role": "inspector", "reason": "routine"}
    act = {"login": "rita", "password": PASSWORD, "values": values}
    assert web.call("POST", "/rights/acts/role-confirm", json=act).status_code == 200
    begun = web.call("POST", "/enrolment/begin", json={"login": "ines", "token": token}).json()
    answer = {"login": "ines", "token": token, "enrolment": begun["enrolment"],
              "answer": {"password": PASSWORD}}  # fmt: skip
    assert web.call("POST", "/enrolment/finish", json=answer).status_code == 200
    page = new_page(size="tablet", dark=True)
    log_in(page, web.url, "ines")
    page.goto(f"{web.url}/logbook/site/area")
    settled(page)
    expect(page.get_by_text("Inspector's view: read-only")).to_be_visible()
    expect(page.locator("#main .gb-button-main:visible")).to_have_count(0)
    page.goto(f"{web.url}/inspection")
    settled(page)
    table = page.get_by_role("table", name="What was read")
    expect(table).to_contain_text("/execution/logbook/shift")
    look(page, "inspector-dark")
