"""Charts, run rules, run lengths, limits, intervals, capability and naive baselines."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.statistics.autocorrelation import (
        ar1_reference,
        lag1_autocorrelation,
        run_length_ar1,
    )
    from goldenbatch.science.statistics.baselines import (
        compare_errors,
        last_result,
        mean_of_training,
        rmse,
    )
    from goldenbatch.science.statistics.capability import process_capability
    from goldenbatch.science.statistics.charts import (
        ChartDesign,
        ChartKind,
        ChartPoint,
        ChartScores,
        ChartSettings,
        ChartState,
        SigmaMethod,
        reference,
        start,
    )
    from goldenbatch.science.statistics.intervals import clopper_pearson, conformal_half_width
    from goldenbatch.science.statistics.limits import FalseAlarmRate, false_alarm_rate
    from goldenbatch.science.statistics.rules import joint_run_length, rules_named
    from goldenbatch.science.statistics.scoring import score, step

_HOMES = {
    "autocorrelation": ("ar1_reference", "lag1_autocorrelation", "run_length_ar1"),
    "baselines": ("compare_errors", "last_result", "mean_of_training", "rmse"),
    "capability": ("process_capability",),
    "charts": (
        "ChartDesign",
        "ChartKind",
        "ChartPoint",
        "ChartScores",
        "ChartSettings",
        "ChartState",
        "SigmaMethod",
        "reference",
        "start",
    ),
    "intervals": ("clopper_pearson", "conformal_half_width"),
    "limits": ("FalseAlarmRate", "false_alarm_rate"),
    "rules": ("joint_run_length", "rules_named"),
    "scoring": ("score", "step"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ChartDesign",
    "ChartKind",
    "ChartPoint",
    "ChartScores",
    "ChartSettings",
    "ChartState",
    "FalseAlarmRate",
    "SigmaMethod",
    "ar1_reference",
    "clopper_pearson",
    "compare_errors",
    "conformal_half_width",
    "false_alarm_rate",
    "joint_run_length",
    "lag1_autocorrelation",
    "last_result",
    "mean_of_training",
    "process_capability",
    "reference",
    "rmse",
    "rules_named",
    "run_length_ar1",
    "score",
    "start",
    "step",
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
