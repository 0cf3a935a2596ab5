"""Advice: only named, adjustable, proven, seen; and only where the gain is clear."""

import numpy as np
import pytest

from goldenbatch.science.drivers import (
    Adjustable,
    AdviceSettings,
    CauseSettings,
    ForwardSettings,
    Level,
    Rows,
    StudySettings,
    advise,
    run_study,
)
from goldenbatch.science.errors import DataError, DesignError

QUICK = StudySettings(
    forward=ForwardSettings(levels=(Level.MEAN,), penalties=(0.03, 0.3)),
    causes=CauseSettings(n_pairs=10, n_repeats=5),
)
FEW = AdviceSettings(n_resamples=100)


def made(seed=0, effect=-1.5):
    draw = np.random.default_rng(seed)
    n = 240
    force, speed = 10 + draw.normal(size=n), 60 + 2 * draw.normal(size=n)
    y = 95 + effect * (force - 10) + draw.normal(size=n)
    rows = Rows.of(
        np.column_stack([force, speed, draw.normal(size=(n, 3))]), y,
        ("force", "speed", "n1", "n2", "n3"), product=np.arange(n) % 2, lot=np.arange(n) // 3,
        block=np.arange(n) // 10,
    )  # fmt: skip
    return rows, run_study(rows, rows.block < 10, QUICK)


@pytest.fixture(scope="module")
def plant():
    return made()


def ask(plant, *adjustables, is_allowed=None, higher_is_better=True):
    rows, found = plant
    how = AdviceSettings(n_resamples=100, higher_is_better=higher_is_better)
    return advise(rows, found.walked, found.causes, adjustables, 0, how, is_allowed=is_allowed)


def test_the_gain_of_a_step_is_found_with_an_interval_that_holds_it(plant):
    (one,) = ask(plant, Adjustable("force", 9.0, 11.0))
    assert one.is_advice
    assert one.proposed == 9.0 < one.present
    true = -1.5 * (one.proposed - one.present)
    assert one.interval.lower < true * 1.05 and true * 0.8 < one.interval.upper
    assert one.gain == pytest.approx(true, rel=0.25)
    (other,) = ask(plant, Adjustable("force", 9.0, 11.0), higher_is_better=False)
    assert other.proposed == 11.0 and other.gain < 0


def test_no_step_leaves_what_the_product_has_seen(plant):
    rows, _ = plant
    (one,) = ask(plant, Adjustable("force", -100.0, 100.0))
    own = rows.X[rows.product == 0, 0]
    assert np.quantile(own, 0.05) - 1e-9 <= one.proposed <= np.quantile(own, 0.95) + 1e-9


def test_a_variable_that_is_no_named_cause_gets_no_advice(plant):
    (one,) = ask(plant, Adjustable("speed", 50.0, 70.0))
    assert not one.is_advice and one.proposed == one.present
    assert "no named cause" in one.why_not


def test_the_design_space_is_asked_and_may_shorten_or_forbid_the_step(plant):
    force = Adjustable("force", 8.0, 12.0)
    (short,) = ask(plant, force, is_allowed=lambda at: at["force"] > 9.4)
    assert 9.4 < short.proposed < 9.7
    (none,) = ask(plant, force, is_allowed=lambda at: False)
    assert "design space" in none.why_not


def test_a_present_setting_outside_the_proven_range_is_looked_into_first(plant):
    (one,) = ask(plant, Adjustable("force", 11.5, 12.0))
    assert "outside the proven range" in one.why_not


def test_two_variables_that_never_went_together_are_not_brought_together():
    draw = np.random.default_rng(1)
    n = 240
    force = 10 + draw.normal(size=n)
    fill = force + 0.05 * draw.normal(size=n)
    y = 95 - 1.5 * (force - 10) + draw.normal(size=n)
    rows = Rows.of(
        np.column_stack([force, fill, draw.normal(size=n)]), y, ("force", "fill", "n"),
        product=np.zeros(n), lot=np.arange(n) // 3, block=np.arange(n) // 10,
    )  # fmt: skip
    found = run_study(rows, rows.block < 10, QUICK)
    told = advise(
        rows, found.walked, found.causes,
        [Adjustable("force", 8.0, 12.0), Adjustable("fill", 8.0, 12.0)], 0, FEW,
    )  # fmt: skip
    own = next(one for one in told if "no named cause" not in one.why_not)
    assert abs(own.proposed - own.present) < 0.15


def test_where_nothing_acts_there_is_no_advice():
    assert not any(
        one.is_advice
        for seed in range(5)
        for one in ask(made(20 + seed, effect=0.0), Adjustable("force", 8.0, 12.0))
    )


def test_what_cannot_be_asked_is_refused(plant):
    with pytest.raises(DataError, match="no column"):
        ask(plant, Adjustable("heat", 0.0, 1.0))
    with pytest.raises(DesignError, match="is empty"):
        Adjustable("force", 2.0, 1.0)
    rows, found = plant
    with pytest.raises(DataError, match="0 batches"):
        advise(rows, found.walked, found.causes, [Adjustable("force", 9.0, 11.0)], 7)
