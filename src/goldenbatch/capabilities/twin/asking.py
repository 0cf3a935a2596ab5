"""What a study asks of many runs: figures, criteria, factors, members, and who runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from goldenbatch.capabilities.twin._documents import beside
from goldenbatch.capabilities.twin._own_recipes import start_of
from goldenbatch.capabilities.twin.recipes import model_ref, recipe_of
from goldenbatch.capabilities.twin.study import FactorPart, MeasurePart, Study
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.process.ensembles import Criterion, Factor, Figure, Members
from goldenbatch.science.process.ensembles import Study as Asked
from goldenbatch.science.process.model import Model, to_unit
from goldenbatch.science.process.posterior import Posterior
from goldenbatch.science.process.recipe import Hold, Recipe, Shift

if TYPE_CHECKING:
    from goldenbatch.science.process.ensembles.study import EngineChoice

T = TypeVar("T")
R = TypeVar("R")


def asked_of(study: Study, *, columns: Sequence[str] = (), engine: EngineChoice = "auto") -> Asked:
    """A study as the methods take it.

    Args:
        study: As read.
        columns: Columns that are kept over time.
        engine: Which; `auto` by recipe and number of members.

    Raises:
        BadInputError: A measure or a factor names what is not there.
    """
    ref = model_ref(study)
    model = ref.load()
    recipe = recipe_of(study, model)
    figures = {one.name: _figure(model, one) for one in study.measures}
    criteria = tuple(
        Criterion(
            figures[one.name],
            -inf if one.lower is None else one.lower,
            inf if one.upper is None else one.upper,
            one.name,
        )
        for one in study.measures
        if one.lower is not None or one.upper is not None
    )
    factors = tuple(_factor(model, recipe, one) for one in study.factors)
    initial, parameters = start_of(study)
    return Asked(
        ref, recipe, tuple(figures.values()), criteria, factors, tuple(columns), engine=engine,
        initial=initial, parameters=parameters,
    )  # fmt: skip


def members_of(study: Study, model: Model, n: int = 0) -> Members:
    """Members of a study: draws of its posterior, or spread over the declared priors.

    Parameters that the study sets are fixed at their values.

    Raises:
        BadInputError: The posterior is none, or of another model.
    """
    initial, known = start_of(study)
    if study.model.posterior:
        drawn = load_posterior(beside(study.folder, study.model.posterior, "model.posterior"))
        return Members.of(model, drawn, initial, known)
    return Members.spread(model, n or study.members, study.seed, initial=initial, parameters=known)


def load_posterior(path: Path) -> Posterior:
    """A posterior that `twin fit` wrote.

    Raises:
        NotFoundError: There is no such file.
        BadInputError: It is none.
    """
    try:
        return Posterior.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise NotFoundError(f"posterior {path} does not exist.", hint="Run twin fit.") from error
    except ValueError as error:
        raise BadInputError(f"this is no posterior: {error}", file=str(path)) from error


def in_processes(n_jobs: int) -> Callable[[Callable[[T], R], Sequence[T]], Iterable[R]]:
    """An executor that runs tasks in worker processes; one: here."""

    def run(function: Callable[[T], R], tasks: Sequence[T]) -> Iterable[R]:
        if n_jobs == 1 or len(tasks) < 2:
            return map(function, tasks)
        from joblib import Parallel, delayed

        found: Iterable[R] = Parallel(n_jobs=n_jobs)(delayed(function)(task) for task in tasks)
        return found

    return run


def _figure(model: Model, one: MeasurePart) -> Figure:
    if one.take == "at":
        return Figure("at", one.column, time=to_unit(one.at or 0.0, model.time_unit, one.name))
    level = 0.0
    if one.level is not None:
        unit = Figure.final(one.column).unit(model)
        level = to_unit(one.level, unit, f"level of {one.name}")
    return Figure(one.take, one.column, limit=level)


def _factor(model: Model, recipe: Recipe, one: FactorPart) -> Factor:
    made = _unscaled(recipe, one)
    if made.kind == "argument":
        made.of(recipe, 0.0)  # a wrong name is refused with the names that there are
    unit = made.unit(model, recipe)
    low, high = (to_unit(v, unit, f"factor {made.name}") for v in (one.low, one.high))
    name = one.name or made.name
    return Factor(name, made.kind, low, high, made.target, made.index, made.argument)


def _unscaled(recipe: Recipe, one: FactorPart) -> Factor:
    """The factor between 0 and 1, for its kind and unit."""
    makers = (
        (one.input, Factor.input), (one.scale, Factor.scale), (one.initial, Factor.start),
        (one.parameter, Factor.parameter), (one.set_point, Factor.set_point),
    )  # fmt: skip
    for target, make in makers:
        if target:
            return make(target, 0.0, 1.0)
    return Factor.duration(0.0, 1.0) if one.duration else _of_event(recipe, one)


def _of_event(recipe: Recipe, one: FactorPart) -> Factor:
    index = one.event - 1
    if not 0 <= index < len(recipe.events):
        raise BadInputError(
            f"factor {one.name or one.event!r} is of event {one.event}, but the recipe has "
            f"{len(recipe.events)}.",
            hint="Events are counted from 1, in the order of the study.",
        )
    event = recipe.events[index]
    if one.of == "time":
        return Factor.event_time(index, 0.0, 1.0)
    if one.of == "duration" and isinstance(event, Hold):
        return Factor.hold(index, 0.0, 1.0)
    if one.of == "value" and isinstance(event, Shift):
        return Factor.shift(index, 0.0, 1.0)
    return Factor.event_argument(index, one.of, 0.0, 1.0)
