"""What a fault's amount does to inputs, parameters and sensors, with its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from goldenbatch.science.process.tracking.belief import Unpacked
    from goldenbatch.science.process.tracking.hypotheses import Hypothesis
    from goldenbatch.science.process.tracking.setup import Setup

    Array = NDArray[np.float64]

_STEP = 1e-6


@dataclass(frozen=True)
class Effect:
    """Inputs and parameters that reach the process, and how they depend on what is estimated.

    Attributes:
        u: Inputs. Shape `(n_u,)`.
        p: Parameters. Shape `(n_p,)`.
        u_by_amount: Shape `(n_u,)`.
        p_by_amount: Shape `(n_p,)`.
        p_by_free: By the free parameters. Shape `(n_p, n_moving)`.
    """

    u: Array
    p: Array
    u_by_amount: Array
    p_by_amount: Array
    p_by_free: Array


def effect(
    setup: Setup, hypothesis: Hypothesis, at: Unpacked, mean: Array, time: float, u: Array
) -> Effect:
    """What reaches the process of commanded inputs `u` under a hypothesis."""
    n_x, n_p = setup.model.n_x, at.p.size
    slopes = [one.slope(float(mean[n_x + k])) for k, one in enumerate(setup.moving)]
    by_free = np.zeros((n_p, len(slopes)))
    for k, one in enumerate(setup.moving):
        by_free[one.index, k] = slopes[k]
    fault = hypothesis.fault
    if fault is None:
        return Effect(u, at.p, np.zeros_like(u), np.zeros(n_p), by_free)
    inputs, names = setup.model.columns("inputs"), setup.model.columns("parameters")
    du = _change(lambda v: fault.applied(time, v), inputs, u)
    dp = _change(lambda v: fault.parameters(time, v), names, at.p)
    if dp.any():
        for k, one in enumerate(setup.moving):
            h = _STEP * max(abs(float(at.p[one.index])), one.scale * 1e-3)
            moved = at.p.copy()
            moved[one.index] += h
            change = _change(lambda v: fault.parameters(time, v), names, moved)
            by_free[:, k] += at.amount * (change - dp) / h * slopes[k]
    return Effect(u + at.amount * du, at.p + at.amount * dp, du, dp, by_free)


def sensed(
    setup: Setup, hypothesis: Hypothesis, time: float, true: Array, amount: float
) -> tuple[Array, Array, Array]:
    """What the sensors show of true outputs; its derivatives by them and by the amount.

    Returns:
        Shapes `(n_outputs,)` each; a sensor depends on its own output alone.
    """
    fault = hypothesis.fault
    if fault is None:
        return true, np.ones_like(true), np.zeros_like(true)
    names = tuple(one.name for one in setup.model.outputs)
    change = _change(lambda v: fault.sensed(time, v), names, true)
    if not change.any():
        return true, np.ones_like(true), change
    h = _STEP * np.maximum(np.abs(true), 1e-3)
    other = _change(lambda v: fault.sensed(time, v), names, true + h)
    return true + amount * change, 1.0 + amount * (other - change) / h, change


def _change(act: Callable[..., object], names: tuple[str, ...], values: Array) -> Array:
    before = dict(zip(names, map(float, values), strict=True))
    after = act(before)
    if after is before:
        return np.zeros_like(values)
    return np.array([after[name] - before[name] for name in names])  # type: ignore[index]
