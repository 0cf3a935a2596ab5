"""Fitting a batch plan to golden batches; every limit from batches that were left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent.batch._frames import Aligned, Front, deviations
from goldenbatch.science.latent.batch._limits import limits_of, tails, with_widths
from goldenbatch.science.latent.batch._planes import fit_batchwise, fit_observation
from goldenbatch.science.latent.batch.alignment import fit_aligner
from goldenbatch.science.latent.batch.domain import (
    length_range,
    prediction_range,
    start_range,
    start_values,
)
from goldenbatch.science.latent.batch.forecasts import fit_forecast
from goldenbatch.science.latent.batch.plan import BatchPlan, BatchTrace, PhasePlan
from goldenbatch.science.latent.batch.runs import BatchRun, Stretch
from goldenbatch.science.latent.batch.settings import END, BatchSettings, PhaseSettings
from goldenbatch.science.latent.batch.unfolding import mean_course

LEAST_BATCHES = 4
_LEAST_REACHED = 3
_ANY = 1e300


def fit_batch_plan(runs: Sequence[BatchRun], settings: BatchSettings) -> BatchPlan:
    """Fit a plan to golden batches.

    Each golden batch, or part of them, is left out in turn and followed by a plan made from the
    others. Limits over maturity, the factor that sets the false-alarm rate of whole batches, and
    the widths of the forecasts all come from those.

    Args:
        runs: golden batches; each has all phases of the settings.
        settings: fixed before.

    Raises:
        DataError: too few batches, or one lacks a phase or an outcome; it is named.
        DesignError: the settings give no model.

    References:
        Nomikos and MacGregor (1995), Technometrics 37:41 (limits over time);
        Vovk, Gammerman and Shafer (2005), doi:10.1007/b106715 (the factor).

    >>> rng = np.random.default_rng(3)
    >>> time = np.arange(20.0)
    >>> made = [BatchRun(str(i), time, rng.normal(size=(20, 2))) for i in range(9)]
    >>> plan = fit_batch_plan(made, BatchSettings(("a", "b"), (PhaseSettings("batch"),)))
    >>> plan.stated_rate, plan.follow(made[0]).is_alarm
    (0.1, False)
    """
    _check(runs, settings)
    runs, dropped = screened(runs, settings)
    core = replace(_core(runs, settings), dropped=dropped)
    traces: list[BatchTrace] = [core.follow(runs[0])] * len(runs)
    for part in left_out_parts(len(runs), settings.n_folds):
        kept = [run for i, run in enumerate(runs) if i not in part]
        other = _core(kept, settings)
        for i in part:
            traces[i] = other.follow(runs[i])
    limits, rate = limits_of(core, traces)
    plan = core.with_limits(limits, rate)
    return with_widths(plan, traces, [_outcomes(run, settings) for run in runs])


def resubstituted(runs: Sequence[BatchRun], settings: BatchSettings) -> BatchPlan:
    """The plan with limits from the very batches that it was made from, for comparison only.

    Its limits are too narrow: the model has seen each of the batches.

    >>> rng = np.random.default_rng(3)
    >>> made = [
    ...     BatchRun(str(i), np.arange(30.0), rng.normal(size=(30, 1)) + rng.normal(size=(30, 6)))
    ...     for i in range(20)
    ... ]
    >>> chosen = BatchSettings(tuple("abcdef"), (PhaseSettings("batch", n_points=30),), n_folds=5)
    >>> narrow, fair = resubstituted(made, chosen), fit_batch_plan(made, chosen)
    >>> bool(narrow.phases["batch"].limits.mean() < fair.phases["batch"].limits.mean())
    True
    """
    _check(runs, settings)
    runs, _ = screened(runs, settings)
    core = _core(runs, settings)
    return core.with_limits(*limits_of(core, [core.follow(run) for run in runs]))


def screened(
    runs: Sequence[BatchRun], settings: BatchSettings
) -> tuple[list[BatchRun], tuple[str, ...]]:
    """Golden batches that are inside the domain of the others, and the names of those outside.

    A batch whose phases start elsewhere, or last shorter or longer, than all others' is no pattern
    for them. It is judged once, by start and length alone, and never by its statistics: leaving
    out what would alarm makes limits that alarm too often.
    """
    ranges = [_domain_values(run, settings) for run in runs]
    values = np.stack(ranges)
    outside = []
    for i in range(len(runs)):
        others = np.delete(values, i, axis=0)
        limits = [prediction_range(column, _check_confidence(settings)) for column in others.T]
        known = [k for k, value in enumerate(values[i].tolist()) if not math.isnan(value)]
        if any(not limits[k][0] <= values[i, k] <= limits[k][1] for k in known):
            outside.append(i)
    if len(runs) - len(outside) < LEAST_BATCHES:
        return list(runs), ()
    kept = [run for i, run in enumerate(runs) if i not in outside]
    return kept, tuple(runs[i].name for i in outside)


def _check_confidence(settings: BatchSettings) -> float:
    """Confidence of each check of the domain, so that all of them together have that wanted."""
    n_checks = sum(2 + len(watched(settings, one)) for one in settings.phases)
    return 1.0 - (1.0 - settings.domain_confidence) / n_checks


def _domain_values(run: BatchRun, settings: BatchSettings) -> Floats:
    """Length and start values of the phases of a batch."""
    found: list[float] = []
    for chosen in settings.phases:
        one = run.stretch(chosen.name)
        if one is not None:
            own = one.values[:, list(watched(settings, chosen))]
            found += [one.length, *start_values(own).tolist()]
    return np.array(found)


def left_out_parts(n: int, n_folds: int) -> list[list[int]]:
    """Which batches are left out together: each alone, or every k-th.

    >>> left_out_parts(3, 0), left_out_parts(4, 2)
    ([[0], [1], [2]], [[0, 2], [1, 3]])
    """
    k = n if n_folds == 0 else min(n_folds, n)
    return [list(range(i, n, k)) for i in range(k)]


def _check(runs: Sequence[BatchRun], settings: BatchSettings) -> None:
    if len(runs) < LEAST_BATCHES:
        message = f"{len(runs)} golden batches carry no plan; give {LEAST_BATCHES} or more"
        raise DataError(message)
    for run in runs:
        if run.values.shape[1] != len(settings.columns):
            message = (
                f"batch {run.name} has {run.values.shape[1]} variables; the settings name "
                f"{len(settings.columns)}"
            )
            raise DataError(message)
        lacking = [one.name for one in settings.phases if one.name not in run.phases]
        if lacking:
            message = f"golden batch {run.name} has no phase {lacking[0]!r}; leave it out"
            raise DataError(message)
        _outcomes(run, settings)


def outcome_of(run: BatchRun, settings: BatchSettings, name: str, phase: str) -> float:
    """What a forecast should say in a phase: an outcome, or the time from its begin to the end.

    Raises:
        DataError: the batch has no such outcome, or was never in the phase.

    >>> run = BatchRun("a", [0.0, 1.0, 3.0, 4.0], [[0.0]] * 4, ["wait", "heat", "dry", "out"])
    >>> chosen = BatchSettings(("x",), (PhaseSettings("heat"), PhaseSettings("dry")))
    >>> outcome_of(run, chosen, "end", "heat"), outcome_of(run, chosen, "end", "dry")
    (3.0, 1.0)
    """
    known = dict(run.outcomes)
    if name in known:
        return float(known[name])
    if name != END:
        message = f"golden batch {run.name} has no outcome {name!r}; give it or leave it out"
        raise DataError(message)
    watched_phases = {one.name for one in settings.phases}
    ends = {
        one.phase: (begin, begin + one.length)
        for one in run.stretches()
        if one.phase in watched_phases
        for begin in [float(run.time[run.phases.index(one.phase)])]
    }
    if phase not in ends:
        message = f"batch {run.name} was never in phase {phase!r}"
        raise DataError(message)
    return max(end for _, end in ends.values()) - ends[phase][0]


def _outcomes(run: BatchRun, settings: BatchSettings) -> dict[str, list[float]]:
    """Phase to the numbers that are to be predicted in it, of one batch."""
    return {
        one.name: [outcome_of(run, settings, name, one.name) for name in settings.forecasts]
        for one in settings.phases
    }


def watched(settings: BatchSettings, chosen: PhaseSettings) -> tuple[int, ...]:
    """Places of the variables of a phase.

    Where none are named: all but the indicator, which agrees with itself in every batch.

    >>> from goldenbatch.science.latent.batch.alignment import Alignment
    >>> one = PhaseSettings("spray", Alignment("indicator", (1,)))
    >>> watched(BatchSettings(("a", "b", "c"), (one,)), one)
    (0, 2)
    """
    is_indicator = chosen.alignment.kind == "indicator"
    off = set(chosen.alignment.columns) if is_indicator else set()
    every = tuple(place for place in range(len(settings.columns)) if place not in off)
    return chosen.columns or every


# ---- the model, without limits ------------------------------------------------------------------


def _core(runs: Sequence[BatchRun], settings: BatchSettings) -> BatchPlan:
    phases: dict[str, PhasePlan] = {}
    cubes: dict[str, Floats] = {}
    for one in settings.phases:
        golden = [found for run in runs if (found := run.stretch(one.name)) is not None]
        phases[one.name], cubes[one.name] = _phase(settings, one, golden)
    outcomes = [_outcomes(run, settings) for run in runs]
    forecasts = tuple(
        fit_forecast(
            name,
            cubes,
            {phase: np.array([one[phase][j] for one in outcomes]) for phase in cubes},
            settings.forecast_components,
        )
        for j, name in enumerate(settings.forecasts)
    )
    return BatchPlan(
        settings, phases, forecasts, len(runs), settings.false_alarm_rate, settings.coverage
    )


def _phase(
    settings: BatchSettings, chosen: PhaseSettings, golden: Sequence[Stretch]
) -> tuple[PhasePlan, Floats]:
    """Model of one phase, and the deviations of its golden batches on the grid."""
    # A point that fewer batches reach has no spread.
    reach = max(chosen.alignment.reach, min(1.0, _LEAST_REACHED / len(golden)))
    aligner = fit_aligner(replace(chosen.alignment, reach=reach), golden)
    columns = watched(settings, chosen)
    front = Front(aligner, columns, chosen.watches_elapsed, chosen.n_points, settings.max_hold)
    aligned: list[Aligned] = [front.run({}, one.elapsed, one.values)[1] for one in golden]
    p = len(columns) + chosen.watches_elapsed
    cube = np.full((len(golden), chosen.n_points, p), np.nan)
    for i, one in enumerate(aligned):
        cube[i, : len(one.grid)] = one.grid
    mean, spread = mean_course(cube)
    spread = spread * tails([deviations(one, mean, spread)[0] for one in aligned], settings)
    pairs = [deviations(one, mean, spread) for one in aligned]
    grids = np.zeros_like(cube)
    for i, (_, grid) in enumerate(pairs):
        grids[i, : len(grid)] = grid
    fit = fit_observation if settings.unfolding == "observation" else fit_batchwise
    model = fit(settings, [z for z, _ in pairs], list(grids))
    own = _check_confidence(settings)
    lengths = length_range(golden, own)
    ends = np.array([one.maturity[-1] for one in aligned])
    length = np.array([*lengths, max(prediction_range(ends, own)[1], 1.0)])
    raw = [replace(one, values=one.values[:, list(columns)]) for one in golden]
    start = start_range(raw, own)
    nothing = np.zeros((len(settings.forecasts), chosen.n_points))
    plan = PhasePlan(
        chosen.name, front, mean, spread, model, np.ones((3, chosen.n_points)),
        np.clip(length, -_ANY, _ANY), np.clip(start, -_ANY, _ANY), nothing,
    )  # fmt: skip
    return plan, grids
