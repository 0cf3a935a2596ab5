"""Calibration: wrong results are named, the interval holds what it says, the plan is frozen."""

import numpy as np
import pytest
from tests.science.spectra.made import AXIS, samples, second_instrument

from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent.plan import ScoringPlan
from goldenbatch.science.spectra import (
    CalibrateSettings,
    ChoiceSettings,
    Outliers,
    Treatment,
    calibrate,
)
from goldenbatch.science.spectra.calibration import error_statement
from goldenbatch.science.spectra.outliers import SIGNS, examine, nearest

CHOICE = ChoiceSettings((Treatment(order=()), Treatment(order=("snv",))), 6, 5, 2)


def noisy(n, seed, error=0.3):
    content, spectra = samples(n, seed)
    return content, content + error * np.random.default_rng(seed).standard_normal(n), spectra


@pytest.fixture(scope="module")
def with_errors():
    """Sixty samples, of which two results belong to other samples."""
    content, results, spectra = noisy(60, 11, 0.1)
    results[[5, 41]] += 4.0
    return content, results, spectra


@pytest.mark.parametrize("outliers", list(Outliers))
def test_wrong_results_are_named_and_stay_in_the_stated_error(with_errors, outliers):
    _, results, spectra = with_errors
    found = calibrate(spectra, AXIS, results, CalibrateSettings(CHOICE, outliers))
    assert {5, 41} <= set(found.outliers.rows())
    assert all("residual" in found.outliers.rows()[i] for i in (5, 41))
    assert found.error.apparent > 0.5
    assert found.is_used[[5, 41]].all() == (outliers is Outliers.REPORT)
    plain = found.outliers.to_json()
    assert set(plain["limits"]) == set(SIGNS)
    assert plain["rows"]["5"]["residual"] == pytest.approx(found.outliers.values["residual"][5])


def test_a_fit_without_wrong_results_is_nearer_to_the_truth(with_errors):
    _, results, spectra = with_errors
    new, fresh = samples(200, 12)
    errors = []
    for outliers in (Outliers.REPORT, Outliers.SET_ASIDE):
        found = calibrate(spectra, AXIS, results, CalibrateSettings(CHOICE, outliers))
        errors.append(np.sqrt(np.mean((found.sensor.predict(fresh).value - new) ** 2)))
    assert errors[1] < errors[0]


def test_the_interval_covers_what_it_says_and_is_never_narrower_than_the_reference():
    _, results, spectra = noisy(80, 13)
    truth, later, fresh = noisy(400, 14)
    found = calibrate(spectra, AXIS, results, CalibrateSettings(CHOICE, reference_error=0.3))
    read = found.sensor.predict(fresh)
    covered = np.mean((read.lower <= later) & (later <= read.upper))
    assert 0.92 <= covered <= 0.99
    errors = [np.sqrt(np.mean((read.value - one) ** 2)) for one in (later, truth)]
    assert found.error.apparent == pytest.approx(errors[0], rel=0.15)
    assert found.error.corrected == pytest.approx(errors[1], rel=0.25)
    assert errors[1] < 0.8 * errors[0]
    wide = calibrate(spectra, AXIS, results, CalibrateSettings(CHOICE, reference_error=3.0))
    half = 0.5 * (wide.sensor.predict(fresh).upper - wide.sensor.predict(fresh).lower)
    assert half.min() >= 1.959 * 3.0


def test_the_statement_of_the_error_is_that_of_difoggio():
    assert error_statement(4.15, 1.3).corrected == pytest.approx(np.sqrt(4.15**2 - 1.3**2))
    assert error_statement(1.0, 1.3).corrected == 0.0
    with pytest.raises(DesignError, match="standard deviation"):
        error_statement(1.0, -1.0)


def test_groups_that_are_not_fitted_on_judge_those_that_are():
    _, results, spectra = noisy(60, 15)
    groups = np.array(["lab"] * 30 + ["pilot"] * 30)
    results = results + np.where(groups == "pilot", 1.0, 0.0)
    settings = CalibrateSettings(CHOICE)
    found = calibrate(spectra, AXIS, results, settings, groups.tolist(), ["lab"])
    assert found.sensor.facts.n_reference == 30
    assert found.is_used.tolist() == (groups == "lab").tolist()
    value = found.sensor.predict(spectra[30:]).value
    assert found.error.apparent == pytest.approx(np.sqrt(np.mean((value - results[30:]) ** 2)))
    assert found.error.apparent > 0.9


def test_the_sensor_is_one_frozen_plan_that_knows_another_instrument():
    _, results, spectra = noisy(60, 16)
    found = calibrate(spectra, AXIS, results, CalibrateSettings(CHOICE))
    plan = ScoringPlan.from_bytes(found.sensor.plan.to_bytes(), found.sensor.plan.digest)
    block = plan.score(spectra)
    assert all(plan.score(one).spe[0] == block.spe[i] for i, one in enumerate(spectra))
    assert block.in_domain.mean() > 0.9
    assert plan.score(second_instrument(spectra)).in_domain.mean() < 0.2


def test_signs_are_those_of_their_definitions():
    generator = np.random.default_rng(0)
    scores = generator.standard_normal((50, 2))
    scores[3] = [9.0, 0.0]
    residuals = generator.standard_normal(50)
    residuals[8] = -20.0
    spe = generator.chisquare(5, 50)
    spe[11] = 60.0
    found = examine(scores, spe, residuals).rows()
    assert {"t2", "leverage", "neighbour"} <= set(found[3])
    assert found[8] == ("residual",)
    assert found[11] == ("spe",)
    leverage = examine(scores, spe, residuals).values["leverage"]
    centred = np.column_stack([np.ones(50), scores - scores.mean(0)])
    hat = np.diag(centred @ np.linalg.pinv(centred))
    # Scores of a PLS are orthogonal: here nearly so, and the leverage nearly the hat matrix's.
    assert np.corrcoef(leverage, hat)[0, 1] > 0.95
    assert nearest([[0.0, 0.0]], [[3.0, 4.0], [6.0, 8.0]]).tolist() == [5.0]
