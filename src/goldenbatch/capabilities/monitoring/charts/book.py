"""One control chart of one attribute of one product: reference period first, then watch.

The reference period (phase I) and the watch (phase II) are kept apart: limits are frozen
when the period is full, and their false-alarm rate is counted on later batches only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics import (
    ChartDesign,
    ChartPoint,
    ChartSettings,
    ChartState,
    SigmaMethod,
    clopper_pearson,
    lag1_autocorrelation,
    reference,
    start,
    step,
)
from goldenbatch.science.statistics.autocorrelation import (
    Ar1Design,
    ar1_reference,
    ar1_residuals,
    ar1_step,
)
from goldenbatch.science.statistics.forecast import (
    ForecastDesign,
    ForecastSettings,
    ForecastState,
    Lender,
    forecast_reference,
    forecast_start,
    forecast_step,
)


@dataclass(frozen=True)
class BookSettings:
    """How the charts of one analyst are made.

    Attributes:
        chart: Kind, widths and run rules.
        n_reference: Values in the reference period.
        sigma_method: Which sigma the limits use.
        autocorrelation: `residuals` charts the residuals of an AR(1) model where the
            reference period is clearly autocorrelated; `ignore` never does.
        forecast: Chart forecast scores instead, so set; the other settings are then unused.
    """

    chart: ChartSettings
    n_reference: int = 25
    sigma_method: SigmaMethod = SigmaMethod.MOVING_RANGE
    autocorrelation: Literal["residuals", "ignore"] = "residuals"
    forecast: ForecastSettings | None = None


@dataclass(frozen=True)
class Judged:
    """One value on a chart in its watch.

    Attributes:
        expected: Value that the chart expects here: its centre, or the AR(1) forecast.
        lower: Control limit in the unit of the value (of the statistic for EWMA).
        point: The chart's own point.
    """

    expected: float
    lower: float
    upper: float
    point: ChartPoint


@dataclass(frozen=True)
class ChartPage:
    """A chart with all that it remembers, JSON-able.

    Attributes:
        references: (sample, value) of the reference period; emptied when it is full.
        n_later: Batches judged after the reference period.
        n_alarms: How many of them alarmed.
        faults: Why no limits could be made, if so.
        forecast: The frozen chart of forecast scores, where that kind was chosen.
        forecast_state: What it remembers.
    """

    references: tuple[tuple[str, float], ...] = ()
    design: ChartDesign | None = None
    ar1: Ar1Design | None = None
    previous: float | None = None
    state: ChartState | None = None
    n_later: int = 0
    n_alarms: int = 0
    lag1: float | None = None
    faults: tuple[str, ...] = field(default=())
    forecast: ForecastDesign | None = None
    forecast_state: ForecastState | None = None

    @property
    def has_limits(self) -> bool:
        """Whether the reference period is over."""
        return self.design is not None or self.forecast is not None

    @property
    def n_reference(self) -> int:
        """Values that the limits rest on, or that are there so far."""
        made = self.design or self.forecast
        return made.n_reference if made else len(self.references)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back to an equal page."""
        more: dict[str, Any] = {}
        if self.forecast is not None and self.forecast_state is not None:
            more["forecast"] = self.forecast.to_json()
            more["forecast_state"] = self.forecast_state.to_json()
        return {
            **more,
            "references": [list(pair) for pair in self.references],
            "design": self.design.to_json() if self.design else None,
            "ar1": self.ar1.to_json() if self.ar1 else None,
            "previous": self.previous,
            "state": self.state.to_json() if self.state else None,
            "n_later": self.n_later,
            "n_alarms": self.n_alarms,
            "lag1": self.lag1,
            "faults": list(self.faults),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            references=tuple((sample, value) for sample, value in plain["references"]),
            design=ChartDesign.from_json(plain["design"]) if plain["design"] else None,
            ar1=Ar1Design.from_json(plain["ar1"]) if plain["ar1"] else None,
            previous=plain["previous"],
            state=ChartState.from_json(plain["state"]) if plain["state"] else None,
            n_later=plain["n_later"],
            n_alarms=plain["n_alarms"],
            lag1=plain["lag1"],
            faults=tuple(plain["faults"]),
            forecast=ForecastDesign.from_json(plain["forecast"]) if "forecast" in plain else None,
            forecast_state=(
                ForecastState.from_json(plain["forecast_state"]) if "forecast" in plain else None
            ),
        )

    def false_alarms(self) -> str:
        """Alarms on later batches in words, with the exact 95 % interval."""
        if not self.n_later:
            return "no later batch has been judged yet"
        interval = clopper_pearson(self.n_alarms, self.n_later)
        return (
            f"{self.n_alarms} of {self.n_later} later batches alarmed "
            f"({100 * self.n_alarms / self.n_later:.1f} %, exact 95 % interval "
            f"{100 * interval.lower:.1f} to {100 * interval.upper:.1f} %)"
        )


def add(
    page: ChartPage,
    settings: BookSettings,
    sample: str,
    value: float,
    lenders: Callable[[], Sequence[Lender]] = tuple,
) -> tuple[ChartPage, Judged | None]:
    """Take the next value: into the reference period, or judge it.

    Args:
        page: The chart so far.
        settings: How it is made.
        sample: Where the value is from.
        value: Finite, in the unit of the attribute.
        lenders: Charts of the same attribute that lend their sigma; asked for once, when the
            limits of a chart of forecast scores are made.
    """
    if page.has_limits:
        return _judge(page, value)
    page = gather(page, sample, value)
    if len(page.references) >= settings.n_reference:
        page = freeze(page, settings, lenders())
    return page, None


def gather(page: ChartPage, sample: str, value: float) -> ChartPage:
    """A page with one more value in its reference period."""
    return replace(page, references=(*page.references, (sample, value)))


def freeze(page: ChartPage, settings: BookSettings, lenders: Sequence[Lender] = ()) -> ChartPage:
    """Make the limits from the reference period; one without variation grows further."""
    if settings.forecast is None:
        return _frozen(page, settings)
    values = [value for _, value in page.references]
    try:
        design = forecast_reference(values, settings.forecast, lenders=lenders)
        lag1 = lag1_autocorrelation(values).estimate
    except DataError as error:
        return replace(page, faults=(str(error),))
    return replace(
        page,
        references=(),
        forecast=design,
        forecast_state=forecast_start(design, values[-1]),
        lag1=lag1,
        faults=(),
    )


def correct_reference(page: ChartPage, sample: str, value: float) -> ChartPage | None:
    """A page whose reference period holds the corrected value; None if it is not in it."""
    if page.has_limits or sample not in {name for name, _ in page.references}:
        return None
    pairs = tuple((s, value if s == sample else v) for s, v in page.references)
    return replace(page, references=pairs)


def _frozen(page: ChartPage, settings: BookSettings) -> ChartPage:
    """Freeze limits from a full reference period; one without variation grows further."""
    values = [value for _, value in page.references]
    try:
        lag1 = lag1_autocorrelation(values)
        ar1 = None
        charted = values
        if settings.autocorrelation == "residuals" and lag1.is_clear:
            ar1 = ar1_reference(values)
            charted = [float(one) for one in ar1_residuals(ar1, values)][1:]
        design = reference(
            charted,
            settings.chart,
            sigma_method=settings.sigma_method,
            fitted_until=len(values),
        )
    except DataError as error:
        return replace(page, faults=(str(error),))
    return replace(
        page,
        references=(),
        design=design,
        ar1=ar1,
        previous=values[-1] if ar1 else None,
        state=start(design),
        lag1=lag1.estimate,
        faults=(),
    )


def _judge(page: ChartPage, value: float) -> tuple[ChartPage, Judged]:
    if page.forecast is not None and page.forecast_state is not None:
        return _judge_forecast(page, page.forecast, page.forecast_state, value)
    design, state = page.design, page.state
    if design is None or state is None:
        raise DataError("a chart without limits cannot judge a value.")
    charted, expected, previous = value, design.centre, page.previous
    if page.ar1 is not None:
        previous, charted = ar1_step(page.ar1, page.previous, value)
        expected = value - charted + design.centre
    after, point = step(design, state, charted)
    shift = expected - design.centre
    judged = Judged(expected, point.lower + shift, point.upper + shift, point)
    page = replace(
        page,
        previous=previous,
        state=after,
        n_later=page.n_later + 1,
        n_alarms=page.n_alarms + bool(point.alarms),
    )
    return page, judged


def _judge_forecast(
    page: ChartPage, design: ForecastDesign, state: ForecastState, value: float
) -> tuple[ChartPage, Judged]:
    after, found = forecast_step(design, state, value)
    point = ChartPoint(value, found.statistic, found.lower, found.upper, found.score, found.alarms)
    judged = Judged(found.expected, found.lower, found.upper, point)
    n_alarms = page.n_alarms + bool(point.alarms)
    page = replace(page, forecast_state=after, n_later=page.n_later + 1, n_alarms=n_alarms)
    return page, judged
