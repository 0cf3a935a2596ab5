"""Capability of values that are skewed, off target or censored, against known truths."""

import math

import numpy as np
import pytest
from scipy import stats

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics import capability_shapes as cs
from goldenbatch.science.statistics.capability import process_capability


def test_quantiles_of_normal_values_give_the_usual_ppk():
    values = np.random.default_rng(1).normal(100.0, 2.0, 2000)
    found = cs.quantile_capability(values, 92.0, 110.0, n_resamples=100)
    usual = process_capability(values, 92.0, 110.0)
    assert found.ppk.estimate == pytest.approx(usual.ppk.estimate, rel=0.05)
    assert found.ppk.interval.lower < 8 / 6 < found.ppk.interval.upper
    assert found.pp.interval.lower < 18 / 12 < found.pp.interval.upper
    assert found.power == pytest.approx(1.0, abs=0.1)


def test_skewed_values_are_judged_by_their_own_quantiles():
    """Gamma values: the normal Ppk is too kind to the long tail, the one by quantiles is true."""
    truth = stats.gamma(4.0)
    median, high = truth.ppf(0.5), truth.ppf(1 - 0.00135)
    upper = median + 1.2 * (high - median)
    values = truth.rvs(1500, random_state=3)
    found = cs.quantile_capability(values, upper=upper, n_resamples=150)
    assert found.ppk.estimate == pytest.approx(1.2, rel=0.06)
    assert found.ppk.interval.lower < 1.2 < found.ppk.interval.upper
    assert process_capability(values, upper=upper).ppk.estimate > 1.45
    assert math.isnan(found.pp.estimate)


def test_the_interval_covers_the_truth_as_often_as_stated():
    truth = stats.lognorm(0.4)
    median, high = truth.ppf(0.5), truth.ppf(1 - 0.00135)
    n_covered, rng = 0, np.random.default_rng(5)
    for _ in range(25):
        values = truth.rvs(120, random_state=rng)
        interval = cs.quantile_capability(
            values, upper=high, confidence=0.9, n_resamples=40
        ).ppk.interval
        n_covered += interval.lower <= 1.0 <= interval.upper
    assert (high - median) > 0
    assert n_covered >= 18


def test_cpm_falls_off_the_target_and_its_interval_is_that_of_boyles():
    values = np.random.default_rng(3).normal(10.0, 1.0, 400)
    on, off = (cs.taguchi_index(values, 4.0, 16.0, target) for target in (10.0, 12.0))
    assert on.estimate == pytest.approx(2.0, rel=0.06)
    assert off.estimate == pytest.approx(2.0 / math.sqrt(5.0), rel=0.06)
    assert on.interval.lower < 2.0 < on.interval.upper


@pytest.mark.parametrize("is_lognormal", [False, True])
def test_censored_results_give_the_ppk_of_the_whole(is_lognormal):
    rng = np.random.default_rng(4)
    z = rng.normal(0.0, 1.0, 1200)
    whole = np.exp(0.5 * z) if is_lognormal else 10.0 + z
    edge = float(np.quantile(whole, 0.4))
    limit = math.exp(2.0) if is_lognormal else 14.0
    known = whole[whole >= edge]
    found = cs.censored_capability(
        known, len(whole) - len(known), edge, limit, is_lognormal=is_lognormal
    )
    assert found.ppk.interval.lower < 4.0 / 3.0 < found.ppk.interval.upper
    assert found.ppk.estimate == pytest.approx(4.0 / 3.0, rel=0.06)
    naive = process_capability(np.where(whole < edge, edge, whole), upper=limit).ppk.estimate
    assert naive > 1.1 * found.ppk.estimate or is_lognormal


def test_without_censoring_it_is_the_usual_ppk():
    values = np.random.default_rng(6).normal(5.0, 1.0, 300)
    found = cs.censored_capability(values, 0, 0.0, 9.0)
    assert found.ppk.estimate == pytest.approx((9 - values.mean()) / (3 * values.std()), rel=1e-4)


def test_what_cannot_be_known_is_refused():
    values = [0.06, 0.07, 0.08] * 2
    with pytest.raises(DataError, match="94 of 100 results are below"):
        cs.censored_capability(values, 94, 0.05, 0.2)
    with pytest.raises(DesignError):
        cs.censored_capability(values * 10, 1, 0.07, 0.2)
    with pytest.raises(DesignError):
        cs.quantile_capability([1.0, 2.0] * 20)
    with pytest.raises(DataError, match="no variation"):
        cs.quantile_capability([1.0] * 30, upper=2.0)
    with pytest.raises(DesignError, match="not between"):
        cs.taguchi_index([1.0, 2.0] * 20, 0.0, 3.0, 4.0)
