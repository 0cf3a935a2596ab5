"""Readings of a file against themselves and against the historian: new, equal or else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._readings import TagReadings, all_times
from goldenbatch.core.records import to_iso
from goldenbatch.core.series import Frame, Quality, Series, frame_schema, value_type

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from goldenbatch.core.site import HistorianPort

N_FRAME = 1_048_576
"""Readings of a frame: large enough that the sync does not count, small enough for memory."""

_SEGMENT_GAP = 3_600_000_000
_N_SEGMENTS = 64


@dataclass(frozen=True)
class ReadingConflict:
    """A reading that is there already with another value."""

    row: int
    tag: str
    time: int
    stored: str
    offered: str

    @property
    def key(self) -> str:
        """Which reading."""
        return f"{self.tag} at {to_iso(self.time)}"


@dataclass
class Settled:
    """What became of the readings of a file.

    Attributes:
        new: Readings that are to be written.
        corrections: Readings that differ from the stored ones and are to be written with a
            reason; empty without one.
        conflicts: Those that differ and are not to be written.
    """

    new: list[TagReadings] = field(default_factory=list)
    corrections: list[TagReadings] = field(default_factory=list)
    conflicts: list[ReadingConflict] = field(default_factory=list)


def settle(
    readings: Sequence[TagReadings], historian: HistorianPort | None, *, is_correcting: bool
) -> Settled:
    """Compare readings with one another and with what the historian holds, if there is one."""
    settled = Settled()
    unique = [_unique(one, settled) for one in readings]
    stored = _stored(unique, historian) if historian else {}
    for one in unique:
        found = stored.get(one.tag)
        if found is None:
            settled.new.append(one)
            continue
        is_there, is_equal, where = _compare(one, found)
        settled.new.append(one.take(~is_there) if is_there.any() else one)
        differing = np.flatnonzero(is_there & ~is_equal)
        if is_correcting and len(differing):
            settled.corrections.append(one.take(differing))
        else:
            settled.conflicts += [
                _conflict(one, int(at), _shown(found, int(where[at]))) for at in differing
            ]
    settled.new = [one for one in settled.new if len(one.rows)]
    return settled


def _conflict(one: TagReadings, at: int, stored: str) -> ReadingConflict:
    offered = _shown(one, at)
    return ReadingConflict(int(one.rows[at]), one.tag, int(one.times[at]), stored, offered)


def _shown(one: TagReadings, at: int) -> str:
    if one.gaps[at]:
        return "no value"
    level = 0 if one.quality is None else int(one.quality[at]) >> 30
    words = ("", " (uncertain)", " (bad)", " (bad)")[level & 3]
    return f"{_plain(one.values[at])}{words}"


def _plain(value: Any) -> str:
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return f"{len(value)} values, SHA-256 {digest[:16]}"
    return str(value) if isinstance(value, str) else repr(float(value))


def _unique(one: TagReadings, settled: Settled) -> TagReadings:
    """The first reading of each time; a later one with another value is a conflict."""
    if len(one.times) < 2 or np.all(np.diff(one.times) > 0):
        return one
    order = np.argsort(one.times, kind="stable")
    times = one.times[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = times[1:] != times[:-1]
    firsts = order[np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))]
    later = np.flatnonzero(~is_first)
    equal = _equal(one, order[later], one, firsts[later])
    for at in later[~equal]:
        stored = _shown(one, int(firsts[at]))
        settled.conflicts.append(_conflict(one, int(order[at]), stored))
    return one.take(np.sort(order[is_first]))


def _equal(
    one: TagReadings, mine: NDArray[Any], other: TagReadings, theirs: NDArray[Any]
) -> NDArray[np.bool_]:
    left, right = one.values[mine], other.values[theirs]
    if left.ndim == 2 and right.ndim == 2 and left.shape != right.shape:
        return np.zeros(len(mine), dtype=bool)
    same: NDArray[Any] = np.asarray(left == right)
    if left.dtype.kind == "f":
        same = np.logical_or(same, np.isnan(left) & np.isnan(right))
    if same.ndim == 2:
        same = np.asarray(same.all(axis=1))
    if one.quality is not None and other.quality is not None:
        same &= (one.quality[mine] >> 30) == (other.quality[theirs] >> 30)
    gaps, other_gaps = one.gaps[mine], other.gaps[theirs]
    return np.asarray((same & ~gaps & ~other_gaps) | (gaps & other_gaps), dtype=bool)


def _segments(times: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Windows around the times, leaving out long gaps, so that little is read back."""
    cuts = np.flatnonzero(np.diff(times) > _SEGMENT_GAP)
    if len(cuts) >= _N_SEGMENTS:
        gaps = np.diff(times)[cuts]
        cuts = np.sort(cuts[np.argsort(gaps)[-_N_SEGMENTS + 1 :]])
    starts = [0, *(cuts + 1).tolist()]
    ends = [*cuts.tolist(), len(times) - 1]
    return [(int(times[a]), int(times[b]) + 1) for a, b in zip(starts, ends, strict=True)]


def _stored(readings: Sequence[TagReadings], historian: HistorianPort) -> dict[str, TagReadings]:
    """What the historian holds at the times of the readings, by tag."""
    known = historian.tags()
    found: dict[str, TagReadings] = {}
    for kind in dict.fromkeys(one.kind for one in readings):
        mine = [one for one in readings if one.kind == kind and one.tag in known]
        if not mine:
            continue
        first = min(int(one.times.min()) for one in mine)
        newest = historian.latest([one.tag for one in mine]).times()
        if len(newest) and int(newest.max()) < first:
            continue  # everything stored is older: nothing to compare
        parts: dict[str, list[TagReadings]] = {}
        for window in _segments(all_times(mine)):
            series = historian.read([one.tag for one in mine], window)
            for tag in series.tags:
                parts.setdefault(tag, []).append(_of_series(tag, series.of(tag)))
        found.update((tag, _joined(list_)) for tag, list_ in parts.items())
    return found


def _of_series(tag: str, series: Series) -> TagReadings:
    column = series.table.column("value")
    gaps = np.asarray(column.is_null().to_numpy(), dtype=bool)
    values = series.values()
    empty = np.zeros(len(series), dtype=np.int64)
    quality = series.table.column("quality").to_numpy()
    return TagReadings(tag, series.kind, empty, series.times(), values, gaps, quality)


def _joined(parts: list[TagReadings]) -> TagReadings:
    if len(parts) == 1:
        return parts[0]
    return TagReadings(
        parts[0].tag,
        parts[0].kind,
        np.concatenate([one.rows for one in parts]),
        np.concatenate([one.times for one in parts]),
        np.concatenate([one.values for one in parts]),
        np.concatenate([one.gaps for one in parts]),
        np.concatenate([one.quality for one in parts if one.quality is not None]),
    )


def _compare(
    one: TagReadings, stored: TagReadings
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """(is stored at that time, with the same value, where) of each reading."""
    where = np.searchsorted(stored.times, one.times)
    where = np.minimum(where, len(stored.times) - 1)
    is_there = stored.times[where] == one.times
    is_equal = np.zeros(len(where), dtype=bool)
    rows = np.flatnonzero(is_there)
    is_equal[rows] = _equal(one, rows, stored, where[rows])
    return is_there, is_equal, where


def table_of(readings: Sequence[TagReadings]) -> pa.Table:
    """Readings of one kind as a table of `frame_schema` with coded tags, one chunk a tag.

    Times and numbers are not copied: columns of the same rows share their times.
    """
    import pyarrow as pa

    kind = readings[0].kind
    names = pa.array([one.tag for one in readings], pa.string())
    good = np.full(max(len(one.rows) for one in readings), int(Quality.GOOD), dtype=np.int64)
    columns: list[list[Any]] = [[], [], [], []]
    for code, one in enumerate(readings):
        n_rows, has_gaps = len(one.rows), bool(one.gaps.any())
        codes = pa.array(np.full(n_rows, code, dtype=np.int32))
        said = good[:n_rows] if one.quality is None else one.quality
        # No value is never good, whatever the source says; uncertain or bad it may be.
        quality = np.where(one.gaps & (said == 0), int(Quality.BAD), said) if has_gaps else said
        columns[0].append(pa.array(one.times).view(pa.timestamp("us", "UTC")))
        columns[1].append(pa.DictionaryArray.from_arrays(codes, names))
        columns[2].append(_values_of(one, has_gaps))
        columns[3].append(pa.array(quality))
    schema = frame_schema(kind, is_coded=True)
    whole = [
        pa.chunked_array(part, field.type) for part, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(whole, schema=schema)


def _values_of(one: TagReadings, has_gaps: bool) -> Any:
    import pyarrow as pa

    if one.kind != "array":
        return pa.array(one.values, value_type(one.kind), mask=one.gaps if has_gaps else None)
    n_rows, width = one.values.shape
    ends = pa.array(np.arange(n_rows + 1, dtype=np.int32) * width)
    return pa.ListArray.from_arrays(ends, pa.array(one.values.ravel()))


@dataclass(frozen=True)
class Source:
    """Where readings come from: card, digest of the file, table of the card."""

    card: str
    digest: str
    table: str


def frames_of(
    readings: Sequence[TagReadings], source: Source, received_at: int, reason: str = ""
) -> Iterator[Frame]:
    """Readings as frames, in the order of the rows.

    A frame's key holds the digest of its content: the same content again adds nothing.
    """
    for kind in dict.fromkeys(one.kind for one in readings):
        mine = [one for one in readings if one.kind == kind]
        width = max(one.values.shape[1] if kind == "array" else 1 for one in mine)
        n_rows = max(1, N_FRAME // (len(mine) * width))
        last = max(int(one.rows[-1]) for one in mine)
        first = min(int(one.rows[0]) for one in mine)
        for part, start in enumerate(range(first, last + 1, n_rows)):
            pieces = [_slice(one, start, start + n_rows) for one in mine]
            pieces = [one for one in pieces if len(one.rows)]
            if pieces:
                yield _frame(pieces, source, f"{kind}/{part}", received_at, reason)


def _slice(one: TagReadings, start: int, end: int) -> TagReadings:
    low, high = np.searchsorted(one.rows, [start, end])
    return one.take(slice(int(low), int(high)))  # type: ignore[arg-type]


def _frame(
    pieces: Sequence[TagReadings], source: Source, part: str, received_at: int, reason: str
) -> Frame:
    table = table_of(pieces)
    content = hashlib.sha256(reason.encode())
    before: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for one in pieces:
        content.update(one.tag.encode())
        if not np.array_equal(one.times, before):
            content.update(np.ascontiguousarray(one.times).data)
        before = one.times
        is_text = one.kind == "text"
        content.update("\x1f".join(map(str, one.values)).encode() if is_text else b"")
        content.update(b"" if is_text else np.ascontiguousarray(one.values).data)
        if one.quality is not None and one.quality.any():
            content.update(np.ascontiguousarray(one.quality).data)
    if reason:
        # Correcting there and back again must not meet the key of the first time.
        content.update(str(received_at).encode())
    key = f"{source.digest}/{source.table}/{part}/{content.hexdigest()[:16]}"
    return Frame(source.card, key, pieces[0].kind, table, received_at, source.digest, reason)
