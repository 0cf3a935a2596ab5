"""A soft sensor of the home under control: spectra of its own historian, settings as adopted."""

import random

import pytest
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.monitoring import test_soft_sensor as spectra

from goldenbatch.core.errors import ConflictError
from goldenbatch.core.intake import FileImported
from goldenbatch.core.records import NewEvent
from goldenbatch.core.series import Quality

DATA = {
    "attribute": "glucose", "inputs": [spectra.CALIBRATION], "samples": "calibration/*",
    "group": "sample",
}  # fmt: skip
N = 48
INTENDED = {
    **case.INTENDED, "output": "glucose", "output_unit": "g/L", "subgroups": [],
    "inputs": [{"name": "spectrum", "tag": spectra.CALIBRATION}],
}  # fmt: skip


@pytest.fixture
def laboratory(governed):
    """48 calibration spectra with their results, and the sensor that they are for."""
    site, rng = governed, random.Random(5)
    body = {"axis": spectra.AXIS.tolist(), "unit": "cm-1"}
    axis = site.registry.put(spectra.json_bytes(body), "application/json")
    imported = FileImported(
        card="c", card_table="t", card_digest="0" * 64, file="f", digest=axis, n_rows=0,
        n_accepted=0, n_readings=0, n_records=0, n_unchanged=0, n_rejected=0, n_conflicts=0,
        axes={spectra.CALIBRATION: axis, spectra.TAG: axis},
    )  # fmt: skip
    site.ledger.append([NewEvent("import/c", imported, 0, "test")])
    rows = []
    for i in range(N):
        at, glucose = spectra.START + i * spectra.MINUTE, rng.uniform(2, 30)
        rows.append((at, spectra.spectrum(glucose, rng)))
        spectra.sample(site, f"calibration/{i:02d}", at, glucose)
    spectra.write(site, spectra.CALIBRATION, rows, "calibration")
    site.adopt("sugar", "monitoring.soft_sensor", spectra.SETTINGS)
    return site


def to_bound(site, cut, **seal):
    case.select(site, use="glucose", cut=cut, data=DATA)
    case.act(site, "seal", "sel", test_set="T1", **seal)
    at = {"use": "glucose", "version": 1}
    draft = {"title": "Sugar", "owner": "development", "method": "PLS", "analyst": "sugar"}
    case.act(site, "draft", "dev", **at, **draft)
    case.act(site, "intend", "sme", **at, intended=INTENDED)
    criteria = [
        {"measure": "rmse", "relation": "at_most", "limit": 0.5},
        {"measure": "rmse_ratio_to_baseline", "relation": "at_most", "limit": 0.2},
        {"measure": "coverage", "relation": "at_least", "limit": 0.7},
    ]
    values = {"criteria": criteria, "n_least": 10, "reason": "as the laboratory's error"}
    case.act(site, "criteria", "qa", **at, **values)
    case.act(site, "bind", "qa", **at, test_set="T1")
    return at


@pytest.mark.parametrize("split", ["time", "random"])
def test_the_settings_of_the_analyst_train_and_the_opened_set_tests(laboratory, split):
    site = laboratory
    cut, seal = {"split": "time", "at": spectra.START + 30 * spectra.MINUTE}, {}
    if split == "random":
        cut, seal = (
            {"split": "random", "share": 0.4, "seed": 2},
            {"random_reason": "made by design"},
        )
    at = to_bound(site, cut, **seal)
    trained = case.act(site, "train", "dev", **at, data=DATA)[0].decode()
    tested = site.ledger.stream("test-set/T1")[0].decode().data
    n_runs = sum(one.what == spectra.CALIBRATION for one in trained.data.ranges)
    assert (n_runs == 1) == (split == "time")  # a run ends where a reading was left out
    spans = [(one.start, one.end) for one in trained.data.ranges if one.start is not None]
    for one in tested.ranges:
        if one.start is not None:
            assert not any(start < one.end and one.start < end for start, end in spans)
    assert trained.media_type == "application/vnd.goldenbatch.scoring-plan"
    assert trained.settings["n_components_max"] == 4
    case.unseal(site, at)
    body = case.act(site, "test", "tess", **at)[0].decode()
    assert body.is_passed, [one.model_dump() for one in body.outcomes]
    assert site.wake() == []  # the analyst has no model: what is tested serves nobody yet
    assert site.verify().is_ok


def test_readings_that_are_bad_are_no_inputs(laboratory):
    site = laboratory
    at = spectra.START + 3 * spectra.MINUTE
    rows = [(at, spectra.spectrum(5.0, random.Random(1)))]
    spectra.write(site, spectra.CALIBRATION, rows, "corrected", Quality.BAD)
    with pytest.raises(Exception, match=r"1 of 48 rows lack an input.*calibration/03"):
        case.select(site, use="glucose", data=DATA)


def test_a_scan_of_the_same_moment_by_another_instrument_is_found(laboratory):
    site, rng = laboratory, random.Random(8)
    at = to_bound(site, {"split": "time", "at": spectra.START + 30 * spectra.MINUTE})
    other = spectra.CALIBRATION.replace("spectrum", "raman")
    body = {"axis": spectra.AXIS.tolist(), "unit": "cm-1"}
    axis = site.registry.put(spectra.json_bytes(body), "application/json")
    imported = FileImported(
        card="d", card_table="t", card_digest="0" * 64, file="f", digest=axis, n_rows=0,
        n_accepted=0, n_readings=0, n_records=0, n_unchanged=0, n_rejected=0, n_conflicts=0,
        axes={other: axis},
    )  # fmt: skip
    site.ledger.append([NewEvent("import/d", imported, 0, "test")])
    rows = []
    for i in range(30, N):
        moment = spectra.START + i * spectra.MINUTE
        rows.append((moment, spectra.spectrum(9.0 + i / 10, rng)))
        spectra.sample(site, f"raman/{i}", moment, 9.0 + i / 10)
    spectra.write(site, other, rows, "raman")
    data = {**DATA, "inputs": [other], "samples": "raman/*"}
    with pytest.raises(ConflictError, match="overlap: 1 stretch of time at the same place"):
        case.act(site, "train", "dev", **at, data=data, leave_out=False)
