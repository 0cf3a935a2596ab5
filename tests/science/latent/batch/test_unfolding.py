"""Grids, unfolding, envelopes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.batch import (
    BatchRun,
    conformal_quantile,
    fold_batchwise,
    golden_envelope,
    unfold_batchwise,
    unfold_observationwise,
)
from goldenbatch.science.latent.batch.unfolding import mean_course, on_grid, resampled


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_unfolding_keeps_every_number_and_folds_back(n, k, p):
    cube = np.random.default_rng(n).normal(size=(n, k, p))
    assert np.array_equal(fold_batchwise(unfold_batchwise(cube), k), cube)
    assert np.array_equal(unfold_observationwise(cube).reshape(n, k, p), cube)


def test_a_grid_takes_lines_between_samples_and_nothing_beyond():
    found = on_grid(np.array([0.1, 0.5]), np.array([[1.0], [5.0]]), 5)
    assert found[:, 0].tolist()[:3] == pytest.approx([1.0, 2.5, 5.0])
    assert np.isnan(found[3:]).all()


def test_a_whole_batch_is_stretched():
    run = BatchRun("a", [0.0, 1.0, 4.0], [[0.0], [1.0], [4.0]])
    assert resampled(run, 9)[:, 0].tolist() == pytest.approx(np.linspace(0, 4, 9).tolist())


def test_a_point_that_one_batch_reached_is_refused():
    cube = np.zeros((3, 2, 1))
    cube[1:, 1] = np.nan
    with pytest.raises(DataError, match="point 1 of 2"):
        mean_course(cube)


def test_the_simultaneous_band_holds_new_batches_as_often_as_it_says():
    rng = np.random.default_rng(8)
    held = []
    for _ in range(60):
        level = rng.normal(size=(19 + 20, 1, 2))
        cube = level + rng.normal(size=(39, 25, 2))
        band = golden_envelope(cube[:19], 0.9)
        held.append(np.array([band.holds(one).all() for one in cube[19:]]).mean())
    assert band.coverage == pytest.approx(0.9)
    # 60 bands of 20 new batches each; the mean of their coverages has sd of about 0.01.
    assert 0.86 < np.mean(held) < 0.95


def test_the_pointwise_band_holds_points_as_often_as_it_says():
    rng = np.random.default_rng(8)
    band = golden_envelope(rng.normal(size=(30, 400, 1)), 0.9, is_simultaneous=False)
    share = band.holds(rng.normal(size=(50, 400, 1))).mean()
    assert abs(share - 0.9) < 0.02
    assert not golden_envelope(np.ones((4, 3, 1)), 0.9).holds(np.full((3, 1), 9.0)).any()


def test_few_batches_promise_what_they_can():
    assert conformal_quantile([1.0, 5.0, 3.0], 0.99) == (5.0, 0.75)
    with pytest.raises(DesignError, match="2 batches"):
        golden_envelope(np.zeros((2, 3, 1)))


def test_samples_of_a_batch_must_rise_in_time():
    with pytest.raises(DataError, match="do not rise"):
        BatchRun("a", [0.0, 0.0], [[1.0], [2.0]])
    with pytest.raises(DataError, match="2 times, 1 rows"):
        BatchRun("a", [0.0, 1.0], [[1.0]])


def test_a_phase_that_comes_back_goes_on():
    run = BatchRun("a", [0.0, 1.0, 2.0, 3.0, 4.0], np.zeros((5, 1)), ("x", "y", "x", "x", "z"))
    one = run.stretch("x")
    assert one.elapsed.tolist() == [0.0, 2.0, 3.0]
    assert one.length == 4.0
    assert run.stretch("none") is None
