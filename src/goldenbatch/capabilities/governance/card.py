"""The card of a model version: all that is on record of it, folded from events into one view.

References:
    EU GMP Annex 22, draft of July 2025, 3 to 10; FDA, Considerations for the Use of AI to Support
    Regulatory Decision-Making (draft, January 2025), steps 1 to 7.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.capabilities.governance._reading import fault_of, line_of, versions_of
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.findings import newest_finding
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_access import load_test_set
from goldenbatch.core.model_life import SIGNED_AS, Fault, VersionState, sound
from goldenbatch.core.model_line import LineState
from goldenbatch.core.model_records import (
    CriteriaFixed,
    IntendedUseStated,
    ModelBody,
    ModelDrafted,
    TestDataBound,
    line_stream,
    version_stream,
)
from goldenbatch.core.people import signature_state
from goldenbatch.core.records import Body, Event
from goldenbatch.core.test_set_records import TestSetSealed, sealed_set_stream

if TYPE_CHECKING:
    from goldenbatch.core.findings import Finding
    from goldenbatch.core.signatures import SignatureApplied
    from goldenbatch.core.site import HomeInfo, Site
    from goldenbatch.core.test_sets import TestSetState

NOT_SIGNED: Final = "not signed"
_STEPS: Final = frozenset({*SIGNED_AS, ModelDrafted, TestDataBound, GateJudged})


@dataclass(frozen=True)
class SignedStep:
    """A step of the version that a signature stands for.

    Attributes:
        step: Kind of the event.
        ref: The event, `stream@version`.
        signature: The signature that was appended with it; None: there is none.
        standing: `holds`, or since when and why it does not.
    """

    step: str
    ref: str
    signature: SignatureApplied | None
    standing: str

    @property
    def holds(self) -> bool:
        """Whether the step stands as it was signed."""
        return self.standing == "holds"


@dataclass(frozen=True)
class FindingTold:
    """A finding on the model: of its watch, or of what the gate said.

    Attributes:
        uid: Of the finding.
        state: Opened, updated or closed.
        finding: As it was stated last.
    """

    uid: str
    state: str
    finding: Finding


@dataclass(frozen=True)
class CardSources:
    """What a card is folded from.

    Attributes:
        home: The home.
        states: All versions of the use, in order.
        events: Events of the version's own stream.
        before: Events of the versions that it follows, whose statements may hold on.
        sealed: Events of the test set that it is bound to.
        line: Which version serves.
        test_set: The set that the version is bound to.
        findings: Findings on the use.
        names: Uid to printed name, of those that may be known.
        fault: Why the evidence of a signature does not hold; empty where it does.
    """

    home: HomeInfo
    states: Sequence[VersionState]
    events: Sequence[Event]
    line: LineState
    before: Sequence[Event] = ()
    sealed: Sequence[Event] = ()
    test_set: TestSetState | None = None
    findings: Sequence[FindingTold] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    fault: Fault = sound


@dataclass(frozen=True)
class ModelCardView:
    """One version of a model, with all that is on record of it.

    Attributes:
        state: The version as its own stream makes it: draft, intended use, criteria, test data,
            training, test, validation, approval.
        stage: How far it is, with what the line says of it.
        intended_from: Version whose stream holds the intended use in force; 0: none is stated.
        criteria_from: Version whose stream holds the criteria in force.
        signatures: One for each step that asks for a signature, in order; first those of what
            holds on from earlier versions, then that of the seal.
        judgements: What the gate said of it, each with the event, in order.
        others: Records of the version that are no step of its life, such as its shadow runs.
        faults: What counts for nothing, and why: of the version, its line and its test set.
        versions: All versions of the use, in order.
    """

    home: HomeInfo
    state: VersionState
    stage: str
    line: LineState
    intended_from: int
    criteria_from: int
    test_set: TestSetState | None
    signatures: tuple[SignedStep, ...]
    judgements: tuple[tuple[str, GateJudged], ...]
    others: tuple[Event, ...]
    findings: tuple[FindingTold, ...]
    faults: tuple[str, ...]
    versions: tuple[VersionState, ...]
    names: Mapping[str, str]
    drafted_at: int

    @property
    def use(self) -> str:
        """Name of the use."""
        return self.state.draft.use

    @property
    def version(self) -> int:
        """Number of the version."""
        return self.state.draft.version

    def named(self, people: frozenset[str]) -> str:
        """Printed names, where they may be known."""
        return ", ".join(sorted(self.names.get(uid, uid) for uid in people)) or "nobody"


def card_of(version: int, sources: CardSources) -> ModelCardView:
    """The card of a version; the same sources give the same card.

    Raises:
        NotFoundError: There is no such version.
    """
    by_number = {one.draft.version: one for one in sources.states}
    state = by_number.get(version)
    if state is None:
        raise NotFoundError(
            f"there is no version {version} of {sources.line.use!r}.",
            hint="See `goldenbatch model list`.",
        )
    chosen, line = sources.test_set, sources.line
    faults = [*state.faults, *line.faults, *(chosen.faults if chosen is not None else ())]
    decoded = [(event, event.decode()) for event in sources.events]
    judged = [(_ref(event), body) for event, body in decoded if isinstance(body, GateJudged)]
    others = [e for e, body in decoded if isinstance(body, ModelBody) and type(body) not in _STEPS]
    return ModelCardView(
        home=sources.home,
        state=state,
        stage=line.stage(state).value,
        line=line,
        intended_from=_stated_in(by_number, state, IntendedUseStated),
        criteria_from=_stated_in(by_number, state, CriteriaFixed),
        test_set=chosen,
        signatures=_all_signatures(sources),
        judgements=tuple(judged),
        others=tuple(others),
        findings=tuple(sources.findings),
        faults=tuple(faults),
        versions=tuple(sources.states),
        names=sources.names,
        drafted_at=sources.events[0].envelope.recorded_at,
    )


def _ref(event: Event) -> str:
    return f"{event.stream}@{event.envelope.version}"


def _stated_in(
    by_number: Mapping[int, VersionState], state: VersionState, step: type[ModelBody]
) -> int:
    """Version whose stream holds a step that holds on for those that follow; 0: none."""
    one: VersionState | None = state
    while one is not None:
        if one.steps.get(step.kind):
            return one.draft.version
        one = by_number.get(one.draft.follows)
    return 0


def _all_signatures(sources: CardSources) -> tuple[SignedStep, ...]:
    own = _signatures(sources.events, sources.fault)
    stated = {one.step for one in own}
    held = {
        one.step: one  # the newest of each, as the versions come in order
        for one in _signatures(sources.before, sources.fault)
        if one.step in (IntendedUseStated.kind, CriteriaFixed.kind) and one.step not in stated
    }
    sealed = _signatures(sources.sealed, sources.fault, (TestSetSealed,))
    return (*held.values(), *sealed, *own)


def _signatures(
    events: Sequence[Event], fault: Fault, kinds: Iterable[type[Body]] = SIGNED_AS
) -> list[SignedStep]:
    """Each step that asks for a signature, with the one that was appended with it.

    A signature is of its step: what follows later in the stream does not touch it, but a later
    step of the same kind takes its place.
    """
    streams: dict[str, list[Event]] = {}
    for event in events:
        streams.setdefault(event.stream, []).append(event)
    asked = {kind.kind for kind in kinds}
    return [one for some in streams.values() for one in _of_stream(some, fault, asked)]


def _of_stream(events: Sequence[Event], fault: Fault, asked: Container[str]) -> list[SignedStep]:
    states = (one for one in signature_state(events) if one.signature.proposal)
    signed = {one.signed_version: one for one in states}
    newest = {event.kind: event.envelope.version for event in events}
    found = []
    for event in events:
        if event.kind not in asked:
            continue
        number = event.envelope.version
        state = signed.get(number)
        standing = NOT_SIGNED
        if state is not None:
            why = "; ".join(state.faults) or fault(state.signature)
            standing = f"void: {why}" if why else "holds"
        if standing == "holds" and newest[event.kind] != number:
            standing = f"replaced by version {newest[event.kind]} of the record"
        signature = state.signature if state is not None else None
        found.append(SignedStep(event.kind, _ref(event), signature, standing))
    return found


# ---- from a site ------------------------------------------------------------------------------


def load_card(site: Site, use: str, version: int = 0) -> ModelCardView:
    """The card of a version; 0: the one that serves, else the newest.

    Raises:
        NotFoundError: There is no such use, or no such version.
    """
    fault = fault_of(site)
    states = versions_of(site, use)
    if not states:
        raise NotFoundError(f"there is no model {use!r}.", hint="See `goldenbatch model list`.")
    line = line_of(site, use)
    number = version or line.active or states[-1].draft.version
    state = next((one for one in states if one.draft.version == number), None)
    bound = state.bound if state is not None else None
    sources = CardSources(
        home=site.home,
        states=states,
        events=site.ledger.stream(version_stream(use, number)),
        line=line,
        before=_followed(site, states, number),
        sealed=site.ledger.stream(sealed_set_stream(bound.test_set)) if bound is not None else (),
        test_set=load_test_set(site.ledger, bound.test_set, fault) if bound is not None else None,
        findings=findings_of(site, use, number),
        names={str(row["uid"]): str(row["printed_name"]) for row in site.ledger.select("user")},
        fault=fault,
    )
    return card_of(number, sources)


def _followed(site: Site, states: Sequence[VersionState], number: int) -> list[Event]:
    """Events of the versions that one follows, the first one first."""
    follows = {one.draft.version: one.draft.follows for one in states}
    found: list[Event] = []
    number = follows.get(number, 0)
    while number:
        found = [*site.ledger.stream(version_stream(states[0].draft.use, number)), *found]
        number = follows.get(number, 0)
    return found


def findings_of(site: Site, use: str, version: int) -> list[FindingTold]:
    """Findings on a version: of its watch, or of what the gate said of it."""
    about = re.compile(rf"^(?:{re.escape(use)}@)?{version}(?![0-9])")
    found = []
    rows: Sequence[Any] = site.ledger.select("finding", {"attribute": use}, ("started_at", "uid"))
    for row in rows:
        newest = newest_finding(site.ledger.stream(f"finding/{row['uid']}"))
        if newest is not None and about.match(newest.subject.key):
            found.append(FindingTold(str(row["uid"]), str(row["state"]), newest))
    return found


def events_behind(site: Site, card: ModelCardView) -> list[Event]:
    """Every event that a card rests on, in the order of the ledger."""
    streams = [line_stream(card.use), *(one.stream for one in card.versions)]
    if card.test_set is not None:
        streams.append(card.test_set.stream)
    plan = card.state.draft.plan.partition("@")[0]
    if plan:
        streams.append(f"change-plan/{plan}")
    streams += [f"finding/{one.uid}" for one in card.findings]
    events = {event.seq: event for name in streams for event in site.ledger.stream(name)}
    return [events[seq] for seq in sorted(events)]
