import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from goldenbatch.core import _ucum
from goldenbatch.core.quantities import (
    Quantity,
    UnitError,
    _registry,
    check_unit,
    conversion,
    is_number,
)

decimals = st.decimals(
    min_value=-(10**9), max_value=10**9, places=4, allow_nan=False, allow_infinity=False
).map(str)


def test_import_loads_no_pint() -> None:
    code = (
        "import sys, goldenbatch.core.quantities as q; "
        "q.Quantity('7.10', 'mg').to('kg'); sys.exit('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "value", "unit", "operator"),
    [
        ("7.10 mg", "7.10", "mg", ""),
        ("240000 {tbl}", "240000", "{tbl}", ""),
        ("<0.05 %", "0.05", "%", "<"),
        ("5%", "5", "%", ""),
        ("≥ 1.5e6 [CFU]/mL", "1.5e6", "[CFU]/mL", ">="),
        (" -3 Cel ", "-3", "Cel", ""),
        ("42", "42", "1", ""),
    ],
)
def test_parse(text: str, value: str, unit: str, operator: str) -> None:
    found = Quantity.parse(text)
    assert (found.value, found.unit, found.operator) == (value, unit, operator)
    assert Quantity.parse(str(found)) == found


@pytest.mark.parametrize("text", ["", "mg", "7,10 mg", "nan mg", "1e999 mg", "5 mg mL", "5  ", "∞"])
def test_parse_refuses_what_is_no_quantity(text: str) -> None:
    if text == "5  ":
        assert Quantity.parse(text) == Quantity("5")
        return
    with pytest.raises(UnitError):
        Quantity.parse(text)


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        ("7.10", "mg", "g", "0.00710"),
        ("37.0", "Cel", "K", "310.15"),
        ("212", "[degF]", "Cel", "100"),
        ("0", "Cel", "[degF]", "32"),
        ("0.05", "%", "[ppm]", "500"),
        ("150", "kDa", "u", "150000"),
        ("6", "kU", "umol/min", "6000"),
        ("60", "U", "ukat", "1"),
        ("25", "mm[Hg]", "Pa", "3333.05"),
        ("1", "W/(m2.Cel)", "W/(m2.K)", "1"),
        ("5", "Cel/min", "K/h", "300"),
        ("3", "10*6/mL", "/L", "3000000000"),
        ("1", "[Cal]", "J", "4184"),
        ("90", "min", "h", "1.5"),
        ("1.50", "L", "dm3", "1.5"),
        ("20", "mg/{tbl}", "ug/{tbl}", "20000"),
        ("2", "k[IU]", "[IU]", "2000"),
        ("1", "[in_i]", "mm", "25.4"),
        ("1.0", "CFU/mL", "[CFU]/mL", "1.0"),
    ],
)
def test_conversion_golden(value: str, unit: str, target: str, expected: str) -> None:
    assert Quantity(value, unit).to(target).value == expected


def test_a_difference_of_temperature_shifts_no_zero() -> None:
    assert Quantity("10", "Cel").to("K", is_difference=True).value == "10"
    assert Quantity("10", "Cel").to("[degF]", is_difference=True).value == "18"
    assert conversion("Cel", "[degF]") == (1.8, 32.0)


@pytest.mark.parametrize(
    ("unit", "target"),
    [
        ("mg", "mL"),
        ("[IU]", "mg"),
        ("[pH]", "1"),
        ("{tbl}", "{score}"),
        ("[CFU]", "[IU]"),
        ("mol", "1"),
        ("Cel", "m"),
        ("mg/{tbl}", "mg/{vial}"),
    ],
)
def test_a_unit_that_cannot_convert_names_both(unit: str, target: str) -> None:
    with pytest.raises(UnitError) as caught:
        Quantity("1", unit).to(target)
    assert repr(unit) in str(caught.value)
    assert repr(target) in str(caught.value)
    assert not Quantity("1", unit).is_convertible_to(target)


@pytest.mark.parametrize(
    ("code", "meant"),
    [("°C", "Cel"), ("rpm", "/min"), ("ppm", "[ppm]"), ("µm", "um"), ("sec", "s"), ("M", "mol/L")],
)
def test_a_wrong_spelling_is_told_the_right_one(code: str, meant: str) -> None:
    with pytest.raises(UnitError, match="Did you mean") as caught:
        check_unit(code)
    assert repr(meant) in caught.value.hint
    assert check_unit(meant) == meant


@pytest.mark.parametrize("code", ["mgg", "m//s", "m(", "(m", "m s", "{", "m)", "kmin", "m."])
def test_what_is_no_ucum_is_refused(code: str) -> None:
    with pytest.raises(UnitError, match="no UCUM code"):
        Quantity("1", code)


def test_every_atom_of_the_table_is_known_to_pint() -> None:
    units = _registry()
    for atom, expression in {**_ucum.METRIC, **_ucum.PLAIN}.items():
        units.parse_expression(expression)
        assert Quantity("1", atom).to(atom).value == "1"
    for spelling, meant in _ucum.SUGGESTIONS.items():
        check_unit(meant)
        assert spelling


@given(decimals, st.sampled_from(["ug", "mg", "g", "kg", "t"]), st.sampled_from(["ug", "mg", "kg"]))
def test_powers_of_ten_keep_every_digit(value: str, unit: str, target: str) -> None:
    quantity = Quantity(value, unit)
    there_and_back = quantity.to(target).to(unit)
    assert there_and_back.decimal == quantity.decimal
    if unit != "t":
        digits = quantity.decimal.as_tuple().digits
        kept = quantity.to(target).decimal.as_tuple().digits
        assert kept[: len(digits)] == digits
        assert not any(kept[len(digits) :])


@given(
    decimals,
    st.sampled_from(
        [("Cel", "[degF]"), ("h", "min"), ("[psi]", "kPa"), ("L", "[gal_us]"), ("J", "cal")]
    ),
)
def test_conversions_are_inverse(value: str, pair: tuple[str, str]) -> None:
    start = Quantity(value, pair[0])
    back = start.to(pair[1]).to(pair[0])
    assert abs(back.decimal - start.decimal) <= Decimal("1e-12") * max(abs(start.decimal), 1000)


@given(decimals, st.sampled_from([("Cel", "K"), ("kN", "N"), ("[degF]", "Cel"), ("bar", "[psi]")]))
def test_factor_and_offset_agree_with_the_exact_way(value: str, pair: tuple[str, str]) -> None:
    factor, offset = conversion(*pair)
    exact = Quantity(value, pair[0]).to(pair[1]).float
    assert float(value) * factor + offset == pytest.approx(exact, rel=1e-9, abs=1e-9)


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_unit_error(text: str) -> None:
    try:
        quantity = Quantity.parse(text)
    except UnitError:
        return
    assert Quantity.parse(str(quantity)) == quantity
    assert is_number(quantity.value)


def test_compare_across_units() -> None:
    assert Quantity("7.10", "mg").compare(Quantity("0.0071", "g")) == 0
    assert Quantity("1", "h").compare(Quantity("61", "min")) == -1
    assert Quantity("7.1", "mg") != Quantity("7.10", "mg")
    with pytest.raises(UnitError, match="no order"):
        Quantity.parse("<5 mg").compare(Quantity("4", "mg"))


def test_a_quantity_is_a_field_of_a_model() -> None:
    class Model(BaseModel):
        size: Quantity

    model = Model(size=Quantity("7.10", "mg"))
    assert Model.model_validate_json(model.model_dump_json()) == model
    with pytest.raises(ValidationError, match="UCUM"):
        Model.model_validate({"size": {"value": "1", "unit": "nonsense"}})
