"""The Sparkplug connector: a host application on a broker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.mqtt._breaks import left_open
from goldenbatch.connectors.mqtt._client import Incoming
from goldenbatch.connectors.mqtt._desk import NAMESPACE
from goldenbatch.connectors.mqtt._node import Address, rebirth_payload
from goldenbatch.connectors.mqtt._rows import Outcome
from goldenbatch.connectors.mqtt._session import Session
from goldenbatch.connectors.mqtt.host import Host
from goldenbatch.connectors.mqtt.settings import SparkplugSettings, read_settings
from goldenbatch.core.acquisition import Gap, Outlet, SourceContext
from goldenbatch.core.source_units import UnitBook

if TYPE_CHECKING:
    import aiomqtt

DOUBTFUL = "doubtful"
"""Position under which gaps stand that go on."""


def make_sparkplug(context: SourceContext) -> SparkplugConnector:
    """The connector of a card.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
        ImportError: aiomqtt is not installed.
    """
    import aiomqtt  # noqa: F401 (said now, not at the first message)

    return SparkplugConnector(context)


class SparkplugConnector(Session):
    """Says its STATE, follows the edge nodes, asks for rebirths; sends no other command."""

    def __init__(self, context: SourceContext) -> None:
        super().__init__(context)
        self.settings: SparkplugSettings = read_settings(
            SparkplugSettings, context.card.name, context.card.settings
        )
        self.host = Host(self.settings, context.card.place, context.clock)
        self._state = f"{NAMESPACE}/STATE/{self.settings.host_id}"
        self._connected_at = 0

    def _certificate(self, *, is_online: bool, at_ms: int) -> bytes:
        return json.dumps({"online": is_online, "timestamp": at_ms}).encode()

    def will(self) -> Any:
        """The death certificate; its time is that of the birth that follows."""
        import aiomqtt

        self._connected_at = self.context.clock() // 1000
        if not self.settings.is_primary:
            return None
        payload = self._certificate(is_online=False, at_ms=self._connected_at)
        return aiomqtt.Will(self._state, payload, qos=1, retain=True)

    async def begin(self, client: aiomqtt.Client) -> None:
        """Subscribe to STATE, say the birth, then subscribe to the nodes."""
        if self.settings.is_primary:
            await client.subscribe(self._state, qos=1)
            await self._say_birth(client)
        for group in self.settings.groups or ("#",):
            topic = f"{NAMESPACE}/{group}/#" if group != "#" else f"{NAMESPACE}/#"
            await client.subscribe(topic, qos=0)

    async def _say_birth(self, client: aiomqtt.Client) -> None:
        payload = self._certificate(is_online=True, at_ms=self._connected_at)
        await client.publish(self._state, payload, qos=1, retain=True)

    async def end(self, client: aiomqtt.Client) -> None:
        """Say the death before a disconnect that is meant."""
        if self.settings.is_primary:
            payload = self._certificate(is_online=False, at_ms=self.context.clock() // 1000)
            await client.publish(self._state, payload, qos=1, retain=True)

    def take(self, message: Incoming) -> None:
        """Take a message of a node, or a STATE that says this host were gone."""
        if message.topic == self._state:
            self._is_belied = _says_offline(message.payload)
        elif not message.is_retained:
            self.host.take(message.topic, message.payload, message.at)

    _is_belied = False

    def drain(self) -> Outcome:
        """What the messages have brought, and the birth again where somebody denied it."""
        self.host.tick()
        found = self.host.drain()
        if self._is_belied:
            # The will of an earlier session may come late (host-topic-phid-birth-required).
            self._is_belied = False
            self._connected_at = self.context.clock() // 1000
            payload = self._certificate(is_online=True, at_ms=self._connected_at)
            found.states.append((self._state, payload))
        return found

    def lost(self, at: int) -> None:
        """Nothing is known of the nodes until they are born again."""
        self.host.lost_broker(at)

    def ended(self) -> None:
        """Say the gaps that went on."""
        self.host.end()

    def positions(self) -> dict[str, str]:
        """Gaps that go on, so that they are said even after a kill."""
        return {DOUBTFUL: self.host.doubtful}

    def left(self, outlet: Outlet) -> list[Gap]:
        """Gaps that went on when the node died; the units that it knew are known again."""
        self.units = UnitBook.of(self.card, self.context.plant, outlet)
        self.host.know_units(self.units)
        return left_open(outlet.position(DOUBTFUL))

    def told(self) -> dict[str, float | str]:
        """Nodes and metrics."""
        nodes = self.host.nodes.values()
        return {
            "n_nodes": len(self.host.nodes),
            "n_online": sum(one.is_online for one in nodes),
            "n_nodes_refused": self.host.n_nodes_refused,
            "n_definitions": self.host.n_definitions,
            "n_metrics": self.host.n_metrics,
            "suspected": "; ".join(self.host.suspected)[:500],
        }


def _says_offline(payload: bytes) -> bool:
    try:
        return json.loads(payload).get("online") is False
    except (ValueError, AttributeError):
        return False


async def browse_sparkplug(
    context: SourceContext, listen_s: float = 5.0
) -> Sequence[Mapping[str, Any]]:
    """The metrics of all nodes that answer within some seconds: asks each for a rebirth."""
    import asyncio

    from goldenbatch.connectors.mqtt._client import Queue, make_client, receive

    connector = SparkplugConnector(context)
    settings, queue = connector.settings, Queue(100_000)
    asked: set[Address] = set()
    async with await make_client(context, settings.broker, suffix="-browse") as client:
        await client.subscribe(f"{NAMESPACE}/#", qos=0)
        receiving = asyncio.ensure_future(receive(client, queue, context.clock))
        deadline = asyncio.get_running_loop().time() + listen_s
        while (left := deadline - asyncio.get_running_loop().time()) > 0:
            for message in await queue.take(min(left, 0.2)):
                connector.host.take(message.topic, message.payload, message.at)
            for address in connector.host.nodes.keys() - asked:
                asked.add(address)
                topic = f"{NAMESPACE}/{address.group}/NCMD/{address.edge}"
                await client.publish(topic, rebirth_payload(context.clock()), qos=0)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    return [
        {"address": f"{address}/{one.name}", "name": one.tag, "unit": one.unit, "kind": one.kind}
        for node in connector.host.nodes.values()
        for address, births in node.births.items()
        for one in births.values()
        if one.kind is not None
    ]
