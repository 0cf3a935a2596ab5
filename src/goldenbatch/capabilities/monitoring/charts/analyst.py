"""Control charts of quality attributes, one a product and attribute, from batch to batch."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from goldenbatch.capabilities.monitoring._common import read_settings, record_evidence
from goldenbatch.capabilities.monitoring.charts.book import (
    ChartPage,
    Judged,
    add,
    correct_reference,
    freeze,
    gather,
)
from goldenbatch.capabilities.monitoring.charts.charted import Charted
from goldenbatch.capabilities.monitoring.charts.groups import (
    REPLICATES,
    Group,
    GroupPage,
    SeenGroup,
    add_group,
    grow,
)
from goldenbatch.capabilities.monitoring.charts.joint import JointPage, SeenRow, add_row
from goldenbatch.capabilities.monitoring.charts.settings import (
    JOINT,
    ControlChartKind,
    ControlChartSettings,
    designed_run_length,
)
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.batches import BatchCorrected, BatchCreated
from goldenbatch.core.findings import Finding, Measure, Severity, Subject
from goldenbatch.core.records import Event
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported, ResultStatus
from goldenbatch.core.time import to_micros
from goldenbatch.science.statistics import ChartKind
from goldenbatch.science.statistics.forecast import Lender

CODE_VERSION = "1"
KINDS = ("BatchCreated", "BatchCorrected", "ResultsReported", "ResultCorrected")


def control_charts(name: str, settings: Mapping[str, Any]) -> ControlCharts:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
    """
    return ControlCharts(name, read_settings(ControlChartSettings, name, settings))


class ControlCharts:
    """Analyst: charts each attribute of each product and opens a finding an alarm event.

    An event begins with the first alarming batch of a chart and ends with the next one
    that is inside again; further batches of the event are named in the same finding.
    """

    def __init__(self, name: str, settings: ControlChartSettings) -> None:
        self.name = name
        self.settings = settings
        self.version = f"charts-{CODE_VERSION}+{settings.digest()}"
        self.book = settings.book()
        until = settings.reference_until
        self.reference_until = None if until is None else to_micros(until)

    def start(self) -> State:
        """No products, no charts, no open findings."""
        more: State = {"labels": {}} if self.is_grouped else {}
        return {"products": {}, "started": {}, "charts": {}, "events": {}, "open": {}, **more}

    @property
    def is_grouped(self) -> bool:
        """Whether batches with an attribute in common make the subgroups."""
        settings = self.settings
        return settings.kind is ControlChartKind.XBAR and settings.subgroup != REPLICATES

    def assess(
        self, state: State, view: TickView, told: Callable[[Charted], None] | None = None
    ) -> Assessment:
        """Chart the results that are new; `told` is told of each that was put on a chart."""
        work = _Work(self, state, view, told)
        for event in view.new_events(KINDS):
            work.take(event)
        return work.assessment()

    @cached_property
    def designed(self) -> str:
        """The run length by design in words; findings of older settings stay as they were."""
        settings = self.settings
        if settings.kind.value in list(ChartKind) and settings.in_control_arl is None:
            return ""
        arl = designed_run_length(settings)["arl"]
        return f", designed for a false alarm in {arl:.0f} batches"

    def is_charted(self, attribute: str) -> bool:
        """Whether an attribute is one of those to chart."""
        return any(fnmatch.fnmatchcase(attribute, one) for one in self.settings.attributes)


class _Work:
    """One assessment: copies of what it changes, so that the given state stays as it is."""

    def __init__(
        self,
        analyst: ControlCharts,
        state: State,
        view: TickView,
        told: Callable[[Charted], None] | None = None,
    ) -> None:
        self.analyst = analyst
        self.view = view
        self._told = told
        self.products: dict[str, str] = dict(state["products"])
        self.started: dict[str, int] = dict(state["started"])
        self.charts: dict[str, Any] = dict(state["charts"])
        self.events: dict[str, Any] = dict(state["events"])
        self.labels: dict[str, str] = dict(state.get("labels", {}))
        self.open = OpenFindings(analyst.name, analyst.version, dict(state["open"]))

    def assessment(self) -> Assessment:
        state = {
            "products": self.products,
            "started": self.started,
            "charts": self.charts,
            "events": self.events,
            "open": self.open.entries,
            **({"labels": self.labels} if self.analyst.is_grouped else {}),
        }
        return Assessment(state, tuple(self.open.transitions))

    def _tell(self, charted: Charted) -> None:
        if self._told is not None:
            self._told(charted)

    def take(self, event: Event) -> None:
        body = event.decode()
        if isinstance(body, BatchCreated):
            self.products[body.batch] = body.product
            if self.analyst.is_grouped:
                self.labels[body.batch] = body.attributes.get(self.analyst.settings.subgroup, "")
            if body.started_at is not None:
                self.started[body.batch] = body.started_at
        elif isinstance(body, BatchCorrected) and body.field == "product":
            self.products[body.batch] = body.new
        elif isinstance(body, ResultsReported) and body.batch:
            self._reported(event, body, list(self._charted(body.results)))
        elif isinstance(body, ResultCorrected) and self.analyst.is_charted(body.new.attribute):
            self._correction(event, body)

    def _charted(self, results: Iterable[Result]) -> Iterable[Result]:
        for result in results:
            is_usable = result.number is not None and result.status is not ResultStatus.INVALIDATED
            if is_usable and self.analyst.is_charted(result.attribute):
                yield result

    def _reported(self, event: Event, body: ResultsReported, results: Sequence[Result]) -> None:
        kind = self.analyst.settings.kind
        if kind in JOINT:
            self._joint(event, body, results)
            return
        for result in results:
            if kind is ControlChartKind.XBAR:
                self._group(event, body, result)
            else:
                self._result(event, body, result)

    def _joint(self, event: Event, body: ResultsReported, results: Sequence[Result]) -> None:
        """All attributes of a sample on one chart a product."""
        if not results:
            return
        product = self.products.get(body.batch, "")
        key = f"{product}|{self.analyst.settings.kind.value}"
        row = {one.attribute: float(one.value) for one in results}
        plain = self.charts.get(key)
        page = JointPage.from_json(plain) if plain else JointPage(tuple(row))
        page, point = add_row(page, self.analyst.settings.joint(), row)
        self.charts[key] = page.to_json()
        self._tell(Charted(key, event, body.sample, (body.batch,), row, point))
        if point is not None and (point.is_alarm or key in self.events):
            at = _time(event, results[0], self.started.get(body.batch))
            seen = SeenRow(event, body, results, product, page, point, at)
            self._alarm(key, seen, point.is_alarm)

    def _group(self, event: Event, body: ResultsReported, result: Result) -> None:
        """One result into its subgroup; a subgroup is judged when it is whole."""
        chosen = self.analyst.settings.groups()
        product = self.products.get(body.batch, "")
        key = f"{product}|{result.attribute} in subgroups"
        page = GroupPage.from_json(self.charts[key]) if key in self.charts else GroupPage()
        evidence = record_evidence(event, f"result of batch {body.batch}").model_dump(mode="json")
        label = self.labels.get(body.batch, "")
        values: tuple[float, ...] = (float(result.value),)
        whole: Group | None
        if chosen.by == REPLICATES:
            values = tuple(float(one) for one in result.replicates) or values
            whole = Group("", values, (body.batch,), (evidence,))
        else:
            page, whole = grow(page, Group(label, values, (body.batch,), (evidence,)))
        point = None
        if whole is not None:
            page, point = add_group(page, chosen, whole)
        self.charts[key] = page.to_json()
        if whole is not None:
            values_ = {result.attribute: sum(whole.values) / len(whole.values)}
            self._tell(Charted(key, event, body.sample, whole.batches, values_, point))
        is_alarm = point is not None and bool(point.alarms)
        if whole is not None and point is not None and (is_alarm or key in self.events):
            at = _time(event, result, self.started.get(whole.batches[-1]))
            names = (result.attribute, result.unit, product)
            self._alarm(key, SeenGroup(whole, *names, page, point, at), is_alarm)

    def _result(self, event: Event, body: ResultsReported, result: Result) -> None:
        product = self.products.get(body.batch, "")
        key = f"{product}|{result.attribute}"
        page = ChartPage.from_json(self.charts[key]) if key in self.charts else ChartPage()
        at = _time(event, result, self.started.get(body.batch))
        page, judged = self._charted_on(key, page, body.sample, float(result.value), at)
        self.charts[key] = page.to_json()
        number = {result.attribute: float(result.value)}
        self._tell(Charted(key, event, body.sample, (body.batch,), number, judged))
        if judged is None:
            return
        is_alarm = bool(judged.point.alarms)
        if is_alarm or key in self.events:
            seen = _Seen(event, body, result, product, page, judged)
            seen.at = at
            self._alarm(key, seen, is_alarm)

    def _charted_on(
        self, key: str, page: ChartPage, sample: str, value: float, at: int
    ) -> tuple[ChartPage, Judged | None]:
        """The page with one more value; a reference period that is over is closed first."""
        book, until = self.analyst.book, self.analyst.reference_until
        if until is not None and not page.has_limits:
            if at < until or len(page.references) < book.n_reference:
                return gather(page, sample, value), None
            page = freeze(page, book, self._lenders(key))
            if not page.has_limits:
                return gather(page, sample, value), None
        return add(page, book, sample, value, lambda: self._lenders(key))

    def _lenders(self, key: str) -> list[Lender]:
        """What the charts of the same attribute, of other products, lend to this one."""
        if not self.analyst.settings.is_lending:
            return []
        attribute = key.rpartition("|")[2]
        made = [
            plain["forecast"]["own"]
            for other, plain in sorted(self.charts.items())
            if other != key and other.rpartition("|")[2] == attribute and "forecast" in plain
        ]
        return [Lender(**own) for own in made]

    def _alarm(self, key: str, seen: _Seen | SeenRow | SeenGroup, is_alarm: bool) -> None:
        """Open or go on with the chart's alarm event; close it at the first quiet batch."""
        running = self.events.get(key)
        if not is_alarm and running is not None:
            del self.events[key]
            last = Finding.model_validate(running)
            ended = {"end": seen.at, "statement": f"{last.statement} {seen.back_inside()}"}
            self.open.close(last.model_copy(update=ended))
            return
        finding = seen.finding(self.analyst)
        if running is not None:
            finding = _joined(Finding.model_validate(running), finding)
        self.events[key] = finding.model_dump(mode="json")
        self.open.put(finding, self.view.tick)

    def _correction(self, event: Event, body: ResultCorrected) -> None:
        number = body.new.number
        for key, plain in self.charts.items():
            if not key.endswith(f"|{body.new.attribute}") or number is None:
                continue
            page = correct_reference(ChartPage.from_json(plain), body.sample, number)
            if page is not None:
                self.charts[key] = page.to_json()
                return
        finding = _corrected_finding(self.analyst, event, body)
        self.open.put(finding, self.view.tick)
        self.open.close(finding)


class _Seen:
    """One judged result, and what is to be said of it."""

    def __init__(
        self,
        event: Event,
        body: ResultsReported,
        result: Result,
        product: str,
        page: ChartPage,
        judged: Judged,
    ) -> None:
        self.event, self.body, self.result = event, body, result
        self.product, self.page, self.judged = product, page, judged
        self.at = event.envelope.recorded_at

    def back_inside(self) -> str:
        return f"With batch {self.body.batch} ({self.result.text}) the chart is inside again."

    def finding(self, analyst: ControlCharts) -> Finding:
        """The finding as this one batch would have it."""
        result, judged, body = self.result, self.judged, self.body
        kind = analyst.settings.kind.value
        unit = result.unit or "1"
        return Finding(
            subject=Subject(batch=body.batch, attribute=result.attribute, key=f"{kind} chart"),
            title=f"{result.attribute} of product {self.product} out of its {kind} chart",
            statement=self._statement(kind, analyst.designed),
            severity=analyst.settings.severity,
            start=self.at,
            evidence=(record_evidence(self.event, f"result of batch {body.batch}"),),
            measures=self._measures(unit, judged),
            analyst=analyst.name,
            analyst_version=analyst.version,
            suggested_action=(
                "Look for what changed before this batch: raw-material lots, equipment, "
                "method; decide whether an out-of-trend investigation is needed."
            ),
        )

    def _statement(self, kind: str, designed: str) -> str:
        result, judged, page = self.result, self.judged, self.page
        forecast = " (forecast from the batch before)" if page.ar1 or page.forecast else ""
        unit = "" if result.unit in ("", "1") else f" {result.unit}"
        return (
            f"Batch {self.body.batch}: {result.attribute} {result.text}{unit}, expected "
            f"{judged.expected:.4g}{forecast}; {kind} chart alarm: "
            f"{', '.join(judged.point.alarms)}. Limits from {page.n_reference} results of the "
            f"reference period{designed}; {page.false_alarms()}."
        )

    def _measures(self, unit: str, judged: Judged) -> tuple[Measure, ...]:
        value = Measure(name=self.result.attribute, value=float(self.result.value), unit=unit)
        limits = {"lower_limit": judged.lower, "upper_limit": judged.upper}
        centre = Measure(name="expected", value=judged.expected, unit=unit)
        if self.page.design and self.page.design.settings.kind is ChartKind.INDIVIDUALS:
            return value.model_copy(update=limits), centre
        statistic = Measure(
            name="chart statistic",
            value=judged.point.statistic,
            lower_limit=judged.point.lower,
            upper_limit=judged.point.upper,
        )
        return value, centre, statistic


def _time(event: Event, result: Result, started_at: int | None) -> int:
    """When it was: the test, else what was claimed, else the batch's start, else the entry."""
    known = (result.performed_at, event.envelope.performed_at, started_at)
    return next((at for at in known if at is not None), event.envelope.recorded_at)


def _joined(running: Finding, newest: Finding) -> Finding:
    """The running event with one more batch: its subject and start stay."""
    batches = dict.fromkeys((*running.batches, newest.subject.batch))
    first = running.statement.partition(" Then batch ")[0]
    return running.model_copy(
        update={
            "batches": tuple(name for name in batches if name != running.subject.batch),
            "statement": f"{first} Then batch {newest.statement.removeprefix('Batch ')}",
            "evidence": (*running.evidence, *newest.evidence),
            "measures": newest.measures,
        }
    )


def _corrected_finding(analyst: ControlCharts, event: Event, body: ResultCorrected) -> Finding:
    at = event.envelope.recorded_at
    return Finding(
        subject=Subject(attribute=body.new.attribute, key=f"correction of {body.sample}"),
        title=f"A charted {body.new.attribute} was corrected",
        statement=(
            f"Sample {body.sample}: {body.old.text} became {body.new.text} after it had been "
            f"charted ({body.reason}). The chart goes on as it was known then; a replay as "
            "known now shows what would have been different."
        ),
        severity=Severity.INFO,
        start=at,
        end=at,
        evidence=(record_evidence(event, "the correction"),),
        analyst=analyst.name,
        analyst_version=analyst.version,
        suggested_action="Replay as known now; judge whether a decision rests on the old value.",
    )
