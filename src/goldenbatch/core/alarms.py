"""Alarms of sources: raised, acknowledged, changed and cleared, and which are open.

The stream is `alarm/<source>/<condition>`. An earlier state that still waits for somebody (a
branch, OPC 10000-9, 5.5.2) is a condition of its own. States are those of ISA-18.2: an alarm
that returned to normal before anybody acknowledged it stays open, and so does one that waits to
be confirmed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type

Source = Annotated[str, Field(min_length=1, max_length=64)]
Condition = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
_MAX_CONDITION = 120
_MESSAGE = "What the source says of it."
_COMMENT = "What they said of it."
_BY = "User as the source names it."
_ANSWER = "Status with which the source answered; empty: nobody asked it."
_SEVERITY = "1 (lowest) to 1000 (highest)."


class AlarmState(StrEnum):
    """State of an alarm (ISA-18.2, clause 5)."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"


def condition_name(identity: str) -> str:
    """A condition's identity as it stands in streams: cut and told apart by a digest if long.

    >>> condition_name("nsu=urn:plant;s=Press.ForceAlarm")
    'nsu=urn:plant;s=Press.ForceAlarm'
    >>> len(condition_name("x" * 500))
    120
    """
    plain = "".join(one if one.isprintable() else "?" for one in identity)
    if plain == identity and 0 < len(plain) <= _MAX_CONDITION:
        return plain
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{plain[: _MAX_CONDITION - 17]}~{digest}"


def alarm_stream(source: str, condition: str) -> str:
    """Stream of the events of one condition of a source.

    >>> alarm_stream("press", "s=Press.ForceAlarm")
    'alarm/press/s=Press.ForceAlarm'
    """
    return f"alarm/{source}/{condition}"


def branch_name(condition: str, branch: str) -> str:
    """An earlier state of a condition that still waits for somebody, as a condition of its own.

    >>> branch_name("s=Press.ForceAlarm", "i=7")
    's=Press.ForceAlarm;branch=i=7'
    """
    return condition_name(f"{condition};branch={branch}")


class _OfCondition(Body):
    source: Source = Field(description="Name of the connection's card.")
    condition: Condition = Field(description="Identity of the condition at its source.")
    at: Micros = Field(description="When it happened, by the source's clock.")
    event: str = Field(
        default="",
        pattern=r"^([0-9a-f]{2})*$",
        max_length=512,
        description="Event identifier of the source, hexadecimal.",
    )


@record_type
class AlarmRaised(_OfCondition):
    """A condition became active and asks for somebody's attention."""

    name: str = Field(default="", description="Name of the condition.")
    source_name: str = Field(default="", description="What it is about, as the source names it.")
    message: str = Field(default="", description=_MESSAGE)
    severity: int = Field(default=0, ge=0, le=1000, description=_SEVERITY)
    alarm_type: str = Field(default="", description="Type of the event at its source.")
    branch_of: str = Field(
        default="", description="Condition of which this is an earlier state; empty: of none."
    )


@record_type
class AlarmChanged(_OfCondition):
    """An open alarm took another severity or message, or was shelved or suppressed."""

    supersedes: ClassVar[tuple[str, ...]] = ("AlarmChanged",)

    message: str = Field(default="", description=_MESSAGE)
    severity: int = Field(default=0, ge=0, le=1000, description=_SEVERITY)
    shelving: str = Field(default="", description="State of shelving; empty: not shelved.")
    is_suppressed: bool = Field(default=False, description="Suppressed by design at the source.")
    is_enabled: bool = Field(default=True, description="Whether the source watches it at all.")


@record_type
class AlarmAcknowledged(_OfCondition):
    """Somebody took note of an alarm; the actor is who did it here, `by` who did it there."""

    comment: str = Field(default="", description=_COMMENT)
    by: str = Field(default="", description=_BY)
    answer: str = Field(default="", description=_ANSWER)
    needs_confirmation: bool = Field(
        default=False, description="Whether the source wants it confirmed that it was dealt with."
    )


@record_type
class AlarmConfirmed(_OfCondition):
    """Somebody confirmed that what an acknowledged alarm asked for was done."""

    comment: str = Field(default="", description=_COMMENT)
    by: str = Field(default="", description=_BY)
    answer: str = Field(default="", description=_ANSWER)


@record_type
class AlarmRefused(_OfCondition):
    """The source refused what a person wanted to do to an alarm; it stands as before."""

    act: Literal["acknowledge", "confirm"] = Field(description="What the person wanted.")
    comment: str = Field(default="", description=_COMMENT)
    answer: str = Field(description=_ANSWER)


@record_type
class AlarmCleared(_OfCondition):
    """The condition is no longer active."""

    note: str = Field(default="", description="How it is known, where the source did not say it.")


_Lookup = Callable[[tuple[Any, ...]], Row | None]


def alarm_state(*, is_active: bool, is_acknowledged: bool) -> AlarmState:
    """State by whether the condition is active and whether somebody took note of it."""
    if is_active:
        return AlarmState.ACKNOWLEDGED if is_acknowledged else AlarmState.UNACKNOWLEDGED
    return AlarmState.NORMAL if is_acknowledged else AlarmState.RETURNED


def _blank(body: _OfCondition) -> Row:
    row: Row = dict.fromkeys(ALARMS.columns)
    row |= {"source": body.source, "condition": body.condition, "severity": 0, "n_raised": 0}
    row |= {"is_active": 0, "is_acknowledged": 1, "is_suppressed": 0, "is_enabled": 1}
    row |= {"is_confirmed": 1}
    texts = ("name", "source_name", "message", "alarm_type", "shelving", "comment", "event",
             "branch_of", "confirmed_by", "refusal")  # fmt: skip
    return row | dict.fromkeys(texts, "")


def _raised(row: Row, body: AlarmRaised) -> None:
    kept = {"name", "source_name", "message", "severity", "alarm_type", "branch_of"}
    row |= body.model_dump(include=kept)
    row |= {"is_confirmed": 1, "confirmed_at": None, "confirmed_by": "", "refusal": ""}
    row |= {"is_active": 1, "is_acknowledged": 0, "raised_at": body.at, "cleared_at": None}
    row |= {"acknowledged_at": None, "acknowledged_by": "", "comment": ""}
    row["n_raised"] += 1


def _acknowledged(row: Row, body: AlarmAcknowledged, actor: str) -> None:
    row |= {"is_acknowledged": 1, "acknowledged_at": body.at, "comment": body.comment}
    row |= {"acknowledged_by": body.by or actor, "refusal": ""}
    row["is_confirmed"] = int(not body.needs_confirmation)


def _confirmed(row: Row, body: AlarmConfirmed, actor: str) -> None:
    row |= {"is_confirmed": 1, "confirmed_at": body.at, "confirmed_by": body.by or actor}
    row |= {"comment": body.comment or row["comment"], "refusal": ""}


def _changed(row: Row, body: AlarmChanged) -> None:
    row |= body.model_dump(include={"message", "severity", "shelving"})
    row |= {"is_suppressed": int(body.is_suppressed), "is_enabled": int(body.is_enabled)}


def _fold(event: Event, lookup: _Lookup) -> list[Row]:
    body = event.decode()
    if not isinstance(body, _OfCondition):
        return []
    row = dict(lookup((body.source, body.condition)) or _blank(body))
    if isinstance(body, AlarmRaised):
        _raised(row, body)
    elif isinstance(body, AlarmAcknowledged):
        _acknowledged(row, body, event.envelope.actor)
    elif isinstance(body, AlarmConfirmed):
        _confirmed(row, body, event.envelope.actor)
    elif isinstance(body, AlarmChanged):
        _changed(row, body)
    elif isinstance(body, AlarmRefused):
        row["refusal"] = f"{body.act}: {body.answer}"
    else:
        row |= {"is_active": 0, "cleared_at": body.at}
    state = alarm_state(
        is_active=bool(row["is_active"]), is_acknowledged=bool(row["is_acknowledged"])
    )
    is_open = state is not AlarmState.NORMAL or not row["is_confirmed"]
    row |= {"state": state.value, "is_open": int(is_open)}
    row |= {"event": body.event or row["event"], "stream_version": event.envelope.version}
    return [{**row, "seq": event.seq}]


ALARMS = Projection(
    name="alarm",
    version=2,
    columns={
        "source": "TEXT",
        "condition": "TEXT",
        "name": "TEXT",
        "source_name": "TEXT",
        "alarm_type": "TEXT",
        "message": "TEXT",
        "severity": "INTEGER",
        "state": "TEXT",
        "is_open": "INTEGER",
        "is_active": "INTEGER",
        "is_acknowledged": "INTEGER",
        "is_suppressed": "INTEGER",
        "is_enabled": "INTEGER",
        "shelving": "TEXT",
        "raised_at": "INTEGER",
        "cleared_at": "INTEGER",
        "acknowledged_at": "INTEGER",
        "acknowledged_by": "TEXT",
        "comment": "TEXT",
        "is_confirmed": "INTEGER",
        "confirmed_at": "INTEGER",
        "confirmed_by": "TEXT",
        "branch_of": "TEXT",
        "refusal": "TEXT",
        "event": "TEXT",
        "n_raised": "INTEGER",
        "stream_version": "INTEGER",
        "seq": "INTEGER",
    },
    key=("source", "condition"),
    kinds=frozenset(
        {
            "AlarmRaised",
            "AlarmChanged",
            "AlarmAcknowledged",
            "AlarmConfirmed",
            "AlarmRefused",
            "AlarmCleared",
        }
    ),
    fold=_fold,
    indexes=(("is_open", "severity"), ("source", "is_open")),
)
"""Newest state of each alarm of each source."""

PROJECTIONS = (ALARMS,)
"""All projections of this module."""
