"""The paired ratio of errors: its value, its interval, its groups."""

import math

import numpy as np
import pytest

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import error_ratio


def errors(seed, n_groups=40, worse=1.0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), 4)
    common = rng.normal(size=n_groups)[groups] * 0.7
    old = common + rng.normal(size=len(groups))
    new = worse * (common + rng.normal(size=len(groups)))
    return new, old, [str(one) for one in groups]


def test_the_ratio_is_that_of_root_mean_squares_in_any_unit():
    new, old, groups = errors(1)
    found = error_ratio(new, old, groups)
    assert found.ratio == pytest.approx(math.sqrt(np.mean(new**2) / np.mean(old**2)))
    scaled = error_ratio(1000 * new, 1000 * old, groups)
    assert (scaled.lower, scaled.upper) == pytest.approx((found.lower, found.upper))
    turned = error_ratio(old, new, groups)
    assert turned.ratio == pytest.approx(1 / found.ratio)
    assert (turned.lower, turned.upper) == pytest.approx((1 / found.upper, 1 / found.lower))


def test_the_interval_holds_the_truth_as_often_as_it_says():
    held = [(one := error_ratio(*errors(s), n_resamples=400)).lower <= 1 <= one.upper
            for s in range(120)]  # fmt: skip
    assert np.mean(held) > 0.88


def test_rows_of_one_group_count_together():
    new, old, groups = errors(2)
    rows = error_ratio(new, old, [str(k) for k in range(len(new))])
    again = error_ratio(np.repeat(new, 3), np.repeat(old, 3), np.repeat(groups, 3).tolist())
    whole = error_ratio(new, old, groups)
    assert (again.lower, again.upper) == pytest.approx((whole.lower, whole.upper))
    assert rows.n_groups == 160 and whole.n_groups == 40


def test_too_few_groups_tell_nothing():
    found = error_ratio([1.0, 0.5], [1.0, 1.0], ["a", "b"])
    assert (found.lower, found.upper) == (0.0, math.inf)
    with pytest.raises(DataError, match="no error"):
        error_ratio([1.0], [0.0], ["a"])
    with pytest.raises(DataError, match="groups"):
        error_ratio([1.0], [1.0, 2.0], ["a"])
