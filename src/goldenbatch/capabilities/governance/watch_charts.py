"""Charts of a watch: inputs one by one and together, output, valid predictions, residuals.

All are designed together: `arl0` is the mean number of units to a false alarm of the whole watch,
so each of n charts has n times as many. Units that are judged join those that later ones are
ranked among, unless their own chart is in alarm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from goldenbatch.capabilities.governance.watch_units import Unit
from goldenbatch.science.statistics.drift import (
    DriftChart,
    DriftState,
    distance_score,
    drift_chart,
    drift_step,
    rank_score,
)
from goldenbatch.science.statistics.share import ShareChart, share_chart, share_step

INPUT: Final = "input drift"
OUTPUT: Final = "output drift"
INVALID: Final = "share out of domain"
RESIDUAL: Final = "residual drift"
ALARMS: Final = (INPUT, OUTPUT, INVALID, RESIDUAL)
"""Names of the alarms, as the clauses of a change plan name them."""

MAX_UNITS: Final = 300
MOST_SINGLE: Final = 8
_WIDEST: Final = 3.0


@dataclass(frozen=True)
class ChartSettings:
    """How the charts are designed.

    Attributes:
        arl0: Mean number of units to a false alarm of all charts together.
        slack: Half of the shift that matters, in standard deviations of a unit.
        n_reference: Units before the first one is judged.
        allowed: Share of units without a valid prediction that is no alarm.
        detected: Share that is to be found.
        unit_share: A unit is without a valid prediction if more than this share of its rows is.
    """

    arl0: float = 200.0
    slack: float = 0.5
    n_reference: int = 15
    allowed: float = 0.05
    detected: float = 0.25
    unit_share: float = 0.5


@dataclass(frozen=True)
class Reading:
    """How one chart stands.

    Attributes:
        name: Chart, such as an input's name.
        value: Its sum.
        limit: Above it there is an event.
        side: 1: high, -1: low.
        n_run: Units over which it has built up.
    """

    name: str
    value: float
    limit: float
    side: int
    n_run: int
    is_open: bool


class Charts:
    """All charts of one watch; goes on from its JSON state.

    Args:
        settings: Their design.
        labels: Names of the features.
        kept: What they remembered.
    """

    def __init__(
        self, settings: ChartSettings, labels: Sequence[str], kept: dict[str, Any] | None
    ) -> None:
        kept = kept or {"inputs": [], "outputs": [], "drift": {}, "share": 0, "out": False, "n": 0}
        self._settings, self.labels = settings, tuple(labels)
        self._singles = self.labels if len(self.labels) <= MOST_SINGLE else ()
        self._inputs: list[list[float]] = list(kept["inputs"])
        self._outputs: list[float] = list(kept["outputs"])
        self._drift = {name: DriftState.from_json(one) for name, one in kept["drift"].items()}
        self._share, self._is_out, self.n_judged = kept["share"], kept["out"], kept["n"]

    def to_json(self) -> dict[str, Any]:
        """What they remember."""
        return {
            "inputs": self._inputs[-MAX_UNITS:], "outputs": self._outputs[-MAX_UNITS:],
            "drift": {name: one.to_json() for name, one in self._drift.items()},
            "share": self._share, "out": self._is_out, "n": self.n_judged,
        }  # fmt: skip

    @property
    def n_charts(self) -> int:
        """Charts that share the run length: residuals among them."""
        return len(self._singles) + (len(self.labels) > 1) + 3

    @property
    def n_known(self) -> int:
        """Units that a new one is ranked among."""
        return len(self._inputs)

    @property
    def arl0_each(self) -> float:
        """Run length of each chart."""
        return self._settings.arl0 * self.n_charts

    def learn(self, unit: Unit) -> None:
        """Take a unit as reference without judging it."""
        if unit.is_whole:
            self._inputs.append(list(unit.features))
            self._outputs.append(unit.output)

    def judge(self, unit: Unit) -> None:
        """Take one more unit."""
        self.n_judged += 1
        is_event = unit.n_bad > self._settings.unit_share * unit.n_rows
        chart = self._share_chart()
        self._share = share_step(chart, self._share, is_event=is_event)
        if self._share >= chart.threshold:
            self._is_out = True
        elif self._is_out and self._share < 0.5 * chart.threshold:
            self._is_out, self._share = False, 0
        if not unit.is_whole:
            return
        if len(self._inputs) >= self._settings.n_reference:
            self._rank(unit)
        if not any(one.is_open for one in self.readings(INPUT)):
            self._inputs.append(list(unit.features))
        if not any(one.is_open for one in self.readings(OUTPUT)):
            self._outputs.append(unit.output)

    def readings(self, alarm: str) -> list[Reading]:
        """How the charts of an alarm stand."""
        if alarm == INVALID:
            chart = self._share_chart()
            return [Reading(alarm, self._share, chart.threshold, 1, 0, self._is_out)]
        names = [OUTPUT] if alarm == OUTPUT else [*self._singles, "all together"]
        return [
            reading_of(name, self._chart(name), self._drift[name])
            for name in names if name in self._drift
        ]  # fmt: skip

    def away(self, units: Sequence[Unit]) -> list[tuple[str, float]]:
        """How far units lie from the reference in each feature, in its deviations, most first."""
        known = np.array(self._inputs, dtype=np.float64)
        new = np.array([one.features for one in units if one.is_whole], dtype=np.float64)
        if not len(known) or not len(new):
            return []
        spread = known.std(axis=0)
        gap = new.mean(axis=0) - known.mean(axis=0)
        scaled = np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0)
        found = [(name, float(one)) for name, one in zip(self.labels, scaled, strict=True)]
        return sorted(found, key=lambda one: (-abs(one[1]), one[0]))

    # ---- inside -----------------------------------------------------------------------------

    def _rank(self, unit: Unit) -> None:
        known = np.array(self._inputs, dtype=np.float64)
        for place, name in enumerate(self.labels):
            if name in self._singles:
                self._step(name, rank_score(known[:, place], unit.features[place]))
        if len(self.labels) > 1:
            self._step("all together", distance_score(known, unit.features))
        self._step(OUTPUT, rank_score(self._outputs, unit.output))

    def _step(self, name: str, score: float) -> None:
        before = self._drift.get(name, DriftState())
        self._drift[name] = drift_step(self._chart(name), before, score)

    def _chart(self, name: str) -> DriftChart:
        is_two_sided = name != "all together"
        return drift_chart(self.arl0_each, self._settings.slack, is_two_sided=is_two_sided)

    def _share_chart(self) -> ShareChart:
        chosen = self._settings
        return share_chart(chosen.allowed, chosen.detected, self.arl0_each)


@dataclass(frozen=True)
class ResidualPath:
    """The residual chart over all groups so far: made anew whenever a result is corrected.

    Attributes:
        reading: How it stands now.
        groups: Groups since the event began, or would.
        means: Mean residual of each group, in order.
    """

    reading: Reading
    groups: tuple[str, ...]
    means: tuple[float, ...]


def residual_path(
    groups: Sequence[tuple[str, Sequence[float]]],
    error: float | None,
    chart: DriftChart,
    n_reference: int,
) -> ResidualPath:
    """A CUSUM of mean residuals of groups, standardised by the validated error.

    The mean of some residuals spreads no wider than one of them, so that alarms are no more
    frequent than stated, however alike the residuals of a group are. Without a validated error
    the means are ranked among those before.
    """
    means = [math.fsum(one) / len(one) for _, one in groups]
    state, began = DriftState(), 0
    for number, mean in enumerate(means):
        if error is not None:
            score = min(max(mean / error, -_WIDEST), _WIDEST)
        elif number >= n_reference:
            score = rank_score(means[:number], mean)
        else:
            continue
        state = drift_step(chart, state, score)
        if state.n_run <= 1:
            began = number
    names = tuple(name for name, _ in groups[began:])
    return ResidualPath(reading_of(RESIDUAL, chart, state), names, tuple(means[began:]))


def reading_of(name: str, chart: DriftChart, state: DriftState) -> Reading:
    """How a drift chart stands."""
    return Reading(
        name, state.largest, chart.threshold, state.side, state.n_run, state.is_open
    )  # fmt: skip
