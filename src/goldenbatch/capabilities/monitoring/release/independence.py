"""Fact of independence: who asked for a release test has no part in the review of its page.

References:
    21 CFR 211.22, 211.192; EU GMP Part I, 1.9 (iv).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from goldenbatch.capabilities.monitoring.release._reading import fault_of
from goldenbatch.core.facts import Fact, RecordFacts, Scope
from goldenbatch.core.release_life import release_test_state
from goldenbatch.core.release_pages import PAGES, page_state
from goldenbatch.core.release_records import TESTS, ReleaseTested

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor, LedgerPort, Site

FACT: Final = "release_independent"


class ReleaseIndependent:
    """Fact: the actor asked for none of the release tests that a page shows.

    Asked of the ledger anew each time, so that it is never out of date.
    """

    name = FACT

    def __init__(self, site: Site) -> None:
        self._ledger: LedgerPort = site.ledger
        self._fault = fault_of(site)

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor and one record."""
        for stream in self._tests(record.stream):
            state = release_test_state(self._ledger.stream(stream), self._fault)
            if state is not None and actor.uid in state.people:
                words = f"{actor.uid} asked for {stream}, or linked results to it"
                return Fact(False, words, (f"{stream}@{state.head}",))
        return Fact(True, f"{actor.uid} asked for none of the release tests")

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records but pages of batches that the actor asked tests of."""
        mine = set()
        for event in self._ledger.events(kinds=(ReleaseTested.kind,), stream_prefix=TESTS):
            state = release_test_state(self._ledger.stream(event.stream), self._fault)
            if state is not None and actor.uid in state.people:
                mine.add(PAGES + event.stream.removeprefix(TESTS).rpartition("/")[0])
                mine.add(event.stream)
        return Scope(True, "stream", never=frozenset(mine))

    def _tests(self, stream: str) -> list[str]:
        """Streams of the release tests that a record shows, or is."""
        if stream.startswith(TESTS):
            return [stream]
        if not stream.startswith(PAGES):
            return []
        prefix = TESTS + stream.removeprefix(PAGES) + "/"
        found = {
            event.stream
            for event in self._ledger.events(kinds=(ReleaseTested.kind,), stream_prefix=prefix)
        }
        state = page_state(self._ledger.stream(stream), self._fault)
        return sorted(found | set(state.kept.tests if state is not None and state.kept else {}))
