"""Cells to numbers and results."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.tabular._parts import ResultSpec
from goldenbatch.connectors.tabular._values import CellError, numbers, quantity_cells, result_of
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


@pytest.mark.parametrize("text", ["1.5", "1.2.3", "12.34", "1234.567", "1.5,0", ".123"])
def test_a_mark_that_is_not_between_thousands_is_refused(text):
    german = spec(decimal=",", thousands=".")
    found, _, problems = numbers(column("1.234.567,5", text, "-12.345", "1234,5"), german)
    assert list(problems) == [1]
    assert found[[0, 2, 3]].tolist() == [1234567.5, -12345.0, 1234.5]
    with pytest.raises(CellError, match="is no number"):
        result_of(text, ResultSpec(column="x"), german, {""})


def test_quantities_take_the_marks_of_the_table():
    german = spec(decimal=",", thousands=".", constants={"unit": "kg"})

    def size(text):
        return quantity_cells("{size} {unit}", {"size": text, "unit": "kg"}, german)["size"]

    assert [size(one) for one in ("1,5", "240.000", "2,5 t", "")] == ["1.5", "240000", "2.5 t", ""]
    for text in ("1.5", "240.00 kg"):
        with pytest.raises(CellError, match=r"size: .* is no number"):
            size(text)
    assert quantity_cells("{size}", {"size": "1.5 kg"}, spec())["size"] == "1.5 kg"


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
