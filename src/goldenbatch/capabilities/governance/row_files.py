"""Rows from a file of an outside laboratory: CSV or Parquet, read without being kept."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.model_card import DataRange
from goldenbatch.core.records import from_iso
from goldenbatch.core.test_set_records import Exclusion

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BYTES: Final = 256 << 20


class FileAsked(BaseModel):
    """Rows of a file; a row is a sample with its inputs and its reference result.

    Attributes:
        name: Of the file.
        content: Its text, for CSV.
        content_base64: Its bytes, for Parquet (or CSV).
        output: What the reference is of.
        unit: UCUM code of it.
        id: Column that names each row; empty: they are numbered.
        reference: Column of the reference results.
        inputs: Columns of the inputs; empty: all that have no other role.
        batch, lot, sample, time, place: Columns that say what a row is of; empty: none does.
            A lot is `material/lot`, a time ISO 8601 with offset.
        group: Column of the independent group; empty: batch, else lot, else the row.
        are_rows_independent: Each row is a group of its own, whatever batch or lot it is of.
        strata: Columns of subgroups.
        baseline: Column of a naive baseline; empty: the mean of the training.
        practice: Column of what the present practice says; empty: nothing.
        exclude: Rows by their id that are left out, each with its reason.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    content: str = ""
    content_base64: str = ""
    output: str = Field(min_length=1)
    unit: str = "1"
    id: str = ""
    reference: str = Field(min_length=1)
    inputs: tuple[str, ...] = ()
    batch: str = ""
    lot: str = ""
    sample: str = ""
    time: str = ""
    place: str = ""
    group: str = ""
    are_rows_independent: bool = False
    strata: tuple[str, ...] = ()
    baseline: str = ""
    practice: str = ""
    exclude: tuple[Exclusion, ...] = ()

    def roles(self) -> frozenset[str]:
        """Columns that have a role of their own."""
        named = (self.id, self.reference, self.batch, self.lot, self.sample, self.time, self.place)
        more = (self.group, self.baseline, self.practice, *self.strata)
        return frozenset({*named, *more} - {""})

    def data(self) -> bytes:
        """The file's bytes.

        Raises:
            BadInputError: There are none, or too many.
        """
        try:
            data = base64.b64decode(self.content_base64, validate=True) or self.content.encode()
        except binascii.Error as error:
            raise BadInputError("the content is no base64.", key="content_base64") from error
        if not data or len(data) > MAX_BYTES:
            raise BadInputError(
                f"the file {self.name!r} has {len(data)} bytes.",
                hint=f"Give 1 to {MAX_BYTES} bytes of CSV or Parquet.",
                key="content",
            )
        return data


def file_values(path: Path) -> dict[str, str]:
    """Name and content of a file, as an act takes them."""
    return {
        "name": path.name,
        "content_base64": base64.b64encode(path.read_bytes()).decode("ascii"),
    }


def file_rows(asked: FileAsked) -> Rows:
    """Rows of a file, complete, in its order; `file_ranges` says of some what they are.

    Raises:
        BadInputError: A column is missing, a number cannot be read, or a row is not complete.
    """
    table = _table(asked, asked.data())
    columns = _Columns(asked, table)
    names = asked.inputs or tuple(one for one in table.column_names if one not in asked.roles())
    if not names:
        raise BadInputError("no column is left for the inputs.", key="inputs")
    inputs = np.stack([columns.numbers(name) for name in names], axis=1)
    ids = columns.texts(asked.id) if asked.id else tuple(f"row {n + 1}" for n in range(len(inputs)))
    batches, samples = columns.texts(asked.batch), columns.texts(asked.sample)
    lots = columns.texts(asked.lot)
    rows = Rows(
        names=names,
        output=asked.output,
        unit=asked.unit,
        inputs=inputs,
        reference=columns.numbers(asked.reference),
        ids=ids,
        groups=ids
        if asked.are_rows_independent
        else _groups(columns.texts(asked.group), batches, lots, ids),
        times=columns.times(asked.time),
        batches=batches,
        lots=tuple((one,) if one else () for one in lots),
        samples=samples,
        places=columns.texts(asked.place),
        strata=columns.strata(),
        baseline=columns.numbers(asked.baseline),
        practice=columns.numbers(asked.practice),
    )
    excluded = {one.what for one in asked.exclude}
    unknown = sorted(excluded - set(ids))
    if unknown:
        raise BadInputError(f"there is no row {unknown[0]!r} to exclude.", key="exclude.what")
    rows = rows.where([one not in excluded for one in ids])
    rows.require_complete()
    return rows


def file_ranges(name: str, rows: Rows) -> tuple[DataRange, ...]:
    """Rows of a file by their content, in whatever order; and when and where each was taken."""
    lines = sorted(
        json.dumps([reference, *inputs])
        for inputs, reference in zip(rows.inputs.tolist(), rows.reference.tolist(), strict=True)
    )
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    found = [DataRange(what=name, digest=digest, n=len(rows))]
    for row, (at, place) in enumerate(zip(rows.times, rows.places, strict=True)):
        if at is None or not place:
            continue
        text = f"{digest}\n{rows.ids[row]}\n{at}\n{place}"
        own = hashlib.sha256(text.encode()).hexdigest()
        found.append(DataRange(what=f"{place}/{name}", digest=own, n=1, start=at, end=at + 1))
    return tuple(found)


def _groups(
    given: Sequence[str], batches: Sequence[str], lots: Sequence[str], ids: Sequence[str]
) -> tuple[str, ...]:
    found = []
    for group, batch, lot, own in zip(given, batches, lots, ids, strict=True):
        named = (("group", group), ("batch", batch), ("lot", lot), ("row", own))
        found.append(next(f"{kind} {one}" for kind, one in named if one))
    return tuple(found)


def _table(asked: FileAsked, data: bytes) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if data[:4] == b"PAR1":
            table = parquet.read_table(io.BytesIO(data))
        else:
            texts = {name: pa.string() for name in _csv_header(data)}
            options = csv.ConvertOptions(column_types=texts, strings_can_be_null=True)
            table = csv.read_csv(io.BytesIO(data), convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError, OSError) as error:
        raise BadInputError(
            f"the file {asked.name!r} cannot be read: {error}.",
            hint="Give CSV with a header, or Parquet.",
            file=asked.name,
        ) from error
    missing = sorted((asked.roles() | set(asked.inputs)) - set(table.column_names))
    if missing:
        raise BadInputError(
            f"the file has no column {', '.join(missing[:3])}; it has "
            f"{', '.join(table.column_names[:8])}.",
            file=asked.name,
        )
    if not table.num_rows:
        raise BadInputError("the file has no rows.", file=asked.name)
    return table


def _csv_header(data: bytes) -> list[str]:
    import csv

    first = data.split(b"\n", 1)[0].decode("utf-8-sig").rstrip("\r")
    return next(csv.reader([first]), [])


class _Columns:
    """Columns of a file as what they are for."""

    def __init__(self, asked: FileAsked, table: pa.Table) -> None:
        self._asked, self._table = asked, table

    def texts(self, name: str) -> tuple[str, ...]:
        """A column as texts; empty where there is none."""
        if not name:
            return ("",) * int(self._table.num_rows)
        found = self._table.column(name).to_pylist()
        return tuple("" if one is None else str(one).strip() for one in found)

    def numbers(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """A column as numbers; NaN where nothing stands."""
        if not name:
            return np.full(int(self._table.num_rows), math.nan)
        quick = self._cast(name)
        if quick is not None:
            return quick
        found = []
        for line, text in enumerate(self.texts(name), start=2):
            try:
                found.append(float(text) if text else math.nan)
            except ValueError as error:
                raise BadInputError(
                    f"{text[:40]!r} is no number.", file=self._asked.name, line=line, key=name
                ) from error
        return np.asarray(found, dtype=np.float64)

    def _cast(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]] | None:
        """A column as numbers at once; None where an entry is none, to be found one by one."""
        import pyarrow as pa
        import pyarrow.compute as pc

        column = self._table.column(name)
        try:
            if pa.types.is_string(column.type):
                trimmed = pc.utf8_trim_whitespace(column)
                column = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
            numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
            return np.asarray(numbers, dtype=np.float64)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None

    def times(self, name: str) -> tuple[int | None, ...]:
        """A column of times; None where nothing stands."""
        found: list[int | None] = []
        for line, text in enumerate(self.texts(name), start=2):
            try:
                found.append(from_iso(text) if text else None)
            except ValueError as error:
                raise BadInputError(
                    f"{text[:40]!r} is no time with an offset from UTC.",
                    file=self._asked.name, line=line, key=name,
                ) from error  # fmt: skip
        return tuple(found)

    def strata(self) -> tuple[tuple[str, ...], ...]:
        """Subgroups of each row."""
        columns = [self.texts(name) for name in self._asked.strata]
        n_rows = int(self._table.num_rows)
        return tuple(tuple(c[row] for c in columns if c[row]) for row in range(n_rows))


def file_source(asked: FileAsked, extra: Mapping[str, str] | None = None) -> str:
    """A file by its name and digest."""
    more = "".join(f", {key} {value}" for key, value in (extra or {}).items())
    return f"file {asked.name} (SHA-256 {hashlib.sha256(asked.data()).hexdigest()}){more}"
