"""Exact average run lengths of Shewhart, EWMA and CUSUM charts, and design by run length.

Independent normal values with known centre and sigma; shifts are in sigma. Autocorrelated
values have other run lengths: see `autocorrelation.run_length_ar1`.

References:
    Crowder (1987), Technometrics 29:401, doi:10.1080/00401706.1987.10488267 (EWMA).
    Page (1954), doi:10.1093/biomet/41.1-2.100, and Brook and Evans (1972), Biometrika 59:539,
    doi:10.1093/biomet/59.3.539 (CUSUM); Kemp (1961), J. R. Stat. Soc. B 23:149 (two sides).
    Lucas and Saccucci (1990), Technometrics 32:1, doi:10.1080/00401706.1990.10484583 (tables).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError

_N_NODES_MIN = 31
_WIDEST = 8.0


def shewhart_arl(shift: float = 0.0, width: float = 3.0) -> float:
    """Return the average run length of an individuals chart.

    Args:
        shift: of the mean, in sigma.
        width: of the limits, in sigma.

    >>> round(shewhart_arl(), 1)
    370.4
    """
    _check_positive("width", width)
    return 1.0 / float(ndtr(-width + shift) + ndtr(-width - shift))


def ewma_arl(shift: float = 0.0, weight: float = 0.2, width: float = 3.0) -> float:
    """Return the average run length of a two-sided EWMA chart with constant limits.

    Solves L(u) = 1 + (1/w) * integral over the limits of L(y) phi((y - (1-w) u)/w - shift) dy
    by Gauss-Legendre nodes, started at the centre.

    Args:
        shift: of the mean from the first value on, in sigma.
        weight: of the newest value.
        width: of the limits, in sigma of the EWMA.

    References:
        Crowder (1987), equation 3.

    >>> round(ewma_arl(0.0, 0.2, 2.962), 1)
    499.7
    """
    _check_positive("width", width)
    if not 0 < weight <= 1:
        message = f"EWMA weight {weight} is not above 0 and at most 1"
        raise DesignError(message)
    half = width * math.sqrt(weight / (2.0 - weight))
    nodes, weights = _nodes(-half, half, weight)
    kernel = _density((nodes[None, :] - (1 - weight) * nodes[:, None]) / weight - shift) / weight
    lengths = np.linalg.solve(np.eye(len(nodes)) - kernel * weights, np.ones(len(nodes)))
    first = _density(nodes / weight - shift) / weight
    return float(1.0 + np.sum(weights * lengths * first))


def cusum_arl(shift: float = 0.0, slack: float = 0.5, threshold: float = 5.0) -> float:
    """Return the average run length of a two-sided tabular CUSUM started at zero.

    Args:
        shift: of the mean from the first value on, in sigma.
        slack: k, in sigma.
        threshold: h, in sigma.

    References:
        Page (1954) for one side; Kemp (1961): 1/ARL = 1/ARL(upper) + 1/ARL(lower).

    >>> round(cusum_arl(0.0, 0.5, 4.0), 1), round(cusum_arl(1.0, 0.5, 4.0), 1)
    (167.7, 8.4)
    """
    upper = one_sided_cusum_arl(shift, slack, threshold)
    lower = one_sided_cusum_arl(-shift, slack, threshold)
    return 1.0 / (1.0 / upper + 1.0 / lower)


def one_sided_cusum_arl(shift: float = 0.0, slack: float = 0.5, threshold: float = 5.0) -> float:
    """Return the average run length of the upper side of a CUSUM started at zero.

    Solves N(z) = 1 + N(0) Phi(k - z - shift) + integral 0..h of N(y) phi(y + k - z - shift) dy.

    Args:
        shift: of the mean, in sigma.
        slack: k, in sigma.
        threshold: h, in sigma.

    References:
        Page (1954), equation 6.

    >>> round(one_sided_cusum_arl(0.0, 0.5, 5.0), 0)
    931.0
    """
    _check_positive("threshold", threshold)
    nodes, weights = _nodes(0.0, threshold, 1.0)
    points = np.concatenate([[0.0], nodes])
    kernel = np.empty((len(points), len(points)))
    kernel[:, 0] = ndtr(slack - points - shift)
    kernel[:, 1:] = weights * _density(nodes[None, :] + slack - points[:, None] - shift)
    return float(np.linalg.solve(np.eye(len(points)) - kernel, np.ones(len(points)))[0])


def shewhart_width(in_control_arl: float) -> float:
    """Return the width of an individuals chart, in sigma, that has this in-control run length.

    >>> round(shewhart_width(370.398), 3)
    3.0
    """
    return _solve(lambda width: shewhart_arl(0.0, width), in_control_arl)


def ewma_width(in_control_arl: float, weight: float = 0.2) -> float:
    """Return the width of an EWMA chart, in sigma of the EWMA, for an in-control run length.

    >>> round(ewma_width(499.7, 0.2), 3)
    2.962
    """
    return _solve(lambda width: ewma_arl(0.0, weight, width), in_control_arl)


def cusum_threshold(in_control_arl: float, slack: float = 0.5) -> float:
    """Return the threshold h of a CUSUM, in sigma, that has this in-control run length.

    >>> round(cusum_threshold(465.4, 0.5), 2)
    5.0
    """
    _check_arl(in_control_arl)
    upper = 1.0
    while cusum_arl(0.0, slack, upper) < in_control_arl:
        upper *= 1.5
    return _solve(lambda h: cusum_arl(0.0, slack, h), in_control_arl, upper)


def _solve(length_of: Callable[[float], float], target: float, upper: float = _WIDEST) -> float:
    _check_arl(target)

    def miss(x: float) -> float:
        return math.log(length_of(x)) - math.log(target)

    lower = 1e-3
    if miss(lower) > 0 or miss(upper) < 0:
        message = f"no chart of this kind has an in-control run length of {target}"
        raise DesignError(message)
    return float(brentq(miss, lower, upper, xtol=1e-10))


def _nodes(lower: float, upper: float, spread: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights, dense against the spread of the kernel."""
    n_nodes = max(_N_NODES_MIN, 12 * math.ceil((upper - lower) / spread))
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    half = 0.5 * (upper - lower)
    return half * nodes + 0.5 * (upper + lower), half * weights


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        message = f"{name} {value} is not a positive number"
        raise DesignError(message)


def _check_arl(value: float) -> None:
    if not 1 < value < math.inf:
        message = f"an in-control run length of {value} cannot be designed for; give one above 1"
        raise DesignError(message)
