"""Routes of alarms: what waits, what is hidden, the master database, how positions fare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from goldenbatch.capabilities.monitoring._answers import GetSite, Text, plain
from goldenbatch.capabilities.monitoring.alarms.commands import MAX_DAYS, performance_command
from goldenbatch.capabilities.monitoring.alarms.reading import alarms_of
from goldenbatch.core.alarm_master import ALARMS_STREAM, load_alarms, masters
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from goldenbatch.core.finding_alarms import AlarmBook, Occurrence
    from goldenbatch.core.site import Site

HOUR_US = 3_600_000_000
Days = Annotated[float, Query(gt=0, le=MAX_DAYS)]


def routes(get_site: GetSite) -> APIRouter:
    """The endpoints below `/monitoring`."""
    router = APIRouter(prefix="/alarms")

    @router.get("")
    def alarms(position: Text = "", batch: Text = "") -> dict[str, Any]:
        """Alarms that wait for somebody, the most urgent first, and those that are hidden."""
        answer: dict[str, Any] = plain(waiting(get_site(), position, batch))
        return answer

    @router.get("/master")
    def master() -> dict[str, Any]:
        """The master alarm database in force, and versions that wait for an approval."""
        answer: dict[str, Any] = plain(database(get_site()))
        return answer

    @router.get("/performance")
    def performance(days: Days = 30.0, position: Text = "") -> dict[str, Any]:
        """Rates, floods, chattering and standing alarms of each position, and what is wanted."""
        rows = performance_command(get_site(), days, position)
        answer: dict[str, Any] = plain({"days": days, "rows": rows})
        return answer

    return router


def waiting(site: Site, position: str = "", batch: str = "") -> dict[str, Any]:
    """All that waits, with the state of ISA-18.2 and until when it is hidden."""
    book, now = alarms_of(site), site.clock()
    rows = [_row(book, one, now) for one in book.waiting(now, batch)]
    positions = sorted({row["position"] for row in rows} | set(_positions(book, now)))
    hour = sum(1 for one in book.occurrences.values() if now - HOUR_US < one.raised_at <= now)
    return {
        "now": now, "positions": positions, "in_force_since": min(book.in_force_since(), now),
        "is_rationalised": book.master(now) is not None, "in_last_hour": hour,
        "alarms": [row for row in rows if position in ("", row["position"])],
    }  # fmt: skip


def _positions(book: AlarmBook, now: int) -> list[str]:
    return sorted({one.position for one in book.rows(now).values()})


def _row(book: AlarmBook, one: Occurrence, now: int) -> dict[str, Any]:
    alarm, state = one.alarm, book.state(one, now)
    due = one.raised_at + alarm.respond_within_s * 1_000_000
    return {
        "alarm": alarm.id, "occurrence": one.uid, "title": one.title, "place": one.place,
        "batches": one.batches, "priority": alarm.priority, "position": alarm.position,
        "state": state.value, "raised_at": one.raised_at, "cleared_at": one.cleared_at,
        "acknowledged_at": one.acknowledged_at, "acknowledged_by": one.acknowledged_by,
        "respond_by": due, "is_late": one.acknowledged_at is None and now > due,
        "cause": alarm.cause, "consequence": alarm.consequence, "response": alarm.response,
        "is_gmp": alarm.is_gmp, "is_latching": alarm.is_latching, "source": alarm.source,
        "is_hidden": book.hidden(one, now) is not None,
        "shelved_until": book.shelved_until(alarm.id, now) or None,
        "max_shelving_s": alarm.max_shelving_s, "is_out": book.is_taken_out(alarm.id),
    }  # fmt: skip


def database(site: Site) -> dict[str, Any]:
    """The rows in force with what hides them, and all versions with who approved them."""
    book, now = alarms_of(site), site.clock()
    current = book.master(now)
    rows = [
        {
            **one.model_dump(mode="json"), "is_out": book.is_taken_out(one.id),
            "shelved_until": book.shelved_until(one.id, now) or None,
        }
        for one in book.rows(now).values()
    ]  # fmt: skip
    versions = [
        {
            "version": one.body.version, "digest": one.body.digest, "reason": one.body.reason,
            "effective_from": one.body.effective_from, "by": one.event.envelope.actor,
            "at": one.event.envelope.recorded_at, "approved_by": one.approved_by,
            "approved_at": one.approved_at or None, "text": one.body.text,
            "record": f"{one.event.stream}@{one.event.envelope.version}",
            "stream_version": one.event.envelope.version, "fault": _fault(one.body.text),
        }
        for one in masters(site.ledger.stream(ALARMS_STREAM))
    ]  # fmt: skip
    return {
        "title": current.title if current else "", "version": current.version if current else "",
        "alarms": rows, "versions": versions[::-1],
    }  # fmt: skip


def _fault(text: str) -> str:
    try:
        load_alarms(text)
    except BadInputError as error:
        return str(error)
    return ""
