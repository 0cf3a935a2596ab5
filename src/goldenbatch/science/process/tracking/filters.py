"""One step of a filter: predict over an interval, take in what was measured at its end.

Half of the process noise is added before the interval and half after it, so that the extended
and the cubature filter, the horizon and the prediction mean the same noise. Readings are gated
by their normalised innovation before they are taken in.

References:
    Särkkä, Bayesian Filtering and Smoothing, 2013, doi:10.1017/CBO9781139344203, algorithms 5.4
    (extended), 6.6 (cubature). van der Merwe, OGI thesis 2004 (sigma points). Bar-Shalom, Li,
    Kirubarajan, Estimation with Applications, 2001, doi:10.1002/0471221279, sections 5.4 (gating
    by normalised innovation) and 11.6 (likelihoods of models).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log, log1p, pi
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.process.declarations import Noise
from goldenbatch.science.process.integrate import StepError
from goldenbatch.science.process.tracking._algebra import cholesky, congruence, forward, product
from goldenbatch.science.process.tracking._gates import gated, next_gates
from goldenbatch.science.process.tracking.belief import Belief, unpack
from goldenbatch.science.process.tracking.effects import effect, sensed
from goldenbatch.science.process.tracking.transition import output_slopes, transition

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.declarations import Output
    from goldenbatch.science.process.tracking.hypotheses import Hypothesis
    from goldenbatch.science.process.tracking.setup import Setup

    Array = NDArray[np.float64]

OUTLIER_SHARE = 1e-3
"""Share of readings that are wrong for no reason, in likelihoods."""
OUTLIER_WIDTH = 30.0
"""Their spread, in standard deviations of the sensor's noise."""


@dataclass(frozen=True)
class Step:
    """What a filter did with the readings of one time.

    Attributes:
        belief: After them.
        likelihood: Natural logarithm of their probability density; a reading that is far out
            counts as one of a few wrong ones, not as proof.
        nis: Normalised innovation squared of those taken in: chi-square of `n_taken`.
        n_taken: How many.
        innovations: Output to (innovation, its standard deviation), of all readings.
        predicted: Output to what was expected.
        rejected: Outputs whose readings were not taken in.
    """

    belief: Belief
    likelihood: float
    nis: float
    n_taken: int
    innovations: Mapping[str, tuple[float, float]]
    predicted: Mapping[str, float]
    rejected: tuple[str, ...]


def predict(setup: Setup, hypothesis: Hypothesis, belief: Belief, to: float, u: Array) -> Belief:
    """Belief at a later time, with inputs constant until then.

    A step that no solver gets through holds the state, widens its covariance, and is counted.

    Args:
        setup: What is tracked.
        hypothesis: What is taken to be wrong.
        belief: Now.
        to: Time.
        u: Inputs as commanded. Shape `(n_u,)`.
    """
    return predict_with_slopes(setup, hypothesis, belief, to, u)[0]


def predict_with_slopes(
    setup: Setup, hypothesis: Hypothesis, belief: Belief, to: float, u: Array
) -> tuple[Belief, Array]:
    """As `predict`, and the transition matrix, which a smoother needs. Shape `(n, n)`."""
    h = to - belief.time
    if h <= 0.0:
        return belief, np.eye(belief.mean.size)
    cov = belief.cov + 0.5 * h * noise_rate(setup, hypothesis, belief.mean)
    wide = replace(belief, cov=cov)
    try:
        move = _extended if setup.kind == "ekf" else _cubature
        mean, cov, z, slopes = move(setup, hypothesis, wide, h, u)
        if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
            raise StepError("the belief grew beyond all numbers")
    except StepError:
        mean, z, slopes = belief.mean, belief.z, np.eye(belief.mean.size)
        cov = wide.cov + 10.0 * h * noise_rate(setup, hypothesis, belief.mean)
        belief = replace(belief, n_failed=belief.n_failed + 1)
    cov = cov + 0.5 * h * noise_rate(setup, hypothesis, mean)
    return _inside(setup, hypothesis, replace(belief, time=to, mean=mean, cov=cov, z=z)), slopes


def noise_rate(setup: Setup, hypothesis: Hypothesis, mean: Array) -> Array:
    """Covariance per time that the process noise adds. Shape `(n, n)`."""
    n_x = setup.model.n_x
    absolute, relative = setup.walk_of_states
    rate = np.zeros(mean.size)
    rate[:n_x] = (absolute**2 + (relative * mean[:n_x]) ** 2) * hypothesis.inflation**2
    for k, one in enumerate(setup.moving):
        rate[n_x + k] = one.walk**2 + (hypothesis.wander * one.sd) ** 2
    if hypothesis.fault is not None:
        rate[-1] = hypothesis.walk**2
    return np.diag(rate)


def _extended(
    setup: Setup, hypothesis: Hypothesis, belief: Belief, h: float, u: Array
) -> tuple[Array, Array, Array, Array]:
    n_x, n, n_m = setup.model.n_x, belief.mean.size, len(setup.moving)
    at = unpack(setup, hypothesis, belief.mean)
    reach = effect(setup, hypothesis, at, belief.mean, belief.time, u)
    along = (np.eye(n_x, n), np.zeros((u.size, n)), np.zeros((at.p.size, n)))
    along[2][:, n_x : n_x + n_m] = reach.p_by_free
    if hypothesis.fault is not None:
        along[1][:, -1], along[2][:, -1] = reach.u_by_amount, reach.p_by_amount
    step = transition(setup.model, setup.settings)
    x, z, slopes = step.sensitive(
        belief.time, h, belief.mean[:n_x], belief.z, (reach.u, reach.p), along
    )
    matrix = np.eye(n)
    matrix[:n_x] = slopes
    mean = np.concatenate([x, belief.mean[n_x:]])
    return mean, congruence(matrix, belief.cov), z, matrix


def _cubature(
    setup: Setup, hypothesis: Hypothesis, belief: Belief, h: float, u: Array
) -> tuple[Array, Array, Array, Array]:
    n_x = setup.model.n_x
    step = transition(setup.model, setup.settings)
    points = cubature_points(belief.mean, belief.cov)
    moved = points.copy()
    z = belief.z
    for k, point in enumerate(points):
        at = unpack(setup, hypothesis, _limited(setup, hypothesis, point))
        reach = effect(setup, hypothesis, at, point, belief.time, u)
        start = np.clip(point[:n_x], *setup.bounds)
        moved[k, :n_x], z = step.advance(belief.time, h, start, belief.z, reach.u, reach.p)
    mean = moved.mean(axis=0)
    off, before = moved - mean, points - belief.mean
    cov = product(np.ascontiguousarray(off.T), off) / len(points)
    # Statistical linearisation, for the smoother: cross covariance times inverse.
    cross = product(np.ascontiguousarray(before.T), off) / len(points)
    slopes = np.linalg.lstsq(belief.cov, cross, rcond=1e-12)[0].T
    return mean, 0.5 * (cov + cov.T), z, np.asarray(slopes)


def cubature_points(mean: Array, cov: Array) -> Array:
    """Points of the third-degree spherical rule, each of weight `1 / (2 n)`.

    Args:
        mean: Shape `(n,)`.
        cov: Shape `(n, n)`.

    References:
        Arasaratnam, Haykin 2009, doi:10.1109/TAC.2009.2019800.

    >>> cubature_points(np.array([1.0]), np.array([[4.0]])).tolist()
    [[3.0], [-1.0]]
    """
    spread = np.sqrt(mean.size) * cholesky(cov).T
    return np.concatenate([mean + spread, mean - spread])


def _limited(setup: Setup, hypothesis: Hypothesis, mean: Array) -> Array:
    if hypothesis.fault is None:
        return mean
    found = mean.copy()
    found[-1] = min(max(found[-1], hypothesis.lower), hypothesis.upper)
    return found


def _inside(setup: Setup, hypothesis: Hypothesis, belief: Belief) -> Belief:
    """States within their physical bounds, the amount within its own; counted."""
    n_x = setup.model.n_x
    mean = _limited(setup, hypothesis, belief.mean)
    mean = np.concatenate([np.clip(mean[:n_x], *setup.bounds), mean[n_x:]])
    n_clipped = int((mean[:n_x] != belief.mean[:n_x]).sum())
    return replace(belief, mean=mean, n_clipped=belief.n_clipped + n_clipped)


def update(
    setup: Setup,
    hypothesis: Hypothesis,
    belief: Belief,
    readings: Mapping[str, float],
    u: Array,
) -> Step:
    """Take in readings at the belief's time.

    Args:
        setup: What is tracked.
        hypothesis: What is taken to be wrong.
        belief: Before them.
        readings: Output to value; those that are missing or not finite are left out.
        u: Inputs as commanded. Shape `(n_u,)`.
    """
    places = [(k, one) for k, one in setup.measured if np.isfinite(readings.get(one.name, np.nan))]
    if not places:
        return Step(belief, 0.0, 0.0, 0, {}, {}, ())
    names = [one.name for _, one in places]
    expected, cross, cov, noise = _expected(setup, hypothesis, belief, places, u)
    y = np.array([readings[name] for name in names])
    innovation = y - expected
    far = np.abs(innovation) / np.sqrt(np.diag(cov))
    taken = gated(setup.gate, belief.gates, names, far) | _excused(hypothesis, names)
    gates = next_gates(setup.gate, belief, names, far)
    after, nis, whitened = _taken(belief, innovation, cross, cov, np.flatnonzero(taken))
    likelihood = _likelihood(innovation, cov, noise, taken, whitened)
    after = _inside(setup, hypothesis, replace(after, gates=gates))
    sd = np.sqrt(np.diag(cov))
    return Step(
        after, likelihood, nis, int(taken.sum()),
        {name: (float(innovation[k]), float(sd[k])) for k, name in enumerate(names)},
        {name: float(expected[k]) for k, name in enumerate(names)},
        tuple(name for k, name in enumerate(names) if not taken[k]),
    )  # fmt: skip


def _excused(hypothesis: Hypothesis, names: Sequence[str]) -> NDArray[np.bool_]:
    """Readings that a hypothesis is there to explain: gated, it could never learn its amount."""
    is_process = hypothesis.what in ("process", "none of these")
    output = getattr(hypothesis.fault, "output", "")
    return np.array([is_process or name == output for name in names], dtype=bool)


def _expected(
    setup: Setup,
    hypothesis: Hypothesis,
    belief: Belief,
    places: Sequence[tuple[int, Output]],
    u: Array,
) -> tuple[Array, Array, Array, Array]:
    """Expected readings, their covariance with the belief, their own, and the noise variances."""
    rows = [k for k, _ in places]
    if setup.kind == "ekf":
        y, h = outputs_with_slopes(setup, hypothesis, belief, u)
        y, h = y[rows], h[rows]
        cross = product(belief.cov, np.ascontiguousarray(h.T))
        own = product(h, cross)
    else:
        points = cubature_points(belief.mean, belief.cov)
        found = np.array([
            outputs_with_slopes(
                setup, hypothesis, replace(belief, mean=_limited(setup, hypothesis, one)), u
            )[0][rows]
            for one in points
        ])  # fmt: skip
        y = found.mean(axis=0)
        off = found - y
        own = product(np.ascontiguousarray(off.T), off) / len(points)
        cross = product(np.ascontiguousarray((points - belief.mean).T), off) / len(points)
    declared = [one.noise or Noise(sd=1.0) for _, one in places]
    noise = np.array([one.at(float(y[k])) ** 2 for k, one in enumerate(declared)])
    return y, cross, 0.5 * (own + own.T) + np.diag(noise), noise


def outputs_with_slopes(
    setup: Setup, hypothesis: Hypothesis, belief: Belief, u: Array
) -> tuple[Array, Array]:
    """All outputs as the sensors would show them, and their slopes by the belief's elements."""
    model, n_x = setup.model, setup.model.n_x
    at = unpack(setup, hypothesis, belief.mean)
    reach = effect(setup, hypothesis, at, belief.mean, belief.time, u)
    # After readings were taken in, and at a cubature point, z is not yet that of the states.
    z = transition(model, setup.settings).consistent(
        belief.time, at.x, belief.z, (reach.u, reach.p)
    )
    y, by_x, by_u, by_p = (
        np.array(one, dtype=float)
        for one in output_slopes(model)(belief.time, at.x, z, reach.u, reach.p)
    )
    shown, by_true, by_amount = sensed(setup, hypothesis, belief.time, y.ravel(), at.amount)
    slopes = np.zeros((y.size, belief.mean.size))
    slopes[:, :n_x] = by_x * setup.scale
    slopes[:, n_x : n_x + len(setup.moving)] = product(by_p, reach.p_by_free)
    if hypothesis.fault is not None:
        slopes[:, -1] = by_u @ reach.u_by_amount + by_p @ reach.p_by_amount
    slopes *= by_true[:, None]
    if hypothesis.fault is not None:
        slopes[:, -1] += by_amount
    return shown, slopes


def _taken(
    belief: Belief, innovation: Array, cross: Array, cov: Array, rows: NDArray[np.int64]
) -> tuple[Belief, float, Array]:
    """Belief after the readings of these rows; their whitened innovations."""
    if not rows.size:
        return belief, 0.0, np.empty(0)
    factor = cholesky(cov[np.ix_(rows, rows)])
    whitened = forward(factor, innovation[rows])
    gain = forward(factor, np.ascontiguousarray(cross[:, rows].T))
    mean = belief.mean + np.einsum("ij,i->j", gain, whitened)
    less = belief.cov - np.einsum("ij,ik->jk", gain, gain)
    less = 0.5 * (less + less.T)
    # Rounding may leave a variance just below zero where a reading is almost exact.
    np.fill_diagonal(less, np.maximum(np.diag(less), 0.0))
    return replace(belief, mean=mean, cov=less), float(whitened @ whitened), whitened


def _likelihood(
    innovation: Array, cov: Array, noise: Array, taken: NDArray[np.bool_], whitened: Array
) -> float:
    """Log density: those taken in one given the others, those rejected each by itself."""
    total = 0.0
    rows = np.flatnonzero(taken)
    if rows.size:
        scale = np.diag(cholesky(cov[np.ix_(rows, rows)])) ** 2
        for k, row in enumerate(rows):
            total += _log_density(float(whitened[k]) ** 2, float(scale[k]), float(noise[row]))
    for row in np.flatnonzero(~taken):
        own = float(cov[row, row])
        total += _log_density(float(innovation[row]) ** 2 / own, own, float(noise[row]))
    return total


def _log_density(squared: float, variance: float, noise: float) -> float:
    wide = variance + OUTLIER_WIDTH**2 * noise
    usual = -0.5 * (squared + log(2 * pi * variance)) + log1p(-OUTLIER_SHARE)
    wrong = -0.5 * (squared * variance / wide + log(2 * pi * wide)) + log(OUTLIER_SHARE)
    high, low = max(usual, wrong), min(usual, wrong)
    return high + log1p(exp(low - high))
