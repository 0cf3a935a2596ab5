"""Limits and their false-alarm rate on later data."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, OverlapError
from goldenbatch.science.statistics import limits as lm
from goldenbatch.science.statistics.charts import SigmaMethod


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(0, 50), st.integers(-20, 20))
def test_rows_it_was_fitted_on_are_refused(n, fitted_until, offset):
    at = np.arange(n) + fitted_until + offset
    if offset < 0:
        with pytest.raises(OverlapError, match="later rows only"):
            lm.false_alarm_rate(np.zeros(n, bool), at, fitted_until=fitted_until)
    else:
        rate = lm.false_alarm_rate(np.zeros(n, bool), at, fitted_until=fitted_until)
        assert (rate.n_alarms, rate.n, rate.rate, rate.lower) == (0, n, 0.0, 0.0)
        assert rate.upper == pytest.approx(1 - 0.025 ** (1 / n))
        assert rate.measured_from == fitted_until + offset


def test_the_rate_of_three_sigma_limits_on_later_data_is_what_it_should_be():
    values = np.random.default_rng(7).standard_normal(30_000)
    limits = lm.sigma_limits(values[:10_000], sigma_method=SigmaMethod.OVERALL)
    later = limits.is_outside(values[10_000:])
    rate = lm.false_alarm_rate(later, np.arange(10_000, 30_000), fitted_until=limits.fitted_until)
    assert rate.lower <= 0.0027 <= rate.upper
    assert lm.FalseAlarmRate.from_json(rate.to_json()) == rate


def test_missing_rows_are_not_counted():
    values = np.array([math.nan, 9.0, 0.0])
    limits = lm.ReferenceLimits(-1, 0, 1, "given", 5, 10)
    rate = lm.false_alarm_rate(
        limits.is_outside(values), [5, 11, 12], fitted_until=10, is_judged=~np.isnan(values)
    )
    assert (rate.n_alarms, rate.n) == (1, 2)


def test_quantile_limits_hold_for_values_that_are_not_normal():
    generator = np.random.default_rng(8)
    limits = lm.quantile_limits(generator.lognormal(size=999), coverage=0.95)
    share = 1 - limits.is_outside(generator.lognormal(size=20_000)).mean()
    assert share == pytest.approx(0.95, abs=0.02)
    with pytest.raises(DataError, match="39 are needed"):
        lm.quantile_limits(np.arange(20.0), coverage=0.95)


def test_shapes_and_empty_input_are_refused():
    with pytest.raises(DataError):
        lm.false_alarm_rate([True], [1, 2], fitted_until=0)
    with pytest.raises(DataError, match="no row"):
        lm.false_alarm_rate([], [], fitted_until=0)
