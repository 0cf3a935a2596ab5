"""The soft sensor: on the real fermentation that chemotools carries, and on made-up spectra."""

import csv
import json
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, PlanError
from goldenbatch.science.latent.plan import LimitKind, ScoringPlan
from goldenbatch.science.latent.pls import PLS
from goldenbatch.science.spectra.preprocess import Treatment
from goldenbatch.science.spectra.sensor import (
    SensorFacts,
    SensorSettings,
    SoftSensor,
    fit_soft_sensor,
)
from goldenbatch.science.statistics.baselines import last_result, mean_of_training, rmse

FERMENTATION = Path(find_spec("chemotools").origin).parent / "datasets" / "data"
DATA = Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[4] / "shared" / "data"))
MINUTES_PER_SCAN = 1.25
SETTINGS = SensorSettings(Treatment(950, 1500, ("line", "savitzky-golay"), 15, 2, 1))


@cache
def _fermentation():
    train = FERMENTATION / "train_spectra.csv"
    axis = np.array(train.read_text().splitlines()[0].split(","), dtype=float)
    spectra, online = (
        np.loadtxt(FERMENTATION / name, delimiter=",", skiprows=1)
        for name in ("train_spectra.csv", "fermentation_spectra.csv")
    )
    results = np.loadtxt(FERMENTATION / "train_hplc.csv", skiprows=1)
    hplc = np.loadtxt(FERMENTATION / "fermentation_hplc.csv", delimiter=",", skiprows=1)
    return axis, spectra, results, online, hplc[:, 0], hplc[:, 1]


@cache
def _sensor(limit_kind=LimitKind.LEFT_OUT):
    axis, spectra, results, *_ = _fermentation()
    chosen = SensorSettings(SETTINGS.treatment, limit_kind=limit_kind, target="glucose")
    return fit_soft_sensor(spectra, axis, results, chosen)


def test_calibration_of_the_fermentation_is_that_of_the_literature():
    facts = _sensor().facts
    assert 3 <= facts.n_components <= 6
    assert 0.35 <= facts.rmse_training <= 1.1
    assert facts.rmse_left_out > facts.rmse_training
    assert facts.limits["spe_left_out"] > facts.limits["spe_theoretical"]
    assert facts.limits["t2_left_out"] > facts.limits["t2_theoretical"]
    assert len(facts.rmse_by_components) == 8


@pytest.mark.parametrize("limit_kind", list(LimitKind))
def test_the_sensor_flags_itself_during_the_fermentation(limit_kind):
    _, spectra, _, online, hours, glucose = _fermentation()
    sensor = _sensor(limit_kind)
    readings = sensor.predict(online)
    assert not readings.in_domain.any()
    assert sensor.predict(spectra).in_domain.all()
    ratio = readings.spe / sensor.plan.facts.spe_limit
    assert np.median(ratio[-500:]) > 1.3 * np.median(ratio[:288])
    scans = np.round(hours * 60 / MINUTES_PER_SCAN).astype(int)
    error = rmse(glucose, readings.value[scans])
    assert 8.1 <= error <= 10.2
    assert error < rmse(glucose, mean_of_training(_fermentation()[2], len(glucose)))
    naive = rmse(glucose, last_result(glucose, hours, hours))
    assert naive == pytest.approx(3.2, abs=0.05)
    assert error > naive


def test_one_spectrum_reads_as_in_the_block_and_after_storage():
    *_, online, _, _ = _fermentation()
    sensor = _sensor()
    facts = SensorFacts.from_json(json.loads(json.dumps(sensor.facts.to_json(), allow_nan=False)))
    stored = SoftSensor(ScoringPlan.from_bytes(sensor.plan.to_bytes()), facts)
    block = sensor.predict(online[:200])
    for i in (0, 7, 199):
        alone = stored.predict(online[i])
        for name in ("value", "lower", "upper", "t2", "spe", "in_domain"):
            assert getattr(alone, name)[0] == getattr(block, name)[i]
        assert np.array_equal(alone.contributions.spe[0], block.contributions.spe[i])
    assert len(block.contributions.columns) == block.contributions.spe.shape[1]
    assert 950 <= float(block.contributions.columns[0]) < 955
    assert facts == sensor.facts


def _made_up(n, seed, interference=0.0):
    generator = np.random.default_rng(seed)
    axis = np.arange(100.0)
    y, z = generator.uniform(0, 10, n), generator.uniform(0, 3, n)
    peaks = [np.exp(-0.01 * (axis - place) ** 2) for place in (30, 55, 80)]
    spectra = np.outer(y, peaks[0]) + np.outer(z, peaks[1]) + interference * peaks[2]
    return axis, spectra + 0.02 * generator.standard_normal((n, 100)), y


def test_intervals_cover_inside_the_domain_and_an_unknown_substance_leaves_it():
    axis, spectra, y = _made_up(40, 1)
    sensor = fit_soft_sensor(spectra, axis, y, SensorSettings(Treatment(order=())))
    _, new, truth = _made_up(1000, 2)
    readings = sensor.predict(new)
    assert readings.in_domain.mean() > 0.95
    inside = (readings.lower <= truth) & (truth <= readings.upper)
    assert 0.92 <= inside.mean() <= 0.99
    strange = sensor.predict(_made_up(50, 3, interference=1.0)[1])
    assert not strange.in_domain.any()
    worst = strange.contributions.columns[np.abs(strange.contributions.spe[0]).argmax()]
    assert abs(float(worst) - 80) < 15
    bright = sensor.predict(2 * new[truth > 8])
    assert bright.is_extrapolated.all()


def test_groups_are_left_out_as_a_whole():
    axis, spectra, y = _made_up(24, 5)
    groups = [i // 6 for i in range(24)]
    plain = SensorSettings(Treatment(order=()))
    assert fit_soft_sensor(spectra, axis, y, plain, groups).facts.n_folds == 4
    folded = SensorSettings(Treatment(order=()), n_folds=5)
    assert fit_soft_sensor(spectra, axis, y, folded).facts.n_folds == 5


def test_bad_input_is_refused():
    axis, spectra, y = _made_up(24, 5)
    with pytest.raises(DataError, match="at least 8"):
        fit_soft_sensor(spectra[:5], axis, y[:5])
    with pytest.raises(DataError, match="missing"):
        fit_soft_sensor(spectra, axis, np.where(y > 5, np.nan, y))
    first = fit_soft_sensor(spectra, axis, y, SensorSettings(Treatment(order=())))
    other = fit_soft_sensor(spectra, axis, y + 1, SensorSettings(Treatment(order=())))
    with pytest.raises(PlanError, match="one calibration"):
        SoftSensor(first.plan, other.facts)
    with pytest.raises(DataError, match="columns"):
        first.predict(spectra[:, :50])


def _tablets():
    path = DATA / "nir_tablets" / "instrument1.csv"
    if not path.exists():
        pytest.skip(f"the near-infrared tablets are not at {path}; set GOLDENBATCH_DATA")
    with path.open(encoding="utf-8") as lines:
        table = list(csv.reader(lines))
    is_train = np.array([row[0] == "Train" for row in table[1:]])
    values = np.array([row[3:] for row in table[1:]], dtype=float)
    return np.array(table[0][4:], dtype=float), values[:, 1:], values[:, 0], is_train


def test_near_infrared_tablets_of_the_2002_shootout():
    # The figure found beforehand: raw 600-1898 nm, 5 components by the smallest error of
    # cross-validation on the 155 training tablets, 4.15 mg on the 40 validation tablets.
    axis, spectra, assay, is_train = _tablets()
    chosen = SensorSettings(Treatment(order=()), n_components_max=12, n_folds=10)
    sensor = fit_soft_sensor(spectra[is_train], axis, assay[is_train], chosen)
    assert int(np.argmin(sensor.facts.rmse_by_components)) + 1 == 5
    model = PLS(5, is_scaled=False).fit(spectra[is_train], assay[is_train])
    assert rmse(assay[~is_train], model.predict(spectra[~is_train])) == pytest.approx(
        4.15, abs=0.005
    )
    readings = sensor.predict(spectra[~is_train])
    assert rmse(assay[~is_train], readings.value) < 4.3
    assert readings.in_domain.mean() > 0.9
