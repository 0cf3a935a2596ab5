"""The parts of a study, each against a plain way of computing the same."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from tests.science.drivers.plant import plant

from goldenbatch.science.drivers import (
    DriverModel,
    Level,
    RidgeCorrection,
    Rows,
    TreeCorrection,
    differences,
    forest_shapley,
    group_columns,
    lot_stability,
    signs_of,
)
from goldenbatch.science.drivers.grouping import constant_columns
from goldenbatch.science.drivers.importance import clustered_interval
from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError


@given(
    table=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 4), st.sampled_from([1.0, 2.5, math.nan]),
            st.sampled_from([0.0, 7.0, math.nan]),
        ),
        min_size=1,
        max_size=12,
    ),
    level=st.sampled_from(list(Level)),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_differences_are_those_of_a_plain_loop(table, level):
    product, block, y, x = (list(one) for one in zip(*table, strict=True))
    rows = Rows.of([[one] for one in x], y, ["x"], product=product, lot=product, block=block)
    found = differences(rows, level)
    for i in range(len(table)):
        known = [j for j in range(len(table)) if block[j] < block[i] and not math.isnan(y[j])]
        own = sorted((j for j in known if product[j] == product[i]), key=lambda j: (block[j], j))
        own = own[-{Level.MEAN: 0, Level.LAST: 1, Level.LAST_FIVE: 5}[level] :]
        if not known:
            assert math.isnan(found.level[i])
            continue
        wanted = np.mean([y[j] for j in own or known])
        assert found.level[i] == pytest.approx(wanted)
        there = [x[j] for j in own if not math.isnan(x[j])]
        if there and not math.isnan(x[i]):
            assert found.X_difference[i, 0] == pytest.approx(x[i] - np.mean(there))
        else:
            assert math.isnan(found.X_difference[i, 0])


def test_ridge_is_that_of_scikit_learn():
    draw = np.random.default_rng(0)
    X, y, w = draw.normal(size=(60, 4)), draw.normal(size=60), draw.uniform(0.2, 1.0, 60)
    X[:, 3] = 0.0
    own = RidgeCorrection(0.2).fit(X, y, sample_weight=w)
    scale = np.sqrt(np.mean(X**2, axis=0))
    scale[3] = 1.0
    other = Ridge(alpha=0.2 * w.sum(), fit_intercept=False).fit(X / scale, y, sample_weight=w)
    np.testing.assert_allclose(own.coef_, other.coef_ / scale, atol=1e-10)
    inside = np.abs(X / scale).max(axis=1) < 4
    np.testing.assert_allclose(own.predict(X[inside]), other.predict((X / scale)[inside]))
    np.testing.assert_allclose(own.contributions(X).sum(axis=1), own.predict(X))


def test_a_missing_difference_says_nothing_and_an_extreme_one_no_more_than_four_deviations():
    model = RidgeCorrection(0.0).fit([[1.0], [-1.0]], [2.0, -2.0])
    assert model.predict([[math.nan], [100.0]]).tolist() == pytest.approx([0.0, 8.0])


@pytest.mark.parametrize("kind", [RidgeCorrection, TreeCorrection])
def test_a_correction_says_what_is_wrong(kind):
    with pytest.raises(NotFittedYetError, match="call fit first"):
        kind().predict([[1.0]])
    model = kind().fit([[1.0], [-1.0]], [1.0, -1.0])
    with pytest.raises(DataError, match="fitted to 1"):
        model.predict([[1.0, 2.0]])
    with pytest.raises(DataError, match="rows"):
        kind().fit([[1.0]], [1.0, 2.0])


def test_shapley_values_of_a_forest_are_those_of_all_coalitions():
    draw = np.random.default_rng(2)
    X = draw.normal(size=(80, 4)).round(1)
    y = X[:, 0] * X[:, 1] + X[:, 2] + draw.normal(size=80)
    forest = ExtraTreesRegressor(6, min_samples_leaf=3, random_state=0).fit(X, y)
    rows, base = X[:3], X[10]
    found = forest_shapley(forest, rows, base)
    for row, own in zip(rows, found, strict=True):
        for k in range(4):
            others = [j for j in range(4) if j != k]
            total = 0.0
            for size in range(4):
                weight = math.factorial(size) * math.factorial(3 - size) / math.factorial(4)
                for some in itertools.combinations(others, size):
                    without = base.copy()
                    without[list(some)] = row[list(some)]
                    with_it = without.copy()
                    with_it[k] = row[k]
                    pair = forest.predict([with_it, without])
                    total += weight * (pair[0] - pair[1])
            assert own[k] == pytest.approx(total, abs=1e-9)
    ends = forest.predict(rows) - forest.predict([base])
    np.testing.assert_allclose(found.sum(axis=1), ends, atol=1e-9)


def test_trees_are_explained_against_no_difference():
    draw = np.random.default_rng(3)
    X = draw.normal(size=(60, 3))
    model = TreeCorrection(n_trees=10).fit(X, (X[:, 0] > 0) * 2.0 - 1.0)
    whole = model.predict(X) - model.predict(np.zeros((1, 3)))
    np.testing.assert_allclose(model.contributions(X).sum(axis=1), whole, atol=1e-9)


def test_groups_are_complete_and_what_never_differs_within_a_product_is_apart():
    draw = np.random.default_rng(4)
    a = draw.normal(size=60)
    b = a + 0.55 * draw.normal(size=60)
    product = np.arange(60) % 3
    X = np.column_stack([a, b, b + 0.55 * draw.normal(size=60), product, draw.normal(size=60)])
    rows = Rows.of(X, a, list("abcde"), product=product, lot=np.arange(60), block=np.arange(60))
    assert [rows.columns[k] for k in constant_columns(rows)] == ["d"]
    groups = {one.name: one for one in group_columns(rows)}
    assert set(groups) in ({"a, b", "c", "e"}, {"a", "b, c", "e"})
    joined = next(one for name, one in groups.items() if "," in name)
    assert joined.moves_with and groups["e"].moves_with == ()
    assert joined.n_units == 57


def test_batches_of_one_lot_are_one_state():
    values = np.repeat([1.0, 2.0, 3.0], 10)
    rows = Rows.of(
        values[:, None], values, ["a"], product=np.arange(30) % 2, lot=values, block=np.arange(30)
    )
    assert group_columns(rows)[0].n_units == 2


def test_a_product_that_clearly_works_the_other_way_is_counted():
    draw = np.random.default_rng(5)
    x = draw.normal(size=120)
    product = np.arange(120) % 3
    y = np.where(product == 0, -x, 3 * x) + 0.2 * draw.normal(size=120)
    found = signs_of(
        Rows.of(x[:, None], y, ["x"], product=product, lot=np.arange(120), block=np.arange(120)), 0
    )
    assert (found.n_products, found.n_same, found.n_opposite) == (3, 2, 1)
    assert not found.is_one_way


def test_stable_groups_are_those_that_act():
    rows = plant(6)
    groups = group_columns(rows)
    found = lot_stability(rows, differences(rows, Level.MEAN), groups, n_pairs=8)
    share = dict(zip((one.name for one in groups), found.share, strict=True))
    assert share["force, force_peak"] == share["water"] == 1.0
    assert max(share["n1"], share["n2"], share["n3"]) < 0.8
    assert found.n_halves == 16 and found.false_bound < 2.0
    with pytest.raises(DesignError, match="no stability"):
        lot_stability(rows, differences(rows, Level.MEAN), groups, wanted=0.4)


def test_whole_clusters_are_resampled():
    values = np.repeat(np.random.default_rng(0).normal(size=20), 10)
    alone = clustered_interval(values, [np.arange(200)])
    whole = clustered_interval(values, [np.arange(200), np.repeat(np.arange(20), 10)])
    assert whole.upper - whole.lower > 2.0 * (alone.upper - alone.lower)


def test_the_model_alone_keeps_the_contract():
    rows = plant(9)
    labels = np.array(["d", "a", "c", "b"])[rows.product]
    model = DriverModel(penalties=(0.3,))
    assert model.get_params()["penalties"] == (0.3,)
    with pytest.raises(NotFittedYetError):
        model.predict(rows.X, product=labels)
    model.fit(rows.X, rows.y, product=labels, lot=rows.lot, block=rows.block)
    assert model.score is not None and model.choice_.name == "ridge 0.3"
    told = model.predict(rows.X[:4], product=["a", "b", "c", "nobody knows"])
    means = [rows.y[labels == one].mean() for one in "abc"]
    assert np.abs(told[:3] - means).max() < 8
    assert told[3] == pytest.approx(rows.y.mean())
    with pytest.raises(DataError, match="one product a row"):
        model.predict(rows.X[:4], product=["a"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": ["a", "a"]}, "as many different names"),
        ({"product": [1]}, "have the shapes"),
        ({"block": [1.0, math.nan]}, "no order of time"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(change, words):
    parts = {"columns": ["a", "b"], "product": [1, 1], "lot": [1, 2], "block": [1, 2]} | change
    columns = parts.pop("columns")
    with pytest.raises(DataError, match=words):
        Rows.of([[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0], columns, **parts)
