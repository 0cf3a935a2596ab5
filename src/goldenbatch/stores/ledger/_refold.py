"""Folding projections anew: to rebuild them, and to compare them with what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import Event
from goldenbatch.stores.ledger import _events, _folder, _projections, _sql
from goldenbatch.stores.ledger._problem import Problem
from goldenbatch.stores.ledger._projections import Table, Values

_MAX_LISTED = 200
_N_WAITING = 1_000


def rebuild(connection: _sql.Connection, tables: Sequence[Table]) -> int:
    """Empty the tables and fold all events into them; gives the number of their rows."""
    for table in tables:
        _projections.make_empty(connection, table)
    return _fold_all(connection, tables)


class Refold:
    """A second fold beside the stored tables, event by event, to compare them with.

    Args:
        connection: Reading connection; the fold goes into temporary tables of it.
        tables: Those that somebody folds here.
    """

    def __init__(self, connection: _sql.Connection, tables: Sequence[Table]) -> None:
        self._connection = connection
        found = _projections.stored(connection)
        self._current = [table for table in tables if _projections.is_current(table, found)]
        self._problems = [_not_current(t, found) for t in tables if t not in self._current]
        names = {table.projection.name for table in tables}
        self._problems += [
            Problem(f"projection name={name}", "not compared: nobody folds it here.", is_note=True)
            for name in found.keys() - names
        ]
        self._shadows = [
            Table(table.projection, is_shadow=True, dialect=table.dialect)
            for table in self._current
        ]
        for shadow in self._shadows:
            connection.execute(f"DROP TABLE IF EXISTS {shadow.name}")
            for statement in shadow.ddl():
                connection.execute(statement)
        self._folder = _folder.Folder(self._shadows)
        self._folder.connection = connection
        self._failure = ""
        self._n_waiting = 0
        self.kinds = _kinds(self._shadows)

    @property
    def is_needed(self) -> bool:
        """Whether events are wanted at all."""
        return bool(self._shadows) and not self._failure

    def add(self, event: Event) -> None:
        """Fold the next event."""
        if not self.is_needed or (self.kinds and event.kind not in self.kinds):
            return
        try:
            self._folder.fold(event)
            self._folder.keep()
            self._n_waiting += 1
            if self._n_waiting >= _N_WAITING:
                self._write()
        except GoldenbatchError as error:
            self.fail(str(error))

    def fail(self, reason: str) -> None:
        """Fold no further: an event cannot be had."""
        self._failure = self._failure or reason

    def _write(self) -> None:
        self._n_waiting = 0
        self._folder.write()

    def finish(self) -> list[Problem]:
        """Differences between what is stored and what was folded."""
        if self._failure:
            return [*self._problems, Problem("projection", f"not compared: {self._failure}")]
        self._write()
        problems = list(self._problems)
        for table, shadow in zip(self._current, self._shadows, strict=True):
            try:
                problems += _differences(self._connection, table, shadow)
            except _sql.ERRORS as error:
                problems.append(Problem(f"table {table.name}", f"cannot be read: {error}."))
        return problems


def compare(connection: _sql.Connection, tables: Sequence[Table]) -> list[Problem]:
    """Differences between the stored tables and a fold of the events as they stand now."""
    refold = Refold(connection, tables)
    try:
        for event in _events_of(connection, refold.kinds) if refold.is_needed else ():
            refold.add(event)
    except GoldenbatchError as error:
        refold.fail(str(error))
    return refold.finish()


def _kinds(tables: Sequence[Table]) -> frozenset[str]:
    """Kinds that any of the tables wants; empty: all kinds."""
    wanted = [table.projection.kinds for table in tables]
    return frozenset().union(*wanted) if all(wanted) else frozenset()


def _events_of(connection: _sql.Connection, kinds: frozenset[str]) -> Iterator[Event]:
    after, last = 0, _sql.tail(connection)[0]
    while after < last:
        rows = _sql.event_rows(connection, after, last, kinds)
        yield from map(_events.read, rows)
        if len(rows) < _sql.PAGE:
            return
        after = rows[-1][0]


def _fold_all(connection: _sql.Connection, tables: Sequence[Table]) -> int:
    folder = _folder.Folder(tables)
    folder.connection = connection
    for number, event in enumerate(_events_of(connection, _kinds(tables)) if tables else ()):
        folder.fold(event)
        folder.keep()
        if number % _N_WAITING == _N_WAITING - 1:
            folder.write()
    folder.write()
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
