"""A batch that was followed: gone through again by the frozen plan, beside what was logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.capabilities.monitoring.batch._runs_here import RUN_KINDS, PhaseRun, RunsHere
from goldenbatch.capabilities.monitoring.batch._sampling import sampled
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.gating import covers
from goldenbatch.science.latent.batch.plan import STATISTICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from goldenbatch.capabilities.monitoring.batch.live_settings import BatchRunsSettings
    from goldenbatch.core.series import Floats, Integers
    from goldenbatch.core.site import Site
    from goldenbatch.science.latent.batch import BatchPlan, BatchReadings

MOST_SAMPLES: Final = 20_000
N_DRAWN: Final = 600
_LOGGED: Final = ("t2", "spe", "deviation")


def runs_of(site: Site, settings: BatchRunsSettings) -> RunsHere:
    """Batches at the place with their runs of the model's phases."""
    runs = RunsHere(settings, None)
    runs.take(event for event in site.ledger.events(kinds=RUN_KINDS) if event.body is not None)
    return runs


def followed_batch(
    site: Site, name: str, settings: BatchRunsSettings, plan: BatchPlan, batch: str
) -> dict[str, Any]:
    """All that the plan says of a batch, phase by phase, up to the newest reading.

    Raises:
        NotFoundError: The batch did not run here, or is too long to be gone through at once.
    """
    here = runs_of(site, settings)
    runs = here.batches().get(batch)
    if not runs:
        raise NotFoundError(
            f"batch {batch!r} ran no phase of {name!r} at {settings.place}.",
            hint="Choose one of the batches at this place.",
        )
    tags = settings.tag_list
    known = site.historian.tags()
    newest = site.historian.latest([tag for tag in tags if tag in known]).times()
    upto = int(newest.max()) if len(newest) else 0
    begins: dict[str, int] = {}
    state, phases = plan.start(), []
    for run in runs:
        begins.setdefault(run.phase, run.start)
        times = _times(settings, run, upto, here.windows())
        values = _values(site, settings, times, known)
        elapsed = (times - begins[run.phase]) / settings.unit_us
        state, readings = plan.advance(state, run.phase, elapsed, values)
        if readings is not None:
            logged = _logged(site, name, settings, times)
            phases.append(_phase(settings, plan, _Taken(run, times, values, readings, logged)))
    return {
        "batch": batch, "phases": phases, "is_over": here.is_over(batch),
        "domain": [str(one) for one in plan.domain(state)],
    }  # fmt: skip


def _times(
    settings: BatchRunsSettings, run: PhaseRun, upto: int, windows: Sequence[tuple[int, int]]
) -> Integers:
    end = upto - settings.wait_us + 1 if run.end is None else run.end
    n = max(0, -(-(end - run.start) // settings.interval_us))
    if n > MOST_SAMPLES:
        raise NotFoundError(
            f"{run.phase} has {n} samples, more than are gone through at once.",
            hint="Its logged statistics are tags: draw them as trends.",
        )
    times = run.start + np.arange(n, dtype=np.int64) * settings.interval_us
    counts = np.array([covers(windows, at) for at in times.tolist()], dtype=np.bool_)
    found: Integers = times[counts]
    return found


def _values(site: Site, settings: BatchRunsSettings, times: Integers, known: Any) -> Floats:
    tags = settings.tag_list
    there = [tag for tag in tags if tag in known]
    if not len(times) or not there:
        return np.full((len(times), len(tags)), np.nan)
    window = (int(times[0]) - settings.max_age_us, int(times[-1]) + 1)
    return sampled(site.historian.read(there, window), tags, times, settings.max_age_us)


@dataclass(frozen=True, eq=False)
class _Taken:
    """Samples of one run of a phase."""

    run: PhaseRun
    times: Integers
    values: Floats
    readings: BatchReadings
    logged: Floats


def _phase(settings: BatchRunsSettings, plan: BatchPlan, taken: _Taken) -> dict[str, Any]:
    run, times, readings, logged = taken.run, taken.times, taken.readings, taken.logged
    both = np.isfinite(logged) & np.isfinite(readings.statistics)
    places = drawn_places(readings, N_DRAWN)
    frozen = plan.phases[run.phase]
    columns = [plan.settings.columns.index(one) for one in readings.variables
               if one in plan.settings.columns]  # fmt: skip
    golden = {
        variable: {"mean": frozen.mean[:, j], "spread": frozen.spread[:, j]}
        for j, variable in enumerate(readings.variables)
    }
    raw = {plan.settings.columns[place]: taken.values[places, place] for place in columns}
    return {
        "phase": run.phase, "start": run.start, "end": run.end, "n_samples": len(times),
        "times": times[places], "elapsed": readings.elapsed[places],
        "maturity": readings.maturity[places], "statistics": STATISTICS,
        # What was logged is the record; where nothing was, what the plan says now stands in.
        "values": np.where(np.isfinite(logged), logged, readings.statistics)[places].T,
        "limits": readings.limits[places].T, "is_alarm": readings.is_quality_alarm[places],
        "deviations": dict(zip(readings.variables, readings.deviations[places].T, strict=True)),
        "golden": golden, "grid": np.linspace(0.0, 1.0, len(frozen.mean)), "raw": raw,
        "tags": {one: settings.tags[one] for one in raw},
        "n_logged": int(np.isfinite(logged[:, 0]).sum()),
        "n_equal": int((logged[both] == readings.statistics[both]).sum()),
        "n_compared": int(both.sum()),
        "forecasts": {
            one.name: {"value": readings.forecast[places, j],
                       "half_width": readings.half_width[places, j]}
            for j, one in enumerate(plan.forecasts)
        },
    }  # fmt: skip


def _logged(site: Site, name: str, settings: BatchRunsSettings, times: Integers) -> Floats:
    """Statistics as they were logged at these times, shape (n, 3); NaN where they were not."""
    found = np.full((len(times), len(_LOGGED)), np.nan)
    known = site.historian.tags()
    for k, what in enumerate(_LOGGED):
        tag = settings.output(name, what)
        if tag not in known or not len(times):
            continue
        series = site.historian.read([tag], (int(times[0]), int(times[-1]) + 1))
        at = series.times()
        places = np.searchsorted(times, at)
        kept = (places < len(times)) & np.isin(at, times)
        found[places[kept], k] = series.values().astype(np.float64)[kept]
    return found


def drawn_places(readings: BatchReadings, most: int) -> Integers:
    """Samples that are drawn: all, or so many with the largest excursion of each stretch."""
    n = len(readings.elapsed)
    if n <= most:
        return np.arange(n)
    ratio = np.nan_to_num((readings.statistics / readings.limits).max(axis=1))
    edges = np.linspace(0, n, most // 2 + 1).astype(int)
    places = {0, n - 1}
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        places |= {first, first + int(np.argmax(ratio[first:last]))}
    return np.array(sorted(places))


def contributions_at(
    site: Site, settings: BatchRunsSettings, plan: BatchPlan, batch: str, at: int, statistic: int
) -> dict[str, Any]:
    """What each variable adds to a statistic of a batch at the sample at or before a moment.

    Raises:
        NotFoundError: No sample of the batch was judged by then.
    """
    runs = runs_of(site, settings)
    begins: dict[str, int] = {}
    known, state = site.historian.tags(), plan.start()
    last: tuple[PhaseRun, Integers, BatchReadings] | None = None
    for run in runs.batches().get(batch, []):
        begins.setdefault(run.phase, run.start)
        times = _times(settings, run, at + settings.wait_us, runs.windows())
        times = times[times <= at]
        values = _values(site, settings, times, known)
        elapsed = (times - begins[run.phase]) / settings.unit_us
        state, readings = plan.advance(state, run.phase, elapsed, values)
        if readings is not None:
            last = (run, times, readings)
    if last is None:
        raise NotFoundError(f"no sample of batch {batch!r} was judged at that time.")
    run, times, readings = last
    if statistic < 0:
        ratio = np.nan_to_num(readings.statistics[-1] / readings.limits[-1])
        statistic = int(np.argmax(ratio))
    spreads = dict(zip(readings.variables, readings.deviations[-1].tolist(), strict=True))
    parts = [
        {"variable": one, "tag": settings.tags.get(one, ""), "contribution": part,
         "deviation": spreads[one]}
        for one, part in readings.contributions(len(times) - 1, statistic)
    ]  # fmt: skip
    return {
        "at": int(times[-1]), "phase": run.phase, "statistic": STATISTICS[statistic],
        "statistics": STATISTICS, "value": float(readings.statistics[-1, statistic]),
        "limit": float(readings.limits[-1, statistic]), "parts": parts,
        "maturity": float(readings.maturity[-1]), "window": [begins[run.phase], int(times[-1])],
    }  # fmt: skip
