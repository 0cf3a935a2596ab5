"""An analyst of the record itself: boundaries that sources disagree on, gaps in the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.analyst import Assessment, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest
from goldenbatch.core.batch_context import RECORDED, BoundaryStated, TagFlapped
from goldenbatch.core.findings import Evidence, Finding, Measure, Severity, Subject
from goldenbatch.core.records import Event, to_iso
from goldenbatch.core.sources import TOLD_WITHIN_US, GapBackfilled, GapFound

KINDS = (BoundaryStated.kind, TagFlapped.kind, GapFound.kind, GapBackfilled.kind)
VERSION = "3"


_OF_ALL = {"is_of_all": True, "tags": [], "n_lost": -1, "n_readings": 0}


class ContextSettings(BaseModel):
    """Settings of the analyst.

    Attributes:
        gap_s: A gap that is at least so long is a finding until it is filled.
        sources: Sources that are looked at; none: all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gap_s: float = Field(default=60.0, gt=0)
    sources: tuple[str, ...] = ()


def context_analyst(name: str, settings: Mapping[str, Any]) -> ContextAnalyst:
    """The analyst of an adopted name.

    Raises:
        BadInputError: A setting is unknown or impossible.
    """
    return ContextAnalyst(
        name, read_settings(ContextSettings, name, settings, "the README of execution")
    )


class ContextAnalyst:
    """Opens a finding on each disagreement and each gap; closes it when it is settled.

    Attributes:
        name: Its adopted name.
        version: Version of the code, with the digest of the settings.
    """

    def __init__(self, name: str, settings: ContextSettings) -> None:
        self.name, self._settings = name, settings
        self.version = f"{VERSION}+{settings_digest(settings)}"

    def start(self) -> State:
        """State before the first tick: nothing is open."""
        return {"open": {}, "findings": {}, "gaps": {}}

    def assess(self, state: State, view: TickView) -> Assessment:
        """Look at what sources have said and missed since the last tick."""
        book = OpenFindings(self.name, self.version, dict(state["open"]))
        findings: dict[str, Any] = dict(state["findings"])
        gaps: dict[str, Any] = json.loads(json.dumps(state.get("gaps", {})))
        for key in [one for one in findings if one.startswith("gap|")]:  # left by version 2
            gaps[key] = {"finding": findings.pop(key), **_OF_ALL}
        for event in view.new_events(KINDS):
            body = event.decode()
            if isinstance(body, BoundaryStated):
                self._boundary(view, book, findings, event, body)
            elif isinstance(body, TagFlapped):
                self._flapped(view, book, findings, event, body)
            elif isinstance(body, GapFound) and self._is_watched(body.source):
                self._gap(view, book, gaps, event, body)
            elif isinstance(body, GapBackfilled):
                self._filled(book, gaps, event, body)
        after = {"open": book.entries, "findings": findings, "gaps": gaps}
        return Assessment(after, book.transitions)

    def _is_watched(self, source: str) -> bool:
        return not self._settings.sources or source in self._settings.sources

    # ---- boundaries -------------------------------------------------------------------------

    def _boundary(
        self,
        view: TickView,
        book: OpenFindings,
        findings: dict[str, Any],
        event: Event,
        body: BoundaryStated,
    ) -> None:
        # The one that is not believed is named: it may come to agree.
        doubted = body.against if body.outcome == "prevails" else body.source
        key = "|".join((body.what.value, body.phase, str(body.run), doubted))
        subject = Subject(batch=body.batch, place=body.place, key=key)
        if body.outcome in ("disagrees", "prevails"):
            finding = self._disagreement(subject, event, body)
            book.put(finding, view.tick)
            findings[key + body.batch] = finding.model_dump(mode="json")
        elif book.is_open(subject) and body.outcome in ("same", *RECORDED):
            last = Finding.model_validate(findings.pop(key + body.batch))
            words = f"{last.statement} Settled: {body.source} now says {to_iso(body.at)}."
            evidence = (*last.evidence, _record(event, "what settled it"))
            book.close(last.model_copy(update={"statement": words, "evidence": evidence}))

    def _disagreement(self, subject: Subject, event: Event, body: BoundaryStated) -> Finding:
        recorded = body.recorded_at_source or body.at
        what = f"{body.what.value}" + (f" ({body.phase}, run {body.run})" if body.phase else "")
        apart = abs(body.at - recorded) / 1e6
        taken = f" That of {body.source} is taken: it ranks first." if body.against else ""
        taken = taken if body.outcome == "prevails" else ""
        return Finding(
            subject=subject,
            title=f"Sources disagree: {what}"[:120],
            statement=f"Batch {body.batch}, {what}: {body.note}; {apart:g} s apart.{taken}",
            severity=Severity.MINOR,
            start=min(body.at, recorded),
            end=max(body.at, recorded),
            evidence=(_record(event, "the statement that differs"),),
            measures=(Measure(name="difference", value=apart, unit="s"),),
            analyst=self.name,
            analyst_version=self.version,
            suggested_action="Find out which is right, and correct the record with the reason.",
        )

    # ---- flapping ---------------------------------------------------------------------------

    def _flapped(
        self,
        view: TickView,
        book: OpenFindings,
        findings: dict[str, Any],
        event: Event,
        body: TagFlapped,
    ) -> None:
        """One finding from when a tag is first said to flap until it is at rest."""
        key = f"flapping|{body.rule}"
        subject = Subject(tag=body.tag, key=key)
        seconds = max((body.end - body.start) / 1e6, 1e-6)
        finding = Finding(
            subject=subject,
            title=f"{body.tag.rpartition('/')[2]} flaps: no boundaries are read off it"[:120],
            statement=f"{body.tag} took {body.n_changes} values in {seconds:g} s from "
            f"{to_iso(body.start)} on that did not hold for {body.settle_s:g} s, as rule "
            f"{body.rule} asks. " + ("It has come to rest." if body.is_over else "It goes on."),
            severity=Severity.MINOR,
            start=body.start,
            end=body.end if body.is_over else None,
            evidence=(_record(event, "what the rule counted"),),
            measures=(Measure(name="changes", value=body.n_changes, unit="1"),),
            analyst=self.name,
            analyst_version=self.version,
            suggested_action="Look at the signal and its wiring; check the batch's boundaries.",
        )
        if not body.is_over:
            book.put(finding, view.tick)
            findings[key + body.tag] = finding.model_dump(mode="json")
            return
        if not book.is_open(subject):
            book.put(finding, view.tick)
        findings.pop(key + body.tag, None)
        book.close(finding)

    # ---- gaps -------------------------------------------------------------------------------

    def _gap(
        self,
        view: TickView,
        book: OpenFindings,
        gaps: dict[str, Any],
        event: Event,
        body: GapFound,
    ) -> None:
        seconds = (body.end - body.start) / 1e6
        if seconds < self._settings.gap_s and body.n_lost <= 0:
            return
        # Several devices may be lost at one moment: each is a gap of its own.
        named = hashlib.sha256("\n".join(body.tags).encode()).hexdigest()[:12] if body.tags else ""
        key = f"gap|{body.source}|{body.start}|{named}".rstrip("|")
        about = f"{len(body.tags)} tags" if body.tags else "all its tags"
        lost = f", {body.n_lost} readings lost" if body.n_lost > 0 else ""
        finding = Finding(
            subject=Subject(tag=body.tags[0] if len(body.tags) == 1 else "", key=key),
            title=f"Readings of {body.source} are missing: {body.cause.value}"[:120],
            statement=f"{body.source}, {about}: {seconds:g} s from {to_iso(body.start)} on"
            f"{lost}. {body.note}".strip(),
            severity=Severity.MINOR,
            start=body.start,
            end=body.end,
            evidence=(_record(event, "the gap"),),
            measures=(Measure(name="length", value=seconds, unit="s"),),
            analyst=self.name,
            analyst_version=self.version,
            suggested_action="See whether a batch ran in it: `goldenbatch batch complete`.",
        )
        book.put(finding, view.tick)
        gaps[key] = {
            "finding": finding.model_dump(mode="json"), "is_of_all": not body.tags,
            "tags": list(body.tags), "n_lost": body.n_lost, "n_readings": 0,
        }  # fmt: skip

    def _filled(
        self, book: OpenFindings, gaps: dict[str, Any], event: Event, body: GapBackfilled
    ) -> None:
        """A gap is closed when all of its time was asked for again, of all its tags, and gave."""
        for key in [one for one in gaps if one.startswith(f"gap|{body.source}|")]:
            gap = gaps[key]
            last = Finding.model_validate(gap["finding"])
            is_early = body.start <= last.start + TOLD_WITHIN_US
            if not is_early or not last.start < body.end >= (last.end or last.start):
                continue
            gap["tags"] = [one for one in gap["tags"] if one not in set(body.tags)]
            # Where tags are named, others of the gap may still be missing.
            is_whole = not body.tags or not (gap["is_of_all"] or gap["tags"])
            gap["n_readings"] += body.n_readings
            if is_whole and gap["n_readings"] >= max(1, gap["n_lost"]):
                del gaps[key]
                words = f"{last.statement} Filled: {gap['n_readings']} readings came later."
                evidence = (*last.evidence, _record(event, "the backfill"))
                book.close(last.model_copy(update={"statement": words, "evidence": evidence}))


def _record(event: Event, note: str) -> Evidence:
    return Evidence(
        kind="record",
        digest=event.leaf,
        stream=event.stream,
        version=event.envelope.version,
        note=note,
    )
