"""Facts of batches for key figures: the ledger folded once, then only what is new.

Kept beside each open home, one for each set of classes of data that people may read, so that a
figure holds nothing that its reader may not see.
"""

from __future__ import annotations

import threading
import weakref
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from goldenbatch.capabilities.monitoring.yields.facts import KINDS, Book
from goldenbatch.core.findings import FindingClosed, FindingOpened, FindingUpdated

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.records import DataClass, Event
    from goldenbatch.runtime.local import LocalSite

PLANS = "LifecycleReportKept"
_SEEN = frozenset({FindingOpened.kind, FindingUpdated.kind, FindingClosed.kind})


@dataclass
class Facts:
    """What the ledger says of batches, up to an event.

    Attributes:
        book: Folded events.
        touching: Batch to uids of findings that touch it.
        plans: Product to the newest plan of its validation, as TOML.
        head: Number of the last event that is folded.
    """

    book: Book = field(default_factory=Book)
    touching: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    plans: dict[str, str] = field(default_factory=dict)
    head: int = 0
    gate: threading.Lock = field(default_factory=threading.Lock)

    def take(self, event: Event) -> None:
        """Fold one more event."""
        if event.body is None:  # erased: what it said counts no more
            return
        if event.kind == PLANS:
            self.plans[str(event.body["product"])] = str(event.body["plan"])
            return
        self.book.take(event)
        if event.kind in _SEEN:
            uid = str(event.body["uid"])
            for batch in self.book.findings[uid].batches:
                self.touching[batch].add(uid)


_KEPT: weakref.WeakKeyDictionary[LocalSite, dict[frozenset[DataClass], Facts]] = (
    weakref.WeakKeyDictionary()
)
_GATE = threading.Lock()


def facts_for(looker: Looker) -> Facts:
    """The facts as they stand now, of all that the person may read."""
    with _GATE:
        kept = _KEPT.setdefault(looker.home, {}).setdefault(looker.classes, Facts())
    with kept.gate:
        head = looker.home.ledger.head()
        if head > kept.head:
            for event in looker.home.ledger.events(kept.head, head, (*KINDS, PLANS)):
                if event.envelope.data_class in looker.classes:
                    kept.take(event)
            kept.head = head
    return kept
