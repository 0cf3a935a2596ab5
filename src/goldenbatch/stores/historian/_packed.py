"""Large frames in the log: by (tag, time), as small differences, compressed; exact to the bit.

A reading costs 28 bytes in long form. Ordered by tag its time is a small step from the one
before it, and a value of two decimals is a small whole number: 2 to 4 bytes, and the hand-over
need not sort it again. What does not fit is kept as it is; nothing is ever rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._columns import TIME, Ints, ints, logged_schema, raw_ints

LAYOUT = "packed"
PACKED_ROWS = 4_096
"""Fewer readings are kept in long form, which is quicker for them."""

_TIME_UNITS = (1_000_000, 1_000, 1)
SCALES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
_N_TRIED, _BLOCK_ROWS = 256, 16_384


def encode(batch: pa.RecordBatch, kind: ReadingKind) -> memoryview:
    """Payload of rows of `logged_schema(kind)` that are ordered by (tag, time)."""
    tag, time = raw_ints(batch, "tag"), ints(batch, "time")
    starts = np.flatnonzero(np.concatenate([[True], tag[1:] != tag[:-1]]))
    runs = {"tag": tag[starts], "n": np.diff(np.append(starts, len(tag))), "time": time[starts]}
    unit, steps = _steps(time, starts)
    said, columns = {"unit": str(unit)}, {"step": pa.array(steps)}
    values = batch.column("value")
    scaled = _scaled(values, starts) if kind == "number" else None
    if scaled is None:
        columns["value"] = values
    else:
        said["scale"] = repr(scaled[0])
        runs["value"] = scaled[1]
        columns["value"] = pa.array(scaled[2], mask=_nulls(values))
    quality = ints(batch, "quality")
    if quality.any():
        columns["quality"] = pa.array(quality)
    sink = pa.BufferOutputStream()
    _write(sink, pa.record_batch({name: pa.array(one) for name, one in runs.items()}))
    body = pa.record_batch(list(columns.values()), names=list(columns))
    _write(sink, body.replace_schema_metadata(said))
    return memoryview(sink.getvalue()).cast("B")


def _write(sink: Any, batch: pa.RecordBatch) -> None:
    # Not in threads: their pool may be busy with the next file.
    options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def _steps(time: Ints, starts: Ints) -> tuple[int, NDArray[Any]]:
    """Differences of times inside a run in the largest unit that they are whole numbers of."""
    steps = np.zeros(len(time), dtype=np.int64)
    np.subtract(time[1:], time[:-1], out=steps[1:])
    steps[starts] = 0
    # A division of all is dear: most often a few tell that it would be in vain.
    unit = next(
        one
        for one in _TIME_UNITS
        if one == 1 or not ((steps[:_N_TRIED] % one).any() or (steps % one).any())
    )
    return unit, _smallest(steps if unit == 1 else steps // unit)


def _smallest(numbers: Ints) -> NDArray[Any]:
    low, high = int(numbers.min()), int(numbers.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return numbers.astype(kind)
    return numbers


def _nulls(values: pa.Array) -> NDArray[np.bool_] | None:
    return values.is_null().to_numpy(zero_copy_only=False) if values.null_count else None


def _scaled(values: pa.Array, starts: Ints) -> tuple[float, Ints, NDArray[Any]] | None:
    """Scale, first whole number of each run and differences, where that is exact; else None."""
    # A missing value repeats the one before it, so that its step is none.
    filled = pc.fill_null_forward(values) if values.null_count else values
    numbers = filled.fill_null(0.0).to_numpy(zero_copy_only=False)
    for scale in SCALES:
        if as_whole(numbers[:_N_TRIED], scale) is None:
            continue
        found = _whole_steps(numbers, scale, starts)
        if found is not None:
            return scale, *found
    return None


def _whole_steps(
    numbers: NDArray[np.float64], scale: float, starts: Ints
) -> tuple[Ints, NDArray[Any]] | None:
    """First whole number of each run and the differences, by blocks that stay in the cache."""
    firsts, steps = np.empty(len(starts), dtype=np.int64), np.empty(len(numbers), dtype=np.int64)
    before, run = 0, 0
    for first in range(0, len(numbers), _BLOCK_ROWS):
        whole = as_whole(numbers[first : first + _BLOCK_ROWS], scale)
        if whole is None:
            return None
        steps[first] = whole[0] - before
        np.subtract(whole[1:], whole[:-1], out=steps[first + 1 : first + len(whole)])
        before = int(whole[-1])
        upto = int(np.searchsorted(starts, first + len(whole)))
        firsts[run:upto] = whole[starts[run:upto] - first]
        run = upto
    steps[starts] = 0
    return firsts, _smallest(steps)


def as_whole(numbers: NDArray[np.float64], scale: float) -> Ints | None:
    """Whole numbers that give the same bits when they are divided by the scale again."""
    with np.errstate(invalid="ignore", over="ignore"):
        whole = np.rint(numbers * scale)
    if not bool(np.all(np.abs(whole) < 2**52)):  # also false where it is no number
        return None
    found = whole.astype(np.int64)
    again = found / scale
    same = np.array_equal(again.view(np.int64), numbers.view(np.int64))
    return found if same else None


def decode(payload: memoryview, kind: ReadingKind) -> pa.RecordBatch:
    """Rows that `encode` has packed, by (tag, time)."""
    source = pa.BufferReader(pa.py_buffer(payload))
    with pa.ipc.open_stream(source) as reader:
        runs = reader.read_next_batch()
        for _ in reader:  # up to its end, where the next begins
            pass
    with pa.ipc.open_stream(source) as reader:
        body = reader.read_next_batch()
    said = {name.decode(): text.decode() for name, text in (body.schema.metadata or {}).items()}
    sizes = ints(runs, "n")
    starts = np.cumsum(sizes) - sizes
    steps = ints(body, "step") * int(said["unit"])
    time = _summed(steps, ints(runs, "time"), starts, sizes)
    values = body.column("value")
    if "scale" in said:
        whole = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        numbers = _summed(whole, ints(runs, "value"), starts, sizes) / float(said["scale"])
        values = pa.array(numbers, mask=_nulls(values))
    has_marks = "quality" in body.schema.names
    quality = ints(body, "quality") if has_marks else np.zeros(len(time), dtype=np.int64)
    arrays = [
        pa.array(time).view(TIME),
        pa.array(np.repeat(raw_ints(runs, "tag"), sizes)),
        values,
        pa.array(quality),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=logged_schema(kind))


def _summed(steps: Ints, firsts: Ints, starts: Ints, sizes: Ints) -> Ints:
    """Numbers of which `steps` are the differences inside each run."""
    sums = np.cumsum(steps)
    sums += np.repeat(firsts - sums[starts], sizes)
    return sums
