"""Appending what an analyst saw, and writing what it computed; twice is the same as once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldenbatch.core.errors import BadInputError, IntegrityError, VersionConflictError
from goldenbatch.core.findings import FindingClosed, FindingOpened, FindingUpdated
from goldenbatch.core.records import Event, NewEvent
from goldenbatch.core.series import Frame, frame_table
from goldenbatch.runtime.prediction_log import write_log

if TYPE_CHECKING:
    from goldenbatch.core.analyst import Assessment, Derived, Tick, Transition
    from goldenbatch.core.prediction import PredictionsMade
    from goldenbatch.core.site import HistorianPort, LedgerPort
    from goldenbatch.runtime.adoption import Adoption

FindingBody = FindingOpened | FindingUpdated | FindingClosed
FINDING_KINDS = frozenset({FindingOpened.kind, FindingUpdated.kind, FindingClosed.kind})
FINDING_PREFIX = "finding/"
_BODIES: dict[str, type[FindingOpened] | type[FindingUpdated] | type[FindingClosed]] = {
    "opened": FindingOpened,
    "updated": FindingUpdated,
    "closed": FindingClosed,
}
_N_TRIES = 5


def finding_body(transition: Transition, tick: int) -> FindingBody:
    """The event of a transition."""
    return _BODIES[transition.step](uid=transition.uid, tick=tick, finding=transition.finding)


def append_transitions(
    ledger: LedgerPort, adoption: Adoption, tick: Tick, assessment: Assessment, actor: str
) -> list[Transition]:
    """Append the transitions of one tick, all or nothing; those that are there are passed.

    The version of a transition is its number among the finding's own events: decisions and
    signatures stand between them in the same stream.

    Raises:
        IntegrityError: A transition is there with another body, or one is left out.
        BadInputError: A finding does not bear the name and version of its analyst.
    """
    for transition in assessment.transitions:
        _check(adoption, transition)
    for _ in range(_N_TRIES):
        new, appended = _missing(ledger, tick, assessment.transitions, actor)
        if not new:
            return []
        try:
            ledger.append(new)
        except VersionConflictError:
            continue  # a person signed in between: look again where the stream stands
        return appended
    raise IntegrityError(
        f"the findings of {adoption.name!r} at tick {tick.number} could not be appended: their "
        "streams never stood still.",
        hint="Wake the analysts again.",
    )


def _check(adoption: Adoption, transition: Transition) -> None:
    finding = transition.finding
    wanted = (adoption.name, adoption.body.version)
    if (finding.analyst, finding.analyst_version) != wanted:
        raise BadInputError(
            f"finding {transition.uid} says it is of {finding.analyst!r} version "
            f"{finding.analyst_version!r}, not of {wanted[0]!r} version {wanted[1]!r}.",
            hint="An analyst signs its findings with its own name and version.",
        )


def _missing(
    ledger: LedgerPort, tick: Tick, transitions: Sequence[Transition], actor: str
) -> tuple[list[NewEvent], list[Transition]]:
    new: list[NewEvent] = []
    appended: list[Transition] = []
    stands: dict[str, tuple[list[Event], int, int]] = {}
    for transition in transitions:
        stream = FINDING_PREFIX + transition.uid
        if stream not in stands:
            events = ledger.stream(stream)
            own = [event for event in events if event.kind in FINDING_KINDS]
            stands[stream] = (own, len(events), len(own))
        own, version, n_own = stands[stream]
        body = finding_body(transition, tick.number)
        if transition.version <= len(own):
            _compare(own[transition.version - 1], body)
            continue
        if transition.version != n_own + 1:
            raise IntegrityError(
                f"transition {transition.version} of {stream} was given, {n_own + 1} comes next.",
                hint="The analyst's state does not fit the ledger: delete its file in state/.",
            )
        new.append(NewEvent(stream, body, expected_version=version, actor=actor))
        stands[stream] = (own, version + 1, n_own + 1)
        appended.append(transition)
    return new, appended


def _compare(event: Event, body: FindingBody) -> None:
    if event.decode() != body:
        raise IntegrityError(
            f"event {event.seq} of {event.stream} has another content than the analyst gives "
            f"for tick {body.tick} now.",
            hint="The analyst is not pure, or the ledger was changed: run `goldenbatch verify`.",
        )


def derived_source(name: str) -> str:
    """Source of the frames of an analyst."""
    return f"analyst/{name}"


def write_derived(
    historian: HistorianPort, adoption: Adoption, tick: Tick, derived: Sequence[Derived]
) -> list[int]:
    """Write what an analyst computed at a tick as one frame; gives the frame's number."""
    if not derived:
        return []
    readings = frame_table(
        "number",
        [one.time for one in derived],
        [one.tag for one in derived],
        [one.value for one in derived],
        [one.quality for one in derived],
    )
    frame = Frame(
        source=derived_source(adoption.name),
        key=f"adoption {adoption.version} tick {tick.number}",
        kind="number",
        readings=readings,
        received_at=tick.at,
    )
    return [historian.write(frame).seq]


def prediction_keys(adoption: Adoption, tick: int, n: int) -> list[str]:
    """Keys under which an analyst's predictions of a tick are logged."""
    base = f"analyst {adoption.name} adoption {adoption.version} tick {tick}"
    return [base if not number else f"{base} block {number}" for number in range(n)]


def write_predictions(
    historian: HistorianPort, adoption: Adoption, tick: Tick, made: Sequence[PredictionsMade]
) -> list[int]:
    """Log what models said that an analyst acts on; gives the frames' numbers."""
    keys = prediction_keys(adoption, tick.number, len(made))
    return [
        seq
        for one, key in zip(made, keys, strict=True)
        for seq in write_log(historian, one, key, tick.at)
    ]
