"""PostgreSQL under the ledger: many processes may append, one transaction at a time."""

from __future__ import annotations

import select
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import (
    GoldenbatchError,
    IntegrityError,
    NotFoundError,
)
from goldenbatch.stores.ledger import _postgres_bulk, _postgres_schema, _sql
from goldenbatch.stores.ledger._dialect import POSTGRES
from goldenbatch.stores.ledger._postgres_url import driver, shown, split_url, translated
from goldenbatch.stores.ledger.errors import (
    StorageError,
    UnknownOutcomeError,
)

if TYPE_CHECKING:
    import psycopg

    from goldenbatch.stores.ledger._projections import Table

# A projection that was folded anew has a new row (xmin), though it reads the same.
_BEGIN = """BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('goldenbatch:{schema}', 0));
SELECT max(seq) FROM event; SELECT name, version, xmin::text FROM projection"""
_TIMEOUT_S = 10
_RESOLVE_S = 30.0
"""Seconds for which a server that went away while committing is asked again."""
_PAUSE_S = 0.25
# A writer that vanished without a word must not keep all others waiting for its lock.
_OF_WRITER = (
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
)


def install_postgres(url: str, role: str) -> str:
    """Make an empty ledger's schema, as its owner, for a role that will only add to it.

    Of a ledger that is there, functions and rights are brought to those of this version.

    Args:
        url: Of an administrator; its `schema` names the schema to make.
        role: The application's role, which must exist.

    Returns:
        The URL as it may be shown.

    Raises:
        StorageError: The database refuses.
    """
    clean, schema = split_url(url)
    psycopg = driver()
    try:
        with psycopg.connect(clean, connect_timeout=_TIMEOUT_S) as connection:
            found = connection.execute("SELECT to_regclass(%s)", (f'"{schema}".ledger_form',))
            is_there = found.fetchone() != (None,)
            make = _postgres_schema.install_statements
            if is_there:
                make = _postgres_schema.renew_statements
            for statement in make(schema, role):
                connection.execute(statement)
    except psycopg.Error as error:
        raise translated(error, shown(url)) from error
    return shown(url)


class Connection:
    """A connection as the port wants it."""

    dialect = POSTGRES

    def __init__(self, url: str, settings: Sequence[str] = ()) -> None:
        self._url, self._schema = split_url(url)
        self._settings = settings
        self.place = shown(url)
        self._begin_sql = _BEGIN.replace("{schema}", self._schema)  # a name that was checked
        self._is_writing = False
        self._seen: tuple[int, tuple[Any, ...]] | None = None
        self._pipeline: AbstractContextManager[Any] | None = None
        self._raw: psycopg.Connection[Any] = self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        found = driver()
        try:
            raw: psycopg.Connection[Any] = found.connect(
                self._url, autocommit=True, connect_timeout=_TIMEOUT_S
            )
            raw.execute(f'SET search_path = "{self._schema}"')
            raw.execute("SET synchronous_commit = on")
            raw.execute("SET client_min_messages = warning")
            _postgres_bulk.set_up(raw)
            for one in self._settings:
                raw.execute(one)
        except found.Error as error:
            raise translated(error, self.place) from error
        return raw

    @property
    def is_lost(self) -> bool:
        """Whether the server has gone away."""
        return bool(self._raw.closed or self._raw.broken)

    @property
    def is_stale(self) -> bool:
        """Whether the server has gone away while nobody used the connection."""
        if self.is_lost:
            return True
        poll = select.poll()
        poll.register(self._raw.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))  # it says something unasked only when it ends

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:
        """Run a statement; gives a cursor."""
        psycopg = driver()
        try:
            self._end_pipeline()
            return self._raw.execute(_with_marks(sql), parameters or None, binary=True)
        except (psycopg.Error, UnicodeError) as error:
            raise translated(error, self.place) from error

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a large result, fetched piece by piece."""
        psycopg = driver()
        try:
            with self._raw.cursor("ledger_stream", binary=True) as cursor:
                cursor.itersize = 5_000
                cursor.execute(_with_marks(sql), parameters or None)
                yield from cursor
        except psycopg.Error as error:
            raise translated(error, self.place) from error

    def insert_rows(
        self,
        into: str,
        rows: Sequence[tuple[Any, ...]],
        more: str = "",
        kinds: Sequence[str] = (),
    ) -> None:
        """Insert any number of rows with one statement.

        Within a transaction that writes, the server's answer is only waited for by what follows:
        all inserts and the commit are one round trip.
        """
        types = _postgres_bulk.types_of(into, kinds)
        sql = _with_marks(_postgres_bulk.statement(into, types, more))
        try:
            columns = _postgres_bulk.arrays(rows, types)
            if self._is_writing and self._pipeline is None:
                self._pipeline = self._raw.pipeline()
                self._pipeline.__enter__()
            self._raw.execute(sql, columns, prepare=True)
        except (driver().Error, struct.error, UnicodeError) as error:
            raise translated(error, self.place) from error

    def _end_pipeline(self) -> None:
        """Wait for the answers to all that was sent; raises what one of them says."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.__exit__(None, None, None)

    def begin_read(self) -> None:
        """Begin to read from one snapshot."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")

    def begin_write(self) -> None:
        """Begin to write, alone among all processes; a lost connection is made anew."""
        if self.is_stale:
            self._renew()
        try:
            self._begin()
        except StorageError:
            if not self.is_lost:
                raise
            self._renew()  # nothing was written, so that to begin anew doubles nothing
            self._begin()
        self._is_writing = True

    def _begin(self) -> None:
        """Begin, wait for the writers' lock, and see what others have done, in one round trip."""
        try:
            # One text of several statements, not a pipeline: after a pipeline the server forgets
            # to end a session that stays idle in its transaction.
            asked = self._raw.execute(self._begin_sql)
            asked.nextset(), asked.nextset()
            last = asked.fetchone()
            asked.nextset()
            self._seen = (last[0] if last else None) or 0, tuple(sorted(asked.fetchall()))
        except driver().Error as error:
            raise translated(error, self.place) from error

    def commit(self, mark: _sql.Mark = None) -> None:
        """Make the transaction durable; when the answer was lost, find out what happened.

        Raises:
            StorageError: Nothing of the transaction was kept.
            UnknownOutcomeError: The server cannot be asked whether it was.
        """
        psycopg = driver()
        try:
            self._raw.execute("COMMIT")
            self._end_pipeline()
            self._is_writing, self._seen = False, None
        except psycopg.Error as error:
            if not self.is_lost and _is_refusal(error):
                raise translated(error, self.place) from error
            if mark is None or not self._is_kept(mark):
                raise self._lost(error, is_known=mark is not None) from error

    def _is_kept(self, mark: tuple[int, bytes]) -> bool:
        """Whether the event with this number and leaf is there, once its transaction ended."""
        deadline = time.monotonic() + _RESOLVE_S
        while True:
            try:
                self._renew()
                self.begin_write()  # waits until the lost session has let go
                sql = "SELECT h FROM node WHERE level = 0 AND idx = ?"
                found = self.execute(sql, (mark[0] - 1,)).fetchone()
                self.roll_back()
                return found is not None and bool(found[0] == mark[1])
            except GoldenbatchError as error:  # it may be starting again
                if time.monotonic() > deadline:
                    raise self._lost(error, is_known=False) from error
                time.sleep(_PAUSE_S)

    def _lost(self, error: Exception, *, is_known: bool) -> GoldenbatchError:
        if is_known:
            return translated(error, self.place)
        return UnknownOutcomeError(
            f"{self.place}: the connection was lost while committing, and the server does not say "
            "whether the transaction was kept.",
            hint="Once it answers, look at the record; the same append is never kept twice.",
        )

    def _renew(self) -> None:
        with suppress(Exception):
            self._raw.close()
        self._is_writing, self._seen, self._pipeline = False, None, None
        self._raw = self._connect()

    def roll_back(self) -> None:
        """Forget the transaction, if there is one."""
        with suppress(driver().Error):
            self._end_pipeline()
        self._is_writing, self._seen = False, None
        if not self.is_lost and self._raw.info.transaction_status != 0:
            with suppress(driver().Error):
                self._raw.execute("ROLLBACK")

    def token(self, seq: int) -> object:
        """Events that others added, and the projections: another process changes one of them."""
        if self._seen is None:
            raise StorageError("whether others have written is only seen while writing.")
        last, kept = self._seen
        return last - seq, kept

    def erase(self, seq: int, by: int) -> None:
        """Erase a payload that an event has named."""
        self.execute("SELECT ledger_erase(?, ?)", (seq, by))

    def faults(
        self, tables: Sequence[Table], *, has_projections: bool = True
    ) -> Iterator[tuple[str, str]]:
        """Triggers and tables that are not as they were made."""
        # The rows of projections are compared with a new fold, their columns with them.
        del tables, has_projections
        return _postgres_schema.faults(self)

    def facts(self) -> dict[str, str]:
        """Settings of the server on which depends what an acknowledgement is worth."""
        names = (*_postgres_schema.FACTS,)
        marks = ", ".join("?" for _ in names)
        sql = f"SELECT name, setting FROM pg_settings WHERE name IN ({marks})"  # noqa: S608
        return dict(self.execute(sql, names).fetchall())

    def notes(self) -> Iterator[tuple[str, str]]:
        """Rights that this role should not have."""
        return _postgres_schema.notes(self)

    def close(self) -> None:
        """Close it."""
        self._raw.close()


@contextmanager
def database(url: str) -> Iterator[Connection]:
    """A connection for upkeep and trials, as whoever the URL names.

    Raises:
        StorageError: The database cannot be reached.
    """
    connection = Connection(url)
    try:
        yield connection
    finally:
        connection.close()


class Engine:
    """A schema of a PostgreSQL database under the ledger.

    Args:
        url: `postgresql://role@host:port/database?schema=name`.
        read_only: Open no writing connection.
    """

    dialect = POSTGRES

    def __init__(self, url: str, *, read_only: bool) -> None:
        self._url, self.place, self.read_only = url, shown(url), read_only
        self.address = url
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self.writer: Connection | None = None
        try:
            with self.reading() as connection:
                self._check_form(connection)
            if not read_only:
                self.writer = Connection(url, _OF_WRITER)
        except BaseException:
            self.close()
            raise

    def _check_form(self, connection: Connection) -> None:
        sql = "SELECT to_regclass('ledger_form')::text"
        if connection.execute(sql).fetchone()[0] is None:
            raise NotFoundError(
                f"there is no ledger in {self.place}.",
                hint="Make it with `goldenbatch ledger install`.",
            )
        found = connection.execute("SELECT form FROM ledger_form").fetchall()
        if found != [(_postgres_schema.FORM,)]:
            raise IntegrityError(
                f"{self.place} is no ledger of form {_postgres_schema.FORM}.",
                hint="Open it with the version of goldenbatch that wrote it, or restore it.",
            )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A reading connection for the duration of the block."""
        with self._lock:
            if self._is_closed:
                raise StorageError("the ledger is closed.", hint="Open it again.")
            connection = self._idle.pop() if self._idle else None
        if connection is not None and connection.is_stale:
            connection.close()
            connection = None
        if connection is None:
            connection = Connection(self._url)
        try:
            yield connection
        finally:
            connection.roll_back()
            with self._lock:
                is_kept = not self._is_closed and not connection.is_lost
                if is_kept:
                    self._idle.append(connection)
            if not is_kept:
                connection.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Nothing: a connection translates its errors itself."""
        yield

    def close(self) -> None:
        """Close all connections that are not in use; those in use close after it."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        if self.writer is not None:
            self.writer.close()
            self.writer = None


def _is_refusal(error: psycopg.Error) -> bool:
    """Whether the server itself has said no, and did not merely go away (classes 08 and 57)."""
    return error.sqlstate is not None and error.sqlstate[:2] not in ("08", "57")


@lru_cache(maxsize=1024)
def _with_marks(sql: str) -> Any:
    return sql.replace("%", "%%").replace("?", "%s")
