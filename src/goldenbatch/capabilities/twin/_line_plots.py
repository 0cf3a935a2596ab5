"""Tables and plots that lines of any kind share."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin.plots import figure

if TYPE_CHECKING:
    from goldenbatch.science.lines.simulation import Columns

_COLOURS = {"busy": "#1b4f72", "down": "#b03a2e", "cleaning": "#48a9a6", "changeover": "#7d6b91",
            "clearance": "#48a9a6"}  # fmt: skip
_GREYS = ("#c9d1d6", "#aab4bb", "#8b979f", "#dfe4e7", "#76828a", "#b9c2c8", "#99a5ad")


def write_table(columns: Columns, path: Path) -> None:
    """Write columns of equal length as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def plot_states(states: dict[str, Columns], path: Path) -> None:
    """Share of time in each state, a bar a unit and scenario."""
    page = figure(9.0, height_of(states))
    draw_states(page.add_subplot(), states)
    page.savefig(path, dpi=110)


def height_of(states: dict[str, Columns]) -> float:
    """Inches that the bars of all scenarios need."""
    return 0.35 * len(_bars(states)) + 1.4


def draw_states(axes: Any, states: dict[str, Columns]) -> None:
    """Draw the shares; columns unit, state, mean of each scenario."""
    bars = _bars(states)
    kinds = list(dict.fromkeys(next(iter(states.values()))["state"].tolist()))
    greys = iter(_GREYS)
    left = [0.0] * len(bars)
    for kind in kinds:
        widths = [_share(states[scenario], unit, kind) for scenario, unit in bars]
        colour = _COLOURS.get(kind) or next(greys, "#eeeeee")
        axes.barh(range(len(bars)), widths, left=left, color=colour, label=kind)
        left = [one + width for one, width in zip(left, widths, strict=True)]
    labels = [unit if len(states) == 1 else f"{unit}, {scenario}" for scenario, unit in bars]
    axes.set_yticks(range(len(bars)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("share of time", fontsize=8)
    axes.set_xlim(0.0, 1.0)
    axes.legend(fontsize=7, frameon=False, ncols=5, loc="lower left", bbox_to_anchor=(0.0, 1.0))


def _bars(states: dict[str, Columns]) -> list[tuple[str, str]]:
    return [(scenario, unit) for scenario, columns in states.items()
            for unit in dict.fromkeys(columns["unit"].tolist())]  # fmt: skip


def _share(columns: Columns, unit: str, kind: str) -> float:
    rows = (columns["unit"] == unit) & (columns["state"] == kind)
    return float(columns["mean"][rows].sum())
