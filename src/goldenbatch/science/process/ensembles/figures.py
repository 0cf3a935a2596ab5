"""Figures of a run (final titre, highest temperature, time above a limit) and limits on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.model import to_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Value

Kind = Literal[
    "final", "maximum", "minimum", "mean", "integral", "at", "time_of_maximum", "time_above",
    "time_below", "first_above", "first_below", "end_time",
]  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One number of a run, from one of its columns, on straight lines between its rows.

    Attributes:
        kind: Which.
        column: State, algebraic variable, input or output.
        limit: For the times above, below and first above or below, in the column's unit.
        time: For `at`, in the model's time unit.
    """

    kind: Kind
    column: str = ""
    limit: float = 0.0
    time: float = 0.0

    @property
    def name(self) -> str:
        """For tables: `final titre`, `time_above T 300`."""
        more = {"at": f" {self.time:g}"}.get(self.kind, "")
        if self.kind in ("time_above", "time_below", "first_above", "first_below"):
            more = f" {self.limit:g}"
        return f"{self.kind} {self.column}{more}".strip()

    @classmethod
    def final(cls, column: str) -> Figure:
        """The last value."""
        return cls("final", column)

    @classmethod
    def maximum(cls, column: str) -> Figure:
        """The largest value of the rows."""
        return cls("maximum", column)

    @classmethod
    def minimum(cls, column: str) -> Figure:
        """The smallest value of the rows."""
        return cls("minimum", column)

    @classmethod
    def at(cls, column: str, time: float) -> Figure:
        """The value at a time; not a number where the run ended before."""
        return cls("at", column, time=time)

    @classmethod
    def time_above(cls, column: str, limit: float) -> Figure:
        """How long the column was above a limit."""
        return cls("time_above", column, limit)

    @classmethod
    def end_time(cls) -> Figure:
        """When the run ended."""
        return cls("end_time")

    def unit(self, model: Model) -> str:
        """UCUM code of its values."""
        if self.kind in ("final", "maximum", "minimum", "mean", "at"):
            return unit_of(model, self.column)
        if self.kind == "integral":
            return f"({unit_of(model, self.column)}).{model.time_unit}"
        return model.time_unit

    def of(self, time: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its value for runs with the same times.

        Args:
            time: Shape `(n,)`.
            rows: The column of each run. Shape `(m, n)`.

        Returns:
            Shape `(m,)`; `first_above` of a run that never is above is not a number.

        >>> t, y = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 2.0, 2.0]])
        >>> float(Figure.time_above("y", 1.0).of(t, y)[0])
        1.5
        """
        made: NDArray[np.float64] = _KINDS[self.kind](self, time, rows)
        return made


def unit_of(model: Model, column: str) -> str:
    """UCUM code of a column of a run.

    Raises:
        DataError: There is none of that name.
    """
    units = {one.name: one.unit for one in model.outputs}
    for kind in ("inputs", "algebraics", "states"):
        units |= {e: one.unit for one in getattr(model, kind) for e in one.elements}
    if column not in units:
        raise DataError(
            f"runs of {model.name} have no column {column!r}.",
            hint=f"They have: {', '.join(units)}.",
        )
    return units[column]


_Rows = Callable[[Figure, "NDArray[np.float64]", "NDArray[np.float64]"], "NDArray[np.float64]"]


def _integral(_: Figure, t: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.trapezoid(y, t, axis=1))


def _mean(f: Figure, t: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    if t.size == 1:
        return y[:, 0]
    mean: NDArray[np.float64] = _integral(f, t, y) / (t[-1] - t[0])
    return mean


def _at(f: Figure, t: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([np.interp(f.time, t, row, left=np.nan, right=np.nan) for row in y])


def _above(t: NDArray[np.float64], y: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    one, other = y[:, :-1] - limit, y[:, 1:] - limit
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = np.abs(one) / (np.abs(one) + np.abs(other))
    share = np.where(one > 0.0, np.where(other > 0.0, 1.0, crossing), 0.0)
    share = np.where((one <= 0.0) & (other > 0.0), 1.0 - crossing, share)
    total: NDArray[np.float64] = (share * np.diff(t)).sum(axis=1)
    return total


def _first(t: NDArray[np.float64], y: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    above = y > limit
    k = above.argmax(axis=1)
    before = np.maximum(k - 1, 0)
    rows = np.arange(len(y))
    rise = y[rows, k] - y[rows, before]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(k > 0, (limit - y[rows, before]) / rise, 0.0)
    return np.where(above.any(axis=1), t[before] + part * (t[k] - t[before]), np.nan)


_KINDS: Mapping[str, _Rows] = {
    "final": lambda f, t, y: y[:, -1],
    "maximum": lambda f, t, y: y.max(axis=1),
    "minimum": lambda f, t, y: y.min(axis=1),
    "mean": _mean,
    "integral": _integral,
    "at": _at,
    "time_of_maximum": lambda f, t, y: t[y.argmax(axis=1)],
    "time_above": lambda f, t, y: _above(t, y, f.limit),
    "time_below": lambda f, t, y: _above(t, -y, -f.limit),
    "first_above": lambda f, t, y: _first(t, y, f.limit),
    "first_below": lambda f, t, y: _first(t, -y, -f.limit),
    "end_time": lambda f, t, y: np.full(len(y), t[-1]),
}


@dataclass(frozen=True)
class Criterion:
    """A named limit on a figure; what is not a number does not meet it.

    Attributes:
        figure: Of the run.
        lower: Lower limit in the figure's unit, or as text with a unit.
        upper: Upper limit likewise.
        name: For tables; empty: the figure's.
    """

    figure: Figure
    lower: Value = -inf
    upper: Value = inf
    name: str = ""

    @property
    def label(self) -> str:
        """Its name for tables."""
        return self.name or self.figure.name

    def limits(self, model: Model) -> tuple[float, float]:
        """Both limits in the figure's unit.

        Raises:
            DesignError: There is no limit, or they leave no room.
            DataError: A text does not convert.
        """
        unit = self.figure.unit(model)
        low, high = (
            to_unit(one, unit, f"limit of {self.label}") if isinstance(one, str) else float(one)
            for one in (self.lower, self.upper)
        )
        if not low < high or (low == -inf and high == inf):
            raise DesignError(
                f"criterion {self.label!r} has limits {low} to {high}.",
                hint="Give at least one, the lower below the upper.",
            )
        return low, high


def margins(values: NDArray[np.float64], lower: float, upper: float) -> NDArray[np.float64]:
    """Distance of values to the nearer limit, positive inside, nan where there is no value.

    >>> margins(np.array([1.0, 3.5]), 0.5, 3.0)
    array([ 0.5, -0.5])
    """
    distance: NDArray[np.float64] = np.minimum(values - lower, upper - values)
    return distance
