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
from functools import lru_cache

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


def cusum_arl(
    shift: float = 0.0, slack: float = 0.5, threshold: float = 5.0, headstart: float = 0.0
) -> float:
    """Return the average run length of a two-sided tabular CUSUM.

    Args:
        shift: of the mean from the first value on, in sigma.
        slack: k, in sigma.
        threshold: h, in sigma.
        headstart: where both sums start, in sigma; half of the threshold is usual.

    References:
        Page (1954) for one side; Kemp (1961): 1/ARL = 1/ARL(upper) + 1/ARL(lower); Lucas and
        Crosier (1982), Technometrics 24:199, doi:10.1080/00401706.1982.10487759 (head start).

    >>> round(cusum_arl(0.0, 0.5, 4.0), 1), round(cusum_arl(1.0, 0.5, 4.0), 1)
    (167.7, 8.4)
    >>> round(cusum_arl(1.0, 0.5, 4.0, headstart=2.0), 2)
    5.29
    """
    upper = one_sided_cusum_arl(shift, slack, threshold)
    lower = one_sided_cusum_arl(-shift, slack, threshold)
    if headstart == 0:
        return 1.0 / (1.0 / upper + 1.0 / lower)
    up = one_sided_cusum_arl(shift, slack, threshold, headstart)
    down = one_sided_cusum_arl(-shift, slack, threshold, headstart)
    return (up * lower + down * upper - upper * lower) / (upper + lower)


def one_sided_cusum_arl(
    shift: float = 0.0, slack: float = 0.5, threshold: float = 5.0, headstart: float = 0.0
) -> float:
    """Return the average run length of the upper side of a CUSUM.

    Solves N(z) = 1 + N(0) Phi(k - z - shift) + integral 0..h of N(y) phi(y + k - z - shift) dy.

    Args:
        shift: of the mean, in sigma.
        slack: k, in sigma.
        threshold: h, in sigma.
        headstart: where the sum starts, in sigma; at least 0 and below the threshold.

    References:
        Page (1954), equation 6.

    >>> round(one_sided_cusum_arl(0.0, 0.5, 5.0), 0)
    931.0
    """
    _check_positive("threshold", threshold)
    nodes, weights = _nodes(0.0, threshold, 1.0)
    if not 0 <= headstart < threshold:
        message = f"a head start of {headstart} is not at least 0 and below {threshold}"
        raise DesignError(message)
    points = np.concatenate([[0.0], nodes])
    kernel = np.empty((len(points), len(points)))
    kernel[:, 0] = ndtr(slack - points - shift)
    kernel[:, 1:] = weights * _density(nodes[None, :] + slack - points[:, None] - shift)
    lengths = np.linalg.solve(np.eye(len(points)) - kernel, np.ones(len(points)))
    if headstart == 0:
        return float(lengths[0])
    first = weights * _density(nodes + slack - headstart - shift)
    at_zero = lengths[0] * float(ndtr(slack - headstart - shift))
    return float(1.0 + at_zero + np.sum(first * lengths[1:]))


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


def cusum_threshold(
    in_control_arl: float, slack: float = 0.5, headstart_share: float = 0.0
) -> float:
    """Return the threshold h of a CUSUM, in sigma, that has this in-control run length.

    Args:
        in_control_arl: to be kept.
        slack: k, in sigma.
        headstart_share: where both sums start, as a share of the threshold.

    >>> round(cusum_threshold(465.4, 0.5), 2)
    5.0
    """
    _check_arl(in_control_arl)

    def length(h: float) -> float:
        return cusum_arl(0.0, slack, h, headstart_share * h)

    upper = 1.0
    while length(upper) < in_control_arl:
        upper *= 1.5
    return _solve(length, in_control_arl, upper)


def _solve(length_of: Callable[[float], float], target: float, upper: float = _WIDEST) -> float:
    _check_arl(target)

    def miss(x: float) -> float:
        length = length_of(x)
        return math.log(length / target) if 0 < length < math.inf else math.inf

    lower = high = 1e-3
    # Run lengths beyond 1e15 are lost to rounding, so that the bracket grows from below.
    while miss(high) < 0:
        if high >= upper:
            message = f"no chart of this kind has an in-control run length of {target}"
            raise DesignError(message)
        lower, high = high, min(upper, max(0.5, 1.25 * high))
    if lower == high:
        message = f"no chart of this kind has an in-control run length of {target}"
        raise DesignError(message)
    return float(brentq(miss, lower, high, xtol=1e-10))


def _nodes(lower: float, upper: float, spread: float) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights, dense against the spread of the kernel."""
    n_nodes = max(_N_NODES_MIN, 12 * math.ceil((upper - lower) / spread))
    return nodes_between(n_nodes, lower, upper)


@lru_cache(maxsize=64)
def _legendre(n_nodes: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(n_nodes)


def nodes_between(n_nodes: int, lower: float, upper: float) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes and weights of an interval, each of shape (n_nodes,).

    >>> nodes, weights = nodes_between(3, 0.0, 2.0)
    >>> round(float((weights * nodes**4).sum()), 12)
    6.4
    """
    nodes, weights = _legendre(n_nodes)
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
