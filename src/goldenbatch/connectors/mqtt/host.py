"""A Sparkplug host application without its network: messages in, readings and commands out.

Which message comes when is here; what births say is in `_definitions`, what data say in
`_readings`, what breaks again and again in `_breaks`.

References:
    Eclipse Sparkplug 3.0, chapters 4 to 6. The ids of its testable statements are the names of
    the tests of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from goldenbatch.connectors.mqtt import _values
from goldenbatch.connectors.mqtt._definitions import Definitions
from goldenbatch.connectors.mqtt._desk import NAMESPACE, Desk, named
from goldenbatch.connectors.mqtt._node import Address, Definition, Message, Node, inflated
from goldenbatch.connectors.mqtt._proto import payload_class
from goldenbatch.connectors.mqtt._readings import DAY_US, Readings
from goldenbatch.connectors.mqtt._rows import Outcome
from goldenbatch.connectors.mqtt.settings import SparkplugSettings
from goldenbatch.core.acquisition import Gap, GapCause
from goldenbatch.core.source_units import UnitBook

COMPRESSED = "SPBV1.0_COMPRESSED"
"""As `uuid` of a payload whose body is a payload packed by zlib or gzip (Eclipse Tahu)."""
N_SEQ = 256
MAX_HELD = 2000
"""Messages of a node that wait for its birth or for one that is missing."""
DEVICE_S = 10.0
"""How long after a birth of its node a device may take to be born, before it counts as gone."""
N_CROSSED = 2
"""Messages in their turn, sent after one that came too early: one node numbers by time."""
_VERBS = {4: ("NBIRTH", "NDEATH", "NDATA"), 5: ("DBIRTH", "DDEATH", "DDATA")}


class Host:
    """Follows all edge nodes; pure: gives what is to be stored and published with `drain`.

    Args:
        settings: Of the card.
        place: Place of the card, before all tags.
        clock: Present time, microseconds UTC.
    """

    def __init__(self, settings: SparkplugSettings, place: str, clock: Callable[[], int]) -> None:
        self.settings, self._clock = settings, clock
        self._parse = payload_class().FromString
        self.nodes: dict[Address, Node] = {}
        self._desk = Desk(settings, clock)
        self._definitions = Definitions(self._desk, place, self.nodes)
        self._readings = Readings(self._desk)
        self.n_nodes_refused = 0

    def know_units(self, book: UnitBook) -> None:
        """Hold the units that births state to those of the tags."""
        self._desk.units = book

    @property
    def n_metrics(self) -> int:
        """Metrics that came in."""
        return self._readings.n_metrics

    @property
    def n_definitions(self) -> int:
        """Metrics that births have named."""
        return self._definitions.n_known

    @property
    def suspected(self) -> Sequence[str]:
        """Nodes under whose name two seem to publish."""
        return [f"{node}: {why}" for node, why in sorted(self._desk.breaks.suspected.items())]

    @property
    def doubtful(self) -> str:
        """Gaps that go on and are not said yet, as a position."""
        return self._desk.breaks.as_text()

    def drain(self) -> Outcome:
        """What has come up since the last time."""
        return self._desk.drain()

    # ---- messages ---------------------------------------------------------------------------

    def take(self, topic: str, data: bytes, at: int) -> None:
        """Take a message of the namespace; one that is none is told and left."""
        parts = topic.split("/")
        verbs = _VERBS.get(len(parts), ())
        if parts[0] != NAMESPACE or not verbs or parts[2] not in verbs:
            return  # commands of other hosts, STATE, and what is none of Sparkplug
        address = Address(parts[1], parts[3], *parts[4:])
        if self.settings.groups and address.group not in self.settings.groups:
            return
        try:
            payload = self._parse(data)
            if payload.uuid == COMPRESSED:
                payload = self._parse(inflated(payload.body))
        except Exception as error:  # protobuf raises a class that is its own in each version
            self._desk.problem(f"{topic}: no Sparkplug payload: {error}")
            self._desk.refuse(at, (), f"{topic}: no Sparkplug payload: {error}")
            return
        node = self._node(address.node, at)
        if node is None:
            return
        node.heard_at = at
        message = Message(parts[2], address, payload, at, len(data))
        if message.verb == "NBIRTH":
            self._node_birth(node, message)
        elif message.verb == "NDEATH":
            self._node_death(node, message)
        else:
            self._in_order(node, message)

    def _node(self, address: Address, at: int) -> Node | None:
        """The node of a message; None, and said, where no more can be followed."""
        if address in self.nodes:
            return self.nodes[address]
        if len(self.nodes) >= self.settings.n_nodes:
            vacant = [one for one in self.nodes.values() if one.is_vacant]
            if not vacant:
                self.n_nodes_refused += 1
                note = f"{address}: {self.settings.n_nodes} edge nodes are followed, and no more"
                self._desk.problem(note)
                self._desk.refuse(at, (), note)
                return None
            del self.nodes[min(vacant, key=lambda one: one.heard_at).address]
        return self.nodes.setdefault(address, Node(address))

    def tick(self) -> None:
        """Look at the reorder timeouts, and at devices that were not born again."""
        limit, now = int(self.settings.reorder_s * 1e6), self._clock()
        for node in self.nodes.values():
            # A clock that was set back must not let them wait until it is there again.
            if node.held and not 0 <= now - node.held_since < limit:
                self._give_up(node)
            for device, (since, _) in list(node.unborn.items()):
                if not 0 <= now - since < max(limit, DEVICE_S * 1e6):
                    self._offline(node, device, since, GapCause.SOURCE_OFF)

    def lost_broker(self, at: int) -> None:
        """The host's own session ended: what the nodes did since then is not known."""
        for node in self.nodes.values():
            self._settle(node)
            for address in [*node.births, *node.unborn]:
                self._offline(node, address, at, GapCause.LINK_DOWN)
            node.expected, node.is_online = -1, False
            node.heard_at = at

    def end(self) -> None:
        """Nothing more will come: say what was kept to be said later."""
        self._desk.out.gaps += self._desk.breaks.due(self._clock(), is_end=True)

    def _settle(self, node: Node) -> None:
        """Before a session ends: keep what came too early, say what no birth can tell any more."""
        if node.held:
            self._give_up(node, is_asked=False)
        if node.waiting:  # another session may give their aliases another meaning
            first, n = node.waiting[0], len(node.waiting)
            note = f"{node.address}: {n} messages came before a birth that never came"
            window = (first.at, node.waiting[-1].at + 1)
            self._desk.out.gaps.append(Gap(window, GapCause.REJECTED, (), note))
            for one in node.waiting:
                self._desk.let_go(one)
            node.waiting = []

    # ---- order ------------------------------------------------------------------------------

    def _in_order(self, node: Node, message: Message) -> None:
        """Handle a message when its turn has come (tck-id-operational-behavior-host-reordering)."""
        if node.expected < 0:
            self._wait(node, message)
            return
        seq = int(message.payload.seq)
        if not message.payload.HasField("seq") or seq >= N_SEQ:
            note = f"{message.address}: {message.verb} without sequence number"
            self._desk.problem(note)
            self._desk.refuse(message.at, (), note)
            self._desk.ask_rebirth(node)
            return
        if seq != node.expected:
            self._hold(node, message, seq)
            return
        if node.held and message.sent_at > min(one.sent_at for one in node.held.values()) > 0:
            node.n_crossed += 1
        self._handle(node, message)
        node.expected, node.ordered_at = (seq + 1) % N_SEQ, message.at
        node.recent[seq] = message.sent_at
        while (following := node.held.pop(node.expected, None)) is not None:
            self._handle(node, self._desk.let_go(following))
            node.recent[node.expected] = following.sent_at
            node.expected = (node.expected + 1) % N_SEQ
        if not node.held:
            node.n_crossed = 0

    def _hold(self, node: Node, message: Message, seq: int) -> None:
        """Keep a message that came too early."""
        is_behind = (node.expected - seq) % N_SEQ <= N_SEQ // 2
        if is_behind and message.sent_at and node.recent.get(seq) == message.sent_at:
            self._desk.problem(f"{message.address}: message {seq} came twice")
            return
        if not node.held:
            node.held_since, node.n_crossed = self._clock(), 0
        if seq in node.held:
            self._desk.let_go(node.held[seq])
        is_room = self._desk.keep(message)
        if not is_room:
            self._desk.n_kept_bytes += message.n_bytes  # given up at once, below
        node.held[seq] = message
        n_most = min(MAX_HELD, N_SEQ // 2)
        if len(node.held) >= n_most or not self.settings.reorder_s or not is_room:
            self._give_up(node)

    def _give_up(self, node: Node, *, is_asked: bool = True) -> None:
        """What is missing does not come: keep what came, say the gap, ask for a rebirth."""
        order = sorted(node.held, key=lambda seq: (seq - node.expected) % N_SEQ)
        n_missing = (order[0] - node.expected) % N_SEQ
        note = f"{node.address}: {n_missing} messages from sequence number {node.expected} on"
        if node.n_crossed >= N_CROSSED:
            self._desk.suspect(node)
        first = node.held[order[0]].at
        window = (min(node.ordered_at or node.held_since, first), first)
        self._desk.missing(node, Gap(window, GapCause.LINK_DOWN, self._tags(node), note))
        for seq in order:
            self._handle(node, self._desk.let_go(node.held[seq]))
            node.recent[seq] = node.held[seq].sent_at
        node.held, node.expected, node.n_crossed = {}, (order[-1] + 1) % N_SEQ, 0
        node.ordered_at = self._clock()
        if is_asked:
            self._desk.ask_rebirth(node)

    def _wait(self, node: Node, message: Message) -> None:
        """Keep a message until the birth it needs has come, and ask for that."""
        while node.waiting and (len(node.waiting) >= MAX_HELD or not self._desk.has_room(message)):
            self._drop(node, self._desk.let_go(node.waiting.pop(0)))
        if self._desk.keep(message):
            node.waiting.append(message)
        else:
            self._drop(node, message)
        self._desk.ask_rebirth(node)

    def _drop(self, node: Node, lost: Message) -> None:
        note = f"{lost.address}: no birth came, {lost.verb} dropped"
        self._desk.missing(node, Gap((lost.at, lost.at + 1), GapCause.OVERRUN, (), note, 1))

    def _handle(self, node: Node, message: Message) -> None:
        if message.verb == "DBIRTH":
            self._birth(node, message)
        elif message.verb == "DDEATH":
            at = _believed(message)
            self._offline(node, message.address, at, GapCause.SOURCE_OFF)
        elif message.address not in node.births:
            self._wait(node, message)
        else:
            self._readings.take(node, message)

    # ---- births and deaths ------------------------------------------------------------------

    def _node_birth(self, node: Node, message: Message) -> None:
        payload = message.payload
        found = [one for one in payload.metrics if one.name == "bdSeq"]
        if not found or (payload.HasField("seq") and payload.seq != 0):
            what = "no bdSeq" if not found else f"sequence number {payload.seq} instead of 0"
            self._desk.problem(f"{node.address}: NBIRTH with {what}")
        self._of_session(node, int(found[0].long_value or found[0].int_value) if found else -1)
        for device in [one for one in node.births if one.device]:  # to be born anew (6.4.20)
            if node.is_online and device not in node.off_since:
                node.unborn.setdefault(device, (message.at, node.births[device]))
        if node.held:
            self._give_up(node, is_asked=False)
        before = node.births.get(message.address, {})
        self._definitions.forget(node)
        node.births, node.aliases, node.recent = {}, {}, {}
        node.is_online, node.expected, node.ordered_at = True, 1, message.at
        self._birth(node, message, before)

    def _of_session(self, node: Node, bd_seq: int) -> None:
        """Whether births of two sessions come by turns: one node only ever counts up."""
        before = list(node.sessions)
        is_back = bd_seq >= 0 and bd_seq in before[:-1] and bd_seq != before[-1]
        if is_back and node.is_online:  # one that was restarted may begin at nought again
            self._desk.suspect(node)
        node.bd_seq = bd_seq
        if not before or before[-1] != bd_seq:
            node.sessions.append(bd_seq)

    def _birth(
        self, node: Node, message: Message, before: Mapping[str, Definition] | None = None
    ) -> None:
        """What a birth describes, and the values that it brings."""
        address = message.address
        _, unborn = node.unborn.pop(address, (0, dict[str, Definition]()))
        before = before or node.births.get(address) or unborn
        node.births[address] = self._definitions.of_birth(node, message)
        if address not in node.off_since:
            self._vanished(node, address, message, before)
        self._close_gap(node, address, message)
        self._readings.take(node, message)
        ready = [one for one in node.waiting if one.address in node.births or one.verb == "DBIRTH"]
        node.waiting = [one for one in node.waiting if one not in ready]
        for one in ready:  # of the session before: in no order that the new one knows
            self._desk.let_go(one)
            if one.verb.endswith("DATA"):
                self._readings.take(node, one)

    def _node_death(self, node: Node, message: Message) -> None:
        found = [one for one in message.payload.metrics if one.name == "bdSeq"]
        bd_seq = int(found[0].long_value or found[0].int_value) if found else -1
        if node.is_online and node.bd_seq >= 0 and bd_seq != node.bd_seq:
            self._desk.problem(
                f"{node.address}: NDEATH of session {bd_seq}, not of {node.bd_seq}, is ignored"
            )
            return
        self._settle(node)
        for address in [*node.births, *node.unborn] or [node.address]:
            self._offline(node, address, message.at, GapCause.LINK_DOWN)
        node.is_online, node.expected = False, -1

    def _offline(self, node: Node, address: Address, at: int, cause: GapCause) -> None:
        """Mark all metrics of a node or device stale (6.4.20, host actions)."""
        _, unborn = node.unborn.pop(address, (0, dict[str, Definition]()))
        if address in node.off_since:
            return
        at = max(at, node.newest + 1)  # a device ahead of time: its last value must not stay newest
        node.off_since[address] = (at, cause)
        for one in (node.births.get(address) or unborn).values():
            if one.kind is not None:
                self._desk.stale(at, one.tag, one.kind, _values.BAD_NO_COMMUNICATION)

    def _vanished(
        self, node: Node, address: Address, message: Message, before: Mapping[str, Definition]
    ) -> None:
        """Metrics that a birth names no more have no value, until one names them again."""
        born = {one.own_tag for one in node.births[address].values()}
        at = max(_believed(message), node.newest + 1)
        for one in before.values():
            if one.kind is not None and one.own_tag not in born:
                self._desk.stale(at, one.tag, one.kind, _values.BAD_NO_COMMUNICATION)

    def _close_gap(self, node: Node, address: Address, message: Message) -> None:
        off = node.off_since.pop(address, None)
        if off is None:
            return
        end = max(off[0], _believed(message))
        tags = tuple(one.tag for one in node.births[address].values() if one.kind is not None)
        note = f"{address} was offline"
        self._desk.missing(node, Gap((off[0], end), off[1], named(tags), note))

    def _tags(self, node: Node) -> tuple[str, ...]:
        """Tags of a node and its devices."""
        made = [one for births in node.births.values() for one in births.values()]
        return named(tuple(one.tag for one in made if one.kind is not None))


def _believed(message: Message) -> int:
    """The time that a message gives itself, or when it arrived where that cannot be."""
    at = message.sent_at * 1000
    return at if abs(at - message.at) <= DAY_US else message.at
