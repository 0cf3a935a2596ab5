"""A Sparkplug host application without its network: messages in, readings and commands out.

References:
    Eclipse Sparkplug 3.0, chapters 4 to 6. The ids of its testable statements are the names of
    the tests of this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from goldenbatch.connectors.mqtt import _values
from goldenbatch.connectors.mqtt._names import tag_name
from goldenbatch.connectors.mqtt._node import (
    Address,
    Definition,
    Message,
    Node,
    inflated,
    rebirth_payload,
)
from goldenbatch.connectors.mqtt._proto import DataType, payload_class
from goldenbatch.connectors.mqtt._rows import Outcome, Rows
from goldenbatch.connectors.mqtt.settings import SparkplugSettings
from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.series import Quality

NAMESPACE = "spBv1.0"
COMPRESSED = "SPBV1.0_COMPRESSED"
"""As `uuid` of a payload whose body is a payload packed by zlib or gzip (Eclipse Tahu)."""
N_SEQ = 256
MAX_HELD = 2000
"""Messages of a node that wait for its birth or for one that is missing."""
MAX_GAP_TAGS = 2000
MAX_MS = 253_402_300_799_999
"""End of the year 9999 in milliseconds: a later time is a unit that the device has wrong."""
DAY_US = 86_400_000_000
"""A device's own time of a death that is further from the arrival is not believed."""
EXACT = 2**53
_INTEGERS = frozenset({DataType.INT64, DataType.UINT64})


class Host:
    """Follows all edge nodes; pure: gives what is to be stored and published with `drain`.

    Args:
        settings: Of the card.
        place: Place of the card, before all tags.
        clock: Present time, microseconds UTC.
    """

    def __init__(self, settings: SparkplugSettings, place: str, clock: Callable[[], int]) -> None:
        self.settings, self._clock = settings, clock
        self._prefix = settings.prefix or place
        self._renames = {one.name: one.tag for one in settings.tags}
        self._parse = payload_class().FromString
        self.nodes: dict[Address, Node] = {}
        self._out = Outcome()
        self.n_metrics = 0
        self._claims: dict[str, tuple[Address, str]] = {}

    def drain(self) -> Outcome:
        """What has come up since the last time."""
        found, self._out = self._out, Outcome()
        return found

    # ---- messages ---------------------------------------------------------------------------

    def take(self, topic: str, data: bytes, at: int) -> None:
        """Take a message of the namespace; one that is none is told and left."""
        parts = topic.split("/")
        verbs = {4: ("NBIRTH", "NDEATH", "NDATA"), 5: ("DBIRTH", "DDEATH", "DDATA")}
        if parts[0] != NAMESPACE or len(parts) not in verbs or parts[2] not in verbs[len(parts)]:
            return  # commands of other hosts, STATE, and what is none of Sparkplug
        address = Address(parts[1], parts[3], *parts[4:])
        if self.settings.groups and address.group not in self.settings.groups:
            return
        try:
            payload = self._parse(data)
            if payload.uuid == COMPRESSED:
                payload = self._parse(inflated(payload.body))
        except Exception as error:  # protobuf raises a class that is its own in each version
            self._out.problems.append(f"{topic}: no Sparkplug payload: {error}")
            self._refuse(at, (), f"{topic}: no Sparkplug payload: {error}")
            return
        node = self.nodes.setdefault(address.node, Node(address.node))
        node.heard_at = at
        message = Message(parts[2], address, payload, at)
        if message.verb == "NBIRTH":
            self._node_birth(node, message)
        elif message.verb == "NDEATH":
            self._node_death(node, message)
        else:
            self._in_order(node, message)

    def tick(self) -> None:
        """Look at the reorder timeouts."""
        limit = int(self.settings.reorder_s * 1e6)
        for node in self.nodes.values():
            # A clock that was set back must not let them wait until it is there again.
            if node.held and not 0 <= self._clock() - node.held_since < limit:
                self._give_up(node)

    def lost_broker(self, at: int) -> None:
        """The host's own session ended: what the nodes did since then is not known."""
        for node in self.nodes.values():
            self._settle(node)
            for address in list(node.births):
                self._offline(node, address, at, GapCause.LINK_DOWN)
            node.expected, node.is_online = -1, False
            node.heard_at = at

    def _settle(self, node: Node) -> None:
        """Before a session ends: keep what came too early, say what no birth can tell any more."""
        if node.held:
            self._give_up(node, is_asked=False)
        if node.waiting:  # another session may give their aliases another meaning
            first, n = node.waiting[0], len(node.waiting)
            note = f"{node.address}: {n} messages came before a birth that never came"
            self._out.gaps.append(
                Gap((first.at, node.waiting[-1].at + 1), GapCause.REJECTED, (), note)
            )
            node.waiting = []

    def _refuse(self, at: int, tags: tuple[str, ...], note: str) -> None:
        self._out.gaps.append(Gap((at, at + 1), GapCause.REJECTED, tags, note, 1))

    def _in_order(self, node: Node, message: Message) -> None:
        """Handle a message when its turn has come (tck-id-operational-behavior-host-reordering)."""
        if node.expected < 0:
            self._wait(node, message)
            return
        seq = int(message.payload.seq)
        if not message.payload.HasField("seq") or seq >= N_SEQ:
            note = f"{message.address}: {message.verb} without sequence number"
            self._out.problems.append(note)
            self._refuse(message.at, (), note)
            self._ask_rebirth(node)
            return
        sent_at = int(message.payload.timestamp)
        if seq != node.expected:
            is_behind = (node.expected - seq) % N_SEQ <= N_SEQ // 2
            if is_behind and sent_at and node.recent.get(seq) == sent_at:
                self._out.problems.append(f"{message.address}: message {seq} came twice")
                return
            if not node.held:
                node.held_since = self._clock()
            node.held[seq] = message
            if len(node.held) >= min(MAX_HELD, N_SEQ // 2) or not self.settings.reorder_s:
                self._give_up(node)
            return
        self._handle(node, message)
        node.expected, node.ordered_at = (seq + 1) % N_SEQ, message.at
        node.recent[seq] = sent_at
        while (following := node.held.pop(node.expected, None)) is not None:
            self._handle(node, following)
            node.recent[node.expected] = int(following.payload.timestamp)
            node.expected = (node.expected + 1) % N_SEQ

    def _give_up(self, node: Node, *, is_asked: bool = True) -> None:
        """What is missing does not come: keep what came, say the gap, ask for a rebirth."""
        order = sorted(node.held, key=lambda seq: (seq - node.expected) % N_SEQ)
        n_missing = (order[0] - node.expected) % N_SEQ
        note = f"{node.address}: {n_missing} messages from sequence number {node.expected} on"
        first = node.held[order[0]].at
        window = (min(node.ordered_at or node.held_since, first), first)
        self._out.gaps.append(Gap(window, GapCause.LINK_DOWN, self._tags(node), note))
        for seq in order:
            self._handle(node, node.held[seq])
            node.recent[seq] = int(node.held[seq].payload.timestamp)
        node.held, node.expected = {}, (order[-1] + 1) % N_SEQ
        node.ordered_at = self._clock()
        if is_asked:
            self._ask_rebirth(node)

    def _wait(self, node: Node, message: Message) -> None:
        """Keep a message until the birth it needs has come, and ask for that."""
        if len(node.waiting) >= MAX_HELD:
            lost = node.waiting.pop(0)
            note = f"{lost.address}: no birth came, {lost.verb} dropped"
            self._out.gaps.append(Gap((lost.at, lost.at + 1), GapCause.OVERRUN, (), note))
        node.waiting.append(message)
        self._ask_rebirth(node)

    def _handle(self, node: Node, message: Message) -> None:
        if message.verb == "DBIRTH":
            self._birth(node, message)
        elif message.verb == "DDEATH":
            at = self._believed(message)
            self._offline(node, message.address, at, GapCause.SOURCE_OFF)
        elif message.address not in node.births:
            self._wait(node, message)
        else:
            self._data(node, message)

    # ---- births and deaths ------------------------------------------------------------------

    def _node_birth(self, node: Node, message: Message) -> None:
        payload = message.payload
        found = [one for one in payload.metrics if one.name == "bdSeq"]
        if not found or (payload.HasField("seq") and payload.seq != 0):
            what = "no bdSeq" if not found else f"sequence number {payload.seq} instead of 0"
            self._out.problems.append(f"{node.address}: NBIRTH with {what}")
        node.bd_seq = int(found[0].long_value or found[0].int_value) if found else -1
        devices = [one for one in node.births if one.device]
        for device in devices:  # they are to be born anew (6.4.20)
            if node.is_online and device not in node.off_since:
                node.off_since[device] = (message.at, GapCause.UNKNOWN)
        if node.held:
            self._give_up(node, is_asked=False)
        node.births, node.aliases, node.recent = {}, {}, {}
        node.is_online, node.expected, node.ordered_at = True, 1, message.at
        self._birth(node, message)

    def _birth(self, node: Node, message: Message) -> None:
        """What a birth describes, and the values that it brings."""
        address = message.address
        definitions: dict[str, Definition] = {}
        for metric in message.payload.metrics:
            for name, one in self._flat(metric):
                made = self._define(address, name, one)
                definitions[name] = self._claimed(address, definitions, made, message.at)
            if metric.HasField("alias"):
                self._add_alias(node, definitions.get(metric.name), metric)
        node.births[address] = definitions
        self._close_gap(node, address, message)
        self._data(node, message)
        ready = [one for one in node.waiting if one.address in node.births or one.verb == "DBIRTH"]
        node.waiting = [one for one in node.waiting if one not in ready]
        for one in ready:  # of the session before: in no order that the new one knows
            if one.verb.endswith("DATA"):
                self._data(node, one)

    def _add_alias(self, node: Node, made: Definition | None, metric: Any) -> None:
        alias = int(metric.alias)
        if made is None:
            return
        if alias in node.aliases and node.aliases[alias].tag != made.tag:
            other = node.aliases[alias].name
            self._out.problems.append(f"{node.address}: alias {alias} is {other} and {made.name}")
        node.aliases[alias] = made

    def _define(self, address: Address, name: str, metric: Any) -> Definition:
        path = f"{address}/{name}"
        tag = self._renames.get(path, "")
        kind = _values.kind_of(metric.datatype)
        is_control = name == "bdSeq" or name.startswith("Node Control/")
        if is_control or (not tag and not self.settings.is_all):
            kind = None
        if not tag:
            tag = tag_name(self._prefix, address.edge, address.device, name)
        plain = _values.plain_field(metric.datatype)
        unit = _values.property_of(metric, "engUnit", "engineeringUnit", "Units", "units")
        return Definition(name, tag, metric.datatype, kind, plain, unit)

    def _claimed(
        self, address: Address, definitions: dict[str, Definition], made: Definition, at: int
    ) -> Definition:
        """A definition whose tag is its own: two metrics must not be mixed in one tag."""
        if made.kind is None:
            return made
        place, name = self._claims.setdefault(made.tag, (address, made.name))
        if (place, name) == (address, made.name):
            return made
        births = self.nodes[place.node].births if place.node in self.nodes else {}
        if name not in (definitions if place == address else births.get(place, {})):
            self._claims[made.tag] = (address, made.name)
            return made
        note = f"{address}/{made.name} would be tag {made.tag}, as is {place}/{name}: rename one"
        self._out.problems.append(note)
        self._refuse(at, (), note)
        return replace(made, kind=None)

    def _flat(self, metric: Any) -> list[tuple[str, Any]]:
        """A metric, or all those inside a template."""
        if metric.datatype != DataType.TEMPLATE:
            return [(metric.name, metric)]
        return list(_values.members(metric, metric.name))

    def _node_death(self, node: Node, message: Message) -> None:
        found = [one for one in message.payload.metrics if one.name == "bdSeq"]
        bd_seq = int(found[0].long_value or found[0].int_value) if found else -1
        if node.is_online and node.bd_seq >= 0 and bd_seq != node.bd_seq:
            self._out.problems.append(
                f"{node.address}: NDEATH of session {bd_seq}, not of {node.bd_seq}, is ignored"
            )
            return
        self._settle(node)
        for address in list(node.births) or [node.address]:
            self._offline(node, address, message.at, GapCause.LINK_DOWN)
        node.is_online, node.expected = False, -1

    def _offline(self, node: Node, address: Address, at: int, cause: GapCause) -> None:
        """Mark all metrics of a node or device stale (6.4.20, host actions)."""
        if address in node.off_since:
            return
        at = max(at, node.newest + 1)  # a device ahead of time: its last value must not stay newest
        node.off_since[address] = (at, cause)
        quality = _values.BAD_NO_COMMUNICATION
        for one in node.births.get(address, {}).values():
            if one.kind is not None:
                self._out.add(kind=one.kind, row=(at, one.tag, None, quality), is_history=False)

    @staticmethod
    def _believed(message: Message) -> int:
        """The time that a message gives itself, or when it arrived where that cannot be."""
        at = int(message.payload.timestamp) * 1000
        return at if abs(at - message.at) <= DAY_US else message.at

    def _close_gap(self, node: Node, address: Address, message: Message) -> None:
        off = node.off_since.pop(address, None)
        if off is None or off[1] is GapCause.UNKNOWN:
            return
        end = max(off[0], self._believed(message))
        tags = tuple(one.tag for one in node.births[address].values() if one.kind is not None)
        note = f"{address} was offline"
        self._out.gaps.append(Gap((off[0], end), off[1], tags[:MAX_GAP_TAGS], note))

    def _tags(self, node: Node) -> tuple[str, ...]:
        """Tags of a node and its devices."""
        made = [one for births in node.births.values() for one in births.values()]
        return tuple(one.tag for one in made if one.kind is not None)[:MAX_GAP_TAGS]

    # ---- data -------------------------------------------------------------------------------

    def _data(self, node: Node, message: Message) -> None:
        """Readings of a message; a metric that no birth has named asks for a rebirth."""
        births, aliases = node.births[message.address], node.aliases
        default = int(message.payload.timestamp) or message.at // 1000
        times: list[int] = []
        tags: list[str] = []
        values: list[float] = []
        for metric in message.payload.metrics:
            name = metric.name
            made = births.get(name) if name else aliases.get(metric.alias)
            if made is None:
                self._unknown(node, message, metric, default)
                continue
            plain = made.plain
            # The way of nearly all: a number, good, of now.
            if (
                plain
                and metric.HasField(plain)
                and made.kind
                and not metric.is_historical
                and not metric.is_null
                and not metric.is_transient
                and not metric.HasField("properties")
            ):
                times.append((metric.timestamp or default) * 1000)
                tags.append(made.tag)
                values.append(getattr(metric, plain))
            else:
                self._other(made, metric, default)
        if times:
            if max(times) > MAX_MS * 1000:
                times, tags, values = self._of_this_age(message, times, tags, values)
            if message.at - DAY_US < (newest := max(times, default=0)) < message.at + DAY_US:
                node.newest = max(node.newest, newest)
        self._out.live.setdefault("number", Rows()).extend(times, tags, values)
        self.n_metrics += len(message.payload.metrics)

    def _of_this_age(
        self, message: Message, times: list[int], tags: list[str], values: list[float]
    ) -> tuple[list[int], list[str], list[float]]:
        """Readings whose time can be one; the others are refused, by name."""
        good = [at <= MAX_MS * 1000 for at in times]
        wrong = tuple(sorted({tag for tag, is_good in zip(tags, good, strict=True) if not is_good}))
        note = f"{message.address}: times beyond the year 9999 (not in milliseconds?)"
        self._out.problems.append(note)
        n, window = good.count(False), (message.at, message.at + 1)
        self._out.gaps.append(Gap(window, GapCause.REJECTED, wrong[:MAX_GAP_TAGS], note, n))
        rows = zip(zip(times, tags, values, strict=True), good, strict=True)
        kept = [row for row, is_good in rows if is_good]
        return [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept]

    def _other(self, made: Definition, metric: Any, default: int) -> None:
        """A metric that is no plain good number of this moment."""
        if made.kind is None or metric.is_transient:
            return
        time = (metric.timestamp or default) * 1000
        if time > MAX_MS * 1000:
            note = f"{made.tag}: a time beyond the year 9999 (not in milliseconds?)"
            self._out.problems.append(note)
            return self._refuse(self._clock(), (made.tag,), note)
        quality = _values.quality_of(metric)
        try:
            value = _values.value_of(metric, made.datatype, self.settings.float_arrays)
        except (ValueError, UnicodeDecodeError) as error:
            self._out.problems.append(f"{made.tag}: {error}")
            value, quality = None, 0x80000000
        if made.datatype in _INTEGERS and value is not None and abs(value) >= EXACT:
            quality = quality or int(Quality.UNCERTAIN)  # a float does not hold all of its digits
        row = (time, made.tag, value, quality if value is not None else quality or 0x80000000)
        self._out.add(kind=made.kind, row=row, is_history=bool(metric.is_historical))

    def _unknown(self, node: Node, message: Message, metric: Any, default: int) -> None:
        if metric.datatype == DataType.TEMPLATE and metric.name:
            for name, one in _values.members(metric, metric.name):
                made = node.births[message.address].get(name)
                if made is not None:
                    self._other(made, one, default)
            return
        what = metric.name or f"alias {metric.alias}"
        self._out.problems.append(f"{message.address}: no birth has named {what}")
        time = min(metric.timestamp or default, MAX_MS) * 1000
        note = f"{message.address}: {what} is in no birth"
        self._out.gaps.append(Gap((time, time + 1), GapCause.REJECTED, (), note, 1))
        self._ask_rebirth(node)

    # ---- commands ---------------------------------------------------------------------------

    def _ask_rebirth(self, node: Node) -> None:
        """Ask for a rebirth, at most every so often (tck-id-...-ncmd-rebirth-*)."""
        now = self._clock()
        if node.asked_at and 0 <= now - node.asked_at < self.settings.rebirth_s * 1e6:
            return
        node.asked_at = now
        topic = f"{NAMESPACE}/{node.address.group}/NCMD/{node.address.edge}"
        self._out.commands.append((topic, rebirth_payload(now)))
