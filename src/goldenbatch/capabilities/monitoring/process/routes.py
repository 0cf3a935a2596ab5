"""Routes of process models: what they say of a unit's rows, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Query

from goldenbatch.capabilities.monitoring._adopted import AtWork, at_work, named
from goldenbatch.capabilities.monitoring._answers import GetSite, Micros, Needed, Text, plain
from goldenbatch.capabilities.monitoring._common import read_settings
from goldenbatch.capabilities.monitoring._model_now import artefact, model_now
from goldenbatch.capabilities.monitoring.process.settings import ProcessSettings
from goldenbatch.capabilities.monitoring.process.watched import (
    MOST_ROWS,
    N_ROWS,
    limits_of_plan,
    loadings_of,
    logged_of,
    n_equal,
    watched_of,
)
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.latent.fleet_model import FleetModel

if TYPE_CHECKING:
    from goldenbatch.core.site import Site, Window
    from goldenbatch.science.latent.dynamic_plan import DynamicPlan

KIND = "monitoring.process"
Rows = Annotated[int, Query(ge=2, le=MOST_ROWS, description="At most so many rows.")]
Moment = Annotated[int | None, Query(ge=-(2**57), le=2**57, description="Microseconds UTC.")]


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/process")

    @router.get("")
    def models(unit: Text = "") -> dict[str, Any]:
        """Process models at work; of one unit only those that watch it."""
        site = get_site()
        rows = [model_row(site, one) for one in at_work(site, (KIND,))]
        answer: dict[str, Any] = plain(
            {"models": [one for one in rows if not unit or unit in one["units"]]}
        )
        return answer

    @router.get("/rows")
    def rows(
        name: Needed, unit: Needed, n: Rows = N_ROWS, start: Moment = None, end: Moment = None
    ) -> dict[str, Any]:
        """Statistics of a unit's rows as they were logged, with scores and limits."""
        site = get_site()
        answer: dict[str, Any] = plain(shown_rows(site, name, unit, n, _window(start, end)))
        return answer

    @router.get("/contributions")
    def contributions(
        name: Needed, unit: Needed, at: Micros, statistic: Text = ""
    ) -> dict[str, Any]:
        """Which tags make a statistic large at one row, with their values and references."""
        site = get_site()
        answer: dict[str, Any] = plain(contributions_at(site, name, unit, at, statistic))
        return answer

    return router


def _window(start: int | None, end: int | None) -> Window | None:
    if start is None and end is None:
        return None
    if start is None or end is None or end <= start:
        raise BadInputError("a window has a start and a later end.", key="start")
    return start, end


def model_row(site: Site, one: AtWork) -> dict[str, Any]:
    """A process model at work, with what watches what."""
    settings = read_settings(ProcessSettings, one.name, one.settings)
    now = model_now(site, one.name)
    return {
        "name": one.name, "kind": one.analyst, "version": one.version, "record": one.record,
        "adopted_at": one.adopted_at, "model": now, "interval_s": settings.interval_s,
        "units": settings.units_of(place.path for place in site.plant.places),
        "tags": settings.tags, "phases": settings.phases, "is_always": settings.is_always,
    }  # fmt: skip


def plan_of(site: Site, one: AtWork, unit: str) -> tuple[ProcessSettings, DynamicPlan, Any]:
    """Settings, the frozen plan of a unit, and the model it is of.

    Raises:
        NotFoundError: The unit is not watched, or no model may be used.
    """
    settings = read_settings(ProcessSettings, one.name, one.settings)
    units = settings.units_of(place.path for place in site.plant.places)
    if unit not in units:
        raise NotFoundError(
            f"{one.name!r} does not watch {unit!r}.",
            hint=f"It watches {', '.join(units[:12]) or 'nothing'}.",
        )
    now = model_now(site, one.name)
    raw = artefact(site, now.digest, now.why_not)
    plan = FleetModel.from_bytes(raw, now.digest).plan_of(unit)
    if plan is None:
        raise NotFoundError(f"the model in use has no plan of {unit!r}.", hint="Fit it again.")
    return settings, plan, now


def shown_rows(
    site: Site, name: str, unit: str, n: int, window: Window | None = None
) -> dict[str, Any]:
    """Logged statistics with recomputed scores, column by column."""
    one = named(site, name, (KIND,))
    settings, plan, now = plan_of(site, one, unit)
    logged = logged_of(site, name, unit, plan, window, n)
    again = watched_of(site, settings, unit, plan, logged.times)
    equal, both = n_equal(logged.values, again.raw)
    facts = plan.facts
    return {
        "name": name, "unit": unit, "version": one.version, "model": now, "kind": facts.kind,
        "lags": facts.lags, "statistics": facts.statistics, "widths": facts.widths,
        "times": logged.times, "values": logged.values.T, "severity": logged.severity,
        "first": again.scores[:, 0] if len(again.scores) else [],
        "second": again.scores[:, 1] if again.scores.shape[1] > 1 else np.zeros(len(again.times)),
        "limits": limits_of_plan(plan), "loadings": loadings_of(plan), "tags": settings.tags,
        "false_alarms": None if facts.false_alarms is None else facts.false_alarms.to_json(),
        "n_training": facts.n_rows, "n_equal": equal, "n_compared": both,
        "findings": findings_of(site, name, unit),
    }  # fmt: skip


def findings_of(site: Site, name: str, unit: str, batch: str = "") -> list[dict[str, Any]]:
    """Findings of an analyst on a place or batch, newest first."""
    where = {"analyst": name} | ({"batch": batch} if batch else {"place": unit})
    rows = site.ledger.select("finding", where, ("-opened_seq",), limit=50)
    names = ("uid", "title", "batch", "state", "verdict", "started_at", "ended_at", "severity")
    return [{key: row[key] for key in names} for row in rows]


def contributions_at(
    site: Site, name: str, unit: str, at: int, statistic: str = ""
) -> dict[str, Any]:
    """Contributions at the logged row that is at, or last before, a moment.

    Raises:
        NotFoundError: There is no scored row.
    """
    one = named(site, name, (KIND,))
    settings, plan, now = plan_of(site, one, unit)
    back = 2 * settings.lost_us + settings.interval_us
    logged = logged_of(site, name, unit, plan, (at - back, at + 1), MOST_ROWS)
    if not len(logged.times):
        raise NotFoundError(f"{name!r} logged no row of {unit} at that time.")
    again = watched_of(site, settings, unit, plan, logged.times[-(plan.facts.lags + 2) :])
    try:
        parts = plan.contributions(again.states[-1], statistic)
    except ScienceError as error:
        raise NotFoundError(f"{error}.", hint="Choose another row.") from error
    k = plan.facts.statistics.index(parts.statistic)
    values = again.rows[-1]
    deviations = (values - plan.arrays.centre) / plan.arrays.scale
    rows = [
        {
            "variable": tag, "tag": f"{unit}/{tag}", "contribution": float(parts.by_tag[place]),
            "value": values[place], "reference": plan.arrays.centre[place],
            "spread": plan.arrays.scale[place], "deviation": deviations[place],
        }
        for place, tag in enumerate(plan.facts.columns)
    ]  # fmt: skip
    rows.sort(key=lambda row: -abs(row["contribution"]))
    time, limits = int(logged.times[-1]), {row["statistic"]: row for row in limits_of_plan(plan)}
    equal, both = n_equal(logged.values[-1:], again.raw[-1:])
    return {
        "name": name, "unit": unit, "version": one.version, "model": now, "at": time,
        "statistic": parts.statistic, "method": parts.method, "value": logged.values[-1, k],
        "limit": limits[parts.statistic], "parts": rows, "n_equal": equal, "n_compared": both,
        "window": [time - back, time + back], "statistics": plan.facts.statistics,
    }  # fmt: skip
