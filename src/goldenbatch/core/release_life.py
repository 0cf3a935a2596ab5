"""Life of a release test, folded from its events; a failure never becomes a pass.

What may follow what stands in one table, so that whoever reads it sees that there is no way from
an investigation to a pass: only quality's signed conclusion ends it, and that is no pass either.

References:
    ICH Q8/Q9/Q10 Q&A (R4, 2010), 2.2, question 2: a failing real-time release result is not
    overridden by an end-product test; FDA, Investigating Out-of-Specification Test Results (2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from goldenbatch.core.model_life import Fault, people_of, signed_steps, sound
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body, Event
from goldenbatch.core.release_parts import Registration
from goldenbatch.core.release_records import (
    ContingencyTestCalled,
    LaboratoryResultLinked,
    ReleaseInvestigationConcluded,
    ReleaseInvestigationOpened,
    ReleaseOutcome,
    ReleaseRegistrationApproved,
    ReleaseRegistrationProposed,
    ReleaseRegistrationWithdrawn,
    ReleaseTested,
)

# ---- the registration -------------------------------------------------------------------------


@dataclass(frozen=True)
class RegistrationStanding:
    """One version of a registration, and how it stands.

    Attributes:
        version: Its number.
        registration: What it says.
        proposed_at: Version of the proposal in the stream.
        proposal: Leaf hash of the proposal.
        proposed_by: Who entered it.
        approved_at: Version of the approval in the stream; 0: not approved.
        approved_seq: Number of the approval in the ledger; 0: not approved.
        approved_on: When it was approved, microseconds UTC.
        withdrawn: Why it was withdrawn; empty: it was not.
    """

    stream: str
    version: int
    registration: Registration
    proposed_at: int
    proposal: str
    proposed_by: frozenset[str]
    approved_at: int = 0
    approved_seq: int = 0
    approved_on: int = 0
    withdrawn: str = ""

    @property
    def approval(self) -> str:
        """The approval, `stream@version`; empty: not approved."""
        return f"{self.stream}@{self.approved_at}" if self.approved_at else ""

    def state(self, now: int) -> str:
        """In a word: proposed, approved (not effective yet), in force or withdrawn."""
        if self.withdrawn:
            return "withdrawn"
        if not self.approved_at:
            return "proposed"
        # Nothing counts from before it was signed, whatever date was entered.
        begins = max(self.registration.effective_from, self.approved_on)
        return "in force" if begins <= now else "approved"


def registration_standings(
    events: Sequence[Event], fault: Fault = sound
) -> tuple[RegistrationStanding, ...]:
    """All versions of a registration, in order; what is unsigned or illegal has no effect."""
    signed = signed_steps(events, fault)
    found: dict[int, RegistrationStanding] = {}
    for event in events:
        body, number = event.decode(), event.envelope.version
        if not isinstance(body, _REGISTRATION) or body.stream != event.stream:
            continue
        if isinstance(body, ReleaseRegistrationProposed):
            if body.version == len(found) + 1:
                found[body.version] = RegistrationStanding(
                    event.stream, body.version, body.registration, number, event.leaf,
                    people_of(event),
                )  # fmt: skip
        elif isinstance(body, ReleaseRegistrationWithdrawn):
            for version in [one for one in found if one <= body.version]:
                if not found[version].withdrawn:
                    found[version] = replace(found[version], withdrawn=body.reason)
        elif body.version in found and signed.get(number) is Meaning.APPROVED:
            found[body.version] = _approved(found[body.version], body, event)
    return tuple(found.values())


_REGISTRATION: Final = (
    ReleaseRegistrationProposed,
    ReleaseRegistrationApproved,
    ReleaseRegistrationWithdrawn,
)


def _approved(
    one: RegistrationStanding, body: ReleaseRegistrationApproved, event: Event
) -> RegistrationStanding:
    is_it = (body.proposal, body.digest) == (f"{one.stream}@{one.proposed_at}", one.proposal)
    is_own = bool(people_of(event) & one.proposed_by)
    if one.approved_at or one.withdrawn or is_own or not is_it:
        return one
    return replace(
        one, approved_at=event.envelope.version, approved_seq=event.seq,
        approved_on=event.envelope.recorded_at,
    )  # fmt: skip


def in_force(standings: Sequence[RegistrationStanding], now: int) -> RegistrationStanding | None:
    """The version that counts: the newest one that has come into force, unless it was withdrawn.

    With it all earlier ones are withdrawn: an older one never comes back by itself.
    """
    begun = [one for one in standings if one.approved_at and _has_begun(one, now)]
    newest = begun[-1] if begun else None
    return None if newest is None or newest.withdrawn else newest


def _has_begun(one: RegistrationStanding, now: int) -> bool:
    return replace(one, withdrawn="").state(now) == "in force"


# ---- the test ---------------------------------------------------------------------------------


class ReleaseState(StrEnum):
    """How one attribute of a batch stands for a market."""

    PASSES = "passes by real-time release testing"
    CONTINGENCY = "contingency test called"
    LABORATORY = "passes by the contingency test"
    INVESTIGATION = "under investigation"
    CONCLUDED = "investigation concluded"


class Step(StrEnum):
    """What may happen to it."""

    PASSED = "passed"
    FAILED = "failed"
    NO_PREDICTION = "no valid prediction"
    WITHIN = "laboratory within"
    OUTSIDE = "laboratory outside"
    CONCLUDED = "concluded"


_S: Final = ReleaseState
_NEXT: Final[Mapping[ReleaseState, Mapping[Step, ReleaseState]]] = MappingProxyType(
    {
        # New evidence may take a pass away; the laboratory may, too.
        _S.PASSES: MappingProxyType(
            {Step.FAILED: _S.INVESTIGATION, Step.OUTSIDE: _S.INVESTIGATION,
             Step.NO_PREDICTION: _S.CONTINGENCY}
        ),
        # Once the laboratory was called it decides; a prediction that fails is still a failure.
        _S.CONTINGENCY: MappingProxyType(
            {Step.FAILED: _S.INVESTIGATION, Step.OUTSIDE: _S.INVESTIGATION,
             Step.WITHIN: _S.LABORATORY}
        ),
        _S.LABORATORY: MappingProxyType(
            {Step.FAILED: _S.INVESTIGATION, Step.OUTSIDE: _S.INVESTIGATION}
        ),
        # Nothing but quality's conclusion ends it.
        _S.INVESTIGATION: MappingProxyType({Step.CONCLUDED: _S.CONCLUDED}),
        # A new failure is a new investigation; a pass after it is none.
        _S.CONCLUDED: MappingProxyType(
            {Step.FAILED: _S.INVESTIGATION, Step.OUTSIDE: _S.INVESTIGATION}
        ),
    }
)  # fmt: skip
_FIRST: Final[Mapping[Step, ReleaseState]] = MappingProxyType(
    {
        Step.PASSED: ReleaseState.PASSES,
        Step.FAILED: ReleaseState.INVESTIGATION,
        Step.NO_PREDICTION: ReleaseState.CONTINGENCY,
    }
)


def next_state(state: ReleaseState | None, step: Step) -> ReleaseState | None:
    """The state after a step; a step that leads nowhere leaves it as it is.

    >>> next_state(ReleaseState.INVESTIGATION, Step.WITHIN).value
    'under investigation'
    """
    if state is None:
        return _FIRST.get(step)
    return _NEXT[state].get(step, state)


@dataclass(frozen=True)
class ReleaseTestState:
    """A release test as its own stream makes it.

    Attributes:
        state: How the attribute stands.
        tested: Newest test, its correction included.
        tests: All tests, with the versions of their events.
        called: Newest call of the contingency test.
        links: Results of the laboratory that were put beside it.
        opened: Version of the opening of the newest investigation; 0: there was none.
        investigations: All openings, with the versions of their events.
        concluded: Newest conclusion that counts.
        failed_at: Version of the newest event that is a failure; 0: there is none.
        people: All who asked, linked or corrected; they approve nothing of it.
        faults: Events that count for nothing, and why.
        head: Version of the stream.
    """

    stream: str
    state: ReleaseState | None = None
    tests: tuple[tuple[int, ReleaseTested], ...] = ()
    called: ContingencyTestCalled | None = None
    links: tuple[tuple[int, LaboratoryResultLinked], ...] = ()
    investigations: tuple[tuple[int, ReleaseInvestigationOpened], ...] = ()
    concluded: ReleaseInvestigationConcluded | None = None
    failed_at: int = 0
    people: frozenset[str] = frozenset()
    faults: tuple[str, ...] = ()
    head: int = 0

    @property
    def tested(self) -> ReleaseTested | None:
        """Newest test, its correction included."""
        return self.tests[-1][1] if self.tests else None

    @property
    def opened(self) -> int:
        """Version of the opening of the newest investigation; 0: there was none."""
        return self.investigations[-1][0] if self.investigations else 0

    @property
    def is_passed(self) -> bool:
        """Whether it passes by real-time release testing: by nothing else, and without a doubt."""
        return self.state is ReleaseState.PASSES


def release_test_state(events: Sequence[Event], fault: Fault = sound) -> ReleaseTestState | None:
    """One release test, folded from all events of its stream; None where there are none."""
    if not events:
        return None
    signed = signed_steps(events, fault)
    state = ReleaseTestState(events[0].stream)
    for event in events:
        state = _after(state, event, signed)
    return replace(state, head=events[-1].envelope.version)


_TEST: Final = (
    ReleaseTested,
    ReleaseInvestigationOpened,
    ContingencyTestCalled,
    LaboratoryResultLinked,
    ReleaseInvestigationConcluded,
)


def _after(
    state: ReleaseTestState, event: Event, signed: Mapping[int, Meaning]
) -> ReleaseTestState:
    body, number = event.decode(), event.envelope.version
    if not isinstance(body, _TEST):
        return state
    why = _passed_over(state, body, event, signed.get(number))
    if why:
        return replace(state, faults=(*state.faults, f"{state.stream}@{number}: {why}"))
    return _taken(state, body, event)


def _taken(state: ReleaseTestState, body: Body, event: Event) -> ReleaseTestState:
    """The test after an event that counts."""
    step, number = step_of(body), event.envelope.version
    after = next_state(state.state, step) if step is not None else state.state
    if isinstance(body, ReleaseInvestigationConcluded):
        return replace(state, state=after, concluded=body)
    changed: dict[str, Any] = {}
    if isinstance(body, ReleaseTested):
        changed["tests"] = (*state.tests, (number, body))
    elif isinstance(body, LaboratoryResultLinked):
        changed["links"] = (*state.links, (number, body))
    elif isinstance(body, ContingencyTestCalled):
        changed["called"] = body
    elif isinstance(body, ReleaseInvestigationOpened):
        opened = (*state.investigations, (number, body))
        changed |= {"investigations": opened, "concluded": None}
    if step in (Step.FAILED, Step.OUTSIDE):
        changed["failed_at"] = number
    return replace(state, state=after, people=state.people | people_of(event), **changed)


def step_of(body: Body) -> Step | None:
    """What an event does to the state; None: nothing, or nothing by itself."""
    if isinstance(body, ReleaseTested):
        return _STEP_OF[body.outcome]
    if isinstance(body, ReleaseInvestigationOpened):
        return Step.FAILED  # with its cause; should that be missing, it is still a failure
    if isinstance(body, ContingencyTestCalled):
        return Step.NO_PREDICTION
    if isinstance(body, LaboratoryResultLinked):
        return Step.WITHIN if body.within else Step.OUTSIDE if body.outside else None
    return Step.CONCLUDED if isinstance(body, ReleaseInvestigationConcluded) else None


_STEP_OF: Final[Mapping[ReleaseOutcome, Step]] = MappingProxyType(
    {
        ReleaseOutcome.PASSES: Step.PASSED,
        ReleaseOutcome.FAILS: Step.FAILED,
        ReleaseOutcome.TRENDS: Step.FAILED,
        ReleaseOutcome.NO_PREDICTION: Step.NO_PREDICTION,
    }
)


def _passed_over(state: ReleaseTestState, body: Body, event: Event, meaning: Meaning | None) -> str:
    """Why an event counts for nothing; empty where it counts."""
    if getattr(body, "stream", "") != event.stream:
        return f"{body.kind} is of another batch, market or attribute"
    if isinstance(body, ReleaseInvestigationConcluded):
        return _not_concluded(state, body, event, meaning)
    actor = event.envelope.actor
    is_machine = actor == "node" or ":" in actor
    if is_machine and step_of(body) in (Step.PASSED, Step.WITHIN):
        return f"{actor} said that it passes, and only people ask for that"
    return ""


def _not_concluded(
    state: ReleaseTestState,
    body: ReleaseInvestigationConcluded,
    event: Event,
    meaning: Meaning | None,
) -> str:
    if meaning is not Meaning.APPROVED:
        return "the conclusion was not signed as approved by who made it"
    is_open = state.state is ReleaseState.INVESTIGATION and state.opened >= state.failed_at
    if not is_open or body.investigation != state.opened:
        return "it concludes no investigation that is open"
    if people_of(event) & state.people:
        return "who asked for the test, or linked results to it, concludes nothing"
    return ""
