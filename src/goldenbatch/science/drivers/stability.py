"""How often a cause is found again when other lots happen to be made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Bools, Floats
from goldenbatch.science.drivers.correction import RidgeCorrection
from goldenbatch.science.drivers.forward import weights_of
from goldenbatch.science.drivers.grouping import Group
from goldenbatch.science.drivers.rows import Differences, Rows
from goldenbatch.science.errors import DataError, DesignError


@dataclass(frozen=True)
class Stability:
    """How stable groups of columns are over halves of the lots.

    Attributes:
        share: Of the halves in which the group is among the top ones with its usual sign,
            shape (n_groups,).
        sign: Usual sign of the group's leading column, shape (n_groups,).
        leads: Leading column of each group.
        n_halves: Halves that were fitted.
        n_top: A group counted in a half if it was among so many.
        false_bound: Expected number of groups without effect among those whose share is at least
            the wanted one; an upper bound if such groups are exchangeable.
    """

    share: Floats
    sign: Floats
    leads: tuple[int, ...]
    n_halves: int
    n_top: int
    false_bound: float


def lot_stability(
    rows: Rows,
    found: Differences,
    groups: Sequence[Group],
    *,
    penalty: float = 0.3,
    n_top: int = 0,
    wanted: float = 0.8,
    n_pairs: int = 25,
    seed: int = 0,
) -> Stability:
    """Rank groups of columns again and again on halves of the lots, in complementary pairs.

    Args:
        rows: The batches.
        found: Of `differences`.
        groups: Of `group_columns`.
        penalty: Of the ridge regression that ranks.
        n_top: A group counts in a half if it is among so many; 0: as many as keep the bound
            at one group, but three of six or more groups, and half of fewer.
        wanted: Share from which on a group is called stable, above one half; for the bound.
        n_pairs: Of halves.
        seed: Of the halves.

    Raises:
        DataError: Fewer than 8 lots have a known level.
        DesignError: The wanted share is one half or less.

    References:
        Meinshausen and Buehlmann (2010), J. R. Stat. Soc. B 72:417,
        doi:10.1111/j.1467-9868.2010.00740.x (the bound, theorem 1).
        Shah and Samworth (2013), J. R. Stat. Soc. B 75:55, doi:10.1111/j.1467-9868.2011.01034.x
        (complementary pairs).

    >>> generator = np.random.default_rng(0)
    >>> X = generator.normal(size=(60, 3))
    >>> rows = Rows.of(X, 3 * X[:, 1], ["a", "b", "c"], product=np.zeros(60),
    ...                lot=np.arange(60) // 3, block=np.arange(60) // 6)
    >>> from goldenbatch.science.drivers import Level, differences, group_columns
    >>> found = differences(rows, Level.MEAN)
    >>> lot_stability(rows, found, group_columns(rows), n_pairs=3, n_top=1).share.tolist()
    [0.0, 1.0, 0.0]
    """
    usable = ~np.isnan(found.y_difference) & (found.n_known > 0)
    lots = np.unique(rows.lot[usable])
    if not 0.5 < wanted <= 1.0:
        message = f"a share of {wanted} of the halves is no stability; want more than one half"
        raise DesignError(message)
    if len(lots) < 8:
        message = f"{len(lots)} lots with a known level are too few to be halved; 8 are needed"
        raise DataError(message)
    generator = np.random.default_rng(seed)
    scores, signs = [], []
    leads = _leads(rows, found, groups, penalty)
    for _ in range(n_pairs):
        order = generator.permutation(lots)
        for half in (order[: len(order) // 2], order[len(order) // 2 :]):
            one = usable & np.isin(rows.lot, half)
            score, sign = _ranked(found, groups, leads, one, penalty)
            scores.append(score)
            signs.append(sign)
    strength, sign = np.array(scores), np.array(signs)
    usual = np.where(sign.mean(axis=0) >= 0, 1.0, -1.0)
    room = (2.0 * wanted - 1.0) * len(groups)
    top = min(n_top or max(math.isqrt(int(room)), min(3, (len(groups) + 1) // 2)), len(groups))
    limit = -np.sort(-strength, axis=1)[:, top - 1 : top]
    is_top = (strength >= limit) & (strength > 0)
    share = (is_top & (sign == usual)).mean(axis=0)
    return Stability(share, usual, leads, len(scores), top, top**2 / room)


def _fitted(found: Differences, chosen: Bools, penalty: float) -> RidgeCorrection:
    weights = weights_of(found)
    return RidgeCorrection(penalty).fit(
        found.X_difference[chosen], found.y_difference[chosen], sample_weight=weights[chosen]
    )


def _leads(
    rows: Rows, found: Differences, groups: Sequence[Group], penalty: float
) -> tuple[int, ...]:
    """The column of each group that adds most over all lots."""
    usable = ~np.isnan(found.y_difference) & (found.n_known > 0)
    model = _fitted(found, usable, penalty)
    size = np.abs(model.contributions(found.X_difference[usable])).mean(axis=0)
    return tuple(max(group.columns, key=lambda k: float(size[k])) for group in groups)


def _ranked(
    found: Differences,
    groups: Sequence[Group],
    leads: Sequence[int],
    chosen: Bools,
    penalty: float,
) -> tuple[Floats, Floats]:
    """Spread of what each group adds, and the sign of its leading column."""
    model = _fitted(found, chosen, penalty)
    parts = model.contributions(found.X_difference[chosen])
    strength = [float(parts[:, list(group.columns)].sum(axis=1).std()) for group in groups]
    return np.array(strength), np.sign(model.scaled_coef_[list(leads)])
