"""Verification against the laboratory: limits that hold their level, and see what they should."""

import math

import numpy as np
import pytest
from scipy import stats

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.spectra.watch import bias_chart, level, verify
from goldenbatch.science.statistics import score


def test_bias_and_slope_are_those_of_the_tests_by_hand():
    generator = np.random.default_rng(1)
    y = generator.uniform(0, 10, 12)
    x = y + generator.normal(0.2, 0.3, 12)
    found = verify(x, y, 0.3, 60)
    t = stats.ttest_1samp(x - y, 0.0)
    assert found.is_biased == (t.pvalue < 0.05)
    assert found.bias_limit == pytest.approx(abs(found.bias / t.statistic) * stats.t.ppf(0.975, 11))
    line = stats.linregress(x, y)
    assert found.slope == pytest.approx(line.slope)
    assert found.slope_limit == pytest.approx(line.stderr * stats.t.ppf(0.975, 10))


def test_a_sound_sensor_passes_and_each_fault_is_told_apart():
    generator = np.random.default_rng(2)
    flagged = np.zeros(3)
    for _ in range(400):
        y = generator.uniform(0, 10, 10)
        found = verify(y + generator.normal(0, 0.3, 10), y, 0.3, 400)
        flagged += [found.is_biased, found.is_skewed, found.is_noisier]
    assert (np.abs(flagged / 400 - 0.05) < 0.035).all()
    y = np.linspace(0, 10, 10)
    noise = generator.normal(0, 0.3, 10)
    assert verify(y + noise + 1, y, 0.3, 60).is_biased
    assert verify(1.3 * (y - 5) + 5 + noise, y, 0.3, 60).is_skewed
    assert verify(y + 5 * (noise - noise.mean()), y, 0.3, 60).is_noisier


def test_values_that_do_not_vary_have_no_slope():
    found = verify([1.0, 1.0, 1.0], [1.0, 2.0, 0.0], 1.0, 20)
    assert math.isnan(found.slope)
    assert not found.is_skewed
    with pytest.raises(DataError, match="at least 3"):
        verify([1.0, 2.0], [1.0, 2.0], 1.0, 20)


def test_the_chart_of_the_bias_sees_one_standard_deviation_within_a_few_samples():
    design = bias_chart(2.0)
    alarms = score(design, [2.0] * 20).is_alarm
    assert int(np.argmax(alarms)) == 10
    assert not score(design, [0.5, -0.5] * 50).is_alarm.any()
    with pytest.raises(DesignError, match="gives no chart"):
        bias_chart(0.0)
    assert level([0.0, 1.0]) < level([1.0, 1.0]) == 0.0
