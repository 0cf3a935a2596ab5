"""Projections: indexed tables beside the proof, folded from the events."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.records import Between, Clause, Containing, Projection, Row
from goldenbatch.stores.ledger import _sql
from goldenbatch.stores.ledger._dialect import SQLITE, Dialect
from goldenbatch.stores.ledger.errors import ProjectionError

_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")
_MAX_INT = 2**63
_TYPES = ("TEXT", "INTEGER", "REAL")
_PYTHON: dict[str, Any] = {"TEXT": str, "INTEGER": int, "REAL": float}
_COMMON = 2**62
_MAX_GOOD = 64
Values = tuple[Any, ...]


class Table:
    """The table of one projection, and the statements on it.

    Args:
        projection: What is kept.
        is_shadow: A temporary twin, to compare the stored table with.
    """

    def __init__(
        self, projection: Projection, *, is_shadow: bool = False, dialect: Dialect = SQLITE
    ) -> None:
        _check(projection)
        self.projection, self.dialect = projection, dialect
        shadow = f"{dialect.shadow}s_{projection.name}"
        self.name = shadow if is_shadow else f"p_{projection.name}"
        self._is_shadow = is_shadow
        self.columns = tuple(projection.columns)
        self.kinds = tuple(projection.columns.values())
        self.key_places = tuple(self.columns.index(column) for column in projection.key)
        self._pick, self._pick_key = _picker(self.columns), _picker(self.key_places)
        kinds = projection.columns
        self._pick_numbers = _picker([n for n, c in enumerate(kinds) if kinds[c] != "TEXT"])
        self._key_kinds = tuple(_PYTHON[kinds[column]] for column in projection.key)
        self._pick_key_numbers = _picker(
            [n for n, kind in enumerate(self._key_kinds) if kind is not str]
        )
        self._good: set[tuple[type, ...]] = set()
        names = ", ".join(_quoted(self.columns))
        equal = " AND ".join(f"{column} = ?" for column in _quoted(projection.key))
        # Names have passed the pattern above; values are always parameters.
        self.into_sql = f"{self.name}({names})"
        self.upsert_sql = _upsert(projection)
        self.select_sql = f"SELECT {names} FROM {self.name}"  # noqa: S608
        self.lookup_sql = f"{self.select_sql} WHERE {equal}"
        self.names_sql = names

    @property
    def definition(self) -> str:
        """Columns, key, kinds and indexes, as one comparable text."""
        p = self.projection
        parts = [dict(p.columns), p.key, sorted(p.kinds), p.indexes]
        return json.dumps(parts, separators=(",", ":"))

    def ddl(self) -> list[str]:
        """Statements that make the table and its indexes."""
        p = self.projection
        columns = [
            f'"{column}" {self.dialect.types[kind]}{" NOT NULL" if column in p.key else ""}'
            for column, kind in p.columns.items()
        ]
        key = ", ".join(_quoted(p.key))
        made = [f"CREATE TABLE {self.name}({', '.join(columns)}, PRIMARY KEY({key}))"]
        for number, index in enumerate(() if self._is_shadow else p.indexes):
            names = ", ".join(_quoted(index))
            made.append(f"CREATE INDEX {self.name}_i{number} ON {self.name}({names})")
        return made

    def key_of(self, values: Values) -> Values:
        """Key of a row."""
        return self._pick_key(values)

    def as_row(self, values: Values) -> Row:
        """A row as the fold and the reader see it."""
        return dict(zip(self.columns, values, strict=True))

    def values(self, row: Mapping[str, Any]) -> Values:
        """A folded row as the database will give it back.

        Raises:
            ProjectionError: A column is unknown, a key is missing, or a type does not fit.
        """
        # Most rows are complete, of the columns' types and of common size: no call for each.
        if len(row) == len(self.columns):
            try:
                made = self._pick(row)
            except KeyError:
                made = ()
            if tuple(map(type, made)) in self._good and _are_common(self._pick_numbers(made)):
                return made
        columns = self.projection.columns
        unknown = [] if row.keys() <= columns.keys() else row.keys() - columns.keys()
        if unknown:
            raise ProjectionError(
                f"projection {self.projection.name} has no column {sorted(unknown)[0]!r}.",
                hint="Correct its fold or its columns.",
            )
        given = tuple([row.get(column) for column in columns])
        checked = tuple(map(self.value, columns, given))
        kinds = tuple(map(type, checked))
        if kinds == tuple(map(type, given)) and len(self._good) < _MAX_GOOD:
            self._good.add(kinds)
        return checked

    def key_values(self, key: tuple[Any, ...]) -> Values:
        """A key as the database will give it back.

        Raises:
            ProjectionError: It has too many or too few parts, or a type does not fit.
        """
        if tuple(map(type, key)) == self._key_kinds and _are_common(self._pick_key_numbers(key)):
            return key
        names = self.projection.key
        if len(key) != len(names):
            raise ProjectionError(
                f"projection {self.projection.name}: {key!r} is no key, it is {', '.join(names)}.",
                hint="Correct its fold.",
            )
        return tuple(map(self.value, names, key))

    def value(self, column: str, value: Any) -> Any:
        """One value as the database will give it back."""
        kind = self.projection.columns[column]
        if kind == "TEXT" and type(value) is str:
            return value
        is_key = column in self.projection.key
        if value is None and not is_key:
            return None
        if kind == "TEXT" and isinstance(value, str):
            return str.__str__(value)
        if kind == "INTEGER" and isinstance(value, int) and -_MAX_INT <= value < _MAX_INT:
            return int(value)
        if kind == "REAL" and isinstance(value, int | float):
            if not math.isnan(value):
                return float(value)
            if not is_key:
                return None
        raise ProjectionError(
            f"projection {self.projection.name}: {value!r} does not fit column {column} ({kind}).",
            hint="Correct its fold.",
        )

    def query(
        self,
        where: Mapping[str, Any] | None,
        order_by: Sequence[str],
        limit: int | None,
    ) -> tuple[str, list[Any]]:
        """Statement and parameters of a selection.

        Raises:
            NotFoundError: A column is unknown.
            BadInputError: The limit is negative.
        """
        conditions: list[str] = []
        parameters: list[Any] = []
        for column, value in (where or {}).items():
            if isinstance(value, Clause):
                conditions.append(f"({value.sql})")
                parameters.extend(value.parameters)
                continue
            condition, more = self._condition(self._known(column), value)
            conditions.append(condition)
            parameters.extend(more)
        order = [self._ordered(self._known(name.removeprefix("-")), name) for name in order_by]
        order += _quoted(self.projection.key)
        sql = self.select_sql
        if conditions:
            sql += f" WHERE {' AND '.join(conditions)}"
        sql += f" ORDER BY {', '.join(order)}"
        if limit is not None:
            if limit < 0:
                raise BadInputError(f"limit {limit} is negative.", hint="Give 0 or more.")
            sql += " LIMIT ?"
            parameters.append(limit)
        return sql, parameters

    def count_query(self, where: Mapping[str, Any] | None) -> tuple[str, list[Any]]:
        """Statement and parameters of the number of rows of a selection.

        Raises:
            NotFoundError: A column is unknown.
        """
        sql, parameters = self.query(where, (), None)
        inside = sql.partition(" ORDER BY ")[0].partition(" FROM ")[2]
        return f"SELECT count(*) FROM {inside}", parameters  # noqa: S608 (names are checked)

    def _ordered(self, column: str, name: str) -> str:
        first, last = self.dialect.nulls
        return f'"{column}" {f"DESC{last}" if name.startswith("-") else f"ASC{first}"}'

    def _condition(self, column: str, value: Any) -> tuple[str, list[Any]]:
        kind = self.projection.columns[column]
        if value is None:
            return f'"{column}" IS NULL', []
        if isinstance(value, Between | Containing):
            return _comparison(column, value, self.dialect.like)
        if isinstance(value, str | int | float):
            return self.dialect.equals(column, kind, value)
        if not isinstance(value, list | tuple | set | frozenset):
            raise BadInputError(
                f"column {column} cannot be compared with {type(value).__name__}.",
                hint="Give a text, a number, None or a list of them.",
            )
        wanted = [item for item in value if item is not None]
        inside, parameters = self.dialect.is_one_of(column, kind, wanted)
        if len(wanted) < len(value):
            inside = f'({inside} OR "{column}" IS NULL)'
        return inside, parameters

    def _known(self, column: str) -> str:
        if column not in self.projection.columns:
            raise NotFoundError(
                f"projection {self.projection.name} has no column {column!r}.",
                hint=f"It has {', '.join(self.columns)}.",
            )
        return column


def tables_of(projections: Sequence[Projection], dialect: Dialect = SQLITE) -> list[Table]:
    """The tables of projections.

    Raises:
        ConflictError: Two have one name.
    """
    names = [projection.name for projection in projections]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConflictError(
            f"two projections have one name, {twice[0]!r}.", hint="Rename one of them."
        )
    return [Table(projection, dialect=dialect) for projection in projections]


def stored(connection: _sql.Connection) -> dict[str, tuple[int, str]]:
    """Version and definition of each projection that the database holds up to date."""
    rows = connection.execute("SELECT name, version, definition FROM projection").fetchall()
    return {name: (version, definition) for name, version, definition in rows}


def is_current(table: Table, found: Mapping[str, tuple[int, str]]) -> bool:
    """Whether the database holds this projection in this version."""
    p = table.projection
    return found.get(p.name) == (p.version, table.definition)


def make_empty(connection: _sql.Connection, table: Table) -> None:
    """Make the table anew and empty, noted as current."""
    drop(connection, table.projection.name)
    for statement in table.ddl():
        connection.execute(statement)
    connection.execute(
        "INSERT INTO projection(name, version, definition) VALUES (?,?,?)",
        (table.projection.name, table.projection.version, table.definition),
    )


def drop(connection: _sql.Connection, name: str) -> None:
    """Drop the table of a projection and its note."""
    if _NAME.match(name):
        connection.execute(f"DROP TABLE IF EXISTS p_{name}")
    connection.execute("DELETE FROM projection WHERE name = ?", (name,))


def _picker(places: Sequence[Any]) -> Callable[[Any], Values]:
    """Items at some places or of some names, always as a tuple."""
    if len(places) > 1:
        return itemgetter(*places)
    if not places:
        return lambda _: ()
    (place,) = places
    return lambda items: (items[place],)


def _are_common(numbers: Values) -> bool:
    """Whether all are of common size; NaN is not."""
    for number in numbers:
        if number is not None and not -_COMMON < number < _COMMON:
            return False
    return True


def _check(projection: Projection) -> None:
    p = projection
    names = [p.name, *p.columns, *p.key]
    bad = [name for name in names if not _NAME.match(name)]
    bad += [str(kind) for kind in p.columns.values() if kind not in _TYPES]
    bad += [name for name in (*p.key, *(c for i in p.indexes for c in i)) if name not in p.columns]
    if bad or not p.key:
        raise ProjectionError(
            f"projection {p.name!r}: {bad[0] if bad else 'key'!r} is no good name, type or column.",
            hint="Names are of a-z, 0-9 and _; a key is needed; types are TEXT, INTEGER, REAL.",
        )


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _upsert(projection: Projection) -> str:
    """What follows the values, so that a row replaces the one of its key."""
    others = [column for column in projection.columns if column not in projection.key]
    then = ", ".join(f"{column} = excluded.{column}" for column in _quoted(others))
    act = f"UPDATE SET {then}" if then else "NOTHING"
    return f"ON CONFLICT({', '.join(_quoted(projection.key))}) DO {act}"


def _comparison(column: str, value: Between | Containing, like: str) -> tuple[str, list[Any]]:
    if isinstance(value, Containing):
        pattern = re.sub(r"([\\%_])", r"\\\1", value.text)
        return f"\"{column}\" {like} ? ESCAPE '\\'", [f"%{pattern}%"]
    sides = [(sign, one) for sign, one in ((">=", value.low), ("<", value.high)) if one is not None]
    conditions = [f'"{column}" {sign} ?' for sign, _ in sides]
    return " AND ".join(conditions) or "1 = 1", [one for _, one in sides]
