"""The soft sensor live: logs every spectrum, leaves its domain once, asks for the laboratory."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseStarted, SampleTaken
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.intake import FileImported
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.core.series import Frame, Quality, frame_schema
from goldenbatch.runtime.local import LocalSite

PLACE = "site/fermentation"
TAG, CALIBRATION = f"{PLACE}/spectrum", "site/laboratory/spectrum"
AXIS = np.arange(1000.0, 1040.0)
START = 1_700_000_000_000_000
MINUTE = 60_000_000
SETTINGS = {
    "tag": TAG,
    "attribute": "glucose",
    "unit": "g/L",
    "n_outside": 3,
    "n_inside": 4,
    "calibration": {
        "samples": "calibration/*",
        "tag": CALIBRATION,
        "order": [],
        "n_components_max": 4,
    },
}


def spectrum(glucose, rng, stray=0.0):
    shape = np.exp(-0.05 * (AXIS - 1012) ** 2) * glucose + stray * np.exp(-0.1 * (AXIS - 1031) ** 2)
    return [float(v) for v in shape + 0.01 * np.array([rng.gauss(0, 1) for _ in AXIS])]


def write(site, tag, rows, key, quality=Quality.GOOD):
    """Spectra of a tag, (time, values) each, as one frame."""
    times, values = zip(*rows, strict=True)
    table = pa.table(
        [
            pa.array(times, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            pa.array([tag] * len(rows)),
            pa.array(values, pa.list_(pa.float64())),
            pa.array([int(quality)] * len(rows)),
        ],
        schema=frame_schema("array"),
    )
    site.historian.write(Frame("test", key, "array", table, START))


def sample(site, name, at, glucose, batch=""):
    result = Result(test="glucose", attribute="glucose", value=f"{glucose:.3f}", unit="g/L")
    site.ledger.append(
        [
            NewEvent(
                f"sample/{name}", SampleTaken(sample=name, batch=batch, taken_at=at), 0, "test"
            ),
            NewEvent(
                f"sample/{name}",
                ResultsReported(sample=name, batch=batch, results=(result,)),
                1,
                "test",
            ),
        ]
    )


@pytest.fixture
def sensor(bench):
    """A home with a calibrated sensor and a batch that runs."""
    site, rng = bench.site, random.Random(5)
    body = {"axis": AXIS.tolist(), "unit": "cm-1"}
    axis = site.registry.put(json_bytes(body), "application/json")
    imported = FileImported(
        card="c", card_table="t", card_digest="0" * 64, file="f", digest="1" * 64, n_rows=0,
        n_accepted=0, n_readings=0, n_records=0, n_unchanged=0, n_rejected=0, n_conflicts=0,
        axes={CALIBRATION: axis, TAG: axis},
    )  # fmt: skip
    site.ledger.append([NewEvent("import/c", imported, 0, "test")])
    for i in range(16):
        at = START - 100 * MINUTE + i * MINUTE
        write(site, CALIBRATION, [(at, spectrum(2.0 * i, rng))], f"c{i}")
        sample(site, f"calibration/{i:02d}", at, 2.0 * i)
    site.adopt("glucose", "monitoring.soft_sensor", SETTINGS)
    site.ledger.append(
        [
            NewEvent("batch/F", BatchCreated(batch="F", product="P", started_at=START), 0, "t"),
            NewEvent(
                "batch/F",
                PhaseStarted(batch="F", place=PLACE, phase="growth", run=1, at=START),
                1,
                "t",
            ),
        ]
    )
    return bench


def json_bytes(value):
    import json

    return json.dumps(value).encode()


def live(site, strays, rng=None, first=0):
    """Feed one spectrum a minute and wake; returns the transitions."""
    rng, found = rng or random.Random(9), []
    for i, stray in enumerate(strays, first):
        write(site, TAG, [(START + i * MINUTE, spectrum(10.0, rng, stray))], f"s{i}")
        found += site.wake()
    return found


def test_every_spectrum_gives_a_logged_value_with_its_interval(sensor):
    fit(sensor.site, "glucose")
    assert live(sensor.site, [0.0] * 6) == []
    window = (START, START + 100 * MINUTE)
    series = sensor.site.historian.read([f"{PLACE}/glucose_value"], window)
    assert series.values() == pytest.approx([10.0] * 6, abs=0.3)
    lower = sensor.site.historian.read([f"{PLACE}/glucose_lower"], window).values()
    assert (lower < series.values()).all()
    assert set(series.qualities().tolist()) == {int(Quality.GOOD)}


def test_it_leaves_its_domain_once_asks_for_the_laboratory_and_comes_back(sensor):
    fit(sensor.site, "glucose")
    found = live(sensor.site, [0, 0, *([5.0] * 6), *([0.0] * 5)])
    assert [one.step for one in found] == ["opened", "closed"]
    opened = found[0].finding
    assert opened.subject.batch == "F"
    assert opened.start == START + 2 * MINUTE
    assert not opened.in_domain
    assert opened.evidence[0].n_readings == 3
    assert abs(float(opened.contributions[0].variable) - 1031) < 6
    assert "laboratory" in opened.suggested_action
    assert sensor.site.replay("as-seen").differences == ()


def test_outside_its_domain_a_value_is_logged_as_uncertain(sensor):
    fit(sensor.site, "glucose")
    live(sensor.site, [5.0])
    series = sensor.site.historian.latest([f"{PLACE}/glucose_value"])
    assert series.qualities().tolist() == [int(Quality.UNCERTAIN)]


def test_the_laboratory_is_set_beside_the_sensor_and_the_last_result(sensor):
    fit(sensor.site, "glucose")
    live(sensor.site, [5.0] * 5)
    sample(sensor.site, "F/1", START + 2 * MINUTE, 12.0, "F")
    (first,) = sensor.site.wake()
    assert "The laboratory found 12 g/L" in first.finding.statement
    sample(sensor.site, "F/2", START + 4 * MINUTE, 14.0, "F")
    (second,) = sensor.site.wake()
    names = {one.name: one.value for one in second.finding.measures}
    assert names["RMSE of the last result"] == pytest.approx(2.0)
    assert names["RMSE against the laboratory"] > 1.0
    ended = BatchEnded(batch="F", ended_at=START + 9 * MINUTE, outcome="completed")
    sensor.site.ledger.append([NewEvent("batch/F", ended, 2, "test")])
    (closed,) = sensor.site.wake()
    assert closed.step == "closed"
    assert "5 of 5 spectra lay outside" in closed.finding.statement


def test_a_spectrum_of_another_length_is_bad_and_said(sensor):
    fit(sensor.site, "glucose")
    live(sensor.site, [0.0])
    write(sensor.site, TAG, [(START + 50 * MINUTE, [1.0, 2.0])], "short")
    said = sensor.site.wake()
    assert [one.step for one in said] == ["opened", "closed"]
    assert "1 of 1 spectra lack 40 channels" in said[0].finding.statement
    latest = sensor.site.historian.latest([f"{PLACE}/glucose_value"])
    assert latest.qualities().tolist() == [int(Quality.BAD)]


def test_a_bad_reading_is_never_turned_into_a_good_value(sensor):
    fit(sensor.site, "glucose")
    row = (START, spectrum(10.0, random.Random(1)))
    write(sensor.site, TAG, [row], "bad", quality=Quality.BAD)
    assert sensor.site.wake() == []
    latest = sensor.site.historian.latest([f"{PLACE}/glucose_value"])
    assert latest.qualities().tolist() == [int(Quality.BAD)]
    assert np.isnan(latest.values()).all()


def test_without_a_model_it_is_silent(sensor):
    assert live(sensor.site, [5.0] * 5) == []
    assert f"{PLACE}/glucose_value" not in sensor.site.historian.tags()


def test_it_goes_on_after_a_restart_in_the_middle(sensor, home):
    fit(sensor.site, "glucose")
    rng = random.Random(9)
    found = live(sensor.site, [0, 5.0, 5.0], rng)
    sensor.site.close()
    with LocalSite.open(home) as again:
        found += live(again, [5.0, 5.0], rng, first=3)
        assert [one.step for one in found] == ["opened"]
        assert found[0].finding.evidence[0].n_readings == 3
        assert again.replay("as-seen").differences == ()


def test_a_result_without_its_spectrum_is_refused(sensor):
    sample(sensor.site, "calibration/99", START - 500 * MINUTE, 3.0)
    with pytest.raises(BadInputError, match="1 of 17 reference results have no spectrum"):
        fit(sensor.site, "glucose")


def test_what_it_was_fitted_to_is_recorded(sensor):
    (model,) = fit(sensor.site, "glucose")
    assert model.training[0].n == 16
    assert model.measures["n_reference"] == 16
    assert sensor.site.registry.get(model.digest)
    rows = sensor.site.ledger.select("model", {"name": "glucose"})
    assert [row["digest"] for row in rows] == [model.digest]
