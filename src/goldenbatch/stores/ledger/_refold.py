"""Folding projections anew: to rebuild them, and to compare them with what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.stores.ledger import _events, _projections, _sql
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger._projections import Table, Values

_MAX_LISTED = 200


def rebuild(connection: _sql.Connection, tables: Sequence[Table]) -> int:
    """Empty the tables and fold all events into them; gives the number of their rows."""
    for table in tables:
        _projections.make_empty(connection, table)
    return _fold_all(connection, tables)


def compare(connection: _sql.Connection, tables: Sequence[Table]) -> list[Problem]:
    """Differences between the stored tables and a fold of the events as they stand now."""
    found = _projections.stored(connection)
    problems, current = [], []
    for table in tables:
        if _projections.is_current(table, found):
            current.append(table)
        else:
            problems.append(_not_current(table, found))
    names = {table.projection.name for table in tables}
    problems += [
        Problem(f"projection name={name}", "not compared: nobody folds it here.", is_note=True)
        for name in found.keys() - names
    ]
    shadows = [Table(table.projection, is_shadow=True, dialect=table.dialect) for table in current]
    for shadow in shadows:
        connection.execute(f"DROP TABLE IF EXISTS {shadow.name}")
        for statement in shadow.ddl():
            connection.execute(statement)
    try:
        _fold_all(connection, shadows)
    except GoldenbatchError as error:
        return [*problems, Problem("projection", f"not compared: {error}")]
    for table, shadow in zip(current, shadows, strict=True):
        try:
            problems += _differences(connection, table, shadow)
        except _sql.ERRORS as error:
            problems.append(Problem(f"table {table.name}", f"cannot be read: {error}."))
    return problems


def _fold_all(connection: _sql.Connection, tables: Sequence[Table]) -> int:
    folder = _projections.Folder(tables)
    folder.connection = connection
    wanted = [table.projection.kinds for table in tables]
    kinds = frozenset().union(*wanted) if all(wanted) else frozenset()
    after, last = 0, _sql.tail(connection)[0]
    while tables and after < last:
        rows = _sql.event_rows(connection, after, last, kinds)
        for row in rows:
            folder.fold(_events.read(row))
            folder.keep()
        folder.write()
        if len(rows) < _sql.PAGE:
            break
        after = rows[-1][0]
    # Names of tables have passed the pattern for names.
    counts = [f"SELECT count(*) FROM {table.name}" for table in tables]  # noqa: S608
    return sum(connection.execute(sql).fetchone()[0] for sql in counts)


def _not_current(table: Table, found: dict[str, tuple[int, str]]) -> Problem:
    p = table.projection
    stored = found.get(p.name)
    what = "is not stored" if stored is None else f"is stored as version {stored[0]}"
    if stored is not None and stored[0] == p.version:
        what = "is stored with another definition"
    return Problem(
        f"projection name={p.name}",
        f"the projection {what}, its version is {p.version}; opening the home rebuilds it.",
    )


def _differences(connection: _sql.Connection, table: Table, shadow: Table) -> Iterator[Problem]:
    limit = f" LIMIT {_MAX_LISTED}"
    # Comparing in the database keeps a large table out of memory.
    lost = f"{shadow.select_sql} EXCEPT {table.select_sql}{limit}"
    extra = f"{table.select_sql} EXCEPT {shadow.select_sql}{limit}"
    for values in connection.execute(lost).fetchall():
        key = shadow.key_of(values)
        stored = connection.execute(table.lookup_sql, key).fetchone()
        yield _difference(table, key, values, stored)
    for values in connection.execute(extra).fetchall():
        key = table.key_of(values)
        if not _is_text(key) or connection.execute(shadow.lookup_sql, key).fetchone() is None:
            yield Problem(_place(table, key), "the row is there, but no event gives it.")


def _is_text(key: Values) -> bool:
    """Whether a key could ever have been folded: damaged text cannot even be asked for."""
    try:
        "".join(part for part in key if isinstance(part, str)).encode()
    except UnicodeEncodeError:
        return False
    return True


def _difference(table: Table, key: Values, folded: Values, stored: Values | None) -> Problem:
    if stored is None:
        return Problem(_place(table, key), "the row is missing, though the events give it.")
    columns = [
        f"{column} is {there!r}, the events give {given!r}"
        for column, given, there in zip(table.columns, folded, stored, strict=True)
        if given != there
    ]
    return Problem(_place(table, key), "; ".join(columns) + ".")


def _place(table: Table, key: Values) -> str:
    parts = zip(table.projection.key, key, strict=True)
    return f"{table.name} " + " ".join(f"{column}={value}" for column, value in parts)
