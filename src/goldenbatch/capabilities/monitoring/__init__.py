"""Real-time quality monitoring: charts, golden sets, soft sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.batch.results import BatchModelSettings, batch_model
    from goldenbatch.capabilities.monitoring.charts.analyst import control_charts
    from goldenbatch.capabilities.monitoring.charts.limits import limits_of
    from goldenbatch.capabilities.monitoring.charts.settings import ControlChartSettings
    from goldenbatch.capabilities.monitoring.fitting import fit
    from goldenbatch.capabilities.monitoring.pat.calibration import CalibrationSettings
    from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings

_HOMES = {
    "ControlChartSettings": "charts.settings",
    "control_charts": "charts.analyst",
    "CalibrationSettings": "pat.calibration",
    "fit": "fitting",
    "limits_of": "charts.limits",
    "BatchModelSettings": "batch.results",
    "batch_model": "batch.results",
    "SoftSensorSettings": "pat.soft_sensor",
}

__all__ = [
    "BatchModelSettings",
    "CalibrationSettings",
    "ControlChartSettings",
    "SoftSensorSettings",
    "batch_model",
    "control_charts",
    "fit",
    "limits_of",
]


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
