"""PCA of rows in time order, with or without the rows before: T2, SPE and the combined index.

References:
    Ku, Storer and Georgakis (1995), Chemom. Intell. Lab. Syst. 30:179,
    doi:10.1016/0169-7439(95)00076-3 (lags).
    Jackson and Mudholkar (1979), Technometrics 21:341, doi:10.1080/00401706.1979.10489779 (SPE).
    Yue and Qin (2001), Ind. Eng. Chem. Res. 40:4403, doi:10.1021/ie000141+ (combined index).
    Box (1954), Ann. Math. Stat. 25:290, doi:10.1214/aoms/1177728786 (quadratic forms).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import chdtri

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent._dynamic_fit import Part, refuse_empty, windows
from goldenbatch.science.latent._dynamic_model import DynamicModel
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.limits import spe_limit_from_eigenvalues, t2_limit

_SINGLE = AlarmSettings()


class DynamicPCA(DynamicModel):
    """Principal components of the newest row and the rows before it.

    Args:
        n_components: a, of the p (lags + 1) columns of a window.
        lags: rows before the newest one; 0: plain PCA.
        statistics: of T2, SPE and combined (Yue and Qin 2001).
        alarms: averages and limits.

    Attributes:
        loadings_: shape (a, m), m = p (lags + 1).
        eigenvalues_: of the windows' covariance, largest first, shape (m,).

    >>> rows = np.random.default_rng(0).normal(size=(300, 4))
    >>> rows[:, 3] = rows[:, 0] + 0.1 * rows[:, 3]
    >>> model = DynamicPCA(2, lags=1).fit(rows)
    >>> bool((model.predict(rows) == -1).mean() < 0.1), model.predict(rows + 9.0)[-1].item()
    (True, -1)
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        lags: int = 0,
        statistics: Sequence[str] = ("T2", "SPE"),
        alarms: AlarmSettings = _SINGLE,
    ) -> None:
        self.n_components = n_components
        self.lags = lags
        self.statistics = statistics
        self.alarms = alarms

    @property
    def kind(self) -> str:  # type: ignore[override]
        """Without lags pca, else dpca."""
        return "dpca" if self.lags else "pca"

    def _parts(self, rows: Floats, y: Any) -> list[Part]:
        del y
        stacked, is_whole = windows(rows, self.lags + 1)
        kept = stacked[is_whole]
        n, m = kept.shape
        a = self.n_components
        if not 1 <= a < min(n, m):
            message = f"{a} components do not fit into {n} windows of {m} values"
            raise DesignError(message)
        centred = kept - kept.mean(axis=0)
        values, vectors = np.linalg.eigh(centred.T @ centred / (n - 1))
        order = np.argsort(values)[::-1]
        self.eigenvalues_, vectors = np.maximum(values[order], 0.0), vectors[:, order].T
        refuse_empty(self.eigenvalues_, a)
        self.loadings_ = vectors[:a]
        return plane_parts(self.loadings_, vectors[a:], self.eigenvalues_, n, self)


def plane_parts(
    plane: Floats, rest: Floats, eigenvalues: Floats, n_rows: int, model: Any
) -> list[Part]:
    """Return T2, SPE and the combined index of a model plane.

    phi = T2 / limit(T2) + SPE / limit(SPE), its limit by Box's g chi2(h).

    Args:
        plane: orthonormal loadings of the plane, shape (a, m).
        rest: those of what is left over, shape (m - a, m).
        eigenvalues: of plane and rest, shape (m,).
        n_rows: of the fit.
        model: with `statistics` and `alarms`.

    Raises:
        DesignError: a statistic is unknown.

    References:
        Yue and Qin (2001), equations 16 to 20.

    >>> parts = plane_parts(np.eye(3)[:1], np.eye(3)[1:], np.array([2.0, 0.5, 0.4]), 100,
    ...                     DynamicPCA(1, statistics=("combined",)))
    >>> parts[0].name, parts[0].rows.shape
    ('combined', (3, 3))
    """
    a, confidence = len(plane), 1.0 - model.alarms.rate
    t2 = Part("T2", plane / np.sqrt(eigenvalues[:a, None]), t2_limit(n_rows, a, confidence))
    spe = Part("SPE", rest, spe_limit_from_eigenvalues(eigenvalues[a:], confidence))
    known = {"T2": t2, "SPE": spe, "combined": _combined(t2, spe, eigenvalues, confidence)}
    unknown = [name for name in model.statistics if name not in known]
    if unknown or not model.statistics:
        message = f"statistics {unknown} are unknown; choose from {', '.join(known)}"
        raise DesignError(message)
    return [known[name] for name in model.statistics]


def _combined(t2: Part, spe: Part, eigenvalues: Floats, confidence: float) -> Part:
    tau2, delta2 = t2.theoretical or 1.0, spe.theoretical or 1.0
    rows = np.concatenate([t2.rows / math.sqrt(tau2), spe.rows / math.sqrt(delta2)])
    a = len(t2.rows)
    weights = np.concatenate([np.full(a, 1.0 / tau2), eigenvalues[a:] / delta2])
    one, two = float(weights.sum()), float((weights**2).sum())
    limit = two / one * float(chdtri(one * one / two, 1.0 - confidence))
    return Part("combined", rows, limit)
