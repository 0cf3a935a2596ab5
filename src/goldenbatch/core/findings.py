"""Findings: what an analyst says it saw, with its evidence, and what people said of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type


class Severity(StrEnum):
    """How much a finding matters if it is true; it is advisory, not an alarm priority."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Subject(_Frozen):
    """What a finding is about; at least one field is set.

    Attributes:
        batch: Batch identifier.
        place: Path of a place in the plant.
        tag: Name of a tag, or empty.
        attribute: Name of a quality attribute or derived signal, or empty.
        key: Tells apart findings of one analyst on the same subject (a chart, a rule).
    """

    batch: str = ""
    place: str = ""
    tag: str = ""
    attribute: str = ""
    key: str = ""


class Evidence(_Frozen):
    """One piece of evidence, by reference: a window of a tag, a record, or an artefact.

    Attributes:
        kind: `window` (tag, start, end, as_of), `record` (stream, version) or `artefact`.
        digest: SHA-256 of what was read: canonical readings, leaf hash or content.
        n_readings: Number of readings in a window.
    """

    kind: Literal["window", "record", "artefact"]
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    tag: str = ""
    start: Micros | None = None
    end: Micros | None = None
    as_of: int | None = None
    n_readings: int | None = None
    stream: str = ""
    version: int | None = None
    note: str = ""


class Contribution(_Frozen):
    """How much one variable adds to a statistic, signed, in the statistic's unit."""

    variable: str
    value: float


class Measure(_Frozen):
    """A number that the finding rests on, with its limit where there is one."""

    name: str
    value: float
    unit: str = "1"
    lower_limit: float | None = None
    upper_limit: float | None = None


class Finding(_Frozen):
    """One event that an analyst saw: opened, updated and closed under one uid.

    Attributes:
        batches: Further batches that the event touches, beside the subject's own.
    """

    subject: Subject
    batches: tuple[str, ...] = ()
    title: str = Field(min_length=1, max_length=120)
    statement: str = Field(min_length=1, description="What was seen, in words, with numbers.")
    severity: Severity
    start: Micros
    end: Micros | None = None
    evidence: tuple[Evidence, ...] = Field(min_length=1)
    contributions: tuple[Contribution, ...] = ()
    measures: tuple[Measure, ...] = ()
    confidence: float | None = Field(default=None, ge=0, le=1)
    in_domain: bool = True
    analyst: str
    analyst_version: str
    model_digest: str = ""
    suggested_action: str = ""


def finding_uid(analyst: str, version: str, subject: Subject, opening_tick: int) -> str:
    """Uid of a finding: 32 hexadecimal digits, the same on every replay.

    >>> finding_uid("monitoring.charts", "1", Subject(batch="7"), 3)
    '19c017fcd886f45438be5ab38d7b408e'
    """
    text = json.dumps(
        [analyst, version, subject.model_dump(mode="json"), opening_tick],
        sort_keys=True,
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@record_type
class FindingOpened(Body):
    """An analyst saw something."""

    uid: str
    tick: int
    finding: Finding


@record_type
class FindingUpdated(Body):
    """The same event went on or became clearer."""

    supersedes: ClassVar[tuple[str, ...]] = ("FindingOpened", "FindingUpdated")

    uid: str
    tick: int
    finding: Finding


@record_type
class FindingClosed(Body):
    """The event ended; the finding still waits for a person's decision."""

    supersedes: ClassVar[tuple[str, ...]] = ("FindingOpened", "FindingUpdated")

    uid: str
    tick: int
    finding: Finding


def newest_finding(events: Iterable[Event]) -> Finding | None:
    """The finding as the newest event of its stream states it; None when none does."""
    newest: Finding | None = None
    for event in events:
        body = event.decode()
        if isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
            newest = body.finding
    return newest


class Verdict(StrEnum):
    """What a person says of a finding."""

    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    NEEDS_LABORATORY = "needs_laboratory"


@record_type
class DecisionMade(Body):
    """What a person decided on one version of a finding; signed by a following event."""

    uid: str
    finding_version: int = Field(ge=1)
    verdict: Verdict
    comment: str = Field(min_length=1)
    action: str = ""


def _fold(event: Event, lookup: object) -> list[Row]:
    get = lookup if callable(lookup) else lambda _key: None
    body = event.decode()
    if isinstance(body, DecisionMade):
        row = get((body.uid,))
        if row is None:
            return []
        return [
            {
                **row,
                "verdict": body.verdict.value,
                "decided_by": event.envelope.actor,
                "decided_at": event.envelope.recorded_at,
                "stream_version": event.envelope.version,
            }
        ]
    if not isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
        return []
    previous = get((body.uid,)) or {}
    finding = body.finding
    return [
        {
            "uid": body.uid,
            "state": "closed" if isinstance(body, FindingClosed) else "open",
            "severity": finding.severity.value,
            "analyst": finding.analyst,
            "batch": finding.subject.batch,
            "place": finding.subject.place,
            "attribute": finding.subject.attribute or finding.subject.tag,
            "title": finding.title,
            "started_at": finding.start,
            "ended_at": finding.end,
            "opened_seq": previous.get("opened_seq", event.seq),
            "stream_version": event.envelope.version,
            # What was decided of an earlier version is no decision on this one.
            "verdict": "",
            "decided_by": "",
            "decided_at": None,
        }
    ]


FINDINGS = Projection(
    name="finding",
    version=2,
    columns={
        "uid": "TEXT",
        "state": "TEXT",
        "severity": "TEXT",
        "analyst": "TEXT",
        "batch": "TEXT",
        "place": "TEXT",
        "attribute": "TEXT",
        "title": "TEXT",
        "started_at": "INTEGER",
        "ended_at": "INTEGER",
        "opened_seq": "INTEGER",
        "stream_version": "INTEGER",
        "verdict": "TEXT",
        "decided_by": "TEXT",
        "decided_at": "INTEGER",
    },
    key=("uid",),
    kinds=frozenset({"FindingOpened", "FindingUpdated", "FindingClosed", "DecisionMade"}),
    fold=_fold,
    indexes=(("batch",), ("state", "severity")),
)
"""All findings, one row each, with the decision on their newest version, if there is one."""


def _fold_batches(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
        return []
    finding = body.finding
    names = sorted({finding.subject.batch, *finding.batches} - {""})
    return [{"batch": name, "uid": body.uid} for name in names]


FINDING_BATCHES = Projection(
    name="finding_batch",
    version=1,
    columns={"batch": "TEXT", "uid": "TEXT"},
    key=("batch", "uid"),
    kinds=frozenset({"FindingOpened", "FindingUpdated", "FindingClosed"}),
    fold=_fold_batches,
)
"""Which findings touch which batch: one event may span several batches."""

PROJECTIONS = (FINDINGS, FINDING_BATCHES)
"""All projections of this module."""
