"""One control chart of one attribute of one product: reference period first, then watch.

The reference period (phase I) and the watch (phase II) are kept apart: limits are frozen
when the period is full, and their false-alarm rate is counted on later batches only.
"""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class BookSettings:
    """How the charts of one analyst are made.

    Attributes:
        chart: Kind, widths and run rules.
        n_reference: Values in the reference period.
        sigma_method: Which sigma the limits use.
        autocorrelation: `residuals` charts the residuals of an AR(1) model where the
            reference period is clearly autocorrelated; `ignore` never does.
    """

    chart: ChartSettings
    n_reference: int = 25
    sigma_method: SigmaMethod = SigmaMethod.MOVING_RANGE
    autocorrelation: Literal["residuals", "ignore"] = "residuals"


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

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back to an equal page."""
        return {
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
    page: ChartPage, settings: BookSettings, sample: str, value: float
) -> tuple[ChartPage, Judged | None]:
    """Take the next value: into the reference period, or judge it.

    Args:
        page: The chart so far.
        settings: How it is made.
        sample: Where the value is from.
        value: Finite, in the unit of the attribute.
    """
    if page.design is None:
        references = (*page.references, (sample, value))
        page = replace(page, references=references)
        if len(references) >= settings.n_reference:
            page = _frozen(page, settings)
        return page, None
    return _judge(page, value)


def correct_reference(page: ChartPage, sample: str, value: float) -> ChartPage | None:
    """A page whose reference period holds the corrected value; None if it is not in it."""
    if page.design is not None or sample not in {name for name, _ in page.references}:
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
