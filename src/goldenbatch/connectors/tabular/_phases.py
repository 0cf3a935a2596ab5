"""Runs of phases: neighbouring rows of one batch, in time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.connectors.tabular._known import Contradiction, Draft, Known
from goldenbatch.connectors.tabular._parts import PhaseSpec
from goldenbatch.connectors.tabular._sheet import Sheet, trimmed
from goldenbatch.connectors.tabular._templates import render
from goldenbatch.connectors.tabular._times import duration_us
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.batches import BatchCreated, BatchEnded, PhaseEnded, PhaseStarted
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
            for answer in _offer(sheet, phase, run, (*key, numbers[key]), known):
                yield run.row, answer


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


def _codes(
    sheet: Sheet, spec: TableSpec, phase: PhaseSpec
) -> tuple[NDArray[np.int64], list[dict[str, Any]]]:
    """Code of the cells that name the run of each row, and the cells of each code."""
    import pyarrow.compute as pc

    names = [name for name in dict.fromkeys(phase.columns_used()) if name in sheet.header]
    path = PurePosixPath(sheet.file)
    fixed: dict[str, Any] = {**spec.constants, "file": sheet.file, "stem": path.stem}
    if not names:
        return np.zeros(sheet.n_rows, dtype=np.int64), [fixed]
    texts = [trimmed(sheet.column(name)).combine_chunks() for name in names]
    joined = pc.binary_join_element_wise(*texts, "\x1f").dictionary_encode()
    cells = [
        fixed | dict(zip(names, text.split("\x1f"), strict=True))
        for text in joined.dictionary.to_pylist()
    ]
    return joined.indices.to_numpy(zero_copy_only=False).astype(np.int64), cells


def _offer(
    sheet: Sheet, phase: PhaseSpec, run: _Run, key: tuple[str, str, str, int], known: Known
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
        yield known.offer(Draft(stream, _created(phase, run, batch, place, product), run.start))
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


def _created(phase: PhaseSpec, run: _Run, batch: str, place: str, product: str) -> BatchCreated:
    return BatchCreated(
        batch=batch,
        product=product,
        size=render(phase.size, run.cells),
        place=place,
        started_at=run.start,
        attributes={key: render(text, run.cells) for key, text in phase.attributes.items()},
    )
