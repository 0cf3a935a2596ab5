"""Sums over the laboratory's results: how good the sensor is, beside the naive baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from goldenbatch.core.findings import Measure


@dataclass(frozen=True)
class Laboratory:
    """Running sums of squared errors against the laboratory.

    Attributes:
        n: Results compared.
        n_domain: Those whose spectrum lay in the domain.
        n_covered: Those of them inside the prediction interval.
        sum_sensor: Squared errors of the sensor.
        n_last: Results that had one before them.
        sum_last: Squared errors of carrying the last result forward.
        last: The newest result.
    """

    n: int = 0
    n_domain: int = 0
    n_covered: int = 0
    sum_sensor: float = 0.0
    n_last: int = 0
    sum_last: float = 0.0
    last: float | None = None

    def after(
        self, truth: float, predicted: float, interval: tuple[float, float], in_domain: bool
    ) -> Laboratory:
        """The sums after one more result."""
        has_last = self.last is not None
        step = truth - (self.last if self.last is not None else truth)
        is_covered = in_domain and interval[0] <= truth <= interval[1]
        return Laboratory(
            n=self.n + 1,
            n_domain=self.n_domain + in_domain,
            n_covered=self.n_covered + is_covered,
            sum_sensor=self.sum_sensor + (truth - predicted) ** 2,
            n_last=self.n_last + has_last,
            sum_last=self.sum_last + step**2,
            last=truth,
        )

    @property
    def rmse(self) -> float:
        """Root mean squared error of the sensor; NaN before the first result."""
        return math.sqrt(self.sum_sensor / self.n) if self.n else math.nan

    @property
    def rmse_last(self) -> float:
        """The same of carrying the last result forward; NaN before the second."""
        return math.sqrt(self.sum_last / self.n_last) if self.n_last else math.nan

    def words(self, unit: str) -> str:
        """The sums as a sentence."""
        naive = f", carrying the last result forward {self.rmse_last:.3g}" if self.n_last else ""
        return (
            f"Over {self.n} results its error (RMSE) is {self.rmse:.3g} {unit}{naive}; "
            f"{self.n_domain} of them were in its domain."
        )

    def measures(self, unit: str) -> tuple[Measure, ...]:
        """The sums as measures of a finding."""
        found = [Measure(name="RMSE against the laboratory", value=self.rmse, unit=unit)]
        if self.n_last:
            found.append(Measure(name="RMSE of the last result", value=self.rmse_last, unit=unit))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**plain)
