"""Canonical variate analysis: the combinations of past rows that foretell the next ones.

References:
    Larimore (1983), Proc. American Control Conference, 445, doi:10.23919/ACC.1983.4788156.
    Russell, Chiang and Braatz (2000), Chemom. Intell. Lab. Syst. 51:81,
    doi:10.1016/S0169-7439(00)00058-7 (Ts2, Tr2, Q).
    Odiowei and Cao (2010), IEEE Trans. Ind. Inform. 6:36, doi:10.1109/TII.2009.2032654.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.latent._dynamic_fit import Part, ridged, windows
from goldenbatch.science.latent._dynamic_model import DynamicModel
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.limits import spe_limit_from_eigenvalues, t2_limit

_SINGLE = AlarmSettings()
_RESIDUALS = ("rebuilt", "plain")


class CVA(DynamicModel):
    """Canonical variates between a window of past rows and the rows that follow.

    Ts2 is the T2 of the states that foretell most, Tr2 that of the other variates (what the past
    holds beside them), Q the squared distance of the window from what the states say about it.

    Args:
        n_states: k.
        lags: rows of the window before the newest one.
        n_future: rows that the window is to foretell.
        ridge: share of unity in both covariances; small, but enough to invert them.
        statistics: of Ts2, Tr2 and Q.
        residual: rebuilt (w less its regression on the states) or plain (w - J'Jw, as in Russell
            et al. 2000).
        alarms: averages and limits.

    Attributes:
        correlations_: canonical correlations, largest first.
        states_: shape (k, m), m = p (lags + 1): states are its product with a window.

    >>> rng = np.random.default_rng(0)
    >>> rows = np.zeros((400, 3))
    >>> for i in range(1, 400):
    ...     rows[i] = 0.8 * rows[i - 1] + rng.normal(size=3)
    >>> model = CVA(2, lags=1, n_future=1).fit(rows)
    >>> bool(model.correlations_[0] > 0.7), model.statistics_
    (True, ('Ts2', 'Tr2', 'Q'))
    """

    kind = "cva"

    def __init__(
        self,
        n_states: int = 10,
        *,
        lags: int = 2,
        n_future: int = 2,
        ridge: float = 1e-6,
        statistics: Sequence[str] = ("Ts2", "Tr2", "Q"),
        residual: str = "rebuilt",
        alarms: AlarmSettings = _SINGLE,
    ) -> None:
        self.n_states = n_states
        self.lags = lags
        self.n_future = n_future
        self.ridge = ridge
        self.statistics = statistics
        self.residual = residual
        self.alarms = alarms

    def _parts(self, rows: Floats, y: Any) -> list[Part]:
        del y
        past, future = self._pairs(rows)
        n, m = past.shape
        k = self.n_states
        if not 1 <= k < min(n, m, future.shape[1] + 1):
            message = (
                f"{k} states do not fit into {n} windows of {m} values that foretell "
                f"{future.shape[1]}"
            )
            raise DesignError(message)
        past, future = past - past.mean(axis=0), future - future.mean(axis=0)
        own = ridged(past.T @ past / (n - 1), self.ridge)
        both = (1.0 - self.ridge) * past.T @ future / (n - 1)
        half, back = _roots(own)
        other = ridged(future.T @ future / (n - 1), self.ridge)
        U, self.correlations_, _ = np.linalg.svd(half @ both @ _roots(other)[0])
        whole = U.T @ half
        self.states_ = whole[:k]
        return self._statistics(whole, back @ U[:, :k], own, n)

    def _statistics(self, whole: Floats, rebuild: Floats, own: Floats, n: int) -> list[Part]:
        k, m, confidence = self.n_states, len(own), 1.0 - self.alarms.rate
        weights = rebuild if self.residual == "rebuilt" else whole[:k].T
        left = np.eye(m) - weights @ whole[:k]
        spread = np.linalg.eigvalsh(left @ own @ left.T)
        known = {
            "Ts2": Part("Ts2", whole[:k], t2_limit(n, k, confidence)),
            "Tr2": Part("Tr2", whole[k:], t2_limit(n, m - k, confidence) if m - k < n else None),
            "Q": Part("Q", left, spe_limit_from_eigenvalues(spread, confidence)),
        }
        unknown = [name for name in self.statistics if name not in known]
        if unknown or not self.statistics or self.residual not in _RESIDUALS:
            message = (
                f"statistics {unknown} or residual {self.residual!r} are unknown; choose from "
                f"{', '.join(known)}, and from {', '.join(_RESIDUALS)}"
            )
            raise DesignError(message)
        return [known[name] for name in self.statistics]

    def _pairs(self, rows: Floats) -> tuple[Floats, Floats]:
        """Windows, and the rows that follow each, both newest first; only whole ones."""
        if self.n_future < 1:
            message = f"{self.n_future} future rows cannot be foretold; take at least 1"
            raise DesignError(message)
        p, n_past = rows.shape[1], self.lags + 1
        stacked, is_whole = windows(rows, n_past + self.n_future)
        kept = stacked[is_whole]
        return kept[:, p * self.n_future :], kept[:, : p * self.n_future]


def _roots(covariance: Floats) -> tuple[Floats, Floats]:
    """Inverse square root and square root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    roots = np.sqrt(np.maximum(values, 1e-12 * values.max()))
    return (vectors / roots) @ vectors.T, (vectors * roots) @ vectors.T
