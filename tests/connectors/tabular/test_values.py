"""Cells to numbers and results."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.tabular._parts import ResultSpec
from goldenbatch.connectors.tabular._values import CellError, numbers, result_of
from goldenbatch.connectors.tabular.card import TableSpec


def spec(**changes: object) -> TableSpec:
    base = {"name": "t", "files": ["*"], "separator": ";", "check": [{"product": "{a}"}]}
    return TableSpec.model_validate({**base, **changes})


def column(*texts: str) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts)])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_numbers_come_back_as_they_were(values):
    found, gaps, problems = numbers(column(*map(repr, values)), spec())
    assert not problems
    assert not gaps.any()
    assert found.tolist() == values


def test_decimal_comma_thousands_and_blanks():
    found, gaps, problems = numbers(
        column(" 1 234,5", "+2,5e3 ", "", "n/a", "1.5"),
        spec(decimal=",", thousands=" ", missing=["", "n/a"]),
    )
    assert found[:2].tolist() == [1234.5, 2500.0]
    assert gaps.tolist() == [False, False, True, True, False]
    assert list(problems) == [4]


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "0x10", "1,5", "ten", "--1", "1 2"])
def test_what_is_no_finite_number_is_refused(text):
    _, _, problems = numbers(column("1", text), spec())
    assert list(problems) == [1]
    assert repr(text) in problems[1]


def test_integers_that_a_float_cannot_hold_are_refused():
    _, _, problems = numbers(column(str(2**53), str(2**53 + 1), str(2**60)), spec())
    assert list(problems) == [1]
    assert "digits" in problems[1]


def test_results_keep_their_digits_and_their_limits():
    one = ResultSpec(column="x", unit="%", loq="0.05")
    assert result_of("0.10", one, spec(), {""}).value == "0.10"
    censored = result_of("<0.05", one, spec(), {""})
    assert (censored.operator, censored.value, censored.number) == ("<", "0.05", 0.05)
    assert result_of("≥ 99.9", one, spec(), {""}).text == ">=99.9"
    assert result_of("ND", one, spec(), {""}).text == "<0.05"
    assert result_of("", one, spec(), {""}) is None
    assert result_of("0,10", one, spec(decimal=","), {""}).value == "0.10"
    word = result_of("clear", ResultSpec(column="x", kind="category"), spec(), {""})
    assert (word.kind, word.value) == ("category", "clear")


@pytest.mark.parametrize("text", ["abc", "<abc", "1,5"])
def test_a_cell_that_is_no_result_is_refused(text):
    with pytest.raises(CellError):
        result_of(text, ResultSpec(column="x"), spec(), {""})
    with pytest.raises(CellError, match="no loq"):
        result_of("ND", ResultSpec(column="x"), spec(), {""})
