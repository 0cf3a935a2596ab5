"""PLS: against scikit-learn, intervals, cross-validation."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression

from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent.plan import LimitKind
from goldenbatch.science.latent.pls import PLS, cross_validate
from goldenbatch.science.latent.selection import grouped_folds, interleaved_folds


def _data(n=60, p=10, m=1, seed=0, noise=0.3):
    generator = np.random.default_rng(seed)
    latent = generator.standard_normal((n, 3))
    X = latent @ np.random.default_rng(9).standard_normal((3, p))
    Y = latent @ np.random.default_rng(8).standard_normal((3, m))
    return (
        X + 0.1 * generator.standard_normal((n, p)),
        Y + noise * generator.standard_normal((n, m)),
    )


@pytest.mark.parametrize("algorithm", ["nipals", "simpls"])
@pytest.mark.parametrize("is_scaled", [True, False])
def test_one_target_agrees_with_scikit_learn(algorithm, is_scaled):
    X, Y = _data()
    new, _ = _data(seed=1)
    ours = PLS(4, algorithm=algorithm, is_scaled=is_scaled).fit(X, Y[:, 0])
    theirs = PLSRegression(4, scale=is_scaled).fit(X, Y[:, 0])
    assert ours.predict(new) == pytest.approx(theirs.predict(new), rel=1e-8)
    assert ours.score(new, theirs.predict(new)) == pytest.approx(1.0)


def test_several_targets_agree_with_scikit_learn():
    X, Y = _data(m=3)
    ours, theirs = PLS(3).fit(X, Y), PLSRegression(3, tol=1e-14, max_iter=5000).fit(X, Y)
    assert ours.predict(X) == pytest.approx(theirs.predict(X), rel=1e-5, abs=1e-6)
    assert PLS(3, algorithm="simpls").fit(X, Y).predict(X).shape == (60, 3)


def test_training_rows_keep_their_scores_and_gaps_do_little_harm():
    X, Y = _data(n=100)
    model = PLS(3).fit(X, Y[:, 0])
    cross = model.transform(X).T @ model.transform(X)
    assert np.abs(cross - np.diag(np.diag(cross))).max() < 1e-8 * np.diag(cross).max()
    gapped = np.where(np.random.default_rng(2).random(X.shape) < 0.1, np.nan, X)
    holes = PLS(3).fit(gapped, Y[:, 0])
    gap = holes.predict(gapped) - model.predict(X)
    assert np.sqrt(np.mean(gap**2)) < 0.15 * Y.std()


def test_prediction_interval_covers_what_it_says():
    X, Y = _data(n=40)
    new, truth = _data(n=4000, seed=5)
    model = PLS(3).fit(X, Y[:, 0])
    folds = interleaved_folds(40, 10)
    cv_model = PLS(3).fit(X, Y[:, 0])
    cv_model.use_cross_validation(Y[:, 0], cross_validate(PLS(), X, Y[:, 0], folds, 3))
    for one in (model, cv_model):
        scores = one.plan().score(new)
        inside = (scores.lower <= truth) & (truth <= scores.upper)
        assert 0.92 <= inside.mean() <= 0.985


def test_cross_validation_finds_the_three_directions_and_repeats():
    X, Y = _data(n=80, noise=0.1)
    folds = interleaved_folds(80, 8)
    found = cross_validate(PLS(), X, Y[:, 0], folds, 8)
    again = cross_validate(PLS(), X, Y[:, 0], folds, 8)
    assert found.n_components <= 4
    assert np.array_equal(found.rmse, again.rmse)
    assert found.rmse[found.n_components - 1] < 0.2
    by_hand = np.empty(80)
    for fold in folds:
        kept = np.setdiff1d(np.arange(80), fold)
        by_hand[fold] = PLS(found.n_components).fit(X[kept], Y[kept, 0]).predict(X[fold])
    assert found.predicted[:, 0] == pytest.approx(by_hand)


def test_left_out_limits_are_wider_than_those_of_the_fit_when_rows_are_few():
    X, Y = _data(n=21, p=60)
    found = cross_validate(PLS(is_scaled=False), X, Y[:, 0], grouped_folds(list(range(21))), 5)
    model = PLS(found.n_components, is_scaled=False).fit(X, Y[:, 0])
    model.use_cross_validation(Y[:, 0], found)
    assert model.limits_.spe_left_out > model.limits_.spe_theoretical
    new, _ = _data(n=2000, p=60, seed=3)
    plan = model.plan(limit_kind=LimitKind.LEFT_OUT)
    assert (plan.score(new).spe > plan.facts.spe_limit).mean() < 0.05


def test_estimator_contract_and_bad_input():
    X, Y = _data()
    model = PLS(2, coverage=0.9)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedYetError):
        model.predict(X)
    with pytest.raises(DataError, match="rows of y"):
        model.fit(X, Y[:-1, 0])
    with pytest.raises(DataError, match="missing"):
        model.fit(X, np.full(60, np.nan))
    with pytest.raises(DesignError):
        PLS(11).fit(X, Y)
    with pytest.raises(DesignError):
        PLS(2, algorithm="magic").fit(X, Y)
    with pytest.raises(DataError, match="simpls"):
        PLS(2, algorithm="simpls").fit(np.where(X > 1, np.nan, X), Y)
    with pytest.raises(DataError, match="ask for no more"):
        PLS(3).fit(np.outer(X[:, 0], np.ones(5)), Y[:, 0])
    with pytest.raises(DesignError, match="exactly once"):
        cross_validate(PLS(), X, Y, (np.array([0, 1]),))


def test_fewer_components_of_a_fit_are_a_fit_of_fewer():
    X, Y = _data()
    full, part = PLS(4).fit(X, Y[:, 0]), PLS(2).fit(X, Y[:, 0])
    assert full.with_components(2).predict(X) == pytest.approx(part.predict(X))
    with pytest.raises(DesignError, match="asked of"):
        full.with_components(5)
    with pytest.raises(DataError, match="goes along"):
        PLS(1).fit(X, np.ones(60))
