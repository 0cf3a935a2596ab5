"""What a page draws of a result: columns thinned to what a screen can show, extremes kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.twin._documents import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.ensembles import Ensemble
    from goldenbatch.science.process.ensembles.design_space import DesignSpace
    from goldenbatch.science.process.ensembles.proven import BoxAndSpace, ProvenRange
    from goldenbatch.science.process.result import Simulation

    Floats = NDArray[np.float64]

MOST_POINTS = 600
"""Of a line: about one for each pixel of a panel's width."""
MOST_PANELS = 24
BAND = (0.05, 0.5, 0.95)


def kept(x: Floats, y: Floats, most: int = MOST_POINTS) -> list[int]:
    """Rows of a line that are drawn: the least and the greatest of each cell, and both ends.

    Args:
        x: Shape `(n,)`.
        y: Shape `(n,)`; a cell without a number keeps its first row, as a gap.
        most: About so many rows.

    >>> kept(np.arange(8.0), np.array([0, 9, 0, 0, 0, 0, -9, 0.0]), 4)
    [0, 1, 6, 7]
    """
    if x.size <= most:
        return list(range(x.size))
    rows = {0, int(x.size) - 1}
    for cell in np.array_split(np.arange(x.size), max(1, most // 2 - 1)):
        own = y[cell]
        if np.isfinite(own).any():
            rows |= {int(cell[np.nanargmin(own)]), int(cell[np.nanargmax(own)])}
        else:
            rows.add(int(cell[0]))
    return sorted(rows)


def _line(name: str, x: Floats, y: Floats, style: str = "line") -> dict[str, Any]:
    rows = kept(x, y)
    return {"name": name, "style": style, "x": x[rows].tolist(), "y": y[rows].tolist()}


def plots_of_run(run: Simulation, shown: Sequence[str]) -> dict[str, Any]:
    """Panels of a run: each column with what its sensor showed, and what happened when.

    Args:
        run: The run.
        shown: Columns, the most telling first.
    """
    panels = []
    for name in shown[:MOST_PANELS]:
        style = "step" if name in run.inputs else "line"
        lines = [_line(name, run.time, run[name], style)]
        if name in run.measured:
            lines.append(_line(f"{name}, as the sensor showed it", run.time, run.measured[name]))
        panels.append({"title": name, "unit": run.units.get(name, ""), "lines": lines})
    notes = [{"time": note.time, "text": note.text, "kind": note.kind} for note in run.notes[:50]]
    return _document({"x": {"name": "time", "unit": run.units.get("time", "")},
                      "panels": panels, "notes": notes})  # fmt: skip


def plots_of_ensemble(found: Ensemble) -> dict[str, Any]:
    """Bands of the kept columns over time, and the spread of each figure."""
    panels = []
    for name in list(found.columns)[:MOST_PANELS]:
        low, middle, high = found.band(name, BAND)
        rows = kept(found.time, middle)
        x = found.time[rows].tolist()
        panels.append({
            "title": name, "unit": found.units.get(name, ""),
            "lines": [{"name": "median", "style": "line", "x": x, "y": middle[rows].tolist()}],
            "band": {"x": x, "low": low[rows].tolist(), "high": high[rows].tolist(),
                     "name": "5 % to 95 % of the members"},
        })  # fmt: skip
    spreads = [
        _histogram(name, values, found.units.get(name, "")) for name, values in found.values.items()
    ]
    return _document({
        "x": {"name": "time", "unit": found.units.get("time", "")},
        "panels": panels, "spreads": [one for one in spreads if one],
    })  # fmt: skip


def _histogram(name: str, values: Floats, unit: str) -> dict[str, Any] | None:
    present = values[np.isfinite(values)]
    if not present.size:
        return None
    counts, edges = np.histogram(present, bins=min(30, max(5, present.size // 8)))
    return {"name": name, "unit": unit, "edges": edges.tolist(), "counts": counts.tolist()}


def plots_of_space(
    found: DesignSpace,
    target: float,
    ranges: Sequence[ProvenRange] = (),
    counted: BoxAndSpace | None = None,
    why_no_box: str = "",
) -> dict[str, Any]:
    """The map of probabilities over the first two factors, and the box of proven ranges.

    With more than two factors it is the slice through the point of the highest probability.
    """
    lower, upper = found.interval
    shape = [one.size for one in found.grid]
    best = np.unravel_index(int(found.n_feasible.argmax()), shape)
    cut: Any = (slice(None), slice(None), *best[2:])[: len(shape)]
    axes = [
        {"name": one.name, "unit": unit, "levels": grid.tolist()}
        for one, unit, grid in list(zip(found.factors, found.units, found.grid, strict=True))[:2]
    ]
    fixed = [
        {"name": one.name, "unit": unit, "value": float(grid[k])}
        for one, unit, grid, k in zip(found.factors, found.units, found.grid, best, strict=True)
    ][2:]  # fmt: skip
    columns = {"probability": found.probability, "lower": lower, "upper": upper,
               "nominal": found.is_nominal.astype(float)}  # fmt: skip
    return _document({
        "space": {
            "axes": axes, "fixed": fixed, "target": target, "n_members": found.n_members,
            "confidence": found.confidence,
            **{name: found.as_grid(values)[cut].tolist() for name, values in columns.items()},
            "proven": [_range(one) for one in ranges], "why_no_box": why_no_box,
            "box": None if counted is None else vars_of(counted),
        },
    })  # fmt: skip


def vars_of(counted: BoxAndSpace) -> dict[str, int]:
    """Counts by name."""
    return {"n_points": counted.n_points, "n_certain": counted.n_certain,
            "n_below": counted.n_below, "n_outside": counted.n_outside}  # fmt: skip


def _range(one: ProvenRange) -> dict[str, Any]:
    return {"factor": one.factor, "set_point": one.set_point, "low": one.low, "high": one.high,
            "is_proven": one.is_proven, "levels": one.levels, "lower": one.lower}  # fmt: skip


def _document(found: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = plain(found)
    return told
