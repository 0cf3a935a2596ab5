"""Key performance indicators, each defined once: pure figures over facts of batches and units.

References:
    ISO 22400-2:2014 with Amd 1:2017, 8 (times and quantities), 9 (indicators).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from goldenbatch.capabilities.monitoring.yields.right_first_time import (
    BatchFacts,
    right_first_time_rate,
)
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.science.lines.oee import Effectiveness, oee
from goldenbatch.science.statistics import clopper_pearson

Window = tuple[int, int]


@dataclass(frozen=True)
class Indicator:
    """The definition of an indicator.

    Attributes:
        name: As it is called everywhere.
        formula: In the terms of the standard.
        unit: UCUM code.
        trend: Whether more is better.
        source: Clause.
    """

    name: str
    formula: str
    unit: str
    trend: str
    source: str


INDICATORS: Final[tuple[Indicator, ...]] = (
    Indicator(
        "right first time",
        "batches completed without deviation, rework or result outside its limits / batches judged",
        "1", "more is better", "ISO 22400-2:2014, 9 (first pass yield); the part is a batch",
    ),
    Indicator(
        "yield", "mean of the reported yields of ended batches", "as reported",
        "more is better", "21 CFR 211.103; ISO 22400-2:2014, 9 (finished goods ratio)",
    ),
    Indicator(
        "availability", "actual production time / planned busy time (APT / PBT)",
        "1", "more is better", "ISO 22400-2:2014, 9",
    ),
    Indicator(
        "effectiveness", "planned run time per batch x batches / actual production time",
        "1", "more is better", "ISO 22400-2:2014, 9",
    ),
    Indicator(
        "quality ratio", "batches right first time / batches judged",
        "1", "more is better", "ISO 22400-2:2014, 9",
    ),
    Indicator(
        "OEE", "availability x effectiveness x quality ratio",
        "1", "more is better", "ISO 22400-2:2014, 9",
    ),
)  # fmt: skip
"""Every indicator that reports and pages show."""

_NOT_BUSY: Final = frozenset({EquipmentStatus.IDLE.value})
_PRODUCING: Final = EquipmentStatus.IN_USE.value


@dataclass(frozen=True)
class Share:
    """A share with its exact interval.

    Attributes:
        value: None where nothing can be judged.
        lower, upper: 95 % (Clopper and Pearson).
        n: Judged.
        n_open: Of which it cannot be said yet.
    """

    value: float | None
    lower: float | None
    upper: float | None
    n: int
    n_open: int = 0


def right_first_time_share(facts: Iterable[BatchFacts]) -> Share:
    """Share of batches that were right first time, with its interval."""
    found = right_first_time_rate(facts)
    if not found.n_judged:
        return Share(None, None, None, 0, found.n_open)
    interval = clopper_pearson(found.n_right, found.n_judged)
    return Share(found.rate, interval.lower, interval.upper, found.n_judged, found.n_open)


def times_in_status(changes: Sequence[tuple[int, str]], window: Window) -> dict[str, int]:
    """Time that a unit spent in each status within a window, microseconds.

    Args:
        changes: (moment, status) in any order; before the first nothing is known.
        window: Half-open.

    >>> times_in_status([(0, "in use"), (60, "idle"), (90, "in use")], (30, 100))
    {'in use': 40, 'idle': 30}
    """
    start, end = window
    ordered = sorted(changes)
    found: dict[str, int] = {}
    for place, (since, status) in enumerate(ordered):
        until = ordered[place + 1][0] if place + 1 < len(ordered) else end
        length = min(until, end) - max(since, start)
        if length > 0:
            found[status] = found.get(status, 0) + length
    return found


def unit_effectiveness(
    times: Mapping[str, int], n_batches: int, share: Share, planned_batch_us: float
) -> Effectiveness | None:
    """Effectiveness of a unit; None where its times or its quality are not known.

    Args:
        times: By status, microseconds (`times_in_status`).
        n_batches: Batches that it made in the window.
        share: Right first time of these.
        planned_batch_us: Planned run time of one batch, microseconds.
    """
    busy = sum(time for status, time in times.items() if status not in _NOT_BUSY)
    producing = times.get(_PRODUCING, 0)
    if not (busy and producing and n_batches and planned_batch_us) or share.value is None:
        return None
    return oee(
        planned_busy_time=busy,
        actual_production_time=producing,
        planned_run_time_per_item=planned_batch_us,
        n_produced=n_batches,
        n_good=share.value * n_batches,
    )
