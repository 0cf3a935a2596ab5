"""Batches unlike those known are told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import Timeline, forward_domain


def test_new_products_and_strange_inputs_lie_outside():
    X = np.column_stack([np.tile([1.0, 2.0], 6), np.ones(12)])
    X[10, 0], X[11] = 9.0, np.nan
    keys = ["a"] * 8 + ["new"] + ["a"] * 3
    found = forward_domain(X, keys, Timeline.of(np.arange(12)), n_own=2, share=0.0)
    assert found.tolist() == [False, False, *[True] * 6, False, True, False, True]


@given(st.integers(0, 99))
def test_later_rows_change_nothing(seed):
    rng = np.random.default_rng(seed)
    periods = np.sort(rng.integers(0, 6, 30))
    X, keys, timeline = rng.normal(size=(30, 3)), ["a"] * 30, Timeline.of(periods)
    plain = forward_domain(X, keys, timeline)
    other = np.where((periods > 3)[:, None], X * 50, X)
    assert np.array_equal(plain[periods <= 3], forward_domain(other, keys, timeline)[periods <= 3])


def test_lengths_are_checked():
    with pytest.raises(DataError, match="keys"):
        forward_domain([[1.0]], ["a", "b"], Timeline.of([1]))
