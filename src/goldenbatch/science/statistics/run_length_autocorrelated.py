"""Exact run lengths of charts on first-order autocorrelated values: residual and adjusted charts.

The values are x[t] = phi x[t-1] + e[t] about their mean, in units of their own standard deviation;
a shift moves the mean of all values from the first monitored one on. Parameters are known: what
estimating them costs is in `run_length_estimated`.

References:
    Schmid (1995), Statistical Papers 36:111, doi:10.1007/BF02926025 (Shewhart chart of the values).
    Schmid (1997), Statistics 29:367 (EWMA chart of the values).
    Kramer and Schmid (2000), Statistical Papers 41:173, doi:10.1007/BF02926102 (table 1).
    Lu and Reynolds (1999), J. Qual. Technol. 31:166, doi:10.1080/00224065.1999.11979913.
"""

from __future__ import annotations

import math

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.run_length import (
    _check_positive,
    _density,
    _nodes,
    _solve,
    nodes_between,
    shewhart_arl,
)

_REACH = 6.0
_N_VALUES = 25
_N_MEANS = 17
_N_INNER = 25


def residual_arl(phi: float, shift: float = 0.0, weight: float = 1.0, width: float = 3.0) -> float:
    """Return the average run length of an EWMA (or Shewhart) chart of one-step residuals.

    Residuals of the known model are independent. A shift of the mean is seen in full, in their
    smaller sigma, once; then only the part 1 - phi of it is left, since the forecast follows.

    Args:
        phi: lag-1 autocorrelation of the values.
        shift: of the mean, in sigma of the values.
        weight: of the EWMA of the residuals; 1 is the Shewhart chart.
        width: of the limits, in sigma of the plotted statistic.

    Raises:
        DesignError: a parameter is out of range.

    >>> round(residual_arl(0.7), 1), round(residual_arl(0.7, 1.0), 1)
    (370.4, 180.9)
    """
    spread = _spread(phi)
    first, later = shift / spread, shift * (1.0 - phi) / spread
    if weight == 1.0:
        inside = 1.0 - 1.0 / shewhart_arl(first, width)
        return 1.0 + inside * shewhart_arl(later, width)
    _check_weight(weight)
    _check_positive("width", width)
    half = width * math.sqrt(weight / (2.0 - weight))
    nodes, weights = _nodes(-half, half, weight)
    gaps = (nodes[None, :] - (1 - weight) * nodes[:, None]) / weight
    kernel = weights * _density(gaps - later) / weight
    lengths = np.linalg.solve(np.eye(len(nodes)) - kernel, np.ones(len(nodes)))
    start = _density(nodes / weight - first) / weight
    return float(1.0 + np.sum(weights * lengths * start))


def adjusted_shewhart_arl(phi: float, shift: float = 0.0, width: float = 3.0) -> float:
    """Return the average run length of a Shewhart chart of the autocorrelated values themselves.

    Args:
        phi: lag-1 autocorrelation.
        shift: of the mean, in sigma of the values.
        width: of the limits, in sigma of the values.

    References:
        Schmid (1995): an integral equation over the last value; started in steady state.

    >>> round(adjusted_shewhart_arl(0.4, 0.0, 3.09023), 2)
    515.45
    """
    _check_positive("width", width)
    spread = _spread(phi)
    nodes, weights = _nodes(-width - shift, width - shift, min(1.0, spread))
    kernel = weights * _density((nodes[None, :] - phi * nodes[:, None]) / spread) / spread
    lengths = np.linalg.solve(np.eye(len(nodes)) - kernel, np.ones(len(nodes)))
    return float(1.0 + np.sum(weights * _density(nodes) * lengths))


def adjusted_shewhart_width(in_control_arl: float, phi: float) -> float:
    """Return the width, in sigma of the values, that has this in-control run length.

    >>> round(adjusted_shewhart_width(370.4, 0.7), 3)
    2.927
    """
    return _solve(lambda width: adjusted_shewhart_arl(phi, 0.0, width), in_control_arl)


def adjusted_ewma_sigma(phi: float, weight: float) -> float:
    """Return the steady standard deviation of an EWMA of the values, in sigma of the values.

    References:
        Schmid (1997).

    >>> round(adjusted_ewma_sigma(0.0, 0.2), 4), round(adjusted_ewma_sigma(0.7, 0.2), 4)
    (0.3333, 0.6276)
    """
    _spread(phi)
    _check_weight(weight)
    kept = phi * (1.0 - weight)
    return math.sqrt(weight / (2.0 - weight) * (1.0 + kept) / (1.0 - kept))


def adjusted_ewma_arl(
    phi: float, shift: float = 0.0, weight: float = 0.2, width: float = 3.0
) -> float:
    """Return the average run length of an EWMA chart of the autocorrelated values themselves.

    The state has two parts, last value and EWMA; the integral equation is solved on a grid of
    both, with polynomials through the grid for what falls between.

    Args:
        phi: lag-1 autocorrelation.
        shift: of the mean, in sigma of the values.
        weight: of the newest value.
        width: of the limits, in the steady sigma of the EWMA (`adjusted_ewma_sigma`).

    References:
        Schmid (1997); checked by simulation, and against the chart of independent values.

    >>> round(adjusted_ewma_arl(0.0, 0.0, 0.2, 2.962), 1)
    499.7
    """
    _check_positive("width", width)
    half = width * adjusted_ewma_sigma(phi, weight)
    values = nodes_between(_N_VALUES, -_REACH, _REACH)[0]
    means = nodes_between(_N_MEANS, -half, half)[0]
    chart = (phi, shift, weight, half)
    rows = [_row(chart, values, means, mean) for mean in means.tolist()]
    kernel = np.stack(rows, axis=1).reshape(_N_VALUES * _N_MEANS, -1)
    lengths = np.linalg.solve(np.eye(len(kernel)) - kernel, np.ones(len(kernel)))
    # The first value is drawn from the steady state and does not depend on an earlier one.
    first = _row((0.0, shift, weight, half), values, means, 0.0)[0]
    return float(1.0 + np.sum(first.reshape(-1) * lengths))


def adjusted_ewma_width(in_control_arl: float, phi: float, weight: float = 0.2) -> float:
    """Return the width, in the steady sigma of the EWMA, for an in-control run length.

    >>> round(adjusted_ewma_width(100.0, 0.7, 0.5), 2)
    2.29
    """
    return _solve(lambda width: adjusted_ewma_arl(phi, 0.0, weight, width), in_control_arl, 5.0)


def _row(
    chart: tuple[float, float, float, float], values: Floats, means: Floats, at: float
) -> Floats:
    """Weights of the grid in the mean of L after one step from (each value, one EWMA `at`).

    Shape (n_values, n_values, n_means): from which value, to which node.
    """
    phi, shift, weight, half = chart
    low = max(-_REACH, (-half - (1.0 - weight) * at) / weight - shift)
    high = min(_REACH, (half - (1.0 - weight) * at) / weight - shift)
    if low >= high:
        return np.zeros((len(values), len(values), len(means)))
    nodes, weights = nodes_between(max(_N_INNER, 4 * math.ceil(high - low) + _N_INNER), low, high)
    spread = _spread(phi)
    density = weights * _density((nodes[None, :] - phi * values[:, None]) / spread) / spread
    on_values = _lagrange(values, nodes)
    on_means = _lagrange(means, (1.0 - weight) * at + weight * (nodes + shift))
    return np.asarray(np.einsum("im,ma,mb->iab", density, on_values, on_means, optimize=True))


def _lagrange(nodes: Floats, points: Floats) -> Floats:
    """Polynomials through the nodes at the points, shape (n_points, n_nodes); barycentric."""
    scale = 4.0 / (nodes[-1] - nodes[0])
    gaps = (nodes[:, None] - nodes[None, :]) * scale
    np.fill_diagonal(gaps, 1.0)
    factors = 1.0 / np.prod(gaps, axis=1)
    away = (points[:, None] - nodes[None, :]) * scale
    is_hit = np.abs(away) < 1e-13
    away[is_hit] = 1.0
    found = factors / away
    found /= found.sum(axis=1, keepdims=True)
    hit_rows = is_hit.any(axis=1)
    found[hit_rows] = is_hit[hit_rows]
    return np.asarray(found)


def _spread(phi: float) -> float:
    """Sigma of the innovations, in sigma of the values."""
    if not -1 < phi < 1:
        message = f"an autoregression with coefficient {phi} has no steady state"
        raise DesignError(message)
    return math.sqrt(1.0 - phi * phi)


def _check_weight(weight: float) -> None:
    if not 0 < weight <= 1:
        message = f"EWMA weight {weight} is not above 0 and at most 1"
        raise DesignError(message)
