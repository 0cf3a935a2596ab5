"""Alerts are acknowledged by somebody in charge; what stays overdue becomes a finding."""

import pytest
from gbx_bench import FOUND, PLANT, START, Clock
from gbx_ceremony import PASSWORD, person

from goldenbatch.core.access import DAY_US
from goldenbatch.core.alerts import SecurityAlertAcknowledged
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.findings import newest_finding
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.people import MAX_ATTEMPTS

HOUR = 3_600_000_000
WRONG = "not the right password"


def lock(site, login="ann"):
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(DeniedError):
            site.people.authenticate(login, WRONG)
    (row,) = site.ledger.select("security_alert", {"acknowledged_by": ""})
    return row


def watched(site):
    """Findings of the watch by key, as they now stand."""
    rows = site.ledger.select("finding", {"analyst": "goldenbatch.oversight"})
    found = {}
    for row in rows:
        finding = newest_finding(site.ledger.stream(f"finding/{row['uid']}"))
        found[finding.subject.key] = (row["state"], finding)
    return found


def test_an_alert_is_acknowledged_once_by_another_who_is_in_charge(bench, team):
    row = lock(team)
    find, act = team.people.find, team.rights.acknowledge_alert
    place = ("ann", row["stream_version"])
    person(team, "olga", "operator")
    with pytest.raises(DeniedError, match="needs role"):
        act(find("olga"), *place, "fine")
    with pytest.raises(DeniedError, match="your own account"):
        act(find("ann"), *place, "it was me")
    with pytest.raises(BadInputError, match="says what was found"):
        act(find("root"), *place, " ")
    with pytest.raises(NotFoundError, match="no alert 9"):
        act(find("root"), "ann", 9, "fine")
    event = act(find("root"), *place, "she had forgotten it")
    assert (event.kind, event.envelope.actor) == ("SecurityAlertAcknowledged", find("root").uid)
    (row,) = team.ledger.select("security_alert")
    assert (row["acknowledged_by"], row["reason"]) == (find("root").uid, "she had forgotten it")
    with pytest.raises(ConflictError, match="already"):
        act(find("ruth"), *place, "again")
    assert team.verify().is_ok


def test_whose_account_it_is_cannot_acknowledge_past_the_policy(team):
    row = lock(team)
    stream, uid = f"security/{row['uid']}", row["uid"]
    body = SecurityAlertAcknowledged(uid=uid, alert=row["stream_version"], reason="me")
    team.ledger.append([NewEvent(stream, body, team.ledger.version(stream), actor=uid)])
    assert team.ledger.select("security_alert")[0]["acknowledged_by"] == ""


def test_an_alert_that_nobody_looks_at_becomes_a_finding_and_closes_with_it(bench, team):
    row = lock(team)
    key = f"alert/{row['uid']}/{row['stream_version']}"
    assert team.wake() == []
    bench.clock.now += 24 * HOUR
    (opened,) = team.wake()
    assert (opened.step, opened.finding.subject.key) == ("opened", key)
    assert opened.finding.severity == "major"
    assert "Ann" not in opened.finding.statement  # a finding is operational: no names
    bench.clock.now += HOUR
    assert team.wake() == []  # one finding an event, not one a look
    team.rights.acknowledge_alert(
        team.people.find("root"), "ann", row["stream_version"], "forgotten password"
    )
    bench.clock.now += HOUR
    (closed,) = team.wake()
    assert (closed.step, closed.version) == ("closed", 2)
    assert watched(team)[key][0] == "closed"
    assert team.verify().is_ok
    assert team.replay("as-seen").is_equal


def test_it_looks_once_a_minute_and_after_a_clock_that_was_set_back(bench, team, monkeypatch):
    looks = []
    real = team.oversight.concerns
    monkeypatch.setattr(team.oversight, "concerns", lambda now: looks.append(now) or real(now))
    for _ in range(5):
        team.wake()
    assert len(looks) == 1
    bench.clock.now += 60 * 60_000_000
    team.wake()
    bench.clock.now -= 30 * 60_000_000
    team.wake()
    assert len(looks) == 3


def test_an_overdue_review_of_rights_is_a_finding_until_two_people_made_one(bench, team):
    bench.clock.now += 179 * DAY_US
    assert team.wake() == []
    bench.clock.now += 2 * DAY_US
    (opened,) = team.wake()
    assert opened.finding.title == "The review of rights is overdue"
    assert opened.finding.evidence[0].stream == "master/policy"
    event = team.rights.review_access(team.people.find("root"), "R1", "as it should be")
    bench.clock.now += HOUR
    assert team.wake() == []  # nobody has signed it
    team.signing.sign("access-review/R1", "reviewed", "ann", PASSWORD)
    bench.clock.now += HOUR
    assert [one.step for one in team.wake()] == ["closed"]
    bench.clock.now += 181 * DAY_US
    (again,) = team.wake()
    assert again.uid != opened.uid
    assert again.finding.evidence[0].digest == event.leaf
    assert team.verify().is_ok


def test_a_finding_of_the_watch_is_decided_like_any_other(bench, team):
    bench.clock.now += 200 * DAY_US
    (opened,) = team.wake()
    team.decide(opened.uid, "confirmed", "planned for next week", "ann", PASSWORD)
    (row,) = team.ledger.select("finding")
    assert row["verdict"] == "confirmed"
    assert team.replay("as-seen").is_equal


def test_gaps_in_a_strict_home_become_findings(tmp_path, cheap_hashes):
    path, clock = tmp_path / "home", Clock(START)
    settings = HomeSettings("V", "s", PLANT, kind=HomeKind.VALIDATION)
    create_home(path, settings, clock=clock)
    with LocalSite.open(path, clock=clock, discovery=FOUND) as site:
        site.people.add("idle", "Idle")  # no role: nothing is asked of them
        for login, role in (("root", "administrator"), ("quin", "qualified_person")):
            site.people.add(login, login.title())
            site.people.grant(login, role, "test")
        assert site.wake() == []
        clock.now += 8 * DAY_US
        assert len(site.wake()) == 4
        find = site.people.find
        site.rights.verify_identity(find("root"), "quin", "passport")
        site.rights.accept_accountability(find("quin"))
        clock.now += HOUR
        assert {one.step for one in site.wake()} == {"closed"}
        uid = find("root").uid
        assert {key for key, one in watched(site).items() if one[0] == "open"} == {
            f"gap/{uid}/identity_verified",
            f"gap/{uid}/accountability_signed",
        }
        assert site.verify().is_ok


def test_a_training_that_was_due_is_a_finding_at_once(bench, team):
    person(team, "eva", "process_engineer")
    find = team.people.find
    team.rights.issue_procedure(
        find("eva"), b"weigh", "text/plain", procedure="SOP", version="1", title="Weighing",
        effective_from=team.clock(), reason="new",
    )  # fmt: skip
    team.signing.sign("procedure/SOP", "approved", "ann", PASSWORD)
    due = team.clock() + 2 * HOUR
    team.rights.assign_training(find("ann"), "eva", procedure="SOP", due_at=due, reason="new")
    assert team.wake() == []
    bench.clock.now = due
    (opened,) = team.wake()
    assert "not trained on SOP version 1" in opened.finding.statement
    team.rights.complete_training(find("ann"), "eva", procedure="SOP", method="observed")
    bench.clock.now += HOUR
    assert [one.step for one in team.wake()] == ["closed"]


def test_homes_that_do_not_ask_for_identity_have_no_such_gap(bench, team):
    bench.clock.now += 30 * DAY_US
    assert team.wake() == []
