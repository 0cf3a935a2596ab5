"""Routes of charts: those at work, their points, and charts by the run length wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.capabilities.monitoring._adopted import AtWork, at_work, named
from goldenbatch.capabilities.monitoring._answers import Count, GetSite, Needed, Text, plain
from goldenbatch.capabilities.monitoring.charts.designs import DesignRequest, designed
from goldenbatch.capabilities.monitoring.charts.history import History, Point, history_of
from goldenbatch.capabilities.monitoring.charts.limits import chart_row
from goldenbatch.capabilities.monitoring.charts.run_lengths import lengths_of
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.results import ResultsReported
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.statistics.capability import Index, process_capability
from goldenbatch.science.statistics.charts import N_REFERENCE_MIN

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

KIND = "monitoring.charts"
LEAST_WEIGHT = 0.03


class DesignQuery(BaseModel):
    """What a chart is designed for; see `goldenbatch monitoring design`."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(min_length=1, max_length=400)]
    arl: Annotated[float, Field(ge=2, le=20_000)] = 370.4
    shift: Annotated[float, Field(gt=0, le=10)] = 1.0
    weight: Annotated[float, Field(ge=0, le=1)] = 0.0
    attributes: Annotated[int, Field(ge=1, le=50)] = 2
    size: Annotated[int, Field(ge=1, le=100)] = 1
    phi: Annotated[float, Field(ge=0, le=0.99)] = 0.0
    reference: Annotated[int, Field(ge=0, le=100_000)] = 0


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter()

    @router.get("/charts")
    def charts(batch: Text = "") -> dict[str, Any]:
        """Charts of all chart analysts at work; of one batch only those that it stands on."""
        site = get_site()
        answer: dict[str, Any] = plain(
            {"analysts": [analyst_charts(site, one, batch) for one in at_work(site, (KIND,))]}
        )
        return answer

    @router.get("/charts/points")
    def points(name: Needed, key: Needed, n: Count = 200) -> dict[str, Any]:
        """A chart: its newest points, limits, run lengths, indices and findings."""
        site = get_site()
        answer: dict[str, Any] = plain(chart(site, named(site, name, (KIND,)), key, n))
        return answer

    @router.get("/design")
    def design(asked: Annotated[DesignQuery, Query()]) -> dict[str, Any]:
        """A chart by the run length wanted, and how soon it sees which shift."""
        get_site()
        request = DesignRequest(**{**asked.model_dump(), "weight": asked.weight or None})
        if 0 < asked.weight < LEAST_WEIGHT:
            words = f"a weight below {LEAST_WEIGHT} takes too long to be designed for on a page."
            raise BadInputError(words, hint="Use `goldenbatch monitoring design`.", key="weight")
        if 0 < asked.reference < N_REFERENCE_MIN:
            words = f"a reference period has at least {N_REFERENCE_MIN} values."
            raise BadInputError(words, hint="0 stands for many.", key="reference")
        try:
            answer: dict[str, Any] = plain(designed(request))
        except ScienceError as error:
            raise BadInputError(str(error), hint="Ask for another run length.") from error
        return answer

    return router


def analyst_charts(site: Site, one: AtWork, batch: str = "") -> dict[str, Any]:
    """An analyst with a row for each of its charts."""
    history = history_of(site, one)
    rows = []
    for key, kept in sorted(history.state["charts"].items()):
        points = history.points.get(key, [])
        if batch and not any(batch in point.batches for point in points):
            continue
        alarms = [point for point in points if point.alarms]
        rows.append({
            "key": key, **chart_row(key, kept), "n_points": len(points),
            "is_alarming": key in history.state["events"],
            "last_alarm_batch": alarms[-1].batch if alarms else "",
            "last_alarm_at": alarms[-1].at if alarms else None,
            "batch_alarms": sorted({
                rule for point in alarms if batch and batch in point.batches
                for rule in point.alarms
            }),
        })  # fmt: skip
    return {
        "name": one.name, "version": one.version, "record": one.record,
        "adopted_at": one.adopted_at, "settings": history.analyst.settings.model_dump(mode="json"),
        "run_length": lengths_of(history.analyst.settings), "n_withheld": history.n_withheld,
        "charts": rows,
    }  # fmt: skip


def chart(site: Site, one: AtWork, key: str, n: int) -> dict[str, Any]:
    """One chart with its newest points.

    Raises:
        NotFoundError: The analyst has no such chart.
    """
    history = history_of(site, one)
    kept = history.state["charts"].get(key)
    if kept is None:
        raise NotFoundError(
            f"{one.name!r} has no chart {key!r}.",
            hint=f"It has {', '.join(sorted(history.state['charts'])[:12]) or 'none yet'}.",
        )
    points = history.points.get(key, [])
    row = chart_row(key, kept)
    attribute = key.partition("|")[2].removesuffix(" in subgroups")
    return {
        "name": one.name, "key": key, "version": one.version, "record": one.record,
        "settings": history.analyst.settings.model_dump(mode="json"),
        "run_length": lengths_of(history.analyst.settings), "row": row,
        "attribute": attribute, "product": row["product"], "unit": _unit(site, points, attribute),
        "n_points": len(points), "points": [point.__dict__ for point in points[-n:]],
        "capability": _capabilities(site, str(row["product"]), attribute, points),
        "findings": _findings(site, one, history, key), "n_withheld": history.n_withheld,
    }  # fmt: skip


def _unit(site: Site, points: Sequence[Point], attribute: str) -> str:
    if not points:
        return ""
    stream, _, version = points[-1].record.rpartition("@")
    for event in site.ledger.stream(stream, int(version) - 1)[:1]:
        body = event.decode()
        if isinstance(body, ResultsReported):
            for result in body.results:
                if result.attribute == attribute:
                    return result.unit
    return ""


def _capabilities(
    site: Site, product: str, attribute: str, points: Sequence[Point]
) -> list[dict[str, Any]]:
    """Indices against each pair of limits of the attribute; why not, where there is none."""
    values = [point.values[attribute] for point in points if attribute in point.values]
    found = []
    for each in site.plant.products:
        for one in each.attributes if each.code == product else ():
            for limit in one.limits if one.name == attribute else ():
                ends = [float(text) if text else None for text in (limit.lower, limit.upper)]
                facts = {"kind": limit.kind.value, "lower": limit.lower, "upper": limit.upper,
                         "unit": limit.unit or one.unit}  # fmt: skip
                found.append({**facts, **_indices(values, ends[0], ends[1])})
    return found


def _indices(values: Sequence[float], lower: float | None, upper: float | None) -> dict[str, Any]:
    try:
        made = process_capability(values, lower, upper)
    except ScienceError as error:
        return {"why_not": str(error), "n": len(values)}
    indices = {"Cp": made.cp, "Cpk": made.cpk, "Pp": made.pp, "Ppk": made.ppk}
    return {"n": made.n, "indices": {name: _index(one) for name, one in indices.items()}}


def _index(one: Index) -> dict[str, float | None]:
    if not math.isfinite(one.estimate):
        return {"estimate": None, "lower": None, "upper": None}
    return {"estimate": one.estimate, "lower": one.interval.lower, "upper": one.interval.upper}


def _findings(site: Site, one: AtWork, history: History, key: str) -> list[dict[str, Any]]:
    """Findings of the analyst on the batches that alarmed on this chart."""
    batches = {name for p in history.points.get(key, ()) if p.alarms for name in p.batches}
    attribute = key.partition("|")[2].removesuffix(" in subgroups")
    rows = site.ledger.select("finding", {"analyst": one.name}, ("-opened_seq",))
    return [
        {name: row[name] for name in ("uid", "title", "batch", "state", "verdict", "started_at")}
        for row in rows
        if row["batch"] in batches and (row["attribute"] == attribute or "," in row["attribute"])
    ]
