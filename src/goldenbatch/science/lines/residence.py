"""Residence times of powder in a continuous line: what a disturbance becomes on its way.

A vessel is a dead time followed by tanks in series: the time in the tanks has a gamma
distribution with mean tau and variance tau^2 / n. Times are in one unit throughout (usually s).

References:
    Danckwerts (1953), Chem. Eng. Sci. 2:1, doi:10.1016/0009-2509(53)80001-1.
    Levenspiel (1999), Chemical Reaction Engineering, 3rd ed., Wiley, ch. 14 (tanks in series).
    Buffham and Gibilaro (1968), AIChE J. 14:805, doi:10.1002/aic.690140523 (any number of tanks).
    Engisch and Muzzio (2016), J. Pharm. Innov. 11:64, doi:10.1007/s12247-015-9238-1
    (traceability of material; funnel plots).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares
from scipy.signal import fftconvolve
from scipy.special import gammainc, gammaincinv

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError, DesignError

_TAIL = 1e-12
"""Share of the material that a grid may leave out."""


@dataclass(frozen=True, slots=True)
class Vessel:
    """A blender, hopper, feed frame or pipe.

    Attributes:
        name: of it.
        tau: mean time in its tanks, without the dead time; 0 for plug flow.
        n_tanks: in series, 1 or more, not necessarily whole.
        dead_time: of plug flow before the tanks.

    Raises:
        DesignError: a number that cannot be.
    """

    name: str
    tau: float
    n_tanks: float = 1.0
    dead_time: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no vessel."""
        if not (0 <= self.tau < math.inf and 0 <= self.dead_time < math.inf):
            raise DesignError(f"{self.name}: times of {self.tau} and {self.dead_time}; give >= 0")
        if not 1 <= self.n_tanks < math.inf:
            raise DesignError(f"{self.name}: {self.n_tanks} tanks; give 1 or more")

    @property
    def mean(self) -> float:
        """Mean residence time, dead time included."""
        return self.tau + self.dead_time

    @property
    def variance(self) -> float:
        """Variance of the residence time, tau^2 / n (Levenspiel 1999, eq. 14.3)."""
        return self.tau**2 / self.n_tanks


def vessel_of(name: str, hold_up: float, flow: float, *, n_tanks: float = 1.0) -> Vessel:
    """Make a vessel from what it holds and what goes through: tau = hold-up / flow.

    Args:
        name: of the vessel.
        hold_up: mass in it, kg.
        flow: mass flow, kg per unit of time, over 0.
        n_tanks: in series.

    Raises:
        DesignError: no flow.

    References:
        Levenspiel (1999), ch. 11.

    >>> vessel_of("blender", 0.5, 0.01).tau
    50.0
    """
    if not flow > 0:
        raise DesignError(f"{name}: a flow of {flow} moves nothing; give a flow over 0")
    return Vessel(name, hold_up / flow, n_tanks)


def mean_and_variance(chain: Sequence[Vessel]) -> tuple[float, float]:
    """Mean and variance of the time through vessels in series: both add up.

    >>> mean_and_variance([Vessel("blender", 60.0, 3.0, 10.0), Vessel("hopper", 30.0)])
    (100.0, 2100.0)
    """
    return sum(one.mean for one in chain), sum(one.variance for one in chain)


def step_response(vessel: Vessel, times: ArrayLike) -> Floats:
    """Share of material that has left one vessel by each time: the gamma distribution.

    Args:
        vessel: the vessel.
        times: since the step at its inlet, shape (n_times,).

    References:
        Levenspiel (1999), eq. 14.6.

    >>> step_response(Vessel("tank", 10.0), [0.0, 10.0]).round(4).tolist()
    [0.0, 0.6321]
    """
    since = complete(vector(times, "times"), "times") - vessel.dead_time
    if vessel.tau == 0:
        return (since >= 0).astype(np.float64)
    share: Floats = gammainc(vessel.n_tanks, np.maximum(since, 0.0) * vessel.n_tanks / vessel.tau)
    return share


def impulse_weights(chain: Sequence[Vessel], step: float) -> Floats:
    """Weights on a grid of times that stand for the residence time of a chain.

    The distribution of each vessel is projected on hat functions, so that mass and mean are
    exact on any grid, and the variance is too large by up to step^2 / 4 a vessel.

    Args:
        chain: vessels in order.
        step: of the grid of times 0, step, 2 step, ...

    Returns:
        Shape (n_times,); the sum is 1.

    Raises:
        DesignError: no vessel, or no step.

    >>> weights = impulse_weights([Vessel("tank", 10.0, 2.0, 3.0)], 0.1)
    >>> times = 0.1 * np.arange(len(weights))
    >>> round(float(weights @ times), 6)
    13.0
    """
    if not chain or not step > 0:
        raise DesignError(f"a chain of {len(chain)} vessels on a step of {step}; give 1 and over 0")
    total = np.ones(1)
    for vessel in chain:
        total = fftconvolve(total, _hat_weights(vessel, step))
    # A transform leaves dust of 1e-17 around zero.
    total = np.maximum(total, 0.0)
    weights: Floats = total / total.sum()
    return weights


def respond(
    chain: Sequence[Vessel], values: ArrayLike, step: float, before: float | None = None
) -> Floats:
    """Content at the outlet of a chain for a content at its inlet, by convolution.

    Args:
        chain: vessels in order.
        values: content at the inlet at times 0, step, ..., shape (n_times,).
        step: of the times.
        before: content before time 0; the first value by default.

    Returns:
        Content at the outlet at the same times.

    References:
        Danckwerts (1953).

    >>> inlet = np.where(np.arange(100) < 10, 1.2, 1.0)
    >>> outlet = respond([Vessel("blender", 8.0, 2.0)], inlet, 1.0, before=1.0)
    >>> round(float(outlet.max()), 3), round(float((outlet - 1).sum()), 6)
    (1.146, 2.0)
    """
    content = complete(vector(values, "values"), "values")
    if not len(content):
        raise DataError("no values, so no response; give 1 or more")
    base = float(content[0]) if before is None else before
    weights = impulse_weights(chain, step)
    outlet: Floats = base + fftconvolve(content - base, weights)[: len(content)]
    return outlet


def chain_step_response(chain: Sequence[Vessel], step: float) -> tuple[Floats, Floats]:
    """Times and share of material that has left a chain after a step at its inlet.

    >>> times, share = chain_step_response([Vessel("a", 5.0), Vessel("b", 5.0)], 0.05)
    >>> float(np.interp(10.0, times, share).round(3))
    0.594
    """
    weights = impulse_weights(chain, step)
    times: Floats = step * np.arange(len(weights), dtype=np.float64)
    if len(chain) == 1:
        return times, step_response(chain[0], times)
    # A weight stands for a hat: half of it has come at its time.
    share: Floats = np.cumsum(weights) - 0.5 * weights
    return times, share


def quantile(chain: Sequence[Vessel], share: float, step: float) -> float:
    """Time by which a share of the material that came in together has left.

    Raises:
        DesignError: a share outside 0 to 1.

    >>> round(quantile([Vessel("tank", 10.0)], 0.5, 0.01), 2)
    6.93
    """
    if not 0 < share < 1:
        raise DesignError(f"a share of {share} is none; give 0 < share < 1")
    if len(chain) == 1:
        one = chain[0]
        inside = float(gammaincinv(one.n_tanks, share)) * one.tau / one.n_tanks
        return one.dead_time + inside
    times, left = chain_step_response(chain, step)
    return float(np.interp(share, left, times))


def pulse_peak(chain: Sequence[Vessel], duration: float, step: float) -> float:
    """Largest part of a rectangular pulse that is seen at the outlet at once, 0 to 1.

    Args:
        chain: vessels in order.
        duration: of the pulse at the inlet, over 0.
        step: of the grid; small against the duration and the vessels.

    Raises:
        DesignError: no duration.

    References:
        Engisch and Muzzio (2016): the response is F(t) - F(t - duration).

    >>> round(pulse_peak([Vessel("tank", 10.0)], 10.0, 0.01), 3)
    0.632
    """
    if not duration > 0:
        raise DesignError(f"a pulse of {duration} is none; give a duration over 0")
    times, share = chain_step_response(chain, step)
    ends = np.concatenate([times, times[-1] + [step, duration + step]])
    risen = np.concatenate([share, [1.0, 1.0]])
    moments = np.union1d(ends, times + duration)
    seen = np.interp(moments, ends, risen) - np.interp(moments - duration, ends, risen, left=0.0)
    return float(min(1.0, seen.max()))


def funnel(chain: Sequence[Vessel], durations: ArrayLike, limit: float, step: float) -> Floats:
    """Largest pulses at the inlet that stay within a limit at the outlet, by their duration.

    Args:
        chain: vessels in order.
        durations: of the pulses, shape (n_durations,).
        limit: on the deviation of the content at the outlet, in its unit.
        step: of the grid.

    Returns:
        Amplitude of each pulse, in the unit of the limit.

    Raises:
        DesignError: a limit or a duration that is not over 0.

    References:
        Engisch and Muzzio (2016); Garcia-Munoz et al. (2018), AIChE J. 64:511,
        doi:10.1002/aic.15967 (funnel plots of a tablet line).

    >>> funnel([Vessel("tank", 10.0)], [1.0, 10.0], 0.05, 0.01).round(3).tolist()
    [0.525, 0.079]
    """
    if not limit > 0:
        raise DesignError(f"a limit of {limit} is none; give one over 0")
    widths = complete(vector(durations, "durations"), "durations")
    return np.array([limit / pulse_peak(chain, float(width), step) for width in widths])


def fit_vessel(times: ArrayLike, response: ArrayLike, name: str = "fitted") -> Vessel:
    """Fit tau, number of tanks and dead time to a measured step response.

    Args:
        times: since the step, ascending, shape (n_times,).
        response: share at the outlet, 0 before and 1 long after the step, shape (n_times,).
        name: of the vessel.

    Raises:
        DataError: fewer than 5 times, or a response that does not rise from under 0.1 to over 0.9.

    References:
        Levenspiel (1999), ch. 14; least squares on the distribution.

    >>> times = np.linspace(0, 100, 200)
    >>> found = fit_vessel(times, step_response(Vessel("blender", 20.0, 3.0, 8.0), times))
    >>> round(found.tau, 3), round(found.n_tanks, 3), round(found.dead_time, 3)
    (20.0, 3.0, 8.0)
    """
    since, share = vector(times, "times"), vector(response, "response")
    is_whole = len(since) == len(share) >= 5 and not np.isnan(since + share).any()
    if not is_whole or share.min() > 0.1 or share.max() < 0.9:
        raise DataError("the step is not seen whole; give 5 or more times from 0.1 to 0.9 of it")
    rises = np.maximum.accumulate(share)
    low, middle = (float(np.interp(level, rises, since)) for level in (0.02, 0.5))
    high = float(np.interp(0.9, rises, since))

    def residual(guess: Floats) -> Floats:
        vessel = Vessel(name, guess[0], 1 + guess[1], guess[2])
        return step_response(vessel, since) - share

    start = [max(high - low, 1e-9) / 2, 1.0, max(0.0, min(low, middle))]
    found = least_squares(
        residual, start, bounds=([1e-12, 0, 0], np.inf), x_scale=np.maximum(np.abs(start), 1e-3),
        xtol=1e-14, ftol=1e-14, gtol=1e-14,
    )  # fmt: skip
    tau, extra, dead = (float(value) for value in found.x)
    return Vessel(name, tau, 1 + extra, dead)


def _hat_weights(vessel: Vessel, step: float) -> Floats:
    """Integral of the distribution times each hat function of the grid."""
    end = vessel.dead_time + 2 * step
    if vessel.tau:
        tail = float(gammaincinv(vessel.n_tanks, 1 - _TAIL))
        end += tail * vessel.tau / vessel.n_tanks
    n = math.ceil(end / step) + 1
    times: Floats = step * np.arange(-1, n + 1, dtype=np.float64)
    area = _integral(vessel, times)
    weights: Floats = (area[2:] - 2 * area[1:-1] + area[:-2]) / step
    return np.maximum(weights, 0.0)


def _integral(vessel: Vessel, times: Floats) -> Floats:
    """Integral of the step response from 0 to each time."""
    since = np.maximum(times - vessel.dead_time, 0.0)
    if vessel.tau == 0:
        return since
    n = vessel.n_tanks
    scaled = since * n / vessel.tau
    area: Floats = since * gammainc(n, scaled) - vessel.tau * gammainc(n + 1, scaled)
    return area
