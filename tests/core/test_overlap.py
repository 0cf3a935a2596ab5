"""A test set that shares anything with the training is found, whatever it is called."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_card import DataRange, DataUsed
from goldenbatch.core.overlap import require_apart, row_tokens, shared


def data(tag="line/nir", start=0, end=10, digest="1", **more):
    one = DataRange(what=tag, digest=digest * 64, n=1, start=start, end=end)
    return DataUsed(ranges=(one,), **more)


APART = data(start=100, end=110, digest="2")


def test_independent_data_share_nothing():
    test = data(batches=("B1",), lots=("api/L1",), samples=("S1",), rows=("r1",))
    other = APART.model_copy(
        update={"batches": ("B2",), "lots": ("api/L2",), "samples": ("S2",), "rows": ("r2",)}
    )
    assert shared(test, other) == ()
    require_apart(test, other, split="time", names="both")
    undated = DataUsed(ranges=(DataRange(what="x", digest="3" * 64, n=1),))
    assert shared(test, undated) == ()


@pytest.mark.parametrize(
    ("training", "what"),
    [
        (data(tag="other/tag", start=500, end=510), "range"),
        (data(start=9, end=20, digest="2"), "time"),
        (data(tag="line/raman", start=3, end=4, digest="2"), "time"),
        (APART.model_copy(update={"batches": ("B0", "B1")}), "batch"),
        (APART.model_copy(update={"lots": ("api/L1",)}), "lot"),
        (APART.model_copy(update={"samples": ("S1",)}), "sample"),
        (APART.model_copy(update={"rows": ("r9", "r1")}), "row"),
    ],
)
def test_each_kind_of_overlap_is_found_by_itself(training, what):
    test = data(batches=("B1",), lots=("api/L1",), samples=("S1",), rows=("r1",))
    assert [one.what for one in shared(test, training)] == [what]
    with pytest.raises(ConflictError, match="test and training overlap: 1 "):
        require_apart(test, training, split="time", names="test and training")


def test_another_place_at_the_same_time_is_another_material():
    assert shared(data(), data(tag="line2/nir", digest="2")) == ()


def test_equipment_may_not_be_shared_where_the_set_was_cut_along_it():
    test, training = data(places=("press1",)), APART.model_copy(update={"places": ("press1",)})
    assert shared(test, training, "time") == ()
    assert [str(one) for one in shared(test, training, "equipment")] == ["1 place (press1)"]


SPECTRUM = [0.4 + random.Random(k).random() for k in range(200)]


def found(one, other):
    return bool(set(one) & set(other))


@pytest.mark.parametrize("n_decimals", [6, 7, 9])
def test_a_row_written_with_fewer_digits_is_the_same_row(n_decimals):
    copied = [round(x, n_decimals) for x in SPECTRUM]
    assert found(row_tokens(SPECTRUM, 98.7), row_tokens(copied, 98.7))


def test_of_several_rows_written_with_four_digits_some_are_known_again():
    rng = random.Random(4)
    rows = [[0.4 + rng.random() for _ in range(60)] for _ in range(12)]
    known = [
        found(row_tokens(row, 98.7), row_tokens([float(f"{x:.4g}") for x in row], 98.7))
        for row in rows
    ]
    assert all(known)


def test_columns_in_another_order_are_the_same_row():
    assert found(row_tokens(SPECTRUM, 98.7), row_tokens(SPECTRUM[::-1], 98.7))


def test_the_same_inputs_with_another_result_are_another_row():
    assert not found(row_tokens(SPECTRUM, 98.7), row_tokens(SPECTRUM, 98.9))


def test_a_row_of_few_digits_has_no_mark():
    assert row_tokens([20.0, 5.0], 98.0) == ()
    assert row_tokens([1.2345678, 2.3456789], 98.7) != ()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.1, 10), min_size=6, max_size=40), st.integers(0, 39))
def test_rows_that_differ_in_the_third_digit_of_a_value_are_not_the_same(row, place):
    other = list(row)
    place %= len(row)
    other[place] += 0.05 * other[place]
    whole, again = row_tokens(row, 7.654321)[0], row_tokens(other, 7.654321)[0]
    assert whole != again
    assert row_tokens(row, 7.654321) == row_tokens(list(row), 7.654321)
