"""A soft sensor live: a quality attribute from spectra, with its domain and its interval.

Each spectrum of a window in which the model is valid gives a logged value with interval, T2 and
SPE; one outside the domain is logged as uncertain, and when the sensor stays outside it
says so in one finding and asks for the laboratory. Outside those windows, while the plant is
idle or cleaned, it is silent; a window that becomes known or is corrected later is gone through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from goldenbatch.capabilities.monitoring._common import (
    read_settings,
    record_evidence,
)
from goldenbatch.capabilities.monitoring.pat._drift import DriftWatch
from goldenbatch.capabilities.monitoring.pat._in_use import InUse, Scored
from goldenbatch.capabilities.monitoring.pat._laboratory import Laboratory
from goldenbatch.capabilities.monitoring.pat._sensor_findings import (
    Outside,
    left_domain,
    unreadable,
    unserved,
)
from goldenbatch.capabilities.monitoring.pat._spectra import matrix, where
from goldenbatch.capabilities.monitoring.pat.calibration import (
    CalibrationSettings,
    DriftSettings,
    LaterSettings,
)
from goldenbatch.core.analyst import Assessment, Derived, OpenFindings, State, TickView
from goldenbatch.core.batches import BatchEnded, SampleTaken
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.findings import Finding, Severity
from goldenbatch.core.gating import KINDS as GATE_KINDS
from goldenbatch.core.gating import Gate, Span, covers, without
from goldenbatch.core.prediction import PredictionsMade
from goldenbatch.core.records import Event
from goldenbatch.core.results import ResultsReported
from goldenbatch.core.series import Quality, Series

CODE_VERSION = "2"
KINDS = ("ModelFitted", "ModelDrafted", "SampleTaken", "ResultsReported", "BatchEnded")
OUTPUTS = ("value", "lower", "upper", "t2", "spe")


class SoftSensorSettings(LaterSettings):
    """Settings of `monitoring.soft_sensor`.

    Attributes:
        tag: Array tag of the spectra.
        attribute: What is inferred; results of this name are its reference.
        unit: UCUM code of it.
        output: Prefix of the tags that it writes; the tag's place by default.
        n_outside: Consecutive spectra outside the domain that make an event.
        n_inside: Consecutive spectra inside that end it.
        max_gap_s: How far a spectrum may lie from a sample that it is compared with.
        severity: Of the finding that it left its domain.
        calibration: How the model is fitted; see `CalibrationSettings`.
        phases: Phases that it is valid in; none: all of a batch at its place.
        silent: Equipment statuses in which it is silent, whatever runs.
        is_always: It is valid whether a batch runs or not.
        drift: How it watches itself inside its domain; see `DriftSettings`.
    """

    ADDED: ClassVar[frozenset[str]] = frozenset({"drift"})

    tag: str
    attribute: str
    unit: str = "1"
    output: str = ""
    n_outside: int = Field(default=5, ge=1)
    n_inside: int = Field(default=20, ge=1)
    max_gap_s: float = Field(default=300.0, gt=0)
    severity: Severity = Severity.MAJOR
    calibration: CalibrationSettings | None = None
    phases: tuple[str, ...] = ()
    silent: tuple[EquipmentStatus, ...] = (
        EquipmentStatus.TO_BE_CLEANED,
        EquipmentStatus.OUT_OF_SERVICE,
    )
    is_always: bool = False
    drift: DriftSettings | None = None

    @property
    def place(self) -> str:
        """Place of the spectrometer."""
        return self.tag.rpartition("/")[0]

    def output_tag(self, name: str) -> str:
        """Tag of an output: `value`, `lower`, `upper`, `t2` or `spe`."""
        return f"{self.output or self.place}/{self.attribute}_{name}"


def soft_sensor(name: str, settings: Mapping[str, Any]) -> SoftSensor:
    """Build the analyst from its settings.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
    """
    return SoftSensor(name, read_settings(SoftSensorSettings, name, settings))


class SoftSensor:
    """Analyst: predicts from each new spectrum with the frozen model in use."""

    def __init__(self, name: str, settings: SoftSensorSettings) -> None:
        self.name = name
        self.settings = settings
        self.version = f"soft-sensor-{CODE_VERSION}+{settings.digest()}"

    def start(self) -> State:
        """No model, nothing seen."""
        return {
            "model": "",
            "kind": None,
            "use": None,
            "unserved": None,
            "samples": {},
            "laboratory": Laboratory().to_json(),
            "n_outside": 0,
            "n_inside": 0,
            "n_scored": 0,
            "outside_since": 0,
            "n_batch": 0,
            "n_batch_out": 0,
            "ratio": 0.0,
            "event": None,
            "open": {},
            "gate": None,
            "upto": 0,
            "last": 0,
            "span": 0,
        }

    def assess(self, state: State, view: TickView) -> Assessment:
        """Predict from the new spectra, compare with new results of the laboratory."""
        work = _Work(self, state, view)
        events = view.new_events(KINDS)
        for event in events:
            work.in_use.take(event)
        opened = work.take_context()
        for span in opened:
            work.take_spectra(work.before(span))
        work.take_spectra(view.new_readings([self.settings.tag]))
        for event in events:
            work.take_record(event)
        return work.assessment()


class _Work:
    """One assessment on copies of the state."""

    def __init__(self, analyst: SoftSensor, state: State, view: TickView) -> None:
        self.analyst, self.settings, self.view = analyst, analyst.settings, view
        self.state = {**state, "samples": dict(state["samples"])}
        self.laboratory = Laboratory.from_json(state["laboratory"])
        self.open = OpenFindings(analyst.name, analyst.version, dict(state["open"]))
        self.derived: list[Derived] = []
        self.predictions: list[PredictionsMade] = []
        self.spans: list[Span] = []
        self.in_use = InUse(analyst.name, self.state, view)
        watch = self.settings.drift
        self.drift = DriftWatch(analyst, watch, state, view) if watch is not None else None

    def assessment(self) -> Assessment:
        state = {
            **self.state,
            "laboratory": self.laboratory.to_json(),
            "open": self.open.entries,
            "upto": self.view.tick.historian_seq,
        }
        if self.drift is not None:
            state["drift"] = self.drift.to_json()
        return Assessment(
            state, tuple(self.open.transitions), tuple(self.derived), tuple(self.predictions)
        )

    def take_context(self) -> list[Span]:
        """Take what is known of what ran; windows that opened for readings that were there."""
        if self.settings.is_always:
            return []
        silent = tuple(one.value for one in self.settings.silent)
        gate = Gate(self.settings.place, self.settings.phases, silent).read(self.state["gate"])
        is_begun = self.state["gate"] is not None
        before = gate.windows()
        events = self.view.new_events(GATE_KINDS) if is_begun else self.view.events(GATE_KINDS)
        gate.take(events)
        self.spans, self.state["gate"] = gate.windows(), gate.to_json()
        if not is_begun:
            return []
        running = self.state["event"]
        finding = Finding.model_validate(running) if running is not None else None
        if finding is not None and not covers(self.spans, finding.start):
            words = "By what is known now the sensor is not valid there: no such phase ran."
            self._close(finding, self.view.tick.at, words)
        return without(self.spans, before)

    def before(self, span: Span) -> Series:
        """Spectra of a window that had come before it was known to count."""
        start, end = span[0], min(span[1], int(self.state["last"]) + 1)
        series = self.view.read([self.settings.tag], (start, max(start, end)))
        return where(series, (series.seqs() <= self.state["upto"]).tolist())

    def take_spectra(self, series: Series) -> None:
        """Score spectra of windows in which the model is valid; be silent of all others."""
        if len(series):
            self.state["last"] = max(int(self.state["last"]), int(series.times().max()))
        if len(series) and not self.settings.is_always:
            series = where(series, [covers(self.spans, int(at)) for at in series.times()])
        if not len(series):
            return
        plan = self.in_use.plan()
        keep, why = self.in_use.within(series, self.settings.place)
        outside = where(series, [not one for one in keep]) if why else series
        self._tell_unserved(outside, why or self.in_use.why_not)
        series = where(series, keep)
        if plan is None or not len(series):
            return
        rows, n_bad = matrix(series, len(plan.facts.columns))
        scored = self.in_use.scored(rows)
        if scored is None:
            return
        made = self.in_use.made(rows, series, self.settings.tag, Quality.BAD)
        self.predictions += [made] if made is not None else []
        times, qualities = series.times().tolist(), series.qualities().tolist()
        for i, (time, quality) in enumerate(zip(times, qualities, strict=True)):
            self._log(scored, i, int(time), int(quality))
            if scored.scores.is_scored[i] and quality < Quality.BAD:
                self._watch_domain(scored, i, int(time), rows[i])
        if n_bad:
            self._unreadable(series, n_bad, len(plan.facts.columns))

    def take_record(self, event: Event) -> None:
        body = event.decode()
        if isinstance(body, SampleTaken) and body.taken_at is not None:
            self.state["samples"][body.sample] = [body.batch, body.taken_at]
        elif isinstance(body, ResultsReported):
            self._compare(event, body)
        elif isinstance(body, BatchEnded) and self.state["event"] is not None:
            finding = Finding.model_validate(self.state["event"])
            if finding.subject.batch == body.batch:
                self._close(finding, body.ended_at, self._at_the_end())

    def _at_the_end(self) -> str:
        n_out, n_scored = self.state["n_batch_out"], self.state["n_batch"]
        self.state["n_batch"] = self.state["n_batch_out"] = 0
        return (
            f"The batch ended: {n_out} of {n_scored} spectra lay outside, the last with an SPE "
            f"of {self.state['ratio']:.3g} times its limit."
        )

    def _log(self, scored: Scored, i: int, time: int, quality: int) -> None:
        scores = scored.scores
        is_good = bool(scores.is_scored[i]) and quality < Quality.BAD
        worst = max(quality, Quality.GOOD if scored.inside[i] else Quality.UNCERTAIN)
        numbers = (
            scores.values[i, 0],
            scores.lower[i, 0],
            scores.upper[i, 0],
            scores.t2[i],
            scores.spe[i],
        )
        for name, number in zip(OUTPUTS, numbers, strict=True):
            value = float(number) if is_good and math.isfinite(number) else None
            code = int(worst) if is_good else int(Quality.BAD)
            self.derived.append(Derived(self.settings.output_tag(name), time, value, code))
        self.state["n_scored"] += 1

    def _watch_domain(self, scored: Scored, i: int, time: int, row: Sequence[float]) -> None:
        scores = scored.scores
        # Spectra of two windows are not in a row.
        span = next((list(one) for one in self.spans if one[0] <= time < one[1]), None)
        start = span[0] if span is not None else 0
        if self.state["span"] != start:
            self.state["span"] = start
            self.state["n_outside"] = self.state["n_inside"] = 0
        is_inside = bool(scored.inside[i])
        plan = self.in_use.plan()
        if plan is None:
            return
        if is_inside and self.drift is not None:
            self._hand_over(self.drift.take(plan, scores, i, time))
        self.state["ratio"] = float(scores.spe[i]) / plan.facts.spe_limit
        self.state["n_batch"] += 1
        self.state["n_batch_out"] += not is_inside
        if not is_inside and self.state["n_outside"] == 0:
            self.state["outside_since"] = time
        self.state["n_inside"] = self.state["n_inside"] + 1 if is_inside else 0
        self.state["n_outside"] = 0 if is_inside else self.state["n_outside"] + 1
        running = self.state["event"]
        if running is None and self.state["n_outside"] >= self.settings.n_outside:
            t2, spe = float(scores.t2[i]), float(scores.spe[i])
            outside = Outside(time, row, float(scores.values[i, 0]), t2, spe)
            since = int(self.state["outside_since"])
            finding = left_domain(self.analyst, self.view, plan, outside, since)
            self.state["event"] = finding.model_dump(mode="json")
            self.open.put(finding, self.view.tick)
        elif running is not None and self.state["n_inside"] >= self.settings.n_inside:
            finding = Finding.model_validate(running)
            self._close(finding, time, f"Inside again for {self.settings.n_inside} spectra.")

    def _hand_over(self, finding: Finding | None) -> None:
        if finding is not None and self.drift is not None:
            self.drift.hand_over(finding, self.open)

    def _close(self, finding: Finding, at: int, words: str) -> None:
        statement = f"{finding.statement} {words}"
        self.open.close(finding.model_copy(update={"end": at, "statement": statement}))
        self.state["event"] = None

    def _tell_unserved(self, series: Series, why: str) -> None:
        """Say once that no model may be used, and why; close it when one serves again."""
        running = self.state.get("unserved")
        finding = Finding.model_validate(running) if running is not None else None
        if finding is not None and not why:
            self.open.close(finding.model_copy(update={"end": int(series.times()[0])}))
            self.state["unserved"] = None
        if finding is not None or not why:
            return
        finding = unserved(self.analyst, self.view, series, why)
        self.state["unserved"] = finding.model_dump(mode="json")
        self.open.put(finding, self.view.tick)

    def _unreadable(self, series: Series, n_bad: int, n_columns: int) -> None:
        words = f"{n_bad} of {len(series)} spectra lack {n_columns} channels and were not scored."
        finding = unreadable(self.analyst, self.view, series, words, self.in_use.digest)
        self.open.put(finding, self.view.tick)
        self.open.close(finding)

    def _compare(self, event: Event, body: ResultsReported) -> None:
        """Compare a result of the laboratory with what the sensor said at the sample."""
        plan = self.in_use.plan()
        sample = self.state["samples"].get(body.sample)
        results = [r for r in body.results if r.attribute == self.settings.attribute]
        if plan is None or sample is None or not results or results[0].number is None:
            return
        taken_at, truth = int(sample[1]), float(results[0].value)
        gap = int(self.settings.max_gap_s * 1e6)
        near = self.view.read([self.settings.tag], (taken_at - gap, taken_at + gap + 1))
        if not len(near):
            return
        rows, _ = matrix(near, len(plan.facts.columns))
        scored = self.in_use.scored([rows[int(abs(near.times() - taken_at).argmin())]])
        if scored is None or not scored.scores.is_scored[0]:
            return
        scores = scored.scores
        self.laboratory = self.laboratory.after(
            truth,
            float(scores.values[0, 0]),
            (float(scores.lower[0, 0]), float(scores.upper[0, 0])),
            bool(scored.inside[0]),
        )
        if self.drift is not None and scored.inside[0]:
            pair = (float(scores.values[0, 0]), truth)
            self._hand_over(self.drift.verify(plan, event, pair, taken_at))
        if self.state["event"] is not None:
            self._tell(event, truth, float(scores.values[0, 0]))

    def _tell(self, event: Event, truth: float, predicted: float) -> None:
        """Add what the laboratory found to the open finding."""
        running = Finding.model_validate(self.state["event"])
        base = running.statement.partition(" The laboratory")[0]
        unit = self.settings.unit
        finding = running.model_copy(
            update={
                "statement": (
                    f"{base} The laboratory found {truth:.3g} {unit} where the sensor said "
                    f"{predicted:.3g}. {self.laboratory.words(unit)}"
                ),
                "evidence": (*running.evidence, record_evidence(event, "laboratory")),
                "measures": (*running.measures[:2], *self.laboratory.measures(unit)),
            }
        )
        self.state["event"] = finding.model_dump(mode="json")
        self.open.put(finding, self.view.tick)
