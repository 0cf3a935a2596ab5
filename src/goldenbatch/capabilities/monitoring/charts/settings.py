"""Settings of control charts, and the run length that they are designed for."""

from __future__ import annotations

import hashlib
import json
import math
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from pydantic import AwareDatetime, Field, model_validator

from goldenbatch.capabilities.monitoring._common import AnalystSettings
from goldenbatch.capabilities.monitoring.charts.book import BookSettings
from goldenbatch.capabilities.monitoring.charts.groups import REPLICATES, GroupSettings
from goldenbatch.capabilities.monitoring.charts.joint import JointSettings
from goldenbatch.core.findings import Severity
from goldenbatch.science.statistics import (
    ChartKind,
    ChartSettings,
    SigmaMethod,
    joint_run_length,
    rules_named,
)
from goldenbatch.science.statistics.forecast import ForecastSettings
from goldenbatch.science.statistics.multivariate import MultivariateKind
from goldenbatch.science.statistics.run_length import (
    cusum_arl,
    cusum_threshold,
    ewma_arl,
    ewma_width,
    shewhart_arl,
    shewhart_width,
)
from goldenbatch.science.statistics.subgroups import SpreadMethod

FORECAST_ARL = 500.0
JOINT_ARL = 370.4


class ControlChartKind(StrEnum):
    """Kinds of charts that a book of charts can hold."""

    INDIVIDUALS = "individuals"
    EWMA = "ewma"
    CUSUM = "cusum"
    FORECAST = "forecast"
    XBAR = "xbar"
    HOTELLING = "hotelling"
    MEWMA = "mewma"


JOINT = (ControlChartKind.HOTELLING, ControlChartKind.MEWMA)


class ControlChartSettings(AnalystSettings):
    """Settings of `monitoring.charts`.

    Attributes:
        attributes: Names of attributes to chart; `*` stands for any letters.
        n_reference: Results in the reference period of each product and attribute.
        kind: Kind of chart. `forecast` charts scores of one-step forecasts, with limits that
            hold after a short and autocorrelated reference period; `xbar` charts subgroups;
            `hotelling` and `mewma` chart all attributes of a sample together.
        rules: Run rules of an individuals chart, by name (`nelson-1` to `nelson-8`,
            `western-electric-1` to `-4`).
        width: Control limits in sigma.
        weight: Of the newest value in an EWMA (0.1 suits a forecast chart).
        slack: k of a CUSUM, in sigma.
        threshold: h of a CUSUM, in sigma.
        sigma: From moving ranges, or overall.
        autocorrelation: Chart AR(1) residuals where neighbours are clearly alike; a forecast
            chart always does.
        severity: Of the findings.
        in_control_arl: Batches between false alarms that the limits are designed for, in place
            of `width` and `threshold` (if left out: 500 of a forecast chart, 370.4 of a joint one).
        outlier_width: A single forecast score beyond this alarms too, in sigma; 0 for never.
        is_lending: Forecast charts of one attribute lend one another their sigma.
        is_recentred: After a shift was found, a forecast chart learns the level anew behind it:
            one change is one alarm, and the next change can be seen.
        reference: `first`: the first `n_reference` results; `period`: all before
            `reference_until` (in a trial: all training rows), but at least `n_reference`.
        reference_until: End of the reference period, with time zone.
        subgroup: Of `xbar`: `replicates` of a result, or the attribute of a batch (such as
            `campaign`) whose value its subgroup has in common; `n_reference` counts subgroups.
        headstart: Where both sums of a CUSUM start, as a share of the threshold.
        spread: Of `xbar`: sigma from within subgroups (`deviation`, `range`), or `between` them
            where they differ by nature.
    """

    attributes: tuple[str, ...] = Field(min_length=1)
    n_reference: int = Field(default=25, ge=8, le=1000)
    kind: ControlChartKind = ControlChartKind.INDIVIDUALS
    rules: tuple[str, ...] = ("nelson-1",)
    width: float = Field(default=3.0, gt=0)
    weight: float = Field(default=0.2, gt=0, le=1)
    slack: float = Field(default=0.5, ge=0)
    threshold: float = Field(default=5.0, gt=0)
    sigma: Literal["moving-range", "overall"] = "moving-range"
    autocorrelation: Literal["residuals", "ignore"] = "residuals"
    severity: Severity = Severity.MINOR
    in_control_arl: float | None = Field(default=None, gt=1, le=1e6)
    outlier_width: float = Field(default=4.5, ge=0)
    is_lending: bool = True
    is_recentred: bool = True
    reference: Literal["first", "period"] = "first"
    reference_until: AwareDatetime | None = None
    subgroup: str = Field(default=REPLICATES, min_length=1)
    headstart: float = Field(default=0.0, ge=0, lt=1)
    spread: SpreadMethod = SpreadMethod.DEVIATION

    @model_validator(mode="after")
    def _has_one_meaning(self) -> ControlChartSettings:
        if self.reference_until is not None and self.reference == "first":
            raise ValueError("reference_until needs reference = 'period'")
        is_several = self.kind in (*JOINT, ControlChartKind.XBAR)
        if is_several and self.reference != "first":
            raise ValueError(f"reference = 'period' is not for {self.kind.value} charts")
        if self.in_control_arl is not None and self.rules != ("nelson-1",):
            raise ValueError(
                "in_control_arl sets the width of the one-point rule; leave out `rules`, or give "
                "`width` and see the joint run length in `goldenbatch monitoring limits`"
            )
        return self

    def digest(self) -> str:
        """Short digest; what is newer than version 1 counts only where it is set."""
        plain = self.model_dump(mode="json")
        newer = {name: plain.pop(name) for name in _NEWER}
        default = {name: type(self).model_fields[name].default for name in _NEWER}
        changed = {name: value for name, value in newer.items() if value != default[name]}
        text = json.dumps({**plain, **changed}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def book(self) -> BookSettings:
        """The settings that the charts themselves need."""
        if self.kind is ControlChartKind.FORECAST:
            return BookSettings(
                chart=ChartSettings(),
                n_reference=self.n_reference,
                forecast=ForecastSettings(
                    weight=self.weight,
                    in_control_arl=self.in_control_arl or FORECAST_ARL,
                    outlier_width=self.outlier_width or None,
                    is_recentred=self.is_recentred,
                ),
            )
        width, threshold = self._designed()
        return BookSettings(
            chart=ChartSettings(
                kind=ChartKind(self.kind.value) if self.kind in _SINGLE else ChartKind.INDIVIDUALS,
                width=width,
                weight=self.weight,
                slack=self.slack,
                threshold=threshold,
                headstart=self.headstart * threshold,
                rules=self.rules,
            ),
            n_reference=self.n_reference,
            sigma_method=SigmaMethod(self.sigma),
            autocorrelation=self.autocorrelation,
        )

    def joint(self) -> JointSettings:
        """The settings of charts of several attributes."""
        return JointSettings(
            kind=MultivariateKind(self.kind.value),
            n_reference=self.n_reference,
            in_control_arl=self.in_control_arl or JOINT_ARL,
            weight=self.weight if self.kind is ControlChartKind.MEWMA else 1.0,
        )

    def groups(self) -> GroupSettings:
        """The settings of charts of subgroups."""
        width, _ = self._designed()
        chart = ChartSettings(width=width, rules=self.rules)
        return GroupSettings(chart, self.n_reference, self.spread, self.subgroup)

    def _designed(self) -> tuple[float, float]:
        """Width and threshold, as given or by the run length asked for."""
        target = self.in_control_arl
        if target is None:
            return self.width, self.threshold
        if self.kind is ControlChartKind.CUSUM:
            return self.width, cusum_threshold(target, self.slack, self.headstart)
        if self.kind is ControlChartKind.EWMA:
            return ewma_width(target, self.weight), self.threshold
        return shewhart_width(target), self.threshold


_NEWER = (
    "in_control_arl",
    "outlier_width",
    "is_lending",
    "is_recentred",
    "reference",
    "reference_until",
    "subgroup",
    "headstart",
    "spread",
)
_SINGLE = (ControlChartKind.INDIVIDUALS, ControlChartKind.EWMA, ControlChartKind.CUSUM)


def designed_run_length(settings: ControlChartSettings) -> dict[str, Any]:
    """Values between false alarms by design: all rules together, independent normal values.

    Returns:
        `arl`, and for a simulated figure `standard_error`. Of `xbar` it is that of the means.
    """
    if settings.kind in JOINT:
        return {"arl": settings.in_control_arl or JOINT_ARL}
    book = settings.book()
    return dict(_run_length(book.chart, book.forecast))


@lru_cache(maxsize=64)
def _run_length(
    chart: ChartSettings, forecast: ForecastSettings | None
) -> tuple[tuple[str, float], ...]:
    if forecast is not None:
        width = forecast.outlier_width
        rate = 1.0 / forecast.in_control_arl + (1.0 / shewhart_arl(0.0, width) if width else 0.0)
        return (("arl", 1.0 / rate),)
    if chart.kind.value == "ewma":
        return (("arl", ewma_arl(0.0, chart.weight, chart.width)),)
    if chart.kind.value == "cusum":
        return (("arl", cusum_arl(0.0, chart.slack, chart.threshold, chart.headstart)),)
    if not chart.rules:
        return (("arl", math.inf),)
    found = joint_run_length(rules_named(chart.rules, chart.width))
    if found.is_exact:
        return (("arl", found.mean),)
    return (("arl", found.mean), ("standard_error", found.standard_error))
