"""Small frames of numbers in the log: offsets from the smallest, as narrow as they fit; exact.

A frame of a connector holds one reading of each of some tags, most often at one time and good.
In long form each costs 28 bytes and an Arrow header; here a column that has one value is only
said, consecutive numbers of tags as well, and a value of few decimals is a small whole number.
Rows keep their order. What does not fit is kept as it is; nothing is ever rounded.

Payload: number of rows (u32), then time, tag, value, quality: form (u8), unit or scale (u8),
base (i64), and its rows. Form 0: all are the base; 1: base, base + 1, ...; 2, 4, 8, 16: offsets
of 1, 2, 4, 8 bytes in units; 32: float64. A value's form has 64 added when bits of missing
rows follow.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from goldenbatch.stores.historian._columns import TIME, Ints, ints, logged_schema
from goldenbatch.stores.historian._packed import SCALES, as_whole

LAYOUT = "slim"
_COUNT, _COLUMN = struct.Struct("<I"), struct.Struct("<BBq")
_SAME, _RISING, _FLOATS, _HAS_MISSING = 0, 1, 32, 64
_WIDTHS: dict[int, np.dtype[Any]] = {
    2: np.dtype("<u1"), 4: np.dtype("<u2"), 8: np.dtype("<u4"), 16: np.dtype("<u8")
}  # fmt: skip
_UNITS = (1, 1_000, 1_000_000)
_N_TRIED = 16


def encode(batch: pa.RecordBatch) -> memoryview:
    """Payload of rows of `logged_schema("number")`, at least one."""
    values = batch.column("value")
    parts = [_COUNT.pack(batch.num_rows), *_offsets(ints(batch, "time"), is_time=True)]
    parts += _offsets(ints(batch, "tag"))
    numbers = values.fill_null(0.0) if values.null_count else values
    column = _values(numbers.to_numpy(zero_copy_only=False))
    if values.null_count:
        form, unit, base = _COLUMN.unpack(column[0])
        is_null = values.is_null().to_numpy(zero_copy_only=False)
        column = [_COLUMN.pack(form | _HAS_MISSING, unit, base), *column[1:]]
        column.append(np.packbits(is_null).tobytes())
    parts += [*column, *_offsets(ints(batch, "quality"))]
    return memoryview(b"".join(parts))


def _offsets(numbers: Ints, *, is_time: bool = False) -> list[bytes]:
    """A column of whole numbers."""
    low, high = int(numbers.min()), int(numbers.max())
    if low == high:
        return [_COLUMN.pack(_SAME, 0, low)]
    if high - low == len(numbers) - 1 and bool((numbers[1:] - numbers[:-1] == 1).all()):
        return [_COLUMN.pack(_RISING, 0, low)]
    offsets, unit = numbers - low, 0
    while is_time and unit + 1 < len(_UNITS) and not (offsets % _UNITS[unit + 1]).any():
        unit += 1
    return _narrow(offsets // _UNITS[unit] if unit else offsets, unit, low)


def _narrow(offsets: Ints, unit: int, base: int) -> list[bytes]:
    highest = int(offsets.max())
    form = next(form for form, kind in _WIDTHS.items() if highest <= np.iinfo(kind).max)
    return [_COLUMN.pack(form, unit, base), offsets.astype(_WIDTHS[form]).tobytes()]


def _values(numbers: NDArray[np.float64]) -> list[bytes]:
    """A column of values: whole numbers over a scale where these give the same bits."""
    for place, scale in enumerate(SCALES):
        if as_whole(numbers[:_N_TRIED], scale) is None:
            continue
        found = as_whole(numbers, scale)
        if found is not None:
            low = int(found.min())
            if low == int(found.max()):
                return [_COLUMN.pack(_SAME, place, low)]
            return _narrow(found - low, place, low)
    return [_COLUMN.pack(_FLOATS, 0, 0), numbers.astype("<f8").tobytes()]


def decode(payload: memoryview) -> pa.RecordBatch:
    """Rows that `encode` has laid out, in their order."""
    (n_rows,) = _COUNT.unpack_from(payload)
    held = _Payload(payload, n_rows)
    time, tag = held.whole(is_time=True), held.whole()
    values, is_null = held.values()
    arrays = [
        pa.array(time).view(TIME),
        pa.array(tag.astype(np.int32)),
        pa.array(values, mask=is_null),
        pa.array(held.whole()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=logged_schema("number"))


class _Payload:
    """A payload that is read from its start to its end."""

    def __init__(self, data: memoryview, n_rows: int) -> None:
        self._data, self._n, self._at = data, n_rows, _COUNT.size

    def _head(self) -> tuple[int, int, int]:
        form, unit, base = _COLUMN.unpack_from(self._data, self._at)
        self._at += _COLUMN.size
        return form, unit, base

    def _take(self, kind: np.dtype[Any], n: int) -> NDArray[Any]:
        found = np.frombuffer(self._data, kind, n, self._at)
        self._at += n * kind.itemsize
        return found

    def _offsets(self, form: int) -> Ints:
        if form == _SAME:
            return np.zeros(self._n, dtype=np.int64)
        if form == _RISING:
            return np.arange(self._n, dtype=np.int64)
        return self._take(_WIDTHS[form], self._n).astype(np.int64)

    def whole(self, *, is_time: bool = False) -> Ints:
        """A column of whole numbers."""
        form, unit, base = self._head()
        offsets = self._offsets(form)
        return offsets * _UNITS[unit] + base if is_time else offsets + base

    def values(self) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
        """Values, and which of them are missing."""
        form, scale, base = self._head()
        is_null, bare = None, form & ~_HAS_MISSING
        if bare == _FLOATS:
            numbers = self._take(np.dtype("<f8"), self._n).astype(np.float64)
        else:
            numbers = (self._offsets(bare) + base) / SCALES[scale]
        if form & _HAS_MISSING:
            bits = self._take(np.dtype("u1"), -(-self._n // 8))
            is_null = np.unpackbits(bits, count=self._n).astype(bool)
        return numbers, is_null
