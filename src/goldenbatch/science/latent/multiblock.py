"""Multi-block PCA and PLS: blocks of tags that weigh the same, with an SPE of each.

With super-score deflation both equal the ordinary model of block-scaled columns (Westerhuis et al.
1998), so that each block's part of the consensus can be read off it.

References:
    Westerhuis, Kourti and MacGregor (1998), J. Chemom. 12:301,
    doi:10.1002/(SICI)1099-128X(199809/10)12:5<301::AID-CEM515>3.0.CO;2-S.
    MacGregor, Jaeckle, Kiparissides and Koutoudi (1994), AIChE J. 40:826,
    doi:10.1002/aic.690400509 (monitoring by blocks).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from goldenbatch.science._arrays import Bools, Floats, complete, matrix
from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent._dynamic_fit import Part, enough, refuse_empty, windows
from goldenbatch.science.latent._dynamic_model import DynamicModel
from goldenbatch.science.latent._filling import fill_rows
from goldenbatch.science.latent._pls_kernels import fit_nipals
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.dynamic_state import DynamicContributions
from goldenbatch.science.latent.limits import spe_limit_from_eigenvalues, t2_limit
from goldenbatch.science.latent.pca import centre_and_scale

_SINGLE = AlarmSettings()
Blocks = Mapping[str, Sequence[int]]


class MultiBlockPCA(DynamicModel):
    """Consensus PCA: T2 of the super scores, SPE, and an SPE of each block.

    Args:
        blocks: name to column numbers; each column is in one block.
        n_components: a.
        lags: rows before the newest one that count.
        alarms: averages and limits.

    Attributes:
        explained_: share of each block's variance that the super scores explain, by name.
        super_weights_: share of each block in each component, shape (n_blocks, a).

    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(200, 1)) + 0.3 * rng.normal(size=(200, 5))
    >>> model = MultiBlockPCA({"feed": [0, 1], "reactor": [2, 3, 4]}, 1).fit(rows)
    >>> model.statistics_
    ('T2', 'SPE', 'SPE feed', 'SPE reactor')
    >>> bool(model.explained_["feed"] > 0.8), model.super_weights_.sum(axis=0).round(6).tolist()
    (True, [1.0])
    """

    kind = "multi-block pca"

    def __init__(
        self,
        blocks: Blocks,
        n_components: int = 2,
        *,
        lags: int = 0,
        alarms: AlarmSettings = _SINGLE,
    ) -> None:
        self.blocks = blocks
        self.n_components = n_components
        self.lags = lags
        self.alarms = alarms

    def _parts(self, rows: Floats, y: Any) -> list[Part]:
        del y
        layout = _layout(self.blocks, rows.shape[1], self.lags)
        stacked, is_whole = windows(rows, self.lags + 1)
        kept = stacked[is_whole] * layout.weights
        n, m = kept.shape
        if not 1 <= self.n_components < min(n, m):
            message = f"{self.n_components} components do not fit into {n} windows of {m} values"
            raise DesignError(message)
        centred = kept - kept.mean(axis=0)
        covariance = centred.T @ centred / (n - 1)
        values, vectors = np.linalg.eigh(covariance)
        plane = vectors[:, ::-1].T[: self.n_components]
        refuse_empty(values[::-1], self.n_components)
        variance = values[::-1][: self.n_components]
        self.super_weights_ = np.array(
            [(plane[:, one] ** 2).sum(axis=1) for one in layout.places.values()]
        )
        left = np.eye(m) - plane.T @ plane
        self.explained_ = _explained(left, covariance, layout.places)
        t2 = plane / np.sqrt(variance)[:, None]
        return _block_parts(t2, left, covariance, layout, n, self.alarms.rate)


class MultiBlockPLS(RegressorMixin, DynamicModel):  # type: ignore[misc]
    """PLS on blocks that weigh the same; `predict` gives targets, alarms come from the plan.

    Args:
        blocks: name to column numbers; each column is in one block.
        n_components: a.
        lags: rows before the newest one that count.
        alarms: averages and limits.

    Attributes:
        explained_: share of each block's variance that the super scores explain, by name.
        super_weights_: share of each block in the weights of each component, (n_blocks, a).

    >>> rng = np.random.default_rng(0)
    >>> rows = rng.normal(size=(200, 4))
    >>> model = MultiBlockPLS({"a": [0, 1], "b": [2, 3]}, 2).fit(rows, rows[:, 0] + rows[:, 3])
    >>> bool(abs(model.predict(rows) - rows[:, 0] - rows[:, 3]).max() < 0.6)
    True
    """

    kind = "multi-block pls"

    def __init__(
        self,
        blocks: Blocks,
        n_components: int = 2,
        *,
        lags: int = 0,
        alarms: AlarmSettings = _SINGLE,
    ) -> None:
        self.blocks = blocks
        self.n_components = n_components
        self.lags = lags
        self.alarms = alarms

    def predict(self, X: ArrayLike) -> Floats:
        """Return targets, shape (n,) or (n, m); NaN for rows whose window is not whole.

        Args:
            X: rows that follow one another, shape (n, p).
        """
        if not hasattr(self, "targets_"):
            raise NotFittedYetError("this MultiBlockPLS is not fitted; call fit first")
        Z = (matrix(X, "X") - self.centre_) / self.scale_
        is_good = enough(Z, self.alarms.max_missing_fraction)
        n_missing = np.isnan(Z).sum(axis=1).astype(np.int64)
        filled = fill_rows(Z, n_missing, is_good, None, self.precision_)
        front = np.full((self.lags, Z.shape[1]), np.nan)
        padded = np.concatenate([front, filled])
        parts = [padded[self.lags - k : len(padded) - k] for k in range(self.lags + 1)]
        found = np.concatenate(parts, axis=1) @ self.coefficients_.T
        values = found * self.target_scale_ + self.target_centre_
        return np.asarray(values[:, 0] if self.targets_ == 0 else values)

    def fit_predict(self, X: ArrayLike, y: ArrayLike | None = None, **_: Any) -> Floats:
        """Fit, and return the targets of the same rows."""
        return np.asarray(self.fit(X, y).predict(X))

    def _parts(self, rows: Floats, y: Any) -> list[Part]:
        layout = _layout(self.blocks, rows.shape[1], self.lags)
        stacked, is_whole = windows(rows, self.lags + 1)
        kept = stacked[is_whole] * layout.weights
        targets = self._targets(y, len(rows))[self.lags :][is_whole]
        self.target_centre_, self.target_scale_ = centre_and_scale(targets, is_scaled=True)
        Y = (targets - self.target_centre_) / self.target_scale_
        n, m = kept.shape
        if not 1 <= self.n_components < min(n, m + 1):
            message = f"{self.n_components} components do not fit into {n} windows of {m} values"
            raise DesignError(message)
        centred = kept - kept.mean(axis=0)
        model = fit_nipals(centred, Y, self.n_components)
        project = model.projection(self.n_components)
        variance = np.maximum(model.T.var(axis=0, ddof=1), 1e-300)
        self.coefficients_ = model.Q @ project * layout.weights
        power = model.W**2 / (model.W**2).sum(axis=1, keepdims=True)
        self.super_weights_ = np.array(
            [power[:, one].sum(axis=1) for one in layout.places.values()]
        )
        covariance = centred.T @ centred / (n - 1)
        left = np.eye(m) - model.P.T @ project
        self.explained_ = _explained(left, covariance, layout.places)
        t2 = project / np.sqrt(variance)[:, None]
        return _block_parts(t2, left, covariance, layout, n, self.alarms.rate)

    def _targets(self, y: Any, n_rows: int) -> Floats:
        if y is None:
            raise DataError("a multi-block PLS needs targets y, one row for each row of X")
        given = np.asarray(y, dtype=np.float64)
        self.targets_ = 0 if given.ndim == 1 else given.shape[1]
        targets = complete(matrix(given.reshape(len(given), -1), "y"), "y")
        if len(targets) != n_rows:
            message = f"X has {n_rows} rows and y {len(targets)}"
            raise DataError(message)
        return targets


def by_block(found: DynamicContributions, blocks: Blocks) -> dict[str, float]:
    """Return what each block adds to a statistic, by name.

    Args:
        found: contributions that were decomposed, so that they add up.
        blocks: name to column numbers.

    Raises:
        DesignError: the contributions do not add up.

    >>> parts = DynamicContributions("T2", "decomposed", ("a", "b", "c"), np.ones((1, 3)),
    ...                              np.array([1.0, 2.0, 4.0]))
    >>> by_block(parts, {"feed": [0, 2], "reactor": [1]})
    {'feed': 5.0, 'reactor': 2.0}
    """
    if found.method != "decomposed":
        message = f"contributions by {found.method} do not add up; ask for method='decomposed'"
        raise DesignError(message)
    return {name: float(found.by_tag[list(places)].sum()) for name, places in blocks.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Weight of each column of a window, and the columns of each block."""

    weights: Floats
    places: Mapping[str, Bools]


def _layout(blocks: Blocks, n_tags: int, lags: int) -> _Layout:
    every = sorted(int(i) for places in blocks.values() for i in places)
    if every != list(range(n_tags)) or not all(len(places) for places in blocks.values()):
        message = (
            f"the blocks have columns {every[:8]}...; each of the {n_tags} columns must be in "
            "just one block, and each block must have some"
        )
        raise DesignError(message)
    weights = np.empty(n_tags)
    places: dict[str, Bools] = {}
    for name, own in blocks.items():
        chosen = np.zeros(n_tags, dtype=np.bool_)
        chosen[list(own)] = True
        weights[chosen] = 1.0 / np.sqrt(len(own) * (lags + 1))
        places[name] = np.tile(chosen, lags + 1)
    return _Layout(np.tile(weights, lags + 1), places)


def _explained(left: Floats, covariance: Floats, places: Mapping[str, Bools]) -> dict[str, float]:
    rest = np.diag(left @ covariance @ left.T)
    total = np.diag(covariance)
    return {name: 1.0 - float(rest[one].sum() / total[one].sum()) for name, one in places.items()}


def _block_parts(
    t2: Floats,
    left: Floats,
    covariance: Floats,
    layout: _Layout,
    n: int,
    rate: float,
) -> list[Part]:
    """T2, SPE, and SPE of each block, of rows before the blocks are weighted."""

    def spe(name: str, rows: Floats) -> Part:
        spread = np.linalg.eigvalsh(rows @ covariance @ rows.T)
        limit = spe_limit_from_eigenvalues(spread, 1.0 - rate) if spread.max() > 1e-12 else None
        return Part(name, rows * layout.weights, limit)

    whole = Part("T2", t2 * layout.weights, t2_limit(n, len(t2), 1.0 - rate))
    own = [spe(f"SPE {name}", left[one]) for name, one in layout.places.items()]
    return [whole, spe("SPE", left), *own]
