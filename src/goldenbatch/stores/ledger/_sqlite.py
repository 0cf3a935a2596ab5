"""SQLite under the ledger: one file, one writing connection, a pool of reading ones."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import GoldenbatchError, IntegrityError, NotFoundError
from goldenbatch.stores.ledger import _projections, _sql
from goldenbatch.stores.ledger._dialect import SQLITE
from goldenbatch.stores.ledger.errors import StorageError, StorageFullError

if TYPE_CHECKING:
    from goldenbatch.stores.ledger._projections import Table

APPLICATION_ID = 0x47424C31
SCHEMA_VERSION = 2
BUSY_S = 30.0
_OWN = tuple(f"({table})" for table in _sql.TABLES)
CACHE_KIB, WAL_PAGES = 65_536, 8_000
_EXACT, _CHUNKS = 32, (64, 32)  # few enough forms to stay prepared

_TABLE_SQL = (
    """CREATE TABLE event(seq INTEGER PRIMARY KEY, stream TEXT NOT NULL,
 version INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, role TEXT,
 performed_at INTEGER, recorded_at INTEGER NOT NULL, body_digest BLOB NOT NULL,
 prev_in_stream BLOB NOT NULL, envelope BLOB NOT NULL, UNIQUE(stream, version))""",
    "CREATE TABLE payload(seq INTEGER PRIMARY KEY, digest BLOB NOT NULL, salt BLOB NOT NULL,"
    " bytes BLOB)",
    """CREATE TABLE node(level INTEGER NOT NULL, idx INTEGER NOT NULL, h BLOB NOT NULL,
 PRIMARY KEY(level, idx)) WITHOUT ROWID""",
    """CREATE TABLE checkpoint(size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL,
 UNIQUE(size, note))""",
    "CREATE TABLE projection(name TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL,"
    " definition TEXT NOT NULL)",
)


def _refusal(table: str, act: str, when: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} {when}"
        f"BEGIN SELECT RAISE(ABORT, 'the ledger only adds: {act} of {table} refused'); END"
    )


# An erasure takes the salt along: with it, a short body could be guessed from its digest.
_ERASURE = (
    "WHEN NOT (NEW.seq = OLD.seq AND NEW.digest = OLD.digest AND NEW.bytes IS NULL"
    " AND NEW.salt = x'') "
)
_TRIGGER_SQL = (
    *(_refusal(table, "UPDATE") for table in ("event", "node", "checkpoint")),
    *(_refusal(table, "DELETE") for table in ("event", "node", "checkpoint", "payload")),
    _refusal("payload", "UPDATE", _ERASURE),
)
SCHEMA_SQL = (*_TABLE_SQL, *_TRIGGER_SQL)

_PAYLOAD_1 = (
    "CREATE TABLE payload(digest BLOB PRIMARY KEY NOT NULL, salt BLOB NOT NULL, bytes BLOB)"
)
_ERASURE_1 = "WHEN NOT (NEW.digest = OLD.digest AND NEW.bytes IS NULL AND NEW.salt = x'') "
_SCHEMA_1 = (
    *(_PAYLOAD_1 if "TABLE payload" in one else one for one in SCHEMA_SQL[:-1]),
    _refusal("payload", "UPDATE", _ERASURE_1),
)
# A file of form 1 that may not be changed is read as if it were of form 2.
_VIEW_1 = (
    "CREATE TEMP VIEW payload AS SELECT e.seq, p.digest, p.salt, p.bytes"
    " FROM main.event e JOIN main.payload p ON p.digest = e.body_digest"
)


class Connection(sqlite3.Connection):
    """A connection as the port wants it."""

    dialect = SQLITE
    form = SCHEMA_VERSION

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a large result, without holding all of them."""
        return iter(self.execute(sql, parameters))

    def insert_rows(
        self,
        into: str,
        rows: Sequence[tuple[Any, ...]],
        more: str = "",
        kinds: Sequence[str] = (),
    ) -> None:
        """Insert many rows with few statements, whatever the kinds of their columns.

        Each statement gives up the interpreter's lock once, so that with many waiting callers
        one of 64 rows is several times faster than 64 of one row.
        """
        del kinds
        start = 0
        while start < len(rows):
            rest = len(rows) - start
            size = rest if rest <= _EXACT else next(one for one in _CHUNKS if one <= rest)
            chunk = rows[start : start + size]
            sql = _sql.with_values(into, len(chunk[0]), size, more)
            self.execute(sql, tuple(chain.from_iterable(chunk)))
            start += size

    def begin_read(self) -> None:
        """Begin to read from one snapshot."""
        self.execute("BEGIN")

    def begin_write(self) -> None:
        """Begin to write, alone among all processes."""
        self.execute("BEGIN IMMEDIATE")

    def commit(self, mark: _sql.Mark = None) -> None:
        """Make the transaction durable."""
        self.execute("COMMIT")

    def roll_back(self) -> None:
        """Forget the transaction, if there is one."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def token(self, seq: int) -> object:
        """Changes when another process has written; SQLite knows who did."""
        del seq
        return self.execute("PRAGMA data_version").fetchone()[0]

    def erase(self, seq: int, by: int) -> None:
        """Erase a payload that an event has named."""
        self.execute("UPDATE payload SET bytes = NULL, salt = x'' WHERE seq = ?", (seq,))

    def faults(
        self, tables: Sequence[Table], *, has_projections: bool = True
    ) -> Iterator[tuple[str, str]]:
        """Damage of the file, and whatever is defined in another way than it was made."""
        for part in ("",) if has_projections else _OWN:
            for (message,) in self.execute(f"PRAGMA main.integrity_check{part}").fetchall():
                if message != "ok":
                    yield "the file", f"SQLite finds: {message}."
        stored = _projections.stored(self)
        current = [table for table in tables if _projections.is_current(table, stored)]
        foreign = {f"p_{name}" for name in stored} | {table.name for table in tables}
        foreign -= {table.name for table in current}
        expected, found = _expected_schema(current, self.form), _schema(self)
        for name in sorted(expected.keys() - found.keys()):
            yield f"{name[0]} {name[1]}", "is missing from the file."
        for name in sorted(found.keys() & expected.keys()):
            if found[name] != expected[name]:
                yield f"{name[0]} {name[1]}", "is defined in another way than it was made."
        for name in sorted(found.keys() - expected.keys()):
            if found[name][0] not in foreign:
                yield f"{name[0]} {name[1]}", "is not part of a ledger."
        yield from self._orphans()

    def _orphans(self) -> Iterator[tuple[str, str]]:
        sql = (
            "SELECT digest FROM main.payload EXCEPT SELECT body_digest FROM event"
            if self.form == 1
            else "SELECT digest FROM payload WHERE seq NOT IN (SELECT seq FROM event)"
        )
        for (digest,) in self.execute(sql).fetchall():
            shown = digest.hex() if isinstance(digest, bytes) else repr(digest)
            yield f"payload digest={shown}", "no event has this payload."

    def facts(self) -> dict[str, str]:
        """The library's version: all else is set by the ledger itself."""
        return {"server_version": f"SQLite {sqlite3.sqlite_version}"}

    def notes(self) -> Iterator[tuple[str, str]]:
        """Nothing: who may open the file may change it, and only proofs speak against it."""
        return iter(())


class Engine:
    """SQLite under the ledger: one writing connection, a pool of reading ones.

    Args:
        path: The database file.
        read_only: Open no writing connection.
    """

    dialect = SQLITE

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path, self.place, self.read_only = path, str(path), read_only
        self.address = str(path.absolute())
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self.writer: Connection | None = None
        is_new = not path.exists()
        if is_new:
            if read_only:
                raise NotFoundError(
                    f"there is no ledger {path}.", hint="Check the home's path, or make a home."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.translated():
                if not read_only:
                    self.writer = self._connect(read_only=False)
                    self._prepare(self.writer)
                    if is_new:
                        _sync_folder(path.parent)
                with self.reading() as connection:
                    self._check_form(connection)
        except BaseException:
            self.close()
            raise

    def _connect(self, *, read_only: bool) -> Connection:
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
            timeout=BUSY_S,
            factory=Connection,
        )
        try:
            self._set_up(connection, read_only=read_only)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _set_up(connection: Connection, *, read_only: bool) -> None:
        # A damaged text must reach the check that names it, not fail on its way there.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
            # Digests fall on random pages: keep them in memory and move them over together.
            connection.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        elif connection.execute("PRAGMA user_version").fetchone()[0] == 1:
            connection.execute(_VIEW_1)
            connection.form = 1

    def _prepare(self, connection: Connection) -> None:
        """Make the tables of a new file, or bring those of an older form to this one."""
        connection.begin_write()
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in SCHEMA_SQL:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif _form(connection) == (APPLICATION_ID, 1):
            self._migrate(connection)
        connection.commit()

    def _migrate(self, connection: Connection) -> None:
        """Key the payloads by their events: digests fall on random pages."""
        counts = connection.execute("SELECT count(*) FROM payload").fetchone()
        connection.execute("ALTER TABLE payload RENAME TO payload_1")
        for name in ("payload_no_update", "payload_no_delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        for statement in SCHEMA_SQL:
            if re.search(r"TABLE payload\(|ON payload ", statement):
                connection.execute(statement)
        moved = connection.execute(
            "INSERT INTO payload SELECT e.seq, p.digest, p.salt, p.bytes FROM event e"
            " JOIN payload_1 p ON p.digest = e.body_digest ORDER BY e.seq"
        ).rowcount
        n_events = connection.execute("SELECT count(*) FROM event").fetchone()[0]
        if not counts[0] == moved == n_events:
            raise IntegrityError(
                f"{self.path} has {n_events} events, but {counts[0]} payloads.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            )
        connection.execute("DROP TABLE payload_1")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _check_form(self, connection: Connection) -> None:
        found, version = _form(connection)
        if found != APPLICATION_ID or version != connection.form:
            raise IntegrityError(
                f"{self.path} is no ledger of form {SCHEMA_VERSION} "
                f"(application id {found:#x}, form {version}).",
                hint="Open it with the version of goldenbatch that wrote it, or restore it.",
            )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A reading connection for the duration of the block."""
        with self._lock:
            if self._is_closed:
                raise StorageError("the ledger is closed.", hint="Open it again.")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect(read_only=True)
        try:
            with self.translated():
                yield connection
        finally:
            connection.roll_back()
            with self._lock:
                is_kept = not self._is_closed
                if is_kept:
                    self._idle.append(connection)
            if not is_kept:
                connection.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the database's errors into the ledger's own."""
        try:
            yield
        except sqlite3.Error as error:
            raise self.translate(error) from error
        except UnicodeDecodeError as error:  # SQLite quotes damaged names in its messages
            raise IntegrityError(
                f"{self.path} is damaged: it holds text that is none.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            ) from error

    def translate(self, error: sqlite3.Error) -> GoldenbatchError:
        """The ledger's error for an error of the database."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StorageFullError(
                f"no space is left for {self.path}; nothing of the append was kept.",
                hint="Free space on the disk and append again.",
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return IntegrityError(
                f"{self.path} is damaged: {error}.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            )
        return StorageError(
            f"{self.path}: {error}.", hint="See to the disk, open the home again and retry."
        )

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


def _form(connection: sqlite3.Connection) -> tuple[int, int]:
    return (
        connection.execute("PRAGMA application_id").fetchone()[0],
        connection.execute("PRAGMA user_version").fetchone()[0],
    )


def _schema(connection: sqlite3.Connection) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM main.sqlite_master").fetchall()
    return {(kind, name): (table, sql) for kind, name, table, sql in rows}


def _expected_schema(
    tables: Sequence[Table], form: int
) -> dict[tuple[str, str], tuple[str, str | None]]:
    memory = sqlite3.connect(":memory:")
    try:
        for statement in _SCHEMA_1 if form == 1 else SCHEMA_SQL:
            memory.execute(statement)
        for table in tables:
            for statement in table.ddl():
                memory.execute(statement)
        return _schema(memory)
    finally:
        memory.close()


def _sync_folder(folder: Path) -> None:
    """Make the new file's entry in its folder durable."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
