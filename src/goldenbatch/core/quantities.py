"""Quantities: a value with its digits as entered, and a unit as a UCUM code.

Conversions between powers of ten need nothing else; for the others pint is loaded, on its
first use, because building its registry takes more than half a second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

from goldenbatch.core._ucum import ARBITRARY, DEFINITIONS, SUGGESTIONS, Code, read_code
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import pint

N_DIGITS = 15
"""Significant digits of a converted value, as many as a float holds without doubt."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_TEXT = re.compile(r"\s*(<=|>=|≤|≥|<|>|)\s*([+-]?[0-9.]\S*?)(?:\s+(\S+)|(%))?\s*")
_OPERATORS: dict[str, Operator] = {"≤": "<=", "≥": ">=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_ROUND = Context(prec=N_DIGITS, rounding=ROUND_HALF_EVEN)
_PRECISION = 60

Operator = Literal["", "<", "<=", ">", ">="]
"""Side of its limit on which a censored value lies; empty for a plain number."""


class UnitError(BadInputError, ValueError):
    """A unit that is not UCUM, or that does not convert to another one."""


def is_number(text: str) -> bool:
    """Whether a text is a finite decimal number as records keep it.

    >>> is_number("7.10"), is_number("7,10"), is_number("nan")
    (True, False, False)
    """
    return _NUMBER.fullmatch(text) is not None and isfinite(float(text))


def check_unit(code: str) -> str:
    """Return the code if it is UCUM, or empty (for text, which has no unit).

    Raises:
        UnitError: It is not UCUM; the hint names the code that may be meant.

    >>> check_unit("mg/L")
    'mg/L'
    """
    if code:
        _read(code)
    return code


def _read(code: str) -> Code:
    try:
        return read_code(code)
    except ValueError as error:
        meant = SUGGESTIONS.get(code) or SUGGESTIONS.get(code.lower())
        hint = f"Did you mean {meant!r}?" if meant else "See ucum.org for the codes."
        raise UnitError(f"unit {code!r} is no UCUM code: {error}.", hint=hint) from error


@dataclass(frozen=True)
class Quantity:
    """A value and its unit. Equality is that of the text: `7.1 mg` is not `7.10 mg`.

    Attributes:
        value: Decimal number with its digits as entered.
        unit: UCUM code; `1` for a pure number.
        operator: Set if the value is only known to lie beyond `value`.
    """

    value: str
    unit: str = "1"
    operator: Operator = ""

    def __post_init__(self) -> None:
        """Refuse what is no number or no unit."""
        if not is_number(self.value):
            raise UnitError(
                f"value {self.value!r} is no decimal number.",
                hint="Write digits with a decimal point, such as 7.10 or 1.5e6.",
            )
        _read(self.unit)

    @classmethod
    def parse(cls, text: str) -> Quantity:
        """Read `7.10 mg`, `240000 {tbl}`, `<0.05 %` or a pure number.

        Raises:
            UnitError: The text is no quantity, or its unit is no UCUM code.

        >>> Quantity.parse("<0.05 %")
        Quantity(value='0.05', unit='%', operator='<')
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise UnitError(
                f"{text!r} is no quantity.", hint="Write value, space and unit, such as '7.10 mg'."
            )
        return cls(found[2], found[3] or found[4] or "1", _OPERATORS.get(found[1], ""))

    def __str__(self) -> str:
        """The form that `parse` reads."""
        return f"{self.operator}{self.value}" + ("" if self.unit == "1" else f" {self.unit}")

    @property
    def decimal(self) -> Decimal:
        """Exact value."""
        return Decimal(self.value)

    @property
    def float(self) -> float:
        """Value as the nearest float, for arrays and charts."""
        return float(self.value)

    @property
    def n_decimals(self) -> int:
        """Decimal places as entered."""
        return max(0, -int(self.decimal.as_tuple().exponent))

    def to(self, unit: str, *, is_difference: bool = False) -> Quantity:
        """The same quantity in another unit.

        Powers of ten keep the digits as entered; other conversions give 15 significant
        digits without trailing zeros.

        Args:
            unit: UCUM code.
            is_difference: Whether a temperature is a difference, so that no zero is shifted.

        Raises:
            UnitError: The unit does not convert; the message names both.

        >>> Quantity("7.10", "mg").to("g")
        Quantity(value='0.00710', unit='g', operator='')
        >>> Quantity("2.0", "Cel").to("[degF]", is_difference=True).value
        '3.6'
        """
        if unit == self.unit:
            return self
        value = _convert(self.decimal, self.unit, unit, is_difference=is_difference)
        return Quantity(_plain(value), unit, self.operator)

    def is_convertible_to(self, unit: str) -> bool:
        """Whether the quantity has the dimension of a unit."""
        try:
            self.to(unit)
        except UnitError:
            return False
        return True

    def compare(self, other: Quantity) -> int:
        """-1, 0 or 1: this value is smaller, equal or larger, whatever the units.

        Raises:
            UnitError: A unit does not convert, or one of the two is censored.

        >>> Quantity("7.10", "mg").compare(Quantity("0.0071", "g"))
        0
        """
        if self.operator or other.operator:
            raise UnitError(
                f"{self} and {other} have no order, because one is known as a bound only.",
                hint="Use goldenbatch.core.results.compare, which can say undecidable.",
            )
        mine, theirs = self.to(other.unit).decimal, other.decimal
        return (mine > theirs) - (mine < theirs)


def conversion(source: str, target: str) -> tuple[float, float]:
    """Factor and offset that turn floats from one unit into another.

    Raises:
        UnitError: The units do not convert; the message names both.

    >>> conversion("kN", "N")
    (1000.0, 0.0)
    """
    zero = _convert(Decimal(0), source, target, is_difference=False)
    one = _convert(Decimal(1), source, target, is_difference=True)
    return float(one), float(zero)


def has_own_zero(code: str) -> bool:
    """Whether a unit is a scale whose zero is not that of its dimension, such as Celsius.

    >>> has_own_zero("mCel"), has_own_zero("J/Cel")
    (True, False)
    """
    return bool(_read(code).offset_scale)


@lru_cache(maxsize=1024)
def base_units(code: str) -> tuple[float, tuple[tuple[str, float], ...]]:
    """Factor to base units, and the base units with their exponents, of a UCUM code.

    A scale with a zero of its own counts as the unit of its differences. What is counted
    (an annotation in braces) is left out.

    Raises:
        UnitError: It is no UCUM code.

    >>> base_units("mg/L")
    (0.001, (('kilogram', 1.0), ('meter', -3.0)))
    """
    read = _read(code)
    found = _pint_quantity(_registry(), read.expression(is_difference=True)).to_base_units()
    exponents = sorted((name, float(power)) for name, power in found.unit_items())
    return float(Decimal(found.magnitude).scaleb(read.scale)), tuple(exponents)


def _convert(value: Decimal, source: str, target: str, *, is_difference: bool) -> Decimal:
    one, other = _read(source), _read(target)
    if one.notes and other.notes and one.notes != other.notes:
        raise _no_way(source, target, "they count different things")
    is_scale = (one.offset_scale or other.offset_scale) and not is_difference
    with localcontext(prec=_PRECISION):
        if one.atoms == other.atoms and not (is_scale and one.scale != other.scale):
            return value.scaleb(one.scale - other.scale)
        if not is_scale:
            factor = _factor(one, other, source, target)
            return (value * factor.scaleb(one.scale - other.scale)).normalize(_ROUND)
        shifted = _pint_convert(value.scaleb(one.scale), one, other, (source, target))
        return shifted.scaleb(-other.scale).normalize(_ROUND)


@lru_cache(maxsize=1024)
def _factor(one: Code, other: Code, source: str, target: str) -> Decimal:
    return _pint_convert(Decimal(1), one, other, (source, target), is_difference=True)


def _pint_convert(
    value: Decimal, one: Code, other: Code, names: tuple[str, str], *, is_difference: bool = False
) -> Decimal:
    import pint

    units = _registry()
    try:
        start = _pint_quantity(units, one.expression(is_difference=is_difference))
        end = _pint_quantity(units, other.expression(is_difference=is_difference))
        magnitude = units.Quantity(value * start.magnitude, start.units).to(end.units).magnitude
    except (pint.DimensionalityError, pint.OffsetUnitCalculusError) as error:
        raise _no_way(*names, "their dimensions differ") from error
    result: Decimal = magnitude / end.magnitude
    return result


def _pint_quantity(units: pint.UnitRegistry[Any], expression: str) -> Any:
    """Magnitude and pint unit of an expression; a plain scale such as Celsius is no product."""
    if expression.startswith("degree_"):
        return units.Quantity(Decimal(1), expression)
    found = units.parse_expression(expression)
    return found if isinstance(found, units.Quantity) else units.Quantity(Decimal(found))


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    # Decimal magnitudes: 0.1 must stay 0.1 where a limit is a hair away.
    units: pint.UnitRegistry[Any] = pint.UnitRegistry(non_int_type=Decimal, cache_folder=None)
    for line in (*DEFINITIONS, *(f"{name} = [{name}]" for name in ARBITRARY)):
        units.define(line)
    return units


def _no_way(source: str, target: str, why: str) -> UnitError:
    return UnitError(
        f"unit {source!r} does not convert to {target!r}: {why}.",
        hint="Correct the unit, or state the conversion in the method.",
    )


def _plain(value: Decimal) -> str:
    """Digits without exponent, unless there would be more than 25 of them."""
    text = format(value, "f")
    return text if len(text) <= 26 else format(value, "E")
