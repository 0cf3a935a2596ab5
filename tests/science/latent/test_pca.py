"""PCA: against scikit-learn, with gaps, and the published Tennessee Eastman figures."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn import decomposition
from sklearn.base import clone

from goldenbatch.science.errors import DataError, DesignError, NotFittedYetError
from goldenbatch.science.latent.pca import PCA
from goldenbatch.science.latent.plan import LimitKind
from goldenbatch.science.latent.selection import interleaved_folds

DATA = Path(os.environ.get("GOLDENBATCH_DATA", Path(__file__).parents[4] / "shared" / "data"))


def _data(n=60, p=8, seed=0):
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((n, 3)) * [5, 3, 2] @ generator.standard_normal((3, p))
    return rows + 0.2 * generator.standard_normal((n, p)) + 10


@pytest.mark.parametrize("method", ["svd", "nipals", "em", "auto"])
def test_all_methods_agree_with_scikit_learn_on_complete_data(method):
    rows = _data()
    ours = PCA(3, method=method, is_scaled=False, tolerance=1e-16).fit(rows)
    theirs = decomposition.PCA(3).fit(rows)
    assert np.abs(ours.loadings_) == pytest.approx(np.abs(theirs.components_), abs=1e-6)
    assert ours.score_variance_ == pytest.approx(theirs.explained_variance_)
    assert ours.explained_ == pytest.approx(theirs.explained_variance_ratio_)
    back = ours.inverse_transform(ours.transform(rows))
    assert back == pytest.approx(theirs.inverse_transform(theirs.transform(rows)), abs=1e-5)


@pytest.mark.parametrize("method", ["nipals", "em"])
def test_gaps_hardly_move_the_plane(method):
    rows = _data(120)
    gapped = np.where(np.random.default_rng(1).random(rows.shape) < 0.08, np.nan, rows)
    full, holes = PCA(3).fit(rows), PCA(3, method=method).fit(gapped)
    overlap = np.linalg.svd(
        np.linalg.qr(full.loadings_.T)[0].T @ np.linalg.qr(holes.loadings_.T)[0], compute_uv=False
    )
    assert overlap.min() > 0.995
    assert holes.plan().score(gapped).in_domain.mean() > 0.9


def test_estimator_contract():
    model = PCA(2, confidence=0.95)
    assert clone(model).get_params() == model.get_params()
    rows = _data()
    assert model.fit_transform(rows) == pytest.approx(model.transform(rows))
    with pytest.raises(NotFittedYetError):
        PCA().transform(rows)


def test_limits_let_pass_what_they_say_on_later_rows():
    rows = _data(20_400, 8, 3)
    model = PCA(3).fit(rows[:400]).limits_from_left_out(rows[:400], interleaved_folds(400, 20))
    for kind in LimitKind:
        plan = model.plan(limit_kind=kind)
        scores = plan.score(rows[400:])
        assert (scores.t2 > plan.facts.t2_limit).mean() == pytest.approx(0.01, abs=0.005)
        assert (scores.spe > plan.facts.spe_limit).mean() == pytest.approx(0.01, abs=0.006)


def test_bad_input_is_refused():
    rows = _data()
    gapped = rows.copy()
    gapped[0, 0] = np.nan
    with pytest.raises(DataError, match="svd needs all"):
        PCA(2, method="svd").fit(gapped)
    with pytest.raises(DesignError):
        PCA(9).fit(rows)
    with pytest.raises(DesignError):
        PCA(2, method="magic").fit(rows)
    gapped[:, 3] = np.nan
    with pytest.raises(DataError, match="no value"):
        PCA(2).fit(gapped)
    with pytest.raises(DesignError, match="left-out"):
        PCA(2).fit(rows).plan(limit_kind=LimitKind.LEFT_OUT)


def _eastman(name):
    path = DATA / "tep" / name
    if not path.exists():
        pytest.skip(f"the Tennessee Eastman data is not at {path}; set GOLDENBATCH_DATA")
    values = np.loadtxt(path)
    values = values.T if values.shape[0] == 52 else values
    return np.hstack([values[:, :22], values[:, 41:52]])


def test_tennessee_eastman_rates_of_yin_2012():
    # Yin et al. (2012), J. Process Control 22:1567, doi:10.1016/j.jprocont.2012.06.009
    published = (99.88, 98.75, 12.88, 100.0, 33.62, 100.0, 100.0, 98.00, 8.38, 60.50)
    plan = PCA(9).fit(_eastman("d00.dat")).plan()
    false_alarms = 100 * (~plan.score(_eastman("d00_te.dat")).in_domain).mean()
    assert false_alarms == pytest.approx(5.62, abs=0.05)
    for fault, rate in enumerate(published, start=1):
        rows = _eastman(f"d{fault:02d}_te.dat")[160:]
        found = 100 * (~plan.score(rows).in_domain).mean()
        assert found == pytest.approx(rate, abs=0.05), fault


def test_what_does_not_settle_is_an_error_and_not_a_model():
    rows = _data()
    rows[3, 2] = np.nan
    for method in ("nipals", "em"):
        with pytest.raises(DataError, match="did not settle"):
            PCA(3, method=method, max_iter=1).fit(rows)


def test_a_column_that_never_varied_is_seen_when_it_does():
    rows = np.column_stack([_data(), np.full(60, 4.0)])
    plan = PCA(3).fit(rows).plan()
    moved = rows[0].copy()
    moved[-1] += 5.0
    assert plan.score(rows[0]).in_domain[0]
    assert not plan.score(moved).in_domain[0]
