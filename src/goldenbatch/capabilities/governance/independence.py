"""Facts of independence: who trained a model has no part in its test, who saw the test trains not.

A list of records is selected with the same answer by `scope`: the records of which somebody is
shut out are few, and named.

References:
    EU GMP Annex 22, draft of July 2025, 6.4 and 6.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from goldenbatch.capabilities.governance._reading import fault_of
from goldenbatch.core.facts import Fact, RecordFacts, Scope
from goldenbatch.core.model_access import (
    bound_versions,
    kin_of,
    load_test_set,
    load_version,
    trainers_of,
)
from goldenbatch.core.model_life import VersionState
from goldenbatch.core.model_records import (
    PREFIX,
    ModelTrained,
    TestDataBound,
    version_stream,
)
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.test_set_records import PREFIX as SETS
from goldenbatch.core.test_set_records import sealed_set_stream

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor, LedgerPort, Site

TEST_FACT: Final = "model_test_independent"
TRAINING_FACT: Final = "model_training_independent"


def _version_of(stream: str) -> tuple[str, int] | None:
    """Use and version of a version's stream; None for any other."""
    use, _, number = stream.removeprefix(PREFIX).rpartition("/")
    is_version = stream.startswith(PREFIX) and bool(use) and number.isdigit() and int(number) > 0
    return (use, int(number)) if is_version else None


class _Provider:
    """Base of the facts: asked of a ledger anew each time, so that none is out of date."""

    name = ""

    def __init__(self, site: Site) -> None:
        self._ledger: LedgerPort = site.ledger
        self._fault = fault_of(site)

    def _state(self, use: str, version: int) -> VersionState | None:
        if not self._ledger.version(version_stream(use, version)):
            return None
        return load_version(self._ledger, use, version, self._fault)

    def _bound(self) -> Iterator[tuple[str, int, str]]:
        """Versions and the sets that they were ever bound to."""
        for event in self._ledger.events(kinds=(TestDataBound.kind,)):
            body = event.decode()
            if isinstance(body, TestDataBound):
                yield body.use, body.version, body.test_set


class TestIndependent(_Provider):
    """Fact: the actor neither trained nor fitted what is to be tested.

    Of a version it is its artefact, under whatever name it was recorded; of a test set those of
    all versions that are bound to it.
    """

    __test__ = False
    name = TEST_FACT

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor and one record."""
        for use, version in self._versions(record.stream):
            state = self._state(use, version)
            if state is not None and actor.uid in trainers_of(self._ledger, state):
                ref = state.ref(ModelTrained) or f"{state.stream}@{state.head}"
                words = f"{actor.uid} trained {state.stream} and has no part in its test"
                return Fact(False, words, (ref,))
        return Fact(True, f"{actor.uid} did not train what is tested")

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records but those of what the actor trained."""
        mine = set()
        for event in self._ledger.events(kinds=(ModelTrained.kind, ModelFitted.kind)):
            if actor.uid in (event.envelope.actor, event.envelope.acting_for):
                body = event.decode()
                if isinstance(body, ModelTrained | ModelFitted):
                    mine.add(body.digest)
                if isinstance(body, ModelTrained):
                    mine.add(version_stream(body.use, body.version))
        never = {one for one in mine if one.startswith(PREFIX)}
        for event in self._ledger.events(kinds=(ModelTrained.kind,)):
            body = event.decode()
            if isinstance(body, ModelTrained) and body.digest in mine:
                state = self._state(body.use, body.version)
                if state is not None and actor.uid in trainers_of(self._ledger, state):
                    never.add(state.stream)
        sets = {
            sealed_set_stream(test_set)
            for use, version, test_set in self._bound()
            if version_stream(use, version) in never
        }
        return Scope(True, "stream", never=frozenset(never | sets))

    def _versions(self, stream: str) -> Iterator[tuple[str, int]]:
        if stream.startswith(SETS):
            yield from bound_versions(self._ledger, stream.removeprefix(SETS))
            return
        version = _version_of(stream)
        if version is not None:
            yield version


class TrainingIndependent(_Provider):
    """Fact: the actor has not seen the test set that the version is bound to.

    Who selected it has, unless it was sealed with four eyes declared; so have those who opened it
    or read it for whatever version, and those who have seen the same rows in another set.
    """

    name = TRAINING_FACT

    def fact(self, actor: Actor, record: RecordFacts, now: int) -> Fact:
        """The fact for one actor and one record."""
        version = _version_of(record.stream)
        for use, number, test_set in self._bound():
            if (use, number) == version and actor.uid in self._seen_by(test_set):
                stream = sealed_set_stream(test_set)
                words = f"{actor.uid} has seen {stream}, with which {record.stream} is tested"
                return Fact(False, words, (f"{stream}@{self._ledger.version(stream)}",))
        return Fact(True, f"{actor.uid} has not seen the test data of {record.stream}")

    def scope(self, actor: Actor, now: int) -> Scope:
        """It holds for all records but versions that are bound to a set that the actor saw."""
        seen: dict[str, bool] = {}
        never = set()
        for use, version, test_set in self._bound():
            if test_set not in seen:
                seen[test_set] = actor.uid in self._seen_by(test_set)
            if seen[test_set]:
                never.add(version_stream(use, version))
        return Scope(True, "stream", never=frozenset(never))

    def _seen_by(self, test_set: str) -> frozenset[str]:
        if not self._ledger.version(sealed_set_stream(test_set)):
            return frozenset()
        chosen = load_test_set(self._ledger, test_set, self._fault)
        kin = kin_of(self._ledger, chosen, self._fault)
        return frozenset().union(*(one.people_with_access for one in kin))
