"""Life of a model version, folded from its events; illegal steps have no effect and no chance.

`drafted -> intended use signed -> criteria fixed -> test data sealed -> trained -> tested ->
validated -> approved -> active -> suspended | retired`. A step that needs a signature counts only
with it: an event that somebody appended without one is passed over, and named in `faults`.

References:
    EU GMP Annex 22, draft of July 2025, 3 to 10; 21 CFR 11.10(f).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from goldenbatch.core.errors import ConflictError
from goldenbatch.core.model_card import IntendedUse
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelActivated,
    ModelApproved,
    ModelBody,
    ModelDrafted,
    ModelRetired,
    ModelSuspended,
    ModelTested,
    ModelTrained,
    ModelValidated,
    TestDataBound,
    line_stream,
    version_stream,
)
from goldenbatch.core.people import Meaning, SignatureApplied, signature_state
from goldenbatch.core.records import Event

Fault = Callable[[SignatureApplied], str]


class Stage(StrEnum):
    """How far a version is."""

    DRAFTED = "drafted"
    INTENDED = "intended use signed"
    CRITERIA = "criteria fixed"
    SEALED = "test data sealed"
    TRAINED = "trained"
    TESTED = "tested"
    FAILED = "test failed"
    VALIDATED = "validated"
    APPROVED = "approved"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


_BEFORE: Final[Mapping[type[ModelBody], frozenset[Stage]]] = MappingProxyType(
    {
        IntendedUseStated: frozenset({Stage.DRAFTED, Stage.INTENDED}),
        CriteriaFixed: frozenset({Stage.INTENDED, Stage.CRITERIA, Stage.SEALED}),
        TestDataBound: frozenset({Stage.CRITERIA, Stage.SEALED}),
        ModelTrained: frozenset({Stage.SEALED, Stage.TRAINED}),
        ModelTested: frozenset({Stage.TRAINED}),
        ModelValidated: frozenset({Stage.TESTED}),
        ModelApproved: frozenset({Stage.VALIDATED}),
    }
)
"""From which stages a step may be taken."""

_AFTER: Final[Mapping[type[ModelBody], Stage]] = MappingProxyType(
    {
        IntendedUseStated: Stage.INTENDED,
        CriteriaFixed: Stage.CRITERIA,
        TestDataBound: Stage.SEALED,
        ModelTrained: Stage.TRAINED,
        ModelTested: Stage.TESTED,
        ModelValidated: Stage.VALIDATED,
        ModelApproved: Stage.APPROVED,
    }
)

_KEPT_AS: Final[Mapping[type[ModelBody], str]] = MappingProxyType(
    {
        CriteriaFixed: "criteria",
        TestDataBound: "bound",
        ModelTrained: "trained",
        ModelTested: "tested",
        ModelValidated: "validated",
        ModelApproved: "approved",
    }
)
"""Field of `VersionState` that keeps the newest event of a step."""

SIGNED_AS: Final[Mapping[type[ModelBody], Meaning]] = MappingProxyType(
    {
        IntendedUseStated: Meaning.REVIEWED,
        CriteriaFixed: Meaning.REVIEWED,
        ModelTrained: Meaning.PERFORMED,
        ModelTested: Meaning.PERFORMED,
        ModelValidated: Meaning.VERIFIED,
        ModelApproved: Meaning.APPROVED,
    }
)
"""What the signature that is appended with a step must mean."""


def sound(_signature: SignatureApplied) -> str:
    """No fault: for those who cannot check evidence."""
    return ""


@dataclass(frozen=True)
class VersionState:
    """One version as its own stream makes it (what serves is `LineState`).

    Attributes:
        draft: How it was begun.
        stage: Up to `approved` (or `test failed`).
        intended: Statement in force, its own or that of the version it follows.
        criteria: Criteria in force.
        steps: Step's kind to the version of its newest event in the stream.
        people: Step's kind to all who took it, over all its events.
        faults: Events that count for nothing, and why.
        head: Version of the stream.
    """

    draft: ModelDrafted
    stage: Stage = Stage.DRAFTED
    intended: IntendedUse | None = None
    criteria: CriteriaFixed | None = None
    bound: TestDataBound | None = None
    trained: ModelTrained | None = None
    tested: ModelTested | None = None
    validated: ModelValidated | None = None
    approved: ModelApproved | None = None
    steps: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    head: int = 0

    @property
    def stream(self) -> str:
        """Stream of the version."""
        return version_stream(self.draft.use, self.draft.version)

    @property
    def trainers(self) -> frozenset[str]:
        """Who trained it: they are kept from its test and its judgement."""
        return self.people.get(ModelTrained.kind, frozenset())

    def ref(self, kind: type[ModelBody]) -> str:
        """The newest event of a step, as `stream@version`; empty: not taken."""
        version = self.steps.get(kind.kind, 0)
        return f"{self.stream}@{version}" if version else ""

    def require(self, step: type[ModelBody]) -> None:
        """Pass if the step may be taken now.

        Raises:
            ConflictError: It may not; what has to come first is named.
        """
        if self.stage in _BEFORE[step]:
            return
        first = ", ".join(sorted(one.value for one in _BEFORE[step]))
        raise ConflictError(
            f"{self.stream} is {self.stage.value}: {step.kind} cannot follow.",
            hint=f"It follows {first}. See `goldenbatch model history`.",
        )


def version_state(
    events: Sequence[Event], followed: VersionState | None = None, fault: Fault = sound
) -> VersionState | None:
    """One version, folded from all events of its stream; None where none was drafted.

    Args:
        events: All events of the stream, in order.
        followed: State of the version that it follows, whose intended use and criteria hold on.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """
    first = events[0].decode() if events else None
    if not isinstance(first, ModelDrafted):
        return None
    signed = signed_steps(events, fault)
    state = _begun(first, followed, events[0])
    for event in events[1:]:
        state = _step(state, event, signed)
    return replace(state, head=events[-1].envelope.version)


def _begun(draft: ModelDrafted, followed: VersionState | None, event: Event) -> VersionState:
    people = {ModelDrafted.kind: people_of(event)}
    state = VersionState(draft, steps={ModelDrafted.kind: 1}, people=people)
    if not draft.follows:
        return state
    if followed is None or followed.draft.version != draft.follows or not followed.criteria:
        return replace(state, faults=(f"{state.stream}@1 follows a version that is not there",))
    return replace(
        state, stage=Stage.CRITERIA, intended=followed.intended, criteria=followed.criteria
    )


def people_of(event: Event) -> frozenset[str]:
    """Who did it, and in whose place."""
    return frozenset({event.envelope.actor, event.envelope.acting_for} - {""})


def signed_steps(events: Sequence[Event], fault: Fault = sound) -> dict[int, Meaning]:
    """Versions of events that were appended with a sound signature of their own actor."""
    actors = {event.envelope.version: event.envelope.actor for event in events}
    found = {}
    for state in signature_state(events):
        one, covered = state.signature, state.event_version - 1
        if one.proposal and not state.faults and not fault(one) and actors[covered] == one.signer:
            found[covered] = one.meaning
    return found


def _step(state: VersionState, event: Event, signed: Mapping[int, Meaning]) -> VersionState:
    body, number = event.decode(), event.envelope.version
    if not isinstance(body, ModelBody) or type(body) not in _BEFORE:
        return state
    why = _passed_over(state, body, signed.get(number))
    if why:
        return replace(state, faults=(*state.faults, f"{state.stream}@{number}: {why}"))
    kind = type(body)
    taken_by = state.people.get(kind.kind, frozenset()) | people_of(event)
    state = replace(
        state,
        stage=_AFTER[kind],
        steps={**state.steps, kind.kind: number},
        people={**state.people, kind.kind: taken_by},
    )
    if isinstance(body, IntendedUseStated):
        return replace(state, intended=body.intended)
    stage = state.stage
    if isinstance(body, CriteriaFixed) and state.bound is not None:
        stage = Stage.SEALED
    if isinstance(body, ModelTested) and not body.is_passed:
        stage = Stage.FAILED
    return replace(state, stage=stage, **{_KEPT_AS[kind]: body})  # type: ignore[arg-type]


def _passed_over(state: VersionState, body: ModelBody, meaning: Meaning | None) -> str:
    """Why an event counts for nothing; empty where it counts."""
    if (body.use, body.version) != (state.draft.use, state.draft.version):
        return f"{body.kind} is of another model"
    if state.stage not in _BEFORE[type(body)]:
        return f"{body.kind} cannot follow {state.stage.value}"
    wanted = SIGNED_AS.get(type(body))
    if wanted is not None and meaning is not wanted:
        return f"{body.kind} was not signed as {wanted.value} by who made it"
    trained = state.trained.digest if state.trained is not None else ""
    if isinstance(body, ModelTested | ModelValidated | ModelApproved) and body.digest != trained:
        return f"{body.kind} is of another artefact than was trained"
    if isinstance(body, ModelTested) and not _is_of_criteria(state, body):
        return "it was not tested against the criteria that were fixed"
    return ""


def _is_of_criteria(state: VersionState, body: ModelTested) -> bool:
    wanted = state.criteria.criteria if state.criteria is not None else ()
    is_set = state.bound is not None and state.bound.test_set == body.test_set
    return is_set and tuple(one.criterion for one in body.outcomes) == wanted


# ---- which version serves -------------------------------------------------------------------


@dataclass(frozen=True)
class Serving:
    """A version that serves, or the contingency.

    Attributes:
        version: Version that serves; 0: the contingency.
        since: Number of the event in the ledger that says so.
    """

    version: int
    digest: str = ""
    media_type: str = ""
    approval: str = ""
    since: int = 0


@dataclass(frozen=True)
class LineState:
    """Which version of a use serves.

    Attributes:
        serving: What serves; None: nothing was ever activated.
        is_fallback: It serves because the activated one was suspended.
        suspended: Versions that were suspended and not activated again.
        retired: Versions that will never serve again.
        head: Version of the stream.
    """

    use: str
    serving: Serving | None = None
    is_fallback: bool = False
    suspended: frozenset[int] = frozenset()
    retired: frozenset[int] = frozenset()
    head: int = 0

    @property
    def stream(self) -> str:
        """Stream of the line."""
        return line_stream(self.use)

    def stage(self, version: VersionState) -> Stage:
        """Stage of a version, with what this line says of it."""
        number = version.draft.version
        if number in self.retired:
            return Stage.RETIRED
        if self.serving is not None and self.serving.version == number:
            return Stage.ACTIVE
        return Stage.SUSPENDED if number in self.suspended else version.stage


def line_state(use: str, events: Sequence[Event]) -> LineState:
    """Which version serves, folded from the events of `model/<use>`."""
    state = LineState(use)
    for event in events:
        body = event.decode()
        state = replace(state, head=event.envelope.version)
        if isinstance(body, ModelActivated) and body.version not in state.retired:
            serving = Serving(body.version, body.digest, body.media_type, body.approval, event.seq)
            state = replace(
                state,
                serving=serving,
                is_fallback=False,
                suspended=state.suspended - {body.version},
            )
        elif isinstance(body, ModelSuspended):
            fallback = Serving(
                body.fallback, body.digest, body.media_type, body.approval, event.seq
            )
            state = replace(
                state,
                serving=fallback,
                is_fallback=True,
                suspended=state.suspended | {body.version},
            )
        elif isinstance(body, ModelRetired):
            is_it = state.serving is not None and state.serving.version == body.version
            gone = Serving(0, since=event.seq) if is_it else state.serving
            state = replace(state, serving=gone, retired=state.retired | {body.version})
    return state
