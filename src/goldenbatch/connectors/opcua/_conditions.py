"""States of conditions as notifications say them, and what follows from one to the next.

References:
    OPC 10000-9, 5.5 (Condition model), 5.7 (acknowledging), 5.8 (alarms).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.connectors.opcua._session import micros
from goldenbatch.core.alarms import (
    AlarmAcknowledged,
    AlarmChanged,
    AlarmCleared,
    AlarmConfirmed,
    AlarmRaised,
    branch_name,
    condition_name,
)

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._session import Session
    from goldenbatch.core.records import Body, Row

BASE, CONDITION, ACKNOWLEDGEABLE, ALARM = 2041, 2782, 2881, 2915
VALUE, NODE_ID = 13, 1
FIELDS: Final[tuple[tuple[str, int, tuple[str, ...]], ...]] = (
    ("event", BASE, ("EventId",)),
    ("event_type", BASE, ("EventType",)),
    ("source_name", BASE, ("SourceName",)),
    ("time", BASE, ("Time",)),
    ("message", BASE, ("Message",)),
    ("severity", BASE, ("Severity",)),
    ("name", CONDITION, ("ConditionName",)),
    ("branch", CONDITION, ("BranchId",)),
    ("retain", CONDITION, ("Retain",)),
    ("enabled", CONDITION, ("EnabledState", "Id")),
    ("comment", CONDITION, ("Comment",)),
    ("comment_at", CONDITION, ("Comment", "SourceTimestamp")),
    ("user", CONDITION, ("ClientUserId",)),
    ("acked", ACKNOWLEDGEABLE, ("AckedState", "Id")),
    ("confirmed", ACKNOWLEDGEABLE, ("ConfirmedState", "Id")),
    ("active", ALARM, ("ActiveState", "Id")),
    ("active_since", ALARM, ("ActiveState", "TransitionTime")),
    ("suppressed", ALARM, ("SuppressedState", "Id")),
    ("shelving", ALARM, ("ShelvingState", "CurrentState")),
    ("condition", CONDITION, ()),
)
"""What is asked of each event: our name, the type that declares it, its path."""

UNSHELVED = frozenset({"", "Unshelved"})


@dataclass(frozen=True)
class Seen:
    """The state of a condition as a notification says it."""

    condition: str
    node: Any
    at: int
    event: str = ""
    branch_of: str = ""
    name: str = ""
    source_name: str = ""
    message: str = ""
    severity: int = 0
    alarm_type: str = ""
    comment: str = ""
    user: str = ""
    comment_at: int = 0
    is_active: bool = False
    is_acknowledged: bool = True
    is_confirmed: bool = True
    active_since: int = 0
    is_enabled: bool = True
    is_suppressed: bool = False
    shelving: str = ""


def event_filter() -> Any:
    """The fields that are asked of each event."""
    from asyncua import ua

    clauses = [
        ua.SimpleAttributeOperand(
            TypeDefinitionId=ua.NodeId(type_),
            BrowsePath=[ua.QualifiedName(one, 0) for one in path],
            AttributeId=VALUE if path else NODE_ID,
        )
        for _, type_, path in FIELDS
    ]
    return ua.EventFilter(SelectClauses=clauses)


def named_fields(fields: Sequence[Any]) -> dict[str, Any]:
    """Fields of an event by our names; what a server cannot say (a bad status) is nothing."""
    from asyncua import ua

    return {
        one[0]: None if isinstance(value.Value, ua.StatusCode) else value.Value
        for one, value in zip(FIELDS, fields, strict=True)
    }


def bodies(source: str, row: Row | None, seen: Seen) -> list[Body]:
    """What happened between the state in the ledger and the one that was seen.

    Args:
        source: Name of the source.
        row: The condition's row of the projection `alarm`; None: it was never raised.
        seen: The state as it is now.
    """
    was_active = bool(row and row["is_active"])
    was_acked = not row or bool(row["is_acknowledged"])
    common = {"source": source, "condition": seen.condition, "event": seen.event}
    if not seen.is_enabled and row and row["is_open"]:
        # Of a condition that is switched off a server says nothing else that counts (5.5.2).
        return [_switched_off(row, seen, common)] if row["is_enabled"] else []
    found: list[Body] = []
    is_again = _is_again(row, seen)
    if is_again:
        note = "it returned and was raised again while nobody was connected"
        found.append(AlarmCleared(at=seen.active_since, note=note, **common))
    is_risen = is_again or (seen.is_active and not was_active)
    is_new = is_risen or _came_and_went(seen, was_active, was_acked)
    if is_new:
        found.append(_raised(seen, common))
        was_active, was_acked = True, False
    elif row and _differs(row, seen):
        found.append(_changed(seen, common))
    if seen.is_acknowledged and not was_acked:
        raised_at = seen.active_since if is_new or not row else row["raised_at"]
        found.append(_acknowledged(seen, raised_at or 0, common))
    elif row and not row["is_confirmed"] and seen.is_confirmed and not is_new:
        comment, by = _said(seen, row["acknowledged_at"] or 0)
        found.append(AlarmConfirmed(at=seen.at, comment=comment, by=by, **common))
    if was_active and not seen.is_active:
        found.append(AlarmCleared(at=seen.at, **common))
    return found


def _is_again(row: Row | None, seen: Seen) -> bool:
    """It is active as before, but since later: it was cleared and raised again unseen."""
    if row is None or not row["is_active"] or not seen.is_active:
        return False
    return bool(seen.active_since and seen.active_since > row["raised_at"])


def _acknowledged(seen: Seen, raised_at: int, common: Mapping[str, str]) -> AlarmAcknowledged:
    comment, by = _said(seen, raised_at)
    return AlarmAcknowledged(
        at=seen.at, comment=comment, by=by, needs_confirmation=not seen.is_confirmed, **common
    )


def _said(seen: Seen, since: int) -> tuple[str, str]:
    """Comment and user, which stay on the condition: those of an earlier alarm are not taken."""
    return ("", "") if 0 < seen.comment_at < since else (seen.comment, seen.user)


def _came_and_went(seen: Seen, was_active: bool, was_acked: bool) -> bool:
    """It is not active and waits for somebody: it was raised and returned unseen."""
    return not seen.is_active and not seen.is_acknowledged and not was_active and was_acked


def _raised(seen: Seen, common: Mapping[str, str]) -> AlarmRaised:
    return AlarmRaised(
        at=seen.active_since if seen.is_active and seen.active_since else seen.at,
        name=seen.name,
        source_name=seen.source_name,
        message=seen.message,
        severity=seen.severity,
        alarm_type=seen.alarm_type,
        branch_of=seen.branch_of,
        **common,
    )


def _changed(seen: Seen, common: Mapping[str, str]) -> AlarmChanged:
    return AlarmChanged(
        at=seen.at,
        message=seen.message,
        severity=seen.severity,
        shelving=seen.shelving,
        is_suppressed=seen.is_suppressed,
        is_enabled=seen.is_enabled,
        **common,
    )


def _switched_off(row: Row, seen: Seen, common: Mapping[str, str]) -> AlarmChanged:
    return AlarmChanged(
        at=seen.at,
        message=row["message"],
        severity=row["severity"],
        shelving=row["shelving"],
        is_suppressed=bool(row["is_suppressed"]),
        is_enabled=False,
        **common,
    )


def _differs(row: Row, seen: Seen) -> bool:
    """Whether an open alarm took another severity, or was shelved, suppressed, disabled."""
    is_open = bool(row["is_open"])
    severity = seen.is_active and bool(row["severity"] != seen.severity)
    state = (row["shelving"], bool(row["is_suppressed"]), bool(row["is_enabled"]))
    return is_open and (severity or state != (seen.shelving, seen.is_suppressed, seen.is_enabled))


def read_seen(named: Mapping[str, Any], session: Session) -> Seen:
    """The state of a condition in the fields of a notification."""
    shelving = _text(named["shelving"])
    kind, branch = named["event_type"], named["branch"]
    identity = session.text(named["condition"])
    is_branch = branch is not None and not branch.is_null()
    whole = branch_name(identity, session.text(branch)) if is_branch else condition_name(identity)
    return Seen(
        condition=whole,
        branch_of=condition_name(identity) if is_branch else "",
        node=named["condition"],
        at=_micros(named["time"]),
        event=(named["event"] or b"").hex(),
        name=named["name"] or "",
        source_name=named["source_name"] or "",
        message=_text(named["message"]),
        severity=max(0, min(1000, int(named["severity"] or 0))),
        alarm_type=session.text(kind) if kind is not None else "",
        comment=_text(named["comment"]),
        user=named["user"] or "",
        comment_at=_micros(named["comment_at"]),
        is_active=bool(named["active"]),
        is_acknowledged=named["acked"] is None or bool(named["acked"]),
        is_confirmed=named["confirmed"] is None or bool(named["confirmed"]),
        active_since=_micros(named["active_since"]),
        is_enabled=named["enabled"] is None or bool(named["enabled"]),
        is_suppressed=bool(named["suppressed"]),
        shelving="" if shelving in UNSHELVED else shelving,
    )


def _text(value: Any) -> str:
    found = getattr(value, "Text", value)
    return found if isinstance(found, str) else ""


def _micros(value: Any) -> int:
    found = micros(value) if value is not None else 0
    return found if found > 0 else 0
