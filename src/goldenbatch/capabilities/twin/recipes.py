"""From the words of a study to model and recipe, with units converted and gaps refused."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin._documents import beside
from goldenbatch.capabilities.twin._own_recipes import changed, own_recipe
from goldenbatch.capabilities.twin._run_tables import TableForm, read_run_table
from goldenbatch.capabilities.twin.study import EventPart, FaultPart, RecipePart, Study
from goldenbatch.capabilities.twin.study_parts import InputPart
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.process.controllers import Pid
from goldenbatch.science.process.faults import Altered, Mishap, SensorDrift, Stuck, Weakened
from goldenbatch.science.process.model import Model, ModelRef, to_unit
from goldenbatch.science.process.recipe import (
    Constant,
    Happening,
    Hold,
    Linear,
    Profile,
    Recipe,
    Shift,
    Steps,
)

if TYPE_CHECKING:
    from goldenbatch.science.process.recipe import Controller, Event, Fault


def model_ref(study: Study) -> ModelRef:
    """The model that a study names.

    Raises:
        NotFoundError: The library has none of that name.
    """
    part = study.model
    if part.target:
        # A model of one's own lies beside the study; it must not stand before what is installed.
        if str(study.folder.resolve()) not in sys.path:
            sys.path.append(str(study.folder.resolve()))
        return ModelRef.of(part.target, **part.settings)
    from goldenbatch.science.process import library

    entry = library.entry(part.use)
    settings = {**dict(entry.ref.settings), **part.settings}
    return ModelRef.of(entry.ref.target, **settings)


def recipe_of(study: Study, model: Model) -> Recipe:
    """The recipe of a study for its model.

    Raises:
        BadInputError: A time or value does not convert, or a table has a gap; it is named.
    """
    part = study.recipe
    if not part.use:
        return build_recipe(part, model, study.folder)
    own = own_recipe(study)
    words = part.model_copy(
        update={
            "use": "",
            "duration": own.duration if part.duration == "" else part.duration,
            "interval": own.interval if part.interval == "" else part.interval,
        }
    )
    given = build_recipe(words, model, study.folder)
    return changed(own, given, has_interval=part.interval != "")


def build_recipe(part: RecipePart, model: Model, folder: Path) -> Recipe:
    """A recipe from its words.

    Args:
        part: Its words.
        model: For which.
        folder: Where its tables lie.

    Raises:
        BadInputError: It is the model's own: batches are fitted and tracked by what was done.
    """
    check_in_words(part)
    interval = time_in(model, part.interval, "recipe.interval")
    return Recipe(
        duration=time_in(model, part.duration, "recipe.duration"),
        interval=interval,
        inputs={n: _profile(model, n, one, folder) for n, one in part.inputs.items()},
        events=tuple(_event(model, one) for one in part.events),
        controllers=tuple(_controller(model, one, interval) for one in part.controllers),
        faults=tuple(_fault(model, one) for one in part.faults),
    )


def check_in_words(part: RecipePart) -> None:
    """Refuse the model's own recipe where a recipe must be in words.

    Raises:
        BadInputError: It is the model's own.
    """
    if part.use:
        raise BadInputError(
            "fits and tracking need the recipe in words.",
            hint="Give duration, interval and inputs in place of `use`.",
            key="recipe.use",
        )


def time_in(model: Model, given: float | str, where: str) -> float:
    """A time in the model's unit."""
    return to_unit(given, model.time_unit, where)


def _profile(model: Model, name: str, one: float | str | InputPart, folder: Path) -> Profile:
    if not isinstance(one, InputPart):
        return Constant(_input(model, name, one))
    if one.table:
        points, numbers = _tabled(model, name, one, folder)
    else:
        points = tuple(time_in(model, t, f"recipe.inputs.{name}.times") for t in one.times)
        numbers = tuple(_input(model, name, value) for value in one.values)
    return Linear(points, numbers) if one.line else Steps(points, numbers)


def _input(model: Model, name: str, value: float | str) -> float:
    return float(model.input_vector({name: value})[model.at("inputs", name)][0])


def _tabled(
    model: Model, name: str, one: InputPart, folder: Path
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A schedule from a table: times since its first row, values without a gap."""
    unit = next((i.unit for i in model.inputs if i.name == name), "1")
    stated = {
        n: u for n, u in ((one.time_column, one.time_unit), (one.column, one.unit)) if n and u
    }
    path = beside(folder, one.table, f"recipe.inputs.{name}.table")
    table = read_run_table(path, TableForm(one.time_column, one.sheet, units=stated))
    times = table.column(table.time, model.time_unit, is_complete=True)
    values = table.column(one.column, unit, is_complete=True)
    return tuple(times.tolist()), tuple(values.tolist())


def _event(model: Model, one: EventPart) -> Event:
    at = time_in(model, one.at, "recipe.events.at")
    if one.jump:
        return Happening(one.jump, at, dict(one.arguments))
    if one.shift:
        return Shift(one.shift, at, one.value if one.value is not None else 0.0)
    hold = time_in(model, one.hold if one.hold is not None else 0.0, "recipe.events.hold")
    return Hold(at, hold, dict(one.inputs))


def _controller(model: Model, one: Any, interval: float) -> Controller:
    units = {output.name: output.unit for output in model.outputs}
    if one.measured not in units:
        raise NotFoundError(
            f"controller {one.name!r} measures {one.measured!r}, no output of {model.name}.",
            hint=f"It has: {', '.join(units)}.",
        )
    goal = to_unit(one.set_point, units[one.measured], f"set point of {one.name}")
    return Pid(one.name, one.measured, one.manipulated, goal, one.gain, one.integral_time,
               one.derivative_time, one.low, one.high, interval)  # fmt: skip


def _fault(model: Model, one: FaultPart) -> Fault:
    start = time_in(model, one.start, "recipe.faults.start")
    end = inf if one.end is None else time_in(model, one.end, "recipe.faults.end")
    _check_names(model, one)
    if one.kind == "sensor-drift":
        return SensorDrift(start, end, one.output, one.rate, one.most, one.offset)
    if one.kind == "stuck":
        return Stuck(start, end, one.input, one.value)
    if one.kind == "weakened":
        return Weakened(start, end, tuple(one.inputs), one.factor, one.what)
    if one.kind == "altered":
        return Altered(start, end, dict(one.parameters), one.what)
    return Mishap(start, end, Happening(one.jump, start, dict(one.arguments)), one.what)


def _check_names(model: Model, one: FaultPart) -> None:
    asked: Mapping[str, tuple[str, ...]] = {
        "outputs": (one.output,) if one.kind == "sensor-drift" else (),
        "inputs": (*((one.input,) if one.kind == "stuck" else ()), *one.inputs),
        "parameters": tuple(one.parameters),
    }
    for kind, names in asked.items():
        known = [declared.name for declared in getattr(model, kind)]
        for name in names:
            if name not in known:
                raise NotFoundError(
                    f"a fault of kind {one.kind!r} names {name!r}, none of its {kind}.",
                    hint=f"It has: {', '.join(known) or 'none'}.",
                )
