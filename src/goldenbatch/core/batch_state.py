"""The fold of one batch's stream: what happened, when, and what was entered late.

What may come next stands in `goldenbatch.core.batch_checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    ConsumptionCorrected,
    MaterialConsumed,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.records import Body, Event, from_iso

LATE_AFTER_US: Final = 15 * 60 * 1_000_000
"""Default of how long after the act an entry counts as made at the time of the act."""

PhaseKey = tuple[str, str, int]
"""Place, phase and number of the run."""


@dataclass(frozen=True)
class PhaseRun:
    """One run of a phase at a place; half-open [started_at, ended_at)."""

    place: str
    phase: str
    run: int
    started_at: int
    ended_at: int | None = None


@dataclass(frozen=True)
class Consumption:
    """One entry of the genealogy; `entry` is the version of its event."""

    entry: int
    material: str
    lot: str
    quantity: str
    is_withdrawn: bool = False


@dataclass(frozen=True)
class LateEntry:
    """An event that was recorded long after what it tells of."""

    version: int
    kind: str
    performed_at: int
    recorded_at: int

    @property
    def delay_us(self) -> int:
        """Microseconds between act and entry."""
        return self.recorded_at - self.performed_at


@dataclass(frozen=True)
class BatchState:
    """What happened to a batch, folded from the stream `batch/<batch>`.

    Attributes:
        version: Version of the stream; 0 before the first event.
        entries: Head of the batch, corrections applied: the fields of `BatchCreated`.
        n_corrections: Events that changed an earlier entry.
        raw_kinds: Kinds of further events in the stream, known or not, in their order.
    """

    batch: str = ""
    version: int = 0
    entries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    pinned: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    started_at: int | None = None
    ended_at: int | None = None
    outcome: str = ""
    phases: Mapping[PhaseKey, PhaseRun] = field(default_factory=lambda: MappingProxyType({}))
    consumed: tuple[Consumption, ...] = ()
    late_entries: tuple[LateEntry, ...] = ()
    n_corrections: int = 0
    raw_kinds: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether the batch was created."""
        return bool(self.batch)

    @property
    def open_phases(self) -> tuple[PhaseRun, ...]:
        """Runs that have started and not ended, by their start."""
        runs = [run for run in self.phases.values() if run.ended_at is None]
        return tuple(sorted(runs, key=lambda run: run.started_at))

    @property
    def window(self) -> tuple[int | None, int | None]:
        """Start and end; where the head says none, those of the phases; None: unknown."""
        starts = [run.started_at for run in self.phases.values()]
        ends = [run.ended_at for run in self.phases.values() if run.ended_at is not None]
        start = self.started_at if self.started_at is not None else min(starts, default=None)
        if self.ended_at is not None or self.open_phases or self.outcome == "":
            return start, self.ended_at
        return start, max(ends, default=None)

    def phase_windows(self, phase: str, place: str = "") -> tuple[tuple[int, int | None], ...]:
        """Windows of the runs of a phase, by start; an aborted batch ends its open runs."""
        runs = [
            run for run in self.phases.values() if run.phase == phase and place in ("", run.place)
        ]
        runs.sort(key=lambda run: (run.started_at, run.place, run.run))
        return tuple(
            (run.started_at, self.ended_at if run.ended_at is None else run.ended_at)
            for run in runs
        )

    def after(self, event: Event, late_after_us: int = LATE_AFTER_US) -> BatchState:
        """The batch after one more event of its stream."""
        body = event.decode()
        step = _STEPS.get(type(body)) if body is not None else None
        version = event.envelope.version
        if body is None or step is None:
            state = replace(self, raw_kinds=(*self.raw_kinds, event.kind))
        else:
            state = step(self, body, version)
        late = _late(event, late_after_us)
        return replace(state, version=version, late_entries=self.late_entries + late)


def batch_state(events: Iterable[Event], late_after_us: int = LATE_AFTER_US) -> BatchState:
    """Fold a batch's stream from its first event on."""
    state = BatchState()
    for event in events:
        state = state.after(event, late_after_us)
    return state


def _late(event: Event, late_after_us: int) -> tuple[LateEntry, ...]:
    envelope = event.envelope
    performed = envelope.performed_at
    if performed is None or envelope.recorded_at - performed <= late_after_us:
        return ()
    return (LateEntry(envelope.version, event.kind, performed, envelope.recorded_at),)


def _created(state: BatchState, body: BatchCreated, _version: int) -> BatchState:
    entries = {name: getattr(body, name) for name in ("product", "recipe", "size", "place")}
    entries |= {f"attributes.{name}": value for name, value in body.attributes.items()}
    return replace(
        state,
        batch=body.batch,
        entries=MappingProxyType(entries),
        pinned=MappingProxyType(dict(body.pinned)),
        started_at=body.started_at,
    )


def _ended(state: BatchState, body: BatchEnded, _version: int) -> BatchState:
    return replace(state, ended_at=body.ended_at, outcome=body.outcome)


def _corrected(state: BatchState, body: BatchCorrected, _version: int) -> BatchState:
    n_corrections = state.n_corrections + 1
    if body.field == "outcome":
        return replace(state, n_corrections=n_corrections, outcome=body.new)
    if body.field in ("started_at", "ended_at"):
        time = from_iso(body.new) if body.new else None
        if body.field == "started_at":
            return replace(state, n_corrections=n_corrections, started_at=time)
        return replace(state, n_corrections=n_corrections, ended_at=time)
    entries = MappingProxyType({**state.entries, body.field: body.new})
    return replace(state, n_corrections=n_corrections, entries=entries)


def _with_run(state: BatchState, run: PhaseRun) -> BatchState:
    phases = {**state.phases, (run.place, run.phase, run.run): run}
    return replace(state, phases=MappingProxyType(phases))


def _phase_started(state: BatchState, body: PhaseStarted, _version: int) -> BatchState:
    return _with_run(state, PhaseRun(body.place, body.phase, body.run, body.at))


def _phase_ended(state: BatchState, body: PhaseEnded, _version: int) -> BatchState:
    run = state.phases.get((body.place, body.phase, body.run))
    # A stored end without a start is shown as a run of no length, not lost.
    run = run or PhaseRun(body.place, body.phase, body.run, body.at)
    return _with_run(state, replace(run, ended_at=body.at))


def _phase_corrected(state: BatchState, body: PhaseCorrected, _version: int) -> BatchState:
    state = replace(state, n_corrections=state.n_corrections + 1)
    run = state.phases.get((body.place, body.phase, body.run))
    if run is None:
        return state
    if body.field == "started_at":
        return _with_run(state, replace(run, started_at=body.new))
    return _with_run(state, replace(run, ended_at=body.new))


def _consumed(state: BatchState, body: MaterialConsumed, version: int) -> BatchState:
    entry = Consumption(version, body.material, body.lot, body.quantity)
    return replace(state, consumed=(*state.consumed, entry))


def _consumption_corrected(
    state: BatchState, body: ConsumptionCorrected, _version: int
) -> BatchState:
    consumed = tuple(
        _replaced(one, body.new) if one.entry == body.entry else one for one in state.consumed
    )
    return replace(state, consumed=consumed, n_corrections=state.n_corrections + 1)


def _replaced(one: Consumption, new: tuple[str, str, str] | None) -> Consumption:
    return replace(one, is_withdrawn=True) if new is None else Consumption(one.entry, *new)


_STEPS: Mapping[type[Body], Callable[[BatchState, Any, int], BatchState]] = {
    BatchCreated: _created,
    BatchEnded: _ended,
    BatchCorrected: _corrected,
    PhaseStarted: _phase_started,
    PhaseEnded: _phase_ended,
    PhaseCorrected: _phase_corrected,
    MaterialConsumed: _consumed,
    ConsumptionCorrected: _consumption_corrected,
}
