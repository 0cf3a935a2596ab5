"""What a tag says of an input: nothing that was fed is lost, and no silence is taken for zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.capabilities.twin._home_inputs import Grid, Known, interval_means
from goldenbatch.core.errors import BadInputError
from goldenbatch.science.process.declarations import Input

NONE = np.empty(0)
FEED = Input("F", "L/h", (0.0,), lower=0.0, upper=5.0)


def known(times, values=None, bad=()):
    whole = np.asarray(times, float)
    return Known(whole, np.ones(whole.size) if values is None else np.asarray(values, float),
                 np.asarray(bad, float))  # fmt: skip


@given(
    st.lists(st.floats(-5, 30), min_size=1, max_size=20, unique=True),
    st.floats(0.3, 9.0), st.floats(1.0, 20.0), st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_what_was_fed_is_kept_whenever_the_pump_was_switched(times, interval, duration, seed):
    times = np.sort(times)
    values = np.random.default_rng(seed).uniform(0.0, 4.0, times.size)
    grid = Grid(duration, min(interval, duration))
    means = interval_means(Known(times, values, NONE), grid)
    fine = np.linspace(0.0, duration, 20_001)
    middle = 0.5 * (fine[1:] + fine[:-1])
    held = values[np.maximum(np.searchsorted(times, middle, side="right") - 1, 0)]
    total = held.mean() * duration
    assert (means * np.diff(grid.borders)).sum() == pytest.approx(total, abs=4e-3 * duration)
    assert means.min() >= values.min() - 1e-9 and means.max() <= values.max() + 1e-9


@pytest.mark.parametrize(
    ("read", "longest", "cadence", "wanted"),
    [
        (known([]), 0.0, 0.0, [(0.0, 10.0)]),
        (known([-3.0]), 0.0, 0.0, []),
        (known([-3.0]), 5.0, 0.0, [(0.0, 10.0)]),
        (known([0.5, 5.0]), 0.0, 0.0, []),
        (known([2.0, 5.0]), 0.0, 0.0, [(0.0, 2.0)]),
        (known([0.0, 1.0, 8.0, 9.0]), 0.0, 0.5, [(1.0, 8.0)]),
        (known([0.0, 1.0, 8.0, 9.0]), 7.0, 0.5, []),
        (known([0.0, 1.0, 8.0, 9.0]), 0.0, 0.0, []),
        (known([0.0, 1.0, 8.0, 9.0], bad=[4.0]), 0.0, 0.0, [(1.0, 8.0)]),
        (known([0.0, 1.0, 8.0, 9.0], bad=[8.5]), 0.0, 0.0, []),
        (known([0.0, 1.0, 2.0], bad=[3.0, 9.9]), 0.0, 0.0, [(2.0, 10.0)]),
    ],
)
def test_a_silence_is_a_gap_where_nobody_knows(read, longest, cadence, wanted):
    assert Grid(10.0, 1.0).gaps(read, longest, cadence) == wanted


def test_noise_about_a_bound_is_set_to_it_and_a_wrong_unit_is_refused():
    grid = Grid(3.0, 1.0)
    held, n_outside = grid.within(np.array([-0.001, 2.0, 5.01]), FEED)
    assert held.tolist() == [0.0, 2.0, 5.0]
    assert n_outside == 2
    with pytest.raises(BadInputError, match="was 2000 L/h"):
        grid.within(np.array([0.0, 2000.0, 1.0]), FEED)


def test_a_schedule_has_no_steps_that_change_nothing():
    times, values = Grid(3.5, 1.0).steps(np.array([0.1, 0.1 + 1e-13, 0.4, 0.1]))
    assert times == [0.0, 2.0, 3.0]
    assert values == [0.1, 0.4, 0.1]
