"""Aggregates of readings over windows, as OPC UA Part 13 (OPC 10000-13 v1.05) names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from goldenbatch.core.errors import BadInputError

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
