"""What databases name differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """Words of one database.

    Attributes:
        types: SQL type of the projections' to the database's own.
        shadow: Prefix of a temporary table.
        like: Word for a pattern, in which ASCII letters of both cases are the same.
        nulls: Words after ASC and DESC that put empty values first and last.
    """

    name: str
    types: dict[str, str]
    shadow: str
    nulls: tuple[str, str]
    like: str = "LIKE"

    def equals(self, column: str, kind: str, value: Any) -> tuple[str, list[Any]]:
        """Condition that a column has a value, and its parameters."""
        if self.name == "sqlite":
            return f'"{column}" = ?', [value]
        fitting = _fitting([value], kind)
        return (f'"{column}" = ?', fitting) if fitting else ("FALSE", [])

    def is_one_of(self, column: str, kind: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
        """Condition that a column has one of some values, and its parameters."""
        if self.name == "sqlite":
            # The column is a known one; the values are a parameter.
            sql = f'"{column}" IN (SELECT value FROM json_each(?))'  # noqa: S608
            return sql, [json.dumps(values)]
        return f'"{column}" = ANY(?::{_ARRAYS[kind]})', [_fitting(values, kind)]


_ARRAYS = {"TEXT": "text[]", "INTEGER": "bigint[]", "REAL": "double precision[]"}
_PYTHON = {"TEXT": str, "INTEGER": int, "REAL": float}

SQLITE = Dialect(
    "sqlite", {"TEXT": "TEXT", "INTEGER": "INTEGER", "REAL": "REAL"}, "temp.", ("", "")
)
POSTGRES = Dialect(
    "postgres",
    {"TEXT": 'TEXT COLLATE "C"', "INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION"},
    "pg_temp.",
    (" NULLS FIRST", " NULLS LAST"),
    "ILIKE",
)


def _fitting(values: Sequence[Any], kind: str) -> list[Any]:
    """The values as the column's type; those that can never be in it are left out."""
    found = []
    for value in values:
        try:
            made = _PYTHON[kind](value)
        except (ValueError, OverflowError):
            continue
        if isinstance(made, int) and (made != value or not -(2**63) <= made < 2**63):
            continue
        found.append(made)
    return found
