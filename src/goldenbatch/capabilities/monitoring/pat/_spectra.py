"""Spectra of a tag as rows to score, and which channels matter."""

from __future__ import annotations

import math
from collections.abc import Sequence

from goldenbatch.core.findings import Contribution
from goldenbatch.core.series import Series
from goldenbatch.science.latent import ScoringPlan

N_CONTRIBUTIONS = 12


def where(series: Series, is_kept: Sequence[bool]) -> Series:
    """The readings of a series that are kept."""
    # Arrow knows no type of an empty list.
    return Series(series.kind, series.table.filter(list(is_kept))) if len(series) else series


def matrix(series: Series, n_columns: int) -> tuple[list[list[float]], int]:
    """Spectra as rows; one of another length becomes a row of NaN, and is counted."""
    rows, n_bad = [], 0
    for one in series.table.column("value").to_pylist():
        is_whole = one is not None and len(one) == n_columns
        n_bad += not is_whole
        rows.append(
            [math.nan if v is None else v for v in one] if is_whole else [math.nan] * n_columns
        )
    return rows, n_bad


def most(plan: ScoringPlan, row: Sequence[float]) -> tuple[Contribution, ...]:
    """The channels that add most to SPE, signed."""
    parts = plan.contributions([row])
    values = parts.spe[0]
    order = sorted(range(len(values)), key=lambda k: -abs(values[k]))[:N_CONTRIBUTIONS]
    return tuple(Contribution(variable=parts.columns[k], value=float(values[k])) for k in order)
