"""When rows of each of many places count: one folding of what ran, shared by all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from goldenbatch.core.batches import (
    EquipmentStatusChanged,
    PhaseCorrected,
    PhaseEnded,
    PhaseStarted,
)
from goldenbatch.core.gating import Gate, Span
from goldenbatch.core.records import Event

_OF_PLACES = frozenset(
    one.kind for one in (EquipmentStatusChanged, PhaseCorrected, PhaseEnded, PhaseStarted)
)


class Gates:
    """The gates of places; what is known of batches is kept once.

    Args:
        places: Where the readings are from.
        phases: Phases in which they count; none: in all of a batch.
        silent: Equipment statuses in which they do not.
        kept: What `to_json` gave.
    """

    def __init__(
        self,
        places: Sequence[str],
        phases: Sequence[str],
        silent: Sequence[str],
        kept: Mapping[str, Any] | None,
    ) -> None:
        known = kept or {"batches": {}, "places": {}}
        self._gates = {
            place: Gate(place, tuple(phases), tuple(silent)).read(
                {"batches": {}, "runs": {}, "statuses": [], **known["places"].get(place, {})}
            )
            for place in places
        }
        self._all = Gate("").read({"batches": known["batches"], "runs": {}, "statuses": []})

    def take(self, events: Iterable[Event]) -> None:
        """Fold further events, in ledger order."""
        here = list(events)
        self._all.take([event for event in here if event.kind not in _OF_PLACES])
        of_places = [event for event in here if event.kind in _OF_PLACES]
        for gate in self._gates.values():
            gate.batches = self._all.batches
            gate.take(of_places)

    def to_json(self) -> dict[str, Any]:
        """What was read, to go on from."""
        places = {
            place: {"runs": gate.runs, "statuses": gate.statuses}
            for place, gate in self._gates.items()
            if gate.runs or gate.statuses
        }
        return {"batches": self._all.batches, "places": places}

    def windows(self) -> dict[str, list[Span]]:
        """Half-open windows in which each place's readings count, in order."""
        found = {}
        for place, gate in self._gates.items():
            gate.batches = self._all.batches
            found[place] = gate.windows()
        return found
