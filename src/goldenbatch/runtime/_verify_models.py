"""Whether what stands of models counts: steps out of place or unsigned, and what may not serve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from goldenbatch.core.change_plans import plan_standings, plan_stream
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.gate_records import GateJudged
from goldenbatch.core.model_access import (
    all_test_sets,
    load_test_set,
    load_version,
    trainers_of,
)
from goldenbatch.core.model_line import LineState, line_state, serving_fault
from goldenbatch.core.model_records import (
    ModelActivated,
    ModelDrafted,
    ModelRetired,
    ModelSuspended,
    ModelTested,
    line_stream,
)

if TYPE_CHECKING:
    from goldenbatch.core.model_life import VersionState
    from goldenbatch.core.test_sets import TestSetState
    from goldenbatch.runtime.local import LocalSite

_LINE = {ModelActivated.kind, ModelRetired.kind, ModelSuspended.kind}


def check_models(site: LocalSite) -> Iterator[tuple[str, str]]:
    """Events of models that count for nothing, and versions that serve and must not.

    Yields:
        Where, and what is wrong, in words.
    """
    for event in site.ledger.events(kinds={ModelDrafted.kind}):
        body = event.decode()
        if not isinstance(body, ModelDrafted):
            continue
        state = _version(site, body.use, body.version)
        if state is None or state.draft != body:
            yield f"{event.stream}@{event.envelope.version}", "a draft in another one's place."
        elif event.envelope.version == 1:
            yield from _faults(state.faults)
            yield from _test(site, state)
            yield from _judgement(site, state)
    for chosen in all_test_sets(site.ledger, site.signing_rules.fault):
        yield from _faults(chosen.faults)
    uses = {event.stream.removeprefix("model/") for event in site.ledger.events(kinds=_LINE)}
    for use in sorted(uses):
        line = line_state(use, site.ledger.stream(line_stream(use)))
        yield from _faults(line.faults)
        yield from _by_nobody(site, use)
        if line.active:
            yield from _serving(site, line)


def _test(site: LocalSite, state: VersionState) -> Iterator[tuple[str, str]]:
    """A test that no opening of two people stands behind, or that a trainer had a part in."""
    tested = state.tested
    if tested is None:
        return
    where, people = state.ref(ModelTested), state.people.get(ModelTested.kind, frozenset())
    try:
        chosen = load_test_set(site.ledger, tested.test_set, site.signing_rules.fault)
    except NotFoundError:
        yield where, f"it names the test set {tested.test_set!r}, which was never selected."
        return
    opening = chosen.opening(state.draft.use, state.draft.version, tested.digest)
    if opening is None or tested.opening not in _approvals(chosen):
        yield where, f"{chosen.stream} was not opened for what was tested."
        return
    if not any(one.is_lawful and one.people <= people for one in chosen.accesses):
        yield where, f"who tested it never got the rows of {chosen.stream}."
    both = sorted((people | opening.people) & trainers_of(site.ledger, state))
    if both:
        yield where, f"{', '.join(both)} trained it and had a part in its test."


def _judgement(site: LocalSite, state: VersionState) -> Iterator[tuple[str, str]]:
    """A judgement that the gate does not make of what was kept with it."""
    from goldenbatch.capabilities.governance.judging import judgement_fault

    fault = judgement_fault(site, state)
    if fault:
        yield state.ref(GateJudged), f"{fault}."


def _by_nobody(site: LocalSite, use: str) -> Iterator[tuple[str, str]]:
    """What serves was changed by nobody whom the home knows, and under no clause."""
    for event in site.ledger.stream(line_stream(use)):
        body, actor = event.decode(), event.envelope.actor
        if event.kind not in _LINE or site.ledger.version(f"user/{actor}"):
            continue
        where = f"{event.stream}@{event.envelope.version}"
        if not isinstance(body, ModelSuspended):
            yield where, f"{event.kind} is of {actor}, who is no person of this home."
        elif not _has_clause(site, body):
            yield where, f"{actor} suspended it under no clause of an approved change plan."


def _has_clause(site: LocalSite, body: ModelSuspended) -> bool:
    label, _, clause = body.clause.partition("#")
    events = site.ledger.stream(plan_stream(label.partition("@")[0])) if label else ()
    return any(
        one.plan.label == label and one.plan.use == body.use and one.approval is not None
        and clause in {part.clause for part in one.plan.suspension}
        for one in plan_standings(events, site.signing_rules.fault)
    )  # fmt: skip


def _approvals(chosen: TestSetState) -> set[str]:
    return {f"{chosen.stream}@{one.approved_at}" for one in chosen.openings}


def _serving(site: LocalSite, line: LineState) -> Iterator[tuple[str, str]]:
    if line.serving is None:
        return
    fault = serving_fault(line.serving, _version(site, line.use, line.active))
    if fault:
        yield line.stream, f"version {line.active} is active and must not serve: {fault}."


def _version(site: LocalSite, use: str, version: int) -> VersionState | None:
    try:
        return load_version(site.ledger, use, version, site.signing_rules.fault)
    except NotFoundError:
        return None


def _faults(faults: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for one in faults:
        where, _, why = one.partition(": ")
        yield where, f"{why or one}: it counts for nothing."
