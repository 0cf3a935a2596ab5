"""Which runs a place has seen, and the laboratory's results of them: folded from events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    BatchEnded,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
    SampleCorrected,
    SampleTaken,
)
from goldenbatch.core.quantities import UnitError, conversion
from goldenbatch.core.records import Event, from_iso
from goldenbatch.core.results import (
    Result,
    ResultCorrected,
    ResultKind,
    ResultsReported,
    ResultStatus,
)

KINDS: Final = frozenset(
    one.kind
    for one in (
        BatchCorrected, BatchCreated, BatchEnded, PhaseCorrected, PhaseEnded, PhaseStarted,
        ResultCorrected, ResultsReported, SampleCorrected, SampleTaken,
    )
)  # fmt: skip
"""Kinds of events that tracking reads."""
MOST_BATCHES: Final = 200
Assay = tuple[int, str, float, tuple[str, int, str]]
"""Time of the sample, output, value in its unit, record (stream, version, leaf hash)."""
Unused = tuple[str, tuple[str, int, str]]
"""Why a result cannot be used, and its record."""


class Runs:
    """Batches of a place with their samples; its state is plain JSON.

    Args:
        place: Where they run.
        product: Only of this; empty: of all.
        phases: From the first to the last of these; none: all of the batch.
        kept: What was kept; given stays as it is.
    """

    def __init__(
        self, place: str, product: str, phases: Iterable[str], kept: Mapping[str, Any] | None
    ) -> None:
        self._place, self._product, self._phases = place, product, frozenset(phases)
        kept = kept or {"batches": {}, "samples": {}}
        self.batches: dict[str, dict[str, Any]] = {
            name: {**one, "phases": dict(one["phases"])} for name, one in kept["batches"].items()
        }
        self.samples: dict[str, dict[str, Any]] = {
            name: {**one, "results": dict(one["results"])} for name, one in kept["samples"].items()
        }

    def to_json(self) -> dict[str, Any]:
        """What it remembers."""
        return {"batches": self.batches, "samples": self.samples}

    def take(self, events: Iterable[Event]) -> None:
        """Fold further events, in ledger order."""
        for event in events:
            body = event.decode()
            if isinstance(body, BatchCreated | BatchEnded | BatchCorrected):
                self._batch(body)
            elif isinstance(body, PhaseStarted | PhaseEnded | PhaseCorrected):
                self._phase(body)
            elif isinstance(body, SampleTaken | SampleCorrected):
                self._sample(body)
            elif isinstance(body, ResultsReported | ResultCorrected):
                self._results(event, body)
        self._forget()

    def _of(self, batch: str) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "product": "",
            "place": "",
            "start": None,
            "end": None,
            "phases": {},
        }
        return self.batches.setdefault(batch, empty)

    def _batch(self, body: BatchCreated | BatchEnded | BatchCorrected) -> None:
        one = self._of(body.batch)
        if isinstance(body, BatchCreated):
            one |= {"product": body.product, "place": body.place, "start": body.started_at}
        elif isinstance(body, BatchEnded):
            one["end"] = body.ended_at
        elif body.field in ("product", "place"):
            one[body.field] = body.new
        elif body.field in ("started_at", "ended_at"):
            one["start" if body.field == "started_at" else "end"] = (
                from_iso(body.new) if body.new else None
            )

    def _phase(self, body: PhaseStarted | PhaseEnded | PhaseCorrected) -> None:
        if body.phase not in self._phases or not self._is_here(body.place):
            return
        phases = self._of(body.batch)["phases"]
        key = f"{body.phase}/{body.run}"
        start, end = phases.get(key, (None, None))
        if isinstance(body, PhaseCorrected):
            start, end = (body.new, end) if body.field == "started_at" else (start, body.new)
        elif isinstance(body, PhaseStarted):
            start = body.at
        else:
            end = body.at
        phases[key] = [start, end]

    def _is_here(self, place: str) -> bool:
        return bool(place) and (place == self._place or self._place.startswith(f"{place}/"))

    def _of_sample(self, sample: str) -> dict[str, Any]:
        return self.samples.setdefault(sample, {"batch": "", "at": None, "results": {}})

    def _sample(self, body: SampleTaken | SampleCorrected) -> None:
        one = self._of_sample(body.sample)
        if isinstance(body, SampleTaken):
            one["batch"] = body.batch or one["batch"]
            one["at"] = body.taken_at
        elif body.field == "batch":
            one["batch"] = body.new
        elif body.field == "taken_at":
            one["at"] = from_iso(body.new) if body.new else None

    def _results(self, event: Event, body: ResultsReported | ResultCorrected) -> None:
        one = self._of_sample(body.sample)
        found = (body.new,) if isinstance(body, ResultCorrected) else body.results
        if isinstance(body, ResultsReported) and body.batch:
            one["batch"] = body.batch
        record = [event.stream, event.envelope.version, event.leaf]
        for result in found:
            one["results"][result.test] = [result.model_dump(mode="json"), *record]

    def _forget(self) -> None:
        ended = [name for name, one in self.batches.items() if one["end"] is not None]
        for name in ended[: max(0, len(ended) - MOST_BATCHES)]:
            del self.batches[name]
        # Samples of batches of other places have nothing to say here.
        known = {name for name, _, _ in self.active()}
        over = {name for name in ended if name not in known}
        self.samples = {name: one for name, one in self.samples.items() if one["batch"] not in over}

    def done(self, batch: str) -> None:
        """A run is over: its samples have nothing more to say."""
        self.samples = {name: one for name, one in self.samples.items() if one["batch"] != batch}

    def active(self) -> list[tuple[str, int, int | None]]:
        """Runs at the place: batch, start and end (None while it runs), in order of start."""
        found = []
        for name, one in self.batches.items():
            if not self._is_here(one["place"]) or self._product not in ("", one["product"]):
                continue
            start, end = one["start"], one["end"]
            if self._phases:
                starts = [s for s, _ in one["phases"].values() if s is not None]
                ends = [e for s, e in one["phases"].values() if s is not None]
                start = min(starts) if starts else None
                is_over = bool(ends) and all(e is not None for e in ends)
                end = max(ends) if is_over else end
            if start is not None:
                found.append((start, name, end))
        found.sort(key=lambda one: one[:2])
        # A run whose end nobody recorded ended at the latest when the next one began here.
        nexts = [*(start for start, _, _ in found[1:]), None][: len(found)]
        return [
            (name, start, end if end is not None else following)
            for (start, name, end), following in zip(found, nexts, strict=True)
        ]

    def results(
        self, batch: str, wanted: Mapping[str, tuple[str, str]]
    ) -> tuple[list[Assay], list[Unused]]:
        """Valid numbers of a batch, and the results that could not be used, with the reason.

        Args:
            batch: Its name.
            wanted: Attribute to output and its unit.
        """
        found: list[Assay] = []
        unusable: list[Unused] = []
        for name, one in self.samples.items():
            if one["batch"] != batch:
                continue
            for plain, stream, version, leaf in one["results"].values():
                result = Result.model_validate(plain)
                if result.attribute not in wanted or result.status is ResultStatus.INVALIDATED:
                    continue
                output, unit = wanted[result.attribute]
                number, why = usable_number(result, unit)
                why = why or ("its sample has no time" if one["at"] is None else "")
                if why or number is None:
                    words = f"{result.attribute} of sample {name}: {why}"
                    unusable.append((words, (stream, version, leaf)))
                else:
                    found.append((int(one["at"]), output, number, (stream, version, leaf)))
        return sorted(found), sorted(unusable)


def usable_number(result: Result, unit: str) -> tuple[float | None, str]:
    """A result's value in the output's unit, or why it cannot be used."""
    if result.number is None or result.kind is not ResultKind.NUMBER:
        return None, f"{result.text} is no plain number"
    try:
        factor, offset = conversion(result.unit or "1", unit)
    except UnitError:
        return None, f"its unit {result.unit!r} does not convert to {unit}"
    return result.number * factor + offset, ""
