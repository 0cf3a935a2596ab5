"""How many values a chart takes: between false alarms, and until it sees a shift."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from goldenbatch.capabilities.monitoring.charts.settings import (
    JOINT,
    ControlChartKind,
    ControlChartSettings,
    designed_run_length,
)
from goldenbatch.science.statistics import ChartSettings
from goldenbatch.science.statistics.run_length import cusum_arl, ewma_arl, shewhart_arl

SHIFTS: Final = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Shifts of the mean, in sigma."""


def lengths_of(settings: ControlChartSettings) -> dict[str, Any]:
    """The run lengths of a chart by design, for independent normal values.

    Returns:
        `arl0` with `standard_error` where it was simulated; `arl1`: shift in sigma to values until
        the alarm, empty where the kind has no exact figure; `of`: what the figures are of.
    """
    found = designed_run_length(settings)
    answer: dict[str, Any] = {"arl0": found["arl"], "standard_error": found.get("standard_error")}
    if settings.kind in JOINT:
        return {**answer, "arl1": {}, "of": "all attributes together, known parameters"}
    if settings.kind is ControlChartKind.FORECAST:
        return {**answer, "arl1": {}, "of": "scores of forecasts; estimation is allowed for"}
    chart = settings.book().chart
    is_single = len(chart.rules) <= 1
    of = "single values, known parameters"
    if settings.kind is ControlChartKind.XBAR:
        of = "means of subgroups, shifts in sigma of the means"
    if not is_single and settings.kind.value in ("individuals", "xbar"):
        of += "; shifts are those that the one-point rule alone sees"
    return {**answer, "arl1": dict(_seen(chart)), "of": of}


@lru_cache(maxsize=64)
def _seen(chart: ChartSettings) -> tuple[tuple[str, float], ...]:
    def length(shift: float) -> float:
        if chart.kind.value == "ewma":
            return ewma_arl(shift, chart.weight, chart.width)
        if chart.kind.value == "cusum":
            return cusum_arl(shift, chart.slack, chart.threshold, chart.headstart)
        return shewhart_arl(shift, chart.width)

    return tuple((f"{shift:g}", length(shift)) for shift in SHIFTS)
