"""A finding that is rationalised, from its approval to the figures of its position."""

from __future__ import annotations

import pytest

from goldenbatch.capabilities.monitoring.alarms.commands import (
    alarms_command,
    performance_command,
)
from goldenbatch.capabilities.monitoring.alarms.reading import alarms_of, unacknowledged
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError, NotFoundError
from goldenbatch.core.finding_alarms import State

PASSWORD = "a long password"
ROW = """
[[alarms]]
id = "impurity-high"
title = "Impurity out of its chart"
analyst = "quality"
attribute = "imp*"
cause = "Reaction too hot, or charge of reagent too large"
consequence = "The batch fails its specification"
response = "Hold the batch and call the process engineer"
respond_within_s = 1800
priority = "high"
position = "synthesis"
max_shelving_s = 60
"""
HEAD = 'schema = "goldenbatch/alarms/1"\nversion = "1"\ntitle = "Synthesis"\n'
SETTINGS = {"attributes": ["imp*"], "n_reference": 12, "autocorrelation": "ignore"}
LATER = "2120-01-01T00:00:00+00:00"
PEOPLE = {"ana": "process_engineer", "bob": "quality_reviewer", "otto": "operator"}


@pytest.fixture
def plant(bench):
    for login, role in PEOPLE.items():
        bench.site.people.add(login, login.title(), PASSWORD)
        bench.site.people.grant(login, role, "test")
    bench.site.adopt("quality", "monitoring.charts", SETTINGS)
    for n in range(12):
        bench.batch(f"b{n}", {"impurity": f"{10.0 + 0.5 * (n % 3 - 1):.3f}"})
    bench.site.wake()
    return bench


def run(bench, values):
    n = len(bench.site.ledger.select("batch"))
    for k, value in enumerate(values, n):
        bench.batch(f"b{k}", {"impurity": f"{value:.3f}"})
        bench.site.wake()


def act(bench, name, login="otto", **values):
    return bench.site.acts.act(f"monitoring.{name}", values, login, PASSWORD)


def rationalise(bench, text=HEAD + ROW):
    act(bench, "alarm-rationalise", "ana", text=text, reason="rationalised on 12 May")
    bench.site.sign("master/alarms", "approved", "bob", PASSWORD)


def test_a_finding_becomes_an_alarm_only_once_two_people_say_so(plant):
    act(plant, "alarm-rationalise", "ana", text=HEAD + ROW, reason="rationalised")
    run(plant, [20.0])
    assert alarms_command(plant.site) == []
    run(plant, [10.1])
    with pytest.raises(DeniedError):
        plant.site.sign("master/alarms", "approved", "ana", PASSWORD)
    plant.site.sign("master/alarms", "approved", "bob", PASSWORD)
    assert alarms_command(plant.site) == []
    run(plant, [20.0])
    (row,) = alarms_command(plant.site)
    assert (row["alarm"], row["priority"], row["state"]) == (
        "impurity-high", "high", "unacknowledged",
    )  # fmt: skip
    assert row["batches"] == "b14"
    assert row["response"].startswith("Hold the batch")


def test_an_alarm_is_acknowledged_returns_and_is_over(plant):
    rationalise(plant)
    run(plant, [20.0])
    (row,) = alarms_command(plant.site)
    assert [one.uid for one in unacknowledged(plant.site, "b12")] == [row["occurrence"]]
    act(plant, "alarm-acknowledge", alarm=row["occurrence"][:12], comment="seen")
    assert alarms_command(plant.site)[0]["state"] == "acknowledged"
    assert unacknowledged(plant.site, "b12") == []
    with pytest.raises(ConflictError, match="acknowledged by"):
        act(plant, "alarm-acknowledge", alarm=row["occurrence"], comment="again")
    run(plant, [10.1])
    assert alarms_command(plant.site) == []


def test_one_that_returned_before_anybody_looked_still_waits_and_stops_the_release(plant):
    rationalise(plant)
    run(plant, [20.0, 10.1])
    (row,) = alarms_command(plant.site, batch="b12")
    assert row["state"] == "returned"
    assert len(unacknowledged(plant.site, "b12")) == 1
    assert alarms_command(plant.site, batch="b3") == []


def test_a_latching_alarm_waits_to_be_reset(plant):
    rationalise(plant, HEAD + ROW + "is_latching = true\n")
    run(plant, [20.0])
    uid = alarms_command(plant.site)[0]["occurrence"]
    with pytest.raises(ConflictError, match="not gone"):
        act(plant, "alarm-reset", alarm=uid, comment="too early")
    run(plant, [10.1])
    act(plant, "alarm-acknowledge", alarm=uid, comment="seen")
    assert alarms_command(plant.site)[0]["state"] == "latched"
    act(plant, "alarm-reset", alarm=uid, comment="checked the reactor")
    assert alarms_command(plant.site) == []


def test_a_shelved_alarm_comes_back_by_itself_and_no_later_than_it_may(plant):
    rationalise(plant)
    act(
        plant,
        "alarm-shelve",
        alarm="impurity-high",
        until=LATER,
        reason="sensor is being calibrated",
    )
    run(plant, [20.0])
    book, now = alarms_of(plant.site), plant.site.clock()
    (one,) = book.waiting(now)
    assert book.state(one, now) is State.SHELVED
    assert book.shown_at(one, now) == ()
    assert performance_command(plant.site, days=1.0) == []  # nobody was shown anything yet
    later = now + 61_000_000
    assert book.state(one, later) is State.UNACKNOWLEDGED
    assert len(book.shown_at(one, later)) == 1
    assert len(unacknowledged(plant.site, "b12")) == 1  # hidden, and still no release
    act(plant, "alarm-unshelve", alarm="impurity-high", reason="calibrated")
    assert alarms_command(plant.site)[0]["state"] == "unacknowledged"
    with pytest.raises(ConflictError, match="not shelved"):
        act(plant, "alarm-unshelve", alarm="impurity-high", reason="again")


def test_out_of_service_is_for_those_who_maintain(plant):
    rationalise(plant)
    with pytest.raises(DeniedError):
        act(plant, "alarm-take-out", alarm="impurity-high", reason="no time for it")
    act(plant, "alarm-take-out", "ana", alarm="impurity-high", reason="analyser removed")
    with pytest.raises(ConflictError, match="already"):
        act(plant, "alarm-take-out", "ana", alarm="impurity-high", reason="twice")
    run(plant, [20.0])
    assert alarms_command(plant.site)[0]["state"] == "out of service"
    act(plant, "alarm-put-back", "ana", alarm="impurity-high", reason="analyser is back")
    assert alarms_command(plant.site)[0]["state"] == "unacknowledged"


def test_equipment_in_a_named_state_suppresses_by_design():
    from goldenbatch.core.alarm_master import load_alarms
    from goldenbatch.core.finding_alarms import AlarmBook, Occurrence

    master = load_alarms(HEAD + ROW + 'suppressed_in = ["out of service"]\n')
    book = AlarmBook()
    for at, state in ((80, "in use"), (50, "idle"), (50, "out of service")):
        book.hiding.put_state("site/r1", at, state)
    one = Occurrence("u", master.alarms[0], "t", "site/r1/jacket", (), 60)
    assert book.state(one, 70) is State.SUPPRESSED
    assert book.shown_at(one, 70) == ()
    assert book.shown_at(one, 100) == (80,)
    early = Occurrence("u", master.alarms[0], "t", "site/r1/jacket", (), 10)
    assert book.shown_at(early, 100) == (10, 80)


def test_the_figures_of_a_position(plant):
    rationalise(plant)
    for _ in range(3):
        run(plant, [20.0, 10.1])
    rows = performance_command(plant.site, days=1.0, position="synthesis")
    figures = {row["figure"]: row for row in rows}
    assert 0 < figures["days"]["value"] < 0.01  # since the database came into force, no longer
    assert figures["alarms a day"]["value"] == pytest.approx(
        3.0 / figures["days"]["value"], rel=0.2
    )
    assert figures["unacknowledged alarms"]["value"] == 3
    assert figures["unacknowledged alarms"]["is_met"] is False
    assert figures["floods"]["is_met"] is True
    assert performance_command(plant.site, days=1.0, position="packaging") == []
    for days in (0.0, float("nan"), float("inf"), 1e9):
        with pytest.raises(BadInputError, match="days"):
            performance_command(plant.site, days=days)


def test_what_is_wrong_is_named(plant):
    with pytest.raises(BadInputError, match="priority"):
        rationalise(plant, HEAD + ROW.replace('"high"', '"urgent"'))
    with pytest.raises(BadInputError, match="either analyst or source"):
        rationalise(plant, HEAD + ROW.replace('analyst = "quality"\n', ""))
    with pytest.raises(BadInputError, match="impurity-high"):
        rationalise(plant, HEAD + ROW + ROW)
    with pytest.raises(NotFoundError, match="is rationalised"):
        act(plant, "alarm-shelve", alarm="impurity-high", until=1, reason="none is approved")
    rationalise(plant)
    with pytest.raises(NotFoundError, match="no rationalised alarm"):
        act(plant, "alarm-acknowledge", alarm="0" * 32, comment="which one?")
    with pytest.raises(DeniedError):
        plant.site.people.add("root", "Root", PASSWORD)
        plant.site.people.grant("root", "administrator", "test")
        act(plant, "alarm-shelve", "root", alarm="impurity-high", until=LATER, reason="no operator")
    with pytest.raises(BadInputError, match="is past"):
        act(plant, "alarm-shelve", alarm="impurity-high", until=1, reason="for a while")
    with pytest.raises(BadInputError, match="501 letters"):
        act(plant, "alarm-shelve", alarm="impurity-high", until=LATER, reason="x" * 501)
    assert not plant.site.verify().problems


@pytest.mark.parametrize("until", [2**61, "tomorrow", None, "2026-05-12T14:30:00"])
def test_a_time_that_is_none_is_refused(plant, until):
    rationalise(plant)
    with pytest.raises(BadInputError, match="until is no time"):
        act(plant, "alarm-shelve", alarm="impurity-high", until=until, reason="for a while")
