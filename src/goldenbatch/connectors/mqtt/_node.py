"""What a host application knows of an edge node, and the payloads that it packs and unpacks."""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from goldenbatch.connectors.mqtt._proto import DataType, payload_class
from goldenbatch.core.acquisition import GapCause
from goldenbatch.core.series import ReadingKind

REBIRTH = "Node Control/Rebirth"
MAX_INFLATED = 64 * 2**20


@dataclass(frozen=True)
class Address:
    """Where a message comes from: a node, or a device of it."""

    group: str
    edge: str
    device: str = ""

    @property
    def node(self) -> Address:
        """The node that it belongs to."""
        return Address(self.group, self.edge)

    def __str__(self) -> str:
        """As it stands in topics."""
        return "/".join(part for part in (self.group, self.edge, self.device) if part)


@dataclass(frozen=True)
class Definition:
    """What a birth has said of a metric.

    Attributes:
        kind: Kind of its readings; None: it is not stored.
        plain: Field in which its numbers stand as they are; empty: they are converted.
        own_tag: Its tag where the unit is the tag's; `tag` is apart while it is another one.
    """

    name: str
    tag: str
    datatype: int
    kind: ReadingKind | None
    plain: str
    unit: str = ""
    own_tag: str = ""


@dataclass
class Message:
    """A message that waits."""

    verb: str
    address: Address
    payload: Any
    at: int
    n_bytes: int = 0

    @property
    def sent_at(self) -> int:
        """When it was sent, by the clock of its node, milliseconds UTC; 0: it does not say."""
        return int(self.payload.timestamp)


@dataclass
class Node:
    """An edge node with its devices, as its births have described it.

    Attributes:
        expected: Sequence number of the next message; -1: not known, a birth is awaited.
        held: Messages that came too early, by sequence number.
        ordered_at: When the last message came that was in its turn.
        newest: Time of its newest reading, as far as the host's clock lets it be believed.
        recent: Time of the last message of each sequence number, by which a doubled one is known.
        waiting: Messages that came before the birth they need.
        unborn: Devices that a birth of the node has made unknown, since when, and what they were.
        n_crossed: Messages in their turn that were sent later than one that came too early.
        sessions: Sessions (bdSeq) of its newest births, the newest last.
    """

    address: Address
    is_online: bool = False
    bd_seq: int = -1
    expected: int = -1
    births: dict[Address, dict[str, Definition]] = field(default_factory=dict)
    aliases: dict[int, Definition] = field(default_factory=dict)
    off_since: dict[Address, tuple[int, GapCause]] = field(default_factory=dict)
    held: dict[int, Message] = field(default_factory=dict)
    held_since: int = 0
    waiting: list[Message] = field(default_factory=list)
    asked_at: int = 0
    heard_at: int = 0
    ordered_at: int = 0
    newest: int = 0
    recent: dict[int, int] = field(default_factory=dict)
    unborn: dict[Address, tuple[int, dict[str, Definition]]] = field(default_factory=dict)
    n_crossed: int = 0
    sessions: deque[int] = field(default_factory=lambda: deque(maxlen=4))

    @property
    def is_vacant(self) -> bool:
        """Whether nothing would be lost if it were forgotten: it was never born."""
        return not (self.births or self.unborn or self.held or self.waiting)


def inflated(data: bytes) -> bytes:
    """A packed payload; bounded, so that a small message cannot fill the memory."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # zlib or gzip, by its head
    found = unpacker.decompress(data, MAX_INFLATED)
    if unpacker.unconsumed_tail:
        raise ValueError(f"it unpacks to more than {MAX_INFLATED:,} bytes")
    return found


def rebirth_payload(at: int) -> bytes:
    """The command by which a node is asked for its births.

    Args:
        at: Present time, microseconds UTC.
    """
    payload = payload_class()(timestamp=at // 1000)
    payload.metrics.add(
        name=REBIRTH, timestamp=at // 1000, datatype=DataType.BOOLEAN, boolean_value=True
    )
    data: bytes = payload.SerializeToString()
    return data
