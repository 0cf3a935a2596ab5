"""Studies on a plant whose causes are known: what is named, what is not, and why."""

import dataclasses

import numpy as np
import pytest
from tests.science.drivers.plant import plant

from goldenbatch.science.drivers import (
    CauseSettings,
    ForwardSettings,
    Level,
    Rows,
    StudySettings,
    run_study,
    walk_forward,
)
from goldenbatch.science.errors import DataError

QUICK = StudySettings(
    forward=ForwardSettings(levels=(Level.MEAN,), penalties=(0.03, 0.3, 3.0)),
    causes=CauseSettings(n_pairs=10, n_repeats=5),
)


@pytest.fixture(scope="module")
def found():
    rows = plant(1)
    return run_study(rows, rows.block < 10, QUICK)


def cause(found, column):
    return next(one for one in found.causes.ranked if column in one.group.name.split(", "))


def test_true_causes_are_named_and_beat_the_baseline(found):
    assert found.is_better
    assert found.ratio < 0.8
    assert found.interval.lower < found.ratio < found.interval.upper < 1.0
    named = {one.group.name: one.signs.within for one in found.causes.named}
    assert set(named) == {"force, force_peak", "water"}
    assert named["force, force_peak"] < 0 < named["water"]


def test_a_sign_that_pooling_reverses_is_seen_and_the_one_within_products_is_taken(found):
    signs = cause(found, "force").signs
    assert signs.pooled > 0.5
    assert signs.within < -0.5
    assert signs.is_reversed
    assert signs.n_same == signs.n_products == 4
    assert signs.slope == pytest.approx(-1.5, abs=0.3) or signs.slope == pytest.approx(
        -1.5 / 1.2, abs=0.3
    )


def test_columns_that_move_together_are_judged_as_one(found):
    group = cause(found, "force").group
    assert [found.rows.columns[k] for k in group.columns] == ["force", "force_peak"]
    assert cause(found, "force_peak") is cause(found, "force")


def test_what_cannot_be_told_from_time_is_not_named_and_says_so(found):
    drift = cause(found, "month_drift")
    assert drift.group.with_time > 0.9
    assert any("cannot be told from time" in one for one in drift.why_not)
    once = cause(found, "once")
    assert any("too few to tell" in one for one in once.why_not)


def test_without_an_effect_nothing_beats_the_baseline_and_almost_nothing_is_named():
    n_better = n_named = 0
    for seed in range(10):
        rows = plant(100 + seed, has_effect=False)
        one = run_study(rows, rows.block < 10, QUICK)
        n_better += one.is_better
        n_named += len(one.causes.named)
        if not one.is_better:
            assert all(
                "nothing beats the baseline forward in time" in c.why_not for c in one.causes.ranked
            )
    assert n_better <= 1
    assert n_named == 0


def test_what_comes_later_changes_no_earlier_prediction():
    rows = plant(3, 160)
    base = walk_forward(rows, rows.block >= 6, Level.LAST_FIVE, QUICK.forward)
    later = rows.block >= 11
    X, y = rows.X.copy(), rows.y.copy()
    X[later], y[later] = X[later] * 7.0 + 5.0, -y[later]
    changed = walk_forward(
        dataclasses.replace(rows, X=X, y=y), rows.block >= 6, Level.LAST_FIVE, QUICK.forward
    )
    before = rows.block < 11
    np.testing.assert_array_equal(base.predicted[before], changed.predicted[before])
    assert not np.array_equal(base.predicted[later], changed.predicted[later])


def test_the_result_of_a_block_changes_no_prediction_of_it():
    rows = plant(4, 160)
    base = walk_forward(rows, rows.block >= 6, Level.MEAN, QUICK.forward)
    y = np.where(rows.block == 11, rows.y + 50.0, rows.y)
    changed = walk_forward(
        dataclasses.replace(rows, y=y), rows.block >= 6, Level.MEAN, QUICK.forward
    )
    now = rows.block <= 11
    np.testing.assert_array_equal(base.predicted[now], changed.predicted[now])


def test_no_model_predicts_a_lot_that_it_was_fitted_to():
    draw = np.random.default_rng(5)
    n = 360
    # A lot is made over three blocks; its mark says nothing but which lot it is.
    lot = 3 * (np.arange(n) // 36) + draw.integers(0, 3, n)
    mark = draw.permutation(lot.max() + 1)[lot].astype(float)
    y = draw.normal(size=lot.max() + 1)[lot] + 0.3 * draw.normal(size=n)
    rows = Rows.of(
        mark[:, None], y, ("mark",), product=np.zeros(n), lot=lot, block=np.arange(n) // 12
    )
    trees = ForwardSettings(penalties=(), has_trees=True, n_trees=10)
    walked = walk_forward(rows, rows.block >= 15, Level.MEAN, trees)
    torn = dataclasses.replace(rows, lot=np.arange(n))
    other = walk_forward(torn, rows.block >= 15, Level.MEAN, trees)

    def error(one):
        return np.mean((rows.y - one.predicted)[one.is_scored] ** 2)

    plain = np.mean(walked.found.y_difference[walked.is_scored] ** 2)
    assert error(other) < 0.8 * plain
    assert error(walked) > 0.95 * plain


def test_the_past_must_be_the_past():
    rows = plant(6, 80)
    with pytest.raises(DataError, match="must end before"):
        run_study(rows, rows.block % 2 == 0)
    with pytest.raises(DataError, match="some are left"):
        run_study(rows, np.ones(80, dtype=bool))


def test_too_few_lots_give_predictions_but_no_causes():
    rows = dataclasses.replace(plant(7, 120), lot=np.repeat(np.arange(4), 30))
    one = run_study(rows, rows.block < 6, QUICK)
    assert one.causes is None
    assert "lots" in one.note


def test_shares_stay_between_nothing_and_all():
    rows = plant(8)
    is_right = (rows.y > np.median(rows.y)).astype(float)
    one = run_study(
        dataclasses.replace(rows, y=is_right), rows.block < 10,
        dataclasses.replace(QUICK, is_share=True),
    )  # fmt: skip
    told = one.walked.predicted[one.walked.is_scored]
    assert told.min() >= 0.0
    assert told.max() <= 1.0
