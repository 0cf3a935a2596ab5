"""How the statistics of a model of rows in time order are averaged, and their limits made."""

from __future__ import annotations

import math
from dataclasses import dataclass

from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent.alarm_limits import LimitSource


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """How statistics are averaged, and how their limits are made.

    Attributes:
        rate: share of good rows that may be above the limit of each statistic.
        smoothing: weight of the newest row in the average of a statistic; 1: no average.
        is_log: averages and limits of the logarithm, which is nearer to normal.
        source: of the limits in force.
        n_folds: blocks of time that are left out of the fit in turn.
        gap_rows: rows on either side of such a block that are left out too; None: as many as the
            lags and the averages remember.
        max_missing_fraction: rows with a larger share of missing tags are not used.
        seed: of the bootstrap of false-alarm rates.

    >>> AlarmSettings(smoothing=0.1).gap(lags=2)
    22
    """

    rate: float = 0.01
    smoothing: float = 1.0
    is_log: bool = False
    source: LimitSource = LimitSource.CROSS_VALIDATED
    n_folds: int = 10
    gap_rows: int | None = None
    max_missing_fraction: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DesignError: a number makes no sense.
        """
        is_share = 0.0 < self.rate < 1.0 and 0.0 < self.smoothing <= 1.0
        if not is_share or self.n_folds < 3 or not 0.0 <= self.max_missing_fraction <= 1.0:
            message = (
                f"rate {self.rate:g}, smoothing {self.smoothing:g}, {self.n_folds} folds, "
                f"missing {self.max_missing_fraction:g} make no sense; shares are between 0 "
                "and 1, and there are at least 3 folds"
            )
            raise DesignError(message)

    def gap(self, lags: int) -> int:
        """Rows left out on either side of a fold."""
        if self.gap_rows is not None:
            return self.gap_rows
        return lags + (0 if self.smoothing == 1.0 else math.ceil(2.0 / self.smoothing))
