"""An OPC UA server that shows units of the demonstration plant, with the history of each tag.

References:
    OPC 10000-8 (data access), OPC 10000-11 (historical access).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.demo.schedule import Unit
from goldenbatch.apps.demo.shown import TEXTS, rows_between, shown_at

if TYPE_CHECKING:
    from asyncua import Server, ua

NAMESPACE = "urn:goldenbatch:demo-plant"
KEPT_US = 40 * 60 * 1_000_000
"""How far back the plant's own memory reaches."""
EPOCH = datetime(1970, 1, 1)


def moment(time: int) -> datetime:
    """Microseconds UTC as the library takes them."""
    return EPOCH + timedelta(microseconds=time)


def micros(time: datetime) -> int:
    """And back."""
    return (time.replace(tzinfo=None) - EPOCH) // timedelta(microseconds=1)


def node_id(unit: Unit, signal: str) -> str:
    """Identifier of a node below the namespace."""
    return f"{unit.place.rpartition('/')[2]}.{signal}"


@dataclass
class Shown:
    """A unit that the server shows.

    Attributes:
        unit: Which.
        signals: Names of its numbers.
        epoch: When the plant was first started, microseconds UTC.
    """

    unit: Unit
    signals: tuple[str, ...]
    epoch: int


class PlantHistory:
    """What the plant remembers: read off the courses, never stored twice.

    Attributes:
        first_read_at: When somebody first asked, microseconds UTC; 0: nobody did.
    """

    def __init__(self, units: Sequence[Shown]) -> None:
        self.max_history_data_response_size = 10_000
        self.first_read_at = 0
        self._nodes: dict[str, tuple[Shown, str]] = {}
        for one in units:
            for signal in (*one.signals, *TEXTS):
                self._nodes[node_id(one.unit, signal)] = (one, signal)

    async def init(self) -> None:
        """There is nothing to open."""

    async def new_historized_node(self, *_: Any) -> None:
        """All nodes have their history already."""

    async def save_node_value(self, *_: Any) -> None:
        """The courses hold it."""

    async def stop(self) -> None:
        """There is nothing to close."""

    async def read_node_history(
        self, node: ua.NodeId, start: datetime | None, end: datetime | None, n_most: int
    ) -> tuple[list[ua.DataValue], datetime | None]:
        """Values of a node in a window, and where the next answer begins."""
        found = self._nodes.get(str(node.Identifier))
        now = micros(datetime.now(UTC))
        self.first_read_at = self.first_read_at or now
        first = max(micros(start) if start else 0, now - KEPT_US)
        last = min(micros(end) if end else now, now)
        if found is None or first > last:
            return [], None
        one, signal = found
        rows = await asyncio.to_thread(rows_between, one.unit, signal, (first, last), one.epoch)
        most = min(n_most or self.max_history_data_response_size, 10_000)
        more = moment(rows[most][0]) if len(rows) > most else None
        return [data_value(value, time) for time, value in rows[:most]], more


def data_value(value: float | str, time: int) -> ua.DataValue:
    """A value with its own time."""
    from asyncua import ua

    kind = ua.VariantType.String if isinstance(value, str) else ua.VariantType.Double
    return ua.DataValue(
        ua.Variant(value, kind), SourceTimestamp=moment(time), ServerTimestamp=moment(time)
    )


async def make_server(
    port: int, units: Sequence[Shown], history: PlantHistory
) -> tuple[Server, dict[str, Any]]:
    """A server with a node for each signal; it is started by `async with`."""
    from asyncua import Server, ua

    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/plant")
    server.set_server_name("Demonstration plant")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await server.register_namespace(NAMESPACE)
    server.iserver.history_manager.set_storage(history)
    nodes: dict[str, Any] = {}
    for one in units:
        folder = await server.nodes.objects.add_object(
            space, one.unit.place.rpartition("/")[2].title()
        )
        for signal in (*one.signals, *TEXTS):
            name = node_id(one.unit, signal)
            value: Any = "" if signal in TEXTS else 0.0
            node = await folder.add_variable(ua.NodeId(name, space), signal, value)
            await node.set_attr_bit(ua.AttributeIds.AccessLevel, ua.AccessLevel.HistoryRead)
            await node.set_attr_bit(ua.AttributeIds.UserAccessLevel, ua.AccessLevel.HistoryRead)
            await node.write_attribute(
                ua.AttributeIds.Historizing,
                ua.DataValue(ua.Variant(True)),
            )
            nodes[name] = node
    return server, nodes


async def show(server: Server, nodes: dict[str, Any], units: Sequence[Shown], now: int) -> None:
    """Bring every node to what its sensor shows at a time."""
    for one in units:
        values = await asyncio.to_thread(shown_at, one.unit, one.signals, now, one.epoch)
        for signal, (time, value) in values.items():
            node = nodes[node_id(one.unit, signal)]
            await server.write_attribute_value(node.nodeid, data_value(value, time))
