"""Readings of many units to rows on a grid, the same whatever the ticks that brought them.

A row of a unit at grid time g is made once a reading of the unit came that is at least `wait`
later. It then holds, of each tag, the newest good value not after g and not older than the
greatest age; or the mean of the good values of the interval that ends before g, added up in the
order of time. Nothing is interpolated: what is not there is NaN. Of two readings of one time the
later frame counts.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import Quality, Series

if TYPE_CHECKING:
    from goldenbatch.core.series import Flags, Floats, Integers

NEVER = -(1 << 62)


@dataclass(frozen=True, eq=False)
class Readings:
    """Good readings of channels (unit number x number of tags + tag number), in any order."""

    channels: Integers
    times: Integers
    values: Floats

    def where(self, is_kept: Flags) -> Readings:
        """Some of them."""
        return Readings(self.channels[is_kept], self.times[is_kept], self.values[is_kept])

    def and_later(self, other: Readings) -> Readings:
        """These and others; of equal channel and time the later stand."""
        return Readings(
            np.concatenate([self.channels, other.channels]),
            np.concatenate([self.times, other.times]),
            np.concatenate([self.values, other.values]),
        )

    def in_order(self) -> Readings:
        """By channel and time, one a time."""
        order = np.lexsort((self.times, self.channels))
        channels, times = self.channels[order], self.times[order]
        is_last = np.ones(len(order), dtype=np.bool_)
        is_last[:-1] = (channels[1:] != channels[:-1]) | (times[1:] != times[:-1])
        return Readings(channels[is_last], times[is_last], self.values[order][is_last])

    def to_json(self) -> dict[str, str]:
        """As text that keeps every bit: little-endian, base64."""
        return {
            "channels": _packed(self.channels.astype("<i4")),
            "times": _packed(self.times.astype("<i8")),
            "values": _packed(self.values.astype("<f8")),
        }

    @classmethod
    def from_json(cls, data: dict[str, str]) -> Readings:
        """What `to_json` gave.

        Raises:
            IntegrityError: The parts do not fit together.
        """
        parts = (_unpacked(data["channels"], "<i4").astype(np.int64),
                 _unpacked(data["times"], "<i8").astype(np.int64),
                 _unpacked(data["values"], "<f8").astype(np.float64))  # fmt: skip
        if len({len(part) for part in parts}) > 1:
            raise IntegrityError(
                "the readings in the state of monitoring.process do not fit together.",
                hint="Delete the state file; the next wake rebuilds it.",
            )
        return cls(*parts)


def no_readings() -> Readings:
    """None yet."""
    return Readings(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def readings_of(series: Series, channels: dict[str, int]) -> Readings:
    """The good readings of a series of numbers, in order of arrival."""
    if not len(series) or series.kind != "number":
        return no_readings()
    coded = series.table.column("tag").combine_chunks().dictionary_encode()
    names = coded.dictionary.to_pylist()
    numbers = np.array([channels.get(name, -1) for name in names], dtype=np.int64)
    found = numbers[coded.indices.to_numpy(zero_copy_only=False)]
    values = series.values()
    is_good = (found >= 0) & np.isfinite(values) & (series.qualities() < Quality.BAD)
    return Readings(found[is_good], series.times()[is_good], values[is_good])


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that are due, unit by unit, each unit's in the order of time.

    Attributes:
        units: Number of the unit, shape (n,).
        times: Grid times, shape (n,).
        values: Shape (n, n_tags); NaN where nothing is known.
    """

    units: Integers
    times: Integers
    values: Floats

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.units)


@dataclass(frozen=True)
class Grid:
    """How rows are made; times in microseconds, see `ProcessSettings`."""

    n_tags: int
    interval: int
    wait: int
    max_age: int
    sampling: Literal["last", "mean"]

    def due(
        self, readings: Readings, done: Integers, newest: Integers
    ) -> tuple[Integers, Integers]:
        """Units and grid times of the rows that are due; where nothing is known there is none.

        Args:
            readings: Those that were kept and the new ones.
            done: Grid time of each unit's last row; `NEVER`: none yet.
            newest: Time of each unit's newest reading; `NEVER`: none yet.
        """
        step, is_last = self.interval, self.sampling == "last"
        if not len(readings.times):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        cells = -(-readings.times // step) if is_last else readings.times // step + 1
        lowest = int(cells.min())
        span = int(cells.max()) - lowest + 1
        known = np.unique(readings.channels // self.n_tags * span + (cells - lowest))
        units, cells = known // span, known % span + lowest
        following = np.full(len(cells), 1 << 62)
        following[:-1] = np.where(units[1:] == units[:-1], cells[1:], 1 << 62)
        lasting = self.max_age // step if is_last else 0
        first = np.maximum(cells, done[units] // step + 1)
        end = np.minimum(
            np.minimum(cells + lasting, following - 1), (newest - self.wait)[units] // step
        )
        counts = np.maximum(end - first + 1, 0)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(units, counts), (np.repeat(first, counts) + within) * step

    def rows(self, readings: Readings, units: Integers, times: Integers) -> Rows:
        """Rows of units at grid times, from readings in order."""
        channels = units[:, None] * self.n_tags + np.arange(self.n_tags)
        if not len(readings.times) or not len(units):
            return Rows(units, times, np.full(channels.shape, np.nan))
        grid = np.broadcast_to(times[:, None], channels.shape)
        if self.sampling == "last":
            place = _place(readings, channels, grid + 1) - 1
            at = np.maximum(place, 0)
            is_there = (place >= 0) & (readings.channels[at] == channels)
            is_there &= grid - readings.times[at] <= self.max_age
            return Rows(units, times, np.where(is_there, readings.values[at], np.nan))
        first = _place(readings, channels, grid - self.interval)
        return Rows(units, times, _means(readings.values, first, _place(readings, channels, grid)))

    def kept(self, readings: Readings, done: Integers) -> Readings:
        """What later rows need of readings in order.

        Of each channel that is its newest until its unit's last row, and all after that; for
        means also what lies in the interval that runs.
        """
        if not len(readings.times):
            return readings
        is_old = readings.times <= done[readings.channels // self.n_tags]
        is_next_old = np.zeros(len(is_old), dtype=np.bool_)
        same = readings.channels[1:] == readings.channels[:-1]
        is_next_old[:-1] = is_old[1:] & same
        if self.sampling == "mean":
            # The interval [g, g + step) begins at the last row's time.
            is_next_old &= readings.times < done[readings.channels // self.n_tags]
        return readings.where(~(is_old & is_next_old))


def _place(readings: Readings, channels: Integers, times: Integers) -> Integers:
    """Where a reading of a channel at a time would stand, before its equals."""
    lowest = int(min(readings.times.min(), times.min()))
    span = int(max(readings.times.max(), times.max())) - lowest + 2
    highest = int(max(readings.channels.max(), channels.max())) + 1
    if span * highest < 1 << 62:
        keys = readings.channels * span + (readings.times - lowest)
        return np.searchsorted(keys, channels * span + (times - lowest)).astype(np.int64)
    # Readings of many years: their times are numbered first.
    known = np.unique(readings.times)
    ranks, wanted = np.searchsorted(known, readings.times), np.searchsorted(known, times)
    keys = readings.channels * (len(known) + 1) + ranks
    return np.searchsorted(keys, channels * (len(known) + 1) + wanted).astype(np.int64)


def _means(values: Floats, first: Integers, end: Integers) -> Floats:
    """Means of runs of values, each added up from its first to its last."""
    counts = end - first
    total, at = np.zeros(counts.shape), first.copy()
    for k in range(int(counts.max(initial=0))):
        is_in = counts > k
        total[is_in] += values[at[is_in] + k]
    means: Floats = np.full(counts.shape, np.nan)
    np.divide(total, counts, out=means, where=counts > 0)
    return means


def _packed(array: Any) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> Any:
    return np.frombuffer(base64.b64decode(text), dtype=kind)
