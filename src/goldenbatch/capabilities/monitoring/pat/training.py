"""Fit models of monitoring to given rows, for the registry: nothing is recorded, nothing serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from goldenbatch.capabilities.monitoring._common import PLAN_MEDIA_TYPE, read_settings
from goldenbatch.capabilities.monitoring.pat.calibration import CalibrationSettings
from goldenbatch.capabilities.monitoring.pat.fit import calibrated, sensor_measures
from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_training import Frozen, TrainingRows
from goldenbatch.science.errors import ScienceError

CODE_VERSION = "soft-sensor-1"


def train_soft_sensor(rows: TrainingRows, settings: Mapping[str, Any], seed: int) -> Frozen:
    """Fit a PLS to spectra with their results; nothing in it is random.

    Args:
        rows: Spectra whose inputs are named by their axis.
        settings: Of `monitoring.soft_sensor`, or of its table `calibration` alone.
        seed: Not used.

    Raises:
        BadInputError: A setting is impossible, or the rows are no spectra or too few.
    """
    chosen = _calibration(settings)
    if chosen.transfer is not None:
        raise BadInputError(
            "a transfer is made from standards on two instruments, and not from training rows.",
            hint="Leave the table `transfer` out, or use `goldenbatch fit`.",
            key="settings.transfer",
        )
    try:
        axis = [float(name) for name in rows.names]
    except ValueError as error:
        raise BadInputError(
            f"the inputs {', '.join(rows.names[:3])}, ... are no places on the axis of a spectrum.",
            hint="Select one array tag as the only input.",
            key="inputs",
        ) from error
    # Where each row is a group of its own, interleaved folds do; else a group is left out whole.
    has_groups = len(set(rows.groups)) < len(rows.groups)
    try:
        sensor, measures = calibrated(
            chosen,
            rows.output,
            (rows.inputs, axis, rows.reference),
            list(rows.groups) if has_groups else None,
        )
    except ScienceError as error:
        raise BadInputError(
            f"the soft sensor cannot be fitted: {error}.",
            hint="Give more rows, or correct the settings of the calibration.",
            key="settings",
        ) from error
    return Frozen(
        content=sensor.plan.to_bytes(),
        media_type=PLAN_MEDIA_TYPE,
        method="PLS on treated spectra",
        code_version=CODE_VERSION,
        settings=chosen.model_dump(mode="json", exclude={"samples", "tag"}),
        measures={**sensor_measures(sensor), **measures},
    )


def _calibration(settings: Mapping[str, Any]) -> CalibrationSettings:
    if "calibration" in settings:
        whole = read_settings(SoftSensorSettings, "soft_sensor", settings)
        if whole.calibration is None:
            raise BadInputError("the table `calibration` is empty.", key="settings.calibration")
        return whole.calibration
    return read_settings(CalibrationSettings, "soft_sensor", {"samples": "*", **settings})
