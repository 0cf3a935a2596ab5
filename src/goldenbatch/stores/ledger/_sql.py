"""The statements of the ledger and the engine that runs them.

Everything above speaks to `Engine` only, so that another database needs no other code there.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from goldenbatch.core.errors import GoldenbatchError, IntegrityError, NotFoundError
from goldenbatch.stores.ledger.errors import StorageError, StorageFullError
from goldenbatch.stores.ledger.tree import Key

APPLICATION_ID = 0x47424C31
SCHEMA_VERSION = 1
BUSY_S = 30.0
PAGE = 500
CACHE_KIB, WAL_PAGES = 65_536, 8_000
TABLES = ("event", "payload", "node", "checkpoint", "projection")

_TABLE_SQL = (
    """CREATE TABLE event(seq INTEGER PRIMARY KEY, stream TEXT NOT NULL,
 version INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, role TEXT,
 performed_at INTEGER, recorded_at INTEGER NOT NULL, body_digest BLOB NOT NULL,
 prev_in_stream BLOB NOT NULL, envelope BLOB NOT NULL, UNIQUE(stream, version))""",
    "CREATE TABLE payload(digest BLOB PRIMARY KEY NOT NULL, salt BLOB NOT NULL, bytes BLOB)",
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
_ERASURE = "WHEN NOT (NEW.digest = OLD.digest AND NEW.bytes IS NULL AND NEW.salt = x'') "
_TRIGGER_SQL = (
    *(_refusal(table, "UPDATE") for table in ("event", "node", "checkpoint")),
    *(_refusal(table, "DELETE") for table in ("event", "node", "checkpoint", "payload")),
    _refusal("payload", "UPDATE", _ERASURE),
)
SCHEMA_SQL = (*_TABLE_SQL, *_TRIGGER_SQL)

_EVENT_COLUMNS = (
    "SELECT e.seq, e.envelope, n.h, p.salt, p.bytes FROM event e"
    " LEFT JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " LEFT JOIN payload p ON p.digest = e.body_digest"
)
_INSERT_EVENT = (
    "INSERT INTO event(seq, stream, version, kind, actor, role, performed_at, recorded_at,"
    " body_digest, prev_in_stream, envelope)"
)
_INSERT_PAYLOAD = "INSERT INTO payload(digest, salt, bytes)"
_INSERT_NODE = "INSERT INTO node(level, idx, h)"
_CHUNKS = (64, 16, 4, 1)
_STREAM_HEAD = (
    "SELECT e.version, n.h FROM event e JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " WHERE e.stream = ? ORDER BY e.version DESC LIMIT 1"
)

EventRow = tuple[int, bytes, bytes | None, bytes | None, bytes | None]
"""seq, envelope, leaf, salt, body."""


class Engine:
    """SQLite under the ledger: one writing connection, a pool of reading ones.

    Args:
        path: The database file.
        read_only: Open no writing connection.
    """

    def __init__(self, path: Path, *, read_only: bool) -> None:
        self.path, self.read_only = path, read_only
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False
        self.writer: sqlite3.Connection | None = None
        is_new = not path.exists()
        if is_new:
            if read_only:
                raise NotFoundError(
                    f"there is no ledger {path}.", hint="Check the home's path, or make a home."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
        with self.translated():
            if not read_only:
                self.writer = self._connect(read_only=False)
                self._prepare(self.writer)
                if is_new:
                    _sync_folder(path.parent)
            with self.reading() as connection:
                self._check_form(connection)

    def _connect(self, *, read_only: bool) -> sqlite3.Connection:
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
            timeout=BUSY_S,
        )
        # A damaged text must reach the check that names it, not fail on its way there.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # Digests fall on random pages: keep them in memory and move them over together.
            connection.execute(f"PRAGMA cache_size = {-CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables of a new file."""
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for statement in SCHEMA_SQL:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")

    def _check_form(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if (found, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise IntegrityError(
                f"{self.path} is no ledger of form {SCHEMA_VERSION} "
                f"(application id {found:#x}, form {version}).",
                hint="Open it with the version of goldenbatch that wrote it, or restore it.",
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
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
            if connection.in_transaction:
                connection.execute("ROLLBACK")
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


def insert(
    connection: sqlite3.Connection,
    events: Sequence[tuple[Any, ...]],
    payloads: Sequence[tuple[bytes, bytes, bytes]],
    nodes: Sequence[tuple[int, int, bytes]],
) -> None:
    """Add rows to the three tables that every append touches."""
    insert_rows(connection, _INSERT_EVENT, events)
    insert_rows(connection, _INSERT_PAYLOAD, payloads)
    insert_rows(connection, _INSERT_NODE, nodes)


def insert_rows(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows with few statements.

    Each statement gives up the interpreter's lock once, so that with many waiting callers
    one of 64 rows is several times faster than 64 of one row.
    """
    start = 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            sql = _with_values(statement, len(chunk[0]), size)
            connection.execute(sql, tuple(chain.from_iterable(chunk)))
            start += size


@lru_cache(maxsize=512)
def _with_values(statement: str, n_columns: int, n_rows: int) -> str:
    row = f"({','.join('?' * n_columns)})"
    return f"{statement} VALUES {','.join([row] * n_rows)}"


def insert_checkpoint(connection: sqlite3.Connection, size: int, root: bytes, note: str) -> None:
    """Add a checkpoint."""
    connection.execute(
        "INSERT INTO checkpoint(size, root, note) VALUES (?,?,?)", (size, root, note)
    )


def checkpoints(connection: sqlite3.Connection) -> list[tuple[int, bytes, str]]:
    """All checkpoints (size, root, note), oldest first."""
    return connection.execute(
        "SELECT size, root, note FROM checkpoint ORDER BY size, rowid"
    ).fetchall()


def checkpoint_from(connection: sqlite3.Connection, size: int) -> tuple[int, bytes, str] | None:
    """Newest checkpoint of at least `size` events."""
    row: tuple[int, bytes, str] | None = connection.execute(
        "SELECT size, root, note FROM checkpoint WHERE size >= ? ORDER BY size DESC, rowid LIMIT 1",
        (size,),
    ).fetchone()
    return row


def tail(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Number of the last event, when it was recorded, and the number of leaves."""
    row = connection.execute(
        "SELECT seq, recorded_at FROM event ORDER BY seq DESC LIMIT 1"
    ).fetchone() or (0, 0)
    last = connection.execute("SELECT max(idx) FROM node WHERE level = 0").fetchone()[0]
    return row[0], row[1], 0 if last is None else last + 1


def stream_head(connection: sqlite3.Connection, stream: str) -> tuple[int, bytes]:
    """Version and last leaf of a stream."""
    return connection.execute(_STREAM_HEAD, (stream,)).fetchone() or (0, b"")


def nodes(connection: sqlite3.Connection, keys: Sequence[Key]) -> dict[Key, bytes]:
    """Hashes of complete nodes, fetched by one statement."""
    if not keys:
        return {}
    wanted = ",".join("(?,?)" for _ in keys)
    # Only question marks are put in; the cross join makes one search of the key per node.
    sql = (
        f"WITH w(level, idx) AS (VALUES {wanted})"  # noqa: S608
        " SELECT n.level, n.idx, n.h FROM w CROSS JOIN node n"
        " ON n.level = w.level AND n.idx = w.idx"
    )
    rows = connection.execute(sql, [number for key in keys for number in key]).fetchall()
    found = {(level, idx): h for level, idx, h in rows}
    missing = [key for key in keys if key not in found]
    if missing:
        raise IntegrityError(
            f"node level={missing[0][0]} idx={missing[0][1]} of the tree is missing.",
            hint="Run `goldenbatch verify`; restore the home from its backup.",
        )
    return found


def stream_rows(connection: sqlite3.Connection, stream: str, after: int) -> list[EventRow]:
    """Events of a stream after a version."""
    return connection.execute(
        f"{_EVENT_COLUMNS} WHERE e.stream = ? AND e.version > ? ORDER BY e.version",
        (stream, after),
    ).fetchall()


def event_rows(
    connection: sqlite3.Connection,
    after: int,
    upto: int,
    kinds: Collection[str] = (),
    prefix: str = "",
) -> list[EventRow]:
    """The next page of events with `after < seq <= upto`."""
    where = ["e.seq > ?", "e.seq <= ?"]
    parameters: list[Any] = [after, upto]
    if kinds:
        where.append(f"e.kind IN ({','.join('?' for _ in kinds)})")
        parameters.extend(sorted(kinds))
    if prefix:
        where.append("substr(e.stream, 1, ?) = ?")
        parameters.extend((len(prefix), prefix))
    sql = f"{_EVENT_COLUMNS} WHERE {' AND '.join(where)} ORDER BY e.seq LIMIT {PAGE}"
    return connection.execute(sql, parameters).fetchall()


def _sync_folder(folder: Path) -> None:
    """Make the new file's entry in its folder durable."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
