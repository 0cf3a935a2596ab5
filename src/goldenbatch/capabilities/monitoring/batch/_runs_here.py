"""Which runs of the model's phases a place has seen, folded from events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.capabilities.monitoring.batch.live_settings import WHOLE, BatchRunsSettings
from goldenbatch.core.batches import BatchCorrected, BatchCreated
from goldenbatch.core.gating import KINDS, Gate, Span
from goldenbatch.core.records import Event

RUN_KINDS: Final = KINDS


@dataclass(frozen=True)
class PhaseRun:
    """One run of a phase of a batch.

    Attributes:
        key: Of the phase and its run.
        phase: Name of the phase.
        start, end: Microseconds UTC; None while it runs.
    """

    key: str
    phase: str
    start: int
    end: int | None


class RunsHere:
    """Batches at a place; its state is plain JSON."""

    def __init__(self, settings: BatchRunsSettings, kept: Mapping[str, Any] | None) -> None:
        self._settings = settings
        silent = tuple(one.value for one in settings.silent)
        self._gate = Gate(settings.place, settings.phases, silent)
        self._gate.read(kept["gate"] if kept else None)
        self.products: dict[str, str] = dict(kept["products"]) if kept else {}

    def to_json(self) -> dict[str, Any]:
        """What it remembers."""
        known = {name: self.products.get(name, "") for name in self._gate.batches}
        return {"gate": self._gate.to_json(), "products": known}

    def take(self, events: Iterable[Event]) -> None:
        """Fold further events, in ledger order."""
        events = list(events)
        self._gate.take(events)
        for event in events:
            body = event.decode()
            if isinstance(body, BatchCreated):
                self.products[body.batch] = body.product
            elif isinstance(body, BatchCorrected) and body.field == "product":
                self.products[body.batch] = body.new

    def windows(self) -> list[Span]:
        """When samples count by phase and by the status of the equipment."""
        return self._gate.windows()

    def is_over(self, batch: str) -> bool:
        """Whether the batch has ended."""
        known = self._gate.batches.get(batch)
        return known is not None and known[2] is not None

    def batches(self) -> dict[str, list[PhaseRun]]:
        """Batches of the product with their runs of the model's phases, in order of time."""
        found: dict[str, list[PhaseRun]] = {}
        for batch, one in self._whole() if self._settings.is_whole else self._phases():
            if self._settings.product in ("", self.products.get(batch, "")):
                found.setdefault(batch, []).append(one)
        ordered = {name: sorted(runs, key=lambda one: one.start) for name, runs in found.items()}
        return dict(sorted(ordered.items(), key=lambda one: (one[1][0].start, one[0])))

    def _whole(self) -> Iterable[tuple[str, PhaseRun]]:
        place = self._settings.place
        for batch, (where, start, end) in self._gate.batches.items():
            is_here = bool(where) and (place == where or place.startswith(f"{where}/"))
            if is_here and start is not None:
                yield batch, PhaseRun(WHOLE, WHOLE, start, end)

    def _phases(self) -> Iterable[tuple[str, PhaseRun]]:
        for key, (start, end) in self._gate.runs.items():
            batch, where, phase, number = json.loads(key)
            if start is not None and phase in self._settings.phases:
                over = self._gate.batches.get(batch, ["", None, None])[2]
                name = json.dumps([where, phase, number])
                yield batch, PhaseRun(name, phase, start, end if end is not None else over)
