"""Columns of a trial's tables as numbers, labels, and pairs of spectra and results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialData, TrialFile, select_columns
from goldenbatch.science.statistics import clopper_pearson

NO_VALUE = frozenset({"", "NA", "NaN", "nan", "NULL"})
GOOD_LABELS = frozenset({"", "0", "0.0", "good", "false", "nan"})
"""Labels of rows that are no faults; an empty cell among numbers is NaN."""

Table = Mapping[str, Sequence[Any]]


def is_fault(label: Any) -> bool:
    """Whether the label of a row says that it is a known fault.

    >>> [is_fault(one) for one in (0.0, float("nan"), "false", "good", 1.0, "valve stuck")]
    [False, False, False, False, True, True]
    """
    return str(label).strip().lower() not in GOOD_LABELS


def as_number(cell: Any, decimal: str = ".") -> float:
    """A cell as a number; NaN where it is none.

    >>> as_number("7.5"), as_number("7,5"), as_number("7,5", ","), as_number("<5")
    (7.5, nan, 7.5, nan)
    """
    if not isinstance(cell, str):
        return float(cell)
    if decimal != "." and "." in cell:
        return math.nan
    try:
        return float(cell.strip().replace(decimal, "."))
    except ValueError:
        return math.nan


def numbers(
    cells: Sequence[Any], column: str, decimal: str = ".", *, has_marks: bool = False
) -> list[float]:
    """A column as numbers, NaN where a cell is empty.

    Args:
        cells: of the column.
        column: Its name.
        decimal: Decimal mark of the file.
        has_marks: Cells such as `<0.05` are NaN too, as long as some cell is a number.

    Raises:
        BadInputError: A cell is no number.
    """
    found = [as_number(cell, decimal) for cell in cells]
    odd = [
        (row, cell)
        for row, (cell, value) in enumerate(zip(cells, found, strict=True), start=1)
        if isinstance(cell, str) and cell.strip() not in NO_VALUE and not math.isfinite(value)
    ]
    if odd and not (has_marks and any(map(math.isfinite, found))):
        row, cell = odd[0]
        raise BadInputError(
            f"row {row} of column {column!r} has {cell!r}, which is no number.",
            hint="Correct the file, the decimal mark of its role, or [columns].",
            key="columns",
        )
    return found


def n_marks(cells: Sequence[Any], decimal: str = ".") -> int:
    """Cells that hold something else than a number, such as `<0.05`.

    >>> n_marks(["1", "<0.05", "", 2.0])
    1
    """
    texts = [one for one in cells if isinstance(one, str) and one.strip() not in NO_VALUE]
    return sum(not math.isfinite(as_number(one, decimal)) for one in texts)


def nearest_spectra(
    file: TrialFile, spectra: Table, results: Table, at: Sequence[float], time: str
) -> list[int]:
    """Row of the spectrum that was taken nearest to each result, within its own run.

    The k-th file of spectra belongs to the k-th file of results. The time of a spectrum is its
    column of that name; where there is none, its place in the file times `settings.cadence`.

    Args:
        file: The trial file.
        spectra: Table of the spectra.
        results: Table of the results.
        at: Time of each result.
        time: Name of its column.

    Raises:
        BadInputError: Files or times do not match.
    """
    own, others = _runs(spectra), _runs(results)
    if len(own) != len(others):
        raise BadInputError(
            f"{len(own)} files of spectra and {len(others)} of results cannot be paired.",
            hint="Give a file of results for each file of spectra, in the same order of names.",
            key="files",
        )
    chosen = [0] * len(at)
    for rows, wanted in zip(own, others, strict=True):
        times, step = _times(file, spectra, rows, time)
        for i in wanted:
            k = min(range(len(rows)), key=lambda k: abs(times[k] - at[i]))
            if not abs(times[k] - at[i]) <= step:
                raise BadInputError(
                    f"the result at {at[i]:g} has no spectrum near it: they are from "
                    f"{min(times):g} to {max(times):g}.",
                    hint="Give settings.cadence in the unit of the results' time.",
                    key="settings.cadence",
                )
            chosen[i] = rows[k]
    return chosen


def _runs(table: Table) -> list[list[int]]:
    """Rows of each file, in the order of the files."""
    n_rows = len(next(iter(table.values()), ()))
    runs: dict[str, list[int]] = {}
    for row, name in enumerate(table.get("file", [""] * n_rows)):
        runs.setdefault(str(name), []).append(row)
    return list(runs.values())


def _times(
    file: TrialFile, spectra: Table, rows: Sequence[int], time: str
) -> tuple[list[float], float]:
    """Times of the spectra of one run, and how far a result may be from the nearest."""
    named = select_columns(spectra, file.columns.get("time", ())) or select_columns(spectra, time)
    if named:
        column = numbers(spectra[named[0]], named[0])
        times = [column[row] for row in rows]
        ordered = sorted(one for one in times if math.isfinite(one))
        gaps = [b - a for a, b in pairwise(ordered)]
        return times, max(gaps, default=0.0)
    cadence = float(file.settings.get("cadence", 0))
    if not cadence > 0:
        raise BadInputError(
            "columns.time is given without settings.cadence.", key="settings.cadence"
        )
    if file.split.by != "file":
        raise BadInputError(
            "after a split of rows, the place of a spectrum no longer says its time.",
            hint=f"Give the spectra a column {time!r} too, or split by file.",
            key="split.by",
        )
    return [k * cadence for k in range(len(rows))], cadence


def role_of(side: TrialData, word: str) -> str:
    """The role whose name has the word; the only one where there is one table."""
    roles = list(side.tables)
    found = [role for role in roles if word in role] or (roles if len(roles) == 1 else [])
    if len(found) != 1:
        raise BadInputError(
            f"no single role is for {word}: {', '.join(roles)}.",
            hint=f"Name one role with '{word}' in it.",
            key="files",
        )
    return found[0]


def share(n: int, total: int) -> dict[str, Any]:
    """A share with its exact 95 % interval; None where nothing was counted."""
    if not total:
        return {"share": None, "n": 0, "interval": None}
    interval = clopper_pearson(n, total)
    return {"share": n / total, "n": total, "interval": [interval.lower, interval.upper]}
