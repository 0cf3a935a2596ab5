"""Proven acceptable ranges: how far each factor may move alone, all others at the set point.

Their box is no design space: factors that are each proven alone may fail together. Both are
counted with the same members, so that they can be laid over one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.ensembles._chunk import Chunk, Outcome
from goldenbatch.science.process.ensembles.design_space import Prober, interval_ends
from goldenbatch.science.process.ensembles.factors import Factor
from goldenbatch.science.process.ensembles.members import Members
from goldenbatch.science.process.ensembles.study import Executor, Study, serial
from goldenbatch.science.process.recipe import Constant, Happening, Hold, Shift

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.ensembles.design_space import DesignSpace
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Recipe


@dataclass(frozen=True)
class ProvenRange:
    """One factor moved alone.

    Attributes:
        factor: Its name.
        set_point: Where it stands in the recipe.
        levels: Where it was tried, rising, the set point among them. Shape `(n,)`.
        n_feasible: Members that met all criteria. Shape `(n,)`.
        lower: Lower end of the exact interval of the probability. Shape `(n,)`.
        low: Lowest level of the range; nan where not even the set point is proven.
        high: Highest level.
    """

    factor: str
    set_point: float
    levels: NDArray[np.float64] = field(repr=False)
    n_feasible: NDArray[np.int64] = field(repr=False)
    lower: NDArray[np.float64] = field(repr=False)
    low: float
    high: float

    @property
    def is_proven(self) -> bool:
        """Whether the set point itself reaches the target."""
        return bool(np.isfinite(self.low))


def proven_ranges(
    study: Study,
    members: Members,
    target: float,
    *,
    n_levels: int = 11,
    confidence: float = 0.95,
    executor: Executor[Chunk, Outcome] = serial,
) -> tuple[ProvenRange, ...]:
    """The range of each factor in which the probability is surely at least the target.

    Surely: the lower end of the exact interval reaches it, at every level tried from the set
    point on; between two levels nothing was tried.

    Args:
        study: With factors and criteria.
        members: Run at every level.
        target: The probability.
        n_levels: Of each factor, ends included; the set point is added.
        confidence: Of the intervals.
        executor: Runs chunks.

    Raises:
        DesignError: A factor has no set point, as a schedule that varies has none, or it lies
            outside the factor's ends.

    References:
        ICH Q8(R2), glossary (proven acceptable range; design space).

    >>> from goldenbatch.science.process.ensembles import Criterion, Figure
    >>> from goldenbatch.science.process.library import entry
    >>> reactor = entry("benchmark.batch_reactor")
    >>> recipe = reactor.default_recipe()
    >>> study = Study(reactor.ref, recipe, (Figure.final("B"),),
    ...     (Criterion(Figure.final("B"), lower=0.0),), (Factor.input("T", 240.0, 320.0),))
    >>> members = Members.spread(study.load(), 30, 1)
    >>> one, = proven_ranges(study, members, 0.8, n_levels=3)
    >>> one.is_proven, one.low, one.high
    (True, 240.0, 320.0)
    """
    model = study.load()
    centre = [set_point_of(one, model, study) for one in study.factors]
    for one, value in zip(study.factors, centre, strict=True):
        if not (np.isfinite(value) and one.low <= value <= one.high):
            raise DesignError(
                f"factor {one.name!r} has no set point between {one.low:g} and {one.high:g}.",
                hint="Hold the input constant in the recipe, or widen the factor's ends.",
            )
    axes = [np.unique([*np.linspace(one.low, one.high, n_levels), value])
            for one, value in zip(study.factors, centre, strict=True)]  # fmt: skip
    points = np.concatenate([_along(centre, k, levels) for k, levels in enumerate(axes)])
    counted = Prober(study, members, executor).count(points).n_feasible
    found, at = [], 0
    for k, (one, levels) in enumerate(zip(study.factors, axes, strict=True)):
        own = counted[at : at + levels.size]
        at += levels.size
        lower = interval_ends(own, members.n, confidence)[:, 0]
        low, high = _stretch(levels, lower >= target, centre[k])
        found.append(ProvenRange(one.name, centre[k], levels, own, lower, low, high))
    return tuple(found)


def _along(centre: Sequence[float], k: int, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    points = np.tile(np.array(centre), (levels.size, 1))
    points[:, k] = levels
    return points


def _stretch(
    levels: NDArray[np.float64], is_good: NDArray[np.bool_], centre: float
) -> tuple[float, float]:
    """Ends of the unbroken good stretch about the centre."""
    start = int(np.searchsorted(levels, centre))
    if not is_good[start]:
        return float("nan"), float("nan")
    low = high = start
    while low > 0 and is_good[low - 1]:
        low -= 1
    while high + 1 < levels.size and is_good[high + 1]:
        high += 1
    return float(levels[low]), float(levels[high])


def set_point_of(factor: Factor, model: Model, study: Study) -> float:
    """Where a factor stands in a study; nan where it has no one value.

    Args:
        factor: Of the study.
        model: Its model.
        study: With the recipe, the starts and the parameters.

    >>> from goldenbatch.science.process.library import entry
    >>> reactor = entry("benchmark.batch_reactor")
    >>> study = Study(reactor.ref, reactor.default_recipe(), ())
    >>> set_point_of(Factor.input("T", 240.0, 320.0), study.load(), study)
    285.0
    """
    recipe = study.recipe
    if factor.kind == "scale":
        return 1.0
    if factor.kind == "duration":
        return float(recipe.duration)
    if factor.kind == "input":
        return _of_input(factor.target, model, recipe)
    if factor.kind in ("start", "parameter"):
        declared = model.states if factor.kind == "start" else model.parameters
        given = study.initial if factor.kind == "start" else study.parameters
        return _declared(factor.target, declared, given)
    if factor.kind == "set_point":
        own = [one for one in recipe.controllers if one.name == factor.target]
        return float(getattr(own[0], "set_point", np.nan)) if own else float("nan")
    return _of_event(factor, recipe)


def _of_input(name: str, model: Model, recipe: Recipe) -> float:
    profile = recipe.inputs.get(name)
    if profile is None:
        return _declared(name, model.inputs, {})
    if isinstance(profile, Constant | int | float):
        return float(profile.value if isinstance(profile, Constant) else profile)
    values = {float(one) for one in getattr(profile, "values", ())}
    return values.pop() if len(values) == 1 else float("nan")


def _declared(name: str, declared: Sequence[Any], given: Mapping[str, Any]) -> float:
    values = {
        element: value
        for one in declared
        for element, value in zip(one.elements, one.value, strict=True)
    }
    value = given.get(name, values.get(name, np.nan))
    return float(value) if isinstance(value, int | float) else float("nan")


def _of_event(factor: Factor, recipe: Recipe) -> float:
    event = recipe.events[factor.index]
    found: Any = np.nan
    if factor.kind == "time":
        found = event.at
    elif factor.kind == "argument" and isinstance(event, Happening):
        found = event.arguments.get(factor.argument, np.nan)
    elif factor.kind == "hold" and isinstance(event, Hold):
        found = event.duration
    elif factor.kind == "shift" and isinstance(event, Shift):
        found = event.value
    return float(found) if isinstance(found, int | float) else float("nan")


@dataclass(frozen=True)
class BoxAndSpace:
    """What of a box of proven ranges lies in the design space.

    Attributes:
        n_points: Points of the map inside the box.
        n_certain: Of them, those that surely reach the target.
        n_below: Of them, those that surely do not.
        n_outside: Points of the map that surely reach the target and lie outside the box.
    """

    n_points: int
    n_certain: int
    n_below: int
    n_outside: int


def box_and_space(space: DesignSpace, ranges: Sequence[ProvenRange], target: float) -> BoxAndSpace:
    """Hold the box of proven ranges against the map of probabilities.

    Args:
        space: The map, of the same factors.
        ranges: One for each factor.
        target: The probability.
    """
    lower, upper = space.interval
    is_inside = np.ones(len(space.points), bool)
    for k, one in enumerate(ranges):
        is_inside &= (space.points[:, k] >= one.low) & (space.points[:, k] <= one.high)
    is_certain = lower >= target
    return BoxAndSpace(
        int(is_inside.sum()),
        int((is_inside & is_certain).sum()),
        int((is_inside & (upper < target)).sum()),
        int((~is_inside & is_certain).sum()),
    )
