"""What may come next in a batch's stream.

An event that cannot be true (an end before its start, a second end) is refused before it is
appended. An event that comes late but can be true is taken and shown as a late entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from goldenbatch.core.batch_state import BatchState
from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    ConsumptionCorrected,
    MaterialConsumed,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.records import Body, from_iso, to_iso


def check_next(state: BatchState, body: Body) -> None:
    """Refuse an event that cannot be true as the next one of a batch's stream.

    Bodies of other modules (results, signatures) pass. Late entries pass, too: they are
    seen in `BatchState.late_entries`.

    Raises:
        ConflictError: It has happened already, or the corrected value is not the recorded one.
        BadInputError: It contradicts what is recorded.
    """
    if isinstance(body, BatchCreated):
        if state.exists:
            raise ConflictError(
                f"batch {body.batch!r} exists already.", hint="Use another identifier."
            )
        return
    check = _CHECKS.get(type(body))
    if check is None:
        return
    batch = getattr(body, "batch", "")
    if not state.exists:
        raise BadInputError(f"batch {batch!r} does not exist.", hint="Create the batch first.")
    if batch != state.batch:
        raise BadInputError(
            f"{body.kind} of batch {batch!r} does not belong to batch {state.batch!r}.",
            hint="Append it to the stream of its own batch.",
        )
    check(state, body)


def _bad(state: BatchState, message: str, hint: str) -> BadInputError:
    return BadInputError(f"batch {state.batch!r}: {message}.", hint=hint)


def _name(body: PhaseStarted | PhaseEnded | PhaseCorrected) -> str:
    return f"run {body.run} of phase {body.phase!r} at {body.place!r}"


def _check_ended(state: BatchState, body: BatchEnded) -> None:
    if state.outcome:
        raise ConflictError(
            f"batch {state.batch!r} has ended already.", hint="Correct its end with a reason."
        )
    start, _ = state.window
    if start is not None and body.ended_at < start:
        raise _bad(
            state,
            f"it cannot end at {to_iso(body.ended_at)}, before its start at {to_iso(start)}",
            "Correct the time.",
        )
    if body.outcome == "completed" and state.open_phases:
        names = ", ".join(repr(run.phase) for run in state.open_phases)
        raise _bad(state, f"phases {names} are still running", "End them, or abort the batch.")


def _check_phase_started(state: BatchState, body: PhaseStarted) -> None:
    if (body.place, body.phase, body.run) in state.phases:
        raise ConflictError(
            f"batch {state.batch!r}: {_name(body)} has started already.",
            hint="Give the run the next number, or correct the start with a reason.",
        )
    for run in state.open_phases:
        if (run.place, run.phase) == (body.place, body.phase):
            raise _bad(
                state, f"{_name(body)} cannot start while run {run.run} goes on", "End that first."
            )
    _check_inside(state, body.at, f"{_name(body)} cannot start")


def _check_inside(state: BatchState, at: int, what: str) -> None:
    if state.started_at is not None and at < state.started_at:
        raise _bad(
            state,
            f"{what} at {to_iso(at)}, before the batch at {to_iso(state.started_at)}",
            "Correct the time, or the start of the batch.",
        )
    if state.ended_at is not None and at > state.ended_at:
        raise _bad(
            state,
            f"{what} at {to_iso(at)}, after the batch ended at {to_iso(state.ended_at)}",
            "Correct the time, or the end of the batch.",
        )


def _check_phase_ended(state: BatchState, body: PhaseEnded) -> None:
    run = state.phases.get((body.place, body.phase, body.run))
    if run is None:
        raise _bad(state, f"{_name(body)} has not started", "Record its start first.")
    if run.ended_at is not None:
        raise ConflictError(
            f"batch {state.batch!r}: {_name(body)} has ended already.",
            hint="Correct its end with a reason.",
        )
    _check_order(state, _name(body), run.started_at, body.at)
    _check_inside(state, body.at, f"{_name(body)} cannot end")


def _check_order(state: BatchState, what: str, start: int, end: int) -> None:
    if end < start:
        raise _bad(
            state,
            f"{what} cannot end at {to_iso(end)}, before its start at {to_iso(start)}",
            "Correct the time.",
        )


def _check_old(state: BatchState, what: str, recorded: object, old: object) -> None:
    if recorded != old:
        raise ConflictError(
            f"batch {state.batch!r}: {what} is recorded as {recorded!r}, not {old!r}.",
            hint="Read the record again and correct what it says now.",
        )


def _check_phase_corrected(state: BatchState, body: PhaseCorrected) -> None:
    run = state.phases.get((body.place, body.phase, body.run))
    if run is None:
        raise _bad(state, f"{_name(body)} is not recorded", "Record it instead.")
    _check_old(state, f"{body.field} of {_name(body)}", getattr(run, body.field), body.old)
    new = replace(run, started_at=body.new) if body.field == "started_at" else run
    new = replace(run, ended_at=body.new) if body.field == "ended_at" else new
    if new.ended_at is not None:
        _check_order(state, _name(body), new.started_at, new.ended_at)
    _check_inside(state, body.new, f"{body.field} of {_name(body)} cannot be")


def _check_corrected(state: BatchState, body: BatchCorrected) -> None:
    if body.field in ("ended_at", "outcome") and not state.outcome:
        raise _bad(state, "it has not ended yet", "Record its end instead.")
    if body.field not in ("started_at", "ended_at"):
        recorded = state.outcome if body.field == "outcome" else state.entries.get(body.field, "")
        _check_old(state, body.field, recorded, body.old)
        return
    is_start = body.field == "started_at"
    recorded_at = state.started_at if is_start else state.ended_at
    _check_old(state, body.field, _text(recorded_at), _text(_time(state, body.old)))
    new = _time(state, body.new)
    corrected = replace(state, started_at=new) if is_start else replace(state, ended_at=new)
    if corrected.started_at is not None and corrected.ended_at is not None:
        _check_order(state, "it", corrected.started_at, corrected.ended_at)
    for run in state.phases.values():
        what = f"run {run.run} of phase {run.phase!r} at {run.place!r}"
        _check_inside(corrected, run.started_at, f"{what} would start")
        if run.ended_at is not None:
            _check_inside(corrected, run.ended_at, f"{what} would end")


def _time(state: BatchState, text: str) -> int | None:
    try:
        return from_iso(text) if text else None
    except ValueError as error:
        raise _bad(state, str(error), "Write it as 2018-10-31T15:33:20Z") from error


def _text(time: int | None) -> str:
    return "" if time is None else to_iso(time)


def _check_consumption_corrected(state: BatchState, body: ConsumptionCorrected) -> None:
    for one in state.consumed:
        if one.entry == body.entry and not one.is_withdrawn:
            recorded = (one.material, one.lot, one.quantity)
            _check_old(state, f"consumption {body.entry}", recorded, body.old)
            return
    raise _bad(state, f"version {body.entry} is no consumption that stands", "Name its event.")


def _passes(_state: BatchState, _body: Body) -> None:
    """Nothing recorded can contradict it."""


_CHECKS: Mapping[type[Body], Callable[[BatchState, Any], None]] = {
    BatchEnded: _check_ended,
    BatchCorrected: _check_corrected,
    PhaseStarted: _check_phase_started,
    PhaseEnded: _check_phase_ended,
    PhaseCorrected: _check_phase_corrected,
    MaterialConsumed: _passes,
    ConsumptionCorrected: _check_consumption_corrected,
}
