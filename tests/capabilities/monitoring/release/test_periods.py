"""Months of several languages stand in their order."""

import pytest

from goldenbatch.capabilities.monitoring._periods import (
    day_number,
    month_number,
    period_label,
    period_numbers,
)
from goldenbatch.core.errors import BadInputError

SLOVENIAN = "jan feb mar apr maj jun jul avg sep okt nov dec".split()


def test_a_year_of_months_is_twelve_steps():
    found = [month_number(f"{name}.19") for name in SLOVENIAN]
    assert found == list(range(found[0], found[0] + 12))
    assert [period_label(one, "month") for one in found][::11] == ["2019-01", "2019-12"]
    assert month_number("Okt 2019") == month_number("2019-10") == month_number("2019-10-31T08:00")


@pytest.mark.parametrize("text", ["", "13.19", "xyz.19", "2019-13", "19"])
def test_what_is_no_month_is_none(text):
    assert month_number(text) is None


def test_other_names_may_be_given():
    assert month_number("kovovir.20", {"Kovovir": 3}) == month_number("mar.20")


def test_days():
    assert period_label(day_number("2020-02-29"), "day") == "2020-02-29"
    assert day_number("2021-02-29") is None
    assert day_number("2020-02") is None


def test_rows_without_a_period_are_named():
    with pytest.raises(BadInputError, match="row 2 of column 'start' has 'soon'"):
        period_numbers(["nov.18", "soon"], "start", "month", {})
    assert period_numbers([5.0, 7.0], "start", "month", {}) == [5, 7]
    assert period_numbers(["x", "y"], "", "order", {}) == [0, 1]
