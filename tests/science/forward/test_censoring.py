"""Results at the reporting limit: no error below it, the least error above it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import Reported, interval_score

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@given(VALUES, st.floats(0, 1), st.integers(0, 99))
def test_an_error_is_the_least_that_it_can_be(values, limit, seed):
    reported = Reported.of(values, limit)
    guess = np.random.default_rng(seed).uniform(-0.5, 1.5, len(values))
    errors = reported.errors(guess)
    for k, value in enumerate(values):
        if value <= limit:
            possible = np.append(np.linspace(-2.0, limit, 200), min(guess[k], limit))
            least = np.abs(guess[k] - possible).min()
            assert abs(errors[k]) == pytest.approx(least, abs=1e-12)
        else:
            assert errors[k] == guess[k] - value


def test_nothing_is_replaced_in_silence():
    reported = Reported.of([0.01, 0.05, 0.2, math.nan], 0.05)
    assert reported.uncensored_share == pytest.approx(1 / 3)
    assert reported.is_censored.tolist() == [True, True, False, False]
    assert math.isnan(Reported.of([]).uncensored_share)
    with pytest.raises(DataError, match="predictions"):
        reported.errors([1.0])


def test_interval_score_is_that_of_gneiting_and_raftery():
    # Width, and 2 / alpha times what is missed: alpha 0.1.
    scores = interval_score(Reported.of([5.0, 3.0, 8.0]), [4.0] * 3, [6.0] * 3, 0.9)
    assert scores == pytest.approx([2.0, 2.0 + 20.0 * 1.0, 2.0 + 20.0 * 2.0])


def test_an_interval_below_the_limit_is_the_limit_itself():
    score = interval_score(Reported.of([0.01], 0.05), [-1.0], [0.02], 0.9)
    assert score == pytest.approx([0.0])
