"""An analyst of judgements: what is out of plan asks for change control, a failure for a deviation.

It opens one finding for a version, goes on while the version is judged again, and closes it
when the version passes, or is approved by change control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest
from goldenbatch.core.findings import Evidence, Finding, Measure, Severity, Subject
from goldenbatch.core.gate_records import GateJudged, GateOutcome, RuleVerdict
from goldenbatch.core.model_records import ModelApproved
from goldenbatch.core.records import Event

VERSION = "1"
KINDS = (GateJudged.kind, ModelApproved.kind)

ASKED: Final = {
    GateOutcome.OUT_OF_PLAN: "Open a change-control record; the plan does not permit this update.",
    GateOutcome.FAIL: "Open a deviation: the update failed, is not brought in, and the cause is "
    "to be found.",
}
"""What each outcome asks for, in words that `quality` turns into its workflows."""


class ChangesSettings(BaseModel):
    """Settings of the analyst.

    Attributes:
        uses: Uses that are looked at; none: all.
        severity: Of an update that is out of plan.
        failed: Of one that failed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    uses: tuple[str, ...] = ()
    severity: Severity = Severity.MAJOR
    failed: Severity = Severity.MAJOR


def changes_analyst(name: str, settings: Mapping[str, Any]) -> ChangesAnalyst:
    """The analyst of an adopted name.

    Raises:
        BadInputError: A setting is unknown or impossible.
    """
    return ChangesAnalyst(
        name, read_settings(ChangesSettings, name, settings, "the README of governance")
    )


class ChangesAnalyst:
    """Opens a finding on each update that the gate did not let pass.

    Attributes:
        name: Its adopted name.
        version: Version of the code, with the digest of the settings.
    """

    def __init__(self, name: str, settings: ChangesSettings) -> None:
        self.name, self._settings = name, settings
        self.version = f"{VERSION}+{settings_digest(settings)}"

    def start(self) -> State:
        """State before the first tick: nothing is open."""
        return {"open": {}, "findings": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Look at what the gate said since the last tick."""
        book = OpenFindings(self.name, self.version, dict(state["open"]))
        findings: dict[str, Any] = dict(state["findings"])
        for event in view.new_events(KINDS):
            body = event.decode()
            if isinstance(body, GateJudged | ModelApproved) and self._is_watched(body.use):
                self._take(view, book, findings, event, body)
        return Assessment({"open": book.entries, "findings": findings}, book.transitions)

    def _is_watched(self, use: str) -> bool:
        return not self._settings.uses or use in self._settings.uses

    def _take(
        self,
        view: TickView,
        book: OpenFindings,
        findings: dict[str, Any],
        event: Event,
        body: GateJudged | ModelApproved,
    ) -> None:
        label = f"{body.use}@{body.version}"
        last = Finding.model_validate(findings[label]) if label in findings else None
        if isinstance(body, GateJudged) and body.outcome in ASKED:
            # One that opens again, in whatever tick, is another finding.
            key = last.subject.key if last else f"{label}#{event.envelope.version}"
            finding = self._finding(Subject(attribute=body.use, key=key), event, body)
            book.put(finding, view.tick)
            findings[label] = finding.model_dump(mode="json")
        elif last is not None and (words := _settles(body)):
            del findings[label]
            book.close(
                last.model_copy(
                    update={
                        "statement": f"{last.statement} Settled: {words}.",
                        "end": event.envelope.recorded_at,
                        "evidence": (*last.evidence, _record(event, "what settled it")),
                    }
                )
            )

    def _finding(self, subject: Subject, event: Event, body: GateJudged) -> Finding:
        is_out = body.outcome is GateOutcome.OUT_OF_PLAN
        wanted = RuleVerdict.OUTSIDE if is_out else RuleVerdict.FAILS
        lines = [one for one in body.lines if one.verdict is wanted]
        named = "; ".join(f"{one.rule}: {one.found} (asked: {one.asked})" for one in lines)
        what = "is out of plan" if is_out else "failed within its plan"
        label = f"{body.use}@{body.version}"
        return Finding(
            subject=subject,
            title=f"Update {label} {what}"[:120],
            statement=f"The gate judged {label} (follows {body.follows}) under {body.plan}@"
            f"{body.plan_version}: {body.outcome.value}. {named}.",
            severity=self._settings.severity if is_out else self._settings.failed,
            start=event.envelope.recorded_at,
            evidence=(
                _record(event, "the judgement"),
                _artefact(body.explanation, "explanation, line by line"),
                _artefact(body.evidence, "evidence that was judged"),
            ),
            measures=(Measure(name="rules not held", value=float(len(lines))),),
            analyst=self.name,
            analyst_version=self.version,
            model_digest=body.digest,
            suggested_action=ASKED[body.outcome],
        )


def _settles(body: GateJudged | ModelApproved) -> str:
    """Why an open finding is settled; empty where it is not."""
    if isinstance(body, ModelApproved):
        return f"approved by change control ({body.change})" if body.change else ""
    return "a later judgement passed" if body.outcome is GateOutcome.PASS else ""


def _record(event: Event, note: str) -> Evidence:
    return Evidence(
        kind="record", digest=event.leaf, stream=event.stream, version=event.envelope.version,
        note=note,
    )  # fmt: skip


def _artefact(digest: str, note: str) -> Evidence:
    return Evidence(kind="artefact", digest=digest, note=note)
