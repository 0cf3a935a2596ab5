"""Charts of release tests: a batch's prediction with its interval among those before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring.release.standing import markets_of, standing_of
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import Quantity
from goldenbatch.ui.charts import Chart, Level, Track
from goldenbatch.ui.sheets import Figure

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.release.standing import AttributeStanding
    from goldenbatch.core.records import Row
    from goldenbatch.core.release_records import ReleaseTested
    from goldenbatch.core.site import Site

N_HISTORY = 30
"""Batches that a chart shows, the newest last."""
LEAST_POINTS = 2
"""One point has no shape."""


def batch_charts(site: Site, batch: str) -> Sequence[Chart]:
    """Charts of the release tests of a batch, for its dossier; the title says how each stands."""
    found = []
    for market in markets_of(site, batch):
        for one in standing_of(site, batch, market):
            chart = chart_of(site, one)
            if chart is not None:
                found.append(chart)
    return found


def figure_of(site: Site, one: AttributeStanding) -> Figure | None:
    """The chart with its sentence; None where there is nothing to be compared with."""
    chart = chart_of(site, one)
    n = len(chart.tracks[0].x) if chart is not None else 0
    if chart is None or n < LEAST_POINTS:
        return None
    return Figure(chart, f"{chart.title}; {n} batches in the order in which they were asked.")


def chart_of(site: Site, one: AttributeStanding) -> Chart | None:
    """Predictions of this batch and those before it beside the registered limit."""
    tested = one.test.tested if one.test is not None else None
    if tested is None:
        return None
    rows = [row for row in _rows(site, tested) if row["number"] is not None]
    values = [_in(row, tested.limit.unit) for row in rows]
    shown = [point for point in values if point is not None]
    if not shown or not rows or rows[-1]["batch"] != tested.batch:
        return None
    unit = "" if tested.limit.unit == "1" else f" [{tested.limit.unit}]"
    track = Track(
        "prediction", list(range(len(shown))), [p[0] for p in shown], [p[1] for p in shown],
        [p[2] for p in shown], style="both",
        alarms=frozenset({len(shown) - 1} if one.state.startswith("under") else ()),
    )  # fmt: skip
    return Chart(
        title=f"{one.attribute} for {one.market}: {one.state}",
        y_label=f"{one.attribute}{unit}",
        tracks=[track],
        levels=list(_levels(tested)),
        x_label=f"batches asked, up to {tested.batch}",
    )


def _rows(site: Site, tested: ReleaseTested) -> list[Row]:
    where = {
        "product": tested.product, "market": tested.market, "attribute": tested.attribute,
    }  # fmt: skip
    rows = list(site.ledger.select("release_test", where, ("first_seq",)))
    own = next((n for n, row in enumerate(rows) if row["batch"] == tested.batch), len(rows) - 1)
    return rows[max(0, own + 1 - N_HISTORY) : own + 1]


def _in(row: Row, unit: str) -> tuple[float, float, float] | None:
    """Value and ends in the unit of the limit; an end that is not known is the value itself."""
    try:
        ends = [
            Quantity(row[name] or row["value"], row["unit"] or "1").to(unit).float
            for name in ("value", "lower", "upper")
        ]
    except BadInputError:
        return None
    return ends[0], ends[1], ends[2]


def _levels(tested: ReleaseTested) -> Iterable[Level]:
    for text, name in ((tested.limit.lower, "lower limit"), (tested.limit.upper, "upper limit")):
        if text:
            yield Level(float(text), name)
