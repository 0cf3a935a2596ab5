"""Which calibration spectra are unlike the others, and by which sign: reported, never hidden.

Five signs: far in the model plane (T2), off the plane (SPE), high leverage, alone (nearest
neighbour), and a result that left-out prediction does not meet (y-residual). A spectrum that is
only far may be the most useful of all; a result that nothing meets is wrong or of another tablet.

References:
    ASTM E1655-17, sections 16 and 17 (leverage, spectral residuals, nearest neighbour, outliers).
    Naes, Isaksson, Fearn and Davies (2002), A User-Friendly Guide to Multivariate Calibration and
    Classification, chapter 14 (leverage above three times its mean).
    Leys et al. (2013), J. Exp. Soc. Psychol. 49:764, doi:10.1016/j.jesp.2013.03.013 (robust
    standard deviation by the median).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Bools, Floats, complete, matrix, vector
from goldenbatch.science.errors import DataError
from goldenbatch.science.latent.limits import box_limit

SIGNS = ("t2", "spe", "leverage", "neighbour", "residual")
_TO_NORMAL = 1.4826
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class OutlierReport:
    """Signs of n calibration spectra beside their limits.

    Attributes:
        values: sign to values, shape (n,); residuals in robust standard deviations, with sign.
        limits: sign to limit; of residuals the absolute value counts.
    """

    values: Mapping[str, Floats]
    limits: Mapping[str, float]

    def beyond(self, sign: str) -> Bools:
        """Which spectra are beyond the limit of a sign, shape (n,)."""
        return np.asarray(np.abs(self.values[sign]) > self.limits[sign])

    def rows(self) -> dict[int, tuple[str, ...]]:
        """Rows that are beyond a limit, with the signs."""
        found = {sign: self.beyond(sign) for sign in self.values}
        some = np.flatnonzero(np.any(list(found.values()), axis=0))
        return {int(i): tuple(s for s in found if found[s][i]) for i in some}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: limits, and the rows beyond one."""
        rows = {
            str(i): {sign: float(self.values[sign][i]) for sign in signs}
            for i, signs in self.rows().items()
        }
        return {"limits": dict(self.limits), "rows": rows}


def examine(
    scores: ArrayLike,
    spe: ArrayLike,
    residuals: ArrayLike,
    *,
    confidence: float = 0.99,
    n_deviations: float = 3.0,
) -> OutlierReport:
    """Return the signs of calibration spectra.

    Args:
        scores: of the spectra in the model, shape (n, a).
        spe: of the spectra, best when they were left out, shape (n,).
        residuals: left-out prediction less reference, shape (n,).
        confidence: of the limits of T2, SPE and nearest neighbour.
        n_deviations: robust standard deviations that a residual may reach.

    Raises:
        DataError: numbers do not match, or a value is missing.

    >>> generator = np.random.default_rng(0)
    >>> residuals = generator.standard_normal(30)
    >>> residuals[4] = 12.0
    >>> report = examine(generator.standard_normal((30, 2)), np.ones(30) + 0.1 * residuals**2,
    ...                  residuals)
    >>> "residual" in report.rows()[4]
    True
    """
    T = complete(matrix(scores, "scores"), "scores")
    off, errors = (
        complete(vector(one, name), name) for one, name in ((spe, "SPE"), (residuals, "residuals"))
    )
    n, a = T.shape
    if not len(off) == len(errors) == n:
        message = f"{n} scores, {len(off)} SPE and {len(errors)} residuals do not belong together"
        raise DataError(message)
    whitened = T / np.maximum(T.std(axis=0, ddof=1), _TINY)
    t2 = np.sum(whitened**2, axis=1)
    near = nearest(whitened)
    middle = float(np.median(errors))
    spread = _TO_NORMAL * float(np.median(np.abs(errors - middle)))
    values = {
        "t2": t2,
        "spe": off,
        "leverage": 1.0 / n + t2 / (n - 1),
        "neighbour": near,
        "residual": (errors - middle) / max(spread, _TINY),
    }
    limits = {
        "t2": box_limit(t2, confidence),
        "spe": box_limit(off, confidence),
        "leverage": 3.0 * (a + 1) / n,
        "neighbour": box_limit(near, confidence),
        "residual": n_deviations,
    }
    return OutlierReport(values, limits)


def nearest(scores: ArrayLike, known: ArrayLike | None = None) -> Floats:
    """Return the distance of each row to the nearest other row, or to the nearest known one.

    Args:
        scores: whitened scores, shape (n, a).
        known: rows of the calibration, shape (m, a); None: the rows themselves.

    >>> nearest([[0.0], [1.0], [5.0]]).tolist()
    [1.0, 1.0, 4.0]
    """
    T = matrix(scores, "scores")
    others = T if known is None else matrix(known, "known scores")
    squares = np.sum((T[:, None, :] - others[None, :, :]) ** 2, axis=2)
    if known is None:
        np.fill_diagonal(squares, np.inf)
    return np.asarray(np.sqrt(squares.min(axis=1)))
