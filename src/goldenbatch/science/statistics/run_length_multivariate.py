"""Exact run lengths of Hotelling T2 and MEWMA charts, known parameters.

The shift is its Mahalanobis length: the charts see nothing else of it.

References:
    Rigdon (1995), J. Stat. Comput. Simul. 52:351, doi:10.1080/00949659508811685 (in control).
    Rigdon (1995), Stat. Probab. Lett. 24:365, doi:10.1016/0167-7152(94)00200-K (after a shift).
    Runger and Prabhu (1996), J. Am. Stat. Assoc. 91:1701, doi:10.1080/01621459.1996.10476741.
    Prabhu and Runger (1997), J. Qual. Technol. 29:8 (design).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtr, chdtri, chndtr, ive

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.run_length import (
    _check_positive,
    _density,
    _solve,
    nodes_between,
)

_N_RADII = 41
_N_SHIFTED = 31
_N_ACROSS = 19
_LIMIT_MAX = 200.0


def hotelling_arl(shift: float, p: int, limit: float) -> float:
    """Return the average run length of a T2 chart.

    Args:
        shift: Mahalanobis length.
        p: attributes.
        limit: of T2.

    >>> round(hotelling_arl(0.0, 2, 10.597), 1), round(hotelling_arl(1.0, 2, 10.597), 1)
    (200.0, 41.9)
    """
    _check(p, limit)
    if shift == 0:
        return 1.0 / (1.0 - float(chdtr(p, limit)))
    return 1.0 / (1.0 - float(chndtr(limit, p, shift * shift)))


def hotelling_limit(in_control_arl: float, p: int) -> float:
    """Return the limit of T2 with this in-control run length.

    >>> round(hotelling_limit(200.0, 2), 3)
    10.597
    """
    if not 1 < in_control_arl < math.inf:
        message = f"an in-control run length of {in_control_arl} cannot be designed for"
        raise DesignError(message)
    _check(p, 1.0)
    return float(chdtri(p, 1.0 / in_control_arl))


def mewma_arl(shift: float, p: int, weight: float, limit: float) -> float:
    """Return the average run length of a MEWMA chart started at zero.

    Args:
        shift: Mahalanobis length, from the first row on.
        p: attributes.
        weight: of the newest row.
        limit: of T2 of the EWMA, with its steady covariance.

    References:
        Rigdon (1995), both papers: integral equations over the length of the EWMA, and after a
        shift over its part along the shift and the length of the rest.

    >>> round(mewma_arl(0.0, 4, 0.1, 12.73), 0), round(mewma_arl(1.0, 5, 0.1, 14.56), 1)
    (201.0, 13.0)
    """
    _check(p, limit)
    if not 0 < weight <= 1:
        message = f"MEWMA weight {weight} is not above 0 and at most 1"
        raise DesignError(message)
    if weight == 1.0:
        return hotelling_arl(shift, p, limit)
    radius = math.sqrt(limit * weight / (2.0 - weight))
    if p == 1:
        return _one_attribute(shift, weight, radius)
    if shift == 0:
        return _in_control(p, weight, radius)
    return _shifted(shift, p, weight, radius)


def mewma_limit(in_control_arl: float, p: int, weight: float = 0.1) -> float:
    """Return the limit of a MEWMA chart with this in-control run length.

    References:
        Prabhu and Runger (1997), table 1.

    >>> round(mewma_limit(200.0, 2, 0.1), 2)
    8.63
    """
    _check(p, 1.0)
    return _solve(lambda limit: mewma_arl(0.0, p, weight, limit), in_control_arl, _LIMIT_MAX)


def _one_attribute(shift: float, weight: float, radius: float) -> float:
    from goldenbatch.science.statistics.run_length import ewma_arl

    return ewma_arl(shift, weight, radius / math.sqrt(weight / (2.0 - weight)))


def _in_control(p: int, weight: float, radius: float) -> float:
    radii, weights = nodes_between(_count(radius, weight, _N_RADII), 0.0, radius)
    kernel = weights * _radial(radii, (1.0 - weight) * radii, p, weight)
    lengths = np.linalg.solve(np.eye(len(radii)) - kernel, np.ones(len(radii)))
    first = weights * _radial(radii, np.zeros(1), p, weight)[0]
    return float(1.0 + np.sum(first * lengths))


def _shifted(shift: float, p: int, weight: float, radius: float) -> float:
    """Nodes along the shift, and for each of them nodes over the length across it."""
    along, shares = nodes_between(_count(2.0 * radius, weight, _N_SHIFTED), -radius, radius)
    units, parts = nodes_between(_count(radius, weight, _N_ACROSS), 0.0, 1.0)
    reach = np.sqrt(radius**2 - along**2)
    across = (reach[:, None] * units).reshape(-1)
    places = np.repeat(along, len(units))
    area = (shares[:, None] * reach[:, None] * parts).reshape(-1)
    gaps = (places[None, :] - (1.0 - weight) * places[:, None]) / weight - shift
    kernel = area * _density(gaps) / weight
    kernel *= _radial(across, (1.0 - weight) * across, p - 1, weight)
    lengths = np.linalg.solve(np.eye(len(places)) - kernel, np.ones(len(places)))
    first = area * _density(places / weight - shift) / weight
    first *= _radial(across, np.zeros(1), p - 1, weight)[0]
    return float(1.0 + np.sum(first * lengths))


def _radial(to: Floats, centre: Floats, p: int, spread: float) -> Floats:
    """Density of the length of a p-dimensional normal with this length of mean, (n_from, n_to)."""
    r, c = to[None, :] / spread, centre[:, None] / spread
    order = 0.5 * p - 1.0
    at_zero = np.exp((p - 1.0) * np.log(r) - 0.5 * r * r - math.lgamma(0.5 * p)) * 2.0 ** (-order)
    if not centre.any():
        return np.asarray(np.broadcast_to(at_zero / spread, (len(centre), len(to))))
    product = r * c
    bessel = ive(order, product)
    found = r * (r / c) ** order * np.exp(-0.5 * (r - c) ** 2) * bessel
    return np.asarray(found / spread)


def _count(length: float, spread: float, n_least: int) -> int:
    return max(n_least, 3 * math.ceil(length / spread))


def _check(p: int, limit: float) -> None:
    _check_positive("limit", limit)
    if p < 1:
        message = f"a chart of {p} attributes"
        raise DesignError(message)
