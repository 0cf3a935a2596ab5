"""The plan of one file: what is new in it, what is refused and why; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._compare import Contradiction
from goldenbatch.connectors.tabular._events import StatedRow, disagreements, unknown
from goldenbatch.connectors.tabular._files import Original
from goldenbatch.connectors.tabular._known import Draft, Known
from goldenbatch.connectors.tabular._open import read_sheet
from goldenbatch.connectors.tabular._parts import TimeSpec
from goldenbatch.connectors.tabular._phases import phase_problems, take_phases
from goldenbatch.connectors.tabular._readings import (
    Axis,
    Problems,
    TagReadings,
    Units,
    check_tags,
    good_rows,
    read_tags,
)
from goldenbatch.connectors.tabular._rows import RowReader
from goldenbatch.connectors.tabular._settle import Settled, settle
from goldenbatch.connectors.tabular._sheet import Refused, Sheet, trimmed
from goldenbatch.connectors.tabular._times import (
    NO_TIME,
    UNITS_US,
    duration_us,
    parse_local,
    parse_times,
)
from goldenbatch.connectors.tabular._values import CellError, numbers
from goldenbatch.connectors.tabular.card import SourceCard, TableSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.core.batch_context import BoundaryStated
    from goldenbatch.core.site import HistorianPort

EARLIEST, LATEST = -2_208_988_800_000_000, 9_214_646_400_000_000
"""Beginning of 1900 and of 2262: what a store of microseconds and its readers hold."""

UNCHANGED, ACCEPTED, CONFLICT, REJECTED = range(4)


@dataclass(frozen=True)
class FoundConflict:
    """A contradiction with the first line that has it and the number of such rows."""

    line: int
    n_rows: int
    what: str
    key: str
    stored: str
    offered: str


@dataclass
class FilePlan:
    """What one file brings.

    Attributes:
        file: Path below the root, with forward slashes.
        status: What became of each row that was read into columns, shape `(n_rows,)`.
        refused: All rows that are refused, by line.
        axes: Axes of array tags.
        stated: What rows say of when batches and phases ran, and was not said before.
    """

    file: str
    digest: str
    table: str
    content: bytes
    status: NDArray[np.int8]
    refused: list[Refused]
    settled: Settled
    drafts: list[Draft]
    conflicts: list[FoundConflict]
    conflict_rows: list[Refused]
    notes: list[str]
    axes: list[Axis] = field(default_factory=list)
    stated: list[StatedRow] = field(default_factory=list)

    def note_disagreements(self, made: Sequence[BoundaryStated]) -> None:
        """Count rows whose statement contradicts another source's among the conflicts."""
        for one, found in disagreements(self.stated, made):
            self.status[one.row] = CONFLICT
            self.conflicts.append(FoundConflict(one.line, 1, *astuple(found)))
            words = f"{found.what} {found.key}: recorded {found.stored}, offered {found.offered}"
            self.conflict_rows.append(Refused(one.line, "conflict", words, one.raw))

    @property
    def counts(self) -> dict[str, int]:
        """Rows by what became of them; they add up to `n_rows`."""
        found = np.bincount(self.status, minlength=4)
        return {
            "n_rows": int(np.count_nonzero(self.status != REJECTED)) + len(self.refused),
            "n_accepted": int(found[ACCEPTED]),
            "n_unchanged": int(found[UNCHANGED]),
            "n_rejected": len(self.refused),
            "n_conflicts": int(found[CONFLICT]),
        }

    @property
    def n_readings(self) -> int:
        """Readings to write, corrections among them."""
        return sum(len(one.rows) for one in (*self.settled.new, *self.settled.corrections))

    @property
    def reasons(self) -> dict[str, int]:
        """Number of refused rows by kind of reason."""
        return dict(Counter(one.kind for one in self.refused))


@dataclass(frozen=True)
class ReadFile:
    """A file that was read to its end and not yet compared with anything.

    Attributes:
        times: Micros UTC of each declared time, shape `(n_rows,)` each.
        row_times: That of the rows' own time.
    """

    original: Original
    sheet: Sheet
    problems: Problems
    times: dict[TimeSpec, NDArray[np.int64]]
    row_times: NDArray[np.int64]
    readings: list[TagReadings]
    axes: list[Axis]


@dataclass
class Planner:
    """Plans the files of a card against what is recorded.

    Attributes:
        reason: Why contradicting values are corrections; empty: they are conflicts.
    """

    card: SourceCard
    known: Known
    units: Units
    historian: HistorianPort | None
    reason: str = ""

    def read(self, spec: TableSpec, original: Original) -> ReadFile:
        """Read a file to its end; needs no store, so that it may run ahead.

        Raises:
            BadInputError: The file as a whole or the card cannot be taken.
        """
        check_tags(spec, self.units)
        sheet = read_sheet(original.content, spec, original.file)
        problems: Problems = {}
        times = {one: self._times(sheet, spec, one, problems) for one in spec.times}
        row_times = times[spec.time] if spec.time else np.zeros(sheet.n_rows, dtype=np.int64)
        readings, axes = read_tags(sheet, spec, row_times, self.units, problems)
        return ReadFile(original, sheet, problems, times, row_times, readings, axes)

    def plan(self, spec: TableSpec, read: ReadFile) -> FilePlan:
        """Say what a file that was read brings, by what is recorded.

        Raises:
            BadInputError: The file as a whole cannot be taken.
        """
        sheet, problems, times = read.sheet, read.problems, read.times
        row_times, original = read.row_times, read.original
        status = np.zeros(sheet.n_rows, dtype=np.int8)
        found: list[tuple[int, Contradiction]] = []
        master = self.units.master
        for row, problem in phase_problems(sheet, spec, master).items():
            problems.setdefault(row, problem)
        reader = RowReader(spec, sheet, times, self.known, master, self.card.name)
        stated = self._records(reader, problems, status, found)
        readings = [_without(one, problems) for one in read.readings]
        good = good_rows(sheet.n_rows, problems)
        for row, answer in take_phases(sheet, spec, row_times, good, self.known):
            _note(row, answer, status, found)
        settled = self._settle(readings, status, found)
        for row, (kind, reason) in problems.items():
            line = int(sheet.lines[row])
            sheet.refused.append(Refused(line, kind, reason, sheet.raw(line)))
        status[list(problems)] = REJECTED
        sheet.refused.sort(key=lambda one: one.line)
        drafts, self.known.drafts = self.known.drafts, []
        return FilePlan(
            file=original.file,
            digest=original.digest,
            table=spec.name,
            content=original.content,
            status=status,
            refused=sheet.refused,
            settled=settled,
            drafts=drafts,
            conflicts=_grouped(sheet, found),
            conflict_rows=_conflict_rows(sheet, found),
            notes=sheet.notes,
            axes=read.axes,
            stated=stated,
        )

    def _records(
        self,
        reader: RowReader,
        problems: Problems,
        status: NDArray[np.int8],
        found: list[tuple[int, Contradiction]],
    ) -> list[StatedRow]:
        if not reader.spec.row_parts:
            return []
        reader.prepare()
        sheet, stated = reader.sheet, list[StatedRow]()
        for row in range(reader.sheet.n_rows):
            if row in problems:
                continue
            try:
                outcome = reader.take(row)
            except CellError as error:
                problems[row] = (error.kind, error.reason)
                continue
            if outcome.n_new:
                status[row] = ACCEPTED
            for conflict in outcome.conflicts:
                _note(row, conflict, status, found)
            line = int(sheet.lines[row])
            stated += [StatedRow(row, line, sheet.raw(line), one) for one in outcome.said]
        stated = unknown(stated, self.known, self.card.name) if stated else []
        for one in stated:
            _note(one.row, True, status, found)
        return stated

    def _settle(
        self,
        readings: list[TagReadings],
        status: NDArray[np.int8],
        found: list[tuple[int, Contradiction]],
    ) -> Settled:
        readings = [one for one in readings if len(one.rows)]
        settled = settle(readings, self.historian, is_correcting=bool(self.reason))
        for one in (*settled.new, *settled.corrections):
            rows = one.rows[status[one.rows] == UNCHANGED]
            status[rows] = ACCEPTED
        for conflict in settled.conflicts:
            told = Contradiction("reading", conflict.key, conflict.stored, conflict.offered)
            _note(conflict.row, told, status, found)
        return settled

    def _times(
        self, sheet: Sheet, spec: TableSpec, time: TimeSpec, problems: Problems
    ) -> NDArray[np.int64]:
        """Times of all rows, 0 where a row has a problem."""
        if time.is_optional:
            return self._optional_times(sheet, time, problems)
        micros = self._raw_times(sheet, spec, time, problems)
        for row in np.flatnonzero((micros < EARLIEST) | (micros >= LATEST)).tolist():
            name = time.column or time.elapsed or "row"
            problems.setdefault(row, ("time", f"{name}: outside the years 1900 to 2261"))
            micros[row] = 0
        return micros

    def _optional_times(
        self, sheet: Sheet, time: TimeSpec, problems: Problems
    ) -> NDArray[np.int64]:
        """Times of all rows, `NO_TIME` where the cell is empty."""
        texts = trimmed(sheet.column(time.column)).combine_chunks().to_pylist()
        rows = [row for row, text in enumerate(texts) if text]
        micros = np.full(sheet.n_rows, NO_TIME, dtype=np.int64)
        if not rows:
            return micros
        import pyarrow as pa

        said = pa.array([texts[row] for row in rows], pa.string())
        found = parse_times(said, time.formats, time.months, time.zone or self.card.zone)
        micros[rows] = found.micros
        for at, reason in found.problems.items():
            problems.setdefault(rows[at], ("time", f"{time.column}: {reason}"))
        for row in rows:
            if not EARLIEST <= micros[row] < LATEST:
                problems.setdefault(row, ("time", f"{time.column}: outside the years 1900 to 2261"))
        return micros

    def _raw_times(
        self, sheet: Sheet, spec: TableSpec, time: TimeSpec, problems: Problems
    ) -> NDArray[np.int64]:
        zone = time.zone or self.card.zone
        if time.column:
            texts = trimmed(sheet.column(time.column)).combine_chunks()
            found = parse_times(texts, time.formats, time.months, zone)
            for row, reason in found.problems.items():
                problems.setdefault(row, ("time", f"{time.column}: {reason}"))
            return found.micros
        base = parse_local(time.base, zone)
        if time.every:
            # By line, not by row: a refused row must not move the ones after it.
            return base + (sheet.lines - spec.header - 1) * duration_us(time.every)
        values, gaps, wrong = numbers(sheet.column(time.elapsed), spec)
        for row in np.flatnonzero(gaps).tolist():
            wrong.setdefault(row, "no elapsed time")
        for row, reason in wrong.items():
            problems.setdefault(row, ("time", f"{time.elapsed}: {reason}"))
        unit = UNITS_US[time.elapsed_unit]
        # Beyond 2**62 the sum would wrap round; those rows are outside all years anyway.
        limit = 2.0**62 / unit
        elapsed = np.rint(np.clip(np.nan_to_num(values), -limit, limit) * unit)
        return base + elapsed.astype(np.int64)


def _without(one: TagReadings, problems: Problems) -> TagReadings:
    if not problems:
        return one
    return one.take(~np.isin(one.rows, np.fromiter(problems, dtype=np.int64)))


def _note(
    row: int,
    answer: bool | Contradiction,
    status: NDArray[np.int8],
    found: list[tuple[int, Contradiction]],
) -> None:
    if isinstance(answer, Contradiction):
        status[row] = CONFLICT
        found.append((row, answer))
    elif answer and status[row] == UNCHANGED:
        status[row] = ACCEPTED


def _grouped(sheet: Sheet, found: list[tuple[int, Contradiction]]) -> list[FoundConflict]:
    """Each contradiction once, with its first line and the number of rows that have it."""
    rows: dict[Contradiction, set[int]] = {}
    for row, one in found:
        rows.setdefault(one, set()).add(int(sheet.lines[row]))
    return [
        FoundConflict(min(lines), len(lines), one.what, one.key, one.stored, one.offered)
        for one, lines in rows.items()
    ]


def _conflict_rows(sheet: Sheet, found: list[tuple[int, Contradiction]]) -> list[Refused]:
    texts: dict[int, list[str]] = {}
    for row, one in found:
        line = int(sheet.lines[row])
        words = f"{one.what} {one.key}: recorded {one.stored}, offered {one.offered}"
        texts.setdefault(line, []).append(words)
    return [
        Refused(line, "conflict", "; ".join(words[:20]), sheet.raw(line))
        for line, words in sorted(texts.items())
    ]


def as_json_lines(plan: FilePlan) -> bytes:
    """Refused and conflicting rows of a file, one JSON object a line."""
    import json

    rows: list[dict[str, Any]] = [
        {
            "file": plan.file,
            "line": one.line,
            "kind": one.kind,
            "reason": one.reason,
            "raw": one.raw,
        }
        for one in (*plan.refused, *plan.conflict_rows)
    ]
    texts = (json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    return "".join(f"{text}\n" for text in texts).encode()
