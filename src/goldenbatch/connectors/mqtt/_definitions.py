"""What births say of metrics: their tags, kinds, units and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from goldenbatch.connectors.mqtt import _values
from goldenbatch.connectors.mqtt._desk import Desk
from goldenbatch.connectors.mqtt._names import tag_name
from goldenbatch.connectors.mqtt._node import Address, Definition, Message, Node
from goldenbatch.connectors.mqtt._proto import DataType

N_CLAIMS = 20_000
"""Tags that may be taken before it is looked which metrics still are."""


class Definitions:
    """Makes definitions of births, so that no two metrics are one tag.

    Args:
        desk: Where problems go.
        place: Place of the card, before all tags.
        nodes: All nodes that are known.
    """

    def __init__(self, desk: Desk, place: str, nodes: Mapping[Address, Node]) -> None:
        self._desk, self._nodes = desk, nodes
        self._prefix = desk.settings.prefix or place
        self._renames = {one.name: one.tag for one in desk.settings.tags}
        self._claims: dict[str, tuple[Address, str]] = {}
        self._prune_at = N_CLAIMS
        self.n_known = 0

    def of_birth(self, node: Node, message: Message) -> dict[str, Definition]:
        """What a birth describes, by name; its aliases are the node's."""
        address = message.address
        made: dict[str, Definition] = {}
        self.n_known -= len(node.births.get(address, ()))
        if self.n_known + len(message.payload.metrics) > self._desk.settings.n_metrics:
            note = f"{address}: {self.n_known} metrics are known, and no more can be"
            self._desk.problem(note)
            self._desk.refuse(message.at, (), note)
            return made
        for metric in message.payload.metrics:
            for name, one in self._flat(metric):
                defined = self._define(address, name, one)
                own = self._claimed(address, made, defined, message.at)
                made[name] = self._desk.tag_of(own, message.at)
            if metric.HasField("alias"):
                self._add_alias(node, made.get(metric.name), metric)
        self.n_known += len(made)
        if len(self._claims) > self._prune_at:
            self._prune()
        return made

    def forget(self, node: Node) -> None:
        """A node's births are no longer known."""
        self.n_known -= sum(len(one) for one in node.births.values())

    def _prune(self) -> None:
        """Let go of tags whose metrics no birth names any more."""
        self._claims = {tag: one for tag, one in self._claims.items() if self._is_known(*one)}
        self._prune_at = max(N_CLAIMS, 2 * len(self._claims))

    def _is_known(self, place: Address, name: str) -> bool:
        node = self._nodes.get(place.node)
        if node is None:
            return False
        known = node.births.get(place) or node.unborn.get(place, (0, {}))[1]
        return name in known

    def _add_alias(self, node: Node, made: Definition | None, metric: Any) -> None:
        alias = int(metric.alias)
        if made is None:
            return
        if alias in node.aliases and node.aliases[alias].tag != made.tag:
            other = node.aliases[alias].name
            self._desk.problem(f"{node.address}: alias {alias} is {other} and {made.name}")
        node.aliases[alias] = made

    def _define(self, address: Address, name: str, metric: Any) -> Definition:
        path = f"{address}/{name}"
        tag = self._renames.get(path, "")
        kind = _values.kind_of(metric.datatype)
        is_control = name == "bdSeq" or name.startswith("Node Control/")
        if is_control or (not tag and not self._desk.settings.is_all):
            kind = None
        if not tag:
            tag = tag_name(self._prefix, address.edge, address.device, name)
        plain = _values.plain_field(metric.datatype)
        unit = _values.property_of(metric, *_values.UNIT_NAMES)
        return Definition(name, tag, metric.datatype, kind, plain, unit, tag)

    def _claimed(
        self, address: Address, definitions: dict[str, Definition], made: Definition, at: int
    ) -> Definition:
        """A definition whose tag is its own: two metrics must not be mixed in one tag."""
        if made.kind is None:
            return made
        place, name = self._claims.setdefault(made.tag, (address, made.name))
        if (place, name) == (address, made.name):
            return made
        births = self._nodes[place.node].births if place.node in self._nodes else {}
        if name not in (definitions if place == address else births.get(place, {})):
            self._claims[made.tag] = (address, made.name)
            return made
        note = f"{address}/{made.name} would be tag {made.tag}, as is {place}/{name}: rename one"
        self._desk.problem(note)
        self._desk.refuse(at, (), note)
        return replace(made, kind=None)

    def _flat(self, metric: Any) -> list[tuple[str, Any]]:
        """A metric, or all those inside a template."""
        if metric.datatype != DataType.TEMPLATE:
            return [(metric.name, metric)]
        return list(_values.members(metric, metric.name))
