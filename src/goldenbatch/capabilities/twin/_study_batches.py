"""Batches that a study names, from tables beside it or from a home, ready to fit or to predict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin._documents import beside
from goldenbatch.capabilities.twin._home_runs import HomeRun, read_run, words_of
from goldenbatch.capabilities.twin._run_tables import TableForm, read_run_table
from goldenbatch.capabilities.twin.recipes import (
    build_recipe,
    check_in_words,
    model_ref,
    time_in,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.declarations import Prior
from goldenbatch.science.process.fitting import Batch, Loss, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from goldenbatch.capabilities.twin.study import Study
    from goldenbatch.capabilities.twin.study_data import DataPart
    from goldenbatch.capabilities.twin.study_parts import InputPart, Value
    from goldenbatch.core.site import Site
    from goldenbatch.science.process.fitting import Measured
    from goldenbatch.science.process.model import Model


@dataclass(frozen=True)
class Taken:
    """A batch that was read.

    Attributes:
        part: As the study names it.
        batch: For the methods.
        run: As the home holds it; None for a table.
    """

    part: DataPart
    batch: Batch
    run: HomeRun | None = None


@contextmanager
def site_for(session: Any, parts: Sequence[DataPart]) -> Iterator[Site | None]:
    """The home of a command, opened only where a batch is read from it."""
    if any(part.source == "home" for part in parts):
        with session.open_site() as desk:
            yield desk.site
    else:
        yield None


def take(study: Study, model: Model, part: DataPart, site: Site | None) -> Taken:
    """Read one batch of a study.

    Raises:
        BadInputError: Table or home do not hold what the study says; a home is missing.
        NotFoundError: There is no such batch, phase or tag.
    """
    check_in_words(study.recipe)
    if part.source == "table":
        return _from_table(study, model, part)
    if site is None:
        raise BadInputError(
            f"batch {part.batch!r} is read from a home, but none is open.", hint="Add --home DIR."
        )
    interval = time_in(model, study.recipe.interval, "recipe.interval")
    run = read_run(site, model, part, interval)
    inputs = {**part.inputs, **run.inputs}
    recipe = {
        # What was fed is known: neither the planned controllers nor faults set it.
        "controllers": [c for c in study.recipe.controllers if c.manipulated not in inputs],
        "faults": [],
    }
    return Taken(part, _batch(study, model, part, (run.duration, inputs, run.data), recipe), run)


def take_all(study: Study, model: Model, site: Site | None) -> list[Taken]:
    """All batches that a study names, in its order."""
    return [take(study, model, part, site) for part in study.data if not part.is_pattern]


def problem_of(study: Study, model: Model, batches: Sequence[Taken]) -> Problem:
    """The problem of fitting a study's data.

    Raises:
        BadInputError: There are no data to fit.
    """
    fitted = [one.batch for one in batches if not one.part.held_out]
    if not fitted:
        raise BadInputError("the study has no data to fit.", hint="Add [[data]].", key="data")
    names = study.fit.parameters or [
        one.name for one in model.parameters
        if one.prior is not None and one.name not in {*study.fit.per_batch, *study.model.parameters}
    ]  # fmt: skip
    return Problem(
        model_ref(study),
        tuple(fitted),
        fitted=tuple(names),
        per_batch=tuple(study.fit.per_batch),
        parameters=study.model.parameters,
        bounds=study.fit.bounds,
        priors="declared" if study.fit.uses_priors else {},
        noise=dict.fromkeys(study.fit.unknown_noise),
        loss=Loss(study.fit.loss),
    )


def home_rows(batches: Sequence[Taken]) -> list[dict[str, Any]]:
    """What was read from the home, one row a batch."""
    return [
        {
            "batch": one.part.batch, "start": one.run.basis["start"],
            "end": one.run.basis["end"],
            "n_readings": sum(row["n_readings"] for row in one.run.basis["readings"]),
            "n": {name: len(data.times) for name, data in one.run.data.items()},
            "notes": words_of(one.run.notes),
        }
        for one in batches if one.run is not None
    ]  # fmt: skip


def _from_table(study: Study, model: Model, part: DataPart) -> Taken:
    form = TableForm(part.time, part.sheet, part.longest_gap, part.units)
    table = read_run_table(beside(study.folder, part.table, "data.table"), form)
    data = table.data(model, part.columns)
    end = float(table.times(model.time_unit)[-1])
    if part.duration is not None:
        end = time_in(model, part.duration, f"duration of {part.batch}")
    return Taken(part, _batch(study, model, part, (end, part.inputs, data), {}))


def _batch(
    study: Study,
    model: Model,
    part: DataPart,
    run: tuple[float, Mapping[str, Value | InputPart], Mapping[str, Measured]],
    changes: Mapping[str, object],
) -> Batch:
    """A batch of so long, with inputs in place of the recipe's, and what was measured."""
    end, inputs, data = run
    interval = min(time_in(model, study.recipe.interval, "recipe.interval"), end)
    events = [one for one in study.recipe.events if time_in(model, one.at, "event") <= end]
    recipe = study.recipe.model_copy(
        update={
            "duration": end,
            "interval": interval,
            "inputs": {**study.recipe.inputs, **inputs},
            "events": events,
            **changes,
        }
    )
    unknown = {
        name: Prior.lognormal(spread, "study") if spread > 0.0 else None
        for name, spread in part.unknown_initial.items()
    }
    return Batch(
        part.batch,
        build_recipe(recipe, model, study.folder),
        data,
        {**study.model.initial, **part.initial},
        unknown,
        part.parameters,
    )
