"""Runs of phases: neighbouring rows of one batch, in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from goldenbatch.connectors.tabular._compare import Contradiction
from goldenbatch.connectors.tabular._known import Draft, Known
from goldenbatch.connectors.tabular._master import MasterData
from goldenbatch.connectors.tabular._parts import PhaseSpec
from goldenbatch.connectors.tabular._readings import Problems
from goldenbatch.connectors.tabular._sheet import Sheet, trimmed
from goldenbatch.connectors.tabular._templates import render
from goldenbatch.connectors.tabular._times import duration_us
from goldenbatch.connectors.tabular._values import CellError, quantity_cells, record_reason
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseEnded, PhaseStarted
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class _Run:
    """Neighbouring rows with the same cells; half-open [start, end)."""

    cells: dict[str, Any]
    row: int
    start: int
    end: int
    is_last: bool


def take_phases(
    sheet: Sheet, spec: TableSpec, times: NDArray[np.int64], rows: NDArray[np.int64], known: Known
) -> Iterator[tuple[int, bool | Contradiction]]:
    """Offer the runs of all phases; row of each and what became of it.

    Only the rows in `rows`, which have no problem, count.

    Raises:
        BadInputError: A batch is not known; nothing was written yet.
    """
    for phase in spec.phases:
        runs = list(_runs(sheet, spec, phase, times, rows))
        known.load([render(phase.batch, run.cells) for run in runs], (), ())
        numbers: Counter[tuple[str, str, str]] = Counter()
        for run in runs:
            key = (
                render(phase.batch, run.cells),
                render(phase.place, run.cells),
                render(phase.phase, run.cells),
            )
            numbers[key] += 1
            for answer in _offer(sheet, spec, phase, run, (*key, numbers[key]), known):
                yield run.row, answer


def phase_problems(sheet: Sheet, spec: TableSpec, master: MasterData) -> Problems:
    """Rows whose cells give no phase, or none that the plant knows."""
    import pyarrow.compute as pc

    problems: Problems = {}
    for phase in spec.phases:
        for name in _names(sheet, phase):
            odd = pc.match_substring(sheet.column(name), _SEPARATOR).to_numpy()
            for row in np.flatnonzero(odd).tolist():
                problems[row] = ("binary", f"{name}: a control character in the cell")
        codes, cells = _codes(sheet, spec, phase)
        for code, one in enumerate(cells):
            problem = _problem(spec, phase, one, master)
            if problem:
                problems |= dict.fromkeys(np.flatnonzero(codes == code).tolist(), problem)
    return problems


def _problem(
    spec: TableSpec, phase: PhaseSpec, cells: dict[str, Any], master: MasterData
) -> tuple[str, str] | None:
    try:
        batch, place = render(phase.batch, cells), render(phase.place, cells)
        master.check_place(place)
        PhaseStarted(batch=batch, place=place, phase=render(phase.phase, cells), run=1, at=0)
        product = render(phase.product, cells) if phase.product else ""
        if phase.is_whole_batch:
            run = _Run(cells, 0, 0, 1, is_last=True)
            master.check_product(_created(spec, phase, run, (batch, place, product)).product)
    except BadInputError as error:
        return "empty", error.message
    except CellError as error:
        return error.kind, error.reason
    except ValidationError as error:
        return "record", record_reason(error)
    return None


def _runs(
    sheet: Sheet,
    spec: TableSpec,
    phase: PhaseSpec,
    times: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> Iterator[_Run]:
    if not len(rows):
        return
    rows = rows[np.argsort(times[rows], kind="stable")]
    codes, cells = _codes(sheet, spec, phase)
    mine = codes[rows]
    starts = np.flatnonzero(np.concatenate([[True], mine[1:] != mine[:-1]]))
    ends = np.append(starts[1:], len(rows))
    sampling = duration_us(phase.sampling)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        is_last = end == len(rows)
        stop = int(times[rows[end - 1]]) + sampling
        if not is_last:
            stop = min(stop, int(times[rows[end]]))
        begin = int(times[rows[start]])
        stop = max(stop, begin + 1)
        yield _Run(cells[int(mine[start])], int(rows[start]), begin, stop, is_last)


def _names(sheet: Sheet, phase: PhaseSpec) -> list[str]:
    return [name for name in dict.fromkeys(phase.columns_used()) if name in sheet.header]


def _codes(
    sheet: Sheet, spec: TableSpec, phase: PhaseSpec
) -> tuple[NDArray[np.int64], list[dict[str, Any]]]:
    """Code of the cells that name the run of each row, and the cells of each code."""
    import pyarrow.compute as pc

    names = _names(sheet, phase)
    path = PurePosixPath(sheet.file)
    fixed: dict[str, Any] = {**spec.constants, "file": sheet.file, "stem": path.stem}
    if not names:
        return np.zeros(sheet.n_rows, dtype=np.int64), [fixed]
    missing = frozenset(mark.strip() for mark in spec.missing)
    plain = [pc.replace_substring(sheet.column(name), _SEPARATOR, " ") for name in names]
    texts = [trimmed(one).combine_chunks() for one in plain]
    joined = pc.binary_join_element_wise(*texts, _SEPARATOR).dictionary_encode()
    cells = [
        fixed
        | {
            name: "" if cell in missing else cell
            for name, cell in zip(names, text.split(_SEPARATOR), strict=True)
        }
        for text in joined.dictionary.to_pylist()
    ]
    return joined.indices.to_numpy(zero_copy_only=False).astype(np.int64), cells


def _offer(
    sheet: Sheet,
    spec: TableSpec,
    phase: PhaseSpec,
    run: _Run,
    key: tuple[str, str, str, int],
    known: Known,
) -> Iterator[bool | Contradiction]:
    batch, place, name, number = key
    stream = f"batch/{batch}"
    product = render(phase.product, run.cells) if phase.product else ""
    if not known.has_batch(batch) or phase.is_whole_batch:
        if not phase.is_whole_batch:
            raise BadInputError(
                f"batch {batch!r} is not known.",
                hint="Import the card that creates the batches first; nothing was written.",
                file=sheet.file,
                line=int(sheet.lines[run.row]),
            )
        yield known.offer(
            Draft(stream, _created(spec, phase, run, (batch, place, product)), run.start)
        )
    elif product and known.product(batch) not in ("", product):
        yield Contradiction("batch", f"{batch} product", known.product(batch), product)
    same = {"batch": batch, "place": place, "phase": name, "run": number}
    began, ended = known.phase_window(batch, place, name, number)
    is_inside = began is not None and began <= run.start and (ended is None or run.end <= ended)
    if is_inside:
        yield False
    else:
        yield known.offer(Draft(stream, PhaseStarted(**same, at=run.start), run.start))
    if (run.is_last and not phase.is_last_closed) or (is_inside and ended is not None):
        return
    yield known.offer(Draft(stream, PhaseEnded(**same, at=run.end), run.end))
    if phase.is_whole_batch:
        end = BatchEnded(batch=batch, ended_at=run.end, outcome="completed")
        yield known.offer(Draft(stream, end, run.end))


def _created(
    spec: TableSpec, phase: PhaseSpec, run: _Run, key: tuple[str, str, str]
) -> BatchCreated:
    batch, place, product = key
    return BatchCreated(
        batch=batch,
        product=product,
        size=render(phase.size, quantity_cells(phase.size, run.cells, spec)),
        place=place,
        started_at=run.start,
        attributes={key: render(text, run.cells) for key, text in phase.attributes.items()},
    )
