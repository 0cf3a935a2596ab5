"""Trials: how good is a method on data that it has never seen, beside the naive baseline."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.errors import BadInputError


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRole(_Strict):
    """Files of one form: which, how to read them, and what their columns are.

    Attributes:
        glob: Pattern below the data folder; matching files are read in name order.
        separator: Field separator; empty: white space of any length.
        decimal: Decimal mark.
        header: Whether the first row names the columns; else they are `c1`, `c2`, ...
        transpose: `auto` turns a table that has more columns than `n_columns` says.
        n_columns: Number of columns where the file does not say it (0: any).
        sheet: Sheet of a workbook, or several that are joined on `key`; empty: the first one.
        key: Column that names the same row in each sheet.
    """

    glob: str
    separator: str = ","
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    header: bool = True
    transpose: Literal["never", "auto"] = "never"
    n_columns: int = 0
    sheet: str | tuple[str, ...] = ""
    key: str = ""


class Split(_Strict):
    """How rows become training and test rows; never at random.

    Attributes:
        by: `file` (roles of their own), `column` (value in a column), `time` (order of a
            column or of the rows), `group` (whole lots, the later ones in the test).
        simulated: The method simulates what it learns from: with `file`, no training files.
        column: Column that `column`, `time` and `group` look at; empty: order of rows.
        train: Values that mean training rows (for `column`).
        test: Values that mean test rows (for `column`).
        train_share: Share of rows or groups, the earliest ones, for `time` and `group`.
    """

    by: Literal["file", "column", "time", "group"]
    column: str = ""
    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    train_share: float = Field(default=0.7, gt=0, lt=1)
    simulated: bool = False


class TrialFile(_Strict):
    """A trial file (TOML): what the files are, which columns are what, how it is split.

    Attributes:
        trial: Name of the trial, `capability.name`.
        title: One line.
        source: Where the data come from and their licence.
        files: Role (`train`, `test`, `table`, `spectra`, ...) to files.
        columns: Name of what the trial needs (`target`, `predictors`, ...) to column
            names, glob patterns, or numeric ranges `"600..1898"`.
        split: How training and test rows are told apart.
        settings: Settings of the method, fixed before any test file is opened.
    """

    trial: str
    title: str
    source: str
    files: Mapping[str, FileRole]
    columns: Mapping[str, str | tuple[str, ...]] = Field(default_factory=dict)
    split: Split
    settings: Mapping[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class TrialData:
    """Tables of one side (training or test) of a trial.

    Attributes:
        tables: Role to columns; each column a list of values in the order of the rows.
        files: Role to (name, SHA-256) of the files they came from.
    """

    tables: Mapping[str, Mapping[str, Sequence[Any]]]
    files: Mapping[str, Sequence[tuple[str, str]]]

    def names(self, file: TrialFile, key: str, role: str) -> tuple[str, ...]:
        """Columns of a role's table that the trial file names under a key of `columns`.

        Raises:
            BadInputError: The key, the table or the columns are missing.
        """
        patterns = file.columns.get(key, ())
        table = self.tables.get(role, {})
        chosen = select_columns(table, patterns)
        if not chosen:
            raise BadInputError(
                f"the table of role {role!r} has no column for {key!r} ({patterns!r}).",
                hint=f"It has: {', '.join(list(table)[:12]) or 'no columns'}.",
                key=f"columns.{key}",
            )
        return chosen


Measures = dict[str, Any]
"""Names of measures to numbers, intervals `[lower, upper]` or nested tables of them."""


class Trial(Protocol):
    """A method under trial; the runner, not the method, opens the test files."""

    name: str
    version: str

    def fit(self, file: TrialFile, train: TrialData) -> Any:
        """Fit on training rows only and return the frozen method."""

    def measure(self, method: Any, file: TrialFile, test: TrialData) -> Measures:
        """Measure the frozen method on rows that it has never seen."""

    def baseline(self, file: TrialFile, train: TrialData, test: TrialData) -> Measures:
        """The same measures for the naive method and the present practice."""


def select_columns(available: Iterable[str], patterns: str | Iterable[str]) -> tuple[str, ...]:
    """Columns that the patterns of a trial file mean, in the order of the patterns.

    A pattern is a name, a glob, or a numeric range `"600..1898"` (both ends included) over
    columns whose names are numbers, in rising order.

    >>> select_columns(["id", "602", "600", "700"], "600..650")
    ('600', '602')
    >>> select_columns(["id", "force_mean", "force_max"], ("force_*", "id"))
    ('force_max', 'force_mean', 'id')
    """
    names = list(available)
    chosen: dict[str, None] = {}
    for pattern in (patterns,) if isinstance(patterns, str) else patterns:
        first, dots, last = pattern.partition("..")
        if pattern in names:
            chosen[pattern] = None
        elif dots and (limits := (_number(first), _number(last))) and None not in limits:
            low, high = limits
            numbers = {name: number for name in names if (number := _number(name)) is not None}
            inside = [name for name, number in numbers.items() if low <= number <= high]  # type: ignore[operator]
            chosen.update(dict.fromkeys(sorted(inside, key=lambda name: numbers[name])))
        else:
            chosen.update(dict.fromkeys(sorted(fnmatch.filter(names, pattern))))
    return tuple(chosen)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
