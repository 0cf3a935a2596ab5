"""Several attributes of a batch on one chart: Hotelling T2 and MEWMA of a product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from goldenbatch.capabilities.monitoring._common import record_evidence
from goldenbatch.core.findings import Finding, Measure, Subject
from goldenbatch.core.records import Event
from goldenbatch.core.results import Result, ResultsReported
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics import clopper_pearson
from goldenbatch.science.statistics.multivariate import (
    MultivariateDesign,
    MultivariateKind,
    MultivariatePoint,
    MultivariateState,
    hotelling_reference,
    mewma_reference,
    multivariate_step,
)

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.charts.analyst import ControlCharts

_N_NAMED = 3


@dataclass(frozen=True)
class JointSettings:
    """How joint charts are made.

    Attributes:
        kind: of chart.
        n_reference: Batches of the reference period with all attributes.
        in_control_arl: Batches between false alarms.
        weight: Of the newest batch in a MEWMA.
    """

    kind: MultivariateKind
    n_reference: int
    in_control_arl: float
    weight: float


@dataclass(frozen=True)
class JointPage:
    """A joint chart with all that it remembers, JSON-able.

    Attributes:
        names: Attributes, as they stood in the first batch.
        references: Rows of the reference period; emptied when it is full.
        n_later: Batches judged after it.
        n_alarms: How many of them alarmed.
        n_gaps: Batches that lacked an attribute and were not judged.
        faults: Why no limit could be made, if so.
    """

    names: tuple[str, ...]
    references: tuple[tuple[float, ...], ...] = ()
    design: MultivariateDesign | None = None
    state: MultivariateState = field(default_factory=MultivariateState)
    n_later: int = 0
    n_alarms: int = 0
    n_gaps: int = 0
    faults: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back to an equal page."""
        return {
            "joint": list(self.names),
            "references": [list(row) for row in self.references],
            "design": self.design.to_json() if self.design else None,
            "state": self.state.to_json(),
            "n_later": self.n_later,
            "n_alarms": self.n_alarms,
            "n_gaps": self.n_gaps,
            "faults": list(self.faults),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            names=tuple(plain["joint"]),
            references=tuple(tuple(row) for row in plain["references"]),
            design=MultivariateDesign.from_json(plain["design"]) if plain["design"] else None,
            state=MultivariateState.from_json(plain["state"]),
            n_later=plain["n_later"],
            n_alarms=plain["n_alarms"],
            n_gaps=plain["n_gaps"],
            faults=tuple(plain["faults"]),
        )


def add_row(
    page: JointPage, settings: JointSettings, row: Mapping[str, float]
) -> tuple[JointPage, MultivariatePoint | None]:
    """Take the next batch: into the reference period, or judge it; one with gaps is counted.

    Args:
        page: The chart so far.
        settings: How it is made.
        row: Attribute to value.
    """
    if any(name not in row for name in page.names):
        return replace(page, n_gaps=page.n_gaps + 1), None
    values = tuple(row[name] for name in page.names)
    if page.design is None:
        page = replace(page, references=(*page.references, values))
        if len(page.references) >= settings.n_reference:
            page = _frozen(page, settings)
        return page, None
    state, point = multivariate_step(page.design, page.state, values)
    n_alarms = page.n_alarms + point.is_alarm
    return replace(page, state=state, n_later=page.n_later + 1, n_alarms=n_alarms), point


def _frozen(page: JointPage, settings: JointSettings) -> JointPage:
    try:
        if settings.kind is MultivariateKind.MEWMA:
            arl, weight = settings.in_control_arl, settings.weight
            design = mewma_reference(page.references, arl, weight)
        else:
            design = hotelling_reference(page.references, settings.in_control_arl)
    except DataError as error:
        return replace(page, faults=(str(error),))
    return replace(page, references=(), design=design, faults=())


def joint_row(page: JointPage) -> dict[str, Any]:
    """The chart as a row of `monitoring limits`."""
    found: dict[str, Any] = {"attributes": list(page.names), "n_gaps": page.n_gaps}
    if page.design is None:
        why = page.faults[0] if page.faults else "the reference period is not full"
        return {**found, "state": why, "n_reference": len(page.references)}
    interval = clopper_pearson(page.n_alarms, page.n_later) if page.n_later else None
    return {
        **found,
        "state": page.design.kind.value,
        "n_reference": page.design.n_reference,
        "upper": page.design.limit,
        "n_later": page.n_later,
        "n_alarms": page.n_alarms,
        "false_alarm_rate": page.n_alarms / page.n_later if page.n_later else None,
        "interval": [interval.lower, interval.upper] if interval else None,
    }


@dataclass(frozen=True)
class SeenRow:
    """One judged batch, and what is to be said of it."""

    event: Event
    body: ResultsReported
    results: Sequence[Result]
    product: str
    page: JointPage
    point: MultivariatePoint
    at: int

    def back_inside(self) -> str:
        """What is added when the chart is quiet again."""
        return f"With batch {self.body.batch} (T2 {self.point.statistic:.3g}) it is inside again."

    def finding(self, analyst: ControlCharts) -> Finding:
        """The finding as this one batch would have it."""
        page, point = self.page, self.point
        order = sorted(
            zip(point.contributions, page.names, strict=True), key=lambda one: (-one[0], one[1])
        )
        named = ", ".join(f"{name} {part:.3g}" for part, name in order[:_N_NAMED])
        kind = page.design.kind.value if page.design else ""
        n_reference = page.design.n_reference if page.design else 0
        together = ", ".join(page.names)
        return Finding(
            subject=Subject(batch=self.body.batch, attribute=together, key=f"{kind} chart"),
            title=f"{together} of product {self.product} out of their {kind} chart",
            statement=(
                f"Batch {self.body.batch}: T2 of {together} is {point.statistic:.4g}, its limit "
                f"{point.limit:.4g}; most of it: {named}. Limit from {n_reference} batches of the "
                f"reference period{analyst.designed}; {page.n_alarms} of {page.n_later} later "
                "batches alarmed."
            ),
            severity=analyst.settings.severity,
            start=self.at,
            evidence=(record_evidence(self.event, f"results of batch {self.body.batch}"),),
            measures=self._measures(),
            analyst=analyst.name,
            analyst_version=analyst.version,
            suggested_action=(
                "Look at the named attributes together: each alone may be within its own limits."
            ),
        )

    def _measures(self) -> tuple[Measure, ...]:
        t2 = Measure(name="T2", value=self.point.statistic, upper_limit=self.point.limit)
        values = [
            Measure(name=one.attribute, value=float(one.value), unit=one.unit or "1")
            for one in self.results
            if one.attribute in self.page.names
        ]
        return (t2, *values)
