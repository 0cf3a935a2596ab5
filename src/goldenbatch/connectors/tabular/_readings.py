"""Columns to readings: values of tags with their rows and times, in the plant's units."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._asm_parts import META
from goldenbatch.connectors.tabular._master import MasterData
from goldenbatch.connectors.tabular._parts import ArraySpec, TagSpec
from goldenbatch.connectors.tabular._quality import qualities
from goldenbatch.connectors.tabular._sheet import Sheet, trimmed
from goldenbatch.connectors.tabular._templates import placeholders, render
from goldenbatch.connectors.tabular._values import decoded_numbers, numbers
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.quantities import check_unit, conversion
from goldenbatch.core.series import Quality

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
        quality: As the source says it, shape `(n,)`; None: it says nothing, so good.
    """

    tag: str
    kind: ReadingKind
    rows: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[Any]
    gaps: NDArray[np.bool_]
    quality: NDArray[np.int64] | None = None

    def take(self, chosen: NDArray[Any]) -> TagReadings:
        """The chosen ones, by mask or by position."""
        return TagReadings(
            self.tag,
            self.kind,
            self.rows[chosen],
            self.times[chosen],
            self.values[chosen],
            self.gaps[chosen],
            None if self.quality is None else self.quality[chosen],
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

    def kind(self, tag: str) -> str:
        """What a tag holds; numbers where the plant does not say."""
        return "number" if self._plant is None else self._plant.tag(tag).kind

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
            kind = units.kind(tag.tag) if tag.kind == "any" else tag.kind
            units.line(tag.tag, tag.unit, kind)
    for array in spec.arrays:
        units.line(array.tag, array.unit, "array")
    for sample in spec.samples:
        for result in sample.results:
            check_unit(result.unit)


def read_tags(
    sheet: Sheet, spec: TableSpec, times: NDArray[np.int64], units: Units, problems: Problems
) -> tuple[list[TagReadings], list[Axis]]:
    """Readings of all rows that have no problem; rows with one are added to `problems`."""
    columns = [one for tag in spec.tags for one in _columns(sheet, spec, tag, units, problems)]
    arrays = [(one, *_array(sheet, spec, one, problems)) for one in spec.arrays]
    rows = good_rows(sheet.n_rows, problems)
    # One array of times for all columns of a row: it is compared and hashed once.
    row_times = times if len(rows) == sheet.n_rows else times[rows]
    found = [one for column in columns for one in column.readings(rows, times, row_times, units)]
    axes = []
    for array, values, axis in arrays:
        factor, offset = units.line(array.tag, array.unit, "array")
        cells = values[rows] * factor + offset if (factor, offset) != (1, 0) else values[rows]
        none = np.zeros(len(rows), dtype=bool)
        found.append(TagReadings(array.tag, "array", rows, row_times, cells, none))
        axes.append(axis)
    return [one for one in found if len(one.rows)], axes


@dataclass(frozen=True)
class _Column:
    """A column as readings of one kind.

    Attributes:
        named: Tags that it holds, each with its rows; None: all rows.
    """

    spec: TagSpec
    kind: ReadingKind
    values: NDArray[Any]
    gaps: NDArray[np.bool_]
    quality: NDArray[np.int64] | None
    named: list[tuple[str, NDArray[np.int64] | None]]

    def readings(
        self,
        rows: NDArray[np.int64],
        times: NDArray[np.int64],
        row_times: NDArray[np.int64],
        units: Units,
    ) -> Iterator[TagReadings]:
        """Readings of the good rows, tag by tag, in the units of the plant."""
        is_whole = len(rows) == len(self.values)
        for name, chosen in self.named:
            whole = TagReadings(name, self.kind, rows, times, self.values, self.gaps, self.quality)
            if chosen is None and is_whole:
                one = whole
            else:
                mine = rows if chosen is None else np.intersect1d(rows, chosen, assume_unique=True)
                quality = None if self.quality is None else self.quality[mine]
                at = row_times if chosen is None else times[mine]
                one = TagReadings(
                    name, self.kind, mine, at, self.values[mine], self.gaps[mine], quality
                )
            if self.kind == "number":
                factor, offset = units.line(name, self.spec.unit, self.kind)
                if (factor, offset) != (1, 0):
                    one.values = one.values * factor + offset
            yield _changes(one) if self.spec.is_on_change else one


def _columns(
    sheet: Sheet, spec: TableSpec, tag: TagSpec, units: Units, problems: Problems
) -> Iterator[_Column]:
    """A column, as readings of each kind that it holds."""
    quality = None
    if tag.quality:
        quality, odd = qualities(sheet.column(tag.quality))
        for row, reason in odd.items():
            problems.setdefault(row, ("quality", f"{tag.quality}: {reason}"))
    named = _names(sheet, spec, tag, units, problems)
    kinds: tuple[ReadingKind, ...] = ("number", "text") if tag.kind == "any" else (tag.kind,)
    for kind in kinds:
        mine = [one for one in named if tag.kind != "any" or units.kind(one[0]) == kind]
        if kind == "text" and mine:
            yield _Column(tag, kind, *_texts(sheet.column(tag.column), spec), quality, mine)
        elif mine or tag.kind != "any":
            values, gaps, wrong = _column(sheet, spec, tag)
            if tag.kind == "any" and len(mine) < len(named):
                parts = [one for _, one in mine if one is not None]
                rows = set(np.concatenate(parts).tolist())
                wrong = {row: why for row, why in wrong.items() if row in rows}
            if quality is not None:
                gaps = _bad_gaps(wrong, gaps, quality)
            for row, reason in wrong.items():
                problems.setdefault(row, ("number", f"{tag.column}: {reason}"))
            yield _Column(tag, kind, values, gaps, quality, mine)


def _bad_gaps(
    wrong: dict[int, str], gaps: NDArray[np.bool_], quality: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Gaps, with the rows whose source says that they are bad and that have no number."""
    bad = [row for row in wrong if quality[row] == Quality.BAD]
    gaps = gaps.copy()
    gaps[bad] = True
    for row in bad:
        del wrong[row]
    return gaps


def _column(
    sheet: Sheet, spec: TableSpec, tag: TagSpec
) -> tuple[NDArray[Any], NDArray[np.bool_], dict[int, str]]:
    found = decoded_numbers(sheet.decoded.get(sheet.position(tag.column)))
    if found is not None:
        return *found, {}
    return numbers(sheet.column(tag.column), spec)


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
    first = sheet.position(one.first) if one.first else len(META) if spec.cube else 0
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
