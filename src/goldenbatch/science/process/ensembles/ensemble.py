"""Running an ensemble: members in, columns out, by the engine that suits them."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.ensembles._chunk import Chunk, Outcome, run_chunk
from goldenbatch.science.process.ensembles._schedule import is_plain
from goldenbatch.science.process.ensembles.figures import unit_of
from goldenbatch.science.process.ensembles.kernel import refusal
from goldenbatch.science.process.ensembles.members import Members
from goldenbatch.science.process.ensembles.runs import FAILED, Ensemble, EnsembleProvenance
from goldenbatch.science.process.ensembles.study import Executor, Study, serial
from goldenbatch.science.process.integrate import engine_version
from goldenbatch.science.process.plan import plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model

KERNEL_PAYS_FROM = 3_000
SMALLEST_CHUNK = {"simulate": 1, "casadi": 50, "kernel": 500}
MOST_CHUNKS = 32


def run_ensemble(
    study: Study,
    members: Members,
    levels: NDArray[np.float64] | None = None,
    *,
    executor: Executor[Chunk, Outcome] = serial,
    chunk: int = 0,
) -> Ensemble:
    """Run every member; one that fails is a row with its reason.

    Args:
        study: What is run and asked.
        members: Parameters and starts.
        levels: Values of the study's factors for each member. Shape `(n, n_factors)`; None:
            the recipe as it is.
        executor: Runs chunks, perhaps elsewhere; threads suit the kernel, processes CasADi.
        chunk: Members in a chunk; 0: chosen.

    Raises:
        DesignError: The study makes no sense, or the engine does not take its recipe.
        DataError: Members belong to another model, or levels have another shape.
    """
    model = study.check()
    _check_members(study, model, members)
    members, recipe_levels = _levelled(study, model, members, levels)
    engine = _engine(study, model, members.n)
    grid = _grid(study, model)
    size = chunk or max(SMALLEST_CHUNK[engine], -(-members.n // MOST_CHUNKS))
    tasks = [
        Chunk(study, engine, members.parameters[k : k + size], members.starts[k : k + size],
              recipe_levels[k : k + size], grid)
        for k in range(0, members.n, size)
    ]  # fmt: skip
    outcomes = list(executor(run_chunk, tasks))
    given = np.empty((members.n, 0)) if levels is None else np.asarray(levels, float)
    return _joined(study, model, members, given, tasks[0], outcomes)


def for_many(study: Study, n_runs: int) -> Study:
    """The study with its engine chosen for all the runs of a question, not for each ensemble."""
    return replace(study, engine=_engine(study, study.load(), n_runs))


def _check_members(study: Study, model: Model, members: Members) -> None:
    if members.model_digest != model.digest:
        raise DataError(
            f"the members are of model {members.model_digest[:12]}, the study is of {model.name} "
            f"{model.digest[:12]}.",
            hint="Draw them for this version of the model.",
        )
    if members.n == 0:
        raise DataError("the ensemble has no members.", hint="Draw at least one.")


def _levelled(
    study: Study, model: Model, members: Members, levels: NDArray[np.float64] | None
) -> tuple[Members, NDArray[np.float64]]:
    """Members with the factors on parameters and starts applied; levels of the others."""
    if levels is None:
        return members, np.empty((members.n, 0))
    levels = np.asarray(levels, float)
    if levels.shape != (members.n, len(study.factors)) or not np.isfinite(levels).all():
        raise DataError(
            f"levels have shape {levels.shape} for {members.n} members and "
            f"{len(study.factors)} factors, or are not finite.",
            hint="Give one row a member, one column a factor.",
        )
    members = members.with_levels(model, study.factors, levels)
    return members, levels[:, [one.changes_recipe for one in study.factors]]


def _engine(study: Study, model: Model, n: int) -> Literal["casadi", "kernel", "simulate"]:
    plain = is_plain(study.recipe)
    if study.engine == "simulate" or (study.engine == "auto" and not plain):
        return "simulate"
    if not plain:
        raise DesignError(
            f"engine {study.engine!r} takes no controllers, rules, resets and faults.",
            hint="Ask for the engine 'simulate', or 'auto'.",
        )
    if study.engine != "auto":
        return study.engine
    pays = n >= KERNEL_PAYS_FROM and importlib.util.find_spec("numba") is not None
    return "kernel" if pays and not refusal(model) else "casadi"


def _grid(study: Study, model: Model) -> NDArray[np.float64]:
    if not study.columns:
        return np.empty(0)
    return np.array(plan(model, study.recipe).borders)


def _joined(
    study: Study,
    model: Model,
    members: Members,
    levels: NDArray[np.float64],
    first: Chunk,
    outcomes: list[Outcome],
) -> Ensemble:
    figures = np.concatenate([one.figures for one in outcomes])
    columns = np.concatenate([one.columns for one in outcomes])
    status = np.concatenate([one.status for one in outcomes])
    stops = [stop for one in outcomes for stop in one.stops]
    ended = np.array([not stop or stop in study.accepted_stops for stop in stops], bool)
    accepted = ended & (status != FAILED)
    values = {one.name: figures[:, j] for j, one in enumerate(study.all_figures)}
    units = {one.name: one.unit(model) for one in study.all_figures}
    units |= {"time": model.time_unit} | {one: unit_of(model, one) for one in study.columns}
    units |= {one.name: one.unit(model, study.recipe) for one in study.factors}
    return Ensemble(
        values, status, tuple(r for one in outcomes for r in one.reasons),
        np.concatenate([one.is_retried for one in outcomes]),
        np.concatenate([one.is_extrapolated for one in outcomes]),
        _feasible(study, values) & accepted, accepted,
        {one.name: levels[:, j] for j, one in enumerate(study.factors) if levels.size},
        first.grid, {name: columns[:, j] for j, name in enumerate(study.columns)}, units,
        EnsembleProvenance(
            model.name, model.version, model.digest, study.recipe.digest, members.posterior,
            members.digest, members.method, study.describe(), asdict(study.settings),
            f"{first.engine}; {engine_version()}",
        ),
    )  # fmt: skip


def _feasible(study: Study, values: dict[str, NDArray[np.float64]]) -> NDArray[np.bool_]:
    """Which runs meet all criteria; a missing figure meets none."""
    n = len(next(iter(values.values()))) if values else 0
    feasible = np.ones(n, bool)
    for one in study.criteria:
        low, high = study.limits()[one.label]
        own = values[one.figure.name]
        feasible &= np.isfinite(own) & (own >= low) & (own <= high)
    return feasible
