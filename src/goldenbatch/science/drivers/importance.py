"""How much worse forward predictions become when a cause is exchanged between batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.drivers.forward import Walk
from goldenbatch.science.drivers.grouping import Group, states
from goldenbatch.science.drivers.rows import Rows
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics.intervals import Interval


@dataclass(frozen=True)
class Importance:
    """What one group of columns is worth to forward predictions.

    Attributes:
        share: Rise of the squared error when the group is exchanged within products, as a share
            of the squared error of the level alone.
        interval: Of the share, by bootstrap over lots and over blocks, the wider.
        shapley: Mean absolute Shapley value of the group, in the unit of y.
        n_blocks, n_blocks_worse: Blocks, and those in which the error rose.
    """

    share: float
    interval: Interval
    shapley: float
    n_blocks: int
    n_blocks_worse: int


def grouped_importance(
    rows: Rows,
    walked: Walk,
    groups: Sequence[Group],
    *,
    n_repeats: int = 20,
    n_resamples: int = 500,
    seed: int = 0,
) -> tuple[Importance, ...]:
    """Exchange groups of columns between batches of one product and predict again.

    All columns of a group go together, so that no correlated one stands in for another. Whole
    states go (the analyses of a lot, with all the batches made of it), as only they are
    independent; and only within a product, so that no product gets the values of another.

    Args:
        rows: All batches.
        walked: Of `walk_forward`.
        groups: Of `group_columns`.
        n_repeats: Exchanges of each group.
        n_resamples: Of the bootstrap.
        seed: Of both.

    Raises:
        DataError: The walk scored nothing.

    References:
        Breiman (2001), Mach. Learn. 45:5, doi:10.1023/A:1010933404324; Strobl et al. (2008),
        BMC Bioinformatics 9:307, doi:10.1186/1471-2105-9-307 (within strata).
        Gregorutti, Michel and Saint-Pierre (2015), Comput. Stat. Data Anal. 90:15,
        doi:10.1016/j.csda.2015.04.002 (groups).

    >>> generator = np.random.default_rng(0)
    >>> X = generator.normal(size=(120, 3))
    >>> rows = Rows.of(X, 3 * X[:, 1], ["a", "b", "c"], product=np.zeros(120),
    ...                lot=np.arange(120) // 3, block=np.arange(120) // 6)
    >>> from goldenbatch.science.drivers import Level, group_columns, walk_forward
    >>> walked = walk_forward(rows, rows.block > 9, Level.MEAN)
    >>> found = grouped_importance(rows, walked, group_columns(rows))
    >>> [one.interval.lower > 0 for one in found]
    [False, True, False]
    """
    scored = np.flatnonzero(walked.is_scored)
    if not len(scored):
        message = "no row was predicted forward in time, so that nothing can be exchanged"
        raise DataError(message)
    truth = walked.found.y_difference
    own = (truth - walked.correction) ** 2
    whole = float(np.mean(truth[scored] ** 2))
    generator = np.random.default_rng(seed)
    rises = _rises(rows, walked, groups, n_repeats, generator) - own[:, None]
    values = _shapley(walked)
    found = []
    for k, group in enumerate(groups):
        rise = rises[scored, k] / whole if whole > 0 else np.zeros(len(scored))
        interval = clustered_interval(
            rise, (rows.lot[scored], rows.block[scored]), n_resamples, seed
        )
        blocks = [rise[rows.block[scored] == one].mean() for one in np.unique(rows.block[scored])]
        parts = values[scored][:, list(group.columns)].sum(axis=1)
        found.append(
            Importance(
                float(rise.mean()), interval, float(np.abs(parts).mean()), len(blocks),
                sum(bool(one > 0) for one in blocks),
            )
        )  # fmt: skip
    return tuple(found)


def _rises(
    rows: Rows,
    walked: Walk,
    groups: Sequence[Group],
    n_repeats: int,
    generator: np.random.Generator,
) -> Floats:
    """Mean squared error of each row after exchanges of each group, shape (n, n_groups)."""
    truth = walked.found.y_difference
    found = np.tile(((truth - walked.correction) ** 2)[:, None], len(groups))
    if not walked.fitted:
        return found
    exchanged = [_exchange(rows, walked.is_scored, group, n_repeats, generator) for group in groups]
    for block, fitted in walked.fitted.items():
        now = np.flatnonzero(walked.is_scored & (rows.block == block) & (walked.found.n_known > 0))
        if not len(now):
            continue
        for k, group in enumerate(groups):
            columns = list(group.columns)
            table = np.repeat(walked.found.X_difference[None, now], n_repeats, axis=0)
            level = walked.found.X_level[now][:, columns]
            table[:, :, columns] = exchanged[k][:, now] - level
            guess = fitted.correction.predict(table.reshape(-1, table.shape[2])).reshape(
                n_repeats, -1
            )
            errors = (truth[now] - fitted.shrink * guess) ** 2
            found[now, k] = errors.mean(axis=0)
    return np.asarray(found)


def _exchange(
    rows: Rows, chosen: Bools, group: Group, n_repeats: int, generator: np.random.Generator
) -> Floats:
    """Values of a group after exchange of its states within products, (repeats, n, columns)."""
    columns = list(group.columns)
    found = np.repeat(rows.X[None][:, :, columns], n_repeats, axis=0)
    for product in np.unique(rows.product[chosen]):
        own = chosen & (rows.product == product)
        values, place = states(rows, columns, own)
        for i in range(n_repeats):
            found[i, own] = values[generator.permutation(len(values))[place]]
    return np.asarray(found)


def _shapley(walked: Walk) -> Floats:
    """Shapley value of each column for each row, shape (n, p); 0 where nothing was added."""
    found = np.zeros_like(walked.found.X_difference)
    blocks = _block_of(walked)
    for block, fitted in walked.fitted.items():
        now = blocks == block
        parts = fitted.correction.contributions(walked.found.X_difference[now])
        found[now] = fitted.shrink * parts
    return found


def _block_of(walked: Walk) -> Integers:
    return np.where(walked.is_scored & (walked.found.n_known > 0), walked.block, -1)


def clustered_interval(
    values: Floats,
    clusters: Sequence[Integers],
    n_resamples: int = 500,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Interval of a mean whose rows come in clusters: whole ones are resampled; the widest.

    Args:
        values: shape (n,).
        clusters: One or more ways in which rows belong together, each of shape (n,).
        n_resamples: Of each.
        seed: Of the resampling.
        confidence: Two-sided.

    References:
        Davison and Hinkley (1997), Bootstrap Methods and their Application, 3.8.

    >>> found = clustered_interval(np.array([1.0, 1.0, 3.0, 3.0]), [np.array([0, 0, 1, 1])])
    >>> found.lower, found.upper
    (1.0, 3.0)
    """
    tail = 0.5 * (1.0 - confidence)
    ends = []
    for way in clusters:
        _, place = np.unique(way, return_inverse=True)
        sums, counts = np.bincount(place, values), np.bincount(place).astype(float)
        drawn = np.random.default_rng(seed).multinomial(
            len(sums), np.full(len(sums), 1.0 / len(sums)), size=n_resamples
        )
        means = drawn @ sums / (drawn @ counts)
        ends.append(np.quantile(means, [tail, 1.0 - tail]))
    lower = min(float(one[0]) for one in ends)
    return Interval(lower, max(float(one[1]) for one in ends), confidence)
