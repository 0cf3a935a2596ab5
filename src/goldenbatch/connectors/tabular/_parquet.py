"""Parquet files as sheets: columns by name, one row group after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._csv import number_places
from goldenbatch.connectors.tabular._sheet import Sheet
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import is_number

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_parquet(content: bytes, spec: TableSpec, file: str) -> Sheet:
    """A Parquet file; the line of a row is its number, from 1.

    Only the columns that the card names are read, and of columns of numbers that hold readings
    no text is made. A time stamp with a zone is a moment; one without is local, as the card says.

    Raises:
        BadInputError: It cannot be read, or a column that the card names holds no single values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        schema = parquet.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise BadInputError(
            f"this is no readable Parquet file ({error}).", hint="Write it again.", file=file
        ) from error
    header = tuple(schema.names)
    used = set(header if spec.arrays else spec.declared_columns())
    places = [at for at, name in enumerate(header) if name in used]
    for at in places:
        if pa.types.is_nested(schema.field(at).type):
            raise BadInputError(
                f"column {header[at]!r} holds {schema.field(at).type}, not one value a row.",
                hint="Write one column for each value.",
                file=file,
                key=header[at],
            )
    has_marks = any(is_number(mark.strip()) for mark in spec.missing)
    numeric = () if has_marks else number_places(spec, header)
    decoded = [at for at in numeric if _is_numeric(schema.field(at).type)]
    reader = _Reader(parquet, file, header)
    columns = reader.columns(places, decoded)
    lines = np.arange(1, parquet.metadata.num_rows + 1, dtype=np.int64)
    return Sheet(
        file,
        header,
        columns,
        lines,
        reader.raw,
        decoded={at: columns[at] for at in decoded},
        reread=(lambda: reader.columns(places, ())) if decoded else None,
    )


@dataclass
class _Reader:
    """Reads columns of one file, and single rows of it as they stand there."""

    parquet: pq.ParquetFile
    file: str
    header: tuple[str, ...]
    _group: tuple[int, list[dict[str, Any]]] = field(default=(-1, []))

    def columns(self, places: list[int], decoded: Any) -> list[pa.ChunkedArray]:
        """All columns; those at `decoded` as numbers, other places as text, the rest empty."""
        import pyarrow as pa

        chunks: dict[int, list[pa.Array]] = {at: [] for at in places}
        names = [self.header[at] for at in places]
        for number in range(self.parquet.num_row_groups if names else 0):
            table = self._read(number, names)
            for at in places:
                # By name: a header that stands twice is refused by whoever checks the headers.
                column = table.column(table.column_names.index(self.header[at]))
                for chunk in column.chunks:
                    is_decoded = at in decoded
                    chunks[at].append(self._cells(at, chunk, is_decoded=is_decoded))
        nothing = pa.chunked_array([pa.nulls(self.parquet.metadata.num_rows, pa.string())])
        return [
            pa.chunked_array(chunks[at], pa.float64() if at in decoded else pa.string())
            if at in chunks
            else nothing
            for at in range(len(self.header))
        ]

    def _read(self, number: int, names: list[str] | None = None) -> pa.Table:
        import pyarrow as pa

        try:
            return self.parquet.read_row_group(number, columns=names)
        except (pa.ArrowException, OSError) as error:
            raise BadInputError(
                f"row group {number} cannot be read ({error}).",
                hint="The file is damaged: write it again.",
                file=self.file,
            ) from error

    def _cells(self, at: int, chunk: pa.Array, *, is_decoded: bool) -> pa.Array:
        import pyarrow as pa

        try:
            return _numbers(chunk) if is_decoded else _texts(chunk)
        except pa.ArrowException as error:
            raise BadInputError(
                f"column {self.header[at]!r} of type {chunk.type} cannot be read ({error}).",
                hint="Write it as numbers, texts or time stamps.",
                file=self.file,
                key=self.header[at],
            ) from error

    def raw(self, line: int) -> str:
        """A row as JSON; its row group is kept for the next one."""
        ends = list(accumulate(self._sizes()))
        number = next(at for at, end in enumerate(ends) if line <= end)
        if self._group[0] != number:
            self._group = (number, self._read(number).to_pylist())
        row = self._group[1][line - 1 - (ends[number - 1] if number else 0)]
        return json.dumps(row, ensure_ascii=False, default=str)

    def _sizes(self) -> Iterator[int]:
        for number in range(self.parquet.num_row_groups):
            yield self.parquet.metadata.row_group(number).num_rows


def _is_numeric(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_whole = pa.types.is_integer(kind) and kind.bit_width <= 32  # larger ones by their digits
    return bool(is_whole or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _numbers(chunk: pa.Array) -> pa.Array:
    """float64; those of a shorter float with the digits that it shows, not those it holds."""
    import pyarrow as pa

    if pa.types.is_dictionary(chunk.type):
        chunk = chunk.dictionary_decode()
    if pa.types.is_boolean(chunk.type):
        chunk = chunk.cast(pa.int8())
    if pa.types.is_float16(chunk.type):
        chunk = chunk.cast(pa.float32())
    if pa.types.is_float32(chunk.type):
        return chunk.cast(pa.string()).cast(pa.float64())
    return chunk.cast(pa.float64())


def _texts(chunk: pa.Array) -> pa.Array:
    """Cells as text: as many digits as give the value back, time stamps as ISO 8601."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(chunk.type):
        coded = chunk
        words = _texts(coded.dictionary)
        return pc.fill_null(words.take(coded.indices), "")
    if pa.types.is_timestamp(chunk.type):
        zone = "UTC" if chunk.type.tz else None
        # With a zone the cast writes a Z; strftime took ten times as long.
        texts = chunk.cast(pa.timestamp(chunk.type.unit, zone)).cast(pa.string())
        return pc.fill_null(pc.utf8_replace_slice(texts, 10, 11, "T"), "")
    if pa.types.is_float16(chunk.type):
        chunk = chunk.cast(pa.float32())
    return pc.fill_null(chunk.cast(pa.string()), "")
