"""What a ledger keeps beside its events and may fold anew, and what it may be made to forget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.core.erasure import erasure_stream
from goldenbatch.core.errors import ConflictError, DeniedError, IntegrityError, NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.stores.ledger import _erasure, _projections, _refold

if TYPE_CHECKING:
    from goldenbatch.core.records import Event, Row
    from goldenbatch.stores.ledger._erasure import Erasure
    from goldenbatch.stores.ledger._problem import Problem
    from goldenbatch.stores.ledger._sql import Engine
    from goldenbatch.stores.ledger._writer import Head, Writer


class Kept:
    """Part of `Ledger`: its projections, and erasure, which goes through them too."""

    _engine: Engine
    _writer: Writer | None
    _tables: Mapping[str, _projections.Table]

    def append(self, events: Sequence[NewEvent]) -> Sequence[Event]:
        """Append all or nothing, durable on return."""
        raise NotImplementedError

    def head(self) -> int:
        """Number of the last event; 0 when empty."""
        raise NotImplementedError

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream after a version, in order."""
        raise NotImplementedError

    def events(self, after: int = 0, upto: int | None = None) -> Iterator[Event]:
        """Events with `after < seq <= upto`, in order."""
        raise NotImplementedError

    def select(
        self,
        projection: str,
        where: Mapping[str, Any] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Rows of a projection whose columns equal `where` (a list means any of them).

        Args:
            projection: Its name.
            where: Column to value; None means empty.
            order_by: Columns, descending with a leading `-`; the key decides ties.
            limit: At most so many rows.

        Raises:
            NotFoundError: No such projection or column.
            IntegrityError: Read-only, and the stored table is of another version.
        """
        table = self._table(projection)
        sql, parameters = table.query(where, order_by, limit)
        with self._engine.reading() as connection:
            connection.begin_read()
            if self._writer is None and not _projections.is_current(
                table, _projections.stored(connection)
            ):
                raise IntegrityError(
                    f"projection {projection} is not stored in its version "
                    f"{table.projection.version}.",
                    hint="Open the home for writing once; that rebuilds it.",
                )
            return [table.as_row(values) for values in connection.execute(sql, parameters)]

    def count(self, projection: str, where: Mapping[str, Any] | None = None) -> int:
        """Number of rows of a projection that `select` would give.

        Raises:
            NotFoundError: No such projection or column.
        """
        sql, parameters = self._table(projection).count_query(where)
        with self._engine.reading() as connection:
            return int(connection.execute(sql, parameters).fetchone()[0])

    def projections(self) -> list[str]:
        """Names of the projections that are kept here, sorted."""
        return sorted(self._tables)

    def rebuild(self, name: str) -> int:
        """Fold a projection anew from the events; gives its number of rows.

        Raises:
            NotFoundError: No such projection.
        """
        table = self._table(name)
        count: int = self._writing().do(lambda connection, _: _refold.rebuild(connection, [table]))
        return count

    def check_projections(self) -> list[Problem]:
        """Fold all projections anew and compare them row by row with what is stored."""
        with self._engine.reading() as connection:
            connection.begin_read()
            return _refold.compare(connection, list(self._tables.values()))

    def erase(self, erasure: Erasure) -> Event:
        """Erase a payload for good; its envelope and proofs stay, an event says why.

        Called again after a crash it finishes what was begun. On SQLite the bytes are
        overwritten; a PostgreSQL server lets go of them at its next VACUUM.

        Raises:
            NotFoundError: There is no such event.
            ConflictError: Its payload was erased before, or it records an erasure.
            BadInputError: No reason, or not two people.
        """
        return self.erase_all([erasure])[0]

    def erase_all(self, erasures: Sequence[Erasure]) -> Sequence[Event]:
        """Erase payloads for good, all or none of them: see `erase`.

        The projections that hold them are folded anew once for all.

        Raises:
            NotFoundError: There is no such event.
            ConflictError: A payload was erased before, or records an erasure.
            BadInputError: No reason, or not two people.
        """
        writer, tables = self._writing(), list(self._tables.values())
        begun: list[tuple[Event | NewEvent, Event]] = []
        for one in erasures:
            self._at_most(one.seq, self.head(), least=1)
            erased = next(self.events(one.seq - 1, one.seq))
            said = self.stream(erasure_stream(one.seq))
            if erased.body is None:
                raise ConflictError(
                    f"the payload of event {one.seq} was erased before.",
                    hint=f"Event {said[0].seq} says why." if said else "Run `goldenbatch verify`.",
                )
            begun.append((said[0] if said else _erasure.event_of(one, erased), erased))
        fresh = [said for said, _ in begun if isinstance(said, NewEvent)]
        appended = iter(self.append(fresh) if fresh else ())
        pairs = [(next(appended) if isinstance(s, NewEvent) else s, erased) for s, erased in begun]
        if pairs:
            writer.do(lambda c, _: _erasure.carry_out(c, pairs, tables))
        return [event for event, _ in pairs]

    def _renew(self, connection: Any, _: Head) -> int:
        """Rebuild the projections that are new or of another version."""
        found = _projections.stored(connection)
        stale = [t for t in self._tables.values() if not _projections.is_current(t, found)]
        return _refold.rebuild(connection, stale) if stale else 0

    def _table(self, name: str) -> _projections.Table:
        if name not in self._tables:
            raise NotFoundError(
                f"there is no projection {name!r}.",
                hint=f"There are {', '.join(sorted(self._tables)) or 'none'}.",
            )
        return self._tables[name]

    def _writing(self) -> Writer:
        if self._writer is None:
            raise DeniedError(
                f"{self._engine.place} is open for reading only.", hint="Open the home for writing."
            )
        return self._writer

    def _at_most(self, n: int | None, head: int, least: int = 0) -> int:
        if n is None:
            return head
        if not least <= n <= head:
            raise NotFoundError(
                f"there is no event {n}: the ledger has {head}.", hint=f"Give {least} to {head}."
            )
        return n
