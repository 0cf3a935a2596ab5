"""A campaign: two products, a changeover, an aborted and a restarted phase; silent while idle.

Readings go on while the plant is idle, between phases and while it is cleaned, far from normal.
"""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.batches import EquipmentStatus, EquipmentStatusChanged
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, Quality, frame_schema
from goldenbatch.runtime.batch_context import take
from goldenbatch.runtime.context_rules import ContextRules
from tests.capabilities.monitoring import test_soft_sensor as spectra
from tests.capabilities.monitoring.test_soft_sensor import (
    MINUTE,
    PLACE,
    SETTINGS,
    START,
    TAG,
    spectrum,
)

sensor = spectra.sensor
FAR = 50.0
RULE = f"""
place = "{PLACE}"
batch_tag = "{PLACE}/batch"
phase_tag = "{PLACE}/step"
product_tag = "{PLACE}/product"
aborted = ["99"]
[phases]
1 = "growth"
2 = "harvest"
"""
STEPS = [
    # from minute, batch, product, step, what the spectrometer sees
    (0, "", "", 0, FAR),  # idle
    (5, "B1", "P", 1, 0.0),
    (20, "B1", "P", 2, 0.0),
    (35, "", "", 90, FAR),  # changeover: cleaning
    (50, "B2", "Q", 1, 0.0),
    (58, "B2", "Q", 0, FAR),  # the phase was broken off; the vessel is rinsed
    (62, "B2", "Q", 1, 0.0),  # and run again
    (70, "B2", "Q", 1, 5.0),  # what is to be found
    (76, "B2", "Q", 1, 0.0),
    (84, "", "", 90, FAR),
    (90, "B3", "Q", 1, 0.0),
    (96, "B3", "Q", 99, FAR),  # aborted
    (97, "", "", 0, FAR),
]
LAST = 110


def seen_at(minute):
    return next(one for one in reversed(STEPS) if one[0] <= minute)


def write(site, name, rows, key, kind="number"):
    schema = frame_schema(kind)
    columns = [
        pa.array([at for at, _ in rows], pa.int64()).cast(schema.field("time").type),
        pa.array([f"{PLACE}/{name}"] * len(rows)),
        pa.array([value for _, value in rows], schema.field("value").type),
        pa.array([int(Quality.GOOD)] * len(rows)),
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    site.historian.write(Frame("plc", f"{name}/{key}", kind, table, START))


def result(site, sample, batch, value):
    one = Result(test="titre", attribute="titre", value=str(value), unit="g/L")
    body = ResultsReported(sample=sample, batch=batch, results=(one,))
    stream = f"sample/{sample}"
    site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), actor="lab")])


@pytest.fixture
def campaign(sensor):
    """The calibrated sensor in a home whose batches are read off tags; nothing runs yet."""
    site = sensor.site
    fit(site, "glucose")
    site.retire("glucose", "another setting")
    site.adopt("glucose", "monitoring.soft_sensor", {**SETTINGS, "phases": ["growth", "harvest"]})
    fit(site, "glucose")
    (site.path / "context").mkdir(exist_ok=True)
    (site.path / "context" / "tank.toml").write_text(RULE)
    site.context_rules = ContextRules(site, site.path)
    take(site, [  # the batch of the fixture ends before the campaign
        Statement("journal", Boundary.PHASE_ENDED, "F", START + 1, PLACE, "growth"),
        Statement("journal", Boundary.BATCH_ENDED, "F", START + 1),
    ])  # fmt: skip
    return sensor


def run(site, first=1, last=LAST):
    """A minute at a time: tags of the batch, the temperature and a spectrum, then a wake."""
    rng, found = random.Random(first), []
    for minute in range(first, last):
        at = START + minute * MINUTE
        _, batch, product, step, stray = seen_at(minute)
        write(site, "batch", [(at, batch)], minute, "text")
        write(site, "product", [(at, product)], minute, "text")
        write(site, "step", [(at, float(step))], minute)
        write(site, "temp", [(at, float(minute))], minute)
        spectra.write(site, TAG, [(at, spectrum(10.0, rng, stray))], f"s{minute}")
        found += site.wake()
    return found


def minutes(windows):
    return [((start - START) / MINUTE, (end - START) / MINUTE) for start, end in windows]


def test_a_campaign_is_aligned_and_only_the_seeded_deviation_is_found(campaign):
    site = campaign.site
    site.adopt("titre", "monitoring.charts", {"attributes": ["titre"], "n_reference": 8})
    golden = {"attributes": ["titre", "titre_*"], "n_reference": 12}
    site.adopt("golden", "monitoring.batches", golden)
    site.adopt("context", "execution.context", {})
    found = run(site)
    for number, batch in enumerate(("B1", "B2", "B3")):
        result(site, f"{batch}/s", batch, 10 + number / 10)
    result(site, "rinse/1", "", 999)  # the laboratory measures rinsing water, too
    found += site.wake()

    # The batches are what ran: ends and beginnings to the reading, the changeover in none.
    rows = {row["batch"]: row for row in site.ledger.select("batch")}
    assert [(rows[b]["product"], rows[b]["outcome"]) for b in ("B1", "B2", "B3")] == [
        ("P", "completed"), ("Q", "completed"), ("Q", "aborted"),
    ]  # fmt: skip
    assert minutes(site.windows("B1", "growth")) == [(5, 20)]
    assert minutes(site.windows("B2", "growth")) == [(50, 58), (62, 84)]
    assert minutes(site.windows("B3", "growth")) == [(90, 96)]

    assert [event.decode() for event in site.ledger.events(kinds=("AnalystFailed",))] == []
    # One event in the whole campaign, in the run and from the spectrum on that it is of.
    assert [(one.step, one.finding.subject.batch) for one in found] == [
        ("opened", "B2"), ("closed", "B2"),
    ]  # fmt: skip
    assert minutes([(found[0].finding.start, found[1].finding.end)]) == [(70, 79)]
    assert "Inside again" in found[1].finding.statement

    # Values were inferred of all minutes in phases, and of no other.
    tag = f"{PLACE}/glucose_value"
    whole = (START - 10 * MINUTE, START + LAST * MINUTE)
    logged = {int(at - START) // MINUTE for at in site.historian.read([tag], whole).times()}
    assert logged == {m for m in range(LAST) if seen_at(m)[3] in (1, 2)}
    assert site.replay("as-seen").is_equal


def test_aligned_reads_begin_with_each_run_after_an_abort_and_a_restart(campaign):
    site = campaign.site
    run(site, 48, 90)
    windows = site.windows("B2", "growth")
    aligned = site.historian.aligned([f"{PLACE}/temp"], windows, MINUTE)
    values = np.asarray(aligned.values)[:, :, 0]
    assert values.shape[0] == 2
    for row, (start, end) in zip(values, minutes(windows), strict=True):
        n_minutes = int(end - start)
        assert row[:n_minutes].tolist() == [start + k for k in range(n_minutes)]
        assert np.isnan(row[n_minutes:]).all()


def said(what, minute, phase="growth", source="mes", batch="M1"):
    place = PLACE if phase or what is Boundary.BATCH_STARTED else ""
    at = START + int(minute * MINUTE)
    return Statement(source, what, batch, at, place, phase, head={"product": "P"})


def feed(site, strays, first=0):
    rng = random.Random(3)
    for minute, stray in enumerate(strays, first):
        at = START + minute * MINUTE
        spectra.write(site, TAG, [(at, spectrum(10.0, rng, stray))], f"m{minute}")
    return [(one.step, one.finding.subject.batch) for one in site.wake()]


def test_a_late_boundary_makes_the_sensor_go_through_what_had_come_before(campaign):
    site = campaign.site
    assert feed(site, [0.0] * 9 + [5.0] * 6, 1) == []  # nobody knows yet that a batch runs
    take(site, [said(Boundary.BATCH_STARTED, 1, ""), said(Boundary.PHASE_STARTED, 2)])
    (opened,) = site.wake()
    assert (opened.step, opened.finding.subject.batch) == ("opened", "M1")
    assert opened.finding.start == START + 10 * MINUTE
    logged = site.historian.read([f"{PLACE}/glucose_value"], (START, START + 99 * MINUTE))
    assert minutes([(int(logged.times().min()), int(logged.times().max()))]) == [(2, 15)]
    # The phase had ended before: what was found then is taken back.
    take(site, [said(Boundary.PHASE_ENDED, 9.5)])
    (closed,) = site.wake()
    assert closed.uid == opened.uid and "not valid there" in closed.finding.statement
    # It had not, after all: the source corrects itself, and the same spectra count again.
    take(site, [said(Boundary.PHASE_ENDED, 15.5)])
    (again,) = site.wake()
    assert again.step == "opened" and again.finding.start == START + 10 * MINUTE
    assert site.replay("as-seen").is_equal


def test_equipment_that_is_to_be_cleaned_is_not_judged_whatever_runs(campaign):
    site = campaign.site
    take(site, [said(Boundary.BATCH_STARTED, 0, ""), said(Boundary.PHASE_STARTED, 0)])
    body = EquipmentStatusChanged(
        place=PLACE, status=EquipmentStatus.TO_BE_CLEANED, at=START + 5 * MINUTE
    )
    site.ledger.append([NewEvent(f"equipment/{PLACE}", body, 0, actor="x")])
    assert feed(site, [0.0] * 5 + [FAR] * 10) == []


def test_a_sensor_that_is_always_valid_says_so_in_its_settings(campaign):
    site = campaign.site
    site.retire("glucose", "another setting")
    site.adopt("glucose", "monitoring.soft_sensor", {**SETTINGS, "is_always": True})
    fit(site, "glucose")
    assert feed(site, [0.0] * 5 + [FAR] * 6) == [("opened", "")]
