"""A recipe as arrays, for the engines that run many members without controllers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.process.plan import plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.plan import Plan
    from goldenbatch.science.process.recipe import Recipe


@dataclass(frozen=True)
class Schedule:
    """What a recipe does, interval by interval.

    Attributes:
        time: Borders. Shape `(n + 1,)`.
        inputs: At the start of each interval, and once more for the last row.
            Shape `(n + 1, n_u)`.
        drive: Inputs, slopes, start and length of each interval. Shape `(n, 2 n_u + 2)`.
        jumps: Border number to (name, arguments), in order.
    """

    time: NDArray[np.float64]
    inputs: NDArray[np.float64]
    drive: NDArray[np.float64]
    jumps: tuple[tuple[int, str, tuple[float, ...]], ...]

    @property
    def shape(self) -> tuple[Any, ...]:
        """What schedules must share to be run in one call."""
        return (len(self.drive), tuple((k, name) for k, name, _ in self.jumps))


def is_plain(recipe: Recipe) -> bool:
    """Whether a recipe needs no controller, rule or fault that looks at the run."""
    return not (recipe.controllers or recipe.adjustments or recipe.resets or recipe.faults)


def schedule(model: Model, recipe: Recipe) -> Schedule:
    """Resolve a plain recipe.

    Raises:
        DataError: It names what the model has not.
    """
    resolved = plan(model, recipe)
    time = np.array(resolved.borders)
    names = model.columns("inputs")
    rows = [_inputs(model, resolved, t) for t in resolved.borders[:-1]]
    drive = np.empty((len(rows), 2 * len(names) + 2))
    for k, (row, t, h) in enumerate(zip(rows, time[:-1], np.diff(time), strict=True)):
        slopes = resolved.slopes(float(t), float(h))
        drive[k] = (*row, *(slopes.get(name, 0.0) for name in names), t, h)
    inputs = np.array([*rows, rows[-1]]).reshape(len(time), len(names))
    return Schedule(time, inputs, drive, _jumps(model, recipe, resolved))


def _inputs(model: Model, resolved: Plan, time: float) -> NDArray[np.float64]:
    return model.input_vector(resolved.inputs(time))


def _jumps(
    model: Model, recipe: Recipe, resolved: Plan
) -> tuple[tuple[int, str, tuple[float, ...]], ...]:
    found = []
    arguments = {jump.name: [name for name, _ in jump.arguments] for jump in model.jumps}
    for k, border in enumerate(resolved.borders):
        for at, one in resolved.happenings:
            if abs(at - border) <= 1e-9 * recipe.interval:
                values = tuple(float(one.arguments[name]) for name in arguments[one.jump])
                found.append((k, one.jump, values))
    return tuple(found)
