"""What people do about alarms: rationalise, acknowledge, reset, shelve, take out of service.

A master alarm database is put forward as a text; to approve it is to sign its proposal. What an
operator does about one occurrence belongs to that occurrence, what holds for an alarm as such to
the alarm.

References:
    ANSI/ISA-18.2-2016, 9 (rationalisation), 11 (operation), 12 (maintenance).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from goldenbatch.capabilities.monitoring.alarms.reading import alarms_of
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.alarm_master import (
    ALARMS_STREAM,
    AlarmsPutForward,
    RationalisedAlarm,
    load_alarms,
)
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.finding_alarms import (
    MAX_WORDS,
    AlarmBackInService,
    AlarmBook,
    AlarmShelved,
    AlarmTakenOut,
    AlarmUnshelved,
    Occurrence,
    OccurrenceAcknowledged,
    OccurrenceReset,
    class_stream,
    occurrence_stream,
)
from goldenbatch.core.records import Body, to_iso
from goldenbatch.core.site import Actor, Site

RATIONALISE: Final = "alarm:rationalise"
HANDLE: Final = "alarm:handle"
SERVICE: Final = "alarm:service"


def put_forward(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Put a master alarm database forward: without effect before another person has signed it.

    Values: `text` (TOML), `reason`, `effective_from` (a time; 0: at once).
    """
    take.only(values, ("text", "reason", "effective_from", "file"))
    text = take.text(values, "text")
    master = load_alarms(text, take.text(values, "file", "alarms.toml") or "alarms.toml")
    version = site.ledger.version(ALARMS_STREAM)
    body = AlarmsPutForward(
        version=master.version,
        digest=master.digest(),
        effective_from=take.moment(values, "effective_from", 0),
        text=text,
        reason=take.text(values, "reason"),
    )
    return Intent(ALARMS_STREAM, body, (RATIONALISE,), version)


def acknowledge(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Take note of an alarm. Values: `alarm` (its occurrence), `comment`."""
    one, _ = _occurrence(site, values)
    if one.acknowledged_at is not None:
        raise ConflictError(f"alarm {one.uid} was acknowledged by {one.acknowledged_by!r}.")
    body = OccurrenceAcknowledged(uid=one.uid, comment=_words(values, "comment"))
    return _of_occurrence(site, one, body)


def reset(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Reset a latching alarm whose cause is gone. Values: `alarm` (its occurrence), `comment`."""
    one, _ = _occurrence(site, values)
    if not one.alarm.is_latching:
        raise ConflictError(f"alarm {one.alarm.id!r} does not latch: there is nothing to reset.")
    if one.cleared_at is None:
        raise ConflictError(
            f"the cause of alarm {one.uid} is not gone.", hint=f"{one.alarm.response}"
        )
    if one.reset_at is not None:
        raise ConflictError(f"alarm {one.uid} was reset before.")
    return _of_occurrence(
        site, one, OccurrenceReset(uid=one.uid, comment=_words(values, "comment"))
    )


def shelve(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Put an alarm aside for a while. Values: `alarm` (its id), `until`, `reason`.

    However late `until` is, the alarm is shown again once its longest shelving is over.
    """
    alarm, _ = _alarm(site, values, ("alarm", "until", "reason"))
    if not alarm.max_shelving_s:
        raise ConflictError(
            f"alarm {alarm.id!r} may not be shelved.", hint="Its row in the database says so."
        )
    until = take.moment(values, "until")
    if until <= site.clock():
        raise BadInputError(f"{to_iso(until)} is past.", hint="Give a later moment.", key="until")
    body = AlarmShelved(alarm=alarm.id, reason=_words(values, "reason"), until=until)
    return _of_alarm(site, body, alarm.id, HANDLE)


def unshelve(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Show a shelved alarm again before its time. Values: `alarm` (its id), `reason`."""
    alarm, book = _alarm(site, values, ("alarm", "reason"))
    if not book.was_shelved(alarm.id):
        raise ConflictError(f"alarm {alarm.id!r} is not shelved.")
    body = AlarmUnshelved(alarm=alarm.id, reason=_words(values, "reason"))
    return _of_alarm(site, body, alarm.id, HANDLE)


def take_out(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Take an alarm out of service. Values: `alarm` (its id), `reason`."""
    alarm, book = _alarm(site, values, ("alarm", "reason"))
    if book.is_taken_out(alarm.id):
        raise ConflictError(f"alarm {alarm.id!r} is out of service already.")
    body = AlarmTakenOut(alarm=alarm.id, reason=_words(values, "reason"))
    return _of_alarm(site, body, alarm.id, SERVICE)


def put_back(site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
    """Put an alarm back into service. Values: `alarm` (its id), `reason`."""
    alarm, book = _alarm(site, values, ("alarm", "reason"))
    if not book.is_taken_out(alarm.id):
        raise ConflictError(f"alarm {alarm.id!r} is in service.")
    body = AlarmBackInService(alarm=alarm.id, reason=_words(values, "reason"))
    return _of_alarm(site, body, alarm.id, SERVICE)


def _words(values: Mapping[str, Any], key: str) -> str:
    words = take.text(values, key)
    if len(words) > MAX_WORDS:
        raise BadInputError(
            f"{key} has {len(words)} letters, more than {MAX_WORDS}.",
            hint="Say it shorter, and where the rest is kept.",
            key=key,
        )
    return words


def _occurrence(site: Site, values: Mapping[str, Any]) -> tuple[Occurrence, AlarmBook]:
    take.only(values, ("alarm", "comment"))
    uid, book = take.text(values, "alarm"), alarms_of(site)
    exact = book.occurrences.get(uid)
    found = [one for one in book.occurrences.values() if one.uid.startswith(uid)]
    found = found if exact is None else [exact]
    if not found:
        raise NotFoundError(
            f"no rationalised alarm {uid!r} was raised.",
            hint="See `goldenbatch monitoring alarms`.",
        )
    if len(found) > 1:
        raise BadInputError(f"{uid!r} names {len(found)} alarms.", hint="Give more digits.")
    if found[0].alarm.source:
        raise BadInputError(
            f"alarm {found[0].uid} is one of source {found[0].alarm.source!r}.",
            hint="Acknowledge it at its source: `goldenbatch source acknowledge`.",
        )
    return found[0], book


def _alarm(
    site: Site, values: Mapping[str, Any], known: tuple[str, ...]
) -> tuple[RationalisedAlarm, AlarmBook]:
    """The row of an alarm: of the database in force, or of an older one if it is still about."""
    take.only(values, known)
    name, book = take.text(values, "alarm"), alarms_of(site)
    rows = book.rows(site.clock())
    if name not in rows:
        raise NotFoundError(
            f"no alarm {name!r} is rationalised.",
            hint=f"There are {', '.join(sorted(rows)[:12]) or 'none'}.",
        )
    return rows[name], book


def _of_occurrence(site: Site, one: Occurrence, body: Body) -> Intent:
    stream = occurrence_stream(one.uid)
    return Intent(stream, body, (HANDLE,), site.ledger.version(stream))


def _of_alarm(site: Site, body: Body, alarm: str, action: str) -> Intent:
    stream = class_stream(alarm)
    return Intent(stream, body, (action,), site.ledger.version(stream))
