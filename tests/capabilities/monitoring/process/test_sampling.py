"""Rows on a grid are the same whatever the ticks and restarts; nothing is interpolated."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.capabilities.monitoring.process.sampling import (
    NEVER,
    Grid,
    Readings,
    no_readings,
)

N_UNITS, N_TAGS = 3, 4


def _readings(rng, n):
    """Readings of channels at any time, in order of time; each tag at a pace of its own."""
    times = np.sort(rng.integers(0, 400, n))
    channels = rng.integers(0, N_UNITS * N_TAGS, n)
    channels[channels == 5] = 4  # one tag never comes
    return Readings(channels, times, np.round(rng.standard_normal(n), 3))


class _Stream:
    """What an analyst keeps between ticks, through JSON each time."""

    def __init__(self, grid):
        self.grid = grid
        self.kept = json.dumps(no_readings().to_json())
        self.done, self.newest = np.full(N_UNITS, NEVER), np.full(N_UNITS, NEVER)
        self.rows = []

    def take(self, part):
        readings = Readings.from_json(json.loads(self.kept)).and_later(part).in_order()
        np.maximum.at(self.newest, part.channels // N_TAGS, part.times)
        made = self.grid.rows(readings, *self.grid.due(readings, self.done, self.newest))
        for unit, time, row in zip(made.units, made.times, made.values, strict=True):
            assert time > self.done[unit]
            self.done[unit] = time
            self.rows.append((int(unit), int(time), [float(v).hex() for v in row]))
        self.kept = json.dumps(self.grid.kept(readings, self.done).to_json())


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    n=st.integers(0, 150),
    sampling=st.sampled_from(["last", "mean"]),
    interval=st.sampled_from([1, 7, 10, 50]),
    max_age=st.sampled_from([0, 9, 30, 1000]),
    wait=st.sampled_from([0, 5, 20]),
    cuts=st.lists(st.floats(0, 1), max_size=8),
)
def test_rows_do_not_depend_on_ticks_or_restarts(seed, n, sampling, interval, max_age, wait, cuts):
    rng = np.random.default_rng(seed)
    readings = _readings(rng, n)
    grid = Grid(N_TAGS, interval, wait, max_age, sampling)
    block, stream = _Stream(grid), _Stream(grid)
    block.take(readings)
    # Readings of one time come together, as a frame has them.
    bounds = sorted({0, n, *(int(np.searchsorted(readings.times, 400 * cut)) for cut in cuts)})
    for first, end in itertools.pairwise(bounds):
        stream.take(readings.where((np.arange(n) >= first) & (np.arange(n) < end)))
    assert sorted(stream.rows) == sorted(block.rows)
    assert [row[1] for row in block.rows if row[0] == 0] == sorted(
        row[1] for row in block.rows if row[0] == 0
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from(["last", "mean"]), st.sampled_from([0, 15, 60]))
def test_a_row_is_what_its_definition_says(seed, sampling, max_age):
    readings = _readings(np.random.default_rng(seed), 80)
    grid = Grid(N_TAGS, 10, 0, max_age, sampling)
    stream = _Stream(grid)
    stream.take(readings)
    for unit, time, row in stream.rows:
        for tag, value in enumerate(row):
            own = readings.channels == unit * N_TAGS + tag
            if sampling == "last":
                near = own & (readings.times <= time) & (readings.times >= time - max_age)
                newest = readings.times[near].max(initial=-1)
                found = readings.values[near & (readings.times == newest)][-1:]
            else:
                near = own & (readings.times < time) & (readings.times >= time - 10)
                # Of one time the last reading counts.
                last = dict(zip(readings.times[near], readings.values[near], strict=True))
                found = np.array([sum(last.values()) / len(last)] if last else [])
            wanted = float(found[0]) if len(found) else np.nan
            assert float.fromhex(value) == pytest.approx(wanted, nan_ok=True)


def test_a_stray_time_or_years_of_silence_make_no_rows():
    grid = Grid(N_TAGS, 1_000_000, 0, 2_000_000, "last")
    year = 365 * 86_400_000_000
    times = np.array([0, 5 * year, 100 * year])
    stream = _Stream(grid)
    stream.take(Readings(np.zeros(3, np.int64), times, np.ones(3)))
    assert len(stream.rows) == 3 + 3 + 1


def test_a_late_reading_changes_no_row_that_was_made():
    grid = Grid(N_TAGS, 10, 0, 30, "last")
    stream = _Stream(grid)
    stream.take(Readings(np.array([0, 1]), np.array([10, 40]), np.array([1.0, 2.0])))
    made = list(stream.rows)
    stream.take(Readings(np.array([1]), np.array([20]), np.array([9.0])))
    assert stream.rows == made
    stream.take(Readings(np.array([0]), np.array([50]), np.array([3.0])))
    assert stream.rows[-1][2][:2] == [(3.0).hex(), (2.0).hex()]
