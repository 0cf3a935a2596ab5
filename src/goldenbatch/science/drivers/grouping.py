"""Columns that move together, and what else they cannot be told from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.drivers.rows import Rows


@dataclass(frozen=True)
class Group:
    """Columns that move together within products; they are judged as one.

    Attributes:
        name: Of its first column.
        columns: Their numbers.
        n_units: Comparisons that there are: different states of the group less one, over all
            products or added over each, whichever is fewer. Batches of one lot are one state.
        with_time: Largest absolute rank correlation of a column with time, within products.
        moves_with: Groups whose columns correlate clearly with this one's.
    """

    name: str
    columns: tuple[int, ...]
    n_units: int
    with_time: float
    moves_with: tuple[str, ...] = ()


def within_products(rows: Rows, ranks: bool = False) -> Floats:
    """X less the mean of its product, in standard deviations of all; shape (n, p).

    Args:
        rows: The batches.
        ranks: Take ranks within the product first; NaN stays NaN.

    >>> rows = Rows.of([[1.0], [3.0], [11.0], [13.0]], [0.0] * 4, ["a"], product=[1, 1, 2, 2],
    ...                lot=range(4), block=range(4))
    >>> within_products(rows)[:, 0].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    found = np.full_like(rows.X, np.nan)
    for product in np.unique(rows.product):
        own = rows.product == product
        part = _ranks(rows.X[own]) if ranks else rows.X[own]
        found[own] = part - _nanmean(part)
    spread = np.sqrt(_nanmean(found**2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.where(spread > 1e-12, found / spread, np.where(np.isnan(found), np.nan, 0.0))
        )


def group_columns(rows: Rows, threshold: float = 0.7, clear: float = 0.5) -> tuple[Group, ...]:
    """Join columns whose rank correlation within products is beyond a threshold.

    Complete linkage: each pair in a group is beyond it. Columns that differ within no product are
    left out; see `constant_columns`.

    Args:
        rows: The batches.
        threshold: Absolute rank correlation from which on columns are one group.
        clear: From which on groups are said to move together.

    References:
        Strobl et al. (2008), BMC Bioinformatics 9:307, doi:10.1186/1471-2105-9-307: importance of
        correlated columns alone misleads.

    >>> t = np.arange(24.0)
    >>> X = np.column_stack([np.sin(t), 2 * np.sin(t) + 1, np.cos(t * 2.3)])
    >>> rows = Rows.of(X, t, ["a", "b", "c"], product=t * 0, lot=t, block=t)
    >>> [group.name for group in group_columns(rows)]
    ['a, b', 'c']
    """
    varied = [k for k in range(rows.X.shape[1]) if k not in constant_columns(rows)]
    if not varied:
        return ()
    ranks = within_products(rows, ranks=True)
    alike = np.abs(_correlations(ranks[:, varied]))
    labels = _linked(alike, threshold)
    members = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    time = _ranks(rows.block[:, None].astype(float))
    timed = Rows(time, rows.y, ("time",), rows.product, rows.lot, rows.block)
    clock = within_products(timed, ranks=True)[:, 0]
    names = [", ".join(rows.columns[varied[k]] for k in one) for one in members]
    groups = []
    for i, one in enumerate(members):
        near = [
            names[j]
            for j, other in enumerate(members)
            if i != j and float(alike[one][:, other].max()) >= clear
        ]
        columns = tuple(varied[k] for k in one)
        with_time = max(_one_correlation(ranks[:, k], clock) for k in columns)
        groups.append(Group(names[i], columns, _n_units(rows, columns), with_time, tuple(near)))
    return tuple(groups)


def constant_columns(rows: Rows) -> tuple[int, ...]:
    """Columns that differ within no product: nothing can be told of them but by the product."""
    spread = _nanmean(within_products(rows) ** 2)
    return tuple(int(k) for k in np.flatnonzero(~(spread > 0)))


def states(rows: Rows, columns: Sequence[int], own: Bools) -> tuple[Floats, Integers]:
    """Different values of some columns among some rows, and which each row has."""
    values = rows.X[own][:, list(columns)]
    # NaN equals NaN here: a missing analysis is a state too.
    found, place = np.unique(
        np.where(np.isnan(values), np.inf, values), axis=0, return_inverse=True
    )
    return np.where(np.isinf(found), np.nan, found), place.reshape(-1)


def _n_units(rows: Rows, columns: Sequence[int]) -> int:
    ways = [np.ones(rows.n, dtype=np.bool_)]
    ways += [rows.product == one for one in np.unique(rows.product)]
    counts = []
    for own in ways:
        found, _ = states(rows, columns, own)
        counts.append(max(0, int((~np.isnan(found).all(axis=1)).sum()) - 1))
    return min(counts[0], sum(counts[1:]))


def _linked(alike: Floats, threshold: float) -> Integers:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(alike) == 1:
        return np.array([1])
    apart = 1.0 - alike
    apart = 0.5 * (apart + apart.T)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(np.clip(apart, 0.0, 1.0), checks=False), "complete")
    return np.asarray(fcluster(tree, 1.0 - threshold, "distance"))


def _correlations(ranks: Floats) -> Floats:
    """Correlations over rows where both are there; 0 where fewer than 3 are."""
    there = (~np.isnan(ranks)).astype(float)
    filled = np.nan_to_num(ranks, nan=0.0)
    cross = np.einsum("ni,nj->ij", filled, filled, optimize=True)
    squares = np.einsum("ni,nj->ij", filled**2, there, optimize=True)
    n = np.einsum("ni,nj->ij", there, there, optimize=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = cross / np.sqrt(squares * squares.T)
    return np.asarray(np.clip(np.where((n >= 3) & np.isfinite(found), found, 0.0), -1.0, 1.0))


def _one_correlation(a: Floats, b: Floats) -> float:
    return abs(float(_correlations(np.column_stack([a, b]))[0, 1]))


def _ranks(part: Floats) -> Floats:
    from scipy.stats import rankdata

    return np.asarray(rankdata(part, axis=0, nan_policy="omit"), dtype=np.float64)


def _nanmean(values: Floats) -> Floats:
    n = (~np.isnan(values)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(values, axis=0) / n
    return np.asarray(np.where(n > 0, mean, np.nan), dtype=np.float64)
