"""Checks of input arrays."""

import math

import numpy as np
import pytest

from goldenbatch.science import _arrays
from goldenbatch.science.errors import DataError


@pytest.mark.parametrize("wrong", [3.0, [[1.0]], ["a"], [math.inf], [[1.0], [1.0, 2.0]], None])
def test_a_vector_is_one_number_per_row(wrong):
    with pytest.raises(DataError):
        _arrays.vector(wrong)


@pytest.mark.parametrize("wrong", [3.0, [1.0], [["a"]], [[-math.inf]]])
def test_a_matrix_has_rows_and_columns(wrong):
    with pytest.raises(DataError):
        _arrays.matrix(wrong)


def test_missing_values_are_counted():
    with pytest.raises(DataError, match="1 missing"):
        _arrays.complete(np.array([1.0, math.nan]), "it")
    assert _arrays.present([1.0, math.nan, 2.0], 2).tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="3 are needed"):
        _arrays.present([1.0, math.nan, 2.0], 3)


def test_a_matrix_is_contiguous_whatever_came_in():
    assert _arrays.matrix(np.ones((3, 4), dtype=np.float32).T).flags.c_contiguous
