"""Carried forward: no result that was not known is ever fitted to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression

from goldenbatch.science.errors import DataError
from goldenbatch.science.forward import ForwardSettings, Timeline, forward_predictions


class Remember(BaseEstimator):
    """Predicts the sum of what it was fitted to."""

    def fit(self, X, y):
        self.sum_ = float(y.sum())
        return self

    def predict(self, X):
        return np.full(len(X), self.sum_)


@given(
    st.integers(0, 999),
    st.integers(1, 3),
    st.integers(0, 4),
    st.booleans(),
)
def test_each_row_is_predicted_by_the_known_results_of_other_lots(seed, delay, every, grouped):
    rng = np.random.default_rng(seed)
    periods, lots = np.sort(rng.integers(0, 6, 20)), rng.choice(["x", "y", "z", ""], 20)
    y = rng.normal(size=20)
    y[rng.random(20) < 0.1] = np.nan
    timeline = Timeline.of(periods, delay)
    settings = ForwardSettings(every, 1, grouped)
    found = forward_predictions(
        Remember(), np.zeros((20, 1)), y, timeline, lots.tolist(), settings=settings
    )
    blocks = list(timeline.blocks(every)) if every else [(periods.min(), np.arange(20))]
    for at, block in blocks:
        own = {lots[k] for k in block if lots[k]} if grouped else set()
        known = np.flatnonzero((periods + delay <= at) & ~np.isnan(y)).tolist()
        used = [y[k] for k in known if lots[k] not in own]
        expected = sum(used) if used else np.nan
        assert found[block] == pytest.approx(np.full(len(block), expected), nan_ok=True)


@given(st.integers(0, 999))
def test_the_future_changes_no_prediction(seed):
    rng = np.random.default_rng(seed)
    periods = np.sort(rng.integers(0, 8, 40))
    X, y, timeline = rng.normal(size=(40, 2)), rng.normal(size=40), Timeline.of(periods)
    settings = ForwardSettings(n_least=4)
    plain = forward_predictions(LinearRegression(), X, y, timeline, [""] * 40, settings=settings)
    later = ~timeline.known(5)
    y2, X2 = y.copy(), X.copy()
    y2[later] = rng.permutation(y2[later]) + 7.0
    X2[periods > 5] = rng.normal(size=(int((periods > 5).sum()), 2))
    again = forward_predictions(LinearRegression(), X2, y2, timeline, [""] * 40, settings=settings)
    assert np.array_equal(plain[periods <= 5], again[periods <= 5], equal_nan=True)


def test_only_what_is_asked_is_predicted():
    asked = np.arange(12) >= 8
    found = forward_predictions(
        Remember(), np.zeros((12, 1)), np.ones(12), Timeline.of(np.arange(12)), [""] * 12,
        asked=asked, settings=ForwardSettings(n_least=1),
    )  # fmt: skip
    assert found[8:].tolist() == [8.0, 9.0, 10.0, 11.0]
    assert np.isnan(found[:8]).all()


def test_lengths_are_checked():
    with pytest.raises(DataError, match="rows"):
        forward_predictions(Remember(), np.ones((2, 1)), [1.0], Timeline.of([1]), [""])
