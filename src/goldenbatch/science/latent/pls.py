"""Partial least squares with a domain check, prediction intervals and a scoring plan.

References:
    Wold, Sjostrom and Eriksson (2001), Chemom. Intell. Lab. Syst. 58:109,
    doi:10.1016/S0169-7439(01)00155-1 (NIPALS).
    de Jong (1993), Chemom. Intell. Lab. Syst. 18:251, doi:10.1016/0169-7439(93)85002-X (SIMPLS).
    Faber and Kowalski (1997), J. Chemom. 11:181 (prediction error, leverage form).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin

from goldenbatch.science._arrays import Floats, Integers, complete, matrix
from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent._parts import ARITHMETIC
from goldenbatch.science.latent._pls_kernels import Bilinear, fit_nipals, fit_simpls
from goldenbatch.science.latent.limits import DomainLimits, box_limit, t2_limit
from goldenbatch.science.latent.pca import centre_and_scale, limits_in_force
from goldenbatch.science.latent.plan import (
    LatentArrays,
    LimitKind,
    PlanFacts,
    ScoringPlan,
    TargetArrays,
)
from goldenbatch.science.latent.selection import CrossValidation, one_standard_error
from goldenbatch.science.latent.steps import Step


class PLS(TransformerMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Partial least squares for one or several targets.

    Args:
        n_components: a.
        algorithm: nipals (takes missing values in X) or simpls.
        is_scaled: divide columns of X and targets by their standard deviation.
        confidence: of the limits of T2 and SPE.
        coverage: of the prediction interval.

    Attributes:
        centre_, scale_: of X, shape (p,).
        projection_, loadings_: shape (a, p).
        target_loadings_: shape (m, a).
        score_variance_: shape (a,).
        residual_variance_: of scaled X, shape (p,).
        error_variance_: of predictions, target units squared, shape (m,): of the fit until
            `use_cross_validation` puts in that of left-out rows.
        limits_: theoretical; `use_cross_validation` adds those of left-out rows.

    >>> X = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 1.0], [4.0, 3.0], [5.0, 2.0], [6.0, 4.0]])
    >>> model = PLS(1).fit(X, X[:, 0] + X[:, 1])
    >>> model.predict([[3.5, 2.0]]).round(1).tolist()
    [5.5]
    """

    limits_: DomainLimits

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "nipals",
        is_scaled: bool = True,
        confidence: float = 0.99,
        coverage: float = 0.95,
    ) -> None:
        self.n_components = n_components
        self.algorithm = algorithm
        self.is_scaled = is_scaled
        self.confidence = confidence
        self.coverage = coverage

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the model.

        Args:
            X: shape (n, p); NaN marks a missing value (nipals only).
            y: shape (n,) or (n, m); complete.

        Raises:
            DataError: shapes differ, a target is missing, or X has gaps with simpls.
            DesignError: settings that give no model.
        """
        rows, targets = self._checked(X, y)
        self.centre_, self.scale_ = centre_and_scale(rows, is_scaled=self.is_scaled)
        self.target_centre_, self.target_scale_ = centre_and_scale(
            targets, is_scaled=self.is_scaled
        )
        Z = (rows - self.centre_) / self.scale_
        Y = (targets - self.target_centre_) / self.target_scale_
        kernel = fit_simpls if self.algorithm == "simpls" else fit_nipals
        model = kernel(Z, Y, self.n_components)
        self.n_rows_, self.n_features_in_ = rows.shape
        self._keep(model, Z, targets)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return scores of rows, shape (n, a)."""
        return self.plan().score(X).scores

    def predict(self, X: ArrayLike) -> Floats:
        """Return predictions, shape (n,) for one target that was given as (n,), else (n, m)."""
        values = self.plan().score(X).values
        return values[:, 0] if self.is_flat_ else values

    def with_components(self, n_components: int) -> Self:
        """Return a fitted copy that scores with the first components only.

        Its limits and error variance stay those of all components.

        Raises:
            DesignError: the model has fewer components.
        """
        self._fitted()
        if not 1 <= n_components <= self.n_components:
            message = f"{n_components} components asked of a model with {self.n_components}"
            raise DesignError(message)
        part = copy(self)
        part.n_components = n_components
        part.projection_ = self.projection_[:n_components]
        part.loadings_ = self.loadings_[:n_components]
        part.target_loadings_ = self.target_loadings_[:, :n_components]
        part.score_variance_ = self.score_variance_[:n_components]
        return part

    def use_cross_validation(self, y: ArrayLike, found: CrossValidation) -> Self:
        """Take error variance and limits of left-out rows into the fitted model.

        Args:
            y: the training targets.
            found: by `cross_validate` on the same rows.
        """
        self._fitted()
        targets = np.asarray(y, dtype=np.float64).reshape(len(found.t2), -1)
        self.error_variance_ = np.mean((targets - found.predicted) ** 2, axis=0)
        self.error_freedom_ = len(targets) - 1
        known = self.limits_
        self.limits_ = DomainLimits(
            known.confidence,
            known.t2_theoretical,
            known.spe_theoretical,
            box_limit(found.t2, self.confidence),
            box_limit(found.spe, self.confidence),
        )
        return self

    def plan(
        self,
        columns: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        *,
        limit_kind: LimitKind = LimitKind.THEORETICAL,
        steps: Sequence[Step] = (),
        fitted_until: int | None = None,
    ) -> ScoringPlan:
        """Return the frozen scoring plan of the fitted model.

        Args:
            columns: names of the raw columns; x0, x1, ... if left out.
            targets: names of the targets; y0, y1, ... if left out.
            limit_kind: the limits in force.
            steps: done on raw rows before this model; it was fitted on what they give.
            fitted_until: end (exclusive) of the training rows, index or time.
        """
        self._fitted()
        m = len(self.target_centre_)
        t2, spe = limits_in_force(self.limits_, limit_kind)
        facts = PlanFacts(
            kind="pls",
            columns=tuple(columns or (f"x{i}" for i in range(self.n_features_in_))),
            targets=tuple(targets or (f"y{i}" for i in range(m))),
            n_rows=self.n_rows_,
            t2_limit=t2,
            spe_limit=spe,
            limit_kind=limit_kind,
            limits=self.limits_.to_json(),
            coverage=self.coverage,
            fitted_until=fitted_until,
            arithmetic=ARITHMETIC,
        )
        arrays = LatentArrays(
            self.centre_,
            self.scale_,
            self.projection_,
            self.loadings_,
            self.score_variance_,
            self.residual_variance_,
        )
        quantile = float(stdtrit(self.error_freedom_, 0.5 + 0.5 * self.coverage))
        predicted = TargetArrays(
            self.target_loadings_,
            self.target_centre_,
            self.target_scale_,
            self.error_variance_,
            np.full(m, quantile),
        )
        return ScoringPlan(facts, arrays, predicted, tuple(steps))

    def _keep(self, model: Bilinear, Z: Floats, targets: Floats) -> None:
        n, a = self.n_rows_, self.n_components
        self.projection_, self.loadings_ = model.projection(a), model.P[:a]
        self.target_loadings_ = model.Q[:, :a]
        T = model.T[:, :a]
        self.score_variance_ = T.var(axis=0, ddof=1)
        residuals = np.nan_to_num(Z - T @ self.loadings_, nan=0.0)
        self.residual_variance_ = np.sum(residuals**2, axis=0) / (n - 1)
        fitted = T @ self.target_loadings_.T * self.target_scale_ + self.target_centre_
        self.error_freedom_ = max(1, n - a - 1)
        self.error_variance_ = np.sum((targets - fitted) ** 2, axis=0) / self.error_freedom_
        self.limits_ = DomainLimits(
            self.confidence,
            t2_limit(n, a, self.confidence),
            box_limit(np.sum(residuals**2, axis=1), self.confidence),
        )

    def _checked(self, X: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        rows = matrix(X, "X")
        self.is_flat_ = np.ndim(y) == 1
        shaped = np.asarray(y, dtype=np.float64)
        targets = complete(matrix(shaped[:, None] if self.is_flat_ else shaped, "y"), "y")
        n, p = rows.shape
        if len(targets) != n:
            message = f"{n} rows of X have {len(targets)} rows of y"
            raise DataError(message)
        if self.algorithm not in ("nipals", "simpls"):
            message = f"algorithm {self.algorithm!r} is unknown; choose nipals or simpls"
            raise DesignError(message)
        if not 1 <= self.n_components < min(n - 1, p + 1):
            message = f"{self.n_components} components do not fit into {n} rows and {p} columns"
            raise DesignError(message)
        if self.algorithm == "simpls":
            complete(rows, "X (simpls needs all values; take nipals)")
        return rows, targets

    def _fitted(self) -> None:
        if not hasattr(self, "loadings_"):
            message = "this PLS is not fitted; call fit first"
            raise NotFittedYetError(message)


def cross_validate(
    model: PLS, X: ArrayLike, y: ArrayLike, folds: Sequence[Integers], n_components_max: int = 10
) -> CrossValidation:
    """Choose the number of components on left-out rows; centre and scale are refitted per fold.

    Args:
        model: settings to use; its number of components is not.
        X: shape (n, p).
        y: shape (n,) or (n, m).
        folds: row numbers of each fold; every row stands in one (see `selection`).
        n_components_max: largest number tried, cut to what the smallest fit can carry.

    Raises:
        DesignError: the folds do not cover each row once.

    >>> from goldenbatch.science.latent.selection import interleaved_folds
    >>> X = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 1.0], [4.0, 3.0], [5.0, 2.0], [6.0, 4.0]])
    >>> cross_validate(PLS(), X, X[:, 0] + X[:, 1], interleaved_folds(6, 3)).n_components
    2
    """
    rows = matrix(X, "X")
    shaped = np.asarray(y, dtype=np.float64).reshape(len(rows), -1)
    if not np.array_equal(np.sort(np.concatenate(list(folds))), np.arange(len(rows))):
        message = "the folds do not hold each row exactly once"
        raise DesignError(message)
    n_kept = len(rows) - max(len(fold) for fold in folds)
    n_max = min(n_components_max, n_kept - 2, rows.shape[1])
    parts = [_left_out(model, rows, shaped, fold, n_max) for fold in folds]
    order = np.argsort(np.concatenate(list(folds)), kind="stable")
    predicted = np.concatenate([part[0] for part in parts])[order]
    spread = shaped.std(axis=0, ddof=1) if shaped.shape[1] > 1 else np.ones(1)
    errors = np.mean(((predicted - shaped[:, None, :]) / spread) ** 2, axis=2)
    chosen = one_standard_error(errors)
    t2, spe = (np.concatenate([part[k] for part in parts])[order, chosen - 1] for k in (1, 2))
    rmse = np.sqrt(errors.mean(axis=0))
    return CrossValidation(rmse, chosen, predicted[:, chosen - 1], t2, spe, len(folds))


def _left_out(
    model: PLS, rows: Floats, targets: Floats, fold: Integers, n_max: int
) -> tuple[Floats, Floats, Floats]:
    """Predictions (n, n_max, m), T2 and SPE (n, n_max) of the rows of one fold."""
    from sklearn.base import clone

    kept = np.setdiff1d(np.arange(len(rows)), fold)
    settings: dict[str, Any] = {"n_components": n_max}
    full = clone(model).set_params(**settings).fit(rows[kept], targets[kept])
    predicted = np.empty((len(fold), n_max, targets.shape[1]))
    t2, spe = np.empty((len(fold), n_max)), np.empty((len(fold), n_max))
    for a in range(1, n_max + 1):
        scores = full.with_components(a).plan().score(rows[fold])
        predicted[:, a - 1], t2[:, a - 1], spe[:, a - 1] = scores.values, scores.t2, scores.spe
    return predicted, t2, spe
