"""Aggregates of readings over windows, as OPC UA Part 13 (OPC 10000-13 v1.05) names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AggregateKind = Literal[
    "Interpolative", "Average", "TimeAverage", "TimeAverage2", "Total", "Total2",
    "Minimum", "Maximum", "MinimumActualTime", "MaximumActualTime", "Range",
    "Minimum2", "Maximum2", "Range2",
    "Count", "NumberOfTransitions", "DurationInStateZero", "DurationInStateNonZero",
    "Start", "End", "Delta", "StartBound", "EndBound", "DeltaBounds",
    "DurationGood", "DurationBad", "PercentGood", "PercentBad", "WorstQuality",
    "StandardDeviationSample", "StandardDeviationPopulation",
    "VarianceSample", "VariancePopulation",
]  # fmt: skip
"""BrowseNames of OPC 10000-13, table 5. Durations are in milliseconds, totals in unit x second."""

AGGREGATES: tuple[AggregateKind, ...] = get_args(AggregateKind)

CALCULATED, INTERPOLATED, PARTIAL, MULTIPLE = 0x401, 0x402, 0x404, 0x410
"""Info bits of a status code, with the info type that makes them count (OPC 10000-4, 7.39)."""
BAD_NO_DATA = 0x809B0000
UNCERTAIN_SUB_NORMAL = 0x40A40000


@dataclass(frozen=True)
class AggregateSettings:
    """How readings that are not good and gaps are dealt with (OPC 10000-13, 4.2.1.2).

    Attributes:
        is_stepped: A value holds until the next one, as of a switch or a set point; else it
            goes to it in a straight line.
        treat_uncertain_as_bad: Uncertain readings are left out.
        percent_bad: From how much bad data on the result is bad.
        percent_good: From how much good data on the result is good.
        use_sloped_extrapolation: After the last reading go on as before; else hold it.
    """

    is_stepped: bool = False
    treat_uncertain_as_bad: bool = True
    percent_bad: int = 100
    percent_good: int = 100
    use_sloped_extrapolation: bool = False

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name in ("percent_bad", "percent_good"):
            if not 0 <= getattr(self, name) <= 100:
                raise BadInputError(f"{name} is {getattr(self, name)}.", hint="Give 0 to 100.")


@dataclass(frozen=True)
class Aggregated:
    """One value a tag and window.

    Attributes:
        kind: Of the aggregate.
        tags: Names of the tags, the last axis.
        windows: The windows, the first axis.
        values: Shape `(n_windows, n_tags)`; NaN where there is none.
        quality: OPC UA status codes with their info bits, the same shape.
        times: Time that each value is of: the window's start, or of `Start`, `End`,
            `MinimumActualTime` and `MaximumActualTime` that of the reading; the same shape.
    """

    kind: AggregateKind
    tags: Sequence[str]
    windows: Sequence[tuple[int, int]]
    values: NDArray[np.float64]
    quality: NDArray[np.int64]
    times: NDArray[np.int64]
    settings: AggregateSettings = field(default_factory=AggregateSettings)
