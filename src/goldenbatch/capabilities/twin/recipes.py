"""From the words of a study to model and recipe, with units converted and gaps refused."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin.study import EventPart, FaultPart, InputPart, RecipePart, Study
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
        # A model of one's own lies beside the study, as the tables that it names do.
        if str(study.folder.resolve()) not in sys.path:
            sys.path.insert(0, str(study.folder.resolve()))
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
    return build_recipe(study.recipe, model, study.folder)


def build_recipe(part: RecipePart, model: Model, folder: Path) -> Recipe:
    """A recipe from its words.

    Args:
        part: Its words.
        model: For which.
        folder: Where its tables lie.
    """
    interval = time_in(model, part.interval, "recipe.interval")
    return Recipe(
        duration=time_in(model, part.duration, "recipe.duration"),
        interval=interval,
        inputs={n: _profile(model, n, one, folder) for n, one in part.inputs.items()},
        events=tuple(_event(model, one) for one in part.events),
        controllers=tuple(_controller(model, one, interval) for one in part.controllers),
        faults=tuple(_fault(model, one) for one in part.faults),
    )


def time_in(model: Model, given: float | str, where: str) -> float:
    """A time in the model's unit."""
    return to_unit(given, model.time_unit, where)


def _profile(model: Model, name: str, one: float | str | InputPart, folder: Path) -> Profile:
    if not isinstance(one, InputPart):
        return Constant(_input(model, name, one))
    if one.table:
        times, values = read_columns(folder / one.table, one.time_column, one.column)
        unit = next((i.unit for i in model.inputs if i.name == name), "1")
        points = tuple(to_unit(f"{t!r} {one.time_unit}" if one.time_unit else t, model.time_unit,
                               f"{one.table}: time") for t in times)  # fmt: skip
        numbers = tuple(
            to_unit(f"{v!r} {one.unit}" if one.unit else v, unit, f"{one.table}: {one.column}")
            for v in values
        )
    else:
        points = tuple(time_in(model, t, f"recipe.inputs.{name}.times") for t in one.times)
        numbers = tuple(_input(model, name, value) for value in one.values)
    return Linear(points, numbers) if one.line else Steps(points, numbers)


def _input(model: Model, name: str, value: float | str) -> float:
    return float(model.input_vector({name: value})[model.at("inputs", name)][0])


def read_columns(path: Path, *names: str) -> tuple[list[float], ...]:
    """Columns of a CSV file as numbers; a gap is refused with its line.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: A column is missing, or a cell is empty or no number.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"table {path} does not exist.", hint="Lay it beside the study."
        ) from error
    found: tuple[list[float], ...] = tuple([] for _ in names)
    for line, row in enumerate(rows, start=2):
        for column, name in zip(found, names, strict=True):
            if name not in row:
                raise BadInputError(
                    f"there is no column {name!r}.",
                    hint=f"It has: {', '.join(row)}.",
                    file=str(path),
                )
            column.append(_number(row[name], path, line, name))
    return found


def _number(text: str | None, path: Path, line: int, name: str) -> float:
    try:
        value = float((text or "").strip())
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise BadInputError(
            f"column {name!r} holds {text!r}: a schedule has no gaps.",
            hint="Fill the gap on purpose, or leave the line out.",
            file=str(path),
            line=line,
        )
    return value


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
