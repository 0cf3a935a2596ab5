"""Change plans: which updates of a model are permitted beforehand, signed, and for how long.

A plan is a TOML document of the schema `goldenbatch/change-plan/1` in `change-plan/<id>`. One
person proposes it, another one approves it by a signature over that very event; until then, and
after its withdrawal or expiry, nothing is in plan.

References:
    FDA, Marketing Submission Recommendations for a Predetermined Change Control Plan (December
    2024); ICH Q12, 4; EU GMP Annex 22, draft of July 2025, 10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._toml import bad_key, locate, read_toml
from goldenbatch.core.change_plan_parts import (
    CumulativeBound,
    Impact,
    Modification,
    Moment,
    Name,
    Regulatory,
    Suspension,
)
from goldenbatch.core.change_plan_protocol import Acceptance, Protocol, UpdateProcedure
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_card import DIGEST, USE_PATTERN
from goldenbatch.core.model_life import Fault, sound
from goldenbatch.core.people import Meaning, SignatureApplied, SignatureState, signature_state
from goldenbatch.core.records import Body, DataClass, Event, record_type, to_iso

PREFIX: Final = "change-plan/"
SCHEMA: Final = "goldenbatch/change-plan/1"


def plan_stream(plan: str) -> str:
    """Stream of a change plan."""
    return f"{PREFIX}{plan}"


class WrongPlanError(ValueError):
    """A wrong entry of a plan, with its path in the document."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


class ChangePlan(BaseModel):
    """A change plan, checked as a whole.

    Attributes:
        schema_: Name and version of the form.
        id: Name of the plan; its versions share it.
        version: Version of the plan; once approved it never changes.
        title: For people.
        use: Use whose versions it is for.
        original: Originally validated version, from which every chain is measured.
        owner: Role or department that answers for it.
        effective_from: From when on; none: from its approval on.
        regulatory: How updates are reported.
        modifications: What may change; at least one.
        protocol: How an update is made and shown to be good.
        update: How it is brought in.
        impact: What the updates may do, and what is done about it.
        bound: How far any chain of updates may move.
        suspension: Clauses by which the platform may take a version from its work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["goldenbatch/change-plan/1"] = Field(alias="schema")
    id: Name
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
    title: str = Field(min_length=1)
    use: str = Field(pattern=USE_PATTERN)
    original: int = Field(ge=1)
    owner: str = Field(min_length=1)
    effective_from: Moment | None = None
    regulatory: Regulatory
    modifications: tuple[Modification, ...] = Field(min_length=1)
    protocol: Protocol
    update: UpdateProcedure
    impact: Impact
    bound: CumulativeBound
    suspension: tuple[Suspension, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> ChangePlan:
        from goldenbatch.core._change_plan_checks import check_plan

        check_plan(self)
        return self

    @property
    def label(self) -> str:
        """As a draft names it: `id@version`."""
        return f"{self.id}@{self.version}"

    def modification(self, name: str) -> Modification | None:
        """The modification of a name."""
        return next((one for one in self.modifications if one.name == name), None)

    def criteria(self, modification: str) -> tuple[Acceptance, ...]:
        """Acceptance criteria of a modification."""
        return tuple(
            one
            for one in self.protocol.acceptance
            if not one.modifications or modification in one.modifications
        )

    def suspends_on(self, alarm: str) -> Suspension | None:
        """The clause by which an alarm of the watch suspends a version; None: none does."""
        return next((one for one in self.suspension if one.alarm == alarm), None)

    def digest(self) -> str:
        """SHA-256 of the canonical text of the content; comments and layout do not count.

        Entries at their defaults are left out, so that a later entry changes no digest of today.
        """
        plain = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        text = canonical_text(_as_texts(plain))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def _as_texts(value: Any) -> Any:
    """Floats as the shortest text that reads back as the same number."""
    if isinstance(value, Mapping):
        return {name: _as_texts(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_texts(one) for one in value]
    return repr(value) if isinstance(value, float) else value


def load_change_plan(text: str, file: str = "") -> ChangePlan:
    """Read a change plan from TOML.

    Raises:
        BadInputError: It is no plan, or one that permits everything; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return ChangePlan.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def bad_entry(error: WrongPlanError, text: str, file: str) -> BadInputError:
    """A wrong entry as one clear message with file, line and key."""
    return BadInputError(
        f"{error}.",
        hint="Correct the entry and try again.",
        file=file,
        line=locate(text, error.path),
        key=".".join(str(part) for part in error.path),
    )


@record_type
class ChangePlanProposed(Body):
    """A change plan was proposed; it counts once another person has approved this event, signed."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL
    supersedes: ClassVar[tuple[str, ...]] = ("ChangePlanProposed",)

    plan: str = Field(min_length=1, description="Id of the plan.")
    version: str = Field(min_length=1)
    use: str = Field(pattern=USE_PATTERN)
    digest: str = Field(pattern=DIGEST, description="Digest of the plan's content.")
    text: str = Field(min_length=1, description="The plan as TOML, whole.")
    reason: str = Field(min_length=1)


@record_type
class ChangePlanWithdrawn(Body):
    """A version of a change plan permits nothing any more."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    plan: str = Field(min_length=1, description="Id of the plan.")
    version: str = Field(min_length=1)
    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class PlanStanding:
    """One version of a plan, and what it rests on.

    Attributes:
        plan: The plan.
        digest: Of its content.
        proposed_at: Version of the proposal in the plan's stream.
        proposed_by: Who proposed it, and in whose place.
        approval: Signature that approves it; None: none yet.
        approved_at: Version of that signature's event; 0: none.
        withdrawn: Why it was withdrawn; empty: it was not.
        superseded_by: Later version that was approved; empty: none.
    """

    plan: ChangePlan
    digest: str
    proposed_at: int
    proposed_by: frozenset[str]
    approval: SignatureApplied | None = None
    approved_at: int = 0
    withdrawn: str = ""
    superseded_by: str = ""

    @property
    def ref(self) -> str:
        """The proposal, as `stream@version`."""
        return f"{plan_stream(self.plan.id)}@{self.proposed_at}"

    def state(self, now: int) -> str:
        """`in force`, or why it is not."""
        if self.withdrawn:
            return f"withdrawn: {self.withdrawn}"
        if self.approval is None:
            return "proposed, not approved"
        if self.superseded_by:
            return f"superseded by version {self.superseded_by}"
        if self.plan.effective_from is not None and now < self.plan.effective_from:
            return f"effective from {to_iso(self.plan.effective_from)}"
        if now >= self.plan.bound.expires:
            return f"expired at {to_iso(self.plan.bound.expires)}"
        return "in force"


def plan_standings(events: Iterable[Event], fault: Fault = sound) -> tuple[PlanStanding, ...]:
    """All versions of all plans, in the order of their proposals within each plan.

    Args:
        events: All events of one or more streams `change-plan/<id>`, each stream in order.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """
    streams: dict[str, list[Event]] = {}
    for event in events:
        if event.stream.startswith(PREFIX):
            streams.setdefault(event.stream, []).append(event)
    return tuple(one for name in sorted(streams) for one in _standings(streams[name], fault))


def plans_in_force(
    events: Iterable[Event], fault: Fault = sound, now: int = 0
) -> tuple[PlanStanding, ...]:
    """Plans that permit something at a time: at most one version of each.

    Args:
        events: All events of one or more streams `change-plan/<id>`.
        fault: Why the evidence of a signature does not hold; empty where it does.
        now: Microseconds UTC.
    """
    return tuple(one for one in plan_standings(events, fault) if one.state(now) == "in force")


def _standings(events: Sequence[Event], fault: Fault) -> list[PlanStanding]:
    states = [one for one in signature_state(events) if not one.faults and not fault(one.signature)]
    found: list[PlanStanding] = []
    for event in events:
        body = event.decode()
        if isinstance(body, ChangePlanProposed):
            one = _standing(event, body, states, events)
            if one is not None and not _is_taken(found, one):
                found.append(one)
        elif isinstance(body, ChangePlanWithdrawn) and event.stream == plan_stream(body.plan):
            found = [_withdrawn(one, body, event) for one in found]
    return _superseded(found)


def _is_taken(found: Sequence[PlanStanding], one: PlanStanding) -> bool:
    """Whether a version of that name was approved before: an approved name never changes."""
    return any(
        other.plan.version == one.plan.version and other.approval is not None for other in found
    )


def _standing(
    event: Event,
    body: ChangePlanProposed,
    states: Sequence[SignatureState],
    events: Sequence[Event],
) -> PlanStanding | None:
    try:
        plan = load_change_plan(body.text, event.stream)
    except BadInputError:
        return None  # who appended it went round the proposal
    says = (body.plan, body.version, body.use, body.digest)
    is_it = says == (plan.id, plan.version, plan.use, plan.digest())
    if not is_it or event.stream != plan_stream(plan.id):
        return None
    proposed_by = _people(event)
    by_version = {one.envelope.version: one for one in events}
    for state in states:
        is_over = state.signed_version == event.envelope.version and not state.signature.proposal
        people = _people(by_version[state.event_version])
        is_approval = state.signature.meaning is Meaning.APPROVED
        if is_over and is_approval and not people & proposed_by:
            signed = (state.signature, state.event_version)
            return PlanStanding(plan, body.digest, event.envelope.version, proposed_by, *signed)
    return PlanStanding(plan, body.digest, event.envelope.version, proposed_by)


def _people(event: Event) -> frozenset[str]:
    return frozenset({event.envelope.actor, event.envelope.acting_for} - {""})


def _withdrawn(one: PlanStanding, body: ChangePlanWithdrawn, event: Event) -> PlanStanding:
    is_it = one.plan.version == body.version and one.proposed_at < event.envelope.version
    # A signature that follows the withdrawal brings nothing back.
    return replace(one, withdrawn=body.reason) if is_it and not one.withdrawn else one


def _superseded(found: Sequence[PlanStanding]) -> list[PlanStanding]:
    """The version approved last stands; approval, not proposal, is what counts."""
    approved = [one for one in found if one.approval is not None]
    last = max(approved, key=lambda one: one.approved_at, default=None)
    if last is None:
        return list(found)
    return [
        one
        if one is last or one.approval is None
        else replace(one, superseded_by=last.plan.version)
        for one in found
    ]
