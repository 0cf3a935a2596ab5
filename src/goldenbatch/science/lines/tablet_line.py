"""A continuous tablet line: feeder, blender, hopper and feed frame, press, diversion.

Times in s, flows in kg/h, contents as mass shares.

References:
    ICH Q13 (2022), Continuous manufacturing of drug substances and drug products, sec. 2.2.2
    (residence time, material tracking) and 3.1.5 (material diversion).
    Engisch and Muzzio (2015), Powder Technol. 283:389 (deviations at hopper refill).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, complete, vector
from goldenbatch.science.errors import DesignError
from goldenbatch.science.lines.compaction import Powder, Press, Tablets, press_tablets
from goldenbatch.science.lines.residence import Vessel, impulse_weights, quantile, respond


@dataclass(frozen=True, slots=True)
class Feeder:
    """A loss-in-weight feeder of one component.

    Attributes:
        name: of the component.
        flow_kg_h: set point.
        is_drug: whether it is the drug.
        refill_every_s: between refills; 0 for none.
        refill_s: how long the feeder runs by volume while it is refilled.
        refill_excess: relative excess of the flow at the end of the refill, as the fuller
            hopper packs the powder denser; it grows over the refill.
        decay_s: time constant with which the excess goes after it.
    """

    name: str
    flow_kg_h: float
    is_drug: bool = False
    refill_every_s: float = 0.0
    refill_s: float = 0.0
    refill_excess: float = 0.0
    decay_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no feeder."""
        times = (self.refill_every_s, self.refill_s, self.decay_s)
        if not self.flow_kg_h > 0 or min(times) < 0 or self.refill_excess <= -1:
            raise DesignError(f"{self.name}: give a flow over 0 and times of 0 or more")
        if self.refill_every_s and self.refill_s >= self.refill_every_s:
            raise DesignError(f"{self.name}: a refill is as long as the time between two")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which product is diverted.

    Attributes:
        begin, end: s.
    """

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class TabletLine:
    """A declared line.

    Attributes:
        feeders: one or more, one of them at least of the drug.
        chain: vessels from the feeders to the press, in order.
        powder, press: what is pressed, and how.
        limits: lowest and highest content at the press relative to its target.
        guard_s: by which each diversion begins earlier and ends later.
        name: of the line.
    """

    feeders: tuple[Feeder, ...]
    chain: tuple[Vessel, ...]
    powder: Powder
    press: Press
    limits: tuple[float, float] = (0.95, 1.05)
    guard_s: float = 0.0
    name: str = "tablet line"

    def __post_init__(self) -> None:
        """Refuse a line without drug or without vessels."""
        if not any(feeder.is_drug for feeder in self.feeders) or not self.chain:
            raise DesignError("a line needs a feeder of the drug and a vessel")
        if not self.limits[0] < 1 < self.limits[1] or self.guard_s < 0:
            raise DesignError(f"limits {self.limits} do not hold the target, or a negative guard")

    @property
    def flow_kg_h(self) -> float:
        """Flow of all feeders at their set points."""
        return sum(feeder.flow_kg_h for feeder in self.feeders)

    @property
    def target(self) -> float:
        """Content of drug at the feeders' set points."""
        drug = sum(feeder.flow_kg_h for feeder in self.feeders if feeder.is_drug)
        return drug / self.flow_kg_h

    @property
    def digest(self) -> str:
        """SHA-256 of the declaration."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class TabletRun:
    """What a run gave; arrays of shape (n_times,).

    Attributes:
        times: s.
        flow_kg_h: of all feeders.
        inlet, outlet: content of drug before the first vessel and at the press.
        tablets: as pressed at each time.
        diverted: windows.
        is_kept: whether tablets of a time are kept.
        drug_in_kg, drug_out_kg, drug_held_kg: fed, pressed, and the rise of what the vessels
            hold; the first is the sum of the others up to the grid's error.
        diverted_share: of the tablets.
    """

    times: Floats
    flow_kg_h: Floats
    inlet: Floats
    outlet: Floats
    tablets: Tablets
    diverted: tuple[Window, ...]
    is_kept: Bools
    drug_in_kg: float
    drug_out_kg: float
    drug_held_kg: float
    diverted_share: float


def feed(feeder: Feeder, times: ArrayLike) -> Floats:
    """Flow of a feeder with its refills, kg/h; the first refill begins after one interval.

    Args:
        feeder: the feeder.
        times: s, shape (n_times,).

    References:
        Engisch and Muzzio (2015): flow by volume while the hopper is refilled.

    >>> feeder = Feeder("drug", 2.0, True, 100.0, 10.0, 0.1, 5.0)
    >>> feed(feeder, [50.0, 105.0, 109.999, 115.0]).round(3).tolist()
    [2.0, 2.1, 2.2, 2.074]
    """
    at = complete(vector(times, "times"), "times")
    excess = np.zeros(len(at))
    if feeder.refill_every_s:
        since = np.mod(at, feeder.refill_every_s)
        is_after_first = at >= feeder.refill_every_s
        rising = since / feeder.refill_s if feeder.refill_s else np.zeros(len(at))
        late = np.maximum(since - feeder.refill_s, 0.0)
        falling = np.exp(-late / feeder.decay_s) if feeder.decay_s else np.zeros(len(at))
        excess = np.where(since < feeder.refill_s, rising, falling) * is_after_first
    flow: Floats = feeder.flow_kg_h * (1 + feeder.refill_excess * excess)
    return flow


def windows_outside(
    times: ArrayLike, values: ArrayLike, limits: tuple[float, float], guard: float = 0.0
) -> tuple[Window, ...]:
    """Windows in which a value lies outside its limits, widened by a guard and joined.

    Args:
        times: ascending, shape (n_times,).
        values: at the times; a missing one is taken as outside.
        limits: lowest and highest value that is in order.
        guard: added before and after.

    References:
        ICH Q13 (2022), sec. 3.1.5.

    >>> windows_outside([0, 1, 2, 3, 4, 5], [1, 1, 2, 1, 1, 1], (0.9, 1.1), guard=1.0)
    (Window(begin=0.0, end=4.0),)
    """
    at, content = complete(vector(times, "times"), "times"), vector(values)
    is_out = ~((content >= limits[0]) & (content <= limits[1]))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_out, [False]]).astype(np.int8)))
    found: list[Window] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        # From the last time in order before it to the first one after it.
        begin = float(at[max(first - 1, 0)]) - guard
        end = float(at[min(last, len(at) - 1)]) + guard
        begin, end = max(begin, float(at[0])), min(end, float(at[-1]))
        if found and begin <= found[-1].end:
            found[-1] = Window(found[-1].begin, end)
        else:
            found.append(Window(begin, end))
    return tuple(found)


def window_behind(
    chain: Sequence[Vessel], begin: float, end: float, tail: float = 0.001, step: float = 0.1
) -> Window:
    """When material of a disturbance that was seen upstream is at the outlet of a chain.

    All but a share `tail` of what came in at any moment of the disturbance comes out inside the
    window, whatever its size was: the way to divert without a prediction of the content.

    Args:
        chain: vessels between the place where it was seen and the diversion gate.
        begin: of the disturbance, s.
        end: of the disturbance, s.
        tail: share that may come earlier, and share that may come later.
        step: of the grid.

    Raises:
        DesignError: an end before the begin, or a tail that is none.

    References:
        ICH Q13 (2022), sec. 2.2.2 and 3.1.5; Engisch and Muzzio (2016).

    >>> found = window_behind([Vessel("pipe", 0.0, 1.0, 30.0)], 100.0, 120.0)
    >>> found.begin, found.end
    (130.0, 150.0)
    """
    if not begin <= end or not 0 < tail < 0.5:
        raise DesignError(f"a disturbance from {begin} to {end} with a tail of {tail}")
    return Window(begin + quantile(chain, tail, step), end + quantile(chain, 1 - tail, step))


def run_tablet_line(line: TabletLine, duration_s: float, step_s: float = 1.0) -> TabletRun:
    """Run a line from steady state.

    The vessels hold a constant mass: flow out is flow in, and their residence times, given at
    the set points' flow, run by the mass that passes.

    Args:
        line: the line.
        duration_s: of the run.
        step_s: of the times; small against the vessels.

    Raises:
        DesignError: no time.

    References:
        Danckwerts (1953) for the convolution; ICH Q13 (2022) for the diversion.

    >>> powder = Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6)
    >>> line = TabletLine(
    ...     (Feeder("drug", 2.0, True, 600.0, 20.0, 0.5, 10.0), Feeder("filler", 18.0)),
    ...     (Vessel("blender", 60.0, 3.0, 10.0), Vessel("feed frame", 90.0)),
    ...     powder, Press(8.0, 8.0, 3.7, 1000.0))
    >>> run = run_tablet_line(line, 1500.0)
    >>> balance = run.drug_in_kg - run.drug_out_kg - run.drug_held_kg
    >>> len(run.diverted), abs(balance) < 1e-3 * run.drug_in_kg
    (2, True)
    """
    if not 0 < step_s <= duration_s:
        raise DesignError(f"a run of {duration_s} s on steps of {step_s} s; give 0 < step <= run")
    times = step_s * np.arange(int(duration_s / step_s) + 1, dtype=np.float64)
    flows = np.array([feed(feeder, times) for feeder in line.feeders])
    flow: Floats = flows.sum(axis=0)
    drug: Floats = flows[[feeder.is_drug for feeder in line.feeders]].sum(axis=0)
    nominal = line.flow_kg_h
    inlet: Floats = drug / flow
    passed, steps = _mass_time(flow / nominal, step_s)
    entering = np.interp(steps, passed, inlet)
    leaving = respond(line.chain, entering, step_s, before=line.target)
    outlet = np.interp(passed, steps, leaving)
    tablets = press_tablets(line.powder, line.press, outlet)
    limits = (line.limits[0] * line.target, line.limits[1] * line.target)
    diverted = windows_outside(times, outlet, limits, line.guard_s)
    is_kept = np.ones(len(times), dtype=bool)
    for window in diverted:
        is_kept &= (times < window.begin) | (times > window.end)
    per_step = step_s / 3600
    return TabletRun(
        times, flow, inlet, outlet, tablets, diverted, is_kept,
        drug_in_kg=float(np.trapezoid(drug)) * per_step,
        drug_out_kg=float(np.trapezoid(flow * outlet)) * per_step,
        drug_held_kg=_held(line.chain, entering - line.target, step_s) * nominal * per_step,
        diverted_share=float(1 - flow[is_kept].sum() / flow.sum()),
    )  # fmt: skip


def _mass_time(relative_flow: Floats, step: float) -> tuple[Floats, Floats]:
    """Mass that has passed at each time, in steps of the nominal flow, and an even grid of it.

    A vessel of constant mass mixes by what passes, not by the clock: in this time its residence
    times do not depend on the flow.
    """
    means = 0.5 * (relative_flow[1:] + relative_flow[:-1])
    passed: Floats = step * np.concatenate([[0.0], np.cumsum(means)])
    return passed, step * np.arange(int(np.ceil(passed[-1] / step)) + 1, dtype=np.float64)


def _held(chain: Sequence[Vessel], excess: Floats, step: float) -> float:
    """What came in over the target and has not come out: what the convolution leaves behind."""
    left = np.cumsum(impulse_weights(chain, step))
    share = np.ones(len(excess))
    n = min(len(left), len(excess))
    share[:n] = left[:n]
    return float(excess @ (1 - share)[::-1])
