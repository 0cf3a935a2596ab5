"""A site as one person may see it: lists without hidden rows, events without hidden bodies.

Envelopes stay visible to whoever is let in: they name no person and hold no value, and without
them nobody could check that nothing was left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.core.authority import require
from goldenbatch.core.errors import DeniedError, NotFoundError
from goldenbatch.core.records import Clause, DataClass, Event, NewEvent, Row
from goldenbatch.core.site import Actor
from goldenbatch.core.visibility import visible

if TYPE_CHECKING:
    from goldenbatch.core.capability import Offer
    from goldenbatch.core.people import UserState
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.prediction import ModelsPort
    from goldenbatch.core.site import (
        Clock,
        HistorianPort,
        HomeInfo,
        LedgerPort,
        RegistryPort,
        Site,
        Window,
    )
    from goldenbatch.runtime.authority import Asked, Authority


class SeenLedger:
    """The ledger as one person may read it; it takes nothing.

    Args:
        ledger: The ledger itself.
        asked: The person's question, answered once.
        readable: Whether the person may read the body of an event.
    """

    def __init__(self, ledger: LedgerPort, asked: Asked, readable: Callable[[Event], bool]) -> None:
        self._ledger = ledger
        self._asked = asked
        self._readable = readable
        self._classes = asked.readable()

    def append(self, events: Sequence[NewEvent]) -> Sequence[Event]:
        """Nothing is appended by reading.

        Raises:
            DeniedError: Always.
        """
        raise DeniedError(
            "a person's session appends nothing by itself.", hint="Use the act's own endpoint."
        )

    def head(self) -> int:
        """Number of the last event; 0 when empty."""
        return self._ledger.head()

    def version(self, stream: str) -> int:
        """Version of a stream; 0 when it does not exist."""
        return self._ledger.version(stream)

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream; bodies that the person may not read are withheld."""
        return [self._shown(event) for event in self._ledger.stream(name, after)]

    def events(
        self,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] = (),
        stream_prefix: str = "",
    ) -> Iterator[Event]:
        """Events in order; bodies that the person may not read are withheld."""
        for event in self._ledger.events(after, upto, kinds, stream_prefix):
            yield self._shown(event)

    def select(
        self,
        projection: str,
        where: Mapping[str, Any] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Rows that the person may see."""
        clause = visible(projection, self._classes, self._asked.actor.uid)
        return self._ledger.select(projection, {**(where or {}), "": clause}, order_by, limit)

    def count(self, projection: str, where: Mapping[str, Any] | None = None) -> int:
        """Number of rows that the person may see."""
        clause: Clause = visible(projection, self._classes, self._asked.actor.uid)
        counted: Any = self._ledger
        return int(counted.count(projection, {**(where or {}), "": clause}))

    def proof_bundle(self, seqs: Sequence[int]) -> dict[str, Any]:
        """Proof of events, all of which the person may read and take a copy of.

        Raises:
            DeniedError: The person may take no copy, or not read one of them.
        """
        require(self._asked.may("export", "none/none", ()))
        head = self._ledger.head()
        for seq in sorted({one for one in seqs if one <= head}):
            for event in self._ledger.events(seq - 1, seq):
                if not self._readable(event):
                    raise DeniedError(
                        f"event {seq} holds {event.envelope.data_class.value} data that you may "
                        "not read.",
                        hint="Leave it out of the proof.",
                    )
        return self._ledger.proof_bundle(seqs)

    def _shown(self, event: Event) -> Event:
        return event if self._readable(event) else dataclasses.replace(event, body=None)


class SeenSite:
    """A site as one person may see it.

    Args:
        site: The site itself.
        authority: Who decides.
        user: The person, as the ledger has them now.
    """

    def __init__(self, site: Site, authority: Authority, user: UserState) -> None:
        self._site = site
        self._asked = authority.ask(user)
        self._actor = Actor(user.uid, user.roles)
        self.classes = self._asked.readable()
        self.ledger = SeenLedger(site.ledger, self._asked, authority.may_read(user))

    def require_class(self, data_class: DataClass) -> None:
        """Refuse a person who may not read a class of data.

        Raises:
            DeniedError: They may not.
        """
        if data_class not in self.classes:
            decision = self._asked.may("read", "none/none", ())
            require(decision)
            raise DeniedError(
                f"your roles may not read {data_class.value} data.",
                hint="Ask somebody who may, or have the policy changed.",
            )

    @property
    def home(self) -> HomeInfo:
        """Identity and kind of the home."""
        return self._site.home

    @property
    def plant(self) -> Plant:
        """The plant in its effective version."""
        self.require_class(DataClass.OPERATIONAL)
        return self._site.plant

    @property
    def historian(self) -> HistorianPort:
        """What was measured: operational data."""
        self.require_class(DataClass.OPERATIONAL)
        return self._site.historian

    @property
    def registry(self) -> RegistryPort:
        """What was learnt and what was handed in: as confidential as recipes."""
        self.require_class(DataClass.CONFIDENTIAL)
        return self._site.registry

    @property
    def models(self) -> ModelsPort:
        """Models that may serve: as confidential as what was learnt."""
        self.require_class(DataClass.CONFIDENTIAL)
        return self._site.models

    @property
    def actor(self) -> Actor:
        """The person."""
        return self._actor

    @property
    def clock(self) -> Clock:
        """Present time."""
        return self._site.clock

    def windows(self, batch: str, phase: str = "") -> Sequence[Window]:
        """Windows of a batch that the person may see.

        Raises:
            NotFoundError: There is no such batch for them.
        """
        if not self.ledger.select("batch", {"batch": batch}, limit=1):
            raise NotFoundError(f"there is no batch {batch!r}.", hint="See `batch list`.")
        return self._site.windows(batch, phase)

    def offers(self, kind: str) -> Sequence[tuple[str, Offer]]:
        """What all capabilities offer of a kind, as (full name, offer)."""
        return self._site.offers(kind)
