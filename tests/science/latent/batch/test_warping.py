"""Dynamic time warping against exact small cases."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.latent.batch.warping import OpenEnd, kassidas_weights, warp, warped

courses = st.lists(st.integers(-4, 4), min_size=1, max_size=5)


def exhaustive(x, y):
    """Cheapest of all monotone paths with steps of 1, by trying each."""
    best = np.inf
    todo = [((0, 0), (x[0] - y[0]) ** 2)]
    while todo:
        (i, j), cost = todo.pop()
        if (i, j) == (len(x) - 1, len(y) - 1):
            best = min(best, cost)
        for a, b in ((1, 1), (1, 0), (0, 1)):
            if i + a < len(x) and j + b < len(y):
                todo.append(((i + a, j + b), cost + (x[i + a] - y[j + b]) ** 2))
    return best


@given(courses, courses)
@settings(max_examples=40, deadline=None)
def test_the_distance_is_that_of_the_best_of_all_paths(x, y):
    path = warp(np.array(x, float)[:, None], np.array(y, float)[:, None])
    assert path.distance == pytest.approx(exhaustive(x, y), abs=1e-9)
    cost = sum((x[i] - y[j]) ** 2 for i, j in zip(path.query, path.reference, strict=True))
    assert cost == pytest.approx(path.distance, abs=1e-9)


@given(courses, courses)
@settings(max_examples=40, deadline=None)
def test_paths_go_from_end_to_end_and_never_back(x, y):
    path = warp(np.array(x, float)[:, None], np.array(y, float)[:, None])
    assert (path.query[0], path.reference[0]) == (0, 0)
    assert (path.query[-1], path.reference[-1]) == (len(x) - 1, len(y) - 1)
    steps = set(zip(np.diff(path.query).tolist(), np.diff(path.reference).tolist(), strict=True))
    assert steps <= {(1, 1), (1, 0), (0, 1)}


def test_a_stretched_course_comes_back_as_it_was():
    course = np.sin(np.linspace(0, 3, 30))[:, None]
    slow = np.repeat(course, 3, axis=0)
    path = warp(slow, course)
    assert path.distance == 0.0
    assert np.allclose(warped(slow, path, 30), course)


def test_a_band_forbids_what_lies_far_from_the_diagonal():
    x = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0])[:, None]
    y = np.array([0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0])[:, None]
    assert warp(x, y).distance == 0.0
    banded = warp(x, y, band=0.1)
    assert banded.distance > 0
    gap = np.abs(banded.query / 7 - banded.reference / 7)
    assert gap.max() <= 0.1 + 1 / 8


def test_weights_are_known_by_hand():
    # The first variable is the same in all, the second differs by 1 from batch to batch.
    line = np.arange(6.0)
    batches = [np.column_stack([line, np.full(6, k)]) for k in (0.0, 1.0, 2.0)]
    weights = kassidas_weights(batches, batches[1])
    assert weights.sum() == pytest.approx(2.0)
    assert weights[0] > 1.99


def test_what_cannot_be_warped_is_refused():
    with pytest.raises(DataError, match="missing"):
        warp([[np.nan]], [[1.0]])
    with pytest.raises(DataError, match="fit together"):
        warp([[1.0, 2.0]], [[1.0]])
    with pytest.raises(DesignError, match="at least 2"):
        kassidas_weights([[[1.0]]], [[1.0]])


def test_an_open_end_finds_the_place_of_a_running_batch():
    reference = np.linspace(0, 10, 41)[:, None]
    way = OpenEnd(reference, np.ones(1), band=0.6, pace=1.0)
    column = None
    points = []
    for i in range(20):  # runs at twice the pace
        column, point = way.step(column, reference[2 * i], float(i))
        points.append(point)
    assert points == [2 * i for i in range(20)]


def test_an_open_end_on_a_flat_course_keeps_to_the_plan():
    way = OpenEnd(np.zeros((20, 1)), np.ones(1), band=0.5, pace=1.0)
    column = None
    for i in range(15):
        column, point = way.step(column, np.zeros(1), float(i))
        assert point == i


def test_an_open_end_past_its_band_says_so():
    way = OpenEnd(np.arange(5.0)[:, None], np.ones(1), band=0.2, pace=1.0)
    column, point = way.step(None, np.zeros(1), 0.0)
    column, point = way.step(column, np.zeros(1), 50.0)
    assert point is None


@pytest.mark.parametrize("cut", [1, 4, 9])
def test_an_open_end_does_not_look_ahead(cut):
    rng = np.random.default_rng(4)
    reference, query = rng.normal(size=(15, 2)), rng.normal(size=(10, 2))
    way = OpenEnd(reference, np.ones(2), band=1.0, pace=1.0)
    ends = []
    for stop in (cut, 10):
        column, found = None, []
        for i in range(stop):
            column, point = way.step(column, query[i], float(i))
            found.append(point)
        ends.append(found)
    assert ends[0] == list(itertools.islice(ends[1], cut))
