"""Trial of release models: what they would have said before the results came, batch after batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from goldenbatch.capabilities.monitoring.release._trial_case import (
    Case,
    Chosen,
    case_of,
    caught_as,
    choose,
    forward_rows,
    leaks_of,
    locked_predictions,
    specification_of,
)
from goldenbatch.capabilities.monitoring.release._trial_table import BatchTable, batch_table
from goldenbatch.capabilities.monitoring.release.gate import AcceptedFor, Verdict, judge
from goldenbatch.capabilities.monitoring.release.trial_settings import (
    ReleaseTrialSettings,
    settings_of,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import Measures, TrialData, TrialFile
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.forward import (
    ForwardEvaluation,
    ForwardRows,
    Leak,
    error_ratio,
    evaluate_forward,
)
from goldenbatch.science.forward.choice import candidate
from goldenbatch.science.forward.splits import split_r2

NOISES: Final = (0.0, 0.1, 0.3, 0.5, 1.0)
"""Noise of columns planted to see which are caught, of the spread within products."""


@dataclass(frozen=True, eq=False)
class ReleaseMethod:
    """What the training side decided: the procedure that is carried forward, frozen.

    Attributes:
        settings: Of the trial.
        train: The training side, which is the beginning of what is known.
        chosen: Attribute to its model and kind of interval.
    """

    settings: ReleaseTrialSettings
    train: TrialData
    chosen: Mapping[str, Chosen]


class ReleaseTrial:
    """`monitoring.release`: forward in time, against what was known without any model.

    The trial file names `columns.target` (attributes), `columns.predictors`, `columns.code` (the
    product), `columns.time`, and may name `columns.lot` (material lot that is kept whole) and
    `columns.batch` (joins further tables). Model and interval are chosen on the training side.
    Each test batch is predicted by a fit to results known at its time, later batches like
    earlier ones; earlier test batches are known in their turn.
    """

    name = "monitoring.release"
    version = "1"

    def fit(self, file: TrialFile, train: TrialData) -> ReleaseMethod:
        """Choose model and interval of each attribute, forward in time within the training side.

        Raises:
            BadInputError: A column or setting is wrong, or the training side is too short.
        """
        settings = settings_of(file)
        table, _ = batch_table(file, [train], settings)
        chosen = {name: choose(case_of(table, name, settings)) for name in table.targets}
        return ReleaseMethod(settings, train, chosen)

    def measure(self, method: ReleaseMethod, file: TrialFile, test: TrialData) -> Measures:
        """Errors, intervals, leaks and the verdict of the gate, attribute by attribute.

        Raises:
            BadInputError: Test batches come before training batches, or none can be predicted.
        """
        settings = method.settings
        table, is_test = batch_table(file, [method.train, test], settings)
        attributes, verdicts = {}, {}
        for name, chosen in method.chosen.items():
            case = case_of(table, name, settings)
            attributes[name], verdicts[name] = _attribute(case, chosen, is_test)
        labels = table.labels(settings)
        tested = [label for label, is_in in zip(labels, is_test, strict=True) if is_in]
        return {
            "accepted_for": {name: one.accepted_for.value for name, one in verdicts.items()},
            "reasons": {name: list(one.reasons) for name, one in verdicts.items()},
            "refused_for_release": {
                name: list(one.refusals(AcceptedFor.RELEASE)) for name, one in verdicts.items()
            },
            "rmse_ratio": {name: one["ratio"] for name, one in attributes.items()},
            "attributes": attributes,
            "n_batches": len(labels),
            "n_test_batches": len(tested),
            "test_periods": [tested[0], tested[-1]],
            "known_after_periods": settings.known_after,
            "n_predictors": len(table.predictors),
            "n_rows_unmatched": table.n_unmatched,
        }

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """Errors of the naive predictions from results known at the time."""
        settings = settings_of(file)
        table, is_test = batch_table(file, [train, test], settings)
        return {name: _naive(case_of(table, name, settings), is_test) for name in table.targets}


def _attribute(case: Case, chosen: Chosen, is_test: Any) -> tuple[Measures, Verdict]:
    leaks, excused = leaks_of(case)
    rows = forward_rows(case, chosen, is_test)
    found = _evaluated(case, rows, leaks)
    verdict = judge(found, case.settings.criteria)
    measures: Measures = {
        **found.to_json(),
        "verdict": verdict.to_json(),
        "model": chosen.choice.name,
        "rmse_of_candidates_on_training_side": dict(chosen.choice.rmse),
        "interval": chosen.interval,
        "explained_columns": {
            one.column: {"figure": one.figure, "why": case.settings.explained[one.column]}
            for one in excused
        },
        "locked_model": _locked(rows, locked_predictions(case, chosen, is_test), found),
        "by_period": _by_period(rows, found),
        "planted_leaks": _planted(case, found),
    }
    if case.settings.has_splits:
        measures["r2_by_split"] = _splits(case, found)
    return measures, verdict


def _evaluated(case: Case, rows: ForwardRows, leaks: tuple[Leak, ...]) -> ForwardEvaluation:
    try:
        return evaluate_forward(
            rows,
            nominal=case.settings.coverage,
            specification=specification_of(case),
            leaks=leaks,
            seed=case.settings.seed,
        )
    except ScienceError as error:
        raise BadInputError(
            f"{error}.", hint="Give more batches, or a later split.", key="split"
        ) from error


def _locked(rows: ForwardRows, predicted: Any, found: ForwardEvaluation) -> Measures:
    """What one model is worth that is never fitted again, beside the same baseline."""
    reported, best = rows.reported, rows.baselines[found.best_baseline]
    both = [reported.errors(reported.reportable(one)) for one in (predicted, best)]
    is_there = ~np.isnan(both[0]) & ~np.isnan(both[1])
    if int(is_there.sum()) < 2:
        return {"ratio": None, "interval": None}
    lots = [lot for lot, is_in in zip(rows.lots, is_there, strict=True) if is_in]
    ratio = error_ratio(both[0][is_there], both[1][is_there], lots, seed=found.seed)
    return {"ratio": ratio.ratio, "interval": [ratio.lower, ratio.upper], "n": ratio.n_rows}


def _by_period(rows: ForwardRows, found: ForwardEvaluation) -> Measures:
    """Errors of model and best baseline, and the share held by intervals, period by period."""
    reported, periods = rows.reported, np.asarray(rows.periods)
    table: Measures = {}
    for period in dict.fromkeys(rows.periods):
        own = np.asarray(periods == period)
        seen = reported.rows(own)
        columns = {"rmse": rows.predicted, "rmse_baseline": rows.baselines[found.best_baseline]}
        errors = {
            name: _rmse(seen.errors(seen.reportable(one[own]))) for name, one in columns.items()
        }
        low, high = seen.reportable(rows.lower[own]), seen.reportable(rows.upper[own])
        is_there = ~np.isnan(rows.lower[own]) & ~np.isnan(seen.values)
        is_held = is_there & (low <= seen.values) & (seen.values <= high)
        held = float(is_held.sum() / is_there.sum()) if is_there.any() else None
        table[period] = {"n": int(own.sum()), **errors, "coverage": held}
    return table


def _rmse(errors: Any) -> float | None:
    seen = errors[~np.isnan(errors)]
    return math.sqrt(float(np.mean(seen**2))) if len(seen) else None


def _planted(case: Case, found: ForwardEvaluation) -> Measures:
    """Which planted columns are caught, and what the gate then says."""
    leaks = {f"{noise:g}": caught_as(case, noise) for noise in NOISES}
    verdicts = {
        noise: judge(replace(found, leaks=(*found.leaks, *caught)), case.settings.criteria)
        for noise, caught in leaks.items()
    }
    return {
        "caught_as": {noise: [leak.kind.value for leak in one] for noise, one in leaks.items()},
        "accepted_for": {noise: one.accepted_for.value for noise, one in verdicts.items()},
    }


def _splits(case: Case, found: ForwardEvaluation) -> Measures:
    """R2 of forests by other splits, beside those of model and baseline forward in time."""
    table: BatchTable = case.table
    settings = case.settings
    forest = candidate("extra-trees", n_trees=settings.n_trees, seed=settings.seed)
    number: dict[str, float] = {}
    codes = [number.setdefault(one, float(len(number))) for one in table.codes]
    X = np.column_stack([case.X, codes])
    try:
        other: Measures = dict(
            split_r2(forest, X, case.reported.values, table.lots, seed=settings.seed)
        )
    except ScienceError as error:
        other = {"not_made": str(error)}
    naive = None if found.r2 is None else 1.0 - (1.0 - found.r2) / found.ratio**2
    return {**other, "forward": found.r2, "forward_best_baseline": naive}


def _naive(case: Case, is_test: Any) -> Measures:
    seen = case.reported.rows(is_test)
    errors = {
        name: _rmse(seen.errors(seen.reportable(one[is_test])))
        for name, one in case.levels.predictions().items()
    }
    return {"rmse": errors, "uncensored_share": seen.uncensored_share}
