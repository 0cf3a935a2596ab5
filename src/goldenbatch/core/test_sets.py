"""Life of a sealed test set, folded from its events; what is unsigned or illegal has no effect.

`selected -> sealed -> (unsealing asked -> approved -> read)* -> retired`. An opening is for one
frozen artefact of one version, and takes the signatures of two people.

References:
    EU GMP Annex 22, draft of July 2025, 6.1 to 6.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from goldenbatch.core.errors import ConflictError, DeniedError
from goldenbatch.core.model_life import Fault, Stage, VersionState, people_of, signed_steps, sound
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body, Event
from goldenbatch.core.test_set_records import (
    TestSetRead,
    TestSetRetired,
    TestSetSealed,
    TestSetSelected,
    UnsealingApproved,
    UnsealingAsked,
    sealed_set_stream,
)

_HISTORY: Final = "See `goldenbatch model history`."


class SetStage(StrEnum):
    """How far a test set is."""

    SELECTED = "selected"
    SEALED = "sealed"
    ASKED = "unsealing asked"
    RETIRED = "retired"


@dataclass(frozen=True)
class Opening:
    """Leave to read a set for one frozen artefact, given by two people.

    Attributes:
        use: Use of the version that is tested.
        version: The version.
        artefact: SHA-256 of its frozen artefact.
        asked_by: Who asked, and in whose place.
        approved_by: Who let it happen, and in whose place; nobody yet: it is no opening.
        asked_at: Version of the asking in the set's stream.
        approved_at: Version of the approval; 0: not approved.
        seq: Number of the approval in the ledger; of the asking until then.
    """

    use: str
    version: int
    artefact: str
    asked_by: frozenset[str]
    asked_at: int
    seq: int
    approved_by: frozenset[str] = frozenset()
    approved_at: int = 0

    @property
    def people(self) -> frozenset[str]:
        """Who opened it."""
        return self.asked_by | self.approved_by


@dataclass(frozen=True)
class Access:
    """One reading of a set.

    Attributes:
        people: Who got the rows, and in whose place.
        at: Version of the event in the set's stream.
        seq: Its number in the ledger.
        is_lawful: Whether an opening allowed it.
    """

    people: frozenset[str]
    at: int
    seq: int
    use: str
    version: int
    is_lawful: bool


@dataclass(frozen=True)
class TestSetState:
    """A test set as its own stream makes it.

    Attributes:
        selected: What it is.
        selected_by: Who chose the rows, and so has seen them.
        sealed: The seal; None before it is signed.
        sealed_at: Version of the seal in the stream; 0: not sealed.
        pending: What was asked and not approved yet.
        openings: Approved openings, in order.
        accesses: Each reading, lawful or not.
        retired: Why it is not opened any more; empty: it may be.
        faults: Events that count for nothing, and why.
        head: Version of the stream.
    """

    __test__ = False

    selected: TestSetSelected
    selected_by: frozenset[str]
    sealed: TestSetSealed | None = None
    sealed_at: int = 0
    pending: Opening | None = None
    openings: tuple[Opening, ...] = ()
    accesses: tuple[Access, ...] = ()
    retired: str = ""
    faults: tuple[str, ...] = ()
    head: int = 0

    @property
    def test_set(self) -> str:
        """Id of the set."""
        return self.selected.test_set

    @property
    def stream(self) -> str:
        """Stream of the set."""
        return sealed_set_stream(self.test_set)

    @property
    def stage(self) -> SetStage:
        """How far it is."""
        if self.retired:
            return SetStage.RETIRED
        if self.sealed is None:
            return SetStage.SELECTED
        return SetStage.ASKED if self.pending is not None else SetStage.SEALED

    @property
    def seal(self) -> str:
        """The sealing as `stream@version`; empty: not sealed."""
        return f"{self.stream}@{self.sealed_at}" if self.sealed_at else ""

    @property
    def n_openings(self) -> int:
        """How often it was opened: what a set is worth falls with each."""
        return len(self.openings)

    @property
    def readers(self) -> frozenset[str]:
        """Who got its rows, lawfully or not."""
        return frozenset().union(*(one.people for one in self.accesses))

    @property
    def people_with_access(self) -> frozenset[str]:
        """Who has seen rows or results of it: they are kept from training against it."""
        openers = frozenset().union(*(one.people for one in self.openings))
        is_four_eyes = self.sealed is not None and bool(self.sealed.four_eyes)
        return self.readers | openers | (frozenset() if is_four_eyes else self.selected_by)

    def opening(self, use: str, version: int, artefact: str) -> Opening | None:
        """The newest opening for a frozen artefact; None: there is none."""
        wanted = (use, version, artefact)
        found = [o for o in self.openings if (o.use, o.version, o.artefact) == wanted]
        return found[-1] if found else None

    def was_read_for(self, use: str, version: int, until: int | None = None) -> bool:
        """Whether its rows were given out for a version, before an event of the ledger."""
        return any(
            (one.use, one.version) == (use, version) and (until is None or one.seq < until)
            for one in self.accesses
        )

    def opened_before(self, seq: int) -> Opening | None:
        """The first opening before an event of the ledger; None: there was none."""
        return next((one for one in self.openings if one.seq < seq), None)

    def require_sealed(self) -> TestSetSealed:
        """The seal, where the set can be used.

        Raises:
            ConflictError: It was never sealed, or is retired.
        """
        if self.retired:
            raise ConflictError(
                f"{self.stream} is retired: {self.retired}.", hint="Select and seal another set."
            )
        if self.sealed is None:
            raise ConflictError(
                f"{self.stream} is not sealed.", hint="Who selected it seals it by signature."
            )
        return self.sealed


def sealed_set_state(events: Sequence[Event], fault: Fault = sound) -> TestSetState | None:
    """One set, folded from all events of its stream; None where none was selected.

    Args:
        events: All events of the stream, in order.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """
    first = events[0].decode() if events else None
    if not isinstance(first, TestSetSelected):
        return None
    signed = signed_steps(events, fault)
    state = TestSetState(first, people_of(events[0]))
    for event in events[1:]:
        state = _step(state, event, signed.get(event.envelope.version))
    return replace(state, head=events[-1].envelope.version)


def _step(state: TestSetState, event: Event, meaning: Meaning | None) -> TestSetState:
    body, number = event.decode(), event.envelope.version
    why = _passed_over(state, event, body, meaning)
    if isinstance(body, TestSetRead):  # an access is one, lawful or not
        access = Access(people_of(event), number, event.seq, body.use, body.version, not why)
        state = replace(state, accesses=(*state.accesses, access))
    if why:
        return replace(state, faults=(*state.faults, f"{state.stream}@{number}: {why}"))
    if isinstance(body, TestSetSealed):
        return replace(state, sealed=body, sealed_at=number)
    if isinstance(body, UnsealingAsked):
        pending = Opening(
            body.use, body.version, body.artefact, people_of(event), number, event.seq
        )
        return replace(state, pending=pending)
    if isinstance(body, UnsealingApproved) and state.pending is not None:
        opening = replace(
            state.pending, approved_by=people_of(event), approved_at=number, seq=event.seq
        )
        return replace(state, pending=None, openings=(*state.openings, opening))
    if isinstance(body, TestSetRetired):
        return replace(state, retired=body.reason, pending=None)
    return state


_Step = TestSetSealed | UnsealingAsked | UnsealingApproved | TestSetRead | TestSetRetired


def _passed_over(
    state: TestSetState, event: Event, body: Body | None, meaning: Meaning | None
) -> str:
    """Why an event counts for nothing; empty where it counts."""
    if isinstance(body, TestSetSelected):
        return "the rows of a set are selected once"
    if not isinstance(body, _Step):
        return ""
    common = _common_fault(state, body, meaning)
    if common:
        return common
    if isinstance(body, TestSetSealed):
        return _seal_fault(state, event, body)
    if isinstance(body, UnsealingApproved):
        return _approval_fault(state, event, body)
    return _read_fault(state, event, body) if isinstance(body, TestSetRead) else ""


def _common_fault(state: TestSetState, body: _Step, meaning: Meaning | None) -> str:
    if body.test_set != state.test_set:
        return f"{body.kind} is of another set"
    if body.signed_as and (meaning is None or meaning.value != body.signed_as):
        return f"{body.kind} was not signed as {body.signed_as} by who made it"
    if state.retired:
        return f"{body.kind} cannot follow its retirement"
    if state.sealed is None and not isinstance(body, TestSetSealed | TestSetRetired):
        return f"{body.kind} cannot come before the seal"
    return ""


def _seal_fault(state: TestSetState, event: Event, body: TestSetSealed) -> str:
    if state.sealed is not None:
        return "it was sealed already"
    if body.digest != state.selected.digest:
        return "it seals other rows than were selected"
    if state.selected.cut.split == "random" and not body.random_reason:
        return "a random split needs a signed reason"
    if not people_of(event) & state.selected_by:
        return "it was sealed by somebody who did not select it"
    return ""


def _approval_fault(state: TestSetState, event: Event, body: UnsealingApproved) -> str:
    pending = state.pending
    if pending is None:
        return "nothing was asked that could be approved"
    asked = (pending.use, pending.version, pending.artefact, f"{state.stream}@{pending.asked_at}")
    if (body.use, body.version, body.artefact, body.asked) != asked:
        return "it approves something else than was asked"
    both = sorted(people_of(event) & pending.asked_by)
    if both:
        return f"{', '.join(both)} asked for it and approved it: an opening takes two people"
    return ""


def _read_fault(state: TestSetState, event: Event, body: TestSetRead) -> str:
    for one in state.openings:
        if f"{state.stream}@{one.approved_at}" == body.opening:
            is_it = (one.use, one.version) == (body.use, body.version)
            is_asker = people_of(event) <= one.asked_by
            if is_it and is_asker and body.digest == state.selected.digest:
                return ""
            return "it was read otherwise than the opening allows"
    return "it was read without an opening"


def require_opening(
    state: TestSetState, version: VersionState, by: frozenset[str], trainers: frozenset[str]
) -> Opening:
    """The opening that lets somebody read a set for the test of a version.

    Args:
        state: The set.
        version: The version that is to be tested.
        by: Who would read, and in whose place.
        trainers: All who trained or fitted its artefact.

    Raises:
        ConflictError: The set or the version is not so far, or is not bound to the other.
        DeniedError: There is no opening, or a trainer would have a part in the test.
    """
    require_testable(state, version)
    artefact = version.trained.digest if version.trained is not None else ""
    found = state.opening(version.draft.use, version.draft.version, artefact)
    if found is None:
        raise DeniedError(
            f"{state.stream} was not opened for {version.stream} as it was trained last.",
            hint="The tester asks for it, and a second person approves; both sign.",
        )
    bad = sorted((found.people | by) & trainers)
    if bad:
        raise DeniedError(
            f"{', '.join(bad)} trained {version.stream}: who trained a model has no part in its "
            "test.",
            hint="Have somebody else ask, approve and test.",
        )
    if not by <= found.asked_by:
        raise DeniedError(
            f"{state.stream} was opened for {', '.join(sorted(found.asked_by))}, not for "
            f"{', '.join(sorted(by))}.",
            hint="Who asked for the opening tests.",
        )
    return found


def require_testable(state: TestSetState, version: VersionState) -> None:
    """Pass if a version is so far that the set may be opened for it.

    Raises:
        ConflictError: It is not trained, not bound to the set, or its criteria were fixed
            after the set had been opened for the same use.
    """
    state.require_sealed()
    if version.stage is not Stage.TRAINED or version.criteria is None:
        raise ConflictError(
            f"{version.stream} is {version.stage.value}: a set is opened for a version that is "
            "trained and not tested yet.",
            hint=_HISTORY,
        )
    bound = version.bound
    if bound is None or (bound.test_set, bound.digest) != (state.test_set, state.selected.digest):
        raise ConflictError(
            f"{state.stream} is not the set that {version.stream} is bound to.",
            hint="Open the one that it is bound to.",
        )


def require_fixed_before(state: TestSetState, fixed_seq: int) -> None:
    """Pass if criteria were fixed before a set was first opened, for whatever use.

    Args:
        state: The set.
        fixed_seq: Number of the event in the ledger that fixed the criteria in force.

    Raises:
        ConflictError: It was open before them.
    """
    opening = state.opened_before(fixed_seq)
    if opening is not None:
        raise ConflictError(
            f"the criteria were fixed after {state.stream} had been opened for "
            f"{opening.use}@{opening.version}: whoever fixed them could know what it would give.",
            hint="Bind a set that was never opened, or take over the criteria of the version "
            "before.",
        )
