"""Two models on the same rows: not worse, better, equal, and how far apart."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.comparison._errors import ErrorMeasure
    from goldenbatch.science.comparison.distance import Distance, prediction_distance
    from goldenbatch.science.comparison.exact import (
        McNemar,
        SignFlip,
        mcnemar_exact,
        sign_flip_test,
        swap_test,
    )
    from goldenbatch.science.comparison.paired import (
        CompareSettings,
        PairedResult,
        compare_paired,
    )
    from goldenbatch.science.comparison.sequential import (
        SequentialSettings,
        SequentialState,
        begin,
        observe,
    )
    from goldenbatch.science.comparison.tost import Tost, paired_tost

_HOMES = {
    "_errors": ("ErrorMeasure",),
    "distance": ("Distance", "prediction_distance"),
    "exact": ("McNemar", "SignFlip", "mcnemar_exact", "sign_flip_test", "swap_test"),
    "paired": ("CompareSettings", "PairedResult", "compare_paired"),
    "sequential": ("SequentialSettings", "SequentialState", "begin", "observe"),
    "tost": ("Tost", "paired_tost"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "CompareSettings",
    "Distance",
    "ErrorMeasure",
    "McNemar",
    "PairedResult",
    "SequentialSettings",
    "SequentialState",
    "SignFlip",
    "Tost",
    "begin",
    "compare_paired",
    "mcnemar_exact",
    "observe",
    "paired_tost",
    "prediction_distance",
    "sign_flip_test",
    "swap_test",
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
