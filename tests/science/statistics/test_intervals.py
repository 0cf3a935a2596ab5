"""Intervals: exact coverage."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.intervals import clopper_pearson, conformal_half_width


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.data(), st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_pearson_is_that_of_scipy(n, data, confidence):
    k = data.draw(st.integers(0, n))
    ours = clopper_pearson(k, n, confidence)
    theirs = stats.binomtest(k, n).proportion_ci(confidence, method="exact")
    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), abs=1e-8)
    assert ours.covers(k / n)


def test_clopper_pearson_refuses_impossible_counts():
    for k, n in ((-1, 5), (6, 5), (0, 0)):
        with pytest.raises(DataError):
            clopper_pearson(k, n)


def test_conformal_interval_covers_new_values():
    generator = np.random.default_rng(2)
    share = [
        abs(generator.standard_t(3)) <= conformal_half_width(generator.standard_t(3, 19), 0.9)
        for _ in range(4000)
    ]
    assert np.mean(share) == pytest.approx(0.9, abs=0.02)


def test_conformal_with_too_few_residuals_is_infinite():
    assert conformal_half_width(np.ones(8), 0.9) == math.inf
    assert conformal_half_width(np.ones(9), 0.9) == 1.0
    with pytest.raises(DataError):
        conformal_half_width([1.0], 1.0)
