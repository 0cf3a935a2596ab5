"""Individuals, EWMA and CUSUM charts with one code path for blocks and for streams.

A design is frozen; the state of a chart is a value that fits into JSON; `step` is pure, and
`score` of a block gives bit for bit what stepping gives. A missing value stays missing: it
changes neither the state nor any count.

References:
    Shewhart (1931), Economic Control of Quality of Manufactured Product.
    Roberts (1959), Technometrics 1:239, doi:10.1080/00401706.1959.10489860 (EWMA).
    Page (1954), Biometrika 41:100, doi:10.1093/biomet/41.1-2.100 (CUSUM).
    Montgomery (2013), Introduction to Statistical Quality Control, 7th ed., chapters 6 and 9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, present, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.rules import RunRule, rules_named

D2_OF_TWO = 2.0 / math.sqrt(math.pi)
"""Expected range of two standard normal values (Montgomery, appendix VI)."""
D4_OF_TWO = 1.0 + 3.0 * math.sqrt(math.pi / 2.0 - 1.0)
"""Upper moving-range limit over the mean moving range; 3.267 (Montgomery, appendix VI)."""
N_REFERENCE_MIN = 4


class ChartKind(StrEnum):
    """The charts."""

    INDIVIDUALS = "individuals"
    EWMA = "ewma"
    CUSUM = "cusum"


class SigmaMethod(StrEnum):
    """Where the sigma of a chart comes from."""

    MOVING_RANGE = "moving-range"
    OVERALL = "overall"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class ChartSettings:
    """What is chosen before any data is seen.

    Attributes:
        kind: of chart.
        width: limits of individuals and EWMA charts, in sigma of the plotted statistic.
        weight: of the newest value in an EWMA, above 0 and at most 1.
        slack: k of a CUSUM, in sigma: half of the shift that matters.
        threshold: h of a CUSUM, in sigma.
        rules: names of run rules; for individuals charts only.
        has_moving_range_alarm: an individuals chart alarms on its moving range too.
        has_exact_limits: EWMA limits that widen from the first point on.
        headstart: where both sums of a CUSUM start, in sigma; half of the threshold sees at once
            a process that starts off its level (Lucas and Crosier 1982).
    """

    kind: ChartKind = ChartKind.INDIVIDUALS
    width: float = 3.0
    weight: float = 0.2
    slack: float = 0.5
    threshold: float = 5.0
    rules: tuple[str, ...] = ("nelson-1",)
    has_moving_range_alarm: bool = False
    has_exact_limits: bool = False
    headstart: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings that give no chart."""
        object.__setattr__(self, "kind", ChartKind(self.kind))
        object.__setattr__(self, "rules", tuple(self.rules))
        rules_named(self.rules)
        is_valid = {
            "width": 0 < self.width < math.inf,
            "weight": 0 < self.weight <= 1,
            "slack": 0 <= self.slack < math.inf,
            "threshold": 0 < self.threshold < math.inf,
            "headstart": 0 <= self.headstart < self.threshold,
        }
        wrong = [name for name, is_good in is_valid.items() if not is_good]
        if wrong:
            message = f"chart settings out of range: {wrong}; see ChartSettings"
            raise DesignError(message)


@dataclass(frozen=True, slots=True)
class ChartDesign:
    """A chart with its centre and sigma, ready to score.

    Attributes:
        settings: chosen beforehand.
        centre: mean of the reference period, in the unit of the values.
        sigma: standard deviation that the limits are built on, same unit.
        sigma_method: where sigma comes from.
        sigma_moving_range: of the reference period; NaN where sigma is given.
        sigma_overall: of the reference period; NaN where sigma is given.
        n_reference: values of the reference period that were not missing.
        fitted_until: end (exclusive) of the reference period, index or time; None if unknown.
    """

    settings: ChartSettings
    centre: float
    sigma: float
    sigma_method: SigmaMethod = SigmaMethod.GIVEN
    sigma_moving_range: float = math.nan
    sigma_overall: float = math.nan
    n_reference: int = 0
    fitted_until: int | None = None

    def __post_init__(self) -> None:
        """Refuse a chart without width."""
        object.__setattr__(self, "sigma_method", SigmaMethod(self.sigma_method))
        if not (math.isfinite(self.centre) and 0 < self.sigma < math.inf):
            message = (
                f"centre {self.centre} and sigma {self.sigma} give no chart; sigma must be > 0"
            )
            raise DesignError(message)

    @property
    def rules(self) -> tuple[RunRule, ...]:
        """The run rules, with the chart's width in the one-point rule; none but on individuals."""
        if self.settings.kind is not ChartKind.INDIVIDUALS:
            return ()
        return rules_named(self.settings.rules, self.settings.width)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values that `from_json` reads back to an equal design."""
        plain = asdict(self)
        plain["settings"] |= {"kind": self.settings.kind.value, "rules": list(self.settings.rules)}
        plain["sigma_method"] = self.sigma_method.value
        for name in ("sigma_moving_range", "sigma_overall"):
            plain[name] = None if math.isnan(plain[name]) else plain[name]
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        fields = dict(plain)
        fields["settings"] = ChartSettings(**fields["settings"])
        for name in ("sigma_moving_range", "sigma_overall"):
            fields[name] = math.nan if fields[name] is None else fields[name]
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class ChartState:
    """All that a chart remembers between two values.

    Attributes:
        n: values seen that were not missing.
        ewma: weighted mean of standardised values.
        cusum_upper: upper sum, in sigma.
        cusum_lower: lower sum, in sigma, not negative.
        recent: newest standardised values, as many as the run rules need.
    """

    n: int = 0
    ewma: float = 0.0
    cusum_upper: float = 0.0
    cusum_lower: float = 0.0
    recent: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; Python's JSON keeps every bit of the floats."""
        return asdict(self) | {"recent": list(self.recent)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{**plain, "recent": tuple(plain["recent"])})


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """One point of a chart.

    Attributes:
        value: as given; NaN if missing.
        statistic: what is plotted: the value, the EWMA (both in the unit of the values), or the
            upper sum of a CUSUM (in sigma).
        lower: limit of the statistic; minus the threshold for a CUSUM.
        upper: limit of the statistic.
        second: moving range, or minus the lower sum of a CUSUM; NaN where there is none.
        alarms: names of the rules that alarm here.
    """

    value: float
    statistic: float
    lower: float
    upper: float
    second: float
    alarms: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether there was no value."""
        return math.isnan(self.value)


@dataclass(frozen=True, slots=True)
class ChartScores:
    """A block of points, each array of shape (n,), and the state after the block.

    Attributes:
        value, statistic, lower, upper, second: as in `ChartPoint`.
        alarm_names: names of all alarms that this chart can raise.
        alarms: which of them stand at which point, shape (n_alarm_names, n).
        state: after the last value.
    """

    value: Floats
    statistic: Floats
    lower: Floats
    upper: Floats
    second: Floats
    alarm_names: tuple[str, ...]
    alarms: Bools
    state: ChartState

    @property
    def is_alarm(self) -> Bools:
        """Whether any rule alarms, per point."""
        return np.asarray(self.alarms.any(axis=0))

    def alarms_at(self, index: int) -> tuple[str, ...]:
        """Return the names of the rules that alarm at a point."""
        met = self.alarms[:, index]
        return tuple(name for name, is_met in zip(self.alarm_names, met, strict=True) if is_met)


def reference(
    values: ArrayLike,
    settings: ChartSettings | None = None,
    *,
    sigma_method: SigmaMethod = SigmaMethod.MOVING_RANGE,
    fitted_until: int | None = None,
) -> ChartDesign:
    """Estimate centre and sigma of a chart from a reference period.

    The moving-range sigma is the mean of |x[i] - x[i-1]| over 1.128, over pairs of neighbours of
    which neither is missing; the overall sigma is the sample standard deviation. Where the first
    is much the smaller, the values are autocorrelated: see `autocorrelation`.

    Args:
        values: of the reference period, in time order; NaN marks a missing value.
        settings: of the chart; an individuals chart with limits at 3 sigma if left out.
        sigma_method: which of the two sigmas the limits use.
        fitted_until: end (exclusive) of the reference period; the number of rows if left out.

    Raises:
        DataError: fewer than 4 values, or no variation.

    References:
        Montgomery (2013), section 6.4.

    >>> design = reference([9.0, 10.0, 11.0, 10.0, 9.0])
    >>> design.centre, round(design.sigma, 4), round(design.sigma_overall, 4)
    (9.8, 0.8862, 0.8367)
    """
    series = vector(values)
    kept = present(series, N_REFERENCE_MIN, "values of the reference period")
    ranges = np.abs(np.diff(series))
    ranges = ranges[~np.isnan(ranges)]
    moving_range = float(ranges.mean()) / D2_OF_TWO if len(ranges) else math.nan
    overall = float(kept.std(ddof=1))
    method = SigmaMethod(sigma_method)
    sigma = overall if method is SigmaMethod.OVERALL else moving_range
    if not sigma > 0:
        message = "the reference period shows no variation; choose a longer one"
        raise DataError(message)
    return ChartDesign(
        settings=settings or ChartSettings(),
        centre=float(kept.mean()),
        sigma=sigma,
        sigma_method=method,
        sigma_moving_range=moving_range,
        sigma_overall=overall,
        n_reference=len(kept),
        fitted_until=len(series) if fitted_until is None else fitted_until,
    )


def start(design: ChartDesign) -> ChartState:
    """Return the state of a chart before its first value.

    >>> start(ChartDesign(ChartSettings(), 0.0, 1.0))
    ChartState(n=0, ewma=0.0, cusum_upper=0.0, cusum_lower=0.0, recent=())
    """
    if design.settings.kind is ChartKind.CUSUM and design.settings.headstart:
        return ChartState(
            cusum_upper=design.settings.headstart, cusum_lower=design.settings.headstart
        )
    return ChartState()


def alarm_names(design: ChartDesign) -> tuple[str, ...]:
    """Return the names of all alarms that a chart of this design can raise.

    >>> alarm_names(ChartDesign(ChartSettings(kind=ChartKind.EWMA), 0.0, 1.0))
    ('ewma-limit',)
    """
    if design.settings.kind is ChartKind.EWMA:
        return ("ewma-limit",)
    if design.settings.kind is ChartKind.CUSUM:
        return ("cusum-upper", "cusum-lower")
    extra = ("moving-range-limit",) if design.settings.has_moving_range_alarm else ()
    return (*(rule.name for rule in design.rules), *extra)


def ewma_half_width(design: ChartDesign, n: int) -> float:
    """Return the distance of the EWMA limits from the centre at the n-th value, in sigma.

    References:
        Montgomery (2013), equations 9.25 and 9.26.

    >>> design = ChartDesign(ChartSettings(kind=ChartKind.EWMA, weight=0.2), 0.0, 1.0)
    >>> round(ewma_half_width(design, 1), 6)
    1.0
    """
    weight = design.settings.weight
    ratio = weight / (2.0 - weight)
    if design.settings.has_exact_limits:
        ratio *= 1.0 - (1.0 - weight) ** (2 * n)
    return design.settings.width * math.sqrt(ratio)
