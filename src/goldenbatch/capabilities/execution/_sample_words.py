"""What is said of samples and results that are missing, late or of no plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
    SampleTaken,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.findings import Evidence, Finding, Measure, Severity, Subject
from goldenbatch.core.records import Event, to_iso
from goldenbatch.core.sampling import Expected, Held, PlannedTest, SamplingPlan

BETWEEN = "\x1f"
"""Between a sample and its test in a key: it stands in no identifier."""


class Words:
    """Findings of one analyst under one plan."""

    def __init__(self, name: str, version: str, plan: SamplingPlan, severity: Severity) -> None:
        self._name, self._version, self._plan = name, version, plan
        self._severity = severity

    def missing(
        self, batch: str, one: Expected, cause: Event, title: str = "", words: str = ""
    ) -> Finding:
        """A sample that the plan asks for and that is not there, or came late."""
        place, phase, run = one.cause
        of = f"phase {phase}, run {run}, at {place}" if phase else "the batch"
        when = f"due at {to_iso(one.due_at)} ({'end' if one.is_end else 'start'} of {of})"
        finding = self._finding(
            (batch, one.sample),
            title or f"Missing: sample {one.sample}",
            f"Batch {batch}, sample {one.sample} of plan {self._plan.label}, {when}, was late "
            f"from {to_iso(one.late_at)} on. {words or 'It is not there.'}",
            (one.due_at, evidence_of(cause, "what made it due")),
        )
        allowed = Measure(name="allowed delay", value=one.item.late_s, unit="s")
        action = "Take the sample or say why there is none; see whether the batch is covered."
        return finding.model_copy(update={"measures": (allowed,), "suggested_action": action})

    def no_result(
        self, batch: str, test: PlannedTest, held: tuple[Held, Evidence, int], *late: str
    ) -> Finding:
        """A result that is not there when its time is over, or came after it.

        Args:
            batch: Identifier of the batch.
            test: The test of the plan.
            held: The sample, its record, and when the result was due.
            late: Beginning of the title and last words, where it came.
        """
        sample, ref, due_at = held
        title, words = late or ("Missing: ", "It is not there.")
        finding = self._finding(
            (batch, f"{sample.sample}{BETWEEN}{test.test}"),
            f"{title}{test.test} of sample {sample.sample}",
            f"Batch {batch}, sample {sample.sample}: the result of {test.test} was due at "
            f"{to_iso(due_at)}, {test.turnaround_s:g} s after the sample was taken. {words}",
            (sample.taken_at, ref),
        )
        allowed = Measure(name="turnaround", value=test.turnaround_s, unit="s")
        subject = finding.subject.model_copy(update={"attribute": test.attribute or test.test})
        update = {"measures": (allowed,), "suggested_action": "Ask the laboratory."}
        return finding.model_copy(update={**update, "subject": subject})

    def unplanned(self, batch: str, held: Held, ref: Evidence) -> Finding:
        """A sample that the plan does not ask for."""
        finding = self._finding(
            (batch, f"unplanned{BETWEEN}{held.sample}"),
            f"Sample {held.sample} is of no plan",
            f"Sample {held.sample} of batch {batch}, point {held.point or 'not stated'}, was taken "
            f"at {to_iso(held.taken_at)}; plan {self._plan.label} does not ask for it.",
            (held.taken_at, ref),
        )
        info = {"severity": Severity.INFO, "suggested_action": "See why it was taken."}
        return finding.model_copy(update=info)

    def _finding(
        self, about: tuple[str, str], title: str, statement: str, basis: tuple[int, Evidence]
    ) -> Finding:
        return Finding(
            subject=Subject(batch=about[0], key=about[1].replace(BETWEEN, "|")),
            title=title[:120],
            statement=statement,
            severity=self._severity,
            start=basis[0],
            evidence=(basis[1],),
            analyst=self._name,
            analyst_version=self._version,
        )


def cause_of(events: Iterable[Event], one: Expected) -> Event:
    """The newest event that says when what made a sample due began or ended."""
    _, phase, _run = one.cause
    found = None
    for event in events:
        body = event.decode()
        if phase and isinstance(body, PhaseStarted | PhaseEnded | PhaseCorrected):
            is_it = (body.place, body.phase, body.run) == one.cause
            is_end = isinstance(body, PhaseEnded) or getattr(body, "field", "") == "ended_at"
        elif isinstance(body, BatchCreated | BatchEnded | BatchCorrected):
            is_it = not phase or isinstance(body, BatchEnded)
            is_end = isinstance(body, BatchEnded) or getattr(body, "field", "") == "ended_at"
        else:
            continue
        if found is None or (is_it and is_end == one.is_end):
            found = event
    if found is None:
        raise BadInputError(f"sample {one.sample}: nothing is recorded that makes it due.")
    return found


def evidence_of(event: Event, note: str) -> Evidence:
    """An event of the ledger as evidence, by its leaf hash."""
    return Evidence(
        kind="record",
        digest=event.leaf,
        stream=event.stream,
        version=event.envelope.version,
        note=note,
    )


def ref_of(event: Event) -> dict[str, Any]:
    """Evidence of a sample or a result, as plain JSON."""
    note = "the sample" if event.kind == SampleTaken.kind else "the result"
    return evidence_of(event, note).model_dump(mode="json")
