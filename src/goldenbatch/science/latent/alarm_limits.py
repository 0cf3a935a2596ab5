"""Records of alarm limits: the value, how it was made, and the false-alarm rate that it measured.

A limit without a measured rate is a promise; these records keep both side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class LimitSource(StrEnum):
    """How a limit was made."""

    THEORETICAL = "theoretical"
    CROSS_VALIDATED = "cross-validated"
    HELD_OUT = "held-out"


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How often good rows are called bad, and how sure that is.

    Attributes:
        rate: share of good rows above the limit.
        lower, upper: of the 95 % interval of the rate.
        n_rows: good rows that it was measured on.
        interval: how the interval was made (`exact`, `block bootstrap`).
        measured_on: which rows, in words.
    """

    rate: float
    lower: float
    upper: float
    n_rows: int
    interval: str
    measured_on: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """One limit of one statistic.

    Attributes:
        statistic: its name.
        value: on the scale on which the statistic is compared (see `DynamicFacts.is_log`).
        source: how it was made.
        asked_rate: share of good rows above it that it was made for.
        measured: share of good rows above it that was found; None if nobody measured.
    """

    statistic: str
    value: float
    source: LimitSource
    asked_rate: float
    measured: FalseAlarms | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values.

        >>> AlarmLimit("T2", 9.2, LimitSource.THEORETICAL, 0.01).to_json()["source"]
        'theoretical'
        """
        return asdict(self) | {"source": self.source.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        >>> limit = AlarmLimit("T2", 9.2, LimitSource.THEORETICAL, 0.01)
        >>> AlarmLimit.from_json(limit.to_json()) == limit
        True
        """
        found = data["measured"]
        return cls(
            statistic=str(data["statistic"]),
            value=float(data["value"]),
            source=LimitSource(data["source"]),
            asked_rate=float(data["asked_rate"]),
            measured=None if found is None else FalseAlarms(**found),
        )
