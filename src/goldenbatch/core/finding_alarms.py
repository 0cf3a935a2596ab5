"""The life of rationalised alarms: a pure fold of what happened into their states.

An alarm is raised when a finding (or a source's alarm) that the master database names opens, and
is normal again when it closes. People acknowledge, shelve, reset and take out of service; each is
an event of theirs. Nothing else is stored: the states follow from the events and the time.

References:
    ANSI/ISA-18.2-2016, 5.4 (alarm states) and 11 (shelving, suppression, out of service).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, Final

from pydantic import Field

from goldenbatch.core.alarm_master import (
    ALARMS_STREAM,
    PRIORITIES,
    AlarmMaster,
    RationalisedAlarm,
    load_alarms,
    masters,
)
from goldenbatch.core.alarms import AlarmAcknowledged, AlarmCleared, AlarmRaised
from goldenbatch.core.equipment import EquipmentStatusChanged
from goldenbatch.core.findings import FindingClosed, FindingOpened, FindingUpdated
from goldenbatch.core.people import SignatureApplied
from goldenbatch.core.records import Body, Event, Micros, record_type

NEVER: Final = 2**62
_NAME = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$", description="Id of the alarm.")
_WHY = Field(min_length=1, max_length=500, description="Why, in the person's words.")


class State(StrEnum):
    """State of an alarm (ISA-18.2, 5.4)."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed by design"
    OUT_OF_SERVICE = "out of service"


def occurrence_stream(uid: str) -> str:
    """Stream of what people did about one occurrence of an alarm."""
    return f"alarm-occurrence/{uid}"


def class_stream(alarm: str) -> str:
    """Stream of what people did about an alarm as such."""
    return f"alarm-class/{alarm}"


class _OfOccurrence(Body):
    uid: str = Field(pattern=r"^[0-9a-f]{32}$", description="Finding that is the alarm.")
    comment: str = _WHY


@record_type
class OccurrenceAcknowledged(_OfOccurrence):
    """Somebody took note of a rationalised alarm."""


@record_type
class OccurrenceReset(_OfOccurrence):
    """Somebody reset a latching alarm whose cause was gone."""


class _OfAlarm(Body):
    alarm: str = _NAME
    reason: str = _WHY


@record_type
class AlarmShelved(_OfAlarm):
    """Somebody put an alarm aside until a moment; by then it is shown again by itself."""

    until: Micros = Field(description="Until when.")


@record_type
class AlarmUnshelved(_OfAlarm):
    """Somebody showed a shelved alarm again before its time."""

    supersedes: ClassVar[tuple[str, ...]] = ("AlarmShelved",)


@record_type
class AlarmTakenOut(_OfAlarm):
    """An alarm was taken out of service, for repair of what it watches."""


@record_type
class AlarmBackInService(_OfAlarm):
    """An alarm is in service again."""

    supersedes: ClassVar[tuple[str, ...]] = ("AlarmTakenOut",)


@dataclass(frozen=True)
class Occurrence:
    """One time that an alarm was raised.

    Attributes:
        uid: Of the finding; of a source's alarm `<source>/<condition>#<event number>`.
        alarm: Row of the master database as it was then.
        batches: That it touches.
        raised_at: When it was raised, microseconds UTC.
        cleared_at: When its cause was gone; None while it is not.
        acknowledged_at: When somebody took note; None while nobody did.
        acknowledged_by: Who.
        reset_at: When somebody reset a latching alarm.
    """

    uid: str
    alarm: RationalisedAlarm
    title: str
    place: str
    batches: tuple[str, ...]
    raised_at: int
    cleared_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    reset_at: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody need do anything about it any more."""
        is_gone = self.cleared_at is not None and self.acknowledged_at is not None
        return is_gone and (not self.alarm.is_latching or self.reset_at is not None)


@dataclass
class AlarmBook:
    """Takes events in the order of the ledger and says what the alarms are.

    Attributes:
        occurrences: By uid, in the order in which they were raised.
    """

    occurrences: dict[str, Occurrence] = field(default_factory=dict)
    _masters: list[tuple[int, int, AlarmMaster]] = field(default_factory=list)
    _of_source: dict[tuple[str, str], str] = field(default_factory=dict)
    _shelved: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _ended: dict[str, int] = field(default_factory=dict)
    _out: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _status: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    KINDS: ClassVar[tuple[str, ...]] = (
        "FindingOpened", "FindingUpdated", "FindingClosed", "AlarmRaised", "AlarmCleared",
        "AlarmAcknowledged", "OccurrenceAcknowledged", "OccurrenceReset", "AlarmShelved",
        "AlarmUnshelved", "AlarmTakenOut", "AlarmBackInService", "EquipmentStatusChanged",
    )  # fmt: skip

    def stands(self, master: AlarmMaster, approved_at: int, effective_from: int) -> None:
        """A master database that was approved; the one effective last counts."""
        self._masters.append((max(approved_at, effective_from), effective_from, master))
        self._masters.sort(key=lambda one: one[:2])

    def master(self, at: int) -> AlarmMaster | None:
        """The database in force at a moment."""
        known = [one for since, _, one in self._masters if since <= at]
        return known[-1] if known else None

    def take(self, event: Event) -> None:
        """One event more; kinds that it does not know change nothing."""
        body, at = event.decode(), event.envelope.recorded_at
        if isinstance(body, FindingOpened | FindingUpdated):
            self._finding(body, at)
        elif isinstance(body, FindingClosed):
            self._change(body.uid, cleared_at=at)
        elif isinstance(body, OccurrenceAcknowledged):
            self._acknowledge(body.uid, at, event.envelope.actor)
        elif isinstance(body, OccurrenceReset):
            self._change(body.uid, reset_at=at)
        elif isinstance(body, AlarmRaised | AlarmCleared | AlarmAcknowledged):
            self._source(body, event)
        elif isinstance(body, EquipmentStatusChanged):
            self._status.setdefault(body.place, []).append((body.at, body.status.value))
        elif body is not None:
            self._service(body, at)

    def _finding(self, body: FindingOpened | FindingUpdated, at: int) -> None:
        if body.uid in self.occurrences:
            return
        master = self.master(at)
        alarm = master.of_finding(body.finding) if master is not None else None
        if alarm is None:  # one that grows more severe becomes an alarm then
            return
        finding = body.finding
        batches = tuple(sorted({finding.subject.batch, *finding.batches} - {""}))
        self.occurrences[body.uid] = Occurrence(
            body.uid, alarm, finding.title, finding.subject.place, batches, at
        )

    def _source(self, body: AlarmRaised | AlarmCleared | AlarmAcknowledged, event: Event) -> None:
        name = (body.source, body.condition)
        if not isinstance(body, AlarmRaised):
            uid = self._of_source.get(name, "")
            if isinstance(body, AlarmCleared):
                self._change(uid, cleared_at=body.at)
            else:
                self._acknowledge(uid, body.at, event.envelope.actor)
            return
        master = self.master(event.envelope.recorded_at)
        alarm = master.of_source(*name) if master is not None else None
        if alarm is not None:
            uid = self._of_source[name] = f"{body.source}/{body.condition}#{event.seq}"
            title = body.name or body.message or body.condition
            self.occurrences[uid] = Occurrence(uid, alarm, title, "", (), body.at)

    def _service(self, body: Body, at: int) -> None:
        if isinstance(body, AlarmShelved):
            longest = self._longest_shelving(body.alarm, at)
            end = max(at, min(body.until, at + longest))
            self._shelved.setdefault(body.alarm, []).append((at, end))
        elif isinstance(body, AlarmUnshelved):
            _end(self._shelved.get(body.alarm, []), at)
            self._ended[body.alarm] = len(self._shelved.get(body.alarm, ()))
        elif isinstance(body, AlarmTakenOut):
            self._out.setdefault(body.alarm, []).append((at, NEVER))
        elif isinstance(body, AlarmBackInService):
            _end(self._out.get(body.alarm, []), at)

    def _longest_shelving(self, alarm: str, at: int) -> int:
        """Microseconds that the database in force lets an alarm be shelved for."""
        master = self.master(at)
        rows = master.alarms if master is not None else ()
        return next((one.max_shelving_s * 1_000_000 for one in rows if one.id == alarm), 0)

    def _acknowledge(self, uid: str, at: int, by: str) -> None:
        one = self.occurrences.get(uid)
        if one is not None and one.acknowledged_at is None:
            self._change(uid, acknowledged_at=max(at, one.raised_at), acknowledged_by=by)

    def _change(self, uid: str, **changes: int | str) -> None:
        one = self.occurrences.get(uid)
        if one is not None:
            self.occurrences[uid] = replace(one, **changes)  # type: ignore[arg-type]

    def newest_alarms(self) -> tuple[RationalisedAlarm, ...]:
        """Rows of the approved database that is effective last."""
        return self._masters[-1][2].alarms if self._masters else ()

    # ---- what follows -----------------------------------------------------------------------

    def shelved_until(self, alarm: str, at: int) -> int:
        """Until when an alarm is shelved at a moment; 0: it is not."""
        return max(
            (end for start, end in self._shelved.get(alarm, ()) if start <= at < end), default=0
        )

    def was_shelved(self, alarm: str) -> bool:
        """Whether the newest shelving of an alarm was never ended by a person."""
        spans = self._shelved.get(alarm, ())
        return len(spans) > self._ended.get(alarm, 0)

    def is_taken_out(self, alarm: str) -> bool:
        """Whether an alarm was taken out of service and not put back."""
        return any(end == NEVER for _, end in self._out.get(alarm, ()))

    def is_out(self, alarm: str, at: int) -> bool:
        """Whether an alarm is out of service at a moment."""
        return any(start <= at < end for start, end in self._out.get(alarm, ()))

    def status(self, place: str, at: int) -> str:
        """State of the equipment of a place, or of the nearest place above that has one."""
        while place:
            known = [(since, one) for since, one in self._status.get(place, ()) if since <= at]
            if known:
                return max(known)[1]
            place = place.rpartition("/")[0]
        return ""

    def state(self, one: Occurrence, now: int) -> State:
        """State of an occurrence."""
        alarm = one.alarm
        if one.is_over:
            return State.NORMAL
        if (hidden := self.hidden(one, now)) is not None:
            return hidden
        if one.cleared_at is None:
            return State.UNACKNOWLEDGED if one.acknowledged_at is None else State.ACKNOWLEDGED
        return State.LATCHED if alarm.is_latching else State.RETURNED

    def hidden(self, one: Occurrence, at: int) -> State | None:
        """Why an alarm is not shown at a moment; None: it is."""
        if self.is_out(one.alarm.id, at):
            return State.OUT_OF_SERVICE
        if self.status(one.place, at) in {state.value for state in one.alarm.suppressed_in}:
            return State.SUPPRESSED
        return State.SHELVED if self.shelved_until(one.alarm.id, at) else None

    def shown_at(self, one: Occurrence, now: int) -> tuple[int, ...]:
        """When it was shown to the operator: at its raising, and when hiding it ended."""
        end = now if one.cleared_at is None else min(now, one.cleared_at)
        edges = {one.raised_at}
        for spans in (self._shelved, self._out):
            edges |= {stop for _, stop in spans.get(one.alarm.id, ())}
        place = one.place
        while place:
            edges |= {since for since, _ in self._status.get(place, ())}
            place = place.rpartition("/")[0]
        moments = sorted(edge for edge in edges if one.raised_at <= edge <= end)
        shown, was_hidden = [], True
        for moment in moments:
            is_hidden = self.hidden(one, moment) is not None
            if was_hidden and not is_hidden and (moment < end or moment == one.raised_at):
                shown.append(moment)
            was_hidden = is_hidden
        return tuple(shown)

    def waiting(self, now: int, batch: str = "") -> list[Occurrence]:
        """Occurrences that are not over, of the highest priority first; of one batch or of all."""
        found = [
            one
            for one in self.occurrences.values()
            if not one.is_over and one.raised_at <= now and (not batch or batch in one.batches)
        ]
        return sorted(found, key=lambda one: (-_rank(one), one.raised_at, one.uid))


def _rank(one: Occurrence) -> int:
    return PRIORITIES.index(one.alarm.priority)


def _end(spans: list[tuple[int, int]], at: int) -> None:
    spans[:] = [(start, min(end, at)) for start, end in spans]


def read_alarms(book: AlarmBook, events: Iterable[Event]) -> AlarmBook:
    """Take events in their order."""
    for event in events:
        book.take(event)
    return book


def add_masters(book: AlarmBook, events: Iterable[Event]) -> None:
    """Take the approved databases of the stream `master/alarms`."""
    whole = list(events)
    for one in masters(whole):
        if one.approved_by:
            at = _approved_at(whole, one.event)
            book.stands(load_alarms(one.body.text, ALARMS_STREAM), at, one.body.effective_from)


def _approved_at(events: list[Event], put_forward: Event) -> int:
    """When the signature that made it count was recorded."""
    for event in events:
        body = event.decode()
        if isinstance(body, SignatureApplied) and body.record_hash == put_forward.leaf:
            return event.envelope.recorded_at
    return NEVER
