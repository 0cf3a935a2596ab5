"""Which version of a model serves, folded from one stream: never two, and none only by an event.

`model/<use>` is one stream with optimistic versions, and its newest event that counts says it
all, so that no crash and no race can leave two versions active, or none.

References:
    EU GMP Annex 22, draft of July 2025, 10.1, 10.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from goldenbatch.core.model_life import Stage, VersionState
from goldenbatch.core.model_records import (
    ModelActivated,
    ModelApproved,
    ModelRetired,
    ModelSuspended,
    line_stream,
)
from goldenbatch.core.records import Event


@dataclass(frozen=True)
class Serving:
    """A version that serves, or the contingency.

    Attributes:
        version: Version that serves; 0: the contingency.
        approval: Its approval, `stream@version`.
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
        activated: Versions in the order in which they were activated; the last one last.
        suspended: Versions that were suspended and not activated again.
        retired: Versions that will never serve again.
        faults: Events that count for nothing, and why.
        head: Version of the stream.
    """

    use: str
    serving: Serving | None = None
    is_fallback: bool = False
    activated: tuple[int, ...] = ()
    suspended: frozenset[int] = frozenset()
    retired: frozenset[int] = frozenset()
    faults: tuple[str, ...] = ()
    head: int = 0

    @property
    def stream(self) -> str:
        """Stream of the line."""
        return line_stream(self.use)

    @property
    def active(self) -> int:
        """Version that serves; 0: the contingency, or nothing yet."""
        return self.serving.version if self.serving is not None else 0

    def stage(self, version: VersionState) -> Stage:
        """Stage of a version, with what this line says of it."""
        return self.stage_of(version.draft.version, version.stage)

    def stage_of(self, number: int, own: Stage) -> Stage:
        """Stage of a version by its number and its own stage."""
        if number in self.retired:
            return Stage.RETIRED
        if number and self.active == number:
            return Stage.ACTIVE
        return Stage.SUSPENDED if number in self.suspended else own

    def may_serve(self, number: int) -> bool:
        """Whether a version may be a fallback: somebody activated it, and nothing stops it."""
        return number in self.activated and number not in self.retired | self.suspended


def line_state(use: str, events: Sequence[Event]) -> LineState:
    """Which version serves, folded from the events of `model/<use>`."""
    state = LineState(use)
    for event in events:
        state = after(state, event)
    return state


def after(state: LineState, event: Event) -> LineState:
    """The line after one more event; one that is illegal has no effect, and is named."""
    body = event.decode()
    state = replace(state, head=event.envelope.version)
    if not isinstance(body, ModelActivated | ModelSuspended | ModelRetired):
        return state
    why = _passed_over(state, body, event.envelope.actor)
    if why:
        told = f"{state.stream}@{event.envelope.version}: {why}"
        return replace(state, faults=(*state.faults, told))
    if isinstance(body, ModelActivated):
        return _activated(state, body, event)
    if isinstance(body, ModelSuspended):
        return _suspended(state, body, event)
    is_it = state.active == body.version
    serving = Serving(0, since=event.seq) if is_it else state.serving
    return replace(
        state,
        serving=serving,
        is_fallback=state.is_fallback and not is_it,
        retired=state.retired | {body.version},
    )


def _passed_over(
    state: LineState, body: ModelActivated | ModelSuspended | ModelRetired, actor: str
) -> str:
    if body.use != state.use:
        return f"{body.kind} is of another model"
    # The node and its analysts act under names of their own; people under a plain uid.
    if isinstance(body, ModelActivated) and (actor == "node" or ":" in actor):
        return f"{actor} activated version {body.version}, and only people activate"
    if body.version in state.retired:
        return f"version {body.version} is retired"
    if isinstance(body, ModelSuspended) and body.version != state.active:
        return f"version {body.version} does not serve and cannot be suspended"
    return ""


def _activated(state: LineState, body: ModelActivated, event: Event) -> LineState:
    others = tuple(one for one in state.activated if one != body.version)
    return replace(
        state,
        serving=Serving(body.version, body.digest, body.media_type, body.approval, event.seq),
        is_fallback=False,
        activated=(*others, body.version),
        suspended=state.suspended - {body.version},
    )


def _suspended(state: LineState, body: ModelSuspended, event: Event) -> LineState:
    """A suspension always takes the version from its work, even if its fallback may not serve."""
    state = replace(state, suspended=state.suspended | {body.version}, is_fallback=True)
    serving = Serving(body.fallback, body.digest, body.media_type, body.approval, event.seq)
    if body.fallback and not state.may_serve(body.fallback):
        told = f"{state.stream}@{state.head}: version {body.fallback} cannot be the fallback"
        state = replace(state, faults=(*state.faults, told))
        serving = Serving(0, since=event.seq)
    return replace(state, serving=serving)


def serving_fault(serving: Serving, version: VersionState | None) -> str:
    """Why a version that the line names may not serve; empty where it may.

    The line names the artefact and its approval; both must be those of the version itself.
    """
    if not serving.version:
        return "no version is active"
    if version is None or version.draft.version != serving.version:
        return f"version {serving.version} was never drafted"
    if version.approved is None or version.trained is None:
        return f"version {serving.version} is {version.stage.value}, not approved"
    approved = {
        "approval": version.ref(ModelApproved),
        "digest": version.trained.digest,
        "media_type": version.trained.media_type,
    }
    wrong = [name for name, value in approved.items() if getattr(serving, name) != value]
    return f"the line names another {' and '.join(wrong)} than was approved" if wrong else ""
