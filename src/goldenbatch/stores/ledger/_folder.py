"""Folding events into the rows of projections that will be written together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from goldenbatch.core.records import Event, Row
from goldenbatch.stores.ledger import _sql
from goldenbatch.stores.ledger._projections import Table, Values
from goldenbatch.stores.ledger.errors import ProjectionError

_MAX_RECENT = 20_000
Known = dict[Values, Values | None]


class _Rows:
    """Rows of one table: staged by the append at hand, waiting to be written, known as stored.

    What is known includes that there is no row of a key: most lookups ask for a first one.
    """

    __slots__ = ("_fold", "_older", "_recent", "connection", "staged", "table", "waiting")

    def __init__(self, table: Table) -> None:
        self.table, self._fold = table, table.projection.fold
        self.connection: _sql.Connection | None = None
        self.staged: dict[Values, Values] = {}
        self.waiting: dict[Values, Values] = {}
        self._recent: Known = {}
        self._older: Known = {}

    def fold(self, event: Event) -> None:
        """Stage the rows that an event gives."""
        table, staged = self.table, self.staged
        for row in self._fold(event, self.lookup):
            values = table.values(row)
            staged[table.key_of(values)] = values

    def lookup(self, key: tuple[Any, ...]) -> Row | None:
        """The row of a key, as it is after all events so far."""
        values = self.staged.get(key) or self.waiting.get(key)
        if values is None:
            # A key that is found as it was given needs no check: it equals one that was checked.
            values = self._recent[key] if key in self._recent else self._stored(key)
        return None if values is None else self.table.as_row(values)

    def _stored(self, key: tuple[Any, ...]) -> Values | None:
        wanted = self.table.key_values(key)
        for known in (self.staged, self.waiting, self._recent, self._older):
            if wanted in known:
                return known[wanted]
        if self.connection is None:
            return None
        found: Values | None = self.connection.execute(self.table.lookup_sql, wanted).fetchone()
        self._forget_some()
        self._recent[wanted] = found
        return found

    def _forget_some(self) -> None:
        if len(self._recent) > _MAX_RECENT:
            self._older, self._recent = self._recent, {}

    def write(self, connection: _sql.Connection) -> None:
        """Write what waits; it is known from then on."""
        rows, table = list(self.waiting.values()), self.table
        connection.insert_rows(table.into_sql, rows, table.upsert_sql, table.kinds)
        self._forget_some()
        self._recent.update(self.waiting)
        self.waiting.clear()

    def clear(self) -> None:
        """Nothing waits, and nothing is known of what is stored."""
        for known in (self.staged, self.waiting, self._recent, self._older):
            known.clear()


class Folder:
    """Folds events into rows that wait to be written.

    Rows of one append are staged; `keep` moves them to those that wait, `drop` forgets them,
    so that a refused append leaves nothing.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables = tuple(tables)
        self._connection: _sql.Connection | None = None
        self._all = tuple(map(_Rows, self.tables))
        self._by_kind: dict[str, tuple[_Rows, ...]] = {}
        self._touched: dict[_Rows, None] = {}

    @property
    def connection(self) -> _sql.Connection | None:
        """Where stored rows are looked up, and rows are written."""
        return self._connection

    @connection.setter
    def connection(self, connection: _sql.Connection | None) -> None:
        self._connection = connection
        for rows in self._all:
            rows.connection = connection

    def fold(self, event: Event) -> None:
        """Stage the rows that an event gives.

        Raises:
            ProjectionError: A fold raised, or its rows do not fit.
        """
        kind = event.envelope.kind
        found = self._by_kind.get(kind)
        if found is None:
            found = tuple(r for r in self._all if _wants(r.table, kind))
            self._by_kind[kind] = found
        for rows in found:
            try:
                rows.fold(event)
            except (ProjectionError, *_sql.ERRORS):
                raise
            except Exception as error:
                raise ProjectionError(
                    f"projection {rows.table.projection.name} cannot fold {event.kind} "
                    f"{event.envelope.version} of {event.stream}: {type(error).__name__}: {error}.",
                    hint="Correct its fold; the event was refused.",
                ) from error
            finally:
                if rows.staged:
                    self._touched[rows] = None

    def keep(self) -> None:
        """The staged rows shall be written."""
        for rows in self._touched:
            rows.waiting.update(rows.staged)
            rows.staged.clear()

    def drop(self) -> None:
        """The staged rows shall not be written."""
        for rows in self._touched:
            rows.staged.clear()

    def clear(self) -> None:
        """Nothing shall be written, and nothing is known of what is stored."""
        for rows in self._all:
            rows.clear()
        self._touched.clear()

    def write(self) -> None:
        """Write what waits to the connection."""
        if self._connection is None:
            raise ProjectionError("the folder has no connection.")
        for rows in self._touched:
            if rows.waiting:
                rows.write(self._connection)
        self._touched.clear()


def _wants(table: Table, kind: str) -> bool:
    kinds = table.projection.kinds
    return not kinds or kind in kinds
