"""Plots for reports, drawn by matplotlib without a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.science.errors import MissingEngineError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from goldenbatch.science.process.result import Simulation

_INK, _QUIET, _WARN = "#1b4f72", "#9aa5ad", "#b9770e"
MAX_PANELS = 12
"""Panels of a page; more cannot be read."""


def figure(width: float, height: float) -> Any:
    """An empty figure, inches.

    Raises:
        MissingEngineError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingEngineError(
            "plots need matplotlib, which is not installed.",
            hint="Install it with the extra: pip install 'goldenbatch[twin]'.",
        ) from error
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def label_panel(axes: Any, title: str, below: str = "") -> None:
    """Title and axis of one panel, as all plots of the twins have them."""
    axes.set_title(title, fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    if below:
        axes.set_xlabel(below, fontsize=7)


def plot_run(run: Simulation, columns: Sequence[str], title: str, path: Path) -> None:
    """Columns of a run, one panel each, with what was measured and what happened.

    Args:
        run: The run.
        columns: Which; those beyond the panels of a page are left to the table.
        title: Above all panels.
        path: PNG or SVG file to be written.
    """
    shown = list(columns)[:MAX_PANELS]
    n_rows = (len(shown) + 2) // 3
    page = figure(12.0, 2.4 * n_rows + 0.6)
    page.suptitle(title, fontsize=11)
    for number, name in enumerate(shown, start=1):
        axes = page.add_subplot(n_rows, 3, number)
        _panel(axes, run, name)
    page.savefig(path, dpi=110)


def _panel(axes: Any, run: Simulation, name: str) -> None:
    style = "steps-post" if name in run.inputs else "default"
    axes.plot(run.time, run[name], color=_INK, linewidth=1.4, drawstyle=style)
    if name in run.measured:
        axes.plot(run.time, run.measured[name], ".", color=_WARN, markersize=3.5, label="measured")
        axes.legend(fontsize=7, frameon=False)
    for note in run.notes:
        if note.kind in ("event", "jump"):
            axes.axvline(note.time, color=_QUIET, linewidth=0.7, linestyle=":")
    label_panel(axes, f"{name}, {run.units.get(name, '1')}", run.units["time"])


def plot_bands(
    time: NDArray[np.float64],
    bands: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
    units: Mapping[str, str],
    title: str,
    path: Path,
) -> None:
    """Medians with a band of an ensemble, one panel a column.

    Args:
        time: Shape `(n,)`.
        bands: Column to lower, median and upper. Shapes `(n,)`.
        units: Of time and columns.
        title: Above all panels.
        path: PNG or SVG file to be written.
    """
    shown = list(bands)[:MAX_PANELS]
    n_rows = (len(shown) + 2) // 3
    page = figure(12.0, 2.4 * n_rows + 0.6)
    page.suptitle(title, fontsize=11)
    for number, name in enumerate(shown, start=1):
        axes = page.add_subplot(n_rows, 3, number)
        low, middle, high = bands[name]
        axes.fill_between(time, low, high, color=_INK, alpha=0.2, linewidth=0)
        axes.plot(time, middle, color=_INK, linewidth=1.4)
        label_panel(axes, f"{name}, {units.get(name, '1')}", units.get("time", ""))
    page.savefig(path, dpi=110)
