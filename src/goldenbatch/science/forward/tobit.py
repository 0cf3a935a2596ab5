"""Linear regression of left-censored results, by penalised maximum likelihood.

References:
    Tobin (1958), Econometrica 26:24, doi:10.2307/1907382.
    Olsen (1978), Econometrica 46:1211, doi:10.2307/1911445 (the parametrisation in which the
    likelihood is concave).
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr
from sklearn.base import BaseEstimator, RegressorMixin

from goldenbatch.science._arrays import Floats, complete, matrix, vector
from goldenbatch.science.errors import DataError, NotFittedYetError

_LEAST_SCALE = 1e-9


class TobitRidge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Tobit regression with a ridge penalty on scaled inputs.

    Args:
        limit: Results at or below it are censored.
        alpha: Penalty on the squared coefficients, in the scale of results over sigma.
        max_iter: Of the quasi-Newton search.

    Attributes:
        coef_: Shape (n_inputs,), in the units of result over input.
        intercept_: In the unit of the result.
        sigma_: Standard deviation of the errors.

    >>> x = np.linspace(0.0, 1.0, 40)
    >>> y = np.maximum(2.0 * x - 0.5 + 0.01 * np.cos(50 * x), 0.0)
    >>> model = TobitRidge(limit=0.0, alpha=1e-6).fit(x[:, None], y)
    >>> round(float(model.coef_[0]), 1), round(model.intercept_, 1)
    (2.0, -0.5)
    """

    coef_: Floats
    intercept_: float
    sigma_: float
    n_features_in_: int

    def __init__(self, limit: float = 0.0, alpha: float = 1.0, max_iter: int = 300) -> None:
        self.limit = limit
        self.alpha = alpha
        self.max_iter = max_iter

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit to rows.

        Args:
            X: Shape (n, p), complete.
            y: Shape (n,), complete; values at or below the limit are censored.

        Raises:
            DataError: A value is missing, or no result is above the limit.
        """
        rows = complete(matrix(X, "X"), "X")
        results = complete(vector(y, "y"), "y")
        is_censored = results <= self.limit
        if len(results) != len(rows) or int((~is_censored).sum()) < 2:
            message = f"{int((~is_censored).sum())} of {len(results)} results are above the limit"
            raise DataError(f"{message} {self.limit}; 2 are needed, one result a row")
        centre, scale = rows.mean(axis=0), rows.std(axis=0)
        scale = np.where(scale > _LEAST_SCALE, scale, 1.0)
        unit = float(results[~is_censored].std()) or 1.0
        z = np.column_stack([np.ones(len(rows)), (rows - centre) / scale])
        start = np.zeros(z.shape[1] + 1)
        start[0], start[-1] = float(results.mean() - self.limit) / unit, 0.0
        found = minimize(
            _loss,
            start,
            args=(z, (results - self.limit) / unit, is_censored, self.alpha),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": self.max_iter},
        )
        theta = math.exp(float(found.x[-1]))
        beta = found.x[:-1] / theta * unit
        self.coef_ = beta[1:] / scale
        self.intercept_ = float(beta[0] + self.limit - self.coef_ @ centre)
        self.sigma_ = unit / theta
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """The latent mean, which may lie below the limit, shape (n,).

        Raises:
            NotFittedYetError: It was not fitted.
        """
        self._require_fitted()
        rows = matrix(X, "X")
        return np.asarray(np.einsum("ij,j->i", rows, self.coef_) + self.intercept_)

    def predict_reported(self, X: ArrayLike) -> Floats:
        """The mean of what would be reported, values below the limit as the limit, shape (n,).

        Raises:
            NotFittedYetError: It was not fitted.
        """
        above = (self.predict(X) - self.limit) / self.sigma_
        density = np.exp(-0.5 * above**2) / math.sqrt(2.0 * math.pi)
        return np.asarray(self.limit + self.sigma_ * (above * ndtr(above) + density))

    def _require_fitted(self) -> None:
        if not hasattr(self, "coef_"):
            raise NotFittedYetError("TobitRidge was asked before `fit`")


def _loss(
    params: Floats, z: Floats, y: Floats, is_censored: Any, alpha: float
) -> tuple[float, Floats]:
    """Minus the log-likelihood and its gradient; params: delta = beta / sigma, log(1 / sigma)."""
    delta, theta = params[:-1], math.exp(min(float(params[-1]), 40.0))
    score = z @ delta
    residual = theta * y - score
    log_tail = log_ndtr(-score)
    value = -float(log_tail[is_censored].sum())
    seen = ~is_censored
    value += float(0.5 * (residual[seen] ** 2).sum() - seen.sum() * math.log(theta))
    # Mills ratio phi(s) / Phi(-s), in logs so that far tails do not divide zero by zero.
    mills = np.exp(-0.5 * score**2 - 0.5 * math.log(2.0 * math.pi) - log_tail)
    slope = np.where(is_censored, mills, -residual)
    gradient = np.empty_like(params)
    gradient[:-1] = z.T @ slope
    gradient[-1] = theta * float((residual * y)[seen].sum()) - float(seen.sum())
    value += 0.5 * alpha * float((delta[1:] ** 2).sum())
    gradient[1:-1] += alpha * delta[1:]
    return value, gradient
