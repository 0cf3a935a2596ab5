"""What moves yield: forward in time, within products, with causes ranked honestly."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.drivers.advice import Adjustable, Advice, AdviceSettings, advise
    from goldenbatch.science.drivers.causes import Cause, Causes, CauseSettings, rank_causes
    from goldenbatch.science.drivers.correction import RidgeCorrection, TreeCorrection
    from goldenbatch.science.drivers.forward import ForwardSettings, Walk, walk_forward
    from goldenbatch.science.drivers.grouping import group_columns
    from goldenbatch.science.drivers.importance import grouped_importance
    from goldenbatch.science.drivers.model import DriverModel
    from goldenbatch.science.drivers.rows import Level, Rows, differences
    from goldenbatch.science.drivers.shapley import forest_shapley
    from goldenbatch.science.drivers.signs import signs_of
    from goldenbatch.science.drivers.stability import lot_stability
    from goldenbatch.science.drivers.study import Study, StudySettings, run_study

_HOMES = {
    "advice": ("Adjustable", "Advice", "AdviceSettings", "advise"),
    "causes": ("Cause", "CauseSettings", "Causes", "rank_causes"),
    "correction": ("RidgeCorrection", "TreeCorrection"),
    "forward": ("ForwardSettings", "Walk", "walk_forward"),
    "grouping": ("group_columns",),
    "importance": ("grouped_importance",),
    "model": ("DriverModel",),
    "rows": ("Level", "Rows", "differences"),
    "shapley": ("forest_shapley",),
    "signs": ("signs_of",),
    "stability": ("lot_stability",),
    "study": ("Study", "StudySettings", "run_study"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Adjustable",
    "Advice",
    "AdviceSettings",
    "Cause",
    "CauseSettings",
    "Causes",
    "DriverModel",
    "ForwardSettings",
    "Level",
    "RidgeCorrection",
    "Rows",
    "Study",
    "StudySettings",
    "TreeCorrection",
    "Walk",
    "advise",
    "differences",
    "forest_shapley",
    "group_columns",
    "grouped_importance",
    "lot_stability",
    "rank_causes",
    "run_study",
    "signs_of",
    "walk_forward",
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
