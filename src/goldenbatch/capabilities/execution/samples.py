"""An analyst of samples: those that are missing or late against the plan, and their results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from goldenbatch.capabilities.execution._sample_words import BETWEEN, Words, cause_of, ref_of
from goldenbatch.core.analyst import AnalystAdopted, Assessment, OpenFindings, State, TickView
from goldenbatch.core.analyst_settings import read_settings, settings_digest
from goldenbatch.core.batch_state import BatchState, batch_state
from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
    SampleCorrected,
    SampleTaken,
)
from goldenbatch.core.findings import Evidence, Finding, Severity
from goldenbatch.core.records import Event, from_iso
from goldenbatch.core.results import ResultCorrected, ResultsReported, ResultStatus
from goldenbatch.core.sampling import Expected, Held, PlannedTest, SamplingPlan, expected, matched

VERSION = "1"
BATCH_KINDS = tuple(
    one.kind
    for one in (BatchCreated, BatchEnded, BatchCorrected, PhaseStarted, PhaseEnded, PhaseCorrected)
)
SAMPLE_KINDS = tuple(
    one.kind for one in (SampleTaken, SampleCorrected, ResultsReported, ResultCorrected)
)


KINDS = (*BATCH_KINDS, *SAMPLE_KINDS)


class SamplesSettings(SamplingPlan):
    """Settings of the analyst: the plan, and how findings are weighed.

    Attributes:
        severity: Of what is missing or late; what nobody planned is information.
        keep_s: A batch that ended so long ago, and lacks nothing, is not looked at any more.
    """

    severity: Severity = Severity.MINOR
    keep_s: float = Field(default=30 * 86400.0, gt=0)


def samples_analyst(name: str, settings: Mapping[str, Any]) -> SamplesAnalyst:
    """The analyst of an adopted name.

    Raises:
        BadInputError: A setting is unknown or impossible.
    """
    return SamplesAnalyst(
        name, read_settings(SamplesSettings, name, settings, "the README of execution")
    )


class SamplesAnalyst:
    """Holds what was sampled and tested against the plan; asks to be woken when something is due.

    Attributes:
        name: Its adopted name.
        version: Version of the code, with the digest of the settings.
    """

    def __init__(self, name: str, settings: SamplesSettings) -> None:
        self.name, self.settings = name, settings
        self.version = f"{VERSION}+{settings_digest(settings)}"

    def start(self) -> State:
        """State before the first tick: no batch, no sample."""
        return {"batches": {}, "of": {}, "dropped": [], "open": {}, "wake_at": None,
                "is_begun": False}  # fmt: skip

    def assess(self, state: State, view: TickView) -> Assessment:
        """Look at batches of which something is new or due."""
        events = view.new_events(KINDS)
        if not state["is_begun"]:
            work = _Work(self, state, view)
            work.begin()
            return work.assessment()
        if not events and (state["wake_at"] is None or view.tick.at < state["wake_at"]):
            return Assessment(state)
        work = _Work(self, state, view)
        for event in events:
            work.take(event)
        return work.assessment()


class _Work:
    """One assessment, on copies of what it changes."""

    def __init__(self, analyst: SamplesAnalyst, state: State, view: TickView) -> None:
        self.analyst, self.view, self.plan = analyst, view, analyst.settings
        self.batches: dict[str, Any] = json.loads(json.dumps(state["batches"]))
        self.of: dict[str, str] = dict(state["of"])
        self.dropped: set[str] = set(state["dropped"])
        self.book = OpenFindings(analyst.name, analyst.version, dict(state["open"]))
        self.touched: set[str] = set()
        self.words = Words(analyst.name, analyst.version, self.plan, self.plan.severity)

    # ---- what is new ------------------------------------------------------------------------

    def begin(self) -> None:
        """Take all there is; batches that had ended when the plan was adopted are left alone."""
        adoptions = self.view.events((AnalystAdopted.kind,), f"analyst/{self.analyst.name}")
        adopted = max((one.seq for one in adoptions), default=0)
        events = self.view.events(KINDS)
        ended = (one for one in events if one.kind == BatchEnded.kind and one.seq < adopted)
        self.dropped = {one.stream.partition("/")[2] for one in ended}
        for event in events:
            self.take(event)

    def take(self, event: Event) -> None:
        body = event.decode()
        batch = getattr(body, "batch", "") or self.of.get(getattr(body, "sample", ""), "")
        if not batch or batch in self.dropped:
            return
        self.touched.add(batch)
        if event.kind in SAMPLE_KINDS and body is not None:
            self._sample(event, batch, body)
        else:
            self._batch(batch)

    def _batch(self, batch: str) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "samples": {}, "results": {}, "seen": {}, "open": {}, "done": [], "next": None,
        }  # fmt: skip
        found: dict[str, Any] = self.batches.setdefault(batch, empty)
        return found

    def _sample(self, event: Event, batch: str, body: object) -> None:
        mine = self._batch(batch)
        seen = event.envelope.performed_at or self.view.tick.at
        if isinstance(body, SampleTaken):
            self.of[body.sample] = batch
            at = body.taken_at if body.taken_at is not None else seen
            learned = self.view.tick.at
            mine["samples"][body.sample] = [body.point, body.plan, at, learned, ref_of(event)]
        elif isinstance(body, SampleCorrected):
            self._corrected(mine, body)
        elif isinstance(body, ResultsReported):
            self.of.setdefault(body.sample, batch)
            for one in body.results:
                if one.status is not ResultStatus.INVALIDATED:
                    at = one.performed_at if one.performed_at is not None else seen
                    mine["results"][f"{body.sample}{BETWEEN}{one.test}"] = [at, ref_of(event)]
        elif isinstance(body, ResultCorrected):
            key = f"{body.sample}{BETWEEN}{body.test}"
            if body.new.status is ResultStatus.INVALIDATED:
                mine["results"].pop(key, None)  # without a valid one it is still to come
            else:
                at = mine["results"].get(key, [body.new.performed_at or seen])[0]
                mine["results"][key] = [at, ref_of(event)]

    def _corrected(self, mine: dict[str, Any], body: SampleCorrected) -> None:
        if body.field == "batch" and body.new:
            held = mine["samples"].pop(body.sample, None)
            self.of[body.sample] = body.new
            if held is not None and body.new not in self.dropped:
                other = self._batch(body.new)
                other["samples"][body.sample] = held
                for key in [
                    one for one in mine["results"] if one.startswith(body.sample + BETWEEN)
                ]:
                    other["results"][key] = mine["results"].pop(key)
                self.touched.add(body.new)
            return
        held = mine["samples"].get(body.sample)
        place = {"point": 0, "plan": 1, "taken_at": 2}.get(body.field)
        if held is not None and place is not None:
            held[place] = from_iso(body.new) if place == 2 and body.new else body.new or held[place]

    # ---- what is due ------------------------------------------------------------------------

    def assessment(self) -> Assessment:
        now = self.view.tick.at
        due = {
            b for b, one in self.batches.items() if one["next"] is not None and one["next"] <= now
        }
        for batch in sorted(self.touched | due):
            if batch in self.batches:
                self._judge(batch)
        waits = [one["next"] for one in self.batches.values() if one["next"] is not None]
        state: State = {
            "batches": self.batches, "of": self.of, "dropped": sorted(self.dropped),
            "open": self.book.entries, "wake_at": min(waits, default=None), "is_begun": True,
        }  # fmt: skip
        return Assessment(state, tuple(self.book.transitions))

    def _judge(self, batch: str) -> None:
        stream = f"batch/{batch}"
        events = [one for one in self.view.events(BATCH_KINDS, stream) if one.stream == stream]
        state, mine = batch_state(events), self.batches[batch]
        mine["next"] = None
        if not state.exists or not self.plan.is_for(state.entries.get("product", "")):
            self._end_all(mine, lambda _key: True, "The plan asks for it no more.")
            return
        due = expected(self.plan, state, self.view.tick.at)
        held = [Held(name, one[0], one[1], one[2]) for name, one in sorted(mine["samples"].items())]
        pairs = matched(due, held)
        wanted: set[str] = set()
        for one in due:
            cause = cause_of(events, one)
            wanted.add(one.sample)
            self._look_at_sample(batch, mine, one, pairs.get(one.sample), cause)
            for test in one.item.tests if one.sample in pairs else ():
                wanted.add(f"{one.sample}{BETWEEN}{test.test}")
                self._look_at_result(batch, mine, one, test, pairs[one.sample])
        self._end_all(mine, lambda key: key not in wanted, "The plan asks for it no more.")
        self._unplanned(batch, mine, state, {one.sample for one in pairs.values()})
        self._drop(batch, mine, state)

    def _look_at_sample(
        self, batch: str, mine: dict[str, Any], one: Expected, held: Held | None, cause: Event
    ) -> None:
        if held is None:
            # What was entered late is late so long after it could be known.
            known_at = mine["seen"].setdefault(one.sample, self.view.tick.at)
            until = max(one.late_at, known_at + int(one.item.late_s * 1e6))
            if self.view.tick.at <= until:
                self._wait(mine, until + 1)
                self._end_all(mine, lambda key: key == one.sample, "It is due later by now.")
            elif one.sample not in mine["open"]:
                self._open(mine, one.sample, self.words.missing(batch, one, cause))
            return
        seconds = (held.taken_at - one.due_at) / 1e6
        ref = Evidence.model_validate(mine["samples"][held.sample][-1])
        words = f"Sample {held.sample} was taken {seconds:g} s after it was due."
        if one.sample in mine["open"]:
            self._close(mine, one.sample, words, ref, held.taken_at)
        elif held.taken_at > one.late_at and one.sample not in mine["done"]:
            late = self.words.missing(batch, one, cause, f"Late: sample {one.sample}", words)
            self._open(mine, one.sample, late)
            self._close(mine, one.sample, "", ref, held.taken_at)

    def _look_at_result(
        self, batch: str, mine: dict[str, Any], one: Expected, test: PlannedTest, held: Held
    ) -> None:
        key = f"{one.sample}{BETWEEN}{test.test}"
        due_at = held.taken_at + int(test.turnaround_s * 1e6)
        sample = Evidence.model_validate(mine["samples"][held.sample][-1])
        there = mine["results"].get(f"{held.sample}{BETWEEN}{test.test}")
        if there is None and test.turnaround_s:
            learned = mine["samples"][held.sample][3]
            until = max(due_at, learned + int(test.turnaround_s * 1e6))
            if self.view.tick.at <= until:
                self._wait(mine, until + 1)
            elif key not in mine["open"]:
                self._open(mine, key, self.words.no_result(batch, test, (held, sample, due_at)))
            return
        if there is None:
            return
        at, ref = int(there[0]), Evidence.model_validate(there[1])
        seconds = (at - due_at) / 1e6
        words = (
            f"The result came {abs(seconds):g} s {'after' if seconds > 0 else 'before'} its time."
        )
        if key in mine["open"]:
            self._close(mine, key, words, ref, at)
        elif test.turnaround_s and at > due_at and key not in mine["done"]:
            late = self.words.no_result(batch, test, (held, sample, due_at), "Late: ", words)
            self._open(mine, key, late)
            self._close(mine, key, "", ref, at)

    def _unplanned(
        self, batch: str, mine: dict[str, Any], state: BatchState, planned: set[str]
    ) -> None:
        """A sample that stands for none of the plan; not before one of its point may fit."""
        points = {one.point for one in self.plan.samples} - {""}
        for name, one in sorted(mine["samples"].items()):
            key = f"unplanned{BETWEEN}{name}"
            may_fit = state.ended_at is None and (not one[0] or one[0] in points)
            if name in planned or may_fit or key in mine["done"]:
                continue
            of_plan = one[1].partition("@")[0]
            if of_plan and of_plan != self.plan.plan:
                continue  # of another plan
            seen = Held(name, one[0], one[1], one[2])
            ref = Evidence.model_validate(one[-1])
            self._open(mine, key, self.words.unplanned(batch, seen, ref))
            self._close(mine, key, "", None, one[2])

    def _drop(self, batch: str, mine: dict[str, Any], state: BatchState) -> None:
        if state.ended_at is None or mine["open"] or mine["next"] is not None:
            return
        until = state.ended_at + int(self.plan.keep_s * 1e6)
        if self.view.tick.at < until:
            self._wait(mine, until)
            return
        del self.batches[batch]
        self.dropped.add(batch)
        self.of = {name: other for name, other in self.of.items() if other != batch}

    def _wait(self, mine: dict[str, Any], at: int) -> None:
        mine["next"] = at if mine["next"] is None else min(mine["next"], at)

    # ---- findings ---------------------------------------------------------------------------

    def _open(self, mine: dict[str, Any], key: str, finding: Finding) -> None:
        self.book.put(finding, self.view.tick)
        mine["open"][key] = finding.model_dump(mode="json")

    def _close(
        self, mine: dict[str, Any], key: str, words: str, ref: Evidence | None, at: int
    ) -> None:
        last = Finding.model_validate(mine["open"].pop(key))
        update: dict[str, Any] = {"end": max(at, last.start)}
        update["statement"] = f"{last.statement} {words}".strip()
        if ref is not None:
            update["evidence"] = (*last.evidence, ref)
        mine["done"].append(key)
        self.book.close(last.model_copy(update=update))

    def _end_all(self, mine: dict[str, Any], is_over: Callable[[str], bool], words: str) -> None:
        for key in [one for one in mine["open"] if is_over(one)]:
            self._close(mine, key, words, None, self.view.tick.at)
            mine["done"].remove(key)  # it may be asked for again
