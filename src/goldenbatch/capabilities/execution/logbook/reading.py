"""The logbook as plain values, for a page, a command and an API client alike."""

from __future__ import annotations

import dataclasses
from typing import Any

from goldenbatch.capabilities.execution.logbook.acts import newest_shift
from goldenbatch.capabilities.execution.logbook.open_things import areas_of, open_items
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.logbook import OpenItem, shift_stream
from goldenbatch.core.logbook_life import Entry, Handover, ShiftState, Signed, shift_state
from goldenbatch.core.site import Site

Answer = dict[str, Any]
N_SHIFTS = 50


def logbooks(site: Site) -> Answer:
    """Each area with its newest shift: how it stands, and how much is open."""
    rows = []
    shifts = {row["area"] for row in site.ledger.select("shift")}
    for area in sorted({*areas_of(site), *shifts}):
        state = _state(site, area, newest_shift(site, area))
        row: Answer = {"area": area, "shift": None}
        if state is not None:
            row["shift"] = _head(state)
        row["n_open_entries"] = len(site.ledger.select("log_entry", {"area": area, "is_open": 1}))
        rows.append(row)
    return {"areas": rows}


def logbook(site: Site, area: str, shift: int = 0) -> Answer:
    """One shift of an area whole, what is open now, and what changed since its handover.

    Args:
        site: The site.
        area: Path of the place.
        shift: Its number; 0: the newest.

    Raises:
        NotFoundError: There is no such shift, or no such area.
    """
    newest = newest_shift(site, area)
    state = _state(site, area, shift or newest)
    if state is None and (shift or area not in areas_of(site)):
        raise NotFoundError(f"{area!r} has no shift {shift or ''}.", hint="See the page Logbook.")
    now = open_items(site, area)
    listed = site.ledger.select("shift", {"area": area}, ("-shift",), N_SHIFTS)
    answer: Answer = {"area": area, "newest": newest, "shift": None, "now": site.clock()}
    answer["open_now"] = [one.model_dump() for one in now]
    answer["shifts"] = [dict(row) for row in listed]
    if state is not None:
        answer["shift"] = _whole(site, state, now)
    return answer


def _state(site: Site, area: str, number: int) -> ShiftState | None:
    return shift_state(site.ledger.stream(shift_stream(area, number))) if number else None


def _head(state: ShiftState) -> Answer:
    return {
        "number": state.started.shift, "title": state.started.title, "started_at": state.at,
        "by": state.by, "by_name": state.started.by_name, "stage": state.stage.value,
        "is_taken_over": state.is_taken_over, "unsigned": state.unsigned,
        "unsigned_since": state.unsigned_since, "stream": state.started.stream,
        "version": state.head, "n_entries": len(state.entries),
        "n_late": sum(one.is_late for one in state.entries.values()),
        "n_corrected": sum(bool(one.corrections) for one in state.entries.values()),
        "begun_without_handover": state.started.reason, "follows": state.started.follows,
        "is_over": state.signed_in is not None,
    }  # fmt: skip


def _whole(site: Site, state: ShiftState, now: tuple[OpenItem, ...]) -> Answer:
    stream = state.started.stream
    rows = site.ledger.select("log_entry", {"stream": stream})
    settled = {row["version"]: row["settled"] for row in rows}
    entries = [_entry(stream, one, settled) for one in state.entries.values()]
    made: Answer = {**_head(state), "entries": entries, "faults": list(state.faults)}
    made["handover"] = _handover(state.handover, now) if state.handover is not None else None
    made["signed_out"], made["signed_in"] = _step(state.signed_out), _step(state.signed_in)
    return made


def _entry(stream: str, one: Entry, settled: dict[int, str]) -> Answer:
    row = dataclasses.asdict(one)
    row |= {"entry": f"{stream}@{one.version}", "is_late": one.is_late}
    row |= {"category": one.category.value, "settled": settled.get(one.version) or ""}
    return {**row, "corrections": [dataclasses.asdict(each) for each in one.corrections]}


def _handover(made: Handover, now: tuple[OpenItem, ...]) -> Answer:
    """A handover, with what is open now and was not then, and what is no longer as it was."""
    frozen, present = {_key(one): one for one in made.items}, {_key(one): one for one in now}
    more = [one for key, one in present.items() if key not in frozen]
    gone = [one for key, one in frozen.items() if key not in present]
    return {
        "version": made.version, "digest": made.digest, "summary": made.summary, "by": made.by,
        "by_name": made.by_name, "at": made.at,
        "items": [one.model_dump() for one in made.items],
        "opened_since": [one.model_dump() for one in more],
        "changed_since": [one.model_dump() for one in gone],
    }  # fmt: skip


def _key(one: OpenItem) -> tuple[str, ...]:
    """What a thing is, at the version that was frozen: another version is a change."""
    return (one.kind.value, one.stream, one.digest, one.title)


def _step(one: Signed | None) -> Answer | None:
    return dataclasses.asdict(one) if one is not None else None
