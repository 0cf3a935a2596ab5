"""Batches followed live at a place: findings, silence, forecasts, replays."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.batches import (
    BatchCreated,
    BatchEnded,
    EquipmentStatusChanged,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import HomeKind, NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, Quality, frame_table
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.testing import AnalystCase, analyst_checks, seen_views
from tests.capabilities.conftest import PLANT, Clock

PLACE = "site/fermentation"
START = 1_700_000_000_000_000
MINUTE = 60_000_000
TAGS = {"temp": f"{PLACE}/temp", "fed": f"{PLACE}/fed"}
SETTINGS = {
    "place": PLACE,
    "product": "P",
    "tags": TAGS,
    "golden": ["g*"],
    "interval_s": 60.0,
    "time_unit": "min",
    "wait_s": 0.0,
    "model": {
        "phases": [
            {"name": "heat", "n_points": 10},
            {"name": "feed", "align": "indicator", "by": ["fed"], "n_points": 20},
        ],
        "false_alarm_rate": 0.1,
        "n_components": 1,
        "persistence": 3,
        "forecasts": ["end", "assay"],
        "forecast_components": 1,
        "n_folds": 7,
    },
    "outcomes": {"assay": "assay"},
}
N_GOLDEN = 14


def values(seed, *, bias=0.0, from_=25, n_heat=10):
    """Rows (temp, fed) a minute of a heat of 10 and a feed until 100 is in, and the lengths."""
    rng = np.random.default_rng(seed)
    level, rate = rng.normal(0, 1), 4.0 + 0.25 * rng.normal()
    n_feed = int(np.ceil(100 / rate))
    temp = np.concatenate([20 + 2 * np.arange(n_heat), np.full(n_feed, 40.0)]) + level
    fed = np.concatenate([np.zeros(n_heat), rate * np.arange(n_feed)])
    temp = temp + rng.normal(0, 0.2, len(temp))
    temp[from_:] += bias
    return np.column_stack([temp, fed]), n_heat, level


def write(site, rows, at, key, quality=Quality.GOOD):
    n = len(rows)
    times = np.repeat(at + MINUTE * np.arange(n), 2)
    table = frame_table(
        "number", times, list(TAGS.values()) * n, rows.reshape(-1).tolist(), [int(quality)] * 2 * n
    )
    site.historian.write(Frame("plc", key, "number", table, at))


def say(site, batch, *bodies):
    stream = f"batch/{batch}"
    version = site.ledger.version(stream)
    site.ledger.append(
        [NewEvent(stream, body, version + k, "test") for k, body in enumerate(bodies)]
    )


def phase(kind, batch, name, at):
    return kind(batch=batch, place=PLACE, phase=name, at=at)


def whole(site, batch, seed, at, **changes):
    """A whole batch at once: records and readings; its end."""
    rows, n_heat, level = values(seed, **changes)
    write(site, rows, at, batch)
    middle, end = at + n_heat * MINUTE, at + len(rows) * MINUTE
    say(
        site, batch,
        BatchCreated(batch=batch, product="P", place=PLACE, started_at=at),
        phase(PhaseStarted, batch, "heat", at), phase(PhaseEnded, batch, "heat", middle),
        phase(PhaseStarted, batch, "feed", middle), phase(PhaseEnded, batch, "feed", end),
        BatchEnded(batch=batch, ended_at=end, outcome="completed"),
    )  # fmt: skip
    assay = Result(test="assay", attribute="assay", value=f"{98 + level:.3f}", unit="%")
    body = ResultsReported(sample=f"{batch}/final", batch=batch, results=(assay,))
    site.ledger.append([NewEvent(f"sample/{batch}/final", body, 0, "test")])
    return end


def live(site, batch, seed, at, n_at_once=4, **changes):
    """A batch as it comes: a few readings at a time, then the records; all transitions."""
    rows, n_heat, _ = values(seed, **changes)
    found = []
    say(site, batch, BatchCreated(batch=batch, product="P", place=PLACE, started_at=at),
        phase(PhaseStarted, batch, "heat", at))  # fmt: skip
    done = 0
    for k in range(0, len(rows), n_at_once):
        if done < n_heat <= k + n_at_once:
            middle = at + n_heat * MINUTE
            say(site, batch, phase(PhaseEnded, batch, "heat", middle),
                phase(PhaseStarted, batch, "feed", middle))  # fmt: skip
            done = n_heat
        write(site, rows[k : k + n_at_once], at + k * MINUTE, f"{batch}/{k}")
        found += site.wake()
    end = at + len(rows) * MINUTE
    say(site, batch, phase(PhaseEnded, batch, "feed", end),
        BatchEnded(batch=batch, ended_at=end, outcome="completed"))  # fmt: skip
    return found + site.wake()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home with golden batches and their plan, made once."""
    path = tmp_path_factory.mktemp("golden") / "home"
    create_home(path, HomeSettings(name="t", site="S", plant=PLANT, kind=HomeKind.DEMONSTRATION))
    with LocalSite.open(path, clock=Clock()) as opened:
        at = START
        for i in range(N_GOLDEN):
            at = whole(opened, f"g{i}", i, at) + 30 * MINUTE
        opened.adopt("golden", "monitoring.batch_runs", SETTINGS)
        fit(opened, "golden")
        opened.wake()
    return path, at


@pytest.fixture
def site(template, tmp_path):
    """A copy of that home, open."""
    path, at = template
    shutil.copytree(path, tmp_path / "home")
    with LocalSite.open(tmp_path / "home", clock=Clock()) as opened:
        opened.next_at = at
        yield opened
        failed = [event.decode() for event in opened.ledger.events(kinds=("AnalystFailed",))]
        assert failed == []


def keys(transitions):
    return [(one.step, one.finding.subject.batch, one.finding.subject.key) for one in transitions]


def test_the_fit_is_recorded_with_its_measured_false_alarms(site):
    model = site.ledger.stream("model/golden")[-1].decode()
    measures = model.measures
    assert measures["n_judged"] + measures["n_outside_domain"] == N_GOLDEN
    assert measures["false_alarm_rate_lower"] <= measures["false_alarm_rate"] <= 0.35
    assert measures["stated_false_alarm_rate"] <= 0.1
    assert {name for one in model.training for name in one.batches} == {
        f"g{i}" for i in range(N_GOLDEN)
    }


def test_a_good_batch_is_followed_without_a_word_and_its_end_is_foreseen(site):
    at = site.next_at
    assert live(site, "n1", 51, at) == []
    rows, n_heat, level = values(51)
    window = (at, at + len(rows) * MINUTE + 1)
    logged = {
        what: site.historian.read([f"{PLACE}/golden_{what}"], window)
        for what in ("maturity", "end", "end_lower", "end_upper", "assay", "t2", "t2_limit")
    }
    assert len(logged["maturity"]) == len(rows)
    assert (np.diff(logged["maturity"].values()[n_heat:]) >= 0).all()
    last = logged["end"].values()[-5]
    assert last == pytest.approx(len(rows), abs=2.0)
    assert logged["end_lower"].values()[-5] <= len(rows) <= logged["end_upper"].values()[-5]
    assert logged["assay"].values()[n_heat + 5] == pytest.approx(98 + level, abs=0.8)


def test_a_bias_is_one_finding_that_closes_with_the_batch(site):
    found = live(site, "n2", 52, site.next_at, bias=12.0)
    own = [one for one in found if one.finding.subject.key == "golden batches"]
    assert [one.step for one in own if one.step != "updated"] == ["opened", "closed"]
    first, last = own[0].finding, own[-1].finding
    assert first.contributions[0].variable == "temp"
    assert "in feed" in first.title or "leaves the golden batches in feed" in first.title
    onset = site.next_at + 25 * MINUTE
    assert onset <= first.start <= onset + 6 * MINUTE
    assert last.end > first.start
    assert first.evidence[0].tag == TAGS["temp"]
    assert {one.uid for one in own} == {own[0].uid}
    assert site.replay("as-seen").differences == ()


def test_ticks_may_be_cut_anywhere(site):
    at = site.next_at
    live(site, "n3", 53, at, bias=12.0)
    window = (at, at + 10**10)
    tag = f"{PLACE}/golden_spe"
    apart = site.historian.read([tag], window)
    at_2 = at + 120 * MINUTE
    whole(site, "n4", 53, at_2, bias=12.0)
    site.wake()
    together = site.historian.read([tag], (at_2, at_2 + 10**10))
    mine = apart.values()[apart.times() < at_2]
    assert mine.tobytes() == together.values().tobytes()


def test_a_slow_start_is_told_as_domain_and_not_as_quality(site):
    found = live(site, "n5", 54, site.next_at, n_heat=16)
    domain = [one for one in found if one.finding.subject.key == "domain"]
    assert domain[0].step == "opened" and domain[-1].step == "closed"
    assert "heat lasts longer than" in domain[0].finding.statement
    assert not domain[0].finding.in_domain
    assert domain[0].finding.severity != "major"


def test_it_is_silent_while_equipment_is_out_of_service(site):
    at = site.next_at
    body = EquipmentStatusChanged(
        place=PLACE, status=EquipmentStatus.OUT_OF_SERVICE, at=at - MINUTE, reason="calibration"
    )
    site.ledger.append([NewEvent(f"equipment/{PLACE}", body, 0, "test")])
    assert live(site, "n6", 52, at, bias=12.0) == []
    assert f"{PLACE}/golden_t2" not in site.historian.tags()


def test_batches_of_other_products_and_other_places_are_left_alone(site):
    at = site.next_at
    rows, _, _ = values(52, bias=12.0)
    write(site, rows, at, "x")
    say(site, "x", BatchCreated(batch="x", product="Q", place=PLACE, started_at=at),
        phase(PhaseStarted, "x", "heat", at))  # fmt: skip
    assert site.wake() == []


def test_a_corrected_start_goes_through_the_batch_again(site):
    at = site.next_at
    rows, n_heat, _ = values(55)
    write(site, rows, at, "n7")
    late = at + 4 * MINUTE
    say(site, "n7", BatchCreated(batch="n7", product="P", place=PLACE, started_at=at),
        phase(PhaseStarted, "n7", "heat", late))  # fmt: skip
    found = site.wake()
    assert ("opened", "n7", "domain") in keys(found)
    correction = PhaseCorrected(batch="n7", place=PLACE, phase="heat", field="started_at",
                                old=late, new=at, reason="clock")  # fmt: skip
    say(site, "n7", correction)
    end, middle = at + len(rows) * MINUTE, at + n_heat * MINUTE
    say(site, "n7", phase(PhaseEnded, "n7", "heat", middle),
        phase(PhaseStarted, "n7", "feed", middle), phase(PhaseEnded, "n7", "feed", end),
        BatchEnded(batch="n7", ended_at=end, outcome="completed"))  # fmt: skip
    later = site.wake()
    assert keys(later)[-1] == ("closed", "n7", "domain")
    assert site.replay("as-seen").differences == ()


def test_bad_readings_are_missing_and_said_so(site):
    at = site.next_at
    rows, _, _ = values(56)
    say(site, "n8", BatchCreated(batch="n8", product="P", place=PLACE, started_at=at),
        phase(PhaseStarted, "n8", "heat", at))  # fmt: skip
    write(site, rows[:2], at, "n8/0")
    write(site, rows[2:10], at + 2 * MINUTE, "n8/1", Quality.BAD)
    found = site.wake()
    (one,) = [f for f in found if f.finding.subject.key == "domain"]
    assert "temp is missing in heat" in one.finding.statement


def test_it_conforms(site):
    site.retire("golden", "the kit calls it conformance")
    site.adopt("conformance", "monitoring.batch_runs", SETTINGS)
    model = site.ledger.stream("model/golden")[-1].decode()
    same = model.model_copy(update={"name": "conformance"})
    site.ledger.append([NewEvent("model/conformance", same, 0, "test")])
    heads = [(site.historian.head(), site.ledger.head())]
    at = site.next_at
    rows, _, _ = values(57, bias=12.0, from_=5)
    say(site, "n9", BatchCreated(batch="n9", product="P", place=PLACE, started_at=at),
        phase(PhaseStarted, "n9", "heat", at))  # fmt: skip
    for k in range(0, 10, 2):
        write(site, rows[k : k + 2], at + k * MINUTE, f"n9/{k}")
        heads.append((site.historian.head(), site.ledger.head()))
    from goldenbatch.capabilities.monitoring._capability import CAPABILITY

    case = AnalystCase("batch_runs", SETTINGS, lambda: seen_views(site, heads, at=at + 60 * MINUTE))
    for check in analyst_checks(CAPABILITY, case):
        check.run()
    analyst = CAPABILITY.offer("analysts", "batch_runs").load()("conformance", SETTINGS)
    state, found = analyst.start(), []
    for view in case.views():
        said = analyst.assess(state, view)
        state, found = said.state, [*found, *said.transitions]
    assert {one.finding.subject.key for one in found} == {"golden batches"}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"golden": []}, "names no golden batches"),
        ({"golden": ["zz*"]}, "no ended batch"),
        ({"golden": ["g0", "g1"]}, "2 golden batches"),
        ({"tags": {"temp": "no/tag", "fed": TAGS["fed"]}}, "'no/tag'"),
    ],
)
def test_a_home_without_what_is_needed_is_refused(site, changes, what):
    site.adopt("lacking", "monitoring.batch_runs", {**SETTINGS, **changes})
    with pytest.raises(BadInputError, match=what):
        fit(site, "lacking")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"outcomes": {}}, "no attribute in `outcomes`"),
        ({"model": {"phases": [{"name": "batch"}, {"name": "heat"}]}}, "stands alone"),
        ({"model": {"phases": [{"name": "heat", "variables": ["pH"]}]}}, "'pH'"),
        ({"interval_s": 0}, "greater than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(site, changes, what):
    with pytest.raises(BadInputError, match=what):
        site.adopt("odd", "monitoring.batch_runs", {**SETTINGS, **changes})
