"""Columns to readings: values of tags with their rows and times, in the plant's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._master import MasterData
from goldenbatch.connectors.tabular._parts import ArraySpec, TagSpec
from goldenbatch.connectors.tabular._sheet import Sheet, trimmed
from goldenbatch.connectors.tabular._templates import placeholders, render
from goldenbatch.connectors.tabular._values import decoded_numbers, numbers
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import check_unit, conversion

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from goldenbatch.core.plant import Plant
    from goldenbatch.core.series import ReadingKind

Problems = dict[int, tuple[str, str]]
"""Row number to (kind, reason) of a row that is refused."""


@dataclass
class TagReadings:
    """Readings of one tag.

    Attributes:
        rows: Row of each reading in its sheet, ascending, shape `(n,)`.
        times: Microseconds UTC, shape `(n,)`.
        values: float64 `(n,)`, objects `(n,)` of text, or float64 `(n, length)`.
        gaps: Where the source gave a time but no value, shape `(n,)`.
    """

    tag: str
    kind: ReadingKind
    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[Any]
    gaps: NDArray[np.bool_]

    def take(self, chosen: NDArray[Any]) -> TagReadings:
        """The chosen ones, by mask or by position."""
        return TagReadings(
            self.tag,
            self.kind,
            self.rows[chosen],
            self.times[chosen],
            self.values[chosen],
            self.gaps[chosen],
        )


@dataclass(frozen=True)
class Axis:
    """Axis of an array tag, from the headers of its columns."""

    tag: str
    values: tuple[float, ...]
    unit: str


class Units:
    """Conversions of columns to the units of the plant's tags."""

    def __init__(self, plant: Plant | None) -> None:
        self._plant = plant
        self.master = MasterData(plant)

    def is_known(self, tag: str) -> bool:
        """Whether the plant has the tag; without a plant all are."""
        return self._plant is None or self._plant.has_tag(tag)

    def line(self, tag: str, unit: str, kind: str) -> tuple[float, float]:
        """Factor and offset to the unit of a tag.

        Raises:
            BadInputError: The plant does not know the tag, or it is of another kind or unit.
        """
        if unit:
            check_unit(unit)
        if self._plant is None:
            return 1.0, 0.0
        known = self._plant.tag(tag)
        if known.kind != kind:
            raise BadInputError(
                f"tag {tag!r} holds {known.kind} in the plant, {kind} in the card.",
                hint="Correct the card or the plant.",
            )
        if kind == "text" or not unit or unit == known.unit:
            return 1.0, 0.0
        return conversion(unit, known.unit)


def check_tags(spec: TableSpec, units: Units) -> None:
    """Refuse a table whose constant tags the plant does not know, or in other units.

    Raises:
        BadInputError: It names the tag.
    """
    for tag in spec.tags:
        if not placeholders(tag.tag):
            units.line(tag.tag, tag.unit, tag.kind)
    for array in spec.arrays:
        units.line(array.tag, array.unit, "array")
    for sample in spec.samples:
        for result in sample.results:
            check_unit(result.unit)


def read_tags(
    sheet: Sheet, spec: TableSpec, times: NDArray[np.int64], units: Units, problems: Problems
) -> tuple[list[TagReadings], list[Axis]]:
    """Readings of all rows that have no problem; rows with one are added to `problems`."""
    raw: list[tuple[TagSpec, NDArray[Any], NDArray[np.bool_]]] = []
    for tag in spec.tags:
        values, gaps = _column(sheet, spec, tag, problems)
        raw.append((tag, values, gaps))
    arrays = [(one, *_array(sheet, spec, one, problems)) for one in spec.arrays]
    named = {id(tag): _names(sheet, spec, tag, units, problems) for tag, _, _ in raw}
    rows = good_rows(sheet.n_rows, problems)
    is_whole = len(rows) == sheet.n_rows
    # One array of times for all columns of a row: it is compared and hashed once.
    row_times = times if is_whole else times[rows]
    found: list[TagReadings] = []
    for tag, values, gaps in raw:
        for name, chosen in named[id(tag)]:
            if chosen is None and is_whole:
                one = TagReadings(name, tag.kind, rows, row_times, values, gaps)
            elif chosen is None:
                one = TagReadings(name, tag.kind, rows, row_times, values[rows], gaps[rows])
            else:
                mine = np.intersect1d(rows, chosen, assume_unique=True)
                one = TagReadings(name, tag.kind, mine, times[mine], values[mine], gaps[mine])
            if tag.kind == "number":
                factor, offset = units.line(name, tag.unit, tag.kind)
                one.values = (
                    one.values * factor + offset if (factor, offset) != (1, 0) else one.values
                )
            found.append(_changes(one) if tag.is_on_change else one)
    axes = []
    for array, values, axis in arrays:
        factor, offset = units.line(array.tag, array.unit, "array")
        cells = values[rows] * factor + offset if (factor, offset) != (1, 0) else values[rows]
        none = np.zeros(len(rows), dtype=bool)
        found.append(TagReadings(array.tag, "array", rows, row_times, cells, none))
        axes.append(axis)
    return [one for one in found if len(one.rows)], axes


def _column(
    sheet: Sheet, spec: TableSpec, tag: TagSpec, problems: Problems
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if tag.kind == "text":
        return _texts(sheet.column(tag.column), spec)
    found = decoded_numbers(sheet.decoded.get(sheet.position(tag.column)))
    if found is not None:
        return found
    values, gaps, wrong = numbers(sheet.column(tag.column), spec)
    for row, reason in wrong.items():
        problems.setdefault(row, ("number", f"{tag.column}: {reason}"))
    return values, gaps


def _texts(column: pa.ChunkedArray, spec: TableSpec) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Texts and where they are missing; each distinct text is made once."""
    coded = trimmed(column).combine_chunks().dictionary_encode()
    names = np.asarray(coded.dictionary.to_pylist(), dtype=object)
    missing = {mark.strip() for mark in spec.missing}
    is_missing = np.fromiter((name in missing for name in names), dtype=bool, count=len(names))
    codes = coded.indices.to_numpy(zero_copy_only=False)
    return names[codes], is_missing[codes]


def _array(
    sheet: Sheet, spec: TableSpec, one: ArraySpec, problems: Problems
) -> tuple[NDArray[np.float64], Axis]:
    first = sheet.position(one.first) if one.first else 0
    last = sheet.position(one.last) if one.last else len(sheet.header) - 1
    names = sheet.header[first : last + 1]
    try:
        axis = tuple(float(name.replace(",", ".")) for name in names)
    except ValueError as error:
        raise BadInputError(
            f"the headers of array {one.tag!r} are no axis of numbers ({error}).",
            hint="Set first and last to the headers of its first and last column.",
            file=sheet.file,
            line=spec.header,
        ) from error
    cells = np.empty((sheet.n_rows, len(names)))
    for at, name in enumerate(names):
        # By position: two columns of a spectrum may have the same rounded header.
        values, gaps, wrong = numbers(sheet.text(first + at), spec)
        cells[:, at] = values
        for row, reason in wrong.items():
            problems.setdefault(row, ("number", f"{name}: {reason}"))
        for row in np.flatnonzero(gaps).tolist():
            problems.setdefault(row, ("incomplete", f"array {one.tag}: no value at {name}"))
    return cells, Axis(one.tag, axis, one.axis_unit)


def _names(
    sheet: Sheet, spec: TableSpec, tag: TagSpec, units: Units, problems: Problems
) -> list[tuple[str, NDArray[np.int64] | None]]:
    """Tags that a column holds, each with its rows; None: all rows."""
    import pyarrow.compute as pc

    columns = [name for name in placeholders(tag.tag) if name in sheet.header]
    stem = PurePosixPath(sheet.file).stem
    fixed: dict[str, Any] = {**spec.constants, "file": sheet.file, "stem": stem}
    if not columns:
        return [(render(tag.tag, fixed), None)]
    texts = [trimmed(sheet.column(name)).combine_chunks() for name in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f").dictionary_encode()
    codes = joined.indices.to_numpy(zero_copy_only=False)
    found: list[tuple[str, NDArray[np.int64] | None]] = []
    for code, text in enumerate(joined.dictionary.to_pylist()):
        rows = np.flatnonzero(codes == code)
        cells = fixed | dict(zip(columns, text.split("\x1f"), strict=True))
        try:
            name = render(tag.tag, cells)
        except BadInputError as error:
            problems.update((row, ("empty", error.message)) for row in rows.tolist())
            continue
        if not units.is_known(name):
            reason = f"tag {name!r} is not in the plant"
            problems.update((row, ("tag", reason)) for row in rows.tolist())
            continue
        found.append((name, rows))
    return found


def _changes(one: TagReadings) -> TagReadings:
    """Only the readings that differ from the one before, in time."""
    order = np.argsort(one.times, kind="stable")
    values = one.values[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = values[1:] != values[:-1]
    return one.take(np.sort(order[is_new]))


def all_times(readings: Sequence[TagReadings]) -> NDArray[np.int64]:
    """All times of readings, ascending, each once."""
    distinct = list({id(one.times): one.times for one in readings}.values())
    if not distinct:
        return np.empty(0, dtype=np.int64)
    times = np.sort(np.concatenate(distinct))
    is_first = np.ones(len(times), dtype=bool)
    is_first[1:] = times[1:] != times[:-1]
    return times[is_first]


def good_rows(n_rows: int, problems: Problems) -> NDArray[np.int64]:
    """Numbers of the rows that have no problem."""
    is_good = np.ones(n_rows, dtype=bool)
    is_good[list(problems)] = False
    return np.flatnonzero(is_good)
