"""Principal component analysis with missing values, limits and a scoring plan.

References:
    Wold, Esbensen and Geladi (1987), Chemom. Intell. Lab. Syst. 2:37,
    doi:10.1016/0169-7439(87)80084-9 (NIPALS).
    Walczak and Massart (2001), Chemom. Intell. Lab. Syst. 58:15,
    doi:10.1016/S0169-7439(01)00131-9 (expectation-maximisation with missing values).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin

from goldenbatch.science._arrays import Floats, Integers, matrix
from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent._parts import ARITHMETIC
from goldenbatch.science.latent.limits import (
    DomainLimits,
    box_limit,
    spe_limit_from_eigenvalues,
    t2_limit,
)
from goldenbatch.science.latent.plan import (
    LatentArrays,
    LimitKind,
    PlanFacts,
    ScoringPlan,
    TargetArrays,
)
from goldenbatch.science.latent.steps import Step

_METHODS = ("auto", "svd", "nipals", "em")


class PCA(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal component analysis on centred and, if wanted, scaled columns.

    Args:
        n_components: a; fewer than rows and columns.
        method: svd (complete data), nipals or em (both take missing values); auto takes svd
            where nothing is missing, else em.
        is_scaled: divide each column by its standard deviation.
        confidence: of the limits of T2 and SPE.
        max_iter: of nipals (per component) and em.
        tolerance: relative change at which they stop.

    Attributes:
        centre_, scale_: shape (p,).
        loadings_: shape (a, p), the largest entry of each positive.
        score_variance_: shape (a,).
        residual_variance_: of the scaled residuals, shape (p,).
        explained_: share of the variance of each component, shape (a,).
        limits_: theoretical; `limits_from_left_out` adds those of left-out rows.

    >>> rows = np.array([[1.0, 2.1], [2.0, 3.9], [3.0, 6.2], [4.0, 7.8], [5.0, 10.1]])
    >>> model = PCA(n_components=1).fit(rows)
    >>> bool(model.explained_[0] > 0.99), model.transform(rows).shape
    (True, (5, 1))
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        method: str = "auto",
        is_scaled: bool = True,
        confidence: float = 0.99,
        max_iter: int = 1000,
        tolerance: float = 1e-12,
    ) -> None:
        self.n_components = n_components
        self.method = method
        self.is_scaled = is_scaled
        self.confidence = confidence
        self.max_iter = max_iter
        self.tolerance = tolerance

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit the model plane and its limits.

        Args:
            X: shape (n, p); NaN marks a missing value.
            y: not used.

        Raises:
            DataError: too few rows, a column without values, or missing values with svd.
            DesignError: settings that give no model.
        """
        del y
        rows = matrix(X, "X")
        self._check(rows)
        self.centre_, self.scale_ = centre_and_scale(rows, is_scaled=self.is_scaled)
        Z = (rows - self.centre_) / self.scale_
        T, P, Z = self._components(Z)
        flip = np.sign(P[np.arange(len(P)), np.abs(P).argmax(axis=1)])
        self.loadings_ = P * flip[:, None]
        T = T * flip
        residuals = np.nan_to_num(Z - T @ self.loadings_, nan=0.0)
        n = len(rows)
        self.n_rows_, self.n_features_in_ = n, rows.shape[1]
        self.score_variance_ = T.var(axis=0, ddof=1)
        self.residual_variance_ = np.sum(residuals**2, axis=0) / (n - 1)
        self.residual_eigenvalues_ = np.linalg.svd(residuals, compute_uv=False) ** 2 / (n - 1)
        total = float(np.nansum(Z**2))
        self.explained_ = np.sum(T**2, axis=0) / total
        self.limits_ = DomainLimits(
            self.confidence,
            t2_limit(n, self.n_components, self.confidence),
            spe_limit_from_eigenvalues(self.residual_eigenvalues_, self.confidence),
        )
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Return scores of rows, shape (n, a)."""
        return self.plan().score(X).scores

    def inverse_transform(self, T: ArrayLike) -> Floats:
        """Return the rows that scores stand for, shape (n, p)."""
        self._fitted()
        return np.asarray(matrix(T, "T") @ self.loadings_ * self.scale_ + self.centre_)

    def limits_from_left_out(self, X: ArrayLike, folds: Sequence[Integers]) -> Self:
        """Add limits from rows that were left out of the fit, fold by fold.

        Args:
            X: the training rows.
            folds: row numbers of each fold (see `selection`).
        """
        from sklearn.base import clone

        self._fitted()
        rows = matrix(X, "X")
        t2, spe = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        for fold in folds:
            kept = np.setdiff1d(np.arange(len(rows)), fold)
            scores = clone(self).fit(rows[kept]).plan().score(rows[fold])
            t2[fold], spe[fold] = scores.t2, scores.spe
        known = self.limits_
        self.limits_ = DomainLimits(
            known.confidence,
            known.t2_theoretical,
            known.spe_theoretical,
            box_limit(t2, self.confidence),
            box_limit(spe, self.confidence),
        )
        return self

    def plan(
        self,
        columns: Sequence[str] | None = None,
        *,
        limit_kind: LimitKind = LimitKind.THEORETICAL,
        steps: Sequence[Step] = (),
        fitted_until: int | None = None,
    ) -> ScoringPlan:
        """Return the frozen scoring plan of the fitted model.

        Args:
            columns: names of the raw columns; x0, x1, ... if left out.
            limit_kind: the limits in force.
            steps: done on raw rows before this model; it was fitted on what they give.
            fitted_until: end (exclusive) of the training rows, index or time.
        """
        self._fitted()
        names = tuple(columns or (f"x{i}" for i in range(self.n_features_in_)))
        inverse = np.linalg.solve(self.loadings_ @ self.loadings_.T, self.loadings_)
        is_orthonormal = np.allclose(inverse, self.loadings_, rtol=0, atol=1e-12)
        arrays = LatentArrays(
            self.centre_,
            self.scale_,
            self.loadings_ if is_orthonormal else inverse,
            self.loadings_,
            self.score_variance_,
            self.residual_variance_,
        )
        t2, spe = limits_in_force(self.limits_, limit_kind)
        facts = PlanFacts(
            kind="pca",
            columns=names,
            targets=(),
            n_rows=self.n_rows_,
            t2_limit=t2,
            spe_limit=spe,
            limit_kind=limit_kind,
            limits=self.limits_.to_json(),
            fitted_until=fitted_until,
            arithmetic=ARITHMETIC,
        )
        none = np.zeros(0)
        targets = TargetArrays(np.zeros((0, len(self.loadings_))), none, none, none, none)
        return ScoringPlan(facts, arrays, targets, tuple(steps))

    def _check(self, rows: Floats) -> None:
        n, p = rows.shape
        if self.method not in _METHODS:
            message = f"method {self.method!r} is unknown; choose from {_METHODS}"
            raise DesignError(message)
        if not 1 <= self.n_components < min(n, p + 1):
            message = f"{self.n_components} components do not fit into {n} rows and {p} columns"
            raise DesignError(message)
        n_missing = int(np.isnan(rows).sum())
        if n_missing and self.method == "svd":
            message = f"{n_missing} values are missing; svd needs all: take method='em' or 'nipals'"
            raise DataError(message)

    def _components(self, Z: Floats) -> tuple[Floats, Floats, Floats]:
        """Scores, loadings and the (centred) rows that they stand for."""
        has_gaps = bool(np.isnan(Z).any())
        method = ("em" if has_gaps else "svd") if self.method == "auto" else self.method
        if method == "nipals":
            return (*self._nipals(Z), Z)
        if not has_gaps:
            return (*_svd(Z, self.n_components), Z)
        return self._em(Z)

    def _em(self, Z: Floats) -> tuple[Floats, Floats, Floats]:
        is_missing = np.isnan(Z)
        filled = np.where(is_missing, 0.0, Z)
        for _ in range(self.max_iter):
            mean = filled.mean(axis=0)
            T, P = _svd(filled - mean, self.n_components)
            guess = (T @ P + mean)[is_missing]
            change = np.abs(guess - filled[is_missing]).max()
            filled[is_missing] = guess
            if change <= self.tolerance**0.5:
                break
        else:
            message = f"em did not settle in {self.max_iter} iterations; take fewer components"
            raise DataError(message)
        mean = filled.mean(axis=0)
        self.centre_ = self.centre_ + mean * self.scale_
        T, P = _svd(filled - mean, self.n_components)
        return T, P, np.where(is_missing, np.nan, Z - mean)

    def _nipals(self, Z: Floats) -> tuple[Floats, Floats]:
        known = (~np.isnan(Z)).astype(np.float64)
        rest = np.where(known > 0, Z, 0.0)
        scores, loadings = [], []
        for _ in range(self.n_components):
            t, p = _nipals_component(rest, known, self.max_iter, self.tolerance)
            rest = rest - np.outer(t, p) * known
            scores.append(t)
            loadings.append(p)
        return np.stack(scores, axis=1), np.stack(loadings)

    def _fitted(self) -> None:
        if not hasattr(self, "loadings_"):
            message = "this PCA is not fitted; call fit first"
            raise NotFittedYetError(message)


def centre_and_scale(rows: Floats, *, is_scaled: bool) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of columns; 1 where a column does not vary.

    Raises:
        DataError: a column has no value at all.

    >>> centre_and_scale(np.array([[1.0, 5.0], [3.0, 5.0]]), is_scaled=True)[0].tolist()
    [2.0, 5.0]
    """
    counts = (~np.isnan(rows)).sum(axis=0)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        message = f"columns {empty[:10].tolist()} have no value; leave them out"
        raise DataError(message)
    centre = np.nanmean(rows, axis=0)
    if not is_scaled:
        return centre, np.ones(rows.shape[1])
    squares = np.nansum((rows - centre) ** 2, axis=0)
    scale = np.sqrt(squares / np.maximum(counts - 1, 1))
    is_flat = scale <= 1e-12 * np.maximum(np.abs(centre), 1e-300)
    return centre, np.where(is_flat, 1.0, scale)


def limits_in_force(limits: DomainLimits, kind: LimitKind) -> tuple[float, float]:
    """Return the T2 and SPE limit of a kind.

    Raises:
        DesignError: limits from left-out rows were not made.

    >>> limits_in_force(DomainLimits(0.99, 9.2, 3.1), LimitKind.THEORETICAL)
    (9.2, 3.1)
    """
    if kind is LimitKind.THEORETICAL:
        return limits.t2_theoretical, limits.spe_theoretical
    if not np.isfinite([limits.t2_left_out, limits.spe_left_out]).all():
        message = "there are no limits from left-out rows; call limits_from_left_out first"
        raise DesignError(message)
    return limits.t2_left_out, limits.spe_left_out


def _svd(Z: Floats, n_components: int) -> tuple[Floats, Floats]:
    U, s, Vt = np.linalg.svd(Z, full_matrices=False)
    return U[:, :n_components] * s[:n_components], Vt[:n_components]


def _nipals_component(
    rest: Floats, known: Floats, max_iter: int, tolerance: float
) -> tuple[Floats, Floats]:
    """One component by alternating regressions over the values that are there."""
    t = rest[:, np.argmax(np.sum(rest**2, axis=0))].copy()
    for _ in range(max_iter):
        weight = np.maximum(known.T @ (t * t), 1e-300)
        p = (rest.T @ t) / weight
        p /= np.linalg.norm(p)
        new = (rest @ p) / np.maximum(known @ (p * p), 1e-300)
        change = float(np.sum((new - t) ** 2))
        t = new
        if change <= tolerance * float(np.sum(t**2)):
            return t, p
    message = f"nipals did not settle in {max_iter} iterations; raise max_iter or use em"
    raise DataError(message)
