"""Batches of a trial as one table in the order of time: inputs, results, codes, lots, periods."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenbatch.capabilities.monitoring._periods import period_label, period_numbers
from goldenbatch.capabilities.monitoring._trial_columns import NO_VALUE, as_number
from goldenbatch.capabilities.monitoring.release.trial_settings import ReleaseTrialSettings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialData, TrialFile, select_columns
from goldenbatch.science.forward import Timeline

Columns = dict[str, list[Any]]


@dataclass(frozen=True, eq=False)
class BatchTable:
    """Batches in the order of time.

    Attributes:
        columns: Name to its cells, of all tables joined.
        predictors: Names of the inputs.
        X: Inputs, shape (n, p); NaN marks missing; texts are numbered as they first appear.
        targets: Attribute to its results as numbers, shape (n,).
        is_marked: Attribute to whether a cell was written `<0.05`, shape (n,).
        codes: Product code of each batch.
        lots: Material lot of each batch; "" where there is none.
        periods: Period of each batch, shape (n,).
        n_unmatched: Batches without a row in a table that is joined.
    """

    columns: Columns
    predictors: tuple[str, ...]
    X: np.ndarray[Any, np.dtype[np.float64]]
    targets: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]
    is_marked: Mapping[str, np.ndarray[Any, np.dtype[np.bool_]]]
    codes: list[str]
    lots: list[str]
    periods: np.ndarray[Any, np.dtype[np.int64]]
    n_unmatched: int

    def timeline(self, settings: ReleaseTrialSettings) -> Timeline:
        """When each batch is decided on and its result is known."""
        return Timeline.of(self.periods, settings.known_after)

    def labels(self, settings: ReleaseTrialSettings) -> list[str]:
        """Periods as people write them."""
        return [period_label(int(one), settings.period) for one in self.periods]


def joined(file: TrialFile, side: TrialData) -> tuple[Columns, int]:
    """The table of the results with columns of the other tables, by batch.

    Returns:
        The columns, and how many batches have no row in another table.

    Raises:
        BadInputError: No single table has the targets, or a batch is there twice.
    """
    patterns = file.columns.get("target", ())
    roles = [role for role, table in side.tables.items() if select_columns(table, patterns)]
    if len(roles) != 1 or not _all_named(side.tables[roles[0]], patterns):
        raise BadInputError(
            f"{len(roles)} tables have the targets ({', '.join(roles) or 'none'}).",
            hint="One table has them all; name its columns under columns.target.",
            key="columns.target",
        )
    main = _pointed(side.tables[roles[0]], file.files[roles[0]].decimal)
    for key in select_columns(main, file.columns.get("batch", ())):
        _places(main[key], roles[0])  # files that overlap would tell a batch its own result
    n_unmatched = 0
    for role, table in side.tables.items():
        if role == roles[0]:
            continue
        key = _key(file, main, table, role)
        places = _places(table[key], role)
        rows = [places.get(_text(one)) for one in main[key]]
        n_unmatched += rows.count(None)
        for name, cells in _pointed(table, file.files[role].decimal).items():
            empty: Any = math.nan if cells and not isinstance(cells[0], str) else ""
            if name not in main:
                main[name] = [empty if row is None else cells[row] for row in rows]
    return main, n_unmatched


def _pointed(table: Mapping[str, Sequence[Any]], decimal: str) -> Columns:
    """Columns whose numbers among texts have a decimal point."""
    if decimal == ".":
        return {name: list(cells) for name, cells in table.items()}

    def pointed(cell: Any) -> Any:
        if not isinstance(cell, str):
            return cell
        body = cell.strip().lstrip("<=≤ ")
        is_number = math.isfinite(as_number(body, decimal))
        return cell.replace(decimal, ".") if is_number else cell

    return {name: [pointed(one) for one in cells] for name, cells in table.items()}


def _all_named(table: Mapping[str, Any], patterns: str | Sequence[str]) -> bool:
    several = (patterns,) if isinstance(patterns, str) else patterns
    return all(select_columns(table, one) for one in several)


def _key(file: TrialFile, main: Columns, table: Mapping[str, Any], role: str) -> str:
    chosen = select_columns(main, file.columns.get("batch", ()))
    if len(chosen) != 1 or chosen[0] not in table:
        raise BadInputError(
            f"the table of role {role!r} cannot be joined: columns.batch is no column of both.",
            hint="Name the column of the batch, which every table has.",
            key="columns.batch",
        )
    return chosen[0]


def _places(keys: Sequence[Any], role: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for row, key in enumerate(keys):
        if (text := _text(key)) in places:
            raise BadInputError(
                f"the table of role {role!r} has batch {text!r} twice: rows "
                f"{places[text] + 1} and {row + 1}.",
                hint="Keep the row that counts.",
                key=f"files.{role}",
            )
        places[text] = row
    return places


def _text(value: Any) -> str:
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()


def batch_table(
    file: TrialFile, sides: Sequence[TrialData], settings: ReleaseTrialSettings
) -> tuple[BatchTable, np.ndarray[Any, np.dtype[np.bool_]]]:
    """The batches of both sides in the order of time, and which are of the last side.

    Raises:
        BadInputError: A column is missing, a target has no number, or test batches come before
            training batches.
    """
    parts = [joined(file, side) for side in sides]
    columns = _stacked([one for one, _ in parts])
    n_first = [len(next(iter(one.values()))) for one, _ in parts]
    is_last = np.repeat(np.arange(len(parts)) == len(parts) - 1, n_first)
    if len(parts) == 1:
        is_last = np.zeros(n_first[0], dtype=np.bool_)
    name = _single(file, columns, "time") if settings.period != "order" else ""
    cells = columns[name] if name else [0.0] * len(is_last)
    periods = np.asarray(period_numbers(cells, name, settings.period, settings.months), np.int64)
    _refuse_backwards(periods, is_last, settings)
    order = np.argsort(periods, kind="stable")
    columns = {key: [values[k] for k in order] for key, values in columns.items()}
    return _table(file, columns, periods[order], settings, sum(n for _, n in parts)), is_last[order]


def _stacked(parts: Sequence[Columns]) -> Columns:
    first, *rest = parts
    found = {name: list(cells) for name, cells in first.items()}
    for part in rest:
        different = sorted(set(found) ^ set(part))
        if different:
            raise BadInputError(
                f"training and test tables differ in columns: {', '.join(different[:5])}.",
                hint="Give both sides the same columns.",
                key="files",
            )
        for name, cells in part.items():
            if (
                found[name]
                and cells
                and isinstance(found[name][0], str) != isinstance(cells[0], str)
            ):
                found[name] = [_text(one) for one in (*found[name], *cells)]
            else:
                found[name].extend(cells)
    return found


def _refuse_backwards(periods: Any, is_last: Any, settings: ReleaseTrialSettings) -> None:
    if is_last.any() and not is_last.all() and periods[is_last].min() < periods[~is_last].max():
        early, late = int(periods[is_last].min()), int(periods[~is_last].max())
        raise BadInputError(
            f"test batches of {period_label(early, settings.period)} come before training batches "
            f"of {period_label(late, settings.period)}: that is not forward in time.",
            hint="Split by time with the rows in their order, or by file with the earlier batches "
            "in the training files.",
            key="split",
        )


def _single(file: TrialFile, columns: Columns, key: str) -> str:
    chosen = select_columns(columns, file.columns.get(key, ()))
    if len(chosen) != 1:
        raise BadInputError(
            f"columns.{key} names {len(chosen)} columns; one is needed.",
            hint=f"There are: {', '.join(list(columns)[:12])}.",
            key=f"columns.{key}",
        )
    return chosen[0]


def _table(
    file: TrialFile, columns: Columns, periods: Any, settings: ReleaseTrialSettings, n_gone: int
) -> BatchTable:
    targets = select_columns(columns, file.columns.get("target", ()))
    own = [_single(file, columns, "code")]
    lot = _single(file, columns, "lot") if "lot" in file.columns else ""
    own += [one for one in (lot, *select_columns(columns, file.columns.get("batch", ()))) if one]
    asked = select_columns(columns, file.columns.get("predictors", ()))
    barred = {*targets, *own, "file"}
    predictors = tuple(one for one in asked if one not in barred and not _is_in(one, settings))
    if not predictors:
        raise BadInputError("there is no predictor.", key="columns.predictors")
    numbers = {name: _results(columns[name], name) for name in targets}
    return BatchTable(
        columns=columns,
        predictors=predictors,
        X=np.column_stack([_input(columns[name]) for name in predictors]),
        targets={name: values for name, (values, _) in numbers.items()},
        is_marked={name: marked for name, (_, marked) in numbers.items()},
        codes=[_text(one) for one in columns[own[0]]],
        lots=[_text(one) for one in columns[lot]] if lot else [""] * len(periods),
        periods=periods,
        n_unmatched=n_gone,
    )


def _is_in(column: str, settings: ReleaseTrialSettings) -> bool:
    return any(fnmatch.fnmatch(column, one) for one in settings.exclude)


def _results(cells: Sequence[Any], name: str) -> tuple[Any, Any]:
    """Results as numbers; `<0.05` is its limit, and marked."""
    values, marked = [], []
    for row, cell in enumerate(cells, start=1):
        text = cell.strip() if isinstance(cell, str) else ""
        is_marked = text.startswith("<")
        value = as_number(text.lstrip("<=≤ ") if text else cell) if cell != "" else math.nan
        if text and text not in NO_VALUE and not math.isfinite(value):
            raise BadInputError(
                f"row {row} of {name!r} has {cell!r}, which is neither a number nor '<limit'.",
                hint="Correct the file.",
                key="columns.target",
            )
        values.append(value)
        marked.append(is_marked)
    return np.asarray(values, dtype=np.float64), np.asarray(marked, dtype=np.bool_)


def _input(cells: Sequence[Any]) -> Any:
    """An input as numbers; a column that is text throughout is numbered as texts first appear."""
    texts = [one.strip() if isinstance(one, str) else one for one in cells]
    values = [math.nan if one in NO_VALUE else as_number(one) for one in texts]
    filled = [one for one in texts if isinstance(one, str) and one not in NO_VALUE]
    n_bad = sum(not math.isfinite(as_number(one)) for one in filled)
    if n_bad * 2 <= max(len(filled), 1):
        # Marks among numbers, such as "<0.05" or "n.d.", are gaps here.
        return np.asarray([one if math.isfinite(one) else math.nan for one in values])
    number: dict[str, int] = {}
    return np.asarray(
        [
            math.nan if one in NO_VALUE else float(number.setdefault(str(one), len(number)))
            for one in texts
        ]
    )
