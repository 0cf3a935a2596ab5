"""Autocorrelation and its effect on charts."""

import math

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics import autocorrelation as ac


def _series(phi, n, seed):
    noise = np.random.default_rng(seed).standard_normal(n)
    values = np.empty(n)
    values[0] = noise[0] / math.sqrt(1 - phi**2)
    for i in range(1, n):
        values[i] = phi * values[i - 1] + noise[i]
    return values


def test_interval_covers_the_truth_about_as_often_as_it_says():
    for phi in (0.0, 0.6):
        found = [ac.lag1_autocorrelation(_series(phi, 200, seed)) for seed in range(200)]
        share = np.mean([one.lower <= phi <= one.upper for one in found])
        assert 0.90 <= share <= 0.99


def test_reference_finds_the_model_and_stepping_equals_the_block():
    values = _series(0.7, 4000, 1) + 10.0
    values[100] = math.nan
    design = ac.ar1_reference(values)
    assert design.coefficient == pytest.approx(0.7, abs=0.04)
    assert design.sigma == pytest.approx(1.0, abs=0.04)
    assert ac.Ar1Design.from_json(design.to_json()) == design
    previous, stepped = None, []
    for value in values.tolist():
        previous, residual = ac.ar1_step(design, previous, value)
        stepped.append(residual)
    block = ac.ar1_residuals(design, values)
    assert np.array_equal(block, stepped, equal_nan=True)
    assert np.isnan(block[[0, 100, 101]]).all()
    assert not ac.lag1_autocorrelation(block).is_clear


def test_plain_limits_on_correlated_values_alarm_every_fifteen_points():
    result = ac.run_length_ar1(0.7, seed=1, n_runs=4000)
    assert result.mean == pytest.approx(15, abs=1)
    assert result == ac.run_length_ar1(0.7, seed=1, n_runs=4000)
    plain = ac.run_length_ar1(0.0, seed=1, n_runs=1000)
    assert abs(plain.mean - 370.4) < 4 * plain.standard_error


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="longer series"):
        ac.lag1_autocorrelation([1.0, 2.0, 3.0])
    with pytest.raises(DataError, match="longer series"):
        ac.lag1_autocorrelation([1.0] * 9)
    with pytest.raises(DesignError):
        ac.run_length_ar1(1.0)
