"""Treatment of spectra, and a soft sensor that knows its domain."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.spectra.preprocess import (
        SpectraTreatment,
        Treatment,
        chemotools_pipeline,
        fit_steps,
        msc,
        savitzky_golay,
        snv,
        subtract_line,
    )
    from goldenbatch.science.spectra.sensor import (
        SensorFacts,
        SensorReadings,
        SensorSettings,
        SoftSensor,
        fit_soft_sensor,
    )

_HOMES = {
    "preprocess": (
        "SpectraTreatment",
        "Treatment",
        "chemotools_pipeline",
        "fit_steps",
        "msc",
        "savitzky_golay",
        "snv",
        "subtract_line",
    ),
    "sensor": (
        "SensorFacts",
        "SensorReadings",
        "SensorSettings",
        "SoftSensor",
        "fit_soft_sensor",
    ),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "SensorFacts",
    "SensorReadings",
    "SensorSettings",
    "SoftSensor",
    "SpectraTreatment",
    "Treatment",
    "chemotools_pipeline",
    "fit_soft_sensor",
    "fit_steps",
    "msc",
    "savitzky_golay",
    "snv",
    "subtract_line",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
