"""Planted leaks are found and named; honest columns are left alone."""

import numpy as np
import pytest

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.forward import (
    LeakKind,
    LeakSettings,
    Reported,
    Timeline,
    changes_with_future,
    declared_later,
    leaking_columns,
)
from goldenbatch.science.forward.leaks import closeness, closeness_within, recorded_later


def plant(noise=0.0, seed=0, n=300):
    """Three products at levels far apart; one honest cause, one column of the product alone."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    cause = rng.normal(size=n)
    y = 10.0 * codes + 0.5 * cause + rng.normal(size=n)
    leak = y + noise * rng.normal(size=n)
    X = np.column_stack([cause, codes + 0.01 * rng.normal(size=n), leak])
    return X, ["cause", "product", "leak"], y, [str(one) for one in codes]


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3, 0.6])
def test_the_planted_column_and_no_other_is_named(noise):
    X, _, y, codes = plant(noise)
    found = leaking_columns(X[:, [0, 2]], ["cause", "leak"], Reported.of(y), codes)
    assert [one.column for one in found] == ["leak"]
    assert "correlation" in found[0].words


def test_a_column_that_tells_products_apart_is_a_duplicate_only_if_it_follows_the_result():
    X, names, y, codes = plant(3.0)
    alone = leaking_columns(X[:, [0]], ["cause"], Reported.of(y), codes)
    assert not alone
    whole = leaking_columns(X, names, Reported.of(y), codes, LeakSettings(duplicate=0.999))
    assert not whole


def test_a_bent_or_turned_copy_is_found():
    _, _, y, codes = plant()
    for copy in (np.exp(y / 20), -y, 100 - y**3):
        found = leaking_columns(copy[:, None], ["copy"], Reported.of(y), codes)
        assert found[0].kind is LeakKind.DUPLICATE


def test_among_censored_results_only_measured_ones_speak():
    _, _, y, codes = plant()
    limit = float(np.quantile(y, 0.4))
    copy = np.where(y <= limit, np.random.default_rng(1).normal(size=len(y)) * 50, y)
    found = leaking_columns(copy[:, None], ["copy"], Reported.of(y, limit), codes)
    assert found[0].kind is LeakKind.DUPLICATE


def test_a_column_filled_in_with_the_result_is_found():
    rng = np.random.default_rng(2)
    y, x = rng.normal(size=60), rng.normal(size=60)
    y[rng.random(60) < 0.3] = np.nan
    x[np.isnan(y)] = np.nan
    found = leaking_columns(x[:, None], ["remark"], Reported.of(y), ["a"] * 60)
    assert found[0].kind is LeakKind.FILLED


def test_noise_alone_is_no_leak():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(200, 60)), rng.normal(size=200)
    assert not leaking_columns(X, [f"c{k}" for k in range(60)], Reported.of(y), ["a"] * 200)
    assert not leaking_columns(np.ones((200, 1)), ["one"], Reported.of(y), ["a"] * 200)


def test_stages_and_times_after_the_decision():
    stages = {"press": ["tbl_*"], "coating": ["fct_*"], "laboratory": ["*_test"]}
    found = declared_later(["tbl_weight", "fct_test", "other"], stages, "coating")
    assert [(one.column, one.kind) for one in found] == [("fct_test", LeakKind.STAGE)]
    with pytest.raises(DesignError, match="packing"):
        declared_later([], stages, "packing")
    late = recorded_later({"a": [1.0, np.nan], "b": [3.0, 9.0]}, [2.0, 2.0])
    assert [(one.column, one.figure) for one in late] == [("b", 1.0)]


def test_closeness_knows_ranks_and_products():
    x = np.arange(1.0, 30.0)
    assert closeness(x, np.exp(x)) == pytest.approx(1.0)
    assert closeness(x, np.full(29, 0.3)) == 0.0
    codes = np.repeat([0, 1], 15)[:29]
    assert closeness_within(codes * 100.0, codes * 50.0, codes) == 0.0


def test_columns_made_of_the_future_are_found_by_asking():
    rng = np.random.default_rng(7)
    y, timeline = rng.normal(size=30), Timeline.of(np.repeat(np.arange(10), 3))
    honest = lambda v: np.array([v[timeline.known(t)].sum() for t in timeline.at])[:, None]  # noqa: E731
    own_month = lambda v: np.array([v[timeline.at <= t].sum() for t in timeline.at])[:, None]  # noqa: E731
    assert not changes_with_future(honest, y, timeline).any()
    assert changes_with_future(own_month, y, timeline).all()


def test_refusals():
    with pytest.raises(DataError, match="inputs"):
        leaking_columns(np.ones((3, 2)), ["a"], Reported.of([1.0, 2.0, 3.0]), "aaa")
    with pytest.raises(DesignError, match="leaks"):
        LeakSettings(alone=0.0)
