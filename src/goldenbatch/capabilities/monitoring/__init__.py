"""Real-time quality monitoring: charts, golden sets, soft sensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.calibration import CalibrationSettings
    from goldenbatch.capabilities.monitoring.charts import ControlChartSettings, control_charts
    from goldenbatch.capabilities.monitoring.fitting import fit
    from goldenbatch.capabilities.monitoring.limits import limits_of
    from goldenbatch.capabilities.monitoring.multivariate import BatchModelSettings, batch_model
    from goldenbatch.capabilities.monitoring.soft_sensor import SoftSensorSettings

_HOMES = {
    "ControlChartSettings": "charts",
    "control_charts": "charts",
    "CalibrationSettings": "calibration",
    "fit": "fitting",
    "limits_of": "limits",
    "BatchModelSettings": "multivariate",
    "batch_model": "multivariate",
    "SoftSensorSettings": "soft_sensor",
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
