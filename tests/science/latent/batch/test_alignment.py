"""Maturity: each kind by a course that is known."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.batch import Alignment, Landmark, Stretch, fit_aligner


def stretch(n, *, seed=0, slope=1.0):
    rng = np.random.default_rng(seed)
    at = np.arange(float(n))
    values = np.column_stack([slope * at, np.sin(at / 4), rng.normal(size=n)])
    return Stretch("a", at, values, float(n))


GOLDEN = [stretch(20, seed=1), stretch(24, seed=2), stretch(28, seed=3)]
KINDS = {
    "clock": Alignment("clock"),
    "indicator": Alignment("indicator", (0,)),
    "landmarks": Alignment("landmarks", landmarks=(Landmark(0, 5.0), Landmark(0, 12.0))),
    "warping": Alignment("warping", (0, 1)),
}


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.integers(1, 23), max_size=4), st.integers(0, 9))
@settings(max_examples=15, deadline=None)
def test_parts_give_the_bits_of_the_whole_and_never_go_back(kind, cuts, seed):
    aligner = fit_aligner(KINDS[kind], GOLDEN)
    run = stretch(24, seed=seed, slope=0.8)
    values = run.values.copy()
    values[5:7, 0] = np.nan
    if kind == "landmarks":
        values[5:7, 0] = run.values[5:7, 0]
    _, whole = aligner.run({}, run.elapsed, values)
    memory, parts = aligner.start(), []
    borders = [0, *sorted(set(cuts)), 24]
    for a, b in itertools.pairwise(borders):
        memory, found = aligner.run(memory, run.elapsed[a:b], values[a:b])
        memory = json.loads(json.dumps(memory, allow_nan=False))
        parts.append(found)
    assert np.concatenate(parts).tobytes() == whole.tobytes()
    assert (np.diff(whole) >= 0).all()


def test_the_clock_reaches_1_where_enough_batches_are():
    aligner = fit_aligner(Alignment("clock", reach=1.0), GOLDEN)
    assert aligner.run({}, np.array([9.5, 19.0, 38.0]), np.zeros((3, 3)))[1].tolist() == [0.5, 1, 2]


def test_an_indicator_may_fall_and_holds_what_it_reached():
    falling = [Stretch("a", np.arange(5.0), np.array([[4.0, 3, 2, 1, 0]]).T, 5.0)] * 3
    aligner = fit_aligner(Alignment("indicator", (0,)), falling)
    course = np.array([[4.0], [2.0], [3.0], [np.nan], [0.0]])
    assert aligner.run({}, np.arange(5.0), course)[1].tolist() == [0.0, 0.5, 0.5, 0.5, 1.0]


def test_between_landmarks_the_clock_runs_and_waits_below_the_next():
    golden = [Stretch("a", np.arange(11.0), np.arange(11.0)[:, None], 11.0)] * 3
    aligner = fit_aligner(Alignment("landmarks", landmarks=(Landmark(0, 4.0),)), golden)
    slow = np.array([[0.0], [1.0], [1.0], [1.0], [4.0], [5.0]])
    found = aligner.run({}, np.array([0.0, 2.0, 4.0, 6.0, 8.0, 11.0]), slow)[1]
    assert found.tolist() == pytest.approx([0.0, 0.2, 0.4, 0.4, 0.4, 0.7])


def test_warping_follows_a_batch_that_runs_faster():
    aligner = fit_aligner(
        Alignment("warping", (0, 1), band=0.6), [stretch(41, seed=s) for s in (1, 2, 3)]
    )
    at = np.arange(0.0, 20.0)
    fast = np.column_stack([2 * at, np.sin(2 * at / 4), np.zeros(20)])
    found = aligner.run({}, at, fast)[1]
    assert found == pytest.approx(2 * at / 40, abs=1e-9)


@pytest.mark.parametrize(
    ("chosen", "what"),
    [
        ({"kind": "magic"}, "unknown"),
        ({"kind": "indicator"}, "one column"),
        ({"kind": "landmarks"}, "names none"),
        ({"reach": 0.0}, "shares"),
    ],
)
def test_settings_that_cannot_be_are_refused(chosen, what):
    with pytest.raises(DesignError, match=what):
        Alignment(**chosen)


def test_batches_that_do_not_do_what_is_needed_are_named():
    with pytest.raises(DataError, match="never passes landmark 0"):
        fit_aligner(Alignment("landmarks", landmarks=(Landmark(0, 99.0),)), GOLDEN)
    flat = [Stretch("a", np.arange(5.0), np.zeros((5, 1)), 5.0)] * 3
    with pytest.raises(DataError, match="neither rises nor falls"):
        fit_aligner(Alignment("indicator", (0,)), flat)
