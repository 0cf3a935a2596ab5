"""Limits in force: what they rest on, and how often they alarmed on later batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goldenbatch.capabilities.monitoring.charts.analyst import ControlCharts
from goldenbatch.capabilities.monitoring.charts.book import ChartPage
from goldenbatch.capabilities.monitoring.charts.groups import GroupPage, group_row
from goldenbatch.capabilities.monitoring.charts.joint import JointPage, joint_row
from goldenbatch.capabilities.monitoring.charts.settings import (
    ControlChartSettings,
    designed_run_length,
)
from goldenbatch.capabilities.monitoring.fitting import adopted
from goldenbatch.core.analyst import Tick
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.site import Site
from goldenbatch.science.statistics import clopper_pearson
from goldenbatch.science.statistics.forecast import ForecastDesign


class _WholeLedger:
    """A view of all events at once, enough for an analyst that reads only events."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tick = Tick(1, 0, site.ledger.head(), 0)

    def new_events(self, kinds: tuple[str, ...]) -> Any:
        return self.site.ledger.events(kinds=kinds)


def limits_of(site: Site, name: str) -> list[dict[str, Any]]:
    """One row a chart of an adopted `monitoring.charts` analyst.

    Each row says how many batches lie between two false alarms by design, with all run rules
    together; a simulated figure has its standard error beside it. The charts are folded from
    the ledger by the analyst itself, so what is shown is what judges. False-alarm rates count
    only batches after the reference period.

    Raises:
        NotFoundError: No analyst of the name was adopted.
        BadInputError: It draws no charts.
    """
    found = adopted(site, name)
    if found.analyst != "monitoring.charts":
        raise BadInputError(
            f"{name!r} is a {found.analyst}, which draws no charts.",
            hint="Its limits stand in the record of its model: `goldenbatch fit`.",
        )
    analyst = ControlCharts(name, ControlChartSettings.model_validate(found.settings))
    view: Any = _WholeLedger(site)
    state = analyst.assess(analyst.start(), view).state
    found_length = designed_run_length(analyst.settings)
    designed = {f"designed_{key}": one for key, one in found_length.items()}
    return [{**chart_row(key, plain), **designed} for key, plain in sorted(state["charts"].items())]


def chart_row(key: str, plain: Mapping[str, Any]) -> dict[str, Any]:
    """A chart of any kind as one row, from what the analyst remembers of it."""
    product, _, attribute = key.partition("|")
    if "joint" in plain:
        return {"product": product, **joint_row(JointPage.from_json(plain))}
    if "groups" in plain:
        facts = {"product": product, "attribute": attribute}
        return {**facts, **group_row(GroupPage.from_json(plain))}
    return row(key, ChartPage.from_json(plain))


def row(key: str, page: ChartPage) -> dict[str, Any]:
    """A chart as one row: reference, limits, alarms on later batches with their interval."""
    product, _, attribute = key.partition("|")
    facts: dict[str, Any] = {"product": product, "attribute": attribute}
    if page.forecast is not None:
        return {**facts, **_forecast(page.forecast), **_later(page)}
    if page.design is None:
        why = page.faults[0] if page.faults else "the reference period is not full"
        return {**facts, "state": why, "n_reference": len(page.references)}
    half = page.design.settings.width * page.design.sigma
    return {
        **facts,
        "state": "residuals" if page.ar1 else "watching",
        "n_reference": page.design.n_reference,
        "centre": page.design.centre,
        "lower": page.design.centre - half,
        "upper": page.design.centre + half,
        "lag1": page.lag1,
        **_later(page),
    }


def _forecast(design: ForecastDesign) -> dict[str, Any]:
    """The chart of forecast scores as it stands: single values are out beyond `lower`, `upper`."""
    width = design.settings.outlier_width
    steady = design.sigma / (1.0 - design.phi**2) ** 0.5
    reach = float("nan") if width is None else width * steady
    return {
        "state": "forecast",
        "n_reference": design.n_reference,
        "centre": design.centre,
        "lower": design.centre - reach,
        "upper": design.centre + reach,
        "lag1": design.phi,
    }


def _later(page: ChartPage) -> dict[str, Any]:
    """Alarms on the batches after the reference period."""
    interval = clopper_pearson(page.n_alarms, page.n_later) if page.n_later else None
    return {
        "n_later": page.n_later,
        "n_alarms": page.n_alarms,
        "false_alarm_rate": page.n_alarms / page.n_later if page.n_later else None,
        "interval": [interval.lower, interval.upper] if interval else None,
    }
