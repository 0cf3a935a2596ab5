"""Which way a cause works: within each product, over all of them, and early and late."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.drivers.grouping import states
from goldenbatch.science.drivers.rows import Rows

_LEAST_STATES = 4
_CLEAR_T = 2.0


@dataclass(frozen=True)
class Signs:
    """Correlations of one column with y.

    Attributes:
        within: Over all batches, each less the mean of its product; NaN where nothing differs.
        pooled: Over all batches as if they were of one product.
        slope: Change of y per unit of the column, within products.
        early, late: As `within`, in the first and second half of the blocks.
        n_products: Products in which the column has 4 different values or more.
        n_same: Those of them with the sign of `within`.
        n_opposite: Those of them that clearly have the other sign (t beyond 2, counting
            different values of the column, not batches).
    """

    within: float
    pooled: float
    slope: float
    early: float
    late: float
    n_products: int
    n_same: int
    n_opposite: int

    @property
    def is_reversed(self) -> bool:
        """Whether pooling the products turns the sign round (Simpson's paradox)."""
        return self.within * self.pooled < 0

    @property
    def is_one_way(self) -> bool:
        """Whether early, late and most products agree, and no product clearly contradicts."""
        if math.isnan(self.within) or self.n_opposite:
            return False
        halves = all(math.isnan(one) or one * self.within > 0 for one in (self.early, self.late))
        return halves and self.n_same > 0 and 3 * self.n_same >= 2 * self.n_products


def signs_of(rows: Rows, column: int) -> Signs:
    """Correlations of a column with y, within products and pooled.

    Args:
        rows: The batches; those where the column or y is missing are passed over.
        column: Its number.

    References:
        Simpson (1951), J. R. Stat. Soc. B 13:238.

    >>> rows = Rows.of([[1], [2], [3], [4], [5], [6], [7], [8]], [4, 3, 2, 1, 9, 8, 7, 6], ["a"],
    ...                product=[1] * 4 + [2] * 4, lot=range(8), block=range(8))
    >>> found = signs_of(rows, 0)
    >>> round(found.within, 3), found.is_reversed, found.n_same
    (-1.0, True, 2)
    """
    there = ~np.isnan(rows.X[:, column]) & ~np.isnan(rows.y)
    part = rows.where(there)
    x, y = part.X[:, column], part.y
    dx, dy = _centred(x, part), _centred(y, part)
    within = _correlation(dx, dy)
    middle = np.median(np.unique(part.block)) if part.n else 0.0
    early = part.block <= middle
    same = opposite = n_products = 0
    for product in np.unique(part.product):
        own = part.product == product
        n_states = len(states(part, (column,), own)[0])
        one = _correlation(dx[own], dy[own])
        if n_states < _LEAST_STATES or math.isnan(one):
            continue
        n_products += 1
        same += one * within > 0
        t = one * math.sqrt((n_states - 2) / max(1e-12, 1.0 - one * one))
        opposite += one * within < 0 and abs(t) > _CLEAR_T
    squares = float(dx @ dx)
    return Signs(
        within=within,
        pooled=_correlation(x - x.mean(), y - y.mean()) if part.n else math.nan,
        slope=float(dx @ dy) / squares if squares > 0 else math.nan,
        early=_correlation(dx[early], dy[early]),
        late=_correlation(dx[~early], dy[~early]),
        n_products=n_products,
        n_same=int(same),
        n_opposite=int(opposite),
    )


def too_close(rows: Rows, limit: float = 0.95, n_least: int = 20) -> tuple[str, ...]:
    """Columns that follow y so closely within products that they may be made of it.

    Waste, or the yield of the step before, is no cause of the yield: it is the yield told twice,
    and a study that is given it finds nothing else.

    Args:
        rows: The batches that may be looked at.
        limit: Absolute correlation within products.
        n_least: Batches with both values below which nothing can be said.

    >>> y = np.arange(24.0)
    >>> rows = Rows.of(np.column_stack([100 - y, y % 3]), y, ["waste", "shift"],
    ...                product=[1] * 24, lot=range(24), block=range(24))
    >>> too_close(rows)
    ('waste',)
    """
    there = ~np.isnan(rows.X) & ~np.isnan(rows.y)[:, None]
    return tuple(
        name
        for k, name in enumerate(rows.columns)
        if int(there[:, k].sum()) >= n_least and abs(signs_of(rows, k).within) >= limit
    )


def _centred(values: Floats, rows: Rows) -> Floats:
    found = np.empty_like(values)
    for product in np.unique(rows.product):
        own = rows.product == product
        found[own] = values[own] - values[own].mean()
    return found


def _correlation(a: Floats, b: Floats) -> float:
    size = float(a @ a) * float(b @ b)
    return float(a @ b) / math.sqrt(size) if len(a) >= 3 and size > 1e-24 else math.nan
