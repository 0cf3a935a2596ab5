"""Naive predictors and the paired comparison."""

import math

import numpy as np
import pytest
from scipy import stats

from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics import baselines as bl


def test_last_result_uses_only_what_was_known_before():
    generator = np.random.default_rng(1)
    result_at = np.sort(generator.integers(0, 100, 12))
    results = generator.standard_normal(12)
    results[3] = math.nan
    at = np.arange(0, 110)
    predicted = bl.last_result(results, result_at, at)
    for time, value in zip(at, predicted, strict=True):
        known = [r for r, t in zip(results, result_at, strict=True) if t < time and r == r]
        assert value == known[-1] if known else math.isnan(value)


def test_order_of_results_does_not_matter():
    assert bl.last_result([7.0, 5.0], [20, 10], [15, 21]).tolist() == [5.0, 7.0]


def test_comparison_agrees_with_scipy_and_repeats():
    generator = np.random.default_rng(2)
    truth = generator.standard_normal(60)
    model, baseline = truth + 0.3 * generator.standard_normal(60), np.zeros(60)
    result = bl.compare_errors(truth, model, baseline, seed=4)
    theirs = stats.ttest_rel((truth - model) ** 2, (truth - baseline) ** 2)
    assert result.p_value == pytest.approx(theirs.pvalue)
    assert result.is_better
    assert result == bl.compare_errors(truth, model, baseline, seed=4)
    assert not bl.compare_errors(truth, baseline, model).is_better
    same = bl.compare_errors(truth, model, model)
    assert (same.p_value, same.difference, same.is_better) == (1.0, 0.0, False)


def test_missing_rows_are_left_out_and_bad_shapes_refused():
    assert bl.rmse([1.0, math.nan], [3.0, 4.0]) == 2.0
    with pytest.raises(DataError):
        bl.rmse([1.0, 2.0], [1.0])
    with pytest.raises(DataError):
        bl.compare_errors([1.0, math.nan], [1.0, 2.0], [1.0, 2.0])
    with pytest.raises(DataError):
        bl.last_result([1.0], [1, 2], [3])
