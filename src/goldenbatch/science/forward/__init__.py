"""Forward in time: baselines, intervals, leaks and errors from what was known when, and no more."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.forward.censoring import Reported, interval_score
    from goldenbatch.science.forward.conformal import (
        ConformalSettings,
        Intervals,
        binomial_p_value,
        forward_intervals,
    )
    from goldenbatch.science.forward.domain import forward_domain
    from goldenbatch.science.forward.evaluation import (
        ForwardEvaluation,
        ForwardRows,
        Specification,
        evaluate_forward,
    )
    from goldenbatch.science.forward.leaks import (
        Leak,
        LeakKind,
        LeakSettings,
        changes_with_future,
        declared_later,
        leaking_columns,
    )
    from goldenbatch.science.forward.levels import Levels, recent_levels
    from goldenbatch.science.forward.prequential import ForwardSettings, forward_predictions
    from goldenbatch.science.forward.ratio import ErrorRatio, error_ratio
    from goldenbatch.science.forward.timeline import Timeline
    from goldenbatch.science.forward.tobit import TobitRidge

_HOMES = {
    "censoring": ("Reported", "interval_score"),
    "conformal": (
        "ConformalSettings",
        "Intervals",
        "binomial_p_value",
        "forward_intervals",
    ),
    "domain": ("forward_domain",),
    "evaluation": ("ForwardEvaluation", "ForwardRows", "Specification", "evaluate_forward"),
    "leaks": (
        "Leak",
        "LeakKind",
        "LeakSettings",
        "changes_with_future",
        "declared_later",
        "leaking_columns",
    ),
    "levels": ("Levels", "recent_levels"),
    "prequential": ("ForwardSettings", "forward_predictions"),
    "ratio": ("ErrorRatio", "error_ratio"),
    "timeline": ("Timeline",),
    "tobit": ("TobitRidge",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ConformalSettings",
    "ErrorRatio",
    "ForwardEvaluation",
    "ForwardRows",
    "ForwardSettings",
    "Intervals",
    "Leak",
    "LeakKind",
    "LeakSettings",
    "Levels",
    "Reported",
    "Specification",
    "Timeline",
    "TobitRidge",
    "binomial_p_value",
    "changes_with_future",
    "declared_later",
    "error_ratio",
    "evaluate_forward",
    "forward_domain",
    "forward_intervals",
    "forward_predictions",
    "interval_score",
    "leaking_columns",
    "recent_levels",
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
