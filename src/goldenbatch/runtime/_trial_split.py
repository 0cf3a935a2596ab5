"""Splitting the rows of a trial into training and test rows; never at random."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import TrialData

if TYPE_CHECKING:
    from goldenbatch.core.trial import Split
    from goldenbatch.runtime._trial_tables import RoleTable

Side = Literal["train", "test"]
Marks = dict[str, list[Side | None]]
"""Role to the side of each of its rows; None: of neither."""


def side_of_role(role: str) -> Side | Literal["shared"] | None:
    """Which side a role belongs to by its name: `train`, `test_spectra`, `shared_axis`.

    >>> side_of_role("test_spectra"), side_of_role("table")
    ('test', None)
    """
    first = role.split("_", 1)[0]
    sides: dict[str, Side | Literal["shared"]] = {
        "train": "train",
        "test": "test",
        "shared": "shared",
    }
    return sides.get(first)


def split_rows(tables: Mapping[str, RoleTable], split: Split) -> tuple[TrialData, TrialData]:
    """Training and test rows of tables that hold both.

    Roles named `shared...` go whole to both sides; a row whose value is named for neither side
    goes to none (see `rows_left_out`).

    Raises:
        BadInputError: A column that the split needs is missing, or one side stays empty.
    """
    own = {role: table for role, table in tables.items() if side_of_role(role) != "shared"}
    marks = _MARKERS[split.by](own, split)
    for side in ("train", "test"):
        if not any(side in one for one in marks.values()):
            raise BadInputError(
                f"the split by {split.by} leaves no {side} rows.",
                hint="Correct [split] in the trial file.",
                key=f"split.{split.by}",
            )
    return _side(tables, marks, "train"), _side(tables, marks, "test")


def _side(
    tables: Mapping[str, RoleTable], marks: Mapping[str, list[Side | None]], side: Side
) -> TrialData:
    chosen: dict[str, dict[str, list[Any]]] = {}
    for role, table in tables.items():
        if role not in marks:
            chosen[role] = table.columns
            continue
        rows = [place for place, mark in enumerate(marks[role]) if mark == side]
        chosen[role] = {
            name: [values[place] for place in rows] for name, values in table.columns.items()
        }
    return TrialData(chosen, {role: table.files for role, table in tables.items()})


def rows_left_out(tables: Mapping[str, RoleTable], split: Split) -> dict[str, dict[str, int]]:
    """Rows of each role that the split names for neither side: value to number of rows."""
    if split.by != "column":
        return {}
    named = {*split.train, *split.test}
    found = {
        role: Counter(
            text for value in table.columns[split.column] if (text := _text(value)) not in named
        )
        for role, table in tables.items()
        if split.column in table.columns
    }
    return {role: dict(sorted(counts.items())) for role, counts in found.items() if counts}


def _by_column(tables: Mapping[str, RoleTable], split: Split) -> Marks:
    sides: dict[str, Side] = dict.fromkeys(split.train, "train")
    both = [value for value in split.test if value in sides]
    if both:
        raise BadInputError(
            f"value {both[0]!r} is in training and test.", key="split.test", hint="Choose one."
        )
    sides.update(dict.fromkeys(split.test, "test"))
    marks: Marks = {}
    for role, values in _column(tables, split).items():
        marks[role] = [sides.get(_text(value)) for value in values]
    return marks


def _by_group(tables: Mapping[str, RoleTable], split: Split) -> Marks:
    columns = _column(tables, split)
    groups = list(dict.fromkeys(_text(one) for values in columns.values() for one in values))
    n_train = round(len(groups) * split.train_share)
    train = set(groups[:n_train])
    return {
        role: ["train" if _text(value) in train else "test" for value in values]
        for role, values in columns.items()
    }


def _by_time(tables: Mapping[str, RoleTable], split: Split) -> Marks:
    if not split.column:
        return _by_order(tables, split)
    columns = _column(tables, split)
    first_role, first = next(iter(columns.items()))
    if any(value == "" or (isinstance(value, float) and math.isnan(value)) for value in first):
        raise BadInputError(
            f"role {first_role!r}: column {split.column!r} has rows without a time.",
            hint="Split by another column.",
            key="split.column",
        )
    _refuse_text_times(columns, split)
    ordered = sorted(first)
    cut = ordered[min(round(len(ordered) * split.train_share), len(ordered) - 1)]
    return {
        role: ["train" if value < cut else "test" for value in values]
        for role, values in columns.items()
    }


def _refuse_text_times(columns: Mapping[str, list[Any]], split: Split) -> None:
    """Texts such as 31/12/2017 stand in no order of time."""
    for role, values in columns.items():
        kinds = {type(value) for value in values}
        odd = [one for one in values if isinstance(one, str) and not _ISO.match(one)]
        if odd or len(kinds) > 1:
            example = repr(odd[0]) if odd else "numbers and texts"
            raise BadInputError(
                f"role {role!r}: column {split.column!r} has {example}: that is no time.",
                hint="Give times as numbers or in ISO 8601 (2017-12-31T08:00), or leave "
                "split.column out: then the rows stand in the order of time.",
                key="split.column",
            )


_ISO = re.compile(r"\s*\d{4}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?\s*$")


def _by_order(tables: Mapping[str, RoleTable], split: Split) -> Marks:
    n_rows = {role: table.n_rows for role, table in tables.items()}
    if len(set(n_rows.values())) > 1:
        raise BadInputError(
            f"rows cannot be split by their order: the roles have {n_rows} rows.",
            hint="Name a column of times under split.column.",
            key="split.column",
        )
    marks: Marks = {}
    for role, n_all in n_rows.items():
        n_train = round(n_all * split.train_share)
        marks[role] = ["train" if place < n_train else "test" for place in range(n_all)]
    return marks


def _column(tables: Mapping[str, RoleTable], split: Split) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for role, table in tables.items():
        if split.column not in table.columns:
            raise BadInputError(
                f"role {role!r} has no column {split.column!r} to split by.",
                hint=f"It has: {', '.join(list(table.columns)[:12])}.",
                key="split.column",
            )
        found[role] = table.columns[split.column]
    return found


def _text(value: Any) -> str:
    """How a trial file writes a value: whole numbers without a point."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


_MARKERS = {"column": _by_column, "group": _by_group, "time": _by_time}
