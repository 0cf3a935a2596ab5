"""Tobit regression: gradient, recovery where replacing values goes wrong, agreement without any."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.base import clone

from goldenbatch.science.errors import DataError, NotFittedYetError
from goldenbatch.science.forward import TobitRidge
from goldenbatch.science.forward.tobit import _loss


def rows(n=400, seed=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return X, 0.2 + X @ [1.0, -0.5] + 0.4 * rng.normal(size=n)


def test_the_gradient_is_that_of_the_likelihood():
    X, y = rows(60)
    z, seen = np.column_stack([np.ones(60), X]), np.maximum(y, 0.0)
    is_censored = seen <= 0.0
    for seed in range(3):
        at = np.random.default_rng(seed).normal(size=4)
        away = check_grad(
            lambda p: _loss(p, z, seen, is_censored, 0.7)[0],
            lambda p: _loss(p, z, seen, is_censored, 0.7)[1],
            at,
        )
        assert away < 1e-4


def test_coefficients_are_found_where_replacing_flattens_them():
    X, y = rows()
    model = TobitRidge(limit=0.0, alpha=1e-9).fit(X, np.maximum(y, 0.0))
    assert model.coef_ == pytest.approx([1.0, -0.5], abs=0.08)
    assert model.sigma_ == pytest.approx(0.4, abs=0.05)
    replaced = np.linalg.lstsq(np.column_stack([np.ones(400), X]), np.maximum(y, 0.0))[0]
    assert replaced[1] < 0.75


def test_without_censored_results_it_is_least_squares():
    X, y = rows(80)
    model = TobitRidge(limit=-99.0, alpha=1e-12).fit(X, y)
    least = np.linalg.lstsq(np.column_stack([np.ones(80), X]), y)[0]
    assert [model.intercept_, *model.coef_] == pytest.approx(least.tolist(), abs=1e-4)


def test_what_is_reported_is_never_below_the_limit():
    X, y = rows()
    model = clone(TobitRidge(limit=0.0, alpha=1.0)).fit(X, np.maximum(y, 0.0))
    latent, reported = model.predict(X), model.predict_reported(X)
    assert (reported >= np.maximum(latent, 0.0) - 1e-12).all()
    assert np.maximum(y, 0.0).mean() == pytest.approx(reported.mean(), abs=0.03)


def test_refusals():
    with pytest.raises(DataError, match="above the limit"):
        TobitRidge(limit=1.0).fit([[1.0], [2.0], [3.0]], [0.5, 1.0, 0.9])
    with pytest.raises(NotFittedYetError):
        TobitRidge().predict([[1.0]])
