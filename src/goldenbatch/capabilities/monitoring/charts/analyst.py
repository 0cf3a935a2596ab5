"""Control charts of quality attributes, one a product and attribute, from batch to batch."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from goldenbatch.capabilities.monitoring._common import (
    AnalystSettings,
    read_settings,
    record_evidence,
)
from goldenbatch.capabilities.monitoring.charts.book import (
    BookSettings,
    ChartPage,
    Judged,
    add,
    correct_reference,
)
from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.batches import BatchCorrected, BatchCreated
from goldenbatch.core.findings import Finding, Measure, Severity, Subject
from goldenbatch.core.records import Event
from goldenbatch.core.results import Result, ResultCorrected, ResultsReported, ResultStatus
from goldenbatch.science.statistics import ChartKind, ChartSettings, SigmaMethod

CODE_VERSION = "1"
KINDS = ("BatchCreated", "BatchCorrected", "ResultsReported", "ResultCorrected")


class ControlChartSettings(AnalystSettings):
    """Settings of `monitoring.charts`.

    Attributes:
        attributes: Names of attributes to chart; `*` stands for any letters.
        n_reference: Results in the reference period of each product and attribute.
        kind: Kind of chart.
        rules: Run rules of an individuals chart, by name (`nelson-1` to `nelson-8`,
            `western-electric-1` to `-4`).
        width: Control limits in sigma.
        weight: Of the newest value in an EWMA.
        slack: k of a CUSUM, in sigma.
        threshold: h of a CUSUM, in sigma.
        sigma: From moving ranges, or overall.
        autocorrelation: Chart AR(1) residuals where neighbours are clearly alike.
        severity: Of the findings.
    """

    attributes: tuple[str, ...] = Field(min_length=1)
    n_reference: int = Field(default=25, ge=8, le=1000)
    kind: ChartKind = ChartKind.INDIVIDUALS
    rules: tuple[str, ...] = ("nelson-1",)
    width: float = Field(default=3.0, gt=0)
    weight: float = Field(default=0.2, gt=0, le=1)
    slack: float = Field(default=0.5, ge=0)
    threshold: float = Field(default=5.0, gt=0)
    sigma: Literal["moving-range", "overall"] = "moving-range"
    autocorrelation: Literal["residuals", "ignore"] = "residuals"
    severity: Severity = Severity.MINOR

    def book(self) -> BookSettings:
        """The settings that the charts themselves need."""
        return BookSettings(
            chart=ChartSettings(
                kind=self.kind,
                width=self.width,
                weight=self.weight,
                slack=self.slack,
                threshold=self.threshold,
                rules=self.rules,
            ),
            n_reference=self.n_reference,
            sigma_method=SigmaMethod(self.sigma),
            autocorrelation=self.autocorrelation,
        )


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

    def start(self) -> State:
        """No products, no charts, no open findings."""
        return {"products": {}, "started": {}, "charts": {}, "events": {}, "open": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Chart the results that are new."""
        work = _Work(self, state, view)
        for event in view.new_events(KINDS):
            work.take(event)
        return work.assessment()

    def is_charted(self, attribute: str) -> bool:
        """Whether an attribute is one of those to chart."""
        return any(fnmatch.fnmatchcase(attribute, one) for one in self.settings.attributes)


class _Work:
    """One assessment: copies of what it changes, so that the given state stays as it is."""

    def __init__(self, analyst: ControlCharts, state: State, view: TickView) -> None:
        self.analyst = analyst
        self.view = view
        self.products: dict[str, str] = dict(state["products"])
        self.started: dict[str, int] = dict(state["started"])
        self.charts: dict[str, Any] = dict(state["charts"])
        self.events: dict[str, Any] = dict(state["events"])
        self.open = OpenFindings(analyst.name, analyst.version, dict(state["open"]))

    def assessment(self) -> Assessment:
        state = {
            "products": self.products,
            "started": self.started,
            "charts": self.charts,
            "events": self.events,
            "open": self.open.entries,
        }
        return Assessment(state, tuple(self.open.transitions))

    def take(self, event: Event) -> None:
        body = event.decode()
        if isinstance(body, BatchCreated):
            self.products[body.batch] = body.product
            if body.started_at is not None:
                self.started[body.batch] = body.started_at
        elif isinstance(body, BatchCorrected) and body.field == "product":
            self.products[body.batch] = body.new
        elif isinstance(body, ResultsReported) and body.batch:
            for result in self._charted(body.results):
                self._result(event, body, result)
        elif isinstance(body, ResultCorrected) and self.analyst.is_charted(body.new.attribute):
            self._correction(event, body)

    def _charted(self, results: Iterable[Result]) -> Iterable[Result]:
        for result in results:
            is_usable = result.number is not None and result.status is not ResultStatus.INVALIDATED
            if is_usable and self.analyst.is_charted(result.attribute):
                yield result

    def _result(self, event: Event, body: ResultsReported, result: Result) -> None:
        product = self.products.get(body.batch, "")
        key = f"{product}|{result.attribute}"
        page = ChartPage.from_json(self.charts[key]) if key in self.charts else ChartPage()
        page, judged = add(page, self.analyst.book, body.sample, float(result.value))
        self.charts[key] = page.to_json()
        if judged is None:
            return
        is_alarm = bool(judged.point.alarms)
        if is_alarm or key in self.events:
            seen = _Seen(event, body, result, product, page, judged)
            seen.at = _time(event, result, self.started.get(body.batch))
            self._alarm(key, seen, is_alarm)

    def _alarm(self, key: str, seen: _Seen, is_alarm: bool) -> None:
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
            statement=self._statement(kind),
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

    def _statement(self, kind: str) -> str:
        result, judged, design = self.result, self.judged, self.page.design
        n_reference = design.n_reference if design else 0
        forecast = " (forecast from the batch before)" if self.page.ar1 else ""
        unit = "" if result.unit in ("", "1") else f" {result.unit}"
        return (
            f"Batch {self.body.batch}: {result.attribute} {result.text}{unit}, expected "
            f"{judged.expected:.4g}{forecast}; {kind} chart alarm: "
            f"{', '.join(judged.point.alarms)}. Limits from {n_reference} results of the "
            f"reference period; {self.page.false_alarms()}."
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
