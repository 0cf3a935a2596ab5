"""Spectra: treatment, calibration with its choices, transfer between instruments, soft sensors."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.spectra.calibration import (
        CalibrateSettings,
        Calibration,
        Outliers,
        calibrate,
    )
    from goldenbatch.science.spectra.choice import (
        ChoiceSettings,
        candidate_treatments,
        choose,
        nested_error,
    )
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
    from goldenbatch.science.spectra.standards import (
        kennard_stone,
    )
    from goldenbatch.science.spectra.transfer import (
        Transfer,
        transfer_plan,
    )

_HOMES = {
    "calibration": (
        "CalibrateSettings",
        "Calibration",
        "Outliers",
        "calibrate",
    ),
    "choice": (
        "ChoiceSettings",
        "candidate_treatments",
        "choose",
        "nested_error",
    ),
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
    "standards": ("kennard_stone",),
    "transfer": (
        "Transfer",
        "transfer_plan",
    ),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CalibrateSettings",
    "Calibration",
    "ChoiceSettings",
    "Outliers",
    "SensorFacts",
    "SensorReadings",
    "SensorSettings",
    "SoftSensor",
    "SpectraTreatment",
    "Transfer",
    "Treatment",
    "calibrate",
    "candidate_treatments",
    "chemotools_pipeline",
    "choose",
    "fit_soft_sensor",
    "fit_steps",
    "kennard_stone",
    "msc",
    "nested_error",
    "savitzky_golay",
    "snv",
    "subtract_line",
    "transfer_plan",
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
