"""A distance is one: to itself none, both ways the same, no short cut over a third."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.comparison import prediction_distance
from goldenbatch.science.errors import DataError

ROWS = st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 3), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_it_is_a_distance(rows):
    a, b, c = (list(one) for one in zip(*rows, strict=True))
    ab, ba, bc, ac = (prediction_distance(*pair) for pair in ((a, b), (b, a), (b, c), (a, c)))
    assert prediction_distance(a, a).rms == prediction_distance(a, a).largest == 0
    assert (ab.rms, ab.largest, ab.mean) == (ba.rms, ba.largest, -ba.mean)
    tiny = 1e-300  # below it a division rounds to the next number there is
    assert ac.rms <= (ab.rms + bc.rms) * (1 + 1e-12) + tiny
    assert ac.largest <= (ab.largest + bc.largest) * (1 + 1e-12) + tiny
    assert ab.rms <= ab.largest * (1 + 1e-12) + tiny


def test_figures():
    distance = prediction_distance([1.0, 2.0, 3.0], [1.0, 5.0, -1.0])
    assert distance.rms == pytest.approx(math.sqrt(25 / 3))
    assert (distance.largest, distance.at_row, distance.n) == (4.0, 2, 3)
    assert distance.mean == pytest.approx(-1 / 3)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [([1.0], [1.0, 2.0], "same rows"), ([], [], "same rows"), ([math.nan], [1.0], "missing")],
)
def test_rows_without_a_prediction_are_refused(first, second, words):
    with pytest.raises(DataError, match=words):
        prediction_distance(first, second)
