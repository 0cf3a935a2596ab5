"""Fit the model of a soft sensor from what a home holds: calibrated, or taken over."""

from __future__ import annotations

import fnmatch
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from goldenbatch.capabilities.monitoring._common import PLAN_MEDIA_TYPE
from goldenbatch.capabilities.monitoring.pat.calibration import CalibrationSettings, TransferTable
from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.intake import array_axis
from goldenbatch.core.models import ModelFitted, TrainingData
from goldenbatch.core.site import Site
from goldenbatch.science.errors import ScienceError
from goldenbatch.science.latent import ScoringPlan
from goldenbatch.science.spectra import SoftSensor, calibrate, fit_soft_sensor, transfer_plan


@dataclass(frozen=True)
class _Calibration:
    """Spectra with their reference results and groups, in time order."""

    spectra: list[list[float]]
    results: list[float]
    groups: list[str]
    training: TrainingData


def fit_sensor(site: Site, name: str, settings: SoftSensorSettings) -> ModelFitted:
    """Fit the model of an adopted soft sensor and keep it in the registry.

    Raises:
        BadInputError: The home does not hold what the model is to be fitted to.
        NotFoundError: The model that is to be taken over does not exist.
    """
    chosen = settings.calibration
    if chosen is None:
        raise BadInputError(
            f"analyst {name!r} has no table [settings.calibration].",
            hint="Say which samples carry the reference results; see the README of monitoring.",
        )
    if chosen.transfer is not None:
        return _taken_over(site, name, settings, chosen, chosen.transfer)
    data = _calibration(site, settings, chosen)
    axis = array_axis(site, chosen.tag or settings.tag)
    sensor, measures = calibrated(
        chosen, settings.attribute, (data.spectra, axis.values, data.results), data.groups or None
    )
    digest = site.registry.put(sensor.plan.to_bytes(), PLAN_MEDIA_TYPE)
    return ModelFitted(
        name=name,
        method="PLS on treated spectra",
        code_version="soft-sensor-1",
        digest=digest,
        media_type=PLAN_MEDIA_TYPE,
        settings=settings.model_dump(mode="json"),
        training=(data.training,),
        measures={**sensor_measures(sensor), **measures},
    )


def calibrated(
    chosen: CalibrationSettings,
    target: str,
    data: tuple[ArrayLike, ArrayLike, ArrayLike],
    groups: Sequence[Hashable] | None,
) -> tuple[SoftSensor, dict[str, float]]:
    """A sensor from spectra, axis and results, and what its choice found.

    Args:
        chosen: Settings of the calibration.
        target: Name of what is predicted.
        data: Spectra, axis, results.
        groups: Of each row; a group is left out as a whole.
    """
    spectra, axis, results = data
    if chosen.choice is None and not chosen.reference_error:
        settings = chosen.sensor_settings(target)
        return fit_soft_sensor(spectra, axis, results, settings, groups), {}
    found = calibrate(spectra, axis, results, chosen.calibrate_settings(target), groups)
    return found.sensor, {
        "n_candidates": float(found.choice.rmse.size),
        "n_set_aside": float((~found.is_used).sum()),
        "n_outliers": float(len(found.outliers.rows())),
        "reference_error": found.error.reference_error,
        "rmse_left_out_corrected": found.error.corrected,
    }


def sensor_measures(sensor: SoftSensor) -> dict[str, float]:
    """What the calibration found, as flat numbers; left-out errors beside the flattering ones."""
    facts = sensor.facts
    return {
        "n_reference": float(facts.n_reference),
        "n_components": float(facts.n_components),
        "rmse_training": facts.rmse_training,
        "rmse_left_out": facts.rmse_left_out,
        "reference_lower": facts.reference_lower,
        "reference_upper": facts.reference_upper,
        **{f"limit_{key}": value for key, value in facts.limits.items() if value is not None},
    }


def _calibration(
    site: Site, settings: SoftSensorSettings, chosen: CalibrationSettings
) -> _Calibration:
    rows = site.ledger.select("result", {"attribute": settings.attribute}, ("sample",))
    rows = [row for row in rows if fnmatch.fnmatchcase(row["sample"], chosen.samples)]
    results = {row["sample"]: float(row["number"]) for row in rows if row["number"] is not None}
    samples = _samples(site, list(results))
    by_time = {
        sample["taken_at"]: (results[name], sample)
        for name, sample in samples.items()
        if sample["taken_at"] is not None
    }
    if not by_time:
        raise BadInputError(
            f"no sample {chosen.samples!r} has a result of {settings.attribute!r} with a "
            "sampling time.",
            hint="Import the calibration first, or correct `calibration.samples`.",
        )
    times = sorted(by_time)
    spectra, training = _spectra(site, chosen.tag or settings.tag, times, "reference results")
    by = chosen.choice.group_by if chosen.choice is not None else ""
    groups = [str(by_time[at][1][by]) for at in times] if by else []
    if by and len(set(groups)) < 2:
        raise BadInputError(
            f"all {len(groups)} samples are of one {by}, so that none can be left out.",
            hint=f"Give samples of another {by}, or leave `choice.group_by` out.",
            key="calibration.choice.group_by",
        )
    return _Calibration(spectra, [by_time[at][0] for at in times], groups, training)


def _samples(site: Site, names: Sequence[str]) -> dict[str, Any]:
    rows = site.ledger.select("sample", {"sample": list(names)}) if names else []
    return {row["sample"]: row for row in rows}


def _spectra(
    site: Site, tag: str, times: Sequence[int], what: str = "standards"
) -> tuple[list[list[float]], TrainingData]:
    """Spectra of a tag at given times, in order, and what they are recorded as."""
    window = (min(times), max(times) + 1)
    series = site.historian.read([tag], window)
    found = dict(zip(series.times().tolist(), series.table["value"].to_pylist(), strict=True))
    missing = [at for at in times if at not in found]
    if missing:
        raise BadInputError(
            f"{len(missing)} of {len(times)} {what} have no spectrum of {tag} at their "
            f"sampling time, the first at {missing[0]} us.",
            hint="A spectrum and its result must carry the same time.",
        )
    digest, n_readings = site.historian.digest(tag, window)
    training = TrainingData(what=tag, digest=digest, n=n_readings, start=window[0], end=window[1])
    return [found[at] for at in times], training


def _taken_over(
    site: Site,
    name: str,
    settings: SoftSensorSettings,
    chosen: CalibrationSettings,
    table: TransferTable,
) -> ModelFitted:
    plan = _model(site, table.model)
    own, theirs = _standards(site, chosen.samples), _standards(site, table.samples)
    both = sorted(own.keys() & theirs.keys())
    if not both:
        raise BadInputError(
            f"no standard was measured on both instruments: samples {chosen.samples!r} and "
            f"{table.samples!r} have no name in common.",
            hint="Name the standards alike where `*` stands, and give them sampling times.",
            key="calibration.transfer",
        )
    first, first_data = _spectra(site, table.tag, [theirs[key] for key in both])
    second, second_data = _spectra(site, chosen.tag or settings.tag, [own[key] for key in both])
    try:
        found = transfer_plan(plan, first, second)
    except ScienceError as error:
        raise BadInputError(
            f"the model {table.model!r} cannot be taken over: {error}.",
            hint="Measure more standards on both instruments, with the same axis.",
            key="calibration.transfer",
        ) from error
    digest = site.registry.put(found.plan.to_bytes(), PLAN_MEDIA_TYPE)
    return ModelFitted(
        name=name,
        method=f"{found.method.words()} of model {plan.digest[:12]} of {table.model}",
        code_version="soft-sensor-transfer-1",
        digest=digest,
        media_type=PLAN_MEDIA_TYPE,
        settings=settings.model_dump(mode="json"),
        training=(first_data, second_data),
        measures={
            "n_standards": float(found.n_standards),
            "rmse_left_out_standards": found.error,
            "rmse_untreated_standards": found.untreated,
            "limit_t2": found.plan.facts.t2_limit,
            "limit_spe": found.plan.facts.spe_limit,
        },
    )


def _model(site: Site, name: str) -> ScoringPlan:
    """The newest model of another soft sensor."""
    found = [event.decode() for event in site.ledger.events(kinds=(ModelFitted.kind,))]
    fits = [body for body in found if isinstance(body, ModelFitted) and body.name == name]
    if not fits:
        raise NotFoundError(
            f"no model of {name!r} was fitted in this home.",
            hint=f"Fit it with `goldenbatch fit {name}`, or correct `calibration.transfer.model`.",
        )
    return ScoringPlan.from_bytes(site.registry.get(fits[-1].digest), fits[-1].digest)


def _standards(site: Site, pattern: str) -> dict[str, int]:
    """What `*` stands for in the names of samples of a pattern, and when they were measured."""
    before, star, after = pattern.partition("*")
    if not star or "*" in after:
        raise BadInputError(
            f"{pattern!r} does not hold one `*`, which is to stand for the name of a standard.",
            key="calibration.samples",
        )
    rows = site.ledger.select("sample", None, ("sample",))
    return {
        row["sample"][len(before) : len(row["sample"]) - len(after)]: row["taken_at"]
        for row in rows
        if fnmatch.fnmatchcase(row["sample"], pattern) and row["taken_at"] is not None
    }
