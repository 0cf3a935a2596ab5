"""A comparison that may be looked at every day: its errors hold at all times together.

A fixed-size test that is repeated until it is significant finds a difference sooner or later.
Here the chance that the interval *ever* misses the mean, or that a test *ever* says better of
a model that is not, is at most 1 - confidence, whenever one looks and stops.

References:
    Howard, Ramdas, McAuliffe and Sekhon (2021), Ann. Stat. 49:1055, doi:10.1214/20-AOS1991
    (time-uniform confidence sequences).
    Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86:1, doi:10.1093/jrsssb/qkad009
    (theorem 2: predictable plug-in empirical Bernstein; section 4: betting).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from goldenbatch.science.errors import DataError, DesignError

_LARGEST_BET = 0.5


@dataclass(frozen=True, slots=True)
class SequentialSettings:
    """What is compared, fixed before the first difference is seen.

    Attributes:
        lower, upper: bounds of a difference (new minus old loss); no difference lies beyond.
            Absolute errors of two models differ by no more than their predictions do.
        margin: the new model is not worse if the mean lies below it; 0 asks for better.
        confidence: of the interval, and of each of the two tests.
    """

    lower: float
    upper: float
    margin: float = 0.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Refuse settings that can show nothing."""
        if not (math.isfinite(self.lower) and math.isfinite(self.upper)):
            raise DesignError("differences need finite bounds: clip the predictions beforehand")
        if not self.lower < self.margin < self.upper:
            raise DesignError(f"margin {self.margin} is not within {self.lower} to {self.upper}")
        if not 0.5 <= self.confidence < 1:
            raise DesignError(f"confidence {self.confidence} shows nothing")

    @property
    def level(self) -> float:
        """Chance of an error that is allowed."""
        return 1.0 - self.confidence


@dataclass(frozen=True, slots=True)
class SequentialState:
    """All that has to be remembered; plain numbers, the same on every replay.

    Attributes:
        n: differences seen.
        total: their sum, scaled to 0..1.
        spread: sum of their squared distances from the mean as it stood then, scaled.
        weight, weighted, penalty: sums that the interval is made of.
        best_lower, best_upper: of all intervals so far, scaled: they only shrink.
        log_better, log_worse: logarithms of what a bettor against "not below the margin", or
            "not above it", has made of 1.
        top_better, top_worse: the most that they had.
    """

    settings: SequentialSettings
    n: int = 0
    total: float = 0.0
    spread: float = 0.0
    weight: float = 0.0
    weighted: float = 0.0
    penalty: float = 0.0
    best_lower: float = 0.0
    best_upper: float = 1.0
    log_better: float = 0.0
    log_worse: float = 0.0
    top_better: float = 0.0
    top_worse: float = 0.0

    @property
    def mean(self) -> float:
        """Mean difference so far; NaN before the first."""
        return self._unscaled(self.total / self.n) if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Two-sided interval of the mean that holds at all times together."""
        return self._unscaled(self.best_lower), self._unscaled(self.best_upper)

    @property
    def p_better(self) -> float:
        """Anytime-valid p value of "the mean is not below the margin"."""
        return math.exp(-self.top_better)

    @property
    def p_worse(self) -> float:
        """Anytime-valid p value of "the mean is not above the margin"."""
        return math.exp(-self.top_worse)

    @property
    def is_better(self) -> bool:
        """Whether the mean was shown to lie below the margin."""
        return self.p_better <= self.settings.level

    @property
    def is_worse(self) -> bool:
        """Whether the mean was shown to lie above the margin."""
        return self.p_worse <= self.settings.level

    def _unscaled(self, value: float) -> float:
        return self.settings.lower + value * (self.settings.upper - self.settings.lower)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        values = {**plain, "settings": SequentialSettings(**plain["settings"])}
        return cls(**values)


def begin(settings: SequentialSettings) -> SequentialState:
    """Begin a comparison: nothing seen, nothing shown.

    >>> begin(SequentialSettings(-1.0, 1.0)).interval
    (-1.0, 1.0)
    """
    return SequentialState(settings)


def observe(state: SequentialState, difference: float) -> SequentialState:
    """Take one more difference of losses, new minus old.

    One per independent unit: the mean over a batch, not each row of it.

    Raises:
        DataError: the difference is missing, or beyond the bounds that were fixed.

    >>> state = begin(SequentialSettings(-1.0, 1.0))
    >>> for _ in range(60):
    ...     state = observe(state, -0.5)
    >>> state.is_better, state.is_worse, state.interval[1] < 0
    (True, False, True)
    """
    fixed = state.settings
    if not fixed.lower <= difference <= fixed.upper:  # NaN is not within either
        raise DataError(
            f"difference {difference} is not within {fixed.lower} to {fixed.upper}, the bounds "
            "fixed beforehand; begin a new comparison with wider bounds"
        )
    x = (difference - fixed.lower) / (fixed.upper - fixed.lower)
    # All that is bet on this difference was known before it.
    mean = (0.5 + state.total) / (state.n + 1)
    variance = (0.25 + state.spread) / (state.n + 1)
    state = _interval(state, x, mean, variance)
    state = _bets(state, x, mean, variance)
    total = state.total + x
    now = (0.5 + total) / (state.n + 2)
    return replace(state, n=state.n + 1, total=total, spread=state.spread + (x - now) ** 2)


def _interval(state: SequentialState, x: float, mean: float, variance: float) -> SequentialState:
    """Empirical Bernstein with a predictable plug-in (theorem 2 of Waudby-Smith and Ramdas)."""
    t, log_level = state.n + 1, math.log(2.0 / state.settings.level)
    bet = min(math.sqrt(2.0 * log_level / (variance * t * math.log1p(t))), _LARGEST_BET)
    weight, weighted = state.weight + bet, state.weighted + bet * x
    penalty = state.penalty + 4.0 * (x - mean) ** 2 * (-math.log1p(-bet) - bet) / 4.0
    centre, half = weighted / weight, (log_level + penalty) / weight
    return replace(
        state,
        weight=weight,
        weighted=weighted,
        penalty=penalty,
        best_lower=max(state.best_lower, centre - half),
        best_upper=min(state.best_upper, centre + half),
    )


def _bets(state: SequentialState, x: float, mean: float, variance: float) -> SequentialState:
    """Bet against the mean being at or above, and at or below, the margin."""
    fixed = state.settings
    m = (fixed.margin - fixed.lower) / (fixed.upper - fixed.lower)
    wanted = (m - mean) / (variance + (m - mean) ** 2)
    below = min(max(wanted, 0.0), _LARGEST_BET / (1.0 - m))
    above = min(max(-wanted, 0.0), _LARGEST_BET / m)
    better = state.log_better + math.log1p(-below * (x - m))
    worse = state.log_worse + math.log1p(above * (x - m))
    return replace(
        state,
        log_better=better,
        log_worse=worse,
        top_better=max(state.top_better, better),
        top_worse=max(state.top_worse, worse),
    )
