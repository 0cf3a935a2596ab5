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

from goldenbatch.core._alarm_hiding import NEVER, Hiding, Spans
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
from goldenbatch.core.records import Body, Event, Micros, record_type

_NAME = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$", description="Id of the alarm.")
MAX_WORDS: Final = 500
_WHY = Field(min_length=1, max_length=MAX_WORDS, description="Why, in the person's words.")


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
        hiding: What hides alarms.
    """

    occurrences: dict[str, Occurrence] = field(default_factory=dict)
    hiding: Hiding = field(default_factory=Hiding)
    _masters: list[tuple[int, int, AlarmMaster]] = field(default_factory=list)
    _raised_under: dict[str, AlarmMaster] = field(default_factory=dict)
    _of_source: dict[tuple[str, str], list[str]] = field(default_factory=dict)

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

    def in_force_since(self) -> int:
        """When the first database came into force; never: far ahead."""
        return self._masters[0][0] if self._masters else NEVER

    def take(self, event: Event) -> None:
        """One event more; kinds that it does not know change nothing."""
        body, at = event.decode(), event.envelope.recorded_at
        if isinstance(body, FindingOpened | FindingUpdated):
            self._finding(body, at)
        elif isinstance(body, FindingClosed):
            self._touch(body)
            self._clear(body.uid, at)
        elif isinstance(body, OccurrenceAcknowledged):
            self._acknowledge(body.uid, at, event.envelope.actor)
        elif isinstance(body, OccurrenceReset):
            self._change(body.uid, reset_at=at)
        elif isinstance(body, AlarmRaised):
            self._source_raised(body, event)
        elif isinstance(body, AlarmCleared | AlarmAcknowledged):
            self._source_changed(body, event)
        elif isinstance(body, EquipmentStatusChanged):
            self.hiding.put_state(body.place, body.at, body.status.value)
        elif body is not None:
            self._service(body, at)

    def _finding(self, body: FindingOpened | FindingUpdated, at: int) -> None:
        one, finding = self.occurrences.get(body.uid), body.finding
        if one is not None and one.cleared_at is None:
            self._touch(body)
            master: AlarmMaster | None = self._raised_under[body.uid]
        else:
            master = self.master(at)
        alarm = master.of_finding(finding) if master is not None else None
        if alarm is None or master is None:  # one that grows more severe becomes an alarm then
            return
        if one is not None and one.cleared_at is None and _rank(alarm) <= _rank(one.alarm):
            return
        # Raised, raised again, or grown into a more urgent alarm, of which nobody took note yet.
        self._raised_under[body.uid] = master
        before = () if one is None else one.batches
        batches = tuple(sorted({*before, *_batches(body)}))
        self.occurrences[body.uid] = Occurrence(
            body.uid, alarm, finding.title, finding.subject.place, batches, at
        )

    def _touch(self, body: FindingOpened | FindingUpdated | FindingClosed) -> None:
        """An event that goes on may touch more batches than at its beginning."""
        one = self.occurrences.get(body.uid)
        if one is not None and (more := _batches(body) - set(one.batches)):
            self._change(body.uid, batches=tuple(sorted({*one.batches, *more})))

    def _source_raised(self, body: AlarmRaised, event: Event) -> None:
        name, told = (body.source, body.condition), event.envelope.recorded_at
        at = min(body.at, told)  # a clock that is ahead must not keep it from being shown
        for uid in self._of_source.get(name, ()):  # the same condition anew
            self._clear(uid, at)
        master = self.master(told)
        alarm = master.of_source(*name) if master is not None else None
        if alarm is not None:
            uid = f"{body.source}/{body.condition}#{event.seq}"
            self._of_source.setdefault(name, []).append(uid)
            title = body.name or body.message or body.condition
            self.occurrences[uid] = Occurrence(uid, alarm, title, "", (), at)

    def _source_changed(self, body: AlarmCleared | AlarmAcknowledged, event: Event) -> None:
        """A source has one state for a condition: it holds for each time that it was raised."""
        name, at = (body.source, body.condition), min(body.at, event.envelope.recorded_at)
        waiting = self._of_source.get(name, [])
        for uid in waiting:
            if isinstance(body, AlarmCleared):
                self._clear(uid, at)
            else:
                self._acknowledge(uid, at, body.by or event.envelope.actor)
        waiting[:] = [uid for uid in waiting if not self.occurrences[uid].is_over]

    def _service(self, body: Body, at: int) -> None:
        hiding = self.hiding
        if isinstance(body, AlarmShelved):
            row = self._row(body.alarm, at)
            longest = row.max_shelving_s * 1_000_000 if row is not None else 0
            spans = hiding.shelved.setdefault(body.alarm, Spans())
            spans.begin(at, min(body.until, at + longest))
        elif isinstance(body, AlarmUnshelved):
            hiding.shelved.setdefault(body.alarm, Spans()).cut(at)
        elif isinstance(body, AlarmTakenOut):
            hiding.out.setdefault(body.alarm, Spans()).begin(at, NEVER)
        elif isinstance(body, AlarmBackInService):
            hiding.out.setdefault(body.alarm, Spans()).cut(at)

    def _row(self, alarm: str, at: int) -> RationalisedAlarm | None:
        """Row of an alarm in the newest database in force by a moment that has one."""
        for since, _, master in reversed(self._masters):
            if since <= at:
                for one in master.alarms:
                    if one.id == alarm:
                        return one
        return None

    def _clear(self, uid: str, at: int) -> None:
        one = self.occurrences.get(uid)
        if one is not None and one.cleared_at is None:
            self._change(uid, cleared_at=max(at, one.raised_at))

    def _acknowledge(self, uid: str, at: int, by: str) -> None:
        one = self.occurrences.get(uid)
        if one is not None and one.acknowledged_at is None:
            self._change(uid, acknowledged_at=max(at, one.raised_at), acknowledged_by=by)

    def _change(self, uid: str, **changes: int | str | tuple[str, ...]) -> None:
        one = self.occurrences.get(uid)
        if one is not None:
            self.occurrences[uid] = replace(one, **changes)  # type: ignore[arg-type]

    # ---- what follows -----------------------------------------------------------------------

    def rows(self, now: int) -> dict[str, RationalisedAlarm]:
        """Alarms that people can act on: of the database in force, and older ones still about.

        An alarm that a newer database leaves out stays about while it is hidden, or while one
        of its occurrences waits.
        """
        master = self.master(now)
        found = {one.id: one for one in master.alarms} if master is not None else {}
        about = {one.alarm.id for one in self.waiting(now)}
        about |= {name for name in self.hiding.out if self.is_taken_out(name)}
        about |= {name for name in self.hiding.shelved if self.shelved_until(name, now)}
        for name in sorted(about - set(found)):
            if (row := self._row(name, now)) is not None:
                found[name] = row
        return found

    def shelved_until(self, alarm: str, at: int) -> int:
        """Until when an alarm is shelved at a moment; 0: it is not."""
        spans = self.hiding.shelved.get(alarm)
        return spans.end_at(at) if spans is not None else 0

    def was_shelved(self, alarm: str) -> bool:
        """Whether the newest shelving of an alarm was never ended by a person."""
        spans = self.hiding.shelved.get(alarm)
        return spans is not None and bool(spans.ends) and not spans.is_last_ended

    def is_taken_out(self, alarm: str) -> bool:
        """Whether an alarm was taken out of service and not put back."""
        spans = self.hiding.out.get(alarm)
        return spans is not None and spans.ends[-1:] == [NEVER]

    def is_out(self, alarm: str, at: int) -> bool:
        """Whether an alarm is out of service at a moment."""
        spans = self.hiding.out.get(alarm)
        return spans is not None and spans.end_at(at) > 0

    def state(self, one: Occurrence, now: int) -> State:
        """State of an occurrence."""
        if one.is_over:
            return State.NORMAL
        if (hidden := self.hidden(one, now)) is not None:
            return hidden
        if one.cleared_at is None:
            return State.UNACKNOWLEDGED if one.acknowledged_at is None else State.ACKNOWLEDGED
        is_latched = one.alarm.is_latching and one.reset_at is None
        return State.LATCHED if is_latched else State.RETURNED

    def hidden(self, one: Occurrence, at: int) -> State | None:
        """Why an alarm is not shown at a moment; None: it is."""
        alarm = one.alarm
        if self.is_out(alarm.id, at):
            return State.OUT_OF_SERVICE
        names = {state.value for state in alarm.suppressed_in}
        if names and self.hiding.state(one.place, at) in names:
            return State.SUPPRESSED
        return State.SHELVED if self.shelved_until(alarm.id, at) else None

    def shown_at(self, one: Occurrence, now: int) -> tuple[int, ...]:
        """When it was shown to the operator: at its raising, and when hiding it ended."""
        end = now if one.cleared_at is None else min(now, one.cleared_at)
        place = one.place if one.alarm.suppressed_in else ""
        edges = self.hiding.edges(one.alarm.id, place, one.raised_at, end)
        shown, was_hidden = [], True
        for moment in sorted({one.raised_at, *edges}):
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
        return sorted(found, key=lambda one: (-_rank(one.alarm), one.raised_at, one.uid))


def _rank(alarm: RationalisedAlarm) -> int:
    return PRIORITIES.index(alarm.priority)


def _batches(body: FindingOpened | FindingUpdated | FindingClosed) -> set[str]:
    return {body.finding.subject.batch, *body.finding.batches} - {""}


def read_alarms(book: AlarmBook, events: Iterable[Event]) -> AlarmBook:
    """Take events in their order."""
    for event in events:
        book.take(event)
    return book


def add_masters(book: AlarmBook, events: Iterable[Event]) -> None:
    """Take the approved databases of the stream `master/alarms`."""
    for one in masters(list(events)):
        if one.approved_by:
            master = load_alarms(one.body.text, ALARMS_STREAM)
            book.stands(master, one.approved_at, one.body.effective_from)
