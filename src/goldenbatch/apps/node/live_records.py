"""What was recorded, told to those who wait for it and may read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.apps.node.live import Listener
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import LedgerPort

MAX_EVENTS = 5_000
"""Events that are looked at in one turn; the rest come in the next."""


@dataclass(frozen=True)
class Query:
    """Of which records one wants to hear.

    Attributes:
        kinds: Kinds of events; none: all.
        prefixes: Begins of streams; none: all.
    """

    kinds: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    def fits(self, event: Event) -> bool:
        """Whether an event is one of them."""
        is_of_kind = not self.kinds or event.kind in self.kinds
        return is_of_kind and (not self.prefixes or event.stream.startswith(self.prefixes))


@dataclass(eq=False)
class RecordFeed:
    """What one listener has been told.

    Attributes:
        cursor: Number of the last event that was looked at.
        readable: Whether the person may read an event.
    """

    query: Query
    cursor: int
    readable: Callable[[Event], bool]
    listeners: list[Listener] = field(default_factory=list)

    def advance(self, found: News) -> bytes:
        """The message of what the person may see of the news; empty when that is nothing."""
        told = [
            text
            for one, text in found.events
            if one.seq > self.cursor and self.query.fits(one) and self.readable(one)
        ]
        self.cursor = max(self.cursor, found.upto)
        if not told:
            return b""
        rows = ",".join(told)
        text = f'id: {self.cursor}\nevent: records\ndata: {{"seq":{self.cursor},"events":[{rows}]}}'
        return f"{text}\n\n".encode()


@dataclass(frozen=True)
class News:
    """Events, each encoded once, and the number up to which these are all."""

    events: Sequence[tuple[Event, str]]
    upto: int


def news(ledger: LedgerPort, after: int, head: int) -> News:
    """What was recorded after an event, up to another one, but not too much at a time."""
    events = list(islice(ledger.events(after, head), MAX_EVENTS))
    last = events[-1].seq if len(events) == MAX_EVENTS else head
    return News([(event, _text(event)) for event in events], last)


def _text(event: Event) -> str:
    """An event without its body: who wants that asks for it."""
    row = {
        "seq": event.seq,
        "stream": event.stream,
        "version": event.envelope.version,
        "kind": event.kind,
        "data_class": event.envelope.data_class.value,
        "recorded_at": event.envelope.recorded_at,
    }
    return json.dumps(row, separators=(",", ":"))
