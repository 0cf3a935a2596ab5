"""What it costs that the centre and sigma of a chart are estimated from a reference period.

Independent normal values. The run length given a reference period is that of known parameters at
a shifted mean and another sigma; it is averaged over what the reference period may turn out to
be, or read at a probability: `guaranteed_width` keeps the stated run length in that share of all
reference periods.

References:
    Jones, Champ and Rigdon (2001), Technometrics 43:156, doi:10.1198/004017001750386279 (EWMA).
    Quesenberry (1993), J. Qual. Technol. 25:237, doi:10.1080/00224065.1993.11979470 (Shewhart).
    Saleh, Mahmoud, Jones-Farmer, Zwetsloot and Woodall (2015), J. Qual. Technol. 47:144, and
    Goedhart, Schoonhoven and Does (2017), J. Qual. Technol. 49:267 (guaranteed performance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import chdtri, ndtr, ndtri

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.run_length import (
    _check_positive,
    _density,
    _solve,
    nodes_between,
)

_N_CHEAP = (20, 32)
_N_COSTLY = (16, 24)


@dataclass(frozen=True, slots=True)
class EstimatedRunLength:
    """Run length of a chart whose parameters come from a reference period.

    Attributes:
        mean: over reference periods; ruled by the few that give wide limits.
        lower: exceeded with the probability `probability`.
        per_alarm: values per alarm over many charts: one over the mean alarm rate.
        probability: of exceeding `lower`.
    """

    mean: float
    lower: float
    per_alarm: float
    probability: float


def estimated_ewma_arl(
    n_reference: int,
    shift: float = 0.0,
    weight: float = 1.0,
    width: float = 3.0,
    *,
    freedom: float | None = None,
    probability: float = 0.9,
) -> EstimatedRunLength:
    """Return the run length of an EWMA (or, with weight 1, Shewhart) chart with estimates.

    Args:
        n_reference: values (or subgroups) that the centre is the mean of.
        shift: of the mean, in the true sigma.
        weight: of the newest value.
        width: of the limits, in estimated sigma of the statistic.
        freedom: degrees of freedom of sigma; n_reference - 1 if left out.
        probability: of exceeding the lower figure.

    Raises:
        DesignError: fewer than 4 values, or a probability outside 0 to 1.

    >>> round(estimated_ewma_arl(20, 0.0, 0.2, 2.636 / 0.9968829, freedom=80).mean, 0)
    144.0
    """
    if n_reference < 4 or not 0 < probability < 1:
        message = f"{n_reference} values and probability {probability} give no run length"
        raise DesignError(message)
    _check_positive("width", width)
    if not 0 < weight <= 1:
        message = f"EWMA weight {weight} is not above 0 and at most 1"
        raise DesignError(message)
    df = float(n_reference - 1) if freedom is None else float(freedom)
    grid, weights = _grid(n_reference, df, weight == 1.0)
    lengths = _lengths(shift + grid[:, 0], weight, width * grid[:, 1])
    return EstimatedRunLength(
        mean=float(np.sum(weights * lengths)),
        lower=_quantile(lengths, weights, 1.0 - probability),
        per_alarm=1.0 / float(np.sum(weights / lengths)),
        probability=probability,
    )


def guaranteed_width(
    in_control_arl: float, n_reference: int, weight: float = 1.0, probability: float = 0.9
) -> float:
    """Return the width whose run length is at least this in a share of all reference periods.

    Args:
        in_control_arl: to be kept.
        n_reference: values of the reference period.
        weight: of the newest value; 1 is the Shewhart chart.
        probability: share of reference periods that keep it.

    References:
        Saleh et al. (2015); Goedhart, Schoonhoven and Does (2017).

    >>> round(guaranteed_width(370.4, 50), 2)
    3.5
    """

    def lower(width: float) -> float:
        return estimated_ewma_arl(n_reference, 0.0, weight, width, probability=probability).lower

    return _solve(lower, in_control_arl)


def expected_width(
    in_control_arl: float, n_reference: int, weight: float = 1.0, *, freedom: float | None = None
) -> float:
    """Return the width with one false alarm in this many values on average over many charts.

    For the Shewhart chart that is the exact prediction limit, t sqrt(1 + 1/n).

    >>> round(expected_width(370.4, 50), 3)
    3.191
    """

    def per_alarm(width: float) -> float:
        return estimated_ewma_arl(n_reference, 0.0, weight, width, freedom=freedom).per_alarm

    return _solve(per_alarm, in_control_arl)


def _lengths(shifts: Floats, weight: float, widths: Floats) -> Floats:
    """Run lengths of charts with these shifts and widths, all at once, shape (n_charts,).

    The equations of `run_length`, with nodes enough for a relative error of 1e-6.
    """
    if weight == 1.0:
        return np.asarray(1.0 / (ndtr(-widths + shifts) + ndtr(-widths - shifts)))
    half = widths * math.sqrt(weight / (2.0 - weight))
    n_nodes = max(25, 4 * math.ceil(2.0 * float(half.max()) / weight))
    nodes, weights = nodes_between(n_nodes, -1.0, 1.0)
    grid, shares = half[:, None] * nodes, half[:, None] * weights / weight
    gaps = (grid[:, None, :] - (1.0 - weight) * grid[:, :, None]) / weight
    kernel = shares[:, None, :] * _density(gaps - shifts[:, None, None])
    ones = np.ones((len(shifts), n_nodes, 1))
    lengths = np.linalg.solve(np.eye(n_nodes) - kernel, ones)[:, :, 0]
    first = shares * _density(grid / weight - shifts[:, None])
    return np.asarray(1.0 + np.sum(first * lengths, axis=1))


@lru_cache(maxsize=16)
def _grid(n_reference: int, freedom: float, is_cheap: bool) -> tuple[Floats, Floats]:
    """(error of the centre, sigma ratio) at equally informative places, and their weights."""
    n_means, n_sigmas = _N_CHEAP if is_cheap else _N_COSTLY
    places, weights = nodes_between(n_means, 0.0, 1.0)
    means = ndtri(places) / math.sqrt(n_reference)
    spots, shares = nodes_between(n_sigmas, 0.0, 1.0)
    sigmas = np.sqrt(chdtri(freedom, 1.0 - spots) / freedom)
    grid = np.array([(mean, sigma) for mean in means for sigma in sigmas])
    return grid, np.outer(weights, shares).reshape(-1)


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.exp(np.interp(share, total, np.log(values[order]))))
