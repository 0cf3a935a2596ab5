"""What a declaration must be to mean one thing: names, single expressions, laws that are true."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.dimensions import dimension_of

if TYPE_CHECKING:
    from goldenbatch.science.process.declarations import Quantity
    from goldenbatch.science.process.model import Model

N_POINTS = 3
_ROUNDING = 1e-12
_TOLERANCE = 1e-6
_OURS = re.compile(r"time|measured\..*|x0\..*")


def check_name(name: str, where: str) -> None:
    """Refuse a name that tables, posteriors or vectors could read as something else.

    Raises:
        DesignError: It is empty, has brackets or odd blanks, or is one of the package's own.
    """
    is_plain = name == name.strip() and name.isprintable() and not set(name) & set("[]")
    if not name or not is_plain or _OURS.fullmatch(name):
        raise DesignError(
            f"{where} declares {name!r}, which is no name of its own.",
            hint="Take letters without brackets; `time`, `x0.` and `measured.` are the package's.",
        )


def check_time_unit(unit: str, where: str) -> None:
    """Refuse a time that is measured in anything but time (or in a pure number).

    Raises:
        DesignError: It is another unit.
    """
    if unit != "1" and dict(dimension_of(unit).exponents) != {"second": 1.0}:
        raise DesignError(f"{where} has time in {unit!r}.", hint="Take h, min, s or d.")


def finite(value: float, where: str) -> float:
    """The number, if it is one.

    Raises:
        DesignError: It is not finite.
    """
    if not isfinite(value):
        raise DesignError(f"{where} is {value}.", hint="Give a finite number.")
    return value


def single(expression: Any, where: str) -> Any:
    """The expression, if it is a single one.

    Raises:
        DesignError: It is a vector.
    """
    found = ca.SX(expression)
    if found.numel() != 1:
        raise DesignError(
            f"{where} has {found.numel()} elements.", hint="Give one for each name, or their sum."
        )
    return ca.densify(found)


def check_free(known: Iterable[Any], names: str, expression: Any, where: str) -> None:
    """Refuse an expression over symbols other than those that are known.

    Args:
        known: Symbols, vectors included.
        names: What they are, for the message.
        expression: Any expression.
        where: What it is, for the message.

    Raises:
        DesignError: A symbol is a stranger: it is named.
    """
    hashes = {element.element_hash() for one in known for element in ca.vertsplit(ca.vec(one))}
    for symbol in ca.symvar(ca.SX(expression)):
        if symbol.element_hash() not in hashes:
            raise DesignError(
                f"{where} uses {symbol.name()!r}, which it does not declare.",
                hint=f"Use only {names}, as the builder gave them out.",
            )


def check_unique(name: str, declared: Iterable[Any], where: str) -> None:
    """Refuse a second one of a name.

    Raises:
        DesignError: There is one already, or the name is none.
    """
    check_name(name, where)
    if any(one.name == name for one in declared):
        raise DesignError(f"{where} is declared twice.", hint="Rename one.")


def check_twin(
    name: str, expression: Any, declared: Mapping[Any, Any], symbols: Mapping[Any, Any], where: str
) -> None:
    """Refuse an output of the name of a state that is another thing: they share one column.

    Raises:
        DesignError: It is another expression.
    """
    for kind, quantities in declared.items():
        for one, symbol in zip(quantities, symbols[kind], strict=True):
            if one.name == name and not ca.is_equal(symbol, ca.SX(expression)):
                raise DesignError(
                    f"{where} is not the {kind.__name__.lower()} of that name.",
                    hint="Rename the output.",
                )


def column(parts: Iterable[Any]) -> Any:
    """One dense column of all expressions, vectors among them."""
    columns = [ca.vec(ca.densify(ca.SX(one))) for one in parts]
    return ca.vertcat(*columns) if columns else ca.SX(0, 1)


def resolved(named: Sequence[tuple[Any, Any]], expressions: Sequence[Any]) -> list[Any]:
    """Expressions with the named intermediates and constants put into them."""
    if not named:
        return list(expressions)
    symbols = [symbol for symbol, _ in named]
    _, outside = ca.substitute_inplace(symbols, [e for _, e in named], list(expressions), False)
    return list(outside)


def check_laws(model: Model) -> None:
    """Refuse a conservation law that the equations break, at points about the declared values.

    Raises:
        DesignError: A law is none: amount, change and inflow are told.
    """
    if not model.laws:
        return
    random = np.random.default_rng(6)
    kinds = (model.states, model.algebraics, model.inputs, model.parameters)
    terms = _terms(model)
    for _ in range(N_POINTS):
        at = [_point(quantities, random) for quantities in kinds]
        parts = (*model.law_functions(0.7, *at), terms(0.7, *at))
        found = (np.array(part, dtype=float).ravel() for part in parts)
        for law, amount, rate, inflow, whole in zip(model.laws, *found, strict=True):
            size = max(abs(rate), abs(inflow)) + 1e-9 * abs(amount) + 1e-9
            if abs(rate - inflow) > _TOLERANCE * size + _ROUNDING * whole:
                raise DesignError(
                    f"{model.name}: law {law.name!r} does not hold: {amount:g} {law.unit} changes "
                    f"by {rate:g}, flows by {inflow:g} per {model.time_unit}.",
                    hint="Correct the equations, or what the law counts as inflow.",
                )


def _terms(model: Model) -> Any:
    """Sum of the sizes of what changes each amount: what rounding goes by, however it cancels."""
    e = model.expressions
    slopes = ca.jacobian(e.laws[: len(model.laws)], e.x)
    return ca.Function("terms", [e.t, e.x, e.z, e.u, e.p], [ca.fabs(slopes) @ ca.fabs(e.rhs)])


def _point(quantities: Sequence[Quantity], random: np.random.Generator) -> np.ndarray:
    parts = []
    for one in quantities:
        spread = 0.3 * np.maximum(np.abs(one.value), 0.1 * one.scale)
        drawn = np.array(one.value) + spread * random.uniform(0.0, 1.0, one.size)
        parts.append(np.clip(drawn, one.lower, one.upper))
    return np.concatenate(parts) if parts else np.empty(0)
