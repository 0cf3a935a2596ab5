"""The vector that a fit looks for: shared parameters, those of one batch, initial states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.declarations import Prior, Quantity
    from goldenbatch.science.process.fitting.problem import Batch, Problem

SHARED = ""


@dataclass(frozen=True)
class Unknown:
    """One number to be found.

    The search runs on an inner scale: the logarithm, or the value over its scale.

    Attributes:
        name: Of the parameter, or `x0.<state>`.
        batch: To which it belongs; empty: shared by all.
        kind: A parameter or an initial state.
        place: Element of the model's `p` or `x`.
        value: To start at.
        lower: Bound, in the declared unit.
        upper: Bound.
        scale: Typical size.
        is_log: Whether the search runs on its logarithm.
        prior: Mean and standard deviation on the inner scale; None: bounds only.
        unit: UCUM code.
    """

    name: str
    batch: str
    kind: Literal["parameter", "initial"]
    place: int
    value: float
    lower: float
    upper: float
    scale: float
    is_log: bool
    prior: tuple[float, float] | None
    unit: str

    @property
    def label(self) -> str:
        """Unique in a problem: the name, with `@batch` where it belongs to one."""
        return f"{self.name}@{self.batch}" if self.batch else self.name

    def inner(self, value: float) -> float:
        """Value on the inner scale."""
        if not self.is_log:
            return value / self.scale
        return log(value) if value > 0.0 else -np.inf

    def outer(self, inner: float) -> float:
        """Value in the declared unit."""
        return exp(min(inner, 700.0)) if self.is_log else inner * self.scale

    def slope(self, value: float) -> float:
        """Derivative of the value by the inner one."""
        return value if self.is_log else self.scale

    @property
    def box(self) -> tuple[float, float]:
        """Finite inner bounds: of the search for starts, and of flat directions.

        Where a bound is missing: three decades about the value, or ten scales.
        """
        low, high = self.inner(self.lower), self.inner(self.upper)
        middle = self.inner(self.value)
        reach = 3.0 * log(10.0) if self.is_log else max(10.0, 10.0 * abs(middle))
        return (
            low if isfinite(low) else min(middle, high if isfinite(high) else middle) - reach,
            high if isfinite(high) else max(middle, low if isfinite(low) else middle) + reach,
        )


def vector(unknowns: tuple[Unknown, ...]) -> NDArray[np.float64]:
    """Inner values to start at. Shape `(n_unknowns,)`."""
    return np.array([one.inner(one.value) for one in unknowns])


def limits(unknowns: tuple[Unknown, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inner bounds; infinite where there are none. Shapes `(n_unknowns,)`."""
    return (
        np.array([one.inner(one.lower) for one in unknowns]),
        np.array([one.inner(one.upper) for one in unknowns]),
    )


def outer(unknowns: tuple[Unknown, ...], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in the declared units. Shape `(n_unknowns,)`."""
    return np.array([one.outer(float(x)) for one, x in zip(unknowns, inner, strict=True)])


def unknowns_of(problem: Problem) -> tuple[Unknown, ...]:
    """All that a problem looks for: shared first, then batch by batch.

    Raises:
        DesignError: A parameter is named twice, or nothing is unknown.
        DataError: A name is unknown, or a value to start at lies outside its bounds.
    """
    twice = set(problem.fitted) & set(problem.per_batch)
    if twice or len(set(problem.fitted)) < len(problem.fitted):
        raise DesignError(
            f"parameters {sorted(twice) or list(problem.fitted)} are asked for twice.",
            hint="Name each once, as shared or as one of each batch.",
        )
    first = problem.batches[0]
    found = [*_parameters(problem, problem.fitted, first, SHARED)]
    for batch in problem.batches:
        own = [name for name in problem.per_batch if name not in batch.parameters]
        found += [*_parameters(problem, tuple(own), batch, batch.name), *_initials(problem, batch)]
    if not found:
        raise DesignError("nothing is to be fitted.", hint="Name parameters in `fitted`.")
    return tuple(found)


def _parameters(
    problem: Problem, names: tuple[str, ...], batch: Batch, owner: str
) -> Iterator[Unknown]:
    model = problem.loaded
    values = problem.parameters_of(batch)
    priors: Mapping[str, Prior | None]
    if isinstance(problem.priors, str):
        priors = {one.name: one.prior for one in model.parameters}
    else:
        priors = problem.priors
    for name in names:
        where = model.at("parameters", name)
        declared = next(one for one in model.parameters if one.name == name)
        for k, element in enumerate(declared.elements):
            place = where.start + k
            head = (element, owner, "parameter", place)
            pair = (float(values[place]), float(declared.value[k]))
            yield _unknown(problem, declared, head, pair, priors.get(name))


def _initials(problem: Problem, batch: Batch) -> Iterator[Unknown]:
    model = problem.loaded
    guess = model.x0(problem.parameters_of(batch), batch.initial)
    for name, prior in batch.unknown_initial.items():
        where = model.at("states", name)
        declared = next(one for one in model.states if one.name == name)
        for k, element in enumerate(declared.elements):
            place = where.start + k
            head = (f"x0.{element}", batch.name, "initial", place)
            pair = (float(guess[place]), float(guess[place]))
            yield _unknown(problem, declared, head, pair, prior)


def _unknown(
    problem: Problem,
    declared: Quantity,
    head: tuple[str, str, str, int],
    values: tuple[float, float],
    prior: Prior | None,
) -> Unknown:
    """One unknown from its declaration; `values` are where to start and the prior's centre."""
    name, owner, kind, place = head
    value, centre = values
    base = f"x0.{declared.name}" if kind == "initial" else declared.name
    low, high = problem.bounds.get(name, problem.bounds.get(base, (declared.lower, declared.upper)))
    low, high = max(low, declared.lower), min(high, declared.upper)
    if not low <= value <= high or not low < high:
        raise DataError(
            f"{name!r} starts at {value:g}, outside its bounds {low:g} to {high:g} "
            f"{declared.unit}.",
            hint="Widen the bounds or start elsewhere.",
        )
    is_log = declared.name in problem.logarithmic or (
        prior.kind == "lognormal" if prior is not None else low > 0.0
    )
    if is_log and not (min(value, centre) > 0.0 and low >= 0.0):
        raise DesignError(
            f"{name!r} is to be searched by its logarithm, but may be {min(low, value):g}.",
            hint="Give it bounds above zero, or another prior.",
        )
    scale = abs(declared.scale) or 1.0
    return Unknown(
        name, owner, "initial" if kind == "initial" else "parameter", place, float(value),
        float(low), float(high), scale, is_log, _inner(prior, centre, scale, is_log=is_log),
        declared.unit,
    )  # fmt: skip


def _inner(
    prior: Prior | None, centre: float, scale: float, *, is_log: bool
) -> tuple[float, float] | None:
    """Mean and standard deviation of a prior on the inner scale."""
    if prior is None or prior.kind == "uniform":
        return None
    if prior.kind == "lognormal":
        return log(centre), prior.sd
    if is_log:
        return log(centre), prior.sd / centre
    return centre / scale, prior.sd / scale
