"""How the batch will end: an ensemble of what is believed now, run through what is planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.integrate import StepError
from goldenbatch.science.process.tracking._algebra import cholesky
from goldenbatch.science.process.tracking.belief import Belief, unpack
from goldenbatch.science.process.tracking.effects import effect
from goldenbatch.science.process.tracking.transition import transition

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.hypotheses import Hypothesis
    from goldenbatch.science.process.tracking.setup import Setup

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Criterion:
    """When the batch is over.

    Attributes:
        output: State element or output that is looked at.
        level: What it must reach; None: the batch ends at its planned time.
        direction: Whether it rises or falls to the level.
    """

    output: str
    level: float | None = None
    direction: Literal["rises", "falls"] = "rises"


@dataclass(frozen=True)
class Draws:
    """An ensemble.

    Attributes:
        n_members: How many.
        probability: Of the intervals.
        seed: Of the draws.
    """

    n_members: int = 40
    probability: float = 0.9
    seed: int = 0


@dataclass(frozen=True)
class EndOfBatch:
    """What is expected of the end, as quantiles over the ensemble.

    Attributes:
        value: Median of the output at the end (at the planned time, or where the criterion is
            met), with the lower and upper end of the interval.
        time: Likewise the time at which the batch ends; None where fewer members than the
            interval needs meet the criterion before the planned end.
        share_reached: Share of members that meet the criterion by the planned end; 1 without.
        n_members: Members that ran through.
        n_failed: Members that no solver got through; they are not in the quantiles.
        is_extrapolated: Whether any member leaves the calibrated ranges.
    """

    value: tuple[float, float, float]
    time: tuple[float, float, float] | None
    share_reached: float
    n_members: int
    n_failed: int
    is_extrapolated: bool


def predict_end(
    setup: Setup,
    hypothesis: Hypothesis,
    belief: Belief,
    inputs: Callable[[float, float], Array],
    times: Sequence[float],
    criterion: Criterion,
    *,
    draws: Draws | None = None,
) -> EndOfBatch:
    """Run draws of the belief, with process noise, to the planned end.

    Args:
        setup: What is tracked.
        hypothesis: Taken to stay true until the end: a fault goes on as it is.
        belief: Now.
        inputs: Inputs commanded in an interval, from its start to its end.
        times: Borders of the intervals still to come, the last is the planned end; the first
            lies after the belief's time.
        criterion: When it is over.
        draws: Of the ensemble.

    Raises:
        DataError: There is nothing left to predict, the output is unknown, or no member ran
            through.
    """
    if not times or times[0] <= belief.time:
        raise DataError("nothing of the batch is left to predict.", hint="Give later times.")
    chosen = draws or Draws()
    n_members = chosen.n_members
    read = _reader(setup, criterion.output)
    starts = _draws(setup, hypothesis, belief, n_members, chosen.seed)
    noise = np.random.default_rng([chosen.seed, 1])
    shocks = noise.standard_normal((n_members, len(times), belief.mean.size))
    found = [
        _member(setup, hypothesis, belief, starts[k], (inputs, times, shocks[k]), (criterion, read))
        for k in range(n_members)
    ]
    return _summary(found, criterion, times[-1], 0.5 * (1.0 - chosen.probability))


def _summary(
    found: Sequence[tuple[float | None, float, bool] | None], criterion: Criterion, last: float,
    tail: float,
) -> EndOfBatch:  # fmt: skip
    """Quantiles over the members that ran through."""
    ran = [one for one in found if one is not None]
    if not ran:
        raise DataError("no member of the ensemble ran through.", hint="See the model's limits.")
    reached = [one for one in ran if one[0] is not None or criterion.level is None]
    at = (0.5, tail, 1.0 - tail)
    ends = [one[0] if one[0] is not None else last for one in reached]
    share = len(reached) / len(ran)
    # Members that do not get there end later than all others: quantiles over all of them.
    late = sorted([*ends, *[float("inf")] * (len(ran) - len(reached))])
    time = tuple(_quantile(late, one) for one in at)
    values = sorted(one[1] for one in ran)
    return EndOfBatch(
        (_quantile(values, at[0]), _quantile(values, at[1]), _quantile(values, at[2])),
        (time[0], time[1], time[2]) if np.isfinite(time).all() else None,
        share, len(ran), len(found) - len(ran), any(one[2] for one in ran),
    )  # fmt: skip


def _quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    if place == low or ordered[high] == ordered[low]:
        return ordered[low]
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def _reader(setup: Setup, name: str) -> Callable[[float, Array, Array, Array, Array], float]:
    columns = setup.model.columns("states")
    if name in columns:
        place = columns.index(name)
        return lambda _t, x, _z, _u, _p: float(x[place])
    names = [one.name for one in setup.model.outputs]
    if name not in names:
        raise DataError(
            f"{setup.model.name} has no output or state {name!r}.", hint=f"It has: {names}."
        )
    row = names.index(name)
    read = setup.model.output_function
    return lambda t, x, z, u, p: float(np.array(read(t, x, z, u, p)).ravel()[row])


def _draws(
    setup: Setup, hypothesis: Hypothesis, belief: Belief, n_members: int, seed: int
) -> Array:
    n_x = setup.model.n_x
    random = np.random.default_rng([seed, 0])
    spread = random.standard_normal((n_members, belief.mean.size))
    draws = belief.mean + spread @ cholesky(belief.cov).T
    draws[:, :n_x] = np.clip(draws[:, :n_x], *setup.bounds)
    if hypothesis.fault is not None:
        draws[:, -1] = np.clip(draws[:, -1], hypothesis.lower, hypothesis.upper)
    return np.asarray(draws)


def _member(
    setup: Setup, hypothesis: Hypothesis, belief: Belief, start: Array,
    ahead: tuple[Callable[[float, float], Array], Sequence[float], Array],
    end: tuple[Criterion, Callable[..., float]],
) -> tuple[float | None, float, bool] | None:  # fmt: skip
    """When the criterion is met, the output at the end, whether it left the calibrated range."""
    inputs, times, shocks = ahead
    criterion, read = end
    n_x, t, mean, z = setup.model.n_x, belief.time, start, belief.z
    step = transition(setup.model, setup.settings)
    absolute, relative = setup.walk_of_states
    before, is_out = None, False
    for k, at in enumerate(times):
        u = inputs(t, at)
        here = unpack(setup, hypothesis, mean)
        reach = effect(setup, hypothesis, here, mean, t, u)
        try:
            x, z = step.advance(t, at - t, mean[:n_x], z, reach.u, reach.p)
        except StepError:
            return None
        sd = np.sqrt((absolute**2 + (relative * x) ** 2) * (at - t)) * hypothesis.inflation
        x = np.clip(x + sd * shocks[k, :n_x], *setup.bounds)
        mean = np.concatenate([x, mean[n_x:]])
        z = step.consistent(at, x * setup.scale, z, (reach.u, reach.p))
        value = read(at, x * setup.scale, z, reach.u, reach.p)
        is_out = is_out or bool(extrapolated(setup, x * setup.scale, reach.u, reach.p))
        met = _met(criterion, before, value, (t, at))
        if met is not None:
            return met, float(criterion.level or 0.0), is_out
        t, before = at, value
    return None, value, is_out


def _met(
    criterion: Criterion, before: float | None, value: float, span: tuple[float, float]
) -> float | None:
    """Time at which the level was met in an interval, on a straight line."""
    if criterion.level is None:
        return None
    sign = 1.0 if criterion.direction == "rises" else -1.0
    if sign * (value - criterion.level) < 0.0:
        return None
    if before is None or before == value:
        return span[1]
    share = (criterion.level - before) / (value - before)
    return span[0] + min(max(share, 0.0), 1.0) * (span[1] - span[0])


def extrapolated(setup: Setup, x: Array, u: Array, p: Array) -> tuple[str, ...]:
    """Names of states, inputs and parameters outside the range that they were calibrated in."""
    found: list[str] = []
    vectors: Mapping[str, Array] = {"states": x, "inputs": u, "parameters": p}
    for kind, vector in vectors.items():
        place = 0
        for one in getattr(setup.model, kind):
            values = vector[place : place + one.size]
            place += one.size
            slack = 1e-6 * one.scale
            if one.valid and not (
                values.min() >= one.valid[0] - slack and values.max() <= one.valid[1] + slack
            ):
                found.append(one.name)
    return tuple(found)
