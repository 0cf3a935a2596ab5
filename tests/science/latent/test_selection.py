"""Folds and the choice of components."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent import selection as sl


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.data())
def test_folds_hold_each_row_once(n, data):
    k = data.draw(st.integers(2, n))
    groups = data.draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    makers = [lambda: sl.interleaved_folds(n, k), lambda: sl.contiguous_folds(n, k)]
    if len(set(groups)) > 1:
        makers.append(lambda: sl.grouped_folds(groups))
    for make in makers:
        joined = np.concatenate(make())
        assert np.sort(joined).tolist() == list(range(n))
    if len(set(groups)) > 1:
        assert all(len({groups[i] for i in fold}) == 1 for fold in sl.grouped_folds(groups))


def test_impossible_folds_are_refused():
    for make in (sl.interleaved_folds, sl.contiguous_folds):
        with pytest.raises(DesignError):
            make(3, 4)
    with pytest.raises(DesignError):
        sl.grouped_folds(["one", "one"])


def test_one_standard_error_prefers_the_smaller_model():
    noise = np.random.default_rng(1).random((50, 1))
    errors = noise + np.array([2.0, 0.02, 0.01, 0.0])
    assert sl.one_standard_error(errors) == 2


def test_components_for_variance():
    assert sl.components_for_variance([4.0, 3.0, 2.0, 1.0], 0.7) == 2
    assert sl.components_for_variance([4.0, 3.0, 2.0, 1.0], 1.0) == 4
