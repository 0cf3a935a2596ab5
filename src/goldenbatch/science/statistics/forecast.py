"""Charts of forecast scores: autocorrelation, few reference values and rounding taken in.

Each value is compared with its forecast from the value before (a first-order autoregression of
the reference period, its coefficient freed of the small-sample bias). The error is scaled by its
whole uncertainty, that of the estimated mean included, and turned into a normal score through
Student's t: while nothing changes, a score is standard normal even after a short reference
period. An EWMA of the scores is charted. Its limits allow for the error of the mean, which is the
same in all later scores and which a plain EWMA would add up to an alarm.

Charts of one attribute of several products may lend each other their sigma (`moderated`).

References:
    Alwan and Roberts (1988), J. Bus. Econ. Stat. 6:87, doi:10.1080/07350015.1988.10509640.
    Marriott and Pope (1954), Biometrika 41:390, doi:10.1093/biomet/41.3-4.390 (bias of phi).
    Quesenberry (1991), J. Qual. Technol. 23:213, doi:10.1080/00224065.1991.11979327 (Q scores).
    Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3:3, doi:10.2202/1544-6115.1027 (moderated sigma).
    Jones, Champ and Rigdon (2001), Technometrics 43:156 (limits for estimated parameters).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, polygamma, psi, stdtr

from goldenbatch.science._arrays import Floats, present, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.run_length import ewma_width

PHI_MAX = 0.9
FREEDOM_MAX = 200.0
N_REFERENCE_MIN = 8
CENSORED_SHARE = 0.5
"""Share of reference values at the lowest one from which on they count as censored."""
_N_LENDERS_MIN = 3
_STEPS = tuple(base * 10.0**power for power in range(3, -7, -1) for base in (5.0, 2.0, 1.0))


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """What is chosen before any data is seen.

    Attributes:
        weight: of the newest score in the EWMA; 1 is a Shewhart chart of the scores.
        in_control_arl: run length that the limits are designed for.
        outlier_width: a single score beyond this alarms too, in sigma; None never.
        is_recentred: after a shift was found, the level is learnt anew behind it, so that one
            change is one alarm and the next change can be seen.
    """

    weight: float = 0.1
    in_control_arl: float = 500.0
    outlier_width: float | None = 4.5
    is_recentred: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that give no chart."""
        width = self.outlier_width
        if not (
            0 < self.weight <= 1
            and 1 < self.in_control_arl < math.inf
            and (width is None or 0 < width < math.inf)
        ):
            message = f"forecast chart settings out of range: {self}"
            raise DesignError(message)


@dataclass(frozen=True, slots=True)
class Lender:
    """What one chart lends to others: its variance and how well that is known."""

    variance: float
    freedom: float


@dataclass(frozen=True, slots=True)
class ForecastDesign:
    """A frozen chart.

    Attributes:
        settings: chosen beforehand.
        phi: coefficient of the autoregression, bias removed, at most 0.9 in size.
        centre: long-run mean, in the unit of the values.
        sigma: of the forecast error, same unit, as used (moderated where others lend).
        freedom: degrees of freedom of sigma.
        n_pairs: neighbours in the reference period.
        resolution: smallest step of the values; a value stands for the interval around it.
        limit: of the EWMA of the scores.
        plain_limit: the same while the level is learnt anew: its error is then in each score.
        own: what this chart lends to others.
        n_reference: values of the reference period.
    """

    settings: ForecastSettings
    phi: float
    centre: float
    sigma: float
    freedom: float
    n_pairs: int
    resolution: float
    limit: float
    plain_limit: float
    own: Lender
    n_reference: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values that `from_json` reads back to an equal design."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        fields = dict(plain)
        fields["settings"] = ForecastSettings(**fields["settings"])
        fields["own"] = Lender(**fields["own"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class ForecastState:
    """All that a chart remembers.

    Attributes:
        n: values judged.
        previous: value before; None after a gap.
        ewma: of the scores.
        n_side: neighbours since the EWMA was last at or across zero.
        sum_side: sum of value - phi * value before over them.
        n_level: neighbours that the level was learnt from since a shift; 0 without one.
        sum_level: the same sum over these.
    """

    n: int = 0
    previous: float | None = None
    ewma: float = 0.0
    n_side: int = 0
    sum_side: float = 0.0
    n_level: int = 0
    sum_level: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """One judged value.

    Attributes:
        value: as given; NaN if missing.
        expected: its forecast, in the unit of the values.
        score: normal score of the forecast error.
        statistic: EWMA of the scores.
        lower, upper: limits of the EWMA.
        alarms: `forecast-shift` (the EWMA is out), `forecast-outlier` (this score alone).
    """

    value: float
    expected: float
    score: float
    statistic: float
    lower: float
    upper: float
    alarms: tuple[str, ...] = ()


def forecast_reference(
    values: ArrayLike,
    settings: ForecastSettings | None = None,
    *,
    lenders: Sequence[Lender] = (),
) -> ForecastDesign:
    """Estimate a chart from a reference period.

    Args:
        values: in time order; NaN marks a missing value.
        settings: of the chart.
        lenders: of charts of the same attribute, this one left out; three or more count.

    Raises:
        DataError: fewer than 8 values, no variation, or half of them at the lowest value: such
            values are censored at a reporting limit and say nothing of the level below it.

    >>> design = forecast_reference([9.0, 10.0, 11.0, 10.0, 9.0, 10.0, 10.5, 9.5, 10.0])
    >>> round(design.phi, 2), design.resolution
    (0.01, 0.5)
    """
    chosen = settings or ForecastSettings()
    series = vector(values)
    kept = present(series, N_REFERENCE_MIN, "values of the reference period")
    _check_level(kept)
    step = resolution_of(kept)
    phi, n_pairs = _coefficient(series)
    errors = series[1:] - phi * series[:-1]
    errors = errors[~np.isnan(errors)]
    freedom = float(len(errors) - 2)
    own = Lender(float(errors.var(ddof=2)) + step * step / 12.0, freedom)
    used = moderated(own, lenders)
    ratio = chosen.weight / (2.0 - chosen.weight)
    share = 1.0 / n_pairs
    return ForecastDesign(
        settings=chosen,
        phi=phi,
        centre=float(errors.mean()) / (1.0 - phi),
        sigma=math.sqrt(used.variance),
        freedom=used.freedom,
        n_pairs=n_pairs,
        resolution=step,
        limit=_width(chosen) * math.sqrt((ratio + share) / (1.0 + share)),
        plain_limit=_width(chosen) * math.sqrt(ratio),
        own=own,
        n_reference=len(kept),
    )


def forecast_start(design: ForecastDesign, previous: float | None = None) -> ForecastState:
    """Return the state before the first judged value.

    Args:
        design: of the chart.
        previous: last value of the reference period, if the next one follows it.
    """
    del design  # every chart starts at its centre
    return ForecastState(previous=previous)


def forecast_step(
    design: ForecastDesign, state: ForecastState, value: float
) -> tuple[ForecastState, ForecastPoint]:
    """Judge one value; return the next state and the point. Changes nothing in place.

    After a gap the forecast is the long-run mean, with its larger uncertainty.

    Raises:
        DataError: the value is infinite.

    >>> design = forecast_reference([9.0, 10.0, 11.0, 10.0, 9.0, 10.0, 10.5, 9.5, 10.0])
    >>> _, point = forecast_step(design, forecast_start(design), 30.0)
    >>> point.alarms
    ('forecast-outlier',)
    """
    expected, spread = _forecast(design, state)
    limit = design.plain_limit if 0 < state.n_level < design.n_pairs else design.limit
    if math.isnan(value):
        return replace(state, previous=None), ForecastPoint(
            math.nan, expected, math.nan, math.nan, -limit, limit
        )
    if math.isinf(value):
        message = "an infinite value cannot be scored; mark missing values with NaN"
        raise DataError(message)
    error = value - expected
    # A reported value stands for all that round to it: the kindest of them is judged.
    error = math.copysign(max(0.0, abs(error) - 0.5 * design.resolution), error)
    score = math.copysign(-float(ndtri(stdtr(design.freedom, -abs(error) / spread))), error)
    widest = design.settings.outlier_width or math.inf
    # One value moves the EWMA no further than an outlier just reported would.
    kept = max(-widest, min(widest, score))
    ewma = state.ewma + design.settings.weight * (kept - state.ewma)
    is_shift = abs(ewma) > limit
    alarms = (
        *(("forecast-shift",) if is_shift else ()),
        *(("forecast-outlier",) if abs(score) > widest else ()),
    )
    point = ForecastPoint(value, expected, score, ewma, -limit, limit, alarms)
    return _after(design, state, value, ewma, is_shift), point


def _after(
    design: ForecastDesign, state: ForecastState, value: float, ewma: float, is_shift: bool
) -> ForecastState:
    """The next state: the side of the EWMA, and the level where it is learnt anew."""
    n_side, sum_side = state.n_side, state.sum_side
    n_level, sum_level = state.n_level, state.sum_level
    if ewma * state.ewma <= 0:
        n_side, sum_side = 0, 0.0
    if state.previous is not None:
        term = value - design.phi * state.previous
        n_side, sum_side = n_side + 1, sum_side + term
        if 0 < n_level < design.n_pairs:
            n_level, sum_level = n_level + 1, sum_level + term
    if is_shift and design.settings.is_recentred and n_side:
        n_level, sum_level = n_side, sum_side
        ewma, n_side, sum_side = 0.0, 0, 0.0
    return ForecastState(state.n + 1, value, ewma, n_side, sum_side, n_level, sum_level)


def forecast_block(
    design: ForecastDesign, values: ArrayLike, state: ForecastState | None = None
) -> tuple[list[ForecastPoint], ForecastState]:
    """Judge a block of values by stepping: a block and a stream are one path.

    Args:
        design: of the chart.
        values: shape (n,), in time order; NaN marks a missing value.
        state: to go on from; a fresh one if left out.
    """
    state = forecast_start(design) if state is None else state
    points = []
    for value in vector(values).tolist():
        state, point = forecast_step(design, state, value)
        points.append(point)
    return points, state


def resolution_of(values: ArrayLike) -> float:
    """Return the largest step of 1, 2 or 5 times a power of ten that all values are multiples of.

    >>> resolution_of([0.05, 0.3, 0.25]), resolution_of([1.0, 2.0, 4.0]), resolution_of([0.1234567])
    (0.05, 1.0, 0.0)
    """
    kept = present(values, 1)
    for step in _STEPS:
        counts = kept / step
        if np.all(np.abs(counts - np.round(counts)) < 1e-6) and np.any(np.abs(counts) > 0.5):
            return step
    return 0.0


def moderated(own: Lender, lenders: Sequence[Lender]) -> Lender:
    """Return a chart's variance drawn towards those of others, as far as these agree.

    The variances are taken as scaled inverse chi-squared about a common one; how tightly is
    estimated from their logarithms. Fewer than three others change nothing.

    References:
        Smyth (2004), section 6.2.

    >>> others = [Lender(1.0, 30.0), Lender(1.1, 30.0), Lender(0.9, 30.0)]
    >>> found = moderated(Lender(4.0, 10.0), others)
    >>> round(found.variance, 2), round(found.freedom)
    (1.17, 210)
    """
    known = [one for one in lenders if one.variance > 0 and one.freedom > 0]
    if len(known) < _N_LENDERS_MIN:
        return own
    half = 0.5 * np.array([one.freedom for one in known])
    logs = np.log([one.variance for one in known]) - psi(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    prior = FREEDOM_MAX
    centre = float(logs.mean())
    if excess > 0:
        prior = min(FREEDOM_MAX, 2.0 * _trigamma_inverse(excess))
        centre += float(psi(0.5 * prior)) - math.log(0.5 * prior)
    freedom = own.freedom + prior
    return Lender((own.freedom * own.variance + prior * math.exp(centre)) / freedom, freedom)


def _check_level(kept: Floats) -> None:
    if not kept.std() > 0:
        message = "the reference period shows no variation; choose a longer one"
        raise DataError(message)
    n_lowest = int(np.sum(kept == kept.min()))
    if n_lowest >= CENSORED_SHARE * len(kept):
        message = (
            f"{n_lowest} of {len(kept)} values of the reference period are {kept.min():g}, which "
            "looks like a reporting limit; the level below it is not known, so that it cannot be "
            "charted: hold such results against a limit of their own"
        )
        raise DataError(message)


def _coefficient(series: Floats) -> tuple[float, int]:
    """Lag-1 coefficient without its small-sample bias, and the number of pairs."""
    is_pair = ~np.isnan(series[1:]) & ~np.isnan(series[:-1])
    n_pairs = int(is_pair.sum())
    if n_pairs < N_REFERENCE_MIN - 2:
        message = f"{n_pairs} pairs of neighbours are too few; choose a longer reference period"
        raise DataError(message)
    centred = series - np.nanmean(series)
    before, after = centred[:-1][is_pair], centred[1:][is_pair]
    total = float(np.sum(before * before))
    raw = float(np.sum(before * after)) / total if total > 0 else 0.0
    return max(-PHI_MAX, min(PHI_MAX, raw + (1.0 + 4.0 * raw) / n_pairs)), n_pairs


def _forecast(design: ForecastDesign, state: ForecastState) -> tuple[float, float]:
    """Forecast and its standard deviation, the error of the mean included."""
    phi, n = design.phi, state.n_level or design.n_pairs
    centre = state.sum_level / n / (1.0 - phi) if state.n_level else design.centre
    if state.previous is None:
        steady = 1.0 / (1.0 - phi**2) + 1.0 / (n * (1.0 - phi) ** 2)
        return centre, design.sigma * math.sqrt(steady)
    expected = centre + phi * (state.previous - centre)
    return expected, design.sigma * math.sqrt(1.0 + 1.0 / n)


@lru_cache(maxsize=64)
def _width(settings: ForecastSettings) -> float:
    return ewma_width(settings.in_control_arl, settings.weight)


def _trigamma_inverse(value: float) -> float:
    """Newton steps on 1 / trigamma, which is nearly straight (Smyth 2004, appendix)."""
    x = 0.5 + 1.0 / value
    for _ in range(50):
        slope = float(polygamma(1, x))
        change = slope * (1.0 - slope / value) / float(polygamma(2, x))
        x += change
        if abs(change) < 1e-10 * x:
            break
    return x
