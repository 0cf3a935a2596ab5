"""Multi-block PCA and PLS: the ordinary model of block-scaled columns, and an SPE of each block."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression

from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.multiblock import MultiBlockPCA, MultiBlockPLS, by_block
from goldenbatch.science.latent.pca import PCA

FAST = AlarmSettings(n_folds=3)
BLOCKS = {"feed": [0, 1], "reactor": [2, 3, 4, 5], "column": [6]}
WEIGHTS = np.array([1, 1, 0.5**0.5, 0.5**0.5, 0.5**0.5, 0.5**0.5, 2**0.5])


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(5).normal(size=(2, 7))
    return rng.normal(size=(n, 2)) @ mix + 0.4 * rng.normal(size=(n, 7))


def test_the_consensus_is_the_pca_of_block_scaled_columns():
    X = rows()
    plan = MultiBlockPCA(BLOCKS, 2, alarms=FAST).fit(X).plan()
    Z = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1) * WEIGHTS
    known = PCA(2, is_scaled=False).fit(Z).plan().score(Z)
    raw = plan.score(X)[0].raw
    np.testing.assert_allclose(raw[:, 0], known.t2, rtol=1e-7)
    # One unit of weight is shared by all columns of a block: spe differs by 2 (a block of two).
    np.testing.assert_allclose(2.0 * raw[:, 1], known.spe, rtol=1e-7)
    np.testing.assert_allclose(raw[:, 2:].sum(axis=1), raw[:, 1], rtol=1e-7)


def test_a_fault_is_laid_at_the_door_of_its_block():
    model = MultiBlockPCA(BLOCKS, 2, alarms=FAST).fit(rows())
    X = rows(50, 1)
    X[:, 3] += 6.0 * np.where(np.arange(50) % 2, 1, -1)
    scores, state = model.plan().score(X)
    severities = np.median(scores.values / model.plan().limits, axis=0)
    own = dict(zip(model.statistics_, severities, strict=True))
    assert own["SPE reactor"] > 1.0
    assert own["SPE reactor"] > max(own["SPE feed"], own["SPE column"])
    found = by_block(model.plan().contributions(state, "SPE", "decomposed"), BLOCKS)
    assert max(found, key=found.get) == "reactor"
    assert sum(found.values()) == pytest.approx(scores.raw[-1, 1])
    with pytest.raises(DesignError, match="do not add up"):
        by_block(model.plan().contributions(state, "SPE"), BLOCKS)


def test_explained_variance_and_weights_of_blocks():
    model = MultiBlockPCA(BLOCKS, 6, alarms=FAST).fit(rows())
    assert model.super_weights_.shape == (3, 6)
    assert model.super_weights_.sum(axis=0) == pytest.approx(np.ones(6))
    assert all(0.5 < one <= 1.0 for one in model.explained_.values())


def test_multi_block_pls_is_pls_of_block_scaled_columns():
    X = rows()
    y = X @ np.arange(7.0) + 0.1 * np.random.default_rng(2).normal(size=300)
    model = clone(MultiBlockPLS(BLOCKS, 3, alarms=FAST)).fit(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1) * WEIGHTS
    known = PLSRegression(3, scale=False).fit(Z, y / y.std(ddof=1)).predict(Z) * y.std(ddof=1)
    np.testing.assert_allclose(model.predict(X), np.ravel(known), rtol=1e-6, atol=1e-6)
    assert model.score(X, y) > 0.9
    both = MultiBlockPLS(BLOCKS, 3, alarms=FAST).fit_predict(X, np.stack([y, -y], axis=1))
    np.testing.assert_allclose(both[:, 0], -both[:, 1], atol=1e-8)
    assert (model.plan().score(rows(400, 3))[0].is_alarm).mean() < 0.09
    assert model.plan().facts.kind == "multi-block pls"


def test_lags_and_gaps_in_a_multi_block_pls():
    X = rows(400, 4)
    y = np.concatenate([[0.0], X[:-1, 0]]) + X[:, 6]
    gapped = np.where(np.random.default_rng(1).random(X.shape) < 0.02, np.nan, X)
    model = MultiBlockPLS(BLOCKS, 6, lags=1, alarms=FAST).fit(gapped, y)
    found = model.predict(X)
    assert np.isnan(found[0])
    assert np.corrcoef(found[1:], y[1:])[0, 1] > 0.9


def test_blocks_that_do_not_cover_the_columns_once_are_refused():
    X = rows(60)
    for wrong in ({"a": [0, 1]}, {"a": list(range(7)), "b": [3]}, {"a": list(range(7)), "b": []}):
        with pytest.raises(DesignError, match="just one block"):
            MultiBlockPCA(wrong, 1).fit(X)
    with pytest.raises(DesignError, match="components do not fit"):
        MultiBlockPCA(BLOCKS, 7).fit(X)
    with pytest.raises(DataError, match="needs targets"):
        MultiBlockPLS(BLOCKS, 1).fit(X)
    with pytest.raises(DataError, match="60 rows and y 59"):
        MultiBlockPLS(BLOCKS, 1).fit(X, np.zeros(59))
    with pytest.raises(NotFittedYetError):
        MultiBlockPLS(BLOCKS, 1).predict(X)
