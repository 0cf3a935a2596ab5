"""Readings in columns: time, value, quality of tags, as Arrow, zero-copy to NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from goldenbatch.core.aggregates import AggregateKind, AggregateSettings
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Integers = NDArray[np.int64]

ReadingKind = Literal["number", "text", "array", "reference"]
"""The four physical tables: float64, string, list<float64>, string (digest or URI)."""

KINDS: tuple[ReadingKind, ...] = get_args(ReadingKind)


class Quality(IntEnum):
    """Quality of a reading as the severity bits of an OPC UA StatusCode (Part 4, 7.39)."""

    GOOD = 0
    UNCERTAIN = 0x40000000
    BAD = 0x80000000


def value_type(kind: ReadingKind) -> pa.DataType:
    """Arrow type of the value column of a kind of reading."""
    import pyarrow as pa

    return {
        "number": pa.float64(),
        "text": pa.string(),
        "array": pa.list_(pa.float64()),
        "reference": pa.string(),
    }[kind]


@cache
def frame_schema(kind: ReadingKind, *, is_coded: bool = False) -> pa.Schema:
    """Schema of what a connector writes: time (us UTC), tag, value, quality.

    Args:
        kind: Physical table of the readings.
        is_coded: With the tag as a dictionary of int32 codes instead of plain text.
    """
    import pyarrow as pa

    tag = pa.dictionary(pa.int32(), pa.string()) if is_coded else pa.string()
    return pa.schema(
        [
            pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("tag", tag, nullable=False),
            pa.field("value", value_type(kind)),
            pa.field("quality", pa.int64(), nullable=False),
        ]
    )


def frame_table(
    kind: ReadingKind,
    times: Sequence[int] | NDArray[np.int64],
    tags: Sequence[str] | pa.DictionaryArray,
    values: Sequence[Any] | pa.Array,
    qualities: Sequence[int] | NDArray[np.int64],
) -> pa.Table:
    """Table of a frame from its columns, all of one length.

    Args:
        kind: Physical table of the readings.
        times: Microseconds UTC.
        tags: Names, or codes over a dictionary of names.
        values: None where missing.
        qualities: OPC UA status codes.

    >>> frame_table("number", [0, 1], ["a", "b"], [2.5, None], [0, Quality.BAD]).num_rows
    2
    """
    import numpy as np
    import pyarrow as pa

    schema = frame_schema(kind, is_coded=isinstance(tags, pa.Array))
    columns = [
        pa.array(np.asarray(times, dtype=np.int64)).view(schema.field("time").type),
        tags if isinstance(tags, pa.Array) else pa.array(tags, pa.string()),
        values if isinstance(values, pa.Array) else pa.array(values, value_type(kind)),
        pa.array(np.asarray(qualities, dtype=np.int64)),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


@cache
def series_schema(kind: ReadingKind) -> pa.Schema:
    """Schema of what the historian returns: a frame's columns, `received_at` and `seq`."""
    import pyarrow as pa

    extra = [
        pa.field("received_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
    ]
    return pa.schema([*frame_schema(kind), *extra])


@dataclass(frozen=True)
class Frame:
    """Readings that arrive together and become durable together.

    Attributes:
        source: Name of the source (a card, a server) that they come from.
        key: Identity within the source; a frame with the same key again adds nothing.
        kind: Which of the four physical tables they belong to.
        readings: Table of `frame_schema(kind)`, its tag plain or coded; several tags may be
            mixed. One chunk a tag, all with the same times, is taken without a copy.
        received_at: Microseconds UTC when the connector had them.
        origin: Digest of the original file and its rows, where there is one.
        reason: Why readings that exist are written again (a correction); empty otherwise.
    """

    source: str
    key: str
    kind: ReadingKind
    readings: pa.Table
    received_at: int
    origin: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a table that is not of the frame's schema."""
        schema = self.readings.schema
        if not any(schema.equals(frame_schema(self.kind, is_coded=flag)) for flag in (False, True)):
            raise BadInputError(
                f"frame {self.source}/{self.key}: columns {self.readings.schema.names} are not "
                f"those of kind {self.kind!r}.",
                hint=f"Cast the table to goldenbatch.core.series.frame_schema({self.kind!r}).",
            )


@dataclass(frozen=True)
class Series:
    """Readings of one or more tags, in the order in which they were asked for.

    Attributes:
        kind: Physical kind of the values.
        table: Table of `series_schema(kind)`.
    """

    kind: ReadingKind
    table: pa.Table

    def __len__(self) -> int:
        """Number of readings."""
        return int(self.table.num_rows)

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of the tags that occur, sorted."""
        return tuple(sorted(self.table.column("tag").unique().to_pylist()))

    def of(self, tag: str) -> Series:
        """The readings of one tag."""
        import pyarrow.compute as pc

        return Series(self.kind, self.table.filter(pc.equal(self.table.column("tag"), tag)))

    def times(self) -> NDArray[np.int64]:
        """Times in microseconds UTC, shape `(n_readings,)`."""
        import pyarrow as pa

        column = self.table.column("time").cast(pa.int64()).combine_chunks()
        return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]

    def seqs(self) -> NDArray[np.int64]:
        """Numbers of the frames, shape `(n_readings,)`."""
        return self.table.column("seq").to_numpy()  # type: ignore[no-any-return]

    def qualities(self) -> NDArray[np.int64]:
        """OPC UA status codes, shape `(n_readings,)`."""
        return self.table.column("quality").to_numpy()  # type: ignore[no-any-return]

    def values(self) -> NDArray[Any]:
        """Values: float64 `(n,)` (missing: NaN), objects `(n,)`, or float64 `(n, length)`."""
        import numpy as np

        column = self.table.column("value")
        if self.kind == "number":
            return column.to_numpy()  # type: ignore[no-any-return]
        if self.kind != "array":
            return np.asarray(column.to_pylist(), dtype=object)
        rows = column.to_pylist()
        if len({len(row) for row in rows if row is not None}) > 1:
            raise BadInputError(
                f"arrays of tags {', '.join(self.tags)} have several lengths.",
                hint="Read one tag and one window in which its axis did not change.",
            )
        return np.asarray(rows, dtype=float)

    def to_polars(self) -> Any:
        """The readings as a Polars data frame over the same memory.

        Raises:
            BadInputError: Polars is not installed.
        """
        try:
            import polars
        except ImportError as error:
            raise _missing("Polars") from error
        return polars.from_arrow(self.table)

    def to_pandas(self) -> Any:
        """The readings as a pandas data frame; numbers without a gap are the same memory.

        Raises:
            BadInputError: pandas is not installed.
        """
        try:
            return self.table.to_pandas(split_blocks=True)
        except ImportError as error:
            raise _missing("pandas") from error

    def rows(self) -> Iterator[dict[str, Any]]:
        """The readings one by one, for small tables."""
        yield from self.table.to_pylist()


def _missing(name: str) -> BadInputError:
    return BadInputError(
        f"{name} is not installed.", hint="Install it with: pip install 'goldenbatch[frames]'."
    )


@dataclass(frozen=True)
class Aligned:
    """Tags over several windows on one grid of elapsed time; a gap stays NaN.

    Attributes:
        tags: Names of the tags, the last axis of `values`.
        elapsed_us: Grid of time since each window's start, shape `(n_grid,)`.
        values: Shape `(n_windows, n_grid, n_tags)`.
        quality: Worst quality behind each value, the same shape.
        n_readings: How many readings stand behind each value, the same shape.
    """

    tags: Sequence[str]
    elapsed_us: NDArray[np.int64]
    values: NDArray[np.float64]
    quality: NDArray[np.int64]
    n_readings: NDArray[np.int64]
    windows: Sequence[tuple[int, int]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Aggregated:
    """One value a tag and window.

    Attributes:
        kind: Of the aggregate.
        tags: Names of the tags, the last axis.
        windows: The windows, the first axis.
        values: Shape `(n_windows, n_tags)`; NaN where there is none.
        quality: OPC UA status codes with their info bits, the same shape.
        times: Time that each value is of: the window's start, or of `Start`, `End`,
            `MinimumActualTime` and `MaximumActualTime` that of the reading; the same shape.
    """

    kind: AggregateKind
    tags: Sequence[str]
    windows: Sequence[tuple[int, int]]
    values: NDArray[np.float64]
    quality: NDArray[np.int64]
    times: NDArray[np.int64]
    settings: AggregateSettings = field(default_factory=AggregateSettings)
