"""Continuous tags live: rows on a grid, one finding an event, silence outside, lost data apart."""

from __future__ import annotations

import time

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.batches import BatchCreated, PhaseEnded, PhaseStarted
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.conftest import Clock
from tests.capabilities.monitoring.process.plant import (
    START,
    STEP,
    TAGS,
    frame,
    good,
    plant,
    unit,
)

N = 600
SETTINGS = {
    "units": ["site/line/*"],
    "tags": list(TAGS),
    "interval_s": 1.0,
    "wait_s": 0.0,
    "is_always": True,
    "lost_after_s": 1e6,
    "fit": {"n_components": 2, "rate": 0.01},
}


@pytest.fixture
def site(tmp_path):
    """A home with two units and their good history."""
    settings = HomeSettings(name="t", site="S", plant=plant(2), kind=HomeKind.DEMONSTRATION)
    create_home(tmp_path / "home", settings)
    with LocalSite.open(tmp_path / "home", clock=Clock()) as opened:
        for i in range(2):
            opened.historian.write(frame(good(N, i), i, -N - 100, "reference"))
        yield opened


def adopted(site, **changes):
    site.adopt("watch", "monitoring.process", {**SETTINGS, **changes})
    (model,) = fit(site, "watch")
    site.wake()
    return model


def feed(site, rows, i=0, first=0, n_at_once=5):
    found = []
    for k in range(0, len(rows), n_at_once):
        key = f"{first + k}"
        site.historian.write(frame(rows[k : k + n_at_once], i, first + k, key))
        found += site.wake()
    return found


def shifted(n, seed, since, until, tag=2, by=6.0):
    rows = good(n, seed)
    rows[since:until, tag] += by
    return rows


def told(found):
    kinds = [one.finding.subject.key.partition(" ")[0] for one in found]
    return [(one.step, one.finding.subject.place, kind)
            for one, kind in zip(found, kinds, strict=True)]  # fmt: skip


def logged(site, i, what):
    window = (START, START + 10_000 * STEP)
    series = site.historian.read([f"{unit(i)}/watch_{what}"], window)
    return dict(zip(((series.times() - START) // STEP).tolist(), series.values().tolist(),
                    strict=True))  # fmt: skip


def test_one_event_gives_one_finding_with_tags_windows_and_the_measured_rate(site):
    model = adopted(site)
    assert model.measures["false_alarm_rate"] < 0.05 and model.measures["n_units"] == 2
    found = feed(site, shifted(60, 5, 20, 35))
    assert told(found) == [("opened", unit(0), "process"), ("closed", unit(0), "process")]
    opened, closed = (one.finding for one in found)
    assert opened.start == START + 20 * STEP
    assert opened.contributions[0].variable == "c"
    assert opened.evidence[0].tag == f"{unit(0)}/c" and opened.evidence[0].n_readings >= 3
    assert opened.model_digest == model.digest
    assert [one.name for one in opened.measures[:2]] == ["T2", "SPE"]
    assert opened.measures[2].value == model.measures["false_alarm_rate"]
    assert START + 35 * STEP < closed.end <= START + 45 * STEP
    assert "15 rows were above" in closed.statement
    assert site.replay("as-seen").differences == ()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"fit": {"method": "dpca", "lags": 2, "n_components": 6, "rate": 0.01, "smoothing": 0.3}},
        {"fit": {"method": "cva", "lags": 2, "n_components": 4, "rate": 0.01, "is_log": True}},
        {"sampling": "mean", "interval_s": 2.0},
    ],
    ids=["pca", "dpca", "cva", "means"],
)
def test_what_is_logged_and_found_does_not_depend_on_the_ticks(site, changes):
    """Bit by bit, with the state written and read at each tick."""
    adopted(site, lost_after_s=50.0, **changes)  # what came before the gap counts no more
    rows = shifted(60, 5, 20, 35)
    rows[10, 1:5] = np.nan
    rows[12, 3] = np.nan
    rows[45:48] = np.nan
    rng, first, found = np.random.default_rng(4), 0, []
    while first < len(rows):
        n = int(rng.integers(1, 9))
        found += feed(site, rows[first : first + n], 0, first, n)
        first += n
    found_at_once = feed(site, rows, 1, 0, len(rows))
    # Of the other unit all came at once; readings, rows and model are the same.
    severity = logged(site, 0, "severity")
    assert len(severity) > 20
    assert [(k, v.hex()) for k, v in severity.items()] == [
        (k, v.hex()) for k, v in logged(site, 1, "severity").items()
    ]

    def numbers(transitions):
        kept = ("start", "end", "measures", "contributions", "statement")
        return [
            (one.step, {key: getattr(one.finding, key) for key in kept})
            for one in transitions
            if one.finding.subject.key.startswith("process") and one.finding.start >= START
        ]

    assert len(found) >= 2 and numbers(found) == numbers(found_at_once)
    assert site.replay("as-seen").differences == ()


def test_a_tag_that_is_lost_is_told_apart_and_nothing_is_put_in_its_place(site):
    adopted(site, lost_after_s=10.0, units=[unit(0)])
    rows = good(60, 6)
    rows[20:45, 4] = np.nan
    found = feed(site, rows)
    assert told(found) == [("opened", unit(0), "data"), ("closed", unit(0), "data")]
    assert "1 tags (e)" in found[0].finding.statement
    # One tag of six: the rows are judged by the others; with four lost they are not.
    assert not np.isnan(list(logged(site, 0, "severity").values())).any()
    rows = good(30, 7)
    rows[10:20, 1:5] = np.nan
    feed(site, rows, first=60)
    lost = [k for k, v in logged(site, 0, "severity").items() if np.isnan(v)]
    assert lost == list(range(60 + 12, 60 + 20))


def test_a_unit_that_falls_silent_among_others_is_told_once(site):
    adopted(site, lost_after_s=10.0)
    feed(site, good(10, 3), 0)
    feed(site, good(10, 3), 1)
    found = feed(site, good(40, 4), 0, first=10)
    assert told(found) == [("opened", unit(1), "data")]
    assert "all its tags" in found[0].finding.statement
    found = feed(site, good(10, 5), 1, first=45)
    assert told(found) == [("closed", unit(1), "data")]


def test_it_is_silent_outside_its_phase_and_goes_through_a_phase_that_was_told_late(site):
    adopted_settings = {
        "is_always": False,
        "phases": ["mixing"],
        "fit": {"n_components": 2, "rate": 0.01},
    }
    site.adopt("watch", "monitoring.process", {**SETTINGS, **adopted_settings})
    with pytest.raises(BadInputError, match="reference row"):
        fit(site, "watch")
    append(site, "R", BatchCreated(batch="R", product="P", started_at=START - 900 * STEP))
    for i in range(2):
        phase(site, "R", unit(i), PhaseStarted, START - 900 * STEP)
        phase(site, "R", unit(i), PhaseEnded, START - 50 * STEP)
    fit(site, "watch")
    assert feed(site, shifted(60, 5, 0, 60)) == []  # no phase is known to run
    append(site, "B", BatchCreated(batch="B", product="P", started_at=START))
    phase(site, "B", unit(0), PhaseStarted, START + 30 * STEP)
    (opened,) = site.wake()
    assert opened.finding.start == START + 30 * STEP
    assert opened.finding.subject.batch == "B"
    assert min(logged(site, 0, "severity")) == 30
    phase(site, "B", unit(0), PhaseEnded, START + 62 * STEP)
    found = feed(site, shifted(10, 5, 0, 10), first=60)
    assert [one.step for one in found] == ["closed"]
    assert found[0].finding.end == START + 62 * STEP
    assert max(logged(site, 0, "severity")) == 61
    assert site.replay("as-seen").differences == ()


def append(site, batch, body):
    stream = f"batch/{batch}"
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), "t")])


def phase(site, batch, place, kind, at):
    append(site, batch, kind(batch=batch, place=place, phase="mixing", run=1, at=at))


def test_units_may_have_models_of_their_own(site):
    model = adopted(site, fit={"n_components": 2, "rate": 0.01, "is_shared": False})
    assert model.measures["n_models"] == 2
    assert told(feed(site, shifted(40, 5, 10, 30), 1))[0] == ("opened", unit(1), "process")


def test_bad_settings_and_missing_data_are_refused_in_words(site):
    with pytest.raises(BadInputError, match="can never be"):
        site.adopt("x", "monitoring.process", {**SETTINGS, "n_over": 9})
    site.adopt("x", "monitoring.process", {**SETTINGS, "units": ["site/none/*"]})
    with pytest.raises(BadInputError, match="no place of the plant matches"):
        fit(site, "x")
    site.adopt("y", "monitoring.process", {**SETTINGS, "fit": {"end": "2000-01-01T00:00:00Z"}})
    with pytest.raises(BadInputError, match="no reference row"):
        fit(site, "y")
    site.adopt("z", "monitoring.process", {k: v for k, v in SETTINGS.items() if k != "fit"})
    with pytest.raises(BadInputError, match=r"settings\.fit"):
        fit(site, "z")


def test_a_trip_of_all_units_at_once_names_the_readings_of_each(site):
    adopted(site)
    bad = [shifted(20, 5 + i, 5, 20, tag=1 + i, by=9.0) for i in range(2)]
    for i in range(2):
        site.historian.write(frame(bad[i], i, 0, "trip"))
    found = site.wake()
    assert told(found) == [("opened", unit(i), "process") for i in range(2)]
    for i, one in enumerate(found):
        named = [piece for piece in one.finding.evidence if piece.kind == "window"]
        assert {piece.tag.rpartition("/")[0] for piece in named} == {unit(i)}
        assert named[0].tag == f"{unit(i)}/{TAGS[1 + i]}"
        assert (named[0].start, named[0].end) == (START + 4 * STEP, START + 7 * STEP + 1)
        assert named[0].n_readings == 4
    again = feed(site, bad[0][5:], 0, first=20)
    assert again == []  # the event goes on
    assert site.replay("as-seen").differences == ()


def test_units_may_leave_the_settings_of_a_plant(site):
    adopted(site)
    assert told(feed(site, shifted(20, 5, 5, 20), 1)) == [("opened", unit(1), "process")]
    site.retire("watch", "fewer units")
    site.adopt("watch", "monitoring.process", {**SETTINGS, "units": [unit(0)]})
    fit(site, "watch")
    assert told(feed(site, shifted(20, 5, 5, 20), 0)) == [("opened", unit(0), "process")]


def test_a_whole_site_that_falls_silent_is_told_when_the_time_has_come(tmp_path):
    """Live: the clock and the readings are of one time."""
    settings = HomeSettings(name="t", site="S", plant=plant(2), kind=HomeKind.DEMONSTRATION)
    create_home(tmp_path / "home", settings)
    start = (time.time_ns() // 10**9 + 3600) * STEP  # after all that was recorded
    now = [start]

    def send(i, first, n, key):
        site.historian.write(frame(good(n, i), i, first, key, start=start))

    with LocalSite.open(tmp_path / "home", clock=lambda: now[0]) as site:
        for i in range(2):
            send(i, -N - 200, N, "reference")
        adopted(site, lost_after_s=10.0)
        for k in range(5):
            now[0] = start + k * STEP + 1000
            for i in range(2):
                send(i, k, 1, f"live {k}")
            site.wake()
        now[0] = start + 9 * STEP
        assert site.wake() == []
        now[0] = start + 20 * STEP
        assert told(site.wake()) == [("opened", "site/line", "data")]  # one event, not two hundred
        assert site.wake() == []
        now[0] = start + 30 * STEP
        send(0, 30, 1, "again")
        assert told(site.wake()) == [("opened", unit(1), "data"), ("closed", "site/line", "data")]
        assert site.replay("as-seen").differences == ()
