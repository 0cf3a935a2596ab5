"""How well a plan foresees outcomes and the end of batches, beside the mean of golden ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenbatch.capabilities.monitoring._trial_columns import share
from goldenbatch.science.latent.batch import BatchRun, Followed
from goldenbatch.science.latent.batch.fitting import outcome_of
from goldenbatch.science.latent.batch.settings import END

SHARES = (0.25, 0.5, 0.75, 0.95)
"""Of the batch's own length, at which its forecasts are looked at."""


def forecast_measures(good: Sequence[Followed]) -> dict[str, Any]:
    """Errors and coverage of each forecast on batches inside the domain."""
    inside = [one for one in good if not one.trace.domain]
    if not inside or not inside[0].plan.forecasts:
        return {}
    names = [one.name for one in inside[0].plan.forecasts]
    return {name: _of_outcome(inside, j, name) for j, name in enumerate(names)}


def _of_outcome(inside: Sequence[Followed], j: int, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in SHARES:
        said = np.array([_at(one, j, name, part) for one in inside])
        truth = said[:, 3]
        is_there = np.isfinite(said[:, 0])
        covered = np.abs(said[:, 0] - truth) <= said[:, 1]
        found[f"at_{part:.0%}"] = {
            "rmse": _rmse(truth[is_there], said[is_there, 0]),
            "rmse_of_the_mean": _rmse(truth[is_there], said[is_there, 2]),
            "coverage": share(int(covered[is_there].sum()), int(is_there.sum())),
        }
    found["stated_coverage"] = min(one.plan.stated_coverage for one in inside)
    return found


def _at(one: Followed, j: int, name: str, part: float) -> tuple[float, float, float, float]:
    """Forecast when a share of the batch was over, half width, golden mean, and the truth.

    NaN before the first forecast.
    """
    settings = one.plan.settings
    begins = [_begin(one.run, readings.phase) for readings in one.trace.phases]
    limit = begins[0] + part * outcome_of(one.run, settings, END, one.trace.phases[0].phase)
    found = (np.nan, np.nan, np.nan, np.nan)
    for begin, readings in zip(begins, one.trace.phases, strict=True):
        past = np.flatnonzero(readings.elapsed + begin <= limit)
        if len(past):
            mean = one.plan.forecasts[j].centre[readings.phase]
            truth = outcome_of(one.run, settings, name, readings.phase)
            last = past[-1]
            found = (readings.forecast[last, j], readings.half_width[last, j], mean, truth)
    return found


def _begin(run: BatchRun, phase: str) -> float:
    return float(run.time[run.phases.index(phase)])


def _rmse(truth: NDArray[np.float64], value: NDArray[np.float64]) -> float | None:
    return float(np.sqrt(np.mean((truth - value) ** 2))) if len(truth) else None
