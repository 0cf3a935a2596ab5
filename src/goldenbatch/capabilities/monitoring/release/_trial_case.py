"""One attribute of a trial: results, levels known at the time, inputs, and forward predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from goldenbatch.capabilities.monitoring._trial_columns import NO_VALUE
from goldenbatch.capabilities.monitoring.release._trial_table import BatchTable
from goldenbatch.capabilities.monitoring.release.trial_settings import Limits, ReleaseTrialSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.forward import (
    ConformalSettings,
    ForwardRows,
    ForwardSettings,
    Leak,
    LeakKind,
    Levels,
    Reported,
    Timeline,
    declared_later,
    forward_domain,
    forward_intervals,
    forward_predictions,
    interval_score,
    leaking_columns,
    recent_levels,
)
from goldenbatch.science.forward.choice import Choice, candidate, choose_forward
from goldenbatch.science.forward.leaks import recorded_later

PLANTED: Final = "planted_leak"
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Case:
    """One attribute, ready to be predicted.

    Attributes:
        name: Of the attribute.
        table: The batches.
        settings: Of the trial.
        timeline: When each is predicted and known.
        reported: Results.
        levels: What was known of each batch's product.
        lot_levels: What was known of its lot; None where no lots are named.
        names: Of the inputs that the trial file gives, a planted one among them.
        X: These, shape (n, p).
    """

    name: str
    table: BatchTable
    settings: ReleaseTrialSettings
    timeline: Timeline
    reported: Reported
    levels: Levels
    lot_levels: Levels | None
    names: tuple[str, ...]
    X: Array

    @property
    def inputs(self) -> Array:
        """Inputs of the model: the given ones, levels of product and lot, shape (n, p + 4 or 8)."""
        lot = () if self.lot_levels is None else (self.lot_levels.columns(),)
        return np.column_stack([self.inputs_apart, *lot])

    @property
    def inputs_apart(self) -> Array:
        """Inputs without levels of the lot, shape (n, p + 4).

        The levels of the product stay, and with them results of the lot that were known by then.
        """
        return np.column_stack([self.X, self.levels.columns()])

    def forward(self, *, is_grouped: bool = False, is_choice: bool = False) -> ForwardSettings:
        """How a model is carried forward; while choosing it is fitted anew in any case."""
        every = max(self.settings.every, 1) if is_choice else self.settings.every
        return ForwardSettings(every, self.settings.n_least, is_grouped)


@dataclass(frozen=True, eq=False)
class Chosen:
    """What was chosen for an attribute on the training side.

    Attributes:
        choice: The model and the errors of all candidates; `predicted` of training rows.
        interval: How intervals are made.
        scores: Mean interval score of each way that was tried.
    """

    choice: Choice
    interval: str
    scores: Mapping[str, float]


def case_of(table: BatchTable, name: str, settings: ReleaseTrialSettings) -> Case:
    """An attribute with its levels and inputs.

    Raises:
        BadInputError: Its times cannot be.
    """
    values, marked = table.targets[name], table.is_marked[name]
    limit = settings.reporting_limit.get(name, -math.inf)
    if marked.any():
        limit = max(limit, float(np.nanmax(values[marked])))
    timeline = table.timeline(settings)
    reported = Reported.of(values, limit)
    names, X = table.predictors, table.X
    if settings.planted_leak is not None:
        column = planted(reported, table.codes, settings.planted_leak, settings.seed)
        names, X = (*names, PLANTED), np.column_stack([X, column])
    levels = recent_levels(reported.values, table.codes, timeline)
    lot_levels = _lot_levels(table, reported, timeline)
    return Case(name, table, settings, timeline, reported, levels, lot_levels, names, X)


def _lot_levels(table: BatchTable, reported: Reported, timeline: Timeline) -> Levels | None:
    """Levels of lots; of a lot that is not known yet there is none, not that of all lots."""
    if not any(table.lots):
        return None
    found = recent_levels(reported.values, table.lots, timeline)
    is_new = (found.n == 0) | np.asarray([not one for one in table.lots])
    mean, last, recent = (
        np.where(is_new, math.nan, one) for one in (found.mean, found.last, found.recent)
    )
    return Levels(mean, last, recent, np.where(is_new, 0.0, found.n))


def planted(reported: Reported, codes: list[str], noise: float, seed: int) -> Array:
    """The result with noise, as a share of its spread within products, shape (n,)."""
    y = reported.values
    number = np.unique(codes, return_inverse=True)[1]
    counts = np.bincount(number, ~np.isnan(y))
    means = np.bincount(number, np.nan_to_num(y)) / np.maximum(counts, 1)
    spread = float(np.nanstd(y - means[number]))
    return np.asarray(y + noise * spread * np.random.default_rng(seed).normal(size=len(y)))


# ---- chosen on the training side --------------------------------------------------------------


def choose(case: Case) -> Chosen:
    """Model and kind of interval, by forward errors within the training side.

    Raises:
        BadInputError: The training side is too short, or a candidate is not known.
    """
    settings = case.settings
    names = [
        one for one in settings.candidates if one != "tobit" or math.isfinite(case.reported.limit)
    ]
    try:
        models = {one: _model(case, one) for one in names}
        choice = choose_forward(
            models,
            case.inputs,
            case.reported,
            case.timeline,
            case.table.lots,
            case.forward(is_choice=True),
        )
    except ScienceError as error:
        raise BadInputError(
            f"{case.name}: {error}.",
            hint="Give the training side more periods, or lower settings.n_least.",
            key="split",
        ) from error
    scores = {
        name: _mean_score(case, choice.predicted, one)
        for name, one in interval_kinds(settings.coverage).items()
    }
    ranked = {name: one for name, one in scores.items() if math.isfinite(one)}
    best = min(ranked, key=lambda name: ranked[name]) if ranked else "normalised"
    return Chosen(choice, best, scores)


def _model(case: Case, name: str) -> Any:
    settings = case.settings
    return candidate(name, limit=case.reported.limit, n_trees=settings.n_trees, seed=settings.seed)


def interval_kinds(coverage: float) -> dict[str, ConformalSettings]:
    """Ways to make intervals that are tried on the training side."""
    return {
        "plain": ConformalSettings(coverage),
        "normalised": ConformalSettings(coverage, is_normalised=True),
        "by code": ConformalSettings(coverage, n_own=40),
    }


def _errors(case: Case, predicted: Array) -> Array:
    there = ~np.isnan(predicted)
    guess = np.where(there, predicted, 0.0)
    errors = case.reported.errors(case.reported.reportable(guess))
    return np.where(there, errors, math.nan)


def _intervals(case: Case, predicted: Array, kind: ConformalSettings) -> tuple[Array, Array]:
    guess = np.where(np.isnan(predicted), math.nan, np.maximum(predicted, case.reported.limit))
    made = forward_intervals(_errors(case, predicted), guess, case.table.codes, case.timeline, kind)
    return made.lower, made.upper


def _mean_score(case: Case, predicted: Array, kind: ConformalSettings) -> float:
    lower, upper = _intervals(case, predicted, kind)
    is_there = np.asarray(~np.isnan(lower) & ~np.isnan(case.reported.values))
    if int(is_there.sum()) < 30:
        return math.nan
    seen = case.reported.rows(is_there)
    return float(interval_score(seen, lower[is_there], upper[is_there], kind.coverage).mean())


# ---- forward over the test side ---------------------------------------------------------------


def forward_rows(case: Case, chosen: Chosen, is_test: Array) -> ForwardRows:
    """Predictions of test batches with what stood beside them."""
    predicted = np.full(len(is_test), math.nan)
    predicted[~is_test] = chosen.choice.predicted
    model = _model(case, chosen.choice.name)
    common = (case.reported.values, case.timeline, case.table.lots)
    found = forward_predictions(model, case.inputs, *common, asked=is_test, settings=case.forward())
    held_out = forward_predictions(
        model, case.inputs_apart, *common, asked=is_test, settings=case.forward(is_grouped=True)
    )
    predicted[is_test] = found[is_test]
    kind = interval_kinds(case.settings.coverage)[chosen.interval]
    lower, upper = _intervals(case, predicted, kind)
    places = np.flatnonzero(is_test).tolist()
    labels = case.table.labels(case.settings)
    return ForwardRows(
        attribute=case.name,
        unit=case.settings.unit.get(case.name, ""),
        reported=case.reported.rows(is_test),
        predicted=predicted[is_test],
        baselines={name: one[is_test] for name, one in case.levels.predictions().items()},
        lower=lower[is_test],
        upper=upper[is_test],
        codes=[case.table.codes[k] for k in places],
        lots=[case.table.lots[k] or f"batch {k}" for k in places],
        periods=[labels[k] for k in places],
        in_domain=forward_domain(case.X, case.table.codes, case.timeline)[is_test],
        held_out=held_out[is_test],
    )


def locked_predictions(case: Case, chosen: Chosen, is_test: Array) -> Array:
    """Test batches as one model says them that was fitted before the first of them."""
    found = forward_predictions(
        _model(case, chosen.choice.name), case.inputs, case.reported.values, case.timeline,
        case.table.lots, asked=is_test, settings=ForwardSettings(0, case.settings.n_least, False),
    )  # fmt: skip
    return np.asarray(found[is_test])


def specification_of(case: Case) -> Any:
    """Limits of the attribute."""
    return case.settings.specification.get(case.name, Limits()).specification()


# ---- columns that know the answer -------------------------------------------------------------


def leaks_of(case: Case) -> tuple[tuple[Leak, ...], tuple[Leak, ...]]:
    """Columns that know the answer, each once, by stage, by time of recording, or by itself.

    Returns:
        Those held against the model, and those that are good alone for a declared reason.

    Raises:
        BadInputError: A stage or a column of times is not there.
    """
    settings = case.settings
    found: list[Leak] = []
    if settings.decided_after:
        try:
            found += declared_later(case.names, settings.stages, settings.decided_after)
        except ScienceError as error:
            raise BadInputError(f"{error}.", key="settings.decided_after") from error
    found += recorded_later(*_recorded(case))
    found += leaking_columns(case.X, case.names, case.reported, case.table.codes, settings.leaks)
    first = {leak.column: leak for leak in reversed(found)}
    told = [first[name] for name in case.names if name in first]
    excused = [
        leak
        for leak in told
        if leak.kind is LeakKind.TOO_GOOD and settings.explained.get(leak.column, "").strip()
    ]
    return tuple(one for one in told if one not in excused), tuple(excused)


def _recorded(case: Case) -> tuple[dict[str, Array], Array]:
    from goldenbatch.capabilities.monitoring._periods import period_numbers

    settings, columns = case.settings, case.table.columns
    times: dict[str, Array] = {}
    for column, at in settings.recorded_at.items():
        if column not in case.names:
            continue
        if at not in columns:
            raise BadInputError(
                f"there is no column {at!r} that says when {column!r} was recorded.",
                key="settings.recorded_at",
            )
        cells = columns[at]
        filled = [k for k, one in enumerate(cells) if str(one).strip() not in NO_VALUE]
        own = np.full(len(cells), math.nan)
        own[filled] = period_numbers(
            [cells[k] for k in filled], at, settings.period, settings.months
        )
        times[column] = own
    return times, case.timeline.at.astype(np.float64)


def caught_as(case: Case, noise: float) -> tuple[Leak, ...]:
    """What is found of a planted column with so much noise; empty: it is not caught."""
    column = planted(case.reported, case.table.codes, noise, case.settings.seed + 1)
    return leaking_columns(
        column[:, None], [PLANTED], case.reported, case.table.codes, case.settings.leaks
    )
