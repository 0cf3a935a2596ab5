"""Fit the model of `monitoring.process` to reference rows of a home, limits to later ones."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.capabilities.monitoring.process.analyst import grid_of
from goldenbatch.capabilities.monitoring.process.gates import Gates
from goldenbatch.capabilities.monitoring.process.sampling import readings_of
from goldenbatch.capabilities.monitoring.process.settings import FitSettings, ProcessSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.gating import FOREVER, KINDS, Span, merged, without
from goldenbatch.core.models import ModelFitted, TrainingData
from goldenbatch.core.records import from_iso
from goldenbatch.core.site import Site
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.latent.alarm_limits import LimitSource
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.cva import CVA
from goldenbatch.science.latent.dynamic_pca import DynamicPCA
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.latent.fleet_model import ANY, FleetModel
from goldenbatch.science.predictors.loading import FLEET_MODEL

if TYPE_CHECKING:
    from goldenbatch.core.series import Floats, Integers

_FIRST = -(1 << 62)


@dataclass(frozen=True, eq=False)
class Reference:
    """Good rows of one unit in time order, a row of NaN where time has a break."""

    unit: str
    rows: Floats
    training: tuple[TrainingData, ...]


def fit_process(site: Site, name: str, settings: ProcessSettings) -> ModelFitted:
    """Fit the model of an adopted analyst and put it into the registry.

    Raises:
        BadInputError: The settings name no fit, or the home does not hold what it needs.
    """
    chosen = settings.fit
    if chosen is None:
        raise BadInputError(
            f"analyst {name!r} has no table [settings.fit].",
            hint="Say what the model is fitted to; see docs/how-to/process-monitoring.md.",
        )
    references = _references(site, name, settings, chosen)
    parts = [_split(one.rows, chosen.training_share) for one in references]
    if chosen.is_shared:
        whole = (_joined([one for one, _ in parts]), _joined([one for _, one in parts]))
        plans = {ANY: _plan(settings, chosen, *whole)}
    else:
        plans = {
            one.unit: _plan(settings, chosen, *part)
            for one, part in zip(references, parts, strict=True)
        }
    model = FleetModel(plans)
    digest = site.registry.put(model.to_bytes(), FLEET_MODEL)
    return ModelFitted(
        name=name,
        method=f"{chosen.method} of {len(settings.tags)} tags",
        code_version="process-1",
        digest=digest,
        media_type=FLEET_MODEL,
        settings=settings.model_dump(mode="json"),
        training=tuple(part for one in references for part in one.training),
        measures=_measures(plans, references),
        seed=0,
    )


def _references(
    site: Site, name: str, settings: ProcessSettings, chosen: FitSettings
) -> list[Reference]:
    units = settings.units_of(place.path for place in site.plant.places)
    if not units:
        raise BadInputError(
            f"no place of the plant matches {', '.join(settings.units)} (analyst {name!r}).",
            hint="Correct `units`, or add the places to the plant.",
        )
    windows = _windows(site, settings, chosen, units)
    found = [_reference(site, settings, unit, windows[unit]) for unit in units]
    kept = [one for one in found if one is not None]
    lacking = sorted(set(units) - {one.unit for one in kept})
    if not kept or (lacking and not chosen.is_shared):
        raise BadInputError(
            f"{', '.join(lacking[:5])} {'has' if len(lacking) == 1 else 'have'} no reference row "
            f"for {name!r}.",
            hint="Correct the reference window, the batches or the phases, or import the data.",
        )
    return kept


def _windows(
    site: Site, settings: ProcessSettings, chosen: FitSettings, units: Sequence[str]
) -> Mapping[str, list[Span]]:
    """Windows of each unit that reference rows may come from."""
    start = from_iso(chosen.start) if chosen.start else _FIRST
    end = from_iso(chosen.end) if chosen.end else FOREVER
    reference: list[Span] = [(start, end)]
    if chosen.batches:
        rows = site.ledger.select("batch")
        reference = merged(
            (max(start, row["started_at"]), min(end, row["ended_at"] or FOREVER))
            for row in rows
            if row["started_at"] is not None
            and any(fnmatch.fnmatchcase(row["batch"], one) for one in chosen.batches)
        )
    if settings.is_always:
        return dict.fromkeys(units, reference)
    silent = tuple(one.value for one in settings.silent)
    gates = Gates(units, settings.phases, silent, None)
    gates.take(site.ledger.events(kinds=KINDS))
    settle = round(settings.settle_s * 1e6)
    found = {}
    for unit, spans in gates.windows().items():
        own = merged((first + settle, last) for first, last in spans)
        found[unit] = without(own, without(own, reference))
    return found


def _reference(
    site: Site, settings: ProcessSettings, unit: str, windows: Sequence[Span]
) -> Reference | None:
    known = site.historian.tags()
    tags = [tag for tag in settings.tags_of(unit) if known.get(tag) == "number"]
    if len(tags) < len(settings.tags):
        return None
    grid, parts = grid_of(settings), []
    training: list[TrainingData] = []
    for start, end in windows:
        window = (start - grid.max_age - grid.interval, end)
        series = site.historian.read(tags, window)
        readings = readings_of(series, {tag: j for j, tag in enumerate(tags)}).in_order()
        if not len(readings.times):
            continue
        newest = np.array([int(readings.times.max()) + grid.wait], dtype=np.int64)
        units, times = grid.due(readings, np.array([start - 1], dtype=np.int64), newest)
        is_in = times < end
        rows = grid.rows(readings, units[is_in], times[is_in])
        parts.append(_broken(rows.times, rows.values, grid.interval))
        first, last = int(readings.times.min()), int(readings.times.max()) + 1
        for tag in tags:
            digest, n = site.historian.digest(tag, (first, last))
            if n:
                training.append(TrainingData(what=tag, digest=digest, n=n, start=first, end=last))
    rows_of = _joined(parts)
    return Reference(unit, rows_of, tuple(training)) if len(rows_of) else None


def _broken(times: Integers, rows: Floats, interval: int) -> Floats:
    """Rows with a row of NaN where the grid has a gap."""
    places = np.flatnonzero(np.diff(times) != interval) + 1
    return np.insert(rows, places, np.nan, axis=0)


def _joined(parts: Sequence[Floats]) -> Floats:
    """Stretches one after the other, a row of NaN between."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return np.zeros((0, 0))
    none = np.full((1, filled[0].shape[1]), np.nan)
    return np.concatenate([piece for part in filled for piece in (part, none)][:-1])


def _split(rows: Floats, share: float) -> tuple[Floats, Floats]:
    """Earlier rows and later ones."""
    n = round(share * len(rows))
    return rows[:n], rows[n:]


def _plan(
    settings: ProcessSettings, chosen: FitSettings, training: Floats, later: Floats
) -> DynamicPlan:
    n_components = chosen.n_components or max(1, len(settings.tags) // 2)
    alarms = AlarmSettings(
        rate=chosen.rate,
        smoothing=chosen.smoothing,
        is_log=chosen.is_log,
        source=LimitSource.HELD_OUT,
    )
    model: CVA | DynamicPCA
    if chosen.method == "cva":
        named = chosen.statistics or ("Ts2", "Tr2", "Q")
        model = CVA(n_components, lags=chosen.lags, statistics=named, alarms=alarms)
    else:
        lags, named = chosen.lags * (chosen.method == "dpca"), chosen.statistics or ("T2", "SPE")
        model = DynamicPCA(n_components, lags=lags, statistics=named, alarms=alarms)
    try:
        model.fit(training).calibrate(later)
    except ScienceError as error:
        raise BadInputError(
            f"{len(training)} reference rows for training and {len(later)} for limits give no "
            f"model: {error}",
            hint="Give a longer reference window, fewer components, or a larger `rate`.",
        ) from error
    return model.plan(settings.tags)


def _measures(
    plans: Mapping[str, DynamicPlan], references: Sequence[Reference]
) -> dict[str, float]:
    """What was found, in flat numbers; of several models the one that alarms falsely most."""
    rates = [plan.facts.false_alarms for plan in plans.values()]
    known = [rate for rate in rates if rate is not None]
    worst = max(known, key=lambda one: one.rate)
    return {
        "n_units": float(len(references)),
        "n_models": float(len(plans)),
        "n_rows": float(sum(len(one.rows) for one in references)),
        "false_alarm_rate": worst.rate,
        "false_alarm_rate_lower": worst.lower,
        "false_alarm_rate_upper": worst.upper,
        "false_alarm_rows": float(worst.n_rows),
    }
