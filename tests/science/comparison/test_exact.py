"""Exact tests against figures of Fisher, R and by hand; their level over all flips."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goldenbatch.science.comparison import mcnemar_exact, sign_flip_test, swap_test
from goldenbatch.science.errors import DataError

# Darwin's maize, crossed less self-fertilised, eighths of an inch (Fisher 1935, section 17).
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def test_fisher_on_darwins_maize():
    """Fisher 1935, section 21: 863 of 32,768 sums are as large; 1,726 in both directions."""
    one = sign_flip_test(DARWIN, alternative="greater")
    assert (one.p_value, one.is_exact, one.n) == (863 / 32768, True, 15)
    assert one.statistic == pytest.approx(314 / 15)
    assert sign_flip_test(DARWIN, alternative="two_sided").p_value == 1726 / 32768


def test_a_sample_of_flips_is_near_the_exact_test():
    values = [*DARWIN, 0.0, 0.0]  # 17: no longer gone through in full; the zeros change nothing
    sampled = sign_flip_test(values, alternative="greater")
    assert not sampled.is_exact
    assert sampled.p_value == pytest.approx(863 / 32768, abs=0.004)
    assert sign_flip_test(values, alternative="greater") == sampled


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8))
def test_over_all_flips_no_level_is_exceeded(gaps):
    """Exactness: of the data sets that one flip makes of another, at most a share p has p."""
    ps = [
        sign_flip_test(np.array(signs) * gaps).p_value
        for signs in itertools.product((1, -1), repeat=len(gaps))
    ]
    for level in set(ps):
        assert np.mean(np.array(ps) <= level) <= level + 1e-12


def test_a_margin_shifts_the_question():
    gaps = [0.1, 0.3, 0.2, 0.25, 0.15, 0.2]
    assert sign_flip_test(gaps, alternative="less").p_value == 1
    assert sign_flip_test(gaps, shift=0.5, alternative="less").p_value == 1 / 64


def test_swapping_finds_the_better_model_and_not_the_worse():
    rng = np.random.default_rng(4)
    truth, groups = np.zeros(30), [f"lot {n // 3}" for n in range(30)]
    good, bad = rng.normal(0, 0.5, 30), rng.normal(0, 2.0, 30)
    for measure in ("rmse", "mae"):
        assert swap_test(truth, good, bad, groups, measure).p_value < 0.01
        assert swap_test(truth, bad, good, groups, measure).p_value > 0.99
    assert swap_test(truth, good, good, groups).p_value == 1
    constant = swap_test(truth, truth + 0.1, truth + 1, groups, "bias")
    assert constant.p_value == 1 / 1024


def test_swapping_keeps_its_level_where_nothing_sets_the_models_apart():
    hits, n_runs = 0, 200
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        lot = rng.normal(size=(2, 8)).repeat(3, axis=1)
        new, old = lot + rng.normal(size=(2, 24))
        groups = [str(n) for n in np.repeat(np.arange(8), 3)]
        hits += swap_test(np.zeros(24), new, old, groups).p_value <= 0.05
    # 99.9 % of simulations of a true 5 % have at most 21 of 200.
    assert 0 < hits <= 21


def test_mcnemar_by_hand_and_by_the_binomial():
    new, old = [1] * 9 + [0] + [1, 0] * 5, [0] * 9 + [1] + [1, 0] * 5
    result = mcnemar_exact(new, old)
    assert (result.n_new_only, result.n_old_only, result.n) == (9, 1, 20)
    assert result.p_two_sided == pytest.approx(2 * 11 / 1024)
    assert result.p_better == pytest.approx(11 / 1024)
    for n_new, n_old in ((150, 86), (3, 3), (0, 0), (0, 7)):
        result = mcnemar_exact([1] * n_new + [0] * n_old + [1], [0] * n_new + [1] * n_old + [1])
        n = n_new + n_old
        wanted = stats.binomtest(n_new, n).pvalue if n else 1.0
        assert result.p_two_sided == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sign_flip_test([]), "0 values"),
        (lambda: swap_test([], [], [], []), "no rows"),
        (lambda: mcnemar_exact([1], [1, 0]), "cannot be paired"),
        (lambda: mcnemar_exact([], []), "cannot be paired"),
    ],
)
def test_nothing_to_test_is_refused(call, words):
    with pytest.raises(DataError, match=words):
        call()
