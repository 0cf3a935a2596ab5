"""Findings of a watch: what was seen, how sure it is, what it rests on, and what to do."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from goldenbatch.capabilities.governance.watch_charts import INPUT, INVALID, OUTPUT, RESIDUAL
from goldenbatch.core.findings import Contribution, Evidence, Measure
from goldenbatch.science.statistics.intervals import clopper_pearson

if TYPE_CHECKING:
    from goldenbatch.capabilities.governance.late_results import LateResults
    from goldenbatch.capabilities.governance.watch_charts import Charts, Reading, ResidualPath
    from goldenbatch.capabilities.governance.watch_units import Unit
    from goldenbatch.capabilities.governance.watched import Watched
    from goldenbatch.core.analyst import TickView

ACTIONS: Final = {
    INPUT: "Look for the cause in the inputs named; have results of the next batches "
    "determined, and decide whether the model may go on (`goldenbatch model suspend`).",
    OUTPUT: "Find out whether the process has changed or the model: take samples, and compare.",
    INVALID: "Use the contingency of the intended use; look at the inputs that are missing or "
    "outside the domain.",
    RESIDUAL: "The model errs one way against the laboratory: decide whether it is suspended "
    "(`goldenbatch model suspend`) or updated under its change plan.",
}
"""What each alarm asks of a person; under a signed clause the home suspends by itself."""
MOST_NAMED: Final = 10


def rate_words(charts: Charts, arl0: float, units: str) -> str:
    """The stated false-alarm rate, in words."""
    return (
        f"Without any change the {charts.n_charts} charts of this watch open together no more than "
        f"one event in {arl0:g} {units} on average, each of them one in {charts.arl0_each:g}."
    )


def drift_words(alarm: str, readings: Sequence[Reading], charts: Charts, units: str) -> str:
    """What the charts of inputs or output say."""
    told = "; ".join(
        f"{one.name} {_way(one)}, built up over {one.n_run} {units} (CUSUM {one.value:.2f}, limit "
        f"{one.limit:.2f})"
        for one in readings if one.is_open
    )  # fmt: skip
    what = "inputs lie" if alarm == INPUT else "output lies"
    return f"The {what} otherwise than in the {charts.n_known} {units} before: {told}."


def _way(reading: Reading) -> str:
    if reading.name == "all together":
        return "away from what they were"
    return "high" if reading.side > 0 else "low"


def invalid_words(reading: Reading, units: Sequence[Unit], allowed: float, name: str) -> str:
    """What the chart of valid predictions says, with the rows it rests on."""
    n_rows, n_bad = sum(one.n_rows for one in units), sum(one.n_bad for one in units)
    return (
        f"More than {allowed:.0%} of {name} have no valid prediction for most of their rows: "
        f"{n_bad} of {n_rows} rows of the last {len(units)} (CUSUM {reading.value:g}, limit "
        f"{reading.limit:g})."
    )


def residual_words(path: ResidualPath, model: Watched) -> str:
    """What the residual chart says."""
    mean = math.fsum(path.means) / len(path.means)
    by = (
        f"the validated error of {model.error:.3g} {model.unit}"
        if model.error is not None else "the residuals before"
    )  # fmt: skip
    return (
        f"The laboratory finds {abs(mean):.3g} {model.unit} {'more' if mean > 0 else 'less'} than "
        f"predicted, on average of {len(path.groups)} batches since {path.groups[0]} (CUSUM "
        f"{path.reading.value:.2f}, limit {path.reading.limit:.2f}, against {by})."
    )


def measures(readings: Sequence[Reading], charts: Charts, arl0: float) -> tuple[Measure, ...]:
    """Sums of the charts with their limits, the stated rate, and how much was judged."""
    own = [
        Measure(name=f"CUSUM of {one.name}", value=one.value, upper_limit=one.limit)
        for one in readings if one.is_open or len(readings) == 1
    ]  # fmt: skip
    stated = [
        Measure(name="false events per unit without a change, at most", value=1.0 / arl0),
        Measure(name="units to a false event, at least", value=arl0),
        Measure(name="units judged", value=float(charts.n_judged)),
    ]
    return (*own, *stated)


def share_measures(units: Sequence[Unit]) -> tuple[Measure, ...]:
    """Share of rows without a valid prediction, and of units, with exact bounds."""
    n_rows, n_bad = sum(one.n_rows for one in units), sum(one.n_bad for one in units)
    if not n_rows:
        return ()
    n_out = sum(one.n_bad > 0.5 * one.n_rows for one in units)
    bounds = clopper_pearson(n_out, len(units), 0.90)
    return (
        Measure(name="share of rows without a valid prediction", value=n_bad / n_rows),
        Measure(name="share of units, exact one-sided 95 % lower bound", value=bounds.lower),
        Measure(name="share of units, exact one-sided 95 % upper bound", value=bounds.upper),
    )


def contributions(found: Sequence[tuple[str, float]]) -> tuple[Contribution, ...]:
    """The inputs that lie furthest, named."""
    return tuple(Contribution(variable=name, value=one) for name, one in found[:MOST_NAMED])


def window_evidence(view: TickView, tag: str, start: int, end: int) -> tuple[Evidence, ...]:
    """Readings of a tag in a window, by the digest of (time, seq, quality, value) of each."""
    series = view.read([tag], (start, end + 1))
    if not len(series):
        return ()
    digest = hashlib.sha256()
    times = series.times()
    for column in (times, series.seqs(), series.qualities(), series.values()):
        digest.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return (
        Evidence(
            kind="window", digest=digest.hexdigest(), tag=tag, start=int(times.min()),
            end=int(times.max()) + 1, as_of=view.tick.historian_seq, n_readings=len(series),
            note="the unit judged last",
        ),
    )  # fmt: skip


def result_evidence(results: LateResults, groups: Sequence[str]) -> tuple[Evidence, ...]:
    """Records of the results of some groups, the newest ones."""
    keys = [key for key, pair in results.pairs.items() if pair[0] in groups][-MOST_NAMED:]
    found: dict[str, Evidence] = {}
    for key in keys:
        stream, version, leaf = results.record(key)
        found[leaf] = Evidence(
            kind="record", digest=leaf, stream=stream, version=version, note="laboratory"
        )
    return tuple(found.values())
