"""Names and cells of the tables of a trial, whatever form their file has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldenbatch.core.errors import BadInputError

NO_VALUE = ("", "NA", "NaN", "nan", "NULL")
"""Cells of a column of numbers that are empty."""

Columns = dict[str, list[Any]]


def numbered(n_columns: int) -> list[str]:
    """Names of columns that have none."""
    return [f"c{place + 1}" for place in range(n_columns)]


def refuse_twice(names: Sequence[str], file: str) -> None:
    """Refuse names of columns that stand there twice.

    Raises:
        BadInputError: One does.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInputError(
            f"columns {', '.join(map(repr, twice[:5]))} stand there twice.",
            file=file,
            hint="Rename one.",
        )


def typed(values: list[str], decimal: str) -> list[Any]:
    """A column as numbers where all cells are numbers or empty, else as the texts."""
    if not any(values):
        return [float("nan")] * len(values)
    try:
        return [
            float("nan") if one in NO_VALUE else float(one.replace(decimal, ".")) for one in values
        ]
    except ValueError:
        return list(values)


def unreadable(file: str, error: Exception) -> BadInputError:
    """What is said of a file that is not what the trial file says."""
    return BadInputError(
        f"it cannot be read as the trial file says: {error}",
        hint="Check separator, decimal mark, encoding and header of its role.",
        file=file,
    )
