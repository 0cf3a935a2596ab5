"""What is remembered of a fleet between ticks: readings that later rows need, and each unit."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.capabilities.monitoring.process.sampling import NEVER, Readings, no_readings
from goldenbatch.core.gating import Span
from goldenbatch.science.latent.dynamic_plan import DynamicPlan
from goldenbatch.science.latent.dynamic_state import DynamicState

if TYPE_CHECKING:
    from goldenbatch.core.series import Integers


@dataclass
class UnitState:
    """One unit; times in microseconds, `NEVER` where there is none.

    Attributes:
        done: Grid time of its last row.
        newest: Time of its newest reading.
        heard: Time of its first reading.
        span: Start of the window that its rows are in.
        last: Grid time of its last row that counted.
        recent: Time of each of the last scored rows, and whether it was over a limit.
        n_back: Rows back within the limits, one after the other.
        worst: The largest severity of the event.
        n_event: Rows of the event that were over.
        event: The finding that is open.
        lost: The finding on lost data that is open.
        stream: Where the plan stands, with arrays as text.
        spans: Windows in which rows count, from the last row on.
    """

    done: int = NEVER
    newest: int = NEVER
    heard: int = NEVER
    span: int = NEVER
    last: int = NEVER
    recent: list[list[int]] = field(default_factory=list)
    n_back: int = 0
    worst: float = 0.0
    n_event: int = 0
    event: dict[str, Any] | None = None
    lost: dict[str, Any] | None = None
    stream: dict[str, Any] | None = None
    spans: list[Span] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """What is not as at the start."""
        start = UnitState()
        return {k: v for k, v in vars(self).items() if v != getattr(start, k)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> UnitState:
        """What `to_json` gave; the given stays as it is."""
        unit = cls(**kept)
        unit.recent = [list(one) for one in unit.recent]
        unit.spans = [(int(start), int(end)) for start, end in unit.spans]
        return unit

    def start_of(self, plan: DynamicPlan) -> DynamicState:
        """Where the plan stands with this unit."""
        kept = self.stream
        if kept is None or kept["plan"] != plan.digest:
            return plan.start()
        width = len(plan.facts.columns)
        window = _unpacked(kept["window"]).reshape(-1, width)
        averages = _unpacked(kept["averages"])
        return DynamicState(plan.digest, window, averages, kept["n_rows"], kept["n_scored"])

    def keep(self, state: DynamicState) -> None:
        """Remember where the plan stands."""
        self.stream = {
            "plan": state.plan,
            "window": _packed(state.window),
            "averages": _packed(state.averages),
            "n_rows": state.n_rows,
            "n_scored": state.n_scored,
        }

    def forget_rows(self) -> None:
        """Begin anew: rows before do not count for rows that come."""
        self.recent, self.n_back, self.stream = [], 0, None


@dataclass
class FleetState:
    """All units of an analyst, sorted by name, and the readings that are kept of them."""

    names: list[str]
    units: list[UnitState]
    readings: Readings

    @classmethod
    def read(cls, kept: Mapping[str, Any], names: Sequence[str], n_tags: int) -> FleetState:
        """Go on from what was kept, with the units that there are now."""
        known: Mapping[str, Any] = kept.get("units") or {}
        before = sorted(known)
        units = [UnitState.from_json(known.get(name, {})) for name in names]
        if not before:
            return cls(list(names), units, no_readings())
        readings = Readings.from_json(kept["readings"])
        if before != list(names):
            place = {name: i for i, name in enumerate(names)}
            moved = np.array([place.get(name, -1) for name in before], dtype=np.int64)
            unit = moved[readings.channels // n_tags]
            channels = unit * n_tags + readings.channels % n_tags
            readings = Readings(channels, readings.times, readings.values).where(unit >= 0)
        return cls(list(names), units, readings)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        units = {name: one.to_json() for name, one in zip(self.names, self.units, strict=True)}
        return {"units": units, "readings": self.readings.to_json()}

    def column(self, name: str) -> Integers:
        """One time of every unit, shape (n_units,)."""
        return np.array([getattr(one, name) for one in self.units], dtype=np.int64)


def _packed(array: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode("ascii")


def _unpacked(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)
