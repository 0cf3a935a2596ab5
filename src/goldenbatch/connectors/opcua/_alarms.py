"""Alarms and conditions of a server, recorded as what was done; acknowledged by people.

A notification says the state of a condition. It is compared with the state in the ledger, and
what is new becomes events: raised, changed, acknowledged, cleared. After each connection the
server is asked for all conditions again, so that nothing that happened meanwhile is missed.

References:
    OPC 10000-9, 5.5.7 (ConditionRefresh), 5.5.2 (branches), 5.7.3 (Acknowledge), 5.7.4
    (Confirm).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from goldenbatch.connectors.opcua._conditions import CONDITION, bodies, named_fields, read_seen
from goldenbatch.connectors.opcua._session import status_name
from goldenbatch.core.acquisition import SourceError
from goldenbatch.core.alarms import (
    AlarmAcknowledged,
    AlarmCleared,
    AlarmConfirmed,
    AlarmRefused,
    alarm_stream,
)
from goldenbatch.core.errors import ConflictError, NotFoundError, VersionConflictError
from goldenbatch.core.records import NewEvent

if TYPE_CHECKING:
    from goldenbatch.connectors.opcua._session import Session
    from goldenbatch.core.acquisition import Outlet
    from goldenbatch.core.records import Body, Row
    from goldenbatch.core.site import Clock

REFRESH_STARTS, REFRESH_ENDS, OVERFLOWED = 2787, 2788, 3035
REFRESH = 3875
Act = Literal["acknowledge", "confirm"]
_METHODS: Mapping[Act, int] = {"acknowledge": 9111, "confirm": 9113}


@dataclass(frozen=True)
class _Known:
    """What is known of an open condition beside its record.

    Attributes:
        event: Identifier of its newest event, hexadecimal.
        is_confirmable: Whether its server wants acknowledged alarms confirmed.
    """

    node: Any
    event: str
    is_confirmable: bool = False


class AlarmBook:
    """The conditions of a source, and how they are recorded.

    Args:
        source: Name of the source.
        outlet: Knows and takes records.
        clock: Present time.
        severity: Conditions below it are not recorded.
    """

    def __init__(self, source: str, outlet: Outlet, clock: Clock, severity: int) -> None:
        self._source, self._outlet, self._clock = source, outlet, clock
        self._severity = severity
        self._lock = asyncio.Lock()
        self._open: dict[str, _Known] = {}
        self._refreshed: set[str] | None = None
        self._session: Session | None = None

    async def refresh(self, session: Session, subscription: int) -> None:
        """Ask the server for all conditions that are of interest (ConditionRefresh)."""
        from asyncua import ua

        self._session = session
        request = ua.CallMethodRequest(
            ObjectId=ua.NodeId(CONDITION),
            MethodId=ua.NodeId(REFRESH),
            InputArguments=[ua.Variant(subscription, ua.VariantType.UInt32)],
        )
        (result,) = await session.raw.call([request])
        if not result.StatusCode.is_good():
            self._outlet.health("alarm_refresh", status_name(result.StatusCode.value))

    def leave(self) -> None:
        """The session is gone."""
        self._session, self._refreshed = None, None

    async def take(self, fields: Sequence[Any], session: Session) -> str:
        """Record one notification; what it says of the events themselves, if it does."""
        named = named_fields(fields)
        kind = named["event_type"]
        number = kind.Identifier if kind is not None and not kind.NamespaceIndex else 0
        if number == REFRESH_STARTS:
            self._refreshed = set()
        elif number == REFRESH_ENDS:
            await self._end_refresh()
        elif number == OVERFLOWED:
            return "the server dropped events"
        elif named["condition"] is not None and not named["condition"].is_null():
            try:
                await self._take_condition(named, session)
            except (TypeError, ValueError, AttributeError) as error:  # another type than it should
                return f"an event could not be read: {type(error).__name__}: {error}"
        return ""

    async def _take_condition(self, named: Mapping[str, Any], session: Session) -> None:
        seen = read_seen(named, session)
        if self._refreshed is not None:
            self._refreshed.add(seen.condition)
        async with self._lock:
            row = self._row(seen.condition)
            if seen.severity < self._severity and not (row and row["is_open"]):
                return  # what is open is followed to its end, whatever its severity becomes
            await self._record(seen.condition, bodies(self._source, row, seen), self.actor)
            # A server takes an act only with the newest event of a condition, whatever it said.
            self._open[seen.condition] = _Known(
                seen.node, seen.event, is_confirmable=named["confirmed"] is not None
            )
            row = self._row(seen.condition)
            if row is None or not row["is_open"]:
                del self._open[seen.condition]
        self._tell()

    @property
    def actor(self) -> str:
        """Who records what the server says."""
        return f"source/{self._source}"

    def _row(self, condition: str) -> Row | None:
        rows = self._outlet.select("alarm", {"source": self._source, "condition": condition})
        return rows[0] if rows else None

    def _tell(self) -> None:
        rows = self._outlet.select("alarm", {"source": self._source, "is_open": 1})
        self._outlet.health("alarms_open", float(len(rows)))

    async def _record(self, condition: str, new: Sequence[Body], actor: str) -> None:
        stream = alarm_stream(self._source, condition)
        for body in new:
            while True:
                version = self._outlet.version(stream)
                event = NewEvent(
                    stream, body, version, actor, performed_at=getattr(body, "at", None)
                )
                try:
                    await self._outlet.record([event])
                    break
                except VersionConflictError:
                    continue

    async def _end_refresh(self) -> None:
        """What is open here and was not named by the server is open there no more."""
        named, self._refreshed = self._refreshed, None
        if named is None:
            return
        note = "the server no longer reports it"
        async with self._lock:
            for row in self._outlet.select("alarm", {"source": self._source, "is_open": 1}):
                if row["condition"] in named:
                    continue
                common = {"source": self._source, "condition": row["condition"]}
                new: list[Body] = []
                if not row["is_acknowledged"]:
                    by = "unknown: the server holds it no more"
                    new.append(AlarmAcknowledged(at=self._clock(), by=by, **common))
                elif not row["is_confirmed"]:
                    by = "unknown: the server holds it no more"
                    new.append(AlarmConfirmed(at=self._clock(), by=by, **common))
                if row["is_active"]:
                    new.append(AlarmCleared(at=self._clock(), note=note, **common))
                await self._record(row["condition"], new, self.actor)
        self._tell()

    async def acknowledge(self, condition: str, comment: str, actor: str) -> str:
        """Acknowledge an open alarm at the server, and record who did it and its answer.

        Returns:
            Status with which the server answered.

        Raises:
            NotFoundError: No such alarm was raised.
            ConflictError: It is acknowledged already.
            SourceError: The server is not connected, or refuses, which is recorded too.
        """
        return await self._act("acknowledge", condition, comment, actor)

    async def confirm(self, condition: str, comment: str, actor: str) -> str:
        """Confirm that what an acknowledged alarm asked for was done.

        Returns:
            Status with which the server answered.

        Raises:
            NotFoundError: No such alarm was raised.
            ConflictError: It does not wait to be confirmed.
            SourceError: The server is not connected, or refuses, which is recorded too.
        """
        return await self._act("confirm", condition, comment, actor)

    async def _act(self, act: Act, condition: str, comment: str, actor: str) -> str:
        async with self._lock:
            row = self._row(condition)
            if row is None:
                raise NotFoundError(
                    f"source {self._source!r} has raised no alarm {condition!r}.",
                    hint=f"See `goldenbatch source alarms {self._source}`.",
                )
            _require_due(row, act)
            known = self._open.get(condition) or _Known(None, row["event"])
            answer = await self._call(row, known, act, comment)
            common = {"source": self._source, "condition": condition, "event": known.event}
            common |= {"comment": comment, "answer": status_name(answer)}
            at = self._clock()
            if not _is_good(answer):
                refused = AlarmRefused(at=at, act=act, **common)
                await self._record(condition, [refused], actor)
                raise _refusal(act, condition, status_name(answer))
            body = (
                AlarmAcknowledged(at=at, needs_confirmation=known.is_confirmable, **common)
                if act == "acknowledge"
                else AlarmConfirmed(at=at, **common)
            )
            await self._record(condition, [body], actor)
        self._tell()
        return status_name(answer)

    async def _call(self, row: Row, known: _Known, act: Act, comment: str) -> int:
        """The status with which the server answers."""
        from asyncua import ua

        session = self._session
        if session is None or not session.is_open:
            raise SourceError(
                f"source {self._source!r} is not connected.",
                hint=f"{act.capitalize()} it at the equipment, or wait for the connection.",
            )
        condition = row["branch_of"] or row["condition"]
        arguments = [
            ua.Variant(bytes.fromhex(known.event), ua.VariantType.ByteString),
            ua.Variant(ua.LocalizedText(comment), ua.VariantType.LocalizedText),
        ]
        request = ua.CallMethodRequest(
            ObjectId=session.node(condition) if known.node is None else known.node,
            MethodId=ua.NodeId(_METHODS[act]),
            InputArguments=arguments,
        )
        try:
            (result,) = await session.raw.call([request])
        except (OSError, ua.UaError, TimeoutError) as error:
            raise SourceError(
                f"source {self._source!r} gave no answer: {type(error).__name__}: {error}",
                hint="Look at the alarm again: it may have been done or not.",
            ) from error
        return int(result.StatusCode.value)


def _is_good(status: int) -> bool:
    return not status & 0x80000000


def _require_due(row: Row, act: Act) -> None:
    condition = row["condition"]
    if act == "acknowledge" and row["is_acknowledged"]:
        raise ConflictError(f"alarm {condition!r} is acknowledged already.")
    if act == "confirm" and not row["is_acknowledged"]:
        raise ConflictError(
            f"alarm {condition!r} is not acknowledged yet.", hint="Acknowledge it first."
        )
    if act == "confirm" and row["is_confirmed"]:
        raise ConflictError(f"alarm {condition!r} does not wait to be confirmed.")


def _refusal(act: Act, condition: str, answer: str) -> SourceError:
    return SourceError(
        f"the server refuses to {act} {condition!r}: {answer}.",
        hint="Look at the alarm again: it may have changed. The refusal is on record.",
    )
