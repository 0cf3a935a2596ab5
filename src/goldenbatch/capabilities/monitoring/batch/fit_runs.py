"""Fit the plan of `monitoring.batch_runs` to golden batches of a home."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.capabilities.monitoring.batch._runs_here import RUN_KINDS, PhaseRun, RunsHere
from goldenbatch.capabilities.monitoring.batch._sampling import sampled
from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.gating import covers
from goldenbatch.core.models import ModelFitted, TrainingData
from goldenbatch.core.site import Site
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.latent.batch import (
    BatchPlan,
    BatchRun,
    Followed,
    fit_batch_plan,
    leave_out_in_turn,
)
from goldenbatch.science.predictors.loading import BATCH_PLAN
from goldenbatch.science.statistics import clopper_pearson

if TYPE_CHECKING:
    from goldenbatch.core.gating import Span

ENDED = "(ended)"
"""Label of a sample that is in no phase of the plan."""
N_PARTS = 20
"""Parts of many golden batches that are left out to measure the false-alarm rate."""


def fit_batch_runs(site: Site, name: str, settings: BatchRunsSettings) -> ModelFitted:
    """Make the plan from the golden batches that the settings name, and measure it.

    Raises:
        BadInputError: There are too few golden batches, or one lacks what is needed.
    """
    runs, training = golden_runs(site, name, settings)
    chosen = settings.plan_settings()
    try:
        plan = fit_batch_plan(runs, chosen)
        judged = leave_out_in_turn(runs, chosen, 0 if len(runs) <= N_PARTS else N_PARTS)
    except ScienceError as error:
        raise BadInputError(
            f"{len(runs)} golden batches give no plan for {name!r}: {error}",
            hint="Name further golden batches, or correct phases and variables.",
        ) from error
    digest = site.registry.put(plan.to_bytes(), BATCH_PLAN)
    return ModelFitted(
        name=name,
        method=f"batch MSPC, {chosen.unfolding}-wise",
        code_version="batch-runs-1",
        digest=digest,
        media_type=BATCH_PLAN,
        settings=settings.model_dump(mode="json"),
        training=training,
        measures=plan_measures(plan, judged),
    )


def plan_measures(plan: BatchPlan, judged: Sequence[Followed]) -> dict[str, float]:
    """False alarms of golden batches that were left out, with the exact interval."""
    inside = [one for one in judged if not one.trace.domain]
    n_alarms = sum(one.trace.is_alarm for one in inside)
    found = {
        "n_golden_batches": float(plan.n_batches),
        "n_dropped": float(len(plan.dropped)),
        "stated_false_alarm_rate": plan.stated_rate,
        "n_outside_domain": float(len(judged) - len(inside)),
        "n_judged": float(len(inside)),
    }
    if inside:
        interval = clopper_pearson(n_alarms, len(inside))
        found |= {
            "false_alarm_rate": n_alarms / len(inside),
            "false_alarm_rate_lower": interval.lower,
            "false_alarm_rate_upper": interval.upper,
        }
    return found


def golden_runs(
    site: Site, name: str, settings: BatchRunsSettings
) -> tuple[list[BatchRun], tuple[TrainingData, ...]]:
    """The golden batches as the analyst would have sampled them, and the readings they are.

    Raises:
        BadInputError: None is named, none is there, or a tag has no readings.
    """
    if not settings.golden:
        raise BadInputError(
            f"analyst {name!r} names no golden batches.",
            hint="Name them in `golden`, by name or with `*`.",
        )
    known = site.historian.tags()
    lacking = [tag for tag in settings.tag_list if known.get(tag) != "number"]
    if lacking:
        raise BadInputError(
            f"tag {lacking[0]!r} of analyst {name!r} has no numbers.",
            hint="Import its readings first, or correct `tags`.",
        )
    here = RunsHere(settings, None)
    here.take(site.ledger.events(kinds=RUN_KINDS))
    chosen = {
        batch: runs for batch, runs in here.batches().items()
        if _is_named(batch, settings) and all(one.end is not None for one in runs)
    }  # fmt: skip
    if not chosen:
        raise BadInputError(
            f"no ended batch at {settings.place} matches {', '.join(settings.golden)}.",
            hint="Correct `golden`, `place`, `product` or the phases.",
        )
    outcomes = _outcomes(site, settings, list(chosen))
    windows = here.windows()
    found = [
        _sampled(site, settings, batch, runs, windows, outcomes.get(batch, {}))
        for batch, runs in chosen.items()
    ]
    return found, _training(site, settings, chosen)


def _is_named(batch: str, settings: BatchRunsSettings) -> bool:
    return any(fnmatch.fnmatchcase(batch, one) for one in settings.golden) and not any(
        fnmatch.fnmatchcase(batch, one) for one in settings.except_batches
    )


def _sampled(
    site: Site,
    settings: BatchRunsSettings,
    batch: str,
    runs: Sequence[PhaseRun],
    windows: Sequence[Span],
    outcomes: Mapping[str, float],
) -> BatchRun:
    tags, interval = settings.tag_list, settings.interval_us
    times: list[int] = []
    phases: list[str] = []
    for run, after in zip(runs, [*runs[1:], None], strict=True):
        end = run.end or run.start
        for moment in range(run.start, end, interval):
            if covers(windows, moment) and (not times or moment > times[-1]):
                times.append(moment)
                phases.append(run.phase)
        # Where nothing of the plan follows at once, the end of a phase closes its length.
        if (after is None or after.start > end) and (not times or end > times[-1]):
            times.append(end)
            phases.append(ENDED)
    at = np.array(times, dtype=np.int64)
    window = (int(at[0]) - settings.max_age_us, int(at[-1]) + 1)
    series = site.historian.read(tags, window)
    values = sampled(series, tags, at, settings.max_age_us)
    elapsed = (at - runs[0].start) / settings.unit_us
    ends = tuple((name, outcomes[name]) for name in sorted(outcomes))
    return BatchRun(batch, elapsed, values, tuple(phases), ends)


def _outcomes(
    site: Site, settings: BatchRunsSettings, batches: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Batch to outcome to the mean of its valid results."""
    found: dict[str, dict[str, float]] = {}
    for name, attribute in settings.outcomes.items():
        rows = site.ledger.select("result", {"attribute": attribute, "batch": list(batches)})
        by_batch: dict[str, list[float]] = {}
        for row in rows:
            if row["number"] is not None and row["status"] != "invalidated":
                by_batch.setdefault(str(row["batch"]), []).append(float(row["number"]))
        for batch, values in by_batch.items():
            found.setdefault(batch, {})[name] = float(np.mean(values))
    return found


def _training(
    site: Site, settings: BatchRunsSettings, chosen: Mapping[str, Sequence[PhaseRun]]
) -> tuple[TrainingData, ...]:
    found = []
    for batch, runs in chosen.items():
        window = (runs[0].start, max(run.end or run.start for run in runs))
        for tag in settings.tag_list:
            digest, n = site.historian.digest(tag, window)
            if n:
                found.append(
                    TrainingData(what=tag, digest=digest, n=n, start=window[0], end=window[1],
                                 batches=(batch,))
                )  # fmt: skip
    return tuple(found)
