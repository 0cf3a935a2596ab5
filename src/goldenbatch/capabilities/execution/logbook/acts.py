"""What people do in the logbook: start a shift, write, correct, settle, hand over, take over.

References:
    EU GMP Part I, 4.8, 4.31; 21 CFR 11.10(e); PIC/S PI 041-1, 8.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from goldenbatch.capabilities.execution.logbook.open_things import areas_of, open_items
from goldenbatch.core import act_values as take
from goldenbatch.core.acts import Intent
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.logbook import (
    LATE_US,
    HandoverPrepared,
    HandoverSignedIn,
    HandoverSignedOut,
    LogEntered,
    LogEntryCorrected,
    LogEntrySettled,
    ShiftStarted,
    shift_stream,
)
from goldenbatch.core.logbook_life import ShiftState, Stage, shift_state
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import to_iso
from goldenbatch.core.site import Actor, Site

START: Final = "logbook:start"
WRITE: Final = "logbook:write"
HAND_OVER: Final = "logbook:hand_over"
TAKE_OVER: Final = "logbook:take_over"
Values = Mapping[str, Any]


def newest_shift(site: Site, area: str) -> int:
    """Number of the newest shift of an area; 0: none began."""
    rows = site.ledger.select("shift", {"area": area}, ("-shift",), 1)
    return int(rows[0]["shift"]) if rows else 0


def start(site: Site, by: Actor, values: Values) -> Intent:
    """Start a shift. Values: `area`, `title`, `reason` (if the shift before is not taken over)."""
    take.only(values, ("area", "title", "reason"))
    area = _area(site, values)
    number, follows, also = newest_shift(site, area), "", {}
    reason = take.text(values, "reason", "")
    if number:
        before = _of(site, area, number)
        stream = shift_stream(area, number)
        follows, also = f"{stream}@{before.head}", {stream: before.head}
        if not before.is_taken_over and not reason:
            raise ConflictError(
                f"shift {number} of {area} is {before.unsigned}.",
                hint="Have it handed over first, or say why this shift begins without it.",
            )
        reason = "" if before.is_taken_over else reason
    body = take.made(
        ShiftStarted, area=area, shift=number + 1, by_name=_name(site, by),
        title=take.text(values, "title"), follows=follows, reason=reason,
    )  # fmt: skip
    return Intent(body.stream, body, (START,), 0, also=also)


def write(site: Site, by: Actor, values: Values) -> Intent:
    """Write an entry into the running shift of an area.

    Values: `area`, `text`, `category`, `is_open`, `about` (streams), `happened_at` (a time; empty:
    now) and, where that is more than 15 minutes ago, `late_reason`.
    """
    take.only(
        values, ("area", "text", "category", "is_open", "about", "happened_at", "late_reason")
    )
    area = _area(site, values)
    state = _running(site, area)
    happened = take.moment(values, "happened_at") if values.get("happened_at") else None
    late_reason = take.text(values, "late_reason", "")
    _check_time(site, happened, late_reason)
    body = take.made(
        LogEntered, area=area, shift=state.started.shift, by_name=_name(site, by),
        text=take.text(values, "text"), category=take.text(values, "category", "observation"),
        is_open=take.switch(values, "is_open", default=False), about=_about(site, values),
        happened_at=happened, late_reason=late_reason,
    )  # fmt: skip
    return Intent(body.stream, body, (WRITE,), state.head, performed_at=happened)


def _check_time(site: Site, happened: int | None, late_reason: str) -> None:
    now = site.clock()
    if happened is None:
        return
    if happened > now:
        raise BadInputError(
            f"{to_iso(happened)} has not come yet.", hint="Give when it happened.",
            key="happened_at",
        )  # fmt: skip
    if now - happened > LATE_US and len(late_reason) < 3:
        raise BadInputError(
            "this is a late entry: it happened more than 15 minutes ago.",
            hint="Say why it is written down only now.", key="late_reason",
        )  # fmt: skip


def _about(site: Site, values: Values) -> tuple[str, ...]:
    given = values.get("about") or ()
    names = [given] if isinstance(given, str) else list(given)
    for name in names:
        if not isinstance(name, str) or not site.ledger.version(name):
            raise BadInputError(
                f"{name!r} is no record.", hint="Name its stream, such as batch/B7.", key="about"
            )
    return tuple(dict.fromkeys(names))


def correct(site: Site, by: Actor, values: Values) -> Intent:
    """Correct an entry; what it said stays. Values: `entry` (`stream@version`), `text`, `reason`.

    The shift may be over: then it reads as unsigned from the correction on.
    """
    take.only(values, ("entry", "text", "reason"))
    area, shift, number = _entry(values)
    state = _of(site, area, shift)
    entry = state.entries.get(number)
    if entry is None:
        raise NotFoundError(f"{values['entry']} is no entry of the logbook.", hint="Look it up.")
    body = take.made(
        LogEntryCorrected, area=area, shift=shift, by_name=_name(site, by), entry=number,
        old=entry.text, new=take.text(values, "text"), reason=take.text(values, "reason"),
    )  # fmt: skip
    return Intent(body.stream, body, (WRITE,), state.head, reason=body.reason)


def settle(site: Site, by: Actor, values: Values) -> Intent:
    """Say that an open entry was seen to, in the running shift. Values: `entry`, `comment`."""
    take.only(values, ("entry", "comment"))
    area, _, _ = _entry(values)
    name = take.text(values, "entry")
    rows = site.ledger.select("log_entry", {"entry": name}, limit=1)
    if not rows or not rows[0]["is_open"]:
        raise ConflictError(f"{name} is no open entry.", hint="See the logbook's open entries.")
    state = _running(site, area)
    body = take.made(
        LogEntrySettled, area=area, shift=state.started.shift, by_name=_name(site, by),
        entry=name, comment=take.text(values, "comment"),
    )  # fmt: skip
    stream = str(rows[0]["stream"])
    also = {} if stream == body.stream else {stream: site.ledger.version(stream)}
    return Intent(body.stream, body, (WRITE,), state.head, also=also)


def prepare(site: Site, by: Actor, values: Values) -> Intent:
    """Freeze what is open in an area for the coming shift. Values: `area`, `summary`, `shift`.

    Without `shift` it is the newest; an older one is prepared again after a correction.
    """
    take.only(values, ("area", "summary", "shift"))
    area, state = _shift(site, values)
    if state.is_taken_over:
        raise ConflictError(
            f"shift {state.started.shift} of {area} is taken over as it stands.",
            hint="Nothing was written since: start the next shift.",
        )
    body = take.made(
        HandoverPrepared, area=area, shift=state.started.shift, by_name=_name(site, by),
        items=open_items(site, area), summary=take.text(values, "summary"),
    )  # fmt: skip
    return Intent(body.stream, body, (HAND_OVER,), state.head)


def sign_out(site: Site, by: Actor, values: Values) -> Intent:
    """Hand over, signed as performed. Values: `area`, `comment`, `shift` (empty: the newest)."""
    take.only(values, ("area", "comment", "shift"))
    area, state = _shift(site, values)
    if state.stage is not Stage.PREPARED or state.handover is None:
        raise ConflictError(
            f"shift {state.started.shift} of {area} is {state.stage.value}.",
            hint="Prepare its handover: after it nothing may be written before it is signed.",
        )
    body = take.made(HandoverSignedOut, **_signs(site, by, values, state))
    return Intent(
        body.stream, body, (HAND_OVER,), state.head, Meaning.PERFORMED,
        reason=body.comment,
    )  # fmt: skip


def sign_in(site: Site, by: Actor, values: Values) -> Intent:
    """Take over, signed as verified. Values: `area`, `comment`, `shift` (empty: the newest)."""
    take.only(values, ("area", "comment", "shift"))
    area, state = _shift(site, values)
    if state.stage is not Stage.SIGNED_OUT:
        raise ConflictError(
            f"shift {state.started.shift} of {area} is {state.stage.value}.",
            hint="The leaving shift prepares the handover and signs it out first.",
        )
    body = take.made(HandoverSignedIn, **_signs(site, by, values, state))
    return Intent(
        body.stream, body, (TAKE_OVER,), state.head, Meaning.VERIFIED,
        reason=body.comment,
    )  # fmt: skip


# ---- inside -----------------------------------------------------------------------------------


def _signs(site: Site, by: Actor, values: Values, state: ShiftState) -> dict[str, Any]:
    made = state.handover
    if made is None:  # no stage that is signed comes without one
        raise ConflictError("no handover is prepared.", hint="Prepare it.")
    stream = state.started.stream
    return {
        "area": state.started.area, "shift": state.started.shift, "by_name": _name(site, by),
        "handover": f"{stream}@{made.version}", "digest": made.digest,
        "comment": take.text(values, "comment", ""),
    }  # fmt: skip


def _area(site: Site, values: Values) -> str:
    area, known = take.text(values, "area"), areas_of(site)
    if area not in known and not newest_shift(site, area):
        raise NotFoundError(f"{area!r} keeps no logbook.", hint=f"Areas: {', '.join(known[:20])}.")
    return area


def _shift(site: Site, values: Values) -> tuple[str, ShiftState]:
    area = _area(site, values)
    number = take.number(values, "shift", 0) or newest_shift(site, area)
    return area, _of(site, area, number)


def _of(site: Site, area: str, number: int) -> ShiftState:
    events = site.ledger.stream(shift_stream(area, number)) if number else ()
    state = shift_state(events) if events else None
    if state is None:
        raise NotFoundError(
            f"no shift {number or ''} of {area} has begun.".replace("  ", " "),
            hint="Start one: `goldenbatch act execution.logbook-start`.",
        )
    return state


def _running(site: Site, area: str) -> ShiftState:
    state = _of(site, area, newest_shift(site, area))
    if state.signed_in is not None:
        raise ConflictError(
            f"shift {state.started.shift} of {area} is over: it was taken over.",
            hint="Start the next shift and write there; a late entry says when it happened.",
        )
    return state


def _entry(values: Values) -> tuple[str, int, int]:
    """Area, shift and version of an entry's name, `logbook/<area>/<shift>@<version>`."""
    name = take.text(values, "entry")
    stream, _, version = name.rpartition("@")
    area, _, shift = stream.removeprefix("logbook/").rpartition("/")
    if not (stream.startswith("logbook/") and area and shift.isdigit() and version.isdigit()):
        raise BadInputError(
            f"{name!r} is no entry.", hint="Give logbook/<area>/<shift>@<version>.", key="entry"
        )
    return area, int(shift), int(version)


def _name(site: Site, by: Actor) -> str:
    rows = site.ledger.select("user", {"uid": by.uid}, limit=1)
    return str(rows[0]["printed_name"]) if rows else ""
