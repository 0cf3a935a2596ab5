"""Events as known now: the corrections that stand in the ledger applied to what they correct."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    ConsumptionCorrected,
    EquipmentStatusChanged,
    LotCorrected,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
    SampleCorrected,
    SampleTaken,
)
from goldenbatch.core.records import Body, Event
from goldenbatch.core.results import ResultCorrected, ResultsReported

Bodies = dict[str, Any]


def source_time(event: Event) -> int | None:
    """When it happened in the plant; None when the event does not say.

    The envelope's `performed_at` comes first, then the time that the body gives: start or
    end of a batch or phase, change of a status, taking of a sample, the last test done.
    """
    if event.envelope.performed_at is not None:
        return event.envelope.performed_at
    body = event.decode()
    if isinstance(body, ResultsReported):
        times = [one.performed_at for one in body.results if one.performed_at is not None]
        return max(times, default=None)
    name = _TIME_OF.get(event.kind)
    return None if name is None or body is None else getattr(body, name)


_TIME_OF = {
    PhaseStarted.kind: "at",
    PhaseEnded.kind: "at",
    EquipmentStatusChanged.kind: "at",
    BatchCreated.kind: "started_at",
    BatchEnded.kind: "ended_at",
    SampleTaken.kind: "taken_at",
}


def corrected(events: Iterable[Event]) -> list[Event]:
    """The events with all their corrections applied, and without the corrections.

    A corrected event keeps its seq, envelope and leaf; its body is what is known now, so
    that its digest is that of the original.
    """
    everything = list(events)
    by_stream: dict[str, list[Body]] = {}
    for event in everything:
        body = event.decode() if event.kind in _APPLY else None
        if body is not None:
            by_stream.setdefault(event.stream, []).append(body)
    return [
        _applied(event, by_stream.get(event.stream, ()))
        for event in everything
        if event.kind not in _APPLY and not _is_withdrawn(event, by_stream.get(event.stream, ()))
    ]


def _is_withdrawn(event: Event, corrections: Iterable[Body]) -> bool:
    """Whether what a material's event says was never so; the last correction decides."""
    newest = None
    for one in corrections:
        if isinstance(one, ConsumptionCorrected) and one.entry == event.envelope.version:
            newest = one
    return newest is not None and newest.new is None


def _applied(event: Event, corrections: Iterable[Body]) -> Event:
    if event.body is None:
        return event
    body: Bodies = event.body
    for correction in corrections:
        body = _APPLY[correction.kind](event, body, correction) or body
    return event if body is event.body else replace(event, body=body)


def _result(event: Event, body: Bodies, correction: Any) -> Bodies | None:
    if event.kind != ResultsReported.kind:
        return None
    new = correction.new.model_dump(mode="json")
    results = [new if one["test"] == correction.test else one for one in body["results"]]
    return {**body, "results": results}


def _phase(event: Event, body: Bodies, correction: Any) -> Bodies | None:
    wanted = PhaseStarted.kind if correction.field == "started_at" else PhaseEnded.kind
    run = (correction.place, correction.phase, correction.run)
    if event.kind != wanted or (body["place"], body["phase"], body.get("run", 1)) != run:
        return None
    return {**body, "at": correction.as_json()["new"]}


def _batch(event: Event, body: Bodies, correction: Any) -> Bodies | None:
    is_end = correction.field in {"ended_at", "outcome"}
    if event.kind != (BatchEnded.kind if is_end else BatchCreated.kind):
        return None
    return _field(body, correction.field, correction.new)


def _sample(event: Event, body: Bodies, correction: Any) -> Bodies | None:
    return _field(body, correction.field, correction.new) if event.kind == "SampleTaken" else None


def _lot(event: Event, body: Bodies, correction: Any) -> Bodies | None:
    return _field(body, correction.field, correction.new) if event.kind == "LotRegistered" else None


def _consumption(event: Event, body: Bodies, correction: Any) -> Bodies | None:
    if event.kind != "MaterialConsumed" or event.envelope.version != correction.entry:
        return None
    if correction.new is None:
        return None
    return {**body, **dict(zip(("material", "lot", "quantity"), correction.new, strict=True))}


def _field(body: Bodies, field: str, new: str) -> Bodies:
    name, _, key = field.partition(".")
    if key:
        return {**body, name: {**body.get(name, {}), key: new}}
    is_time = name.endswith("_at")
    return {**body, name: (new or None) if is_time else new}


_APPLY: Mapping[str, Callable[[Event, Bodies, Any], Bodies | None]] = {
    BatchCorrected.kind: _batch,
    ConsumptionCorrected.kind: _consumption,
    LotCorrected.kind: _lot,
    PhaseCorrected.kind: _phase,
    ResultCorrected.kind: _result,
    SampleCorrected.kind: _sample,
}
