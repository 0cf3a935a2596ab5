"""Charts of subgroups: replicates of a result, or the batches of a campaign or lot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from goldenbatch.core.findings import Evidence, Finding, Measure, Subject
from goldenbatch.science.errors import DataError
from goldenbatch.science.statistics import ChartSettings, ChartState, clopper_pearson
from goldenbatch.science.statistics.subgroups import (
    SpreadMethod,
    SubgroupDesign,
    SubgroupPoint,
    subgroup_reference,
    subgroup_step,
)

if TYPE_CHECKING:
    from goldenbatch.capabilities.monitoring.charts.analyst import ControlCharts

REPLICATES = "replicates"


@dataclass(frozen=True)
class GroupSettings:
    """How charts of subgroups are made.

    Attributes:
        chart: Of the means.
        n_reference: Subgroups of the reference period.
        spread: Where sigma comes from.
        by: `replicates`, or the attribute of a batch whose value names its subgroup.
    """

    chart: ChartSettings
    n_reference: int
    spread: SpreadMethod
    by: str


@dataclass(frozen=True)
class Group:
    """A subgroup with the batches in it.

    Attributes:
        label: What they have in common; empty for replicates.
        values: In order.
        batches: In order, each once.
        evidence: Records behind the values, as JSON.
    """

    label: str = ""
    values: tuple[float, ...] = ()
    batches: tuple[str, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class GroupPage:
    """A chart of subgroups with all that it remembers, JSON-able.

    Attributes:
        references: Values of the subgroups of the reference period; emptied when it is full.
        growing: The subgroup that batches still come to.
        n_later: Subgroups judged after the reference period.
        n_alarms: How many of them alarmed.
        faults: Why no limits could be made, if so.
    """

    references: tuple[tuple[float, ...], ...] = ()
    growing: Group | None = None
    design: SubgroupDesign | None = None
    state: ChartState = field(default_factory=ChartState)
    n_later: int = 0
    n_alarms: int = 0
    faults: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back to an equal page."""
        growing = self.growing
        return {
            "groups": [list(one) for one in self.references],
            "growing": None
            if growing is None
            else {
                "label": growing.label,
                "values": list(growing.values),
                "batches": list(growing.batches),
                "evidence": [dict(one) for one in growing.evidence],
            },
            "design": self.design.to_json() if self.design else None,
            "state": self.state.to_json(),
            "n_later": self.n_later,
            "n_alarms": self.n_alarms,
            "faults": list(self.faults),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        growing = plain["growing"]
        return cls(
            references=tuple(tuple(one) for one in plain["groups"]),
            growing=Group(
                growing["label"],
                tuple(growing["values"]),
                tuple(growing["batches"]),
                tuple(growing["evidence"]),
            )
            if growing
            else None,
            design=SubgroupDesign.from_json(plain["design"]) if plain["design"] else None,
            state=ChartState.from_json(plain["state"]),
            n_later=plain["n_later"],
            n_alarms=plain["n_alarms"],
            faults=tuple(plain["faults"]),
        )


def grow(page: GroupPage, new: Group) -> tuple[GroupPage, Group | None]:
    """Add to the growing subgroup, or begin another; the one that ended, if any.

    A batch without a label belongs to no subgroup and is passed over.
    """
    if not new.label:
        return page, None
    growing = page.growing
    if growing is not None and growing.label == new.label:
        joined = Group(
            growing.label,
            growing.values + new.values,
            tuple(dict.fromkeys(growing.batches + new.batches)),
            growing.evidence + new.evidence,
        )
        return replace(page, growing=joined), None
    return replace(page, growing=new), growing


def add_group(
    page: GroupPage, settings: GroupSettings, group: Group
) -> tuple[GroupPage, SubgroupPoint | None]:
    """Take a whole subgroup: into the reference period, or judge it."""
    if page.design is None:
        page = replace(page, references=(*page.references, group.values))
        if len(page.references) >= settings.n_reference:
            page = _frozen(page, settings)
        return page, None
    state, point = subgroup_step(page.design, page.state, group.values)
    n_alarms = page.n_alarms + bool(point.alarms)
    return replace(page, state=state, n_later=page.n_later + 1, n_alarms=n_alarms), point


def _frozen(page: GroupPage, settings: GroupSettings) -> GroupPage:
    try:
        design = subgroup_reference(page.references, settings.chart, settings.spread)
    except DataError as error:
        return replace(page, faults=(str(error),))
    return replace(page, references=(), design=design, faults=())


def group_row(page: GroupPage) -> dict[str, Any]:
    """The chart as a row of `monitoring limits`."""
    if page.design is None:
        why = page.faults[0] if page.faults else "the reference period is not full"
        return {"state": why, "n_reference": len(page.references)}
    interval = clopper_pearson(page.n_alarms, page.n_later) if page.n_later else None
    return {
        "state": f"subgroups, sigma by {page.design.method.value}",
        "n_reference": page.design.n_subgroups,
        "centre": page.design.centre,
        "sigma": page.design.sigma,
        "n_later": page.n_later,
        "n_alarms": page.n_alarms,
        "false_alarm_rate": page.n_alarms / page.n_later if page.n_later else None,
        "interval": [interval.lower, interval.upper] if interval else None,
    }


@dataclass(frozen=True)
class SeenGroup:
    """One judged subgroup, and what is to be said of it."""

    group: Group
    attribute: str
    unit: str
    product: str
    page: GroupPage
    point: SubgroupPoint
    at: int

    @property
    def _name(self) -> str:
        if self.group.label:
            return f"Subgroup {self.group.label} ({len(self.group.values)} results)"
        return f"Batch {self.group.batches[-1]} ({len(self.group.values)} replicates)"

    def back_inside(self) -> str:
        """What is added when the chart is quiet again."""
        return f"{self._name} is inside again."

    def finding(self, analyst: ControlCharts) -> Finding:
        """The finding as this one subgroup would have it."""
        page, point = self.page, self.point
        n_reference = page.design.n_subgroups if page.design else 0
        unit = "" if self.unit in ("", "1") else f" {self.unit}"
        return Finding(
            subject=Subject(
                batch=self.group.batches[-1], attribute=self.attribute, key="subgroup chart"
            ),
            batches=self.group.batches[:-1],
            title=f"{self.attribute} of product {self.product} out of its chart of subgroups",
            statement=(
                f"{self._name}: mean {self.attribute} {point.mean:.5g}{unit}, alarm: "
                f"{', '.join(point.alarms)}. Limits from {n_reference} subgroups of the reference "
                f"period{analyst.designed}; {page.n_alarms} of {page.n_later} later ones alarmed."
            ),
            severity=analyst.settings.severity,
            start=self.at,
            evidence=tuple(Evidence.model_validate(one) for one in self.group.evidence),
            measures=self._measures(),
            analyst=analyst.name,
            analyst_version=analyst.version,
            suggested_action=(
                "Compare what the batches of this subgroup have in common with those before."
            ),
        )

    def _measures(self) -> tuple[Measure, ...]:
        point, unit = self.point, self.unit or "1"
        mean = Measure(
            name=f"mean {self.attribute}",
            value=point.mean,
            unit=unit,
            lower_limit=point.point.lower,
            upper_limit=point.point.upper,
        )
        if point.spread != point.spread:  # one value has no spread
            return (mean,)
        spread = Measure(
            name="spread within",
            value=point.spread,
            unit=unit,
            lower_limit=point.spread_lower,
            upper_limit=point.spread_upper,
        )
        return (mean, spread)
