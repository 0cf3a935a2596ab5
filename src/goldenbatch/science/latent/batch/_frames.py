"""What a phase makes of raw samples: gaps held, maturity, deviations from the golden course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.latent.batch.alignment import Aligner
from goldenbatch.science.latent.batch.unfolding import at_maturity, on_grid

Memory = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Samples of one phase after the front end; n samples, p variables, k grid points.

    Attributes:
        maturity: shape (n,); above 1: beyond the golden course.
        rows: held values, elapsed time last where it is watched, shape (n, p).
        is_usable: nothing is missing for too long, shape (n,).
        ages: samples since each raw variable was last there, shape (n, p_raw).
        grid: values at the grid points that these samples passed, shape (n_new, p).
        first: number of the first of those grid points.
        filled: grid points filled after each sample, shape (n,).
    """

    maturity: Floats
    rows: Floats
    is_usable: Bools
    ages: Integers
    grid: Floats
    first: int
    filled: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """The front end of a phase.

    Attributes:
        aligner: of the phase.
        columns: places of the variables that are watched.
        has_elapsed: elapsed time is the last variable.
        n_points: of the grid.
        max_hold: samples that a missing value is held for.
    """

    aligner: Aligner
    columns: tuple[int, ...]
    has_elapsed: bool
    n_points: int
    max_hold: int

    def run(self, memory: Memory, elapsed: Floats, values: Floats) -> tuple[Memory, Aligned]:
        """Take further samples of the phase.

        Args:
            memory: after the samples before; {} at the start.
            elapsed: since the phase began, shape (n,).
            values: all raw variables, shape (n, p_raw).
        """
        held, ages = _hold(memory, values)
        align, maturity = self.aligner.run(memory.get("align", {}), elapsed, held)
        rows = held[:, list(self.columns)]
        stale = ages[:, list(self.columns)] > self.max_hold
        is_usable = np.asarray(~(stale.any(axis=1) | np.isnan(rows).any(axis=1)))
        if self.has_elapsed:
            rows = np.column_stack([rows, elapsed])
        rows = np.ascontiguousarray(rows)
        before = memory.get("before")
        last = None if before is None else (float(before[0]), _array(before[1]))
        first = int(memory.get("filled", 0))
        grid = on_grid(maturity, rows, self.n_points, last)[first:]
        filled = np.minimum(
            np.floor((np.minimum(maturity, 1.0) + 1e-12) * (self.n_points - 1)) + 1, self.n_points
        ).astype(np.int64)
        filled = np.maximum(filled, first)
        is_new = np.arange(first, self.n_points) < (filled[-1] if len(filled) else first)
        kept = {
            "align": align,
            "held": plain(held[-1]),
            "ages": ages[-1].tolist(),
            "before": [float(maturity[-1]), plain(rows[-1])],
            "filled": int(filled[-1]),
        }
        return kept, Aligned(maturity, rows, is_usable, ages, grid[is_new], first, filled)


def deviations(aligned: Aligned, mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Scaled deviations of samples and of grid points from the golden course.

    Returns:
        Shape (n, p), NaN where not usable or beyond the course; and (n_new, p), 0 where missing:
        what is not known counts as average.
    """
    z = (aligned.rows - at_maturity(mean, aligned.maturity)) / at_maturity(spread, aligned.maturity)
    z[~aligned.is_usable | (aligned.maturity > 1.0 + 1e-9)] = np.nan
    own = slice(aligned.first, aligned.first + len(aligned.grid))
    grid = (aligned.grid - mean[own]) / spread[own]
    return z, np.where(np.isnan(grid), 0.0, grid)


def _hold(memory: Memory, values: Floats) -> tuple[Floats, Integers]:
    """Missing values replaced by the last ones, and how many samples ago those were."""
    n, p = values.shape
    last = _array(memory["held"]) if "held" in memory else np.full(p, np.nan)
    age = np.array(memory.get("ages", [0] * p), dtype=np.int64)
    is_missing = np.isnan(values)
    if not is_missing.any():
        return values, np.zeros((n, p), dtype=np.int64)
    held, ages = values.copy(), np.zeros((n, p), dtype=np.int64)
    for i in range(n):
        age = np.where(is_missing[i], age + 1, 0)
        last = np.where(is_missing[i], last, values[i])
        held[i], ages[i] = last, age
    return held, ages


def plain(row: Floats) -> list[float | None]:
    """Numbers as JSON; None where missing."""
    return [None if value != value else value for value in row.tolist()]  # noqa: PLR0124


def _array(row: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in row], dtype=np.float64)
