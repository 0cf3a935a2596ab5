"""Status of equipment: its event, the fold of its stream, and which status may follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from pydantic import Field

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import Body, Event, Micros, Projection, Row, record_type, to_iso


class EquipmentStatus(StrEnum):
    """What state a piece of equipment or a room is in (21 CFR 211.105, 211.182)."""

    IDLE = "idle"
    SET_UP = "set-up"
    IN_USE = "in use"
    TO_BE_CLEANED = "to be cleaned"
    CLEAN = "clean"
    HOLD = "hold"
    OUT_OF_SERVICE = "out of service"


@record_type
class EquipmentStatusChanged(Body):
    """A piece of equipment or a room took another status."""

    supersedes: ClassVar[tuple[str, ...]] = ("EquipmentStatusChanged",)

    place: str = Field(min_length=1, max_length=180)
    status: EquipmentStatus
    at: Micros
    reason: str = ""
    expires_at: Micros | None = Field(default=None, description="Until when `clean` holds.")


def _fold_equipment(event: Event, _lookup: object) -> list[Row]:
    body = event.decode()
    if not isinstance(body, EquipmentStatusChanged):
        return []
    row = {**body.model_dump(), "status": body.status.value}
    return [{**row, "stream_version": event.envelope.version}]


EQUIPMENT = Projection(
    name="equipment",
    version=1,
    columns={
        "place": "TEXT",
        "status": "TEXT",
        "at": "INTEGER",
        "reason": "TEXT",
        "expires_at": "INTEGER",
        "stream_version": "INTEGER",
    },
    key=("place",),
    kinds=frozenset({"EquipmentStatusChanged"}),
    fold=_fold_equipment,
)
"""Present status of each piece of equipment and room."""


_S = EquipmentStatus
_ALWAYS = frozenset({_S.HOLD, _S.OUT_OF_SERVICE})
_DIRTY = frozenset({_S.TO_BE_CLEANED, _S.OUT_OF_SERVICE})
_READY = frozenset({_S.IDLE, _S.SET_UP, _S.IN_USE})
TRANSITIONS: Final[Mapping[EquipmentStatus, frozenset[EquipmentStatus]]] = MappingProxyType(
    {
        _S.IDLE: _ALWAYS | {_S.SET_UP, _S.IN_USE, _S.TO_BE_CLEANED, _S.CLEAN},
        _S.SET_UP: _ALWAYS | {_S.IN_USE, _S.IDLE, _S.TO_BE_CLEANED},
        _S.IN_USE: _ALWAYS | {_S.IDLE, _S.TO_BE_CLEANED},
        _S.TO_BE_CLEANED: _ALWAYS | {_S.CLEAN},
        _S.CLEAN: _ALWAYS | {_S.IDLE, _S.SET_UP, _S.IN_USE, _S.TO_BE_CLEANED},
        _S.HOLD: frozenset({_S.IDLE, _S.TO_BE_CLEANED, _S.OUT_OF_SERVICE}),
        _S.OUT_OF_SERVICE: frozenset({_S.HOLD, _S.TO_BE_CLEANED}),
    }
)
"""Status to the statuses that may follow; dirty equipment is cleaned before it is used."""


@dataclass(frozen=True)
class EquipmentState:
    """Status of a piece of equipment, folded from the stream `equipment/<place>`.

    Attributes:
        since: When the status began.
        expires_at: Until when `clean` holds.
        needs_cleaning: It became dirty and was not cleaned since; a hold does not undo it.
    """

    place: str = ""
    status: EquipmentStatus | None = None
    since: int | None = None
    expires_at: int | None = None
    needs_cleaning: bool = False

    def after(self, body: EquipmentStatusChanged) -> EquipmentState:
        """The equipment after one more change of status."""
        before = self.needs_cleaning or self.status_at(body.at) in _DIRTY
        is_dirty = body.status is not _S.CLEAN and (before or body.status in _DIRTY)
        return EquipmentState(body.place, body.status, body.at, body.expires_at, is_dirty)

    def may_become(self, at: int) -> frozenset[EquipmentStatus]:
        """Statuses that may follow at a time; all while none is recorded."""
        present = self.status_at(at)
        if present is None:
            return frozenset(EquipmentStatus)
        is_dirty = self.needs_cleaning or present in _DIRTY
        return TRANSITIONS[present] - (_READY if is_dirty else frozenset())

    def status_at(self, time: int) -> EquipmentStatus | None:
        """Status at a time from `since` on: `clean` turns to `to be cleaned` on expiry."""
        expired = self.expires_at is not None and time >= self.expires_at
        return _S.TO_BE_CLEANED if self.status is _S.CLEAN and expired else self.status


def equipment_state(events: Iterable[Event]) -> EquipmentState:
    """Fold the stream of a piece of equipment."""
    state = EquipmentState()
    for event in events:
        body = event.decode()
        if isinstance(body, EquipmentStatusChanged):
            state = state.after(body)
    return state


def check_status(state: EquipmentState, body: EquipmentStatusChanged) -> None:
    """Refuse a change of status that may not follow the present one.

    Raises:
        BadInputError: It is out of order, not a legal transition, or its expiry makes no sense.
    """
    where = f"equipment {body.place!r}"
    if body.expires_at is not None and (body.status is not _S.CLEAN or body.expires_at <= body.at):
        raise BadInputError(
            f"{where}: only status 'clean' expires, and after it began.", hint="Correct the expiry."
        )
    if body.status in _ALWAYS and not body.reason:
        raise BadInputError(
            f"{where}: status {body.status.value!r} needs a reason.", hint="Say why."
        )
    if state.status is None or state.since is None:
        return
    if body.at < state.since:
        raise BadInputError(
            f"{where}: {to_iso(body.at)} lies before its last change at {to_iso(state.since)}.",
            hint="Record changes in their order.",
        )
    present = state.status_at(body.at) or state.status
    may_become = state.may_become(body.at)
    if body.status not in may_become:
        allowed = ", ".join(sorted(one.value for one in may_become))
        raise BadInputError(
            f"{where}: status {present.value!r} cannot become {body.status.value!r}.",
            hint=f"It can become: {allowed}.",
        )
