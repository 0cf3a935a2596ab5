"""What a dynamic plan carries from row to row, and what it says about rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from goldenbatch.science._arrays import Bools, Floats, Integers
from goldenbatch.science.errors import PlanError


@dataclass(frozen=True, slots=True, eq=False)
class DynamicState:
    """Where a stream stands; to be kept between rows, and over a restart.

    Attributes:
        plan: digest of the plan that it belongs to.
        window: the newest rows, standardised and filled, oldest first, shape (k, p) with
            k <= lags + 1; a row with too little in it empties the window.
        averages: the statistics as compared with their limits, shape (n_statistics,).
        n_rows: rows seen.
        n_scored: rows scored.
    """

    plan: str
    window: Floats
    averages: Floats
    n_rows: int = 0
    n_scored: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; floats keep every bit through JSON."""
        return {
            "plan": self.plan,
            "window": self.window.tolist(),
            "averages": self.averages.tolist(),
            "n_rows": self.n_rows,
            "n_scored": self.n_scored,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            PlanError: a part is missing or of another form.

        >>> state = DynamicState("ab", np.array([[0.1, 0.2]]), np.array([1.5]), 1, 1)
        >>> DynamicState.from_json(state.to_json()).to_json() == state.to_json()
        True
        """
        try:
            averages = np.array(data["averages"], dtype=np.float64)
            rows = [list(map(float, row)) for row in data["window"]]
            window = np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else 0)
            n_rows, n_scored = int(data["n_rows"]), int(data["n_scored"])
            state = cls(str(data["plan"]), window, averages, n_rows, n_scored)
        except (KeyError, TypeError, ValueError) as error:
            message = f"the state of a dynamic plan has a wrong part: {error}; start it again"
            raise PlanError(message) from error
        if averages.ndim != 1 or not (np.isfinite(averages).all() and np.isfinite(window).all()):
            message = "the state of a dynamic plan has numbers that are not finite; start it again"
            raise PlanError(message)
        return state


@dataclass(frozen=True, slots=True, eq=False)
class DynamicScores:
    """Scores of n rows; K statistics. What is not scored is NaN, and no alarm.

    Attributes:
        values: what is compared with the limits (averaged, logarithms if so set), (n, K).
        raw: the statistics of each row alone, shape (n, K); never negative.
        is_over: above the limit in force, shape (n, K).
        is_alarm: any statistic is, shape (n,).
        severity: the largest statistic in units of its limit; above 1 is an alarm, shape (n,).
        is_scored: the row and the rows of its lags had enough in them, shape (n,).
        n_missing: tags without a value, shape (n,).
    """

    values: Floats
    raw: Floats
    is_over: Bools
    is_alarm: Bools
    severity: Floats
    is_scored: Bools
    n_missing: Integers


@dataclass(frozen=True, slots=True)
class DynamicPoint:
    """The same for one row (see `DynamicScores`).

    Attributes:
        statistics: names.
        over: names of the statistics above their limits.
    """

    statistics: tuple[str, ...]
    values: tuple[float, ...]
    raw: tuple[float, ...]
    over: tuple[str, ...]
    is_alarm: bool
    severity: float
    is_scored: bool
    n_missing: int


@dataclass(frozen=True, slots=True, eq=False)
class DynamicContributions:
    """What made a statistic large at one row.

    Attributes:
        statistic: its name.
        method: decomposed (parts sum to the statistic; may be negative) or reconstruction (how
            much of the statistic goes if the tag is put right; never negative).
        columns: tags.
        by_lag: shape (lags + 1, p); the newest row first.
        by_tag: over all lags, shape (p,).
    """

    statistic: str
    method: str
    columns: tuple[str, ...]
    by_lag: Floats
    by_tag: Floats

    def top(self, n: int = 5) -> tuple[tuple[str, float], ...]:
        """Return the n tags that contribute most, and how much.

        >>> parts = np.array([[1.0, 3.0]])
        >>> DynamicContributions("T2", "decomposed", ("a", "b"), parts, parts[0]).top(1)
        (('b', 3.0),)
        """
        order = np.argsort(-self.by_tag, kind="stable")[:n]
        return tuple((self.columns[i], float(self.by_tag[i])) for i in order)
