"""Run lengths on autocorrelated values, against published tables and simulation."""

import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics import run_length_autocorrelated as ar
from goldenbatch.science.statistics.run_length import ewma_arl, shewhart_arl

KRAMER_SCHMID_2000 = {
    0.4: (515.44, 215.48, 61.85, 21.63, 9.19, 4.58, 2.61, 1.71, 1.29),
    0.2: (502.56, 204.97, 56.72, 19.13, 7.95, 3.97, 2.33, 1.59, 1.25),
    -0.2: (502.56, 201.41, 54.05, 17.42, 6.89, 3.37, 2.03, 1.46, 1.20),
}


@pytest.mark.parametrize("phi", KRAMER_SCHMID_2000)
def test_a_shewhart_chart_of_the_values_is_that_of_kramer_and_schmid(phi):
    ours = [ar.adjusted_shewhart_arl(phi, 0.5 * i, 3.09023) for i in range(9)]
    assert ours == pytest.approx(KRAMER_SCHMID_2000[phi], abs=0.011)


def test_without_autocorrelation_all_are_the_charts_of_independent_values():
    assert ar.adjusted_ewma_arl(0.0, 0.5, 0.2, 2.962) == pytest.approx(41.8, rel=5e-3)
    assert ar.adjusted_ewma_arl(0.0, 1.0, 0.1, 2.814) == pytest.approx(
        ewma_arl(1.0, 0.1, 2.814), rel=1e-5
    )
    assert ar.residual_arl(0.0, 1.0, 0.2, 2.962) == pytest.approx(ewma_arl(1.0, 0.2, 2.962))
    assert ar.residual_arl(0.0, 1.5) == pytest.approx(shewhart_arl(1.5))


def _simulated(phi, shift, weight, width, n_runs=1500):
    """EWMA of the values, in plain words."""
    rng, half = np.random.default_rng(4), width * ar.adjusted_ewma_sigma(phi, weight)
    x, mean, n = rng.standard_normal(n_runs), np.zeros(n_runs), 0
    lengths: list[int] = []
    while len(x):
        n += 1
        mean = mean + weight * (x + shift - mean)
        kept = np.abs(mean) <= half
        lengths += [n] * int((~kept).sum())
        x, mean = x[kept], mean[kept]
        x = phi * x + np.sqrt(1 - phi**2) * rng.standard_normal(len(x))
    return np.mean(lengths), np.std(lengths) / np.sqrt(n_runs)


@pytest.mark.parametrize(("phi", "shift"), [(0.7, 0.0), (0.7, 1.0), (-0.4, 0.5)])
def test_an_ewma_of_the_values_has_the_run_length_that_is_simulated(phi, shift):
    mean, error = _simulated(phi, shift, 0.2, 2.3)
    assert abs(ar.adjusted_ewma_arl(phi, shift, 0.2, 2.3) - mean) < 4 * error


def test_residual_charts_are_slow_where_the_forecast_follows_the_shift():
    assert ar.residual_arl(0.7) == pytest.approx(370.4, abs=0.1)
    assert ar.residual_arl(0.7, 1.0) > 4 * shewhart_arl(1.0)
    assert ar.residual_arl(0.7, 1.0, 0.1, 2.814) < 0.5 * ar.residual_arl(0.7, 1.0, 1.0, 3.09)


def test_limits_designed_for_autocorrelated_values_keep_the_run_length_asked_for():
    width = ar.adjusted_shewhart_width(370.4, 0.7)
    assert ar.adjusted_shewhart_arl(0.7, 0.0, width) == pytest.approx(370.4, rel=1e-6)
    for wrong in (-1.0, 1.0, 1.2):
        with pytest.raises(DesignError, match="no steady state"):
            ar.adjusted_shewhart_arl(wrong)
    with pytest.raises(DesignError, match="weight"):
        ar.residual_arl(0.3, weight=0.0)
