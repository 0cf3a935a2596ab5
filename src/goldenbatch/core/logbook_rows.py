"""Shifts and entries of logbooks as tables: which shift is the newest, and what is still open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from goldenbatch.core.logbook import (
    LATE_US,
    LOGBOOK,
    LogEntered,
    LogEntryCorrected,
    LogEntrySettled,
    ShiftStarted,
)
from goldenbatch.core.records import Event, Projection, Row

Lookup = Callable[[tuple[Any, ...]], Row | None]
_KINDS = frozenset({"ShiftStarted", "LogEntered", "LogEntryCorrected", "LogEntrySettled"})


def _fold_shift(event: Event, _lookup: Lookup) -> list[Row]:
    body, envelope = event.decode(), event.envelope
    if not isinstance(body, ShiftStarted) or body.stream != event.stream or envelope.version != 1:
        return []
    row = {"area": body.area, "shift": body.shift, "title": body.title}
    row |= {"started_at": envelope.recorded_at, "started_by": envelope.actor}
    return [{**row, "reason": body.reason, "seq": event.seq}]


def _fold_entry(event: Event, lookup: Lookup) -> list[Row]:
    body, ref = event.decode(), f"{event.stream}@{event.envelope.version}"
    if not event.stream.startswith(LOGBOOK):
        return []
    if isinstance(body, LogEntered):
        return [_entered(event, body, ref)]
    if isinstance(body, LogEntryCorrected):
        row = lookup((f"{event.stream}@{body.entry}",))
        if row is None or row["text"] != body.old:
            return []
        return [{**row, "text": body.new, "n_corrections": row["n_corrections"] + 1}]
    row = lookup((body.entry,)) if isinstance(body, LogEntrySettled) else None
    # An entry belongs to its area: nobody settles what another area has open.
    is_of_it = row is not None and row["stream"].rpartition("/")[0] == _area(event)
    return [{**row, "is_open": 0, "settled": ref}] if row and is_of_it and row["is_open"] else []


def _area(event: Event) -> str:
    return event.stream.rpartition("/")[0]


def _entered(event: Event, body: LogEntered, ref: str) -> Row:
    envelope, happened = event.envelope, body.happened_at
    late = happened is not None and envelope.recorded_at - happened > LATE_US
    row: Row = {"entry": ref, "stream": event.stream, "version": envelope.version}
    row |= {"area": body.area, "shift": body.shift, "text": body.text}
    row |= {"category": body.category.value, "is_open": int(body.is_open), "settled": ""}
    row |= {"by_uid": envelope.actor, "recorded_at": envelope.recorded_at}
    row |= {"happened_at": happened, "is_late": int(late or bool(body.late_reason))}
    return {**row, "n_corrections": 0}


SHIFTS = Projection(
    name="shift",
    version=1,
    columns={
        "area": "TEXT",
        "shift": "INTEGER",
        "title": "TEXT",
        "started_at": "INTEGER",
        "started_by": "TEXT",
        "reason": "TEXT",
        "seq": "INTEGER",
    },
    key=("area", "shift"),
    kinds=frozenset({"ShiftStarted"}),
    fold=_fold_shift,
)
"""One row a shift; how it stands, `logbook_life.shift_state` says."""

LOG_ENTRIES = Projection(
    name="log_entry",
    version=1,
    columns={
        **dict.fromkeys(("entry", "stream"), "TEXT"),
        "version": "INTEGER",
        "area": "TEXT",
        "shift": "INTEGER",
        **dict.fromkeys(("text", "category"), "TEXT"),
        "is_open": "INTEGER",
        **dict.fromkeys(("settled", "by_uid"), "TEXT"),
        **dict.fromkeys(("recorded_at", "happened_at", "is_late", "n_corrections"), "INTEGER"),
    },
    key=("entry",),
    kinds=_KINDS - {"ShiftStarted"},
    fold=_fold_entry,
    indexes=(("area", "is_open"), ("stream",)),
)
"""One row an entry, `entry` being `stream@version`; text as it reads now."""

PROJECTIONS = (SHIFTS, LOG_ENTRIES)
"""All projections of this module."""
