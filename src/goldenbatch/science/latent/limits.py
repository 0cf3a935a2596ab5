"""Limits of T2 and SPE, from theory and from left-out rows.

References:
    Tracy, Young and Mason (1992), J. Qual. Technol. 24:88, doi:10.1080/00224065.1992.12015232.
    Jackson and Mudholkar (1979), Technometrics 21:341, doi:10.1080/00401706.1979.10489779.
    Box (1954), Ann. Math. Stat. 25:290, doi:10.1214/aoms/1177728786.
    Nomikos and MacGregor (1995), Technometrics 37:41, doi:10.1080/00401706.1995.10485888.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri, fdtri, ndtri

from goldenbatch.science._arrays import present, vector
from goldenbatch.science.errors import DataError


@dataclass(frozen=True, slots=True)
class DomainLimits:
    """Limits of T2 and SPE, with the way each was made.

    Attributes:
        confidence: share of good rows that each limit should let pass.
        t2_theoretical: Tracy, Young and Mason (1992), for rows that come later.
        spe_theoretical: Jackson and Mudholkar (1979) where the residual eigenvalues are known,
            else Box (1954) on the training rows.
        t2_left_out: Box's approximation on T2 of rows left out of the fit; NaN if none were.
        spe_left_out: the same for SPE.
    """

    confidence: float
    t2_theoretical: float
    spe_theoretical: float
    t2_left_out: float = math.nan
    spe_left_out: float = math.nan

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; a limit that was not made is null."""
        return {k: None if math.isnan(v) else v for k, v in asdict(self).items()}


def t2_limit(n_rows: int, n_components: int, confidence: float = 0.99) -> float:
    """Return the T2 limit for rows that were not in the fit.

    A (n^2 - 1) / (n (n - A)) * F(confidence; A, n - A).

    Args:
        n_rows: n, rows of the fit.
        n_components: A.
        confidence: share of good rows let pass.

    Raises:
        DataError: not more rows than components.

    References:
        Tracy, Young and Mason (1992), equation 6.

    >>> round(t2_limit(100, 2, 0.95), 3)
    6.304
    """
    if not 0 < n_components < n_rows:
        message = f"{n_rows} rows cannot carry a T2 limit of {n_components} components"
        raise DataError(message)
    n, a = n_rows, n_components
    scale = a * (n * n - 1) / (n * (n - a))
    return scale * float(fdtri(a, n - a, confidence))


def spe_limit_from_eigenvalues(residual: ArrayLike, confidence: float = 0.99) -> float:
    """Return the SPE limit from the eigenvalues of the residual covariance.

    Args:
        residual: eigenvalues of the components that are left out, shape (n_left_out,).
        confidence: share of good rows let pass.

    Raises:
        DataError: nothing is left over.

    References:
        Jackson and Mudholkar (1979), equation 3.4.

    >>> round(spe_limit_from_eigenvalues([1.0], 0.95), 2), round(float(chdtri(1, 0.05)), 2)
    (3.75, 3.84)
    """
    values = np.maximum(vector(residual, "residual eigenvalues"), 0.0)
    one, two, three = (float((values**k).sum()) for k in (1, 2, 3))
    if not one > 0:
        message = "no variance is left over for an SPE limit; take fewer components"
        raise DataError(message)
    h0 = 1.0 - 2.0 * one * three / (3.0 * two * two)
    z = float(ndtri(confidence))
    inner = z * math.sqrt(2.0 * two * h0 * h0) / one + 1.0 + two * h0 * (h0 - 1.0) / (one * one)
    return one * float(inner ** (1.0 / h0))


def box_limit(statistic: ArrayLike, confidence: float = 0.99) -> float:
    """Return the limit g * chi2(h), with g and h from mean and variance of a statistic.

    Args:
        statistic: T2 or SPE of good rows, best of rows that were left out of the fit.
        confidence: share of good rows let pass.

    Raises:
        DataError: fewer than 3 rows.

    References:
        Box (1954); Nomikos and MacGregor (1995), equation 15.

    >>> round(box_limit([1.0, 2.0, 3.0, 4.0], 0.95), 2)
    4.93
    """
    values = present(statistic, 3, "the statistic")
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    if not (mean > 0 and variance > 0):
        return mean
    g, h = variance / (2.0 * mean), 2.0 * mean * mean / variance
    return g * float(chdtri(h, 1.0 - confidence))
