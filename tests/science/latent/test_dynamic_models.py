"""Dynamic PCA and CVA: published Tennessee Eastman tables, limits that hold, gaps, breaks."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent.alarm_limits import LimitSource
from goldenbatch.science.latent.alarm_settings import AlarmSettings
from goldenbatch.science.latent.cva import CVA
from goldenbatch.science.latent.dynamic_pca import DynamicPCA
from goldenbatch.science.latent.pca import PCA

TEP = (
    Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[4] / "shared" / "data")) / "tep"
)
needs_tep = pytest.mark.skipif(
    not (TEP / "d00.dat").exists(), reason=f"no Tennessee Eastman data in {TEP}"
)
FAST = AlarmSettings(n_folds=3)


@pytest.fixture(autouse=True)
def one_thread():
    """Small matrices: threads of a linear algebra library only wait for one another."""
    with threadpool_limits(1):
        yield


@cache
def tep(name):
    rows = np.loadtxt(TEP / name)
    return rows.T if len(rows) == 52 else rows


def faults():
    return {
        int(path.name[1:3]): path.name
        for path in sorted(TEP.glob("d[0-9][0-9]_te.dat"))
        if path.name != "d00_te.dat"
    }


# Yin et al. (2012), J. Process Control 22:1567, doi:10.1016/j.jprocont.2012.06.009, table of PCA.
YIN = [99.88, 98.75, 12.88, 100, 33.62, 100, 100, 98.00, 8.38, 60.50, 78.88, 99.12, 95.38, 100]
YIN += [14.12, 55.25, 95.25, 90.50, 42.12, 63.38, 52.12]

# Chiang, Russell and Braatz (2001), doi:10.1007/978-1-4471-0347-9, missed detections of faults
# 1 to 10 with limits of 1 % false alarms on the normal test file.
MISSED = {
    "PCA T2": [0.008, 0.020, 0.998, 0.956, 0.775, 0.011, 0.085, 0.034, 0.994, 0.666],
    "PCA SPE": [0.003, 0.014, 0.991, 0.038, 0.746, 0.000, 0.000, 0.024, 0.981, 0.659],
    "DPCA T2": [0.006, 0.019, 0.991, 0.939, 0.758, 0.013, 0.159, 0.028, 0.995, 0.580],
    "DPCA SPE": [0.005, 0.015, 0.990, 0.000, 0.748, 0.000, 0.000, 0.025, 0.994, 0.665],
    "CVA Ts2": [0.001, 0.011, 0.981, 0.688, 0.000, 0.000, 0.386, 0.021, 0.986, 0.166],
    "CVA Tr2": [0.000, 0.010, 0.986, 0.000, 0.000, 0.000, 0.000, 0.016, 0.993, 0.099],
}


@needs_tep
def test_plain_pca_gives_the_published_detection_rate_of_each_fault_within_005_points():
    used = np.r_[0:22, 41:52]
    settings = AlarmSettings(source=LimitSource.THEORETICAL, n_folds=3)
    plan = DynamicPCA(9, alarms=settings).fit(tep("d00.dat")[:, used]).plan()
    for number, name in faults().items():
        scores, _ = plan.score(tep(name)[160:, used])
        found = 100.0 * scores.is_alarm.mean()
        # Fault 19 is remembered otherwise in one source (41.13); 42.12 is what others compute.
        assert found == pytest.approx(YIN[number - 1], abs=0.05), f"fault {number}"
    normal, _ = plan.score(tep("d00_te.dat")[:, used])
    assert 100.0 * normal.is_alarm.mean() == pytest.approx(5.62, abs=0.05)


@needs_tep
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("PCA", DynamicPCA(11, alarms=FAST)),
        ("DPCA", DynamicPCA(29, lags=2, alarms=FAST)),
        ("CVA", CVA(29, lags=2, n_future=2, statistics=("Ts2", "Tr2"), alarms=FAST)),
    ],
)
def test_the_published_missed_detections_come_out_at_equal_false_alarms(name, model):
    plan = clone(model).fit(tep("d00.dat")).plan()
    limits = np.nanquantile(plan.score(tep("d00_te.dat"))[0].raw, 0.99, axis=0)
    known = {number: file for number, file in faults().items() if number <= 10}
    missed = np.array(
        [(plan.score(tep(file))[0].raw[160:] <= limits).mean(axis=0) for file in known.values()]
    )
    for k, statistic in enumerate(plan.facts.statistics):
        published = np.array([MISSED[f"{name} {statistic}"][i - 1] for i in known])
        off = np.abs(missed[:, k] - published)
        assert np.median(off) <= 0.012, (statistic, off)
        assert off.max() <= 0.04, (statistic, off)


@needs_tep
def test_a_textbook_limit_says_what_it_really_does():
    settings = AlarmSettings(source=LimitSource.THEORETICAL, n_folds=4)
    model = DynamicPCA(29, lags=2, alarms=settings).fit(tep("d00.dat"))
    spe = model.limits_[-1]
    assert (spe.statistic, spe.source, spe.asked_rate) == ("SPE", LimitSource.THEORETICAL, 0.01)
    # With 498 windows of 156 values the theory's 1 % is far off; later rows agree (27.5 %).
    assert spe.measured.rate > 0.15
    later = model.plan().score(tep("d00_te.dat"))[0].is_over[:, 1].mean()
    assert later == pytest.approx(0.275, abs=0.02)
    left_out = model.plan(in_force=LimitSource.CROSS_VALIDATED)
    assert left_out.score(tep("d00_te.dat"))[0].is_over[:, 1].mean() < 0.03


def process(n, seed, p=6):
    """A stable process with two slow factors, and noise."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(99).normal(size=(2, p))
    factors = np.zeros((n + 50, 2))
    for i in range(1, n + 50):
        factors[i] = [0.9, 0.6] * factors[i - 1] + rng.normal(size=2)
    return factors[50:] @ mix + 0.3 * rng.normal(size=(n, p)) + np.arange(p)


MODELS = [
    DynamicPCA(2, statistics=("T2", "SPE", "combined"), alarms=FAST),
    DynamicPCA(4, lags=1, alarms=FAST),
    CVA(2, lags=1, n_future=1, ridge=1e-4, alarms=FAST),
    CVA(2, lags=1, residual="plain", alarms=AlarmSettings(smoothing=0.2, is_log=True)),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda one: f"{type(one).__name__}-{one.lags}")
def test_every_limit_does_on_new_rows_about_what_it_says(model):
    fitted = clone(model).fit(process(800, 1)).calibrate(process(1500, 2))
    new = process(6000, 3)
    sources = {one.source for one in fitted.limits_}
    assert {LimitSource.CROSS_VALIDATED, LimitSource.HELD_OUT} <= sources
    assert (LimitSource.THEORETICAL in sources) == (model.alarms.smoothing == 1.0)
    for source in sources:
        plan = fitted.plan(in_force=source)
        rates = plan.score(new)[0].is_over.mean(axis=0)
        assert (rates < 0.03).all(), (source, rates)
        for limit in plan.facts.limits:
            assert limit.measured.lower <= limit.measured.rate <= limit.measured.upper
        assert plan.facts.false_alarms.n_rows >= 790


@pytest.mark.parametrize("model", MODELS, ids=lambda one: f"{type(one).__name__}-{one.lags}")
def test_a_shifted_tag_is_found_and_named(model):
    plan = clone(model).fit(process(600, 4)).plan([f"t{i}" for i in range(6)])
    rows = process(200, 5)
    rows[100:, 2] += 4.0
    scores, state = plan.score(rows)
    assert scores.is_alarm[:100].mean() < 0.06
    assert scores.is_alarm[120:].mean() > 0.9
    named = [plan.contributions(state, name).top(1)[0][0] for name in plan.facts.statistics]
    assert "t2" in named


def test_the_contract_of_scikit_learn_holds():
    rows = process(300, 6)
    model = clone(DynamicPCA(2, alarms=FAST))
    with pytest.raises(NotFittedYetError):
        model.predict(rows)
    marks = model.fit(rows).predict(rows)
    assert set(np.unique(marks)) <= {-1, 1}
    assert ((model.decision_function(rows) < 0) == (marks == -1)).all()
    assert (model.fit_predict(rows) == marks).all()
    assert model.get_params()["n_components"] == 2
    assert model.n_features_in_ == 6


def test_the_plane_without_lags_is_that_of_the_plain_pca():
    rows = process(200, 7)
    ours = DynamicPCA(3, alarms=FAST).fit(rows).plan()
    known = PCA(3).fit(rows).plan().score(rows)
    found = ours.score(rows)[0].raw
    np.testing.assert_allclose(found[:, 0], known.t2, rtol=1e-8)
    np.testing.assert_allclose(found[:, 1], known.spe, rtol=1e-8)


def test_gaps_and_breaks_hardly_move_a_model():
    rows = process(700, 8)
    gapped = np.where(np.random.default_rng(1).random(rows.shape) < 0.04, np.nan, rows)
    gapped[350] = np.nan
    whole = CVA(2, lags=1, n_future=1, ridge=1e-3, alarms=FAST).fit(rows)
    part = CVA(2, lags=1, n_future=1, ridge=1e-3, alarms=FAST).fit(gapped)
    assert part.correlations_[:2] == pytest.approx(whole.correlations_[:2], abs=0.03)
    new = process(500, 9)
    new[:, 0] += 2.5
    both = [one.plan().score(new)[0].is_alarm.mean() for one in (whole, part)]
    assert both[1] == pytest.approx(both[0], abs=0.06)
    holes = np.where(np.random.default_rng(2).random(rows.shape) < 0.1, np.nan, process(700, 10))
    scores, _ = part.plan().score(holes)
    assert scores.is_scored.mean() > 0.98
    assert scores.is_alarm.mean() < 0.06


def test_settings_that_give_no_model_are_refused():
    rows = process(100, 11)
    with pytest.raises(DesignError, match="components do not fit"):
        DynamicPCA(7).fit(rows)
    with pytest.raises(DesignError, match="only 4 of 6 components carry"):
        DynamicPCA(5).fit(rows[:, [0, 1, 2, 3, 0, 1]])
    with pytest.raises(DesignError, match="states do not fit"):
        CVA(9, n_future=1).fit(rows)
    with pytest.raises(DesignError, match="unknown"):
        DynamicPCA(2, statistics=("Q",)).fit(rows)
    with pytest.raises(DesignError, match="make no sense"):
        AlarmSettings(rate=0.0)
    with pytest.raises(DesignError, match="no held-out limits"):
        DynamicPCA(2, alarms=FAST).fit(rows).plan(in_force=LimitSource.HELD_OUT)
    with pytest.raises(DataError, match="held-out rows are too few"):
        DynamicPCA(2, alarms=FAST).fit(rows).calibrate(rows[:40])
    with pytest.raises(DataError, match="no value"):
        DynamicPCA(2).fit(np.where(np.arange(6) == 1, np.nan, rows))


@pytest.mark.parametrize("lags", [-1, 1.5, "2", 2_000])
def test_windows_that_nobody_could_fit_are_refused_at_once(lags):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    with pytest.raises(DesignError, match="lags"):
        CVA(2, lags=lags).fit(rows)
    with pytest.raises(DesignError, match="lags"):
        DynamicPCA(2, lags=lags).fit(rows)
