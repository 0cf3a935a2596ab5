"""Recursive PCA: an update is another plan; faults are not learnt; the way from the first."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.adaptive import AdaptiveSettings, begin, distance, update
from goldenbatch.science.latent.dynamic_pca import DynamicPCA

TAGS = ("a", "b", "c", "d")
SETTINGS = AdaptiveSettings(n_components=2, memory=500)


def rows(n, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(3).normal(size=(2, 4))
    return rng.normal(size=(n, 2)) @ mix + 0.3 * rng.normal(size=(n, 4)) + shift


def test_the_first_plan_is_that_of_the_ordinary_model():
    X = rows(400, 1)
    ours = begin(X, TAGS, SETTINGS).plan.score(X)[0].raw
    known = DynamicPCA(2).fit(X).plan().score(X)[0].raw
    np.testing.assert_allclose(ours, known, rtol=1e-8)


@pytest.mark.parametrize("lags", [0, 1])
def test_updates_end_where_one_fit_of_all_rows_would(lags):
    settings = AdaptiveSettings(
        n_components=2, lags=lags, memory=10_000, least_share=0.0, rate=1e-9
    )
    X = rows(900, 2)
    known = begin(X[:300], TAGS, settings)
    for first in (300, 600):
        known = update(known, X[first - lags : first + 300], settings)
    whole = begin(X, TAGS, settings)
    assert known.moments.n == whole.moments.n
    np.testing.assert_allclose(known.moments.mean, whole.moments.mean, atol=1e-10)
    np.testing.assert_allclose(
        known.moments.covariance, whole.moments.covariance, rtol=0.03, atol=0.01
    )


def test_nothing_changes_in_place_and_the_line_of_digests_is_whole():
    first = begin(rows(400, 1), TAGS, SETTINGS)
    raw = first.plan.to_bytes()
    second = update(first, rows(200, 2, 0.1), SETTINGS)
    third = update(second, rows(200, 3, 0.2), SETTINGS)
    assert first.plan.to_bytes() == raw
    assert (second.follows, third.follows) == (first.plan.digest, second.plan.digest)
    assert len({first.plan.digest, second.plan.digest, third.plan.digest}) == 3
    assert third.moments.n == SETTINGS.memory
    assert update(first, rows(200, 2, 0.1), SETTINGS).plan == second.plan


def test_a_slow_drift_is_followed_and_its_distance_from_the_first_plan_grows():
    known = first = begin(rows(500, 1), TAGS, SETTINGS)
    fixed, away = [], []
    for i in range(8):
        X = rows(250, 10 + i, 0.15 * (i + 1))
        fixed.append(first.plan.score(X)[0].is_alarm.mean())
        known = update(known, X, SETTINGS)
        away.append(distance(first.plan, known.plan).centre)
        assert known.before is not None
        assert known.before.rate < 0.08
    assert fixed[-1] > 0.25
    assert away == sorted(away)
    assert away[-1] > 0.5


def test_a_turned_plane_and_another_scale_are_seen():
    first = begin(rows(2000, 1), TAGS, SETTINGS).plan
    turned = begin(rows(2000, 2)[:, [1, 0, 2, 3]], TAGS, SETTINGS).plan
    same = begin(rows(2000, 2), TAGS, SETTINGS).plan
    assert distance(first, turned).angle > 20.0 > 6.0 > distance(first, same).angle
    wide = begin(rows(2000, 2) * [1, 3, 1, 1], TAGS, SETTINGS).plan
    assert distance(first, wide).scale == pytest.approx(3.0, rel=0.1)


def test_a_fault_is_not_learnt():
    first = begin(rows(400, 1), TAGS, SETTINGS)
    with pytest.raises(DataError, match="must not learn a fault"):
        update(first, rows(100, 2, 3.0), SETTINGS)
    X = rows(200, 3)
    X[:20] += 30.0
    X[50, 1] = np.nan
    kept = update(first, X, SETTINGS)
    assert kept.n_left_out >= 21
    assert abs(kept.moments.mean).max() < 0.5


def test_plans_of_other_models_are_not_compared():
    first = begin(rows(400, 1), TAGS, SETTINGS).plan
    other = begin(rows(400, 1), TAGS, AdaptiveSettings(n_components=1)).plan
    with pytest.raises(DesignError, match="same tags"):
        distance(first, other)
    with pytest.raises(DataError, match="named"):
        begin(rows(400, 1), TAGS[:3], SETTINGS)
    with pytest.raises(DesignError, match="components"):
        begin(rows(400, 1), TAGS, AdaptiveSettings(n_components=4))
