"""The choice rests on the past alone; other splits stand beside it."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.forward import ForwardSettings, Reported, Timeline
from goldenbatch.science.forward.choice import CANDIDATES, candidate, choose_forward
from goldenbatch.science.forward.splits import split_r2


class Fixed(BaseEstimator):
    """Predicts one number."""

    def __init__(self, value=0.0):
        self.value = value

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.full(len(X), self.value)


BOTH = {"mean": DummyRegressor(), "line": LinearRegression()}


def rows(slope, n=60):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 1))
    return X, slope * X[:, 0] + rng.normal(size=n), Timeline.of(np.arange(n) // 3), [""] * n


@pytest.mark.parametrize(("slope", "name"), [(3.0, "line"), (0.0, "mean")])
def test_the_smaller_forward_error_wins(slope, name):
    X, y, timeline, lots = rows(slope)
    found = choose_forward(BOTH, X, Reported.of(y), timeline, lots, ForwardSettings(n_least=10))
    assert found.name == name and found.n == 48
    errors = (found.predicted - y)[~np.isnan(found.predicted)]
    assert found.rmse[name] == pytest.approx(np.sqrt(np.mean(errors**2)))


@pytest.mark.parametrize(("off", "name"), [(0.15, "first"), (0.3, "second")])
def test_the_first_is_kept_unless_another_is_clearly_better(off, name):
    y = np.tile([1.0, -1.0], 30)
    both = {"first": Fixed(off), "second": Fixed(0.0)}
    found = choose_forward(
        both, np.zeros((60, 1)), Reported.of(y), Timeline.of(np.arange(60)), [""] * 60
    )
    assert found.name == name
    assert found.rmse["first"] == pytest.approx(np.sqrt(1 + off**2))


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_candidate_fits_rows_with_gaps(name):
    X, y, _, _ = rows(2.0)
    X = np.column_stack([X, X, np.full(60, np.nan)])
    X[::7, 1] = np.nan
    y = np.maximum(y, 0.0)
    model = candidate(name, limit=0.0, n_trees=10).fit(X, y)
    assert np.corrcoef(np.maximum(model.predict(X), 0.0), y)[0, 1] > 0.7


def test_refusals():
    X, y, timeline, lots = rows(1.0, 12)
    with pytest.raises(DesignError, match="limit"):
        candidate("tobit")
    with pytest.raises(DesignError, match="candidate"):
        candidate("oracle")
    with pytest.raises(DataError, match="longer training side"):
        choose_forward(BOTH, X, Reported.of(y), timeline, lots)
    with pytest.raises(DataError, match="choose from"):
        choose_forward({}, X, Reported.of(y), timeline, lots)
    with pytest.raises(DataError, match="parts"):
        split_r2(LinearRegression(), X, y, ["one lot"] * 12)


def test_a_random_split_flatters_what_remembers_its_lot():
    from sklearn.neighbors import KNeighborsRegressor

    rng = np.random.default_rng(2)
    number = np.arange(200) // 5
    X, level = rng.normal(size=(40, 3))[number], rng.normal(size=40)[number]
    y = level + 0.1 * rng.normal(size=200)
    found = split_r2(KNeighborsRegressor(1), X, y, [str(one) for one in number])
    assert found["random"] > 0.9 and found["lots_out"] < 0.1 and found["last_fifth"] < 0.3
