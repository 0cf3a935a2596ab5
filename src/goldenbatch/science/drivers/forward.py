"""Forward in time: what is chosen and fitted on the past is measured on what came later.

No row is ever predicted by a model that saw a result of its own block or of a later one, nor one
that was fitted to a batch of its own lot. Yields drift and lots come in runs: rows split at random
would let a model remember its neighbours, and look good.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sklearn.base import clone

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.drivers.correction import Correction, RidgeCorrection, TreeCorrection
from goldenbatch.science.drivers.rows import Differences, Level, Rows, differences
from goldenbatch.science.errors import DataError, DesignError

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
LEAST_GAIN = 0.01
"""A correction is only taken if it takes this share of the squared error away on the past."""


@dataclass(frozen=True)
class ForwardSettings:
    """What may be chosen from, by the past alone.

    Attributes:
        levels: Levels that a correction may be added to.
        penalties: Of ridge regression.
        has_trees: Whether trees are tried too.
        n_trees: How many.
        least_rows: Rows with a known level that a fit needs.
        least_share: Share of the blocks that the choice itself begins after.
        seed: Of trees, permutations and resampling.
    """

    levels: tuple[Level, ...] = tuple(Level)
    penalties: tuple[float, ...] = PENALTIES
    has_trees: bool = False
    n_trees: int = 200
    least_rows: int = 30
    least_share: float = 0.4
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.levels or min(self.penalties, default=0.0) < 0 or self.least_rows < 4:
            message = "forward settings need a level, penalties of at least 0 and 4 rows or more"
            raise DesignError(message)

    def corrections(self) -> dict[str, Correction]:
        """Corrections by name, not fitted."""
        found: dict[str, Correction] = {
            f"ridge {one:g}": RidgeCorrection(one) for one in self.penalties
        }
        if self.has_trees:
            found["trees"] = TreeCorrection(self.n_trees, seed=self.seed)
        return found


@dataclass(frozen=True)
class Choice:
    """What did best on the past, each tried forward in time.

    Attributes:
        level: What a batch is compared with.
        name: Name of the correction; empty: the level alone, as nothing took error away.
        correction: Not fitted; None with the level alone.
        shrink: Share of the correction that held on the past, 0 to 1.
        rmse: Forward root mean square error of everything that was tried.
    """

    level: Level
    name: str
    correction: Correction | None
    shrink: float
    rmse: Mapping[str, float]


@dataclass(frozen=True)
class Fitted:
    """What predicted a block: fitted and chosen by what was known before it."""

    name: str
    correction: Correction
    shrink: float


@dataclass(frozen=True)
class Walk:
    """Predictions forward in time.

    Attributes:
        is_scored: Rows that were predicted and have a result, shape (n,).
        predicted: shape (n,); NaN where nothing was known yet.
        correction: What was added to the level, shape (n,).
        found: Differences at the level.
        block: Of each row, shape (n,).
        fitted: Block to what predicted it; a block that is not there has the level alone.
    """

    is_scored: Bools
    predicted: Floats
    correction: Floats
    found: Differences
    block: Integers
    fitted: Mapping[int, Fitted] = field(default_factory=dict)


def choose(rows: Rows, settings: ForwardSettings | None = None) -> Choice:
    """Choose level and correction on these rows, each tried forward in time.

    The simplest wins unless a correction takes at least 1 % of the squared error away, and more
    than the standard error of that over lots.

    Args:
        rows: The past; later rows must not be among them.
        settings: What may be chosen from.

    Raises:
        DataError: Too few rows or blocks to try anything on.

    References:
        Breiman et al. (1984), Classification and Regression Trees, 3.4.3 (one standard error).

    >>> import numpy as np
    >>> t = np.arange(120)
    >>> x = np.sin(t * 1.7)
    >>> rows = Rows.of(x[:, None], 90 + 2 * x, ["force"], product=t * 0, lot=t // 2, block=t // 6)
    >>> choose(rows, ForwardSettings(penalties=(0.0, 1.0))).name
    'ridge 0'
    """
    chosen = settings or ForwardSettings()
    is_tried = _later(rows, chosen.least_share) & ~np.isnan(rows.y)
    if int(is_tried.sum()) < 4:
        message = (
            f"{rows.n} batches in {len(np.unique(rows.block))} blocks of time are too few to "
            "choose anything on; wait for more, or make the blocks shorter"
        )
        raise DataError(message)
    rmse: dict[str, float] = {}
    leaders: dict[Level, tuple[str, float]] = {}
    squares: dict[Level, tuple[Floats, Floats]] = {}
    for level in chosen.levels:
        found = differences(rows, level)
        known = is_tried & ~np.isnan(found.y_difference)
        guesses = {
            name: _walk(rows, found, known, correction, chosen.least_rows)[0]
            for name, correction in chosen.corrections().items()
        }
        tried = _tried(found.y_difference, guesses, known)
        rmse |= {
            f"{level} + {name}" if name else str(level): math.sqrt(one.error)
            for name, one in tried.items()
        }
        name = _leader(tried, rows.lot[known])
        leaders[level] = (name, tried[name].shrink)
        squares[level] = (tried[""].squares, tried[name].squares)
    plainest = min(chosen.levels, key=lambda one: rmse[str(one)])
    best = min(leaders, key=lambda one: float(squares[one][1].mean()))
    if not _is_worth_it(squares[plainest][0], squares[best][1], rows.lot[known]):
        return Choice(plainest, "", None, 0.0, rmse)
    name, shrink = leaders[best]
    return Choice(best, name, chosen.corrections().get(name), shrink, rmse)


def walk_forward(
    rows: Rows, is_scored: Bools, level: Level, settings: ForwardSettings | None = None
) -> Walk:
    """Predict block after block, each by what was known before it.

    Before each block every correction is fitted to what was known, and the one that would have
    done best until then predicts it: the choice learns with time, and never from the block.

    Args:
        rows: All batches.
        is_scored: Which to predict, shape (n,).
        level: Chosen on rows that are not among those.
        settings: What may be chosen from.

    >>> rows = Rows.of([[0.0]] * 4, [1.0, 3.0, 2.0, 4.0], ["a"], product=[1] * 4, lot=range(4),
    ...                block=range(4))
    >>> walk_forward(rows, np.array([False, False, True, True]), Level.LAST).predicted.tolist()
    [nan, 1.0, 3.0, 2.0]
    """
    chosen = settings or ForwardSettings()
    found = differences(rows, level)
    known = ~np.isnan(found.y_difference)
    is_tried = _later(rows, chosen.least_share) & known | is_scored
    walks = {
        name: _walk(rows, found, is_tried, correction, chosen.least_rows)
        for name, correction in chosen.corrections().items()
    }
    added = np.zeros(rows.n)
    fitted: dict[int, Fitted] = {}
    for block in np.unique(rows.block[is_scored]):
        past = is_tried & known & (rows.block < block)
        if int(past.sum()) < 4:
            continue
        guesses = {name: one[0] for name, one in walks.items()}
        tried = _tried(found.y_difference, guesses, past)
        name = _leader(tried, rows.lot[past])
        shrink = tried[name].shrink
        if not name or int(block) not in walks[name][1]:
            continue
        now = is_scored & (rows.block == block)
        added[now] = shrink * walks[name][0][now]
        fitted[int(block)] = Fitted(name, walks[name][1][int(block)], shrink)
    return Walk(is_scored & known, found.level + added, added, found, rows.block, fitted)


@dataclass(frozen=True)
class _Tried:
    """Squared errors of a guess as far as it held, and how far."""

    squares: Floats
    shrink: float

    @property
    def error(self) -> float:
        return float(self.squares.mean())


def _tried(truth: Floats, guesses: Mapping[str, Floats], known: Bools) -> dict[str, _Tried]:
    """Each guess on the known rows; "" is no guess at all."""
    found = {"": _Tried(truth[known] ** 2, 0.0)}
    for name, guess in guesses.items():
        shrink = _slope(truth[known], guess[known])
        found[name] = _Tried((truth[known] - shrink * guess[known]) ** 2, shrink)
    return found


def _leader(tried: Mapping[str, _Tried], lots: Integers) -> str:
    """The guess with the smallest error, if it takes enough away to be worth it; else ""."""
    best = min(tried, key=lambda one: tried[one].error)
    return best if _is_worth_it(tried[""].squares, tried[best].squares, lots) else ""


def _is_worth_it(plain: Floats, better: Floats, lots: Integers) -> bool:
    """Whether squared errors fall by 1 % and by one standard error of that over lots."""
    gain = plain - better
    by_lot = np.bincount(np.unique(lots, return_inverse=True)[1], gain - gain.mean())
    error = math.sqrt(float(by_lot @ by_lot)) / len(gain)
    return bool(gain.mean() > max(LEAST_GAIN * plain.mean(), error))


def weights_of(found: Differences) -> Floats:
    """Weight of each difference: the mean of few batches is itself uncertain, shape (n,)."""
    return np.asarray(found.n_known / (found.n_known + 1.0))


def _walk(
    rows: Rows, found: Differences, is_scored: Bools, correction: Correction, least_rows: int
) -> tuple[Floats, dict[int, Correction]]:
    guess = np.zeros(rows.n)
    fitted: dict[int, Correction] = {}
    usable = ~np.isnan(found.y_difference) & (found.n_known > 0)
    weights = weights_of(found)
    for block in np.unique(rows.block[is_scored]):
        now = is_scored & (rows.block == block)
        past = usable & (rows.block < block) & ~np.isin(rows.lot, rows.lot[now])
        if int(past.sum()) < least_rows:
            continue
        own = clone(correction).fit(
            found.X_difference[past], found.y_difference[past], sample_weight=weights[past]
        )
        fitted[int(block)] = own
        told = now & (found.n_known > 0)
        guess[told] = own.predict(found.X_difference[told])
    return guess, fitted


def _later(rows: Rows, share: float) -> Bools:
    """Rows of the blocks after the first share of the rows."""
    return np.asarray(rows.block > np.quantile(rows.block, share, method="lower"))


def _slope(truth: Floats, guess: Floats) -> float:
    """How much of a guess held, between nothing and all."""
    squares = float(guess @ guess)
    return min(1.0, max(0.0, float(truth @ guess) / squares)) if squares > 0 else 0.0
