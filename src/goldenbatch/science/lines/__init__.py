"""Discrete events of a whole line or plant: units, buffers, people, failures and quality waits."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science.lines.bottleneck import moving_bottleneck, turning_point
    from goldenbatch.science.lines.declaration import Line
    from goldenbatch.science.lines.fill_line import FillLine, VialLot, run_fill_line
    from goldenbatch.science.lines.fill_reading import read_fill_line, vial_lots
    from goldenbatch.science.lines.fill_twin import FillTwin
    from goldenbatch.science.lines.oee import oee
    from goldenbatch.science.lines.queues import erlang_c, mmc
    from goldenbatch.science.lines.reading import read_line
    from goldenbatch.science.lines.residence import Vessel
    from goldenbatch.science.lines.simulation import RunSettings, simulate_line
    from goldenbatch.science.lines.study import StudySettings, compare_lines, study_line
    from goldenbatch.science.lines.tablet_line import TabletLine, run_tablet_line
    from goldenbatch.science.lines.twins import twin_runs
    from goldenbatch.science.lines.two_machine import (
        TwoMachines,
        exact_two_machine,
        simulate_two_machine,
    )

_HOMES = {
    "bottleneck": ("moving_bottleneck", "turning_point"),
    "declaration": ("Line",),
    "fill_line": ("FillLine", "VialLot", "run_fill_line"),
    "fill_reading": ("read_fill_line", "vial_lots"),
    "fill_twin": ("FillTwin",),
    "oee": ("oee",),
    "queues": ("erlang_c", "mmc"),
    "reading": ("read_line",),
    "residence": ("Vessel",),
    "simulation": ("RunSettings", "simulate_line"),
    "study": ("StudySettings", "compare_lines", "study_line"),
    "tablet_line": ("TabletLine", "run_tablet_line"),
    "twins": ("twin_runs",),
    "two_machine": ("TwoMachines", "exact_two_machine", "simulate_two_machine"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "FillLine",
    "FillTwin",
    "Line",
    "RunSettings",
    "StudySettings",
    "TabletLine",
    "TwoMachines",
    "Vessel",
    "VialLot",
    "compare_lines",
    "erlang_c",
    "exact_two_machine",
    "mmc",
    "moving_bottleneck",
    "oee",
    "read_fill_line",
    "read_line",
    "run_fill_line",
    "run_tablet_line",
    "simulate_line",
    "simulate_two_machine",
    "study_line",
    "turning_point",
    "twin_runs",
    "vial_lots",
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
