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
from goldenbatch.core.gate_records import GateJudged, GateOutcome
from goldenbatch.core.model_card import Criterion, IntendedUse
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelApproved,
    ModelBody,
    ModelDrafted,
    ModelTested,
    ModelTrained,
    ModelValidated,
    TestDataBound,
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
        GateJudged: frozenset({Stage.TESTED, Stage.FAILED, Stage.VALIDATED}),
    }
)
"""From which stages a step may be taken; a judgement of the gate is no stage of its own."""

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
        GateJudged: "judged",
    }
)
"""Field of `VersionState` that keeps the newest event of a step."""

SIGNED_AS: Final[Mapping[type[ModelBody], Meaning]] = MappingProxyType(
    {kind: Meaning(kind.signed_as) for kind in _BEFORE if kind.signed_as}
)
"""What the signature that is appended with a step must mean."""


def sound(_signature: SignatureApplied) -> str:
    """No fault: for those who cannot check evidence."""
    return ""


@dataclass(frozen=True)
class Progress:
    """How far a version is, and no more than the next step must know.

    Attributes:
        criteria: Criteria in force.
        n_least: Least number of independent rows of the test.
        test_set: Id of the set that is bound; empty: none.
        trained: Digest of the frozen artefact; empty: none.
        plan: Change plan that it is an update under, `id@version`; empty: none.
        follows: Version that it is an update of; 0: none.
        judged: Newest judgement of the gate: version of its event, and its outcome.
    """

    use: str
    version: int
    stage: Stage
    criteria: tuple[Criterion, ...] = ()
    n_least: int = 0
    test_set: str = ""
    trained: str = ""
    plan: str = ""
    follows: int = 0
    judged: tuple[int, str] = (0, "")


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
        approved_seq: Number of its approval in the ledger; 0: not approved.
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
    judged: GateJudged | None = None
    steps: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    approved_seq: int = 0
    head: int = 0

    @property
    def stream(self) -> str:
        """Stream of the version."""
        return version_stream(self.draft.use, self.draft.version)

    @property
    def trainers(self) -> frozenset[str]:
        """Who trained it: they are kept from its test and its judgement."""
        return self.people.get(ModelTrained.kind, frozenset())

    @property
    def progress(self) -> Progress:
        """How far it is, for the next step."""
        fixed, judged = self.criteria, self.judged
        outcome = judged.outcome.value if judged is not None else ""
        return Progress(
            self.draft.use,
            self.draft.version,
            self.stage,
            criteria=fixed.criteria if fixed is not None else (),
            n_least=fixed.n_least if fixed is not None else 0,
            test_set=self.bound.test_set if self.bound is not None else "",
            trained=self.trained.digest if self.trained is not None else "",
            plan=self.draft.plan,
            follows=self.draft.follows,
            judged=(self.steps.get(GateJudged.kind, 0), outcome),
        )

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
    if events[0].stream != version_stream(first.use, first.version):
        return None  # a draft in another version's place drafts nothing
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
    is_it = followed is not None and followed.draft.version == draft.follows
    if followed is None or not is_it or not 0 < followed.approved_seq < event.seq:
        return replace(state, faults=(f"{state.stream}@1 follows a version not approved",))
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
        # What came between what the signer was shown and the step was not seen by them.
        is_seen = state.unsigned_since is None or state.unsigned_since > covered
        is_sound = bool(one.proposal) and is_seen and not state.faults and not fault(one)
        if is_sound and actors[covered] == one.signer:
            found[covered] = one.meaning
    return found


def _step(state: VersionState, event: Event, signed: Mapping[int, Meaning]) -> VersionState:
    body, number = event.decode(), event.envelope.version
    if not isinstance(body, ModelBody) or type(body) not in _BEFORE:
        return state
    progress = state.progress
    why = passed_over(progress, body, signed.get(number))
    if why:
        return replace(state, faults=(*state.faults, f"{state.stream}@{number}: {why}"))
    kind = type(body)
    taken_by = state.people.get(kind.kind, frozenset()) | people_of(event)
    state = replace(
        state,
        stage=stage_after(progress, body),
        steps={**state.steps, kind.kind: number},
        people={**state.people, kind.kind: taken_by},
    )
    if isinstance(body, IntendedUseStated):
        return replace(state, intended=body.intended)
    if isinstance(body, ModelApproved):
        state = replace(state, approved_seq=event.seq)
    return replace(state, **{_KEPT_AS[kind]: body})  # type: ignore[arg-type]


def stage_after(progress: Progress, body: ModelBody) -> Stage:
    """Stage after a step that counts."""
    if isinstance(body, CriteriaFixed) and progress.test_set:
        return Stage.SEALED
    if isinstance(body, ModelTested) and not body.is_passed:
        return Stage.FAILED
    return _AFTER.get(type(body), progress.stage)


def passed_over(progress: Progress, body: ModelBody, meaning: Meaning | None) -> str:
    """Why an event counts for nothing; empty where it counts.

    Args:
        progress: The version before it.
        body: The step.
        meaning: Meaning of the sound signature that was appended with it; None: there is none.
    """
    if progress.stage not in _BEFORE.get(type(body), frozenset()):
        return f"{body.kind} cannot follow {progress.stage.value}"
    wanted = SIGNED_AS.get(type(body))
    if wanted is not None and meaning is not wanted:
        return f"{body.kind} was not signed as {wanted.value} by who made it"
    of_artefact = (ModelTested, ModelValidated, ModelApproved, GateJudged)
    is_other = isinstance(body, of_artefact) and body.digest != progress.trained
    if is_other or (body.use, body.version) != (progress.use, progress.version):
        return f"{body.kind} is of another model, or of another artefact than was trained"
    return _wrong(progress, body)


def _wrong(progress: Progress, body: ModelBody) -> str:
    """Why a step in its place says what is not so; empty where it does not."""
    if isinstance(body, ModelTested):
        return _untested(progress, body)
    if isinstance(body, GateJudged):
        return _unjudged(progress, body)
    return _unfounded(progress, body) if isinstance(body, ModelApproved) else ""


def _untested(progress: Progress, body: ModelTested) -> str:
    tested = tuple(one.criterion for one in body.outcomes)
    if body.test_set != progress.test_set or tested != progress.criteria:
        return "it was not tested against the criteria that were fixed, on the set that was bound"
    if body.n_rows < progress.n_least:
        return f"it was tested on {body.n_rows} rows, and {progress.n_least} were asked for"
    return ""


def _unjudged(progress: Progress, body: GateJudged) -> str:
    told = (f"{body.plan}@{body.plan_version}", body.follows)
    if told != (progress.plan, progress.follows):
        return f"it was judged as an update of {body.follows} under {told[0]}, which it is not"
    return ""


def _unfounded(progress: Progress, body: ModelApproved) -> str:
    """Why an approval has no basis; empty where it has one."""
    if body.basis == "first" and progress.follows:
        return "an update is no first version"
    if body.basis != "in_plan":
        return ""
    number, outcome = progress.judged
    stream = version_stream(progress.use, progress.version)
    if not number or body.judgement != f"{stream}@{number}":
        return "it does not rest on the newest judgement of the gate"
    if outcome != GateOutcome.PASS:
        return f"the gate said {outcome}"
    return ""
