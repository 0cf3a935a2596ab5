"""Who trained what and who has seen which test set, read from a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.model_life import Fault, VersionState, people_of, sound, version_state
from goldenbatch.core.model_records import (
    CriteriaFixed,
    ModelDrafted,
    ModelTrained,
    TestDataBound,
    version_stream,
)
from goldenbatch.core.models import ModelFitted
from goldenbatch.core.overlap import shared
from goldenbatch.core.test_set_records import TestSetSelected, sealed_set_stream
from goldenbatch.core.test_sets import TestSetState, sealed_set_state

if TYPE_CHECKING:
    from goldenbatch.core.site import LedgerPort


def load_version(ledger: LedgerPort, use: str, version: int, fault: Fault = sound) -> VersionState:
    """One version of a use, with what holds on from the versions that it follows.

    Raises:
        NotFoundError: It was never drafted.
    """
    state = _version(ledger, use, version, fault)
    if state is None:
        raise NotFoundError(
            f"there is no version {version} of {use!r}.", hint="See `goldenbatch model list`."
        )
    return state


def _version(ledger: LedgerPort, use: str, version: int, fault: Fault) -> VersionState | None:
    events = ledger.stream(version_stream(use, version))
    first = events[0].decode() if events else None
    followed = None
    if isinstance(first, ModelDrafted) and 0 < first.follows < version:
        followed = _version(ledger, use, first.follows, fault)
    return version_state(events, followed, fault)


def load_test_set(ledger: LedgerPort, test_set: str, fault: Fault = sound) -> TestSetState:
    """One test set.

    Raises:
        NotFoundError: It was never selected.
    """
    state = sealed_set_state(ledger.stream(sealed_set_stream(test_set)), fault)
    if state is None:
        raise NotFoundError(
            f"there is no test set {test_set!r}.", hint="Select one: `goldenbatch model select`."
        )
    return state


def all_test_sets(ledger: LedgerPort, fault: Fault = sound) -> Iterator[TestSetState]:
    """All test sets, in the order in which they were selected."""
    for event in ledger.events(kinds=(TestSetSelected.kind,)):
        state = sealed_set_state(ledger.stream(event.stream), fault)
        if state is not None and event.envelope.version == 1:
            yield state


def kin_of(
    ledger: LedgerPort, state: TestSetState, fault: Fault = sound
) -> tuple[TestSetState, ...]:
    """A set, and all others that have something of it: what was seen of them was seen of it.

    To select the same rows once more under another name makes nothing unseen. Sets of another
    use are kin where they share rows, references included, or the same results of samples.
    """
    found = [state]
    for other in all_test_sets(ledger, fault):
        if other.test_set == state.test_set:
            continue
        kinds = {one.what for one in shared(state.selected.data, other.selected.data)}
        is_same_use = other.selected.use == state.selected.use
        is_same_output = other.selected.output == state.selected.output and "sample" in kinds
        if "row" in kinds or is_same_output or (is_same_use and kinds - {"lot"}):
            found.append(other)
    return tuple(found)


def trainers_of(ledger: LedgerPort, state: VersionState) -> frozenset[str]:
    """All who trained or fitted the artefact of a version, under whatever name it was recorded.

    To train counts, whether the step was taken rightly or not.
    """
    digest = state.trained.digest if state.trained is not None else ""
    people = set(state.trainers)
    for event in ledger.events(kinds=(ModelTrained.kind, ModelFitted.kind)):
        body = event.decode()
        is_own = isinstance(body, ModelTrained) and (body.use, body.version) == (
            state.draft.use, state.draft.version,
        )  # fmt: skip
        if is_own or (isinstance(body, ModelTrained | ModelFitted) and body.digest == digest):
            people |= people_of(event)
    return frozenset(people)


def bound_versions(ledger: LedgerPort, test_set: str) -> Iterator[tuple[str, int]]:
    """Versions that were ever bound to a set, each once."""
    seen = set()
    for event in ledger.events(kinds=(TestDataBound.kind,)):
        body = event.decode()
        if isinstance(body, TestDataBound) and body.test_set == test_set:
            version = (body.use, body.version)
            if version not in seen:
                seen.add(version)
                yield version


def criteria_fixed_at(ledger: LedgerPort, state: VersionState, fault: Fault = sound) -> int:
    """Number of the event in the ledger that fixed the criteria in force; 0: there are none.

    A version that follows another one may have taken over the other's.
    """
    own = state.steps.get(CriteriaFixed.kind, 0)
    if own:
        return ledger.stream(state.stream, own - 1)[0].seq
    if not state.draft.follows:
        return 0
    followed = _version(ledger, state.draft.use, state.draft.follows, fault)
    return 0 if followed is None else criteria_fixed_at(ledger, followed, fault)
