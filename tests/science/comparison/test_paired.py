"""Non-inferiority on the same rows: level, peers, groups, edges."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goldenbatch.science.comparison import CompareSettings, compare_paired
from goldenbatch.science.comparison._errors import group_sums
from goldenbatch.science.comparison.paired import _statistics
from goldenbatch.science.errors import DataError, DesignError

MEASURES = ("rmse", "mae", "bias")


def rows(n_groups=12, per_group=3, seed=0, worse=1.0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), per_group)
    lot = rng.normal(size=n_groups)[groups]
    old = 0.5 * lot + rng.normal(size=len(groups))
    new = worse * (0.8 * old + 0.6 * rng.normal(size=len(groups)))
    return np.zeros(len(groups)), new, old, [f"lot {one}" for one in groups]


def measured(errors, measure):
    return {
        "rmse": math.sqrt(np.mean(errors**2)),
        "mae": float(np.mean(np.abs(errors))),
        "bias": abs(float(np.mean(errors))),
    }[measure]


@pytest.mark.parametrize("measure", MEASURES)
def test_the_difference_is_that_of_the_measure_itself(measure):
    truth, new, old, groups = rows()
    result = compare_paired(truth, new, old, groups, CompareSettings(measure=measure))
    wanted = (measured(new, measure), measured(old, measure))
    assert (result.new, result.old) == pytest.approx(wanted)
    assert result.difference == pytest.approx(wanted[0] - wanted[1])
    assert result.lower < result.difference < result.upper
    assert (result.n_rows, result.n_groups) == (36, 12)


def test_bca_is_that_of_scipy():
    """Peer: scipy.stats.bootstrap of the same statistic over single rows."""
    truth, new, old, _ = rows(40, 1, seed=3)

    def statistic(a, b, axis=-1):
        return np.sqrt(np.mean(a**2, axis)) - np.sqrt(np.mean(b**2, axis))

    theirs = stats.bootstrap(
        (new, old), statistic, paired=True, vectorized=True, confidence_level=0.9, method="BCa",
        n_resamples=20_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    chosen = CompareSettings(method="bca", confidence=0.95, n_resamples=20_000)
    ours = compare_paired(truth, new, old, [str(n) for n in range(40)], chosen)
    assert (ours.lower, ours.upper) == pytest.approx((theirs.low, theirs.high), abs=0.01)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_standard_error_is_that_of_the_jackknife(measure):
    truth, new, old, groups = rows(60, 2, seed=5)
    sums = group_sums(truth, new, old, groups, measure)
    linear = _statistics(sums, np.ones((1, 60)))[2][0]
    left_out = _statistics(sums, 1.0 - np.eye(60))[1]
    jackknife = math.sqrt(59 / 60 * np.sum((left_out - left_out.mean()) ** 2))
    assert linear == pytest.approx(jackknife, rel=0.05)


@pytest.mark.parametrize("worse", [1.0, 1.3])
def test_a_margin_that_is_just_reached_is_passed_no_more_often_than_allowed(worse):
    """Type-I error: the truth lies on the margin, so each pass is an error; 5 % are allowed."""
    true_difference = worse - 1.0  # both errors have a variance of 1 before
    n_runs, n_passed = 200, 0
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        lots = np.repeat(np.arange(16), 3)
        shared, own, other = (
            math.sqrt(0.2) * rng.normal(size=16)[lots] + math.sqrt(0.8) * rng.normal(size=48)
            for _ in range(3)
        )
        old, new = 0.8 * shared + 0.6 * own, worse * (0.8 * shared + 0.6 * other)
        result = compare_paired(
            np.zeros(48), new, old, [str(n) for n in lots],
            CompareSettings(n_resamples=400, seed=seed),
        )  # fmt: skip
        n_passed += result.is_non_inferior(true_difference)
    # 99.9 % of such simulations of a true 8 % (what 16 groups may cost) stay below 14.5 %.
    assert n_passed / n_runs < 0.145
    assert n_passed > 0, "a test that never errs has no power either"


def test_rows_of_one_lot_count_as_one():
    truth, new, old, groups = rows(12, 1, seed=2, worse=1.2)
    single = compare_paired(truth, new, old, groups)
    again = [np.tile(one, 10) for one in (truth, new, old)]
    repeated = compare_paired(*again, groups * 10)
    assert (repeated.lower, repeated.upper) == pytest.approx((single.lower, single.upper))
    as_rows = compare_paired(*again, [str(n) for n in range(120)])
    assert as_rows.upper - as_rows.lower < 0.6 * (single.upper - single.lower)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(MEASURES), st.sampled_from(["studentised", "bca"]))
def test_a_model_against_itself_is_equivalent_to_any_margin(seed, measure, method):
    truth, new, _, groups = rows(seed=seed)
    chosen = CompareSettings(measure=measure, method=method, n_resamples=200)
    result = compare_paired(truth, new, new, groups, chosen)
    assert (result.lower, result.difference, result.upper) == (0, 0, 0)
    assert result.is_equivalent(1e-9) and not result.is_superior


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(MEASURES), st.sampled_from(["studentised", "bca"]))
def test_a_higher_confidence_only_widens(seed, measure, method):
    truth, new, old, groups = rows(seed=seed)
    ends = []
    for confidence in (0.8, 0.9, 0.95):
        chosen = CompareSettings(measure, confidence, method, 400)
        result = compare_paired(truth, new, old, groups, chosen)
        ends.append((result.lower, result.upper))
    assert [a for a, _ in ends] == sorted((a for a, _ in ends), reverse=True)
    assert [b for _, b in ends] == sorted(b for _, b in ends)


def test_few_groups_that_cannot_tell_pass_nothing():
    truth = [0.0] * 4
    result = compare_paired(truth, [0.1, 0.9, 0.2, 0.4], [1.0, 1.1, 0.9, 1.0], list("abcd"),
                            CompareSettings(confidence=0.999))  # fmt: skip
    assert result.upper == math.inf and not result.is_non_inferior(1e9)
    assert result.to_json()["upper"] is None
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (([0.0] * 3, [1.0] * 3, [1.0] * 3, list("abc")), "3 groups; 4 groups are needed"),
        (([0.0] * 4, [1.0] * 3, [1.0] * 4, list("abcd")), "4 rows have 3 new, 4 groups"),
        (([0.0] * 4, [1.0] * 4, [1.0] * 4, list("abc")), "4 rows have 4 new, 3 groups"),
        (([0.0] * 4, [1.0, math.nan, 1, 1], [1.0] * 4, list("abcd")), "new has 1 missing"),
        (([0.0] * 4, [1.0] * 4, [1.0, math.inf, 1, 1], list("abcd")), "infinite"),
    ],
)
def test_rows_that_carry_no_comparison_are_refused(values, words):
    with pytest.raises(DataError, match=words):
        compare_paired(*values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"confidence": 0.4}, "bounds nothing"),
        ({"confidence": 1.0}, "bounds nothing"),
        ({"measure": "r2"}, "no measure 'r2'"),
        ({"n_resamples": 10}, "too few"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, words):
    with pytest.raises(DesignError, match=words):
        CompareSettings(**values)


def test_every_process_says_the_same_bits():
    code = (
        "from tests.science.comparison.test_paired import rows\n"
        "from goldenbatch.science.comparison import compare_paired\n"
        "r = compare_paired(*rows()); print(r.upper.hex(), r.lower.hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for seed, threads in (("0", "1"), ("7", "2"))
    }  # fmt: skip
    assert len(found) == 1 and found.pop().strip()
