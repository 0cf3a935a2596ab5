"""The connector: asks all points on a steady beat, and says when the device did not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.modbus._decoding import Request, Value, decode, requests
from goldenbatch.connectors.modbus.settings import Point, read_settings
from goldenbatch.core.acquisition import Gap, GapCause, Outlet, SourceContext
from goldenbatch.core.series import Frame, Quality, ReadingKind, frame_table
from goldenbatch.core.waiting import answer_of

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusTcpClient

_ILLEGAL = {0: "a short answer", 1: "illegal function", 2: "illegal address", 3: "illegal value"}
"""Exception codes by which a device says that a card is wrong (Modbus V1.1b3, section 7)."""
SHORT = 0
"""Not a code of the protocol: the answer was shorter than what was asked for."""
BAD_NO_COMMUNICATION = 0x80310000
"""OPC UA Part 6, A.2: the source cannot be reached."""
WAIT_S = (0.5, 30.0)
"""First and longest pause before a device that does not answer is tried again."""

HELD_US = 10_000_000
"""While no store takes anything in time, it is said at least so often."""


class NoAnswerError(ConnectionError):
    """The device did not answer."""


def make_connector(context: SourceContext) -> ModbusConnector:
    """The connector of a card.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
        ImportError: pymodbus is not installed.
    """
    import pymodbus.client  # noqa: F401 (said now, not at the first reading)

    return ModbusConnector(context)


class ModbusConnector:
    """Reads a device; writes nothing to it, whatever the card says."""

    def __init__(self, context: SourceContext) -> None:
        card = context.card
        self._name, self._place, self._clock = card.name, card.place, context.clock
        self._settings = read_settings(card.name, card.settings)
        self._requests = requests(self._settings)
        self._bad: dict[str, str] = {}
        self._lost_at = 0
        self._held_from = self._n_missed = 0

    async def run(self, outlet: Outlet) -> None:
        """Read until cancelled: see `core.acquisition.Connector`."""
        pause = WAIT_S[0]
        while True:
            try:
                async with _Line(self._settings) as client:
                    outlet.health("is_connected", 1)
                    pause = WAIT_S[0]
                    await self._poll(client, outlet)
            except (NoAnswerError, OSError) as error:
                outlet.health("is_connected", 0)
                outlet.health("problem", f"{error}")
                await self._mark_stale(outlet)
            await asyncio.sleep(pause)
            pause = min(2 * pause, WAIT_S[1])

    async def _mark_stale(self, outlet: Outlet) -> None:
        """Once a loss, a reading without a value for each point: nothing old looks fresh."""
        if self._lost_at:
            return
        self._lost_at = self._clock()
        if outlet.position("polled_at"):
            stale: Value = (None, BAD_NO_COMMUNICATION)
            rows = [(point, stale) for point in self._settings.points]
            await outlet.deliver(self._frames(rows, self._lost_at))

    async def _poll(self, client: AsyncModbusTcpClient, outlet: Outlet) -> None:
        """All points again and again; a beat that was missed is counted, not caught up."""
        period, n_late = self._settings.poll_s, 0
        due = time.monotonic()
        while True:
            at = self._clock()
            values = [value for one in self._requests for value in await self._ask(client, one)]
            if self._lost_at:
                await self._tell_gap(outlet, at)
            before = time.monotonic()
            try:
                await outlet.deliver(self._frames(values, at), {"polled_at": str(at)})
            except asyncio.CancelledError:
                if n_missed := int((time.monotonic() - before) / period):
                    await self._tell_held(outlet, at, n_missed, is_end=True)
                raise
            await self._tell_held(outlet, at, int((time.monotonic() - before) / period))
            outlet.health("n_bad_points", len(self._bad))
            outlet.health("problem", "; ".join(sorted(set(self._bad.values())))[:300])
            due += period
            late = time.monotonic() - due
            if late > 0:
                n_late += 1
                due = time.monotonic()
                outlet.health("n_late_polls", n_late)
            await asyncio.sleep(max(0.0, -late))

    async def _tell_held(
        self, outlet: Outlet, at: int, n_missed: int, *, is_end: bool = False
    ) -> None:
        """Say that no store took anything while it was time to ask: one gap for as long as so.

        Args:
            outlet: Where it is said.
            at: Time of the newest readings.
            n_missed: Polls that could not be made meanwhile.
            is_end: Nothing more will be read.
        """
        now = self._clock()
        if n_missed:
            self._held_from, self._n_missed = self._held_from or at, self._n_missed + n_missed
        is_early = n_missed and not is_end and 0 <= now - self._held_from < HELD_US
        if not self._held_from or is_early:
            return
        tags = tuple(self._tag(one) for one in self._settings.points)
        note = f"no store took readings in time: {self._n_missed} polls were not made"
        window = (self._held_from, now if n_missed else at)
        self._held_from = self._n_missed = 0
        await outlet.gap(Gap(window, GapCause.OVERRUN, tags, note, -1))

    async def _tell_gap(self, outlet: Outlet, now: int) -> None:
        start = int(outlet.position("polled_at") or self._lost_at)
        tags = tuple(self._tag(one) for one in self._settings.points)
        note = f"{self._settings.host}:{self._settings.port} did not answer"
        await outlet.gap(Gap((min(start, now), now), GapCause.LINK_DOWN, tags, note))
        self._lost_at = 0

    async def _ask(
        self, client: AsyncModbusTcpClient, request: Request
    ) -> list[tuple[Point, Value]]:
        """Values of a request; where it is refused, of each of its points alone."""
        answer = await _read(client, request, self._settings.device_id)
        if answer is not None and not answer.isError():
            for point in request.points:
                self._bad.pop(point.tag, None)
            return [(one, decode(one, _slice(answer, request, one))) for one in request.points]
        code = getattr(answer, "exception_code", SHORT)
        if len(request.points) > 1:
            alone = [
                Request(one.table, one.address, one.n_registers, (one,)) for one in request.points
            ]
            return [value for one in alone for value in await self._ask(client, one)]
        (point,) = request.points
        why = _ILLEGAL.get(code, f"exception {code}")
        self._bad[point.tag] = f"{point.tag}: {why} at {point.table} {point.address}"
        return [(point, (None, int(Quality.BAD)))]

    def _tag(self, point: Point) -> str:
        return f"{self._place}/{point.tag}" if self._place and "/" not in point.tag else point.tag

    def _frames(self, values: Sequence[tuple[Point, Value]], at: int) -> list[Frame]:
        kinds: dict[ReadingKind, list[tuple[str, Value]]] = {"number": [], "text": []}
        for point, value in values:
            kind: ReadingKind = "text" if point.type == "text" else "number"
            kinds[kind].append((self._tag(point), value))
        return [
            Frame(self._name, f"{kind}/{at}", kind, _table(kind, rows, at), self._clock())
            for kind, rows in kinds.items()
            if rows
        ]


def _table(kind: ReadingKind, rows: Sequence[tuple[str, Value]], at: int) -> Any:
    values, qualities = zip(*(value for _, value in rows), strict=True)
    return frame_table(kind, [at] * len(rows), [tag for tag, _ in rows], values, qualities)


def _slice(answer: Any, request: Request, point: Point) -> list[int]:
    start = point.address - request.address
    words = answer.bits if point.is_bit_table else answer.registers
    return [int(one) for one in words[start : start + point.n_registers]]


async def _read(client: AsyncModbusTcpClient, request: Request, device_id: int) -> Any:
    """The device's answer, which may be a refusal.

    Raises:
        NoAnswerError: There was none.
    """
    from pymodbus.exceptions import ModbusException

    call = {
        "coil": client.read_coils,
        "discrete": client.read_discrete_inputs,
        "holding": client.read_holding_registers,
        "input": client.read_input_registers,
    }[request.table]
    try:
        # pymodbus waits by wait_for, which may swallow the cancellation that ends a source.
        asked = call(request.address, count=request.count, device_id=device_id)
        answer: Any = await answer_of(asked)
    except ModbusException as error:
        raise NoAnswerError(f"the device did not answer: {error}") from error
    got = answer.bits if request.table in ("coil", "discrete") else answer.registers
    # Some devices cut an answer short where they should refuse: that is a refusal too.
    return None if not answer.isError() and len(got) < request.count else answer


class _Line:
    """A connection for the duration of a block."""

    def __init__(self, settings: Any) -> None:
        from pymodbus.client import AsyncModbusTcpClient

        self._where = f"{settings.host}:{settings.port}"
        # It connects again by itself otherwise, and a gap would pass unseen.
        self._client = AsyncModbusTcpClient(
            settings.host, port=settings.port, timeout=settings.timeout_s, retries=1,
            reconnect_delay=0,
        )  # fmt: skip

    async def __aenter__(self) -> AsyncModbusTcpClient:
        if not await answer_of(self._client.connect()):
            self._client.close()
            raise NoAnswerError(f"{self._where} cannot be reached")
        return self._client

    async def __aexit__(self, *_: object) -> None:
        self._client.close()
