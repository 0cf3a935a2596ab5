"""Candidate causes, ranked; a cause is named only where every honest check agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldenbatch.science.drivers.forward import Walk
from goldenbatch.science.drivers.grouping import Group, constant_columns, group_columns
from goldenbatch.science.drivers.importance import Importance, grouped_importance
from goldenbatch.science.drivers.rows import Rows
from goldenbatch.science.drivers.signs import Signs, signs_of
from goldenbatch.science.drivers.stability import Stability, lot_stability
from goldenbatch.science.errors import DesignError


@dataclass(frozen=True)
class CauseSettings:
    """When a candidate may be named.

    Attributes:
        correlation: Absolute rank correlation from which on columns are judged as one.
        n_top: A candidate must be among so many (0: see `lot_stability`) ...
        stable_share: ... in this share of the halves of the lots, with the same sign.
        least_units: Different states that a candidate must have had, beyond one a product.
        time_limit: Rank correlation with time from which on it cannot be told from time.
        n_pairs: Pairs of halves of the lots.
        n_repeats: Exchanges of each group of columns.
        penalty: Of the ridge regression that ranks the halves of the lots.
    """

    correlation: float = 0.7
    n_top: int = 0
    stable_share: float = 0.8
    least_units: int = 8
    time_limit: float = 0.7
    n_pairs: int = 25
    n_repeats: int = 20
    penalty: float = 0.3

    def __post_init__(self) -> None:
        shares = (self.correlation, self.stable_share, self.time_limit)
        if not all(0.5 < one <= 1.0 for one in shares) or self.n_top < 0 or self.n_pairs < 1:
            message = "correlation, stable_share and time_limit lie above 0.5 and up to 1"
            raise DesignError(message)


@dataclass(frozen=True)
class Cause:
    """A candidate cause: what moves together with y, forward in time, within products.

    It is an association. Only a trial in which it is set on purpose shows that it is a cause.

    Attributes:
        group: Its columns.
        lead: Name of the column that adds most.
        importance: Forward in time.
        signs: Of the lead.
        stability: Share of the halves of the lots in which it was found again.
        why_not: Why it is not named; empty: it is.
    """

    group: Group
    lead: str
    importance: Importance
    signs: Signs
    stability: float
    why_not: tuple[str, ...]

    @property
    def is_named(self) -> bool:
        """Whether every check agrees."""
        return not self.why_not


@dataclass(frozen=True)
class Causes:
    """All candidates, the most important first.

    Attributes:
        ranked: The candidates.
        inseparable: Columns that differ within no product, so that nothing tells them from it.
        false_bound: Expected number of named ones without effect by stability alone, at most.
    """

    ranked: tuple[Cause, ...]
    inseparable: tuple[str, ...]
    false_bound: float

    @property
    def named(self) -> tuple[Cause, ...]:
        """Those for which every check agrees."""
        return tuple(one for one in self.ranked if one.is_named)


def rank_causes(
    rows: Rows,
    walked: Walk,
    settings: CauseSettings | None = None,
    *,
    is_better: bool,
    seed: int = 0,
) -> Causes:
    """Rank what moves with y, and say of each whether it may be named, and why not.

    Args:
        rows: All batches.
        walked: Forward predictions of the later ones.
        settings: When a candidate may be named.
        is_better: Whether the predictions beat the best baseline beyond their interval; where
            they do not, nothing is named.
        seed: Of exchanges and halves.

    Raises:
        DataError: Too few rows were scored, or too few lots.

    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> X = generator.normal(size=(120, 3))
    >>> y = generator.normal(size=120) + 2 * X[:, 1]
    >>> rows = Rows.of(X, y, list("abc"), product=np.zeros(120),
    ...                lot=np.arange(120) // 3, block=np.arange(120) // 6)
    >>> from goldenbatch.science.drivers import Level, walk_forward
    >>> walked = walk_forward(rows, rows.block > 9, Level.MEAN)
    >>> [one.lead for one in rank_causes(rows, walked, is_better=True).named]
    ['b']
    >>> [one.lead for one in rank_causes(rows, walked, is_better=False).named]
    []
    """
    chosen = settings or CauseSettings()
    groups = group_columns(rows, chosen.correlation)
    inseparable = tuple(rows.columns[k] for k in constant_columns(rows))
    if not groups:
        return Causes((), inseparable, 0.0)
    importance = grouped_importance(rows, walked, groups, n_repeats=chosen.n_repeats, seed=seed)
    stability = lot_stability(
        rows, walked.found, groups, penalty=chosen.penalty, seed=seed,
        n_top=chosen.n_top, wanted=chosen.stable_share, n_pairs=chosen.n_pairs,
    )  # fmt: skip
    found = [
        _cause(rows, chosen, group, one, (stability, k), is_better)
        for k, (group, one) in enumerate(zip(groups, importance, strict=True))
    ]
    ranked = sorted(found, key=lambda one: (-one.importance.share, -one.stability))
    return Causes(tuple(ranked), inseparable, stability.false_bound)


def _cause(
    rows: Rows,
    settings: CauseSettings,
    group: Group,
    importance: Importance,
    place: tuple[Stability, int],
    is_better: bool,
) -> Cause:
    stability, k = place
    lead = stability.leads[k]
    signs = signs_of(rows, lead)
    share = float(stability.share[k])
    why: list[str] = [] if is_better else ["nothing beats the baseline forward in time"]
    why += _of_evidence(settings, importance, signs, share, float(stability.sign[k]))
    why += _of_separation(settings, group)
    return Cause(group, rows.columns[lead], importance, signs, share, tuple(why))


def _of_evidence(
    settings: CauseSettings, importance: Importance, signs: Signs, share: float, sign: float
) -> Sequence[str]:
    why = []
    if not importance.interval.lower > 0:
        why.append("predictions do not clearly get worse without it")
    if share < settings.stable_share:
        why.append(f"found again in {share:.0%} of the halves of the lots only")
    if signs.n_opposite:
        why.append(f"clearly works the other way in {signs.n_opposite} products")
    elif not signs.is_one_way:
        why.append("not the same sign in most products, early and late")
    elif signs.within * sign < 0:
        why.append("its sign depends on the other columns of the model")
    return why


def _of_separation(settings: CauseSettings, group: Group) -> Sequence[str]:
    why = []
    if group.with_time >= settings.time_limit:
        why.append(f"cannot be told from time (rank correlation {group.with_time:.2f})")
    if group.n_units < settings.least_units:
        why.append(f"had {group.n_units} other states only: too few to tell it from anything else")
    return why
