"""Dimensional analysis of CasADi expressions: unit and factor of every node are followed.

`mg/L + g/L` is as wrong here as `mg/L + h`: a factor of 1000 is the error that no test of
plausibility finds. Conversion factors are therefore constants with units of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose
from textwrap import shorten
from typing import Any

from goldenbatch.core.quantities import base_units, has_own_zero
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca

_DIGITS = 1e-9


class UnitMismatchError(DesignError):
    """Units of a model that do not fit together."""


@dataclass(frozen=True)
class Dimension:
    """Exponents of base units and the factor to them; `is_any` for zero, which fits all."""

    factor: float = 1.0
    exponents: tuple[tuple[str, float], ...] = ()
    is_any: bool = False
    literal: float | None = None

    def times(self, other: Dimension, sign: float = 1.0) -> Dimension:
        """Dimension of a product (`sign=-1`: of a quotient)."""
        total = dict(self.exponents)
        for base, exponent in other.exponents:
            total[base] = total.get(base, 0.0) + sign * exponent
        return Dimension(
            self.factor * other.factor**sign, _clean(total), self.is_any or other.is_any
        )

    def power(self, exponent: float) -> Dimension:
        """Dimension of a power."""
        raised = {base: exponent * one for base, one in self.exponents}
        return Dimension(self.factor**exponent, _clean(raised), self.is_any)

    def fits(self, other: Dimension) -> bool:
        """Whether the two may be added and compared."""
        if self.is_any or other.is_any:
            return True
        return self.exponents == other.exponents and isclose(
            self.factor, other.factor, rel_tol=_DIGITS
        )

    @property
    def is_pure(self) -> bool:
        """Whether it is a plain number, not even a per cent."""
        return self.fits(PURE)

    def __str__(self) -> str:
        """For people: factor and base units."""
        units = ".".join(f"{base}^{exponent:g}" for base, exponent in self.exponents) or "1"
        return units if isclose(self.factor, 1.0, rel_tol=_DIGITS) else f"{self.factor:g} {units}"


def _clean(exponents: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted((b, round(e, 9)) for b, e in exponents.items() if abs(e) > _DIGITS))


PURE = Dimension()
ANY = Dimension(is_any=True)


def dimension_of(unit: str) -> Dimension:
    """Dimension of a UCUM code.

    Raises:
        UnitError: It is no UCUM code.
        UnitMismatchError: It is a scale with a zero of its own, such as Cel.
    """
    if has_own_zero(unit):
        raise UnitMismatchError(
            f"unit {unit!r} has a zero of its own and cannot stand in equations.",
            hint="Declare temperatures in K; an output may be declared in Cel.",
        )
    factor, exponents = base_units(unit)
    return Dimension(factor, _clean(dict(exponents)))


_SAME = ("ADD", "SUB", "FMIN", "FMAX", "HYPOT", "FMOD", "REMAINDER", "COPYSIGN")
_COMPARED = ("LT", "LE", "EQ", "NE", "ATAN2")
_KEPT = ("NEG", "FABS", "FLOOR", "CEIL", "TWICE", "ASSIGN")
_PURE = (
    "EXP", "LOG", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN", "SINH", "COSH", "TANH", "ASINH",
    "ACOSH", "ATANH", "ERF", "ERFINV", "LOG1P", "EXPM1", "NOT", "AND", "OR",
)  # fmt: skip
_POWERS = {"SQ": 2.0, "SQRT": 0.5, "INV": -1.0}
_NAMES = {getattr(ca, f"OP_{name}"): name for name in (
    *_SAME, *_COMPARED, *_KEPT, *_PURE, *_POWERS, "MUL", "DIV", "POW", "CONSTPOW", "CONST",
    "PARAMETER", "SIGN", "IF_ELSE_ZERO",
)}  # fmt: skip


class DimensionCheck:
    """Follows dimensions through scalar CasADi expressions; what was seen is remembered."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[int, Dimension] = {}
        self._kept: list[Any] = []

    def declare(self, symbol: Any, dimension: Dimension) -> None:
        """Tell the dimension of a symbol, element by element of a vector."""
        for element in ca.vertsplit(ca.vec(symbol)):
            self._known[element.element_hash()] = dimension
            self._kept.append(element)

    def of(self, expression: Any, where: str) -> Dimension:
        """Dimension of a scalar expression.

        Args:
            expression: Scalar SX.
            where: Name of the equation, for the message.

        Raises:
            UnitMismatchError: Two units in it do not fit; the message shows the place.
        """
        stack = [expression]
        while stack:
            node = stack[-1]
            key = node.element_hash()
            if key in self._known:
                stack.pop()
                continue
            parts = [node.dep(index) for index in range(node.n_dep())]
            missing = [one for one in parts if one.element_hash() not in self._known]
            if missing:
                stack.extend(missing)
                continue
            self._known[key] = _node(node, [self._known[p.element_hash()] for p in parts], where)
            # Hashes are addresses: a node must live as long as what is known of it.
            self._kept.append(node)
            stack.pop()
        return self._known[expression.element_hash()]

    def require(self, expression: Any, unit: str, where: str) -> None:
        """Refuse an expression whose elements do not all have a unit.

        Raises:
            UnitMismatchError: One has another; the message names both.
        """
        wanted = dimension_of(unit)
        for element in ca.vertsplit(ca.vec(ca.densify(ca.SX(expression)))):
            found = self.of(element, where)
            if not found.fits(wanted):
                raise UnitMismatchError(
                    f"{where} is declared in {unit} ({wanted}), but its expression has {found}.",
                    hint="Correct the unit, or multiply by a constant that converts it.",
                )


def _node(node: Any, parts: list[Dimension], where: str) -> Dimension:
    name = _NAMES.get(node.op())
    if name == "CONST":
        value = float(node)
        return ANY if value == 0.0 else Dimension(literal=value)
    if name is None or name == "PARAMETER":
        raise UnitMismatchError(
            f"{where} uses {str(node)[:60]!r}, of which no unit is declared.",
            hint="Use only symbols that the builder gave out, and elementary functions.",
        )
    return _RULES[name](node, parts, where)


def _same(node: Any, parts: list[Dimension], where: str) -> Dimension:
    one, other = parts
    if not one.fits(other):
        raise _misfit(node, where, f"{one} and {other}")
    return other if one.is_any else Dimension(one.factor, one.exponents)


def _pure(node: Any, parts: list[Dimension], where: str) -> Dimension:
    for part in parts:
        if not part.is_pure:
            raise _misfit(node, where, f"{part} where a pure number is needed")
    return PURE


def _compared(node: Any, parts: list[Dimension], where: str) -> Dimension:
    _same(node, parts, where)
    return PURE


def _chosen(node: Any, parts: list[Dimension], where: str) -> Dimension:
    _pure(node, parts[:1], where)
    return parts[1]


def _power(node: Any, parts: list[Dimension], where: str) -> Dimension:
    base, exponent = parts
    if exponent.is_any:
        return PURE
    if exponent.literal is not None:
        return base.power(exponent.literal)
    return _pure(node, parts, where)


def _fixed_power(node: Any, parts: list[Dimension], where: str) -> Dimension:
    return parts[0].power(_POWERS[_NAMES[node.op()]])


def _misfit(node: Any, where: str, what: str) -> UnitMismatchError:
    shown = shorten(str(node), 90, placeholder="...")
    return UnitMismatchError(
        f"{where}: units do not match in {shown}: {what}.",
        hint="Correct a unit, or multiply by a constant that converts it.",
    )


_RULES: dict[str, Callable[[Any, list[Dimension], str], Dimension]] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_COMPARED, _compared),
    **dict.fromkeys(_KEPT, lambda _node, parts, _where: Dimension(*_bare(parts[0]))),
    **dict.fromkeys(_PURE, _pure),
    **dict.fromkeys(_POWERS, _fixed_power),
    "MUL": lambda _node, parts, _where: parts[0].times(parts[1]),
    "DIV": lambda _node, parts, _where: parts[0].times(parts[1], -1.0),
    "POW": _power,
    "CONSTPOW": _power,
    "SIGN": lambda _node, _parts, _where: PURE,
    "IF_ELSE_ZERO": _chosen,
}


def _bare(one: Dimension) -> tuple[float, tuple[tuple[str, float], ...], bool]:
    return one.factor, one.exponents, one.is_any
