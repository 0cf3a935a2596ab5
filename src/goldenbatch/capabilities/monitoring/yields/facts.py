"""What the ledger says of batches, lots and equipment, folded once for all that yields needs.

The same fold serves the command, which reads a site, and the analyst, which reads a tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from goldenbatch.capabilities.monitoring.yields.right_first_time import BatchFacts
from goldenbatch.core.batch_state import BatchState
from goldenbatch.core.batches import LotRegistered, SampleCorrected, SampleTaken
from goldenbatch.core.equipment import EquipmentStatusChanged
from goldenbatch.core.findings import (
    DecisionMade,
    Finding,
    FindingClosed,
    FindingOpened,
    FindingUpdated,
    Severity,
    Verdict,
)
from goldenbatch.core.records import Event
from goldenbatch.core.results import (
    Limit,
    Result,
    ResultCorrected,
    ResultsReported,
    ResultStatus,
    compare,
)

BATCH_KINDS = (
    "BatchCreated",
    "BatchEnded",
    "BatchCorrected",
    "PhaseStarted",
    "PhaseEnded",
    "PhaseCorrected",
    "MaterialConsumed",
    "ConsumptionCorrected",
)
KINDS = (
    *BATCH_KINDS,
    "SampleTaken",
    "SampleCorrected",
    "ResultsReported",
    "ResultCorrected",
    "LotRegistered",
    "EquipmentStatusChanged",
    "FindingOpened",
    "FindingUpdated",
    "FindingClosed",
    "DecisionMade",
)
"""Kinds of events that are read."""

LimitsOf = Callable[[str, str], Sequence[Limit]]
"""Limits of an attribute of a product; empty: none."""

Lot = tuple[str, str]
"""Material and lot."""


@dataclass(frozen=True)
class Reported:
    """A result as it stands, the event that it stands in, and when it was done, else told."""

    sample: str
    result: Result
    seq: int
    leaf: str
    stream: str
    version: int
    at: int


@dataclass
class FindingFacts:
    """A finding as it stands."""

    finding: Finding
    verdict: Verdict | None = None
    batches: frozenset[str] = frozenset()


@dataclass
class Book:
    """What the ledger says, folded event by event.

    Attributes:
        batches: Batch to its state, corrections applied.
        leaves: Batch to leaf hash and version of each event of its own stream.
        results: Batch to its results by (sample, test).
        lot_results: Lot to its results by (sample, test).
        lots: Lot to the event that registered it.
        equipment: Place to its changes of status, in the order of the ledger.
        findings: Uid to finding.
        seen: Batch to further kinds of events that name it.
    """

    batches: dict[str, BatchState] = field(default_factory=dict)
    leaves: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    results: dict[str, dict[tuple[str, str], Reported]] = field(default_factory=dict)
    lot_results: dict[Lot, dict[tuple[str, str], Reported]] = field(default_factory=dict)
    lots: dict[Lot, tuple[LotRegistered, str]] = field(default_factory=dict)
    equipment: dict[str, list[EquipmentStatusChanged]] = field(default_factory=dict)
    findings: dict[str, FindingFacts] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)
    _owners: dict[str, tuple[str, Lot]] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Fold one more event."""
        body = event.decode()
        if event.kind in BATCH_KINDS:
            self._batch(event)
        elif isinstance(body, SampleTaken):
            self._owners[body.sample] = (body.batch, (body.material, body.lot))
        elif isinstance(body, SampleCorrected):
            self._sample_corrected(body)
        elif isinstance(body, ResultsReported):
            self._reported(event, body)
        elif isinstance(body, ResultCorrected):
            self._put(event, body.sample, body.new)
        elif isinstance(body, LotRegistered):
            self.lots[body.material, body.lot] = (body, event.leaf)
        elif isinstance(body, EquipmentStatusChanged):
            self.equipment.setdefault(body.place, []).append(body)
        elif isinstance(body, FindingOpened | FindingUpdated | FindingClosed):
            self._finding(body.uid, body.finding)
        elif isinstance(body, DecisionMade):
            if body.uid in self.findings:
                self.findings[body.uid].verdict = body.verdict
        else:
            named = (event.body or {}).get("batch")
            if isinstance(named, str) and named:
                self.seen.setdefault(named, []).append(event.kind)

    def _batch(self, event: Event) -> None:
        name = event.stream.removeprefix("batch/")
        self.batches[name] = self.batches.get(name, BatchState()).after(event)
        self.leaves.setdefault(name, []).append((event.leaf, event.envelope.version))

    def _sample_corrected(self, body: SampleCorrected) -> None:
        batch, (material, lot) = self._owners.get(body.sample, ("", ("", "")))
        parts = {"batch": batch, "material": material, "lot": lot}
        if body.field not in parts:
            return
        parts[body.field] = body.new
        self._owners[body.sample] = (parts["batch"], (parts["material"], parts["lot"]))
        wrong = [self.results.get(batch, {}), self.lot_results.get((material, lot), {})]
        for own in wrong:
            for key in [key for key in own if key[0] == body.sample]:
                self._keep(own.pop(key))

    def _reported(self, event: Event, body: ResultsReported) -> None:
        batch, lot = self._owners.get(body.sample, ("", ("", "")))
        own = (body.material, body.lot) if body.lot else lot
        self._owners[body.sample] = (body.batch or batch, own)
        for result in body.results:
            self._put(event, body.sample, result)

    def _put(self, event: Event, sample: str, result: Result) -> None:
        told = event.envelope.performed_at or event.envelope.recorded_at
        at = result.performed_at if result.performed_at is not None else told
        where = (event.leaf, event.stream, event.envelope.version)
        self._keep(Reported(sample, result, event.seq, *where, at))

    def _keep(self, one: Reported) -> None:
        batch, lot = self._owners.get(one.sample, ("", ("", "")))
        key = (one.sample, one.result.test)
        if batch:
            self.results.setdefault(batch, {})[key] = one
        elif lot[1]:
            self.lot_results.setdefault(lot, {})[key] = one

    def _finding(self, uid: str, finding: Finding) -> None:
        names = frozenset({finding.subject.batch, *finding.batches} - {""})
        # What was decided of an earlier version is no decision on this one; but that an event was
        # confirmed is not undone by its end being told: a person dismisses it, or it stands.
        before = self.findings.get(uid)
        is_confirmed = before is not None and before.verdict is Verdict.CONFIRMED
        self.findings[uid] = FindingFacts(
            finding, Verdict.CONFIRMED if is_confirmed else None, names
        )

    def facts(
        self, batch: str, limits: LimitsOf, rule: FactRule, uids: Iterable[str] | None = None
    ) -> BatchFacts:
        """What is recorded against a batch.

        Args:
            batch: Its identifier.
            limits: Of the plant.
            rule: What counts.
            uids: Findings that touch it, where the caller knows; None: all are looked through.
        """
        state = self.batches.get(batch, BatchState())
        product = state.entries.get("product", "")
        reported = list(self.results.get(batch, {}).values())
        oos = [one for one in reported if one.result.status is ResultStatus.OOS]
        outside = [
            one
            for one in reported
            if one not in oos and _is_outside(one.result, limits(product, one.result.attribute))
        ]
        known = self.findings if uids is None else {uid: self.findings[uid] for uid in uids}
        own = {
            uid: one
            for uid, one in known.items()
            if batch in one.batches and rule.counts(one.finding)
        }
        return BatchFacts(
            batch=batch,
            product=product,
            is_ended=state.outcome != ""
            or any(one.result.attribute in rule.ended_by for one in reported),
            outcome=state.outcome,
            out_of_specification=_names(oos),
            outside_limits=_names(outside),
            confirmed_findings=_uids(own, {Verdict.CONFIRMED}),
            undecided_findings=_uids(own, {None, Verdict.NEEDS_LABORATORY}),
            deviations=tuple(one for one in self.seen.get(batch, ()) if one in rule.deviations),
            repeated_phases=_repeated(state, rule.once),
        )


@dataclass(frozen=True)
class FactRule:
    """What counts against a batch beside results and outcome.

    Attributes:
        least: Severity from which on a finding is of consequence.
        deviations: Kinds of events that are deviations.
        once: Phases that may run once a batch.
        ended_by: Attributes of which a result says that the batch has ended, where no end is
            recorded.
        ignored: Analysts whose findings never count, such as this room's own.
    """

    least: Severity = Severity.MINOR
    deviations: frozenset[str] = frozenset()
    once: frozenset[str] = frozenset()
    ended_by: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()

    def counts(self, finding: Finding) -> bool:
        """Whether a finding is of consequence."""
        order = list(Severity)
        is_grave = order.index(finding.severity) >= order.index(self.least)
        return is_grave and finding.analyst not in self.ignored


def book_of(events: Iterable[Event]) -> Book:
    """Fold events in the order of the ledger."""
    book = Book()
    for event in events:
        book.take(event)
    return book


def _is_outside(result: Result, limits: Sequence[Limit]) -> bool:
    return any(compare(result, limit).outcome == "outside" for limit in limits)


def _names(reported: Iterable[Reported]) -> tuple[str, ...]:
    return tuple(sorted(f"{one.sample}/{one.result.test}" for one in reported))


def _uids(own: dict[str, FindingFacts], verdicts: set[Verdict | None]) -> tuple[str, ...]:
    return tuple(sorted(uid for uid, one in own.items() if one.verdict in verdicts))


def _repeated(state: BatchState, once: frozenset[str]) -> tuple[str, ...]:
    runs = [run.phase for run in state.phases.values()]
    return tuple(sorted(phase for phase in once if runs.count(phase) > 1))
