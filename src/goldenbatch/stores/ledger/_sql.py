"""The statements of the ledger, the same on every database, and the small port to run them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from goldenbatch.core.errors import IntegrityError
from goldenbatch.stores.ledger._dialect import Dialect
from goldenbatch.stores.ledger.errors import StorageError
from goldenbatch.stores.ledger.tree import Key

if TYPE_CHECKING:
    from goldenbatch.stores.ledger._projections import Table

PAGE = 500
TABLES = ("event", "payload", "node", "checkpoint", "projection")
ERRORS = (sqlite3.Error, StorageError)
"""What a statement may raise: the database's own error, or the ledger's for it."""

EventRow = tuple[int, bytes, bytes | None, bytes | None, bytes | None]
"""seq, envelope, leaf, salt, body."""
Mark = tuple[int, bytes] | None
"""Number and leaf of the last event of a transaction: by them a lost commit is found again."""


class Connection(Protocol):
    """One connection to the database; question marks stand for parameters."""

    dialect: Dialect

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:
        """Run a statement; gives a cursor."""

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a large result, without holding all of them."""

    def insert_rows(
        self,
        into: str,
        rows: Sequence[tuple[Any, ...]],
        more: str = "",
        kinds: Sequence[str] = (),
    ) -> None:
        """Insert rows.

        Args:
            into: `table(columns)`.
            rows: At least one.
            more: What follows the values.
            kinds: Kind of each column of a projection: TEXT, INTEGER, REAL.
        """

    def begin_read(self) -> None:
        """Begin to read from one snapshot."""

    def begin_write(self) -> None:
        """Begin to write, alone among all processes."""

    def commit(self, mark: Mark = None) -> None:
        """Make the transaction durable, or raise and have kept nothing of it."""

    def roll_back(self) -> None:
        """Forget the transaction, if there is one."""

    def token(self, seq: int) -> object:
        """Something that changes when another process has written.

        Args:
            seq: Number of the last event that this process knows.
        """

    def erase(self, seq: int, by: int) -> None:
        """Erase the payload of an event, as another event says."""

    def faults(
        self, tables: Sequence[Table], *, has_projections: bool = True
    ) -> Iterator[tuple[str, str]]:
        """What is wrong with the database itself, as (where, message)."""

    def facts(self) -> dict[str, str]:
        """Settings of the database on which depends what an acknowledgement is worth."""

    def notes(self) -> Iterator[tuple[str, str]]:
        """What is worth knowing of the database, as (where, message)."""


class Engine(Protocol):
    """A database under the ledger: one writing connection, a pool of reading ones."""

    dialect: Dialect
    place: str
    address: str

    @property
    def writer(self) -> Connection | None:
        """The connection that writes; None when reading only."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A reading connection for the duration of the block."""

    def translated(self) -> AbstractContextManager[None]:
        """Turn the database's errors into the ledger's own."""

    def close(self) -> None:
        """Close all connections that are not in use; those in use close after it."""


_EVENT_COLUMNS = (
    "SELECT e.seq, e.envelope, n.h, p.salt, p.bytes FROM event e"
    " LEFT JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " LEFT JOIN payload p ON p.seq = e.seq"
)
_INTO_EVENT = (
    "event(seq, stream, version, kind, actor, role, performed_at, recorded_at,"
    " body_digest, prev_in_stream, envelope)"
)
_INTO_PAYLOAD = "payload(seq, digest, salt, bytes)"
_INTO_NODE = "node(level, idx, h)"
_STREAM_HEAD = (
    "SELECT e.version, n.h FROM event e JOIN node n ON n.level = 0 AND n.idx = e.seq - 1"
    " WHERE e.stream = ? ORDER BY e.version DESC LIMIT 1"
)


def insert(
    connection: Connection,
    events: Sequence[tuple[Any, ...]],
    payloads: Sequence[tuple[int, bytes, bytes, bytes]],
    nodes: Sequence[tuple[int, int, bytes]],
) -> None:
    """Add rows to the three tables that every append touches."""
    connection.insert_rows(_INTO_EVENT, events)
    connection.insert_rows(_INTO_PAYLOAD, payloads)
    # In the order of their key: neighbours go into one page, which saves a quarter.
    connection.insert_rows(_INTO_NODE, sorted(nodes))


@lru_cache(maxsize=512)
def with_values(into: str, n_columns: int, n_rows: int, more: str = "") -> str:
    """The statement that inserts so many rows."""
    row = f"({','.join('?' * n_columns)})"
    return f"INSERT INTO {into} VALUES {','.join([row] * n_rows)} {more}"  # noqa: S608


def insert_checkpoint(connection: Connection, size: int, root: bytes, note: str) -> None:
    """Add a checkpoint."""
    connection.execute(
        "INSERT INTO checkpoint(size, root, note) VALUES (?,?,?)", (size, root, note)
    )


def checkpoints(connection: Connection) -> list[tuple[int, bytes, str]]:
    """All checkpoints (size, root, note), oldest first."""
    found: list[tuple[int, bytes, str]] = connection.execute(
        "SELECT size, root, note FROM checkpoint ORDER BY size, rowid"
    ).fetchall()
    return found


def checkpoint_from(connection: Connection, size: int) -> tuple[int, bytes, str] | None:
    """Newest checkpoint of at least `size` events."""
    row: tuple[int, bytes, str] | None = connection.execute(
        "SELECT size, root, note FROM checkpoint WHERE size >= ? ORDER BY size DESC, rowid LIMIT 1",
        (size,),
    ).fetchone()
    return row


def last_seq(connection: Connection) -> int:
    """Number of the last event; 0 when there is none."""
    row = connection.execute("SELECT max(seq) FROM event").fetchone()
    return row[0] or 0


def tail(connection: Connection) -> tuple[int, int, int]:
    """Number of the last event, when it was recorded, and the number of leaves."""
    row = connection.execute(
        "SELECT seq, recorded_at FROM event ORDER BY seq DESC LIMIT 1"
    ).fetchone() or (0, 0)
    last = connection.execute("SELECT max(idx) FROM node WHERE level = 0").fetchone()[0]
    if not isinstance(last, int | None):
        raise IntegrityError(
            f"a leaf of the tree has the number {last!r}.", hint="Run `goldenbatch verify`."
        )
    return row[0], row[1], 0 if last is None else last + 1


def stream_head(connection: Connection, stream: str) -> tuple[int, bytes]:
    """Version and last leaf of a stream."""
    return connection.execute(_STREAM_HEAD, (stream,)).fetchone() or (0, b"")


def nodes(connection: Connection, keys: Sequence[Key]) -> dict[Key, bytes]:
    """Hashes of complete nodes, fetched by one statement."""
    if not keys:
        return {}
    wanted = ",".join("(?,?)" for _ in keys)
    # Only question marks are put in; the cross join makes one search of the key per node.
    sql = (
        f"WITH w(level, idx) AS (VALUES {wanted})"  # noqa: S608
        " SELECT n.level, n.idx, n.h FROM w CROSS JOIN node n"
        " WHERE n.level = w.level AND n.idx = w.idx"
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


def stream_rows(connection: Connection, stream: str, after: int) -> list[EventRow]:
    """Events of a stream after a version."""
    found: list[EventRow] = connection.execute(
        f"{_EVENT_COLUMNS} WHERE e.stream = ? AND e.version > ? ORDER BY e.version",
        (stream, after),
    ).fetchall()
    return found


def event_at(connection: Connection, stream: str, version: int) -> EventRow | None:
    """The event of a stream that has a version."""
    found: EventRow | None = connection.execute(
        f"{_EVENT_COLUMNS} WHERE e.stream = ? AND e.version = ?", (stream, version)
    ).fetchone()
    return found


def version_at(connection: Connection, stream: str, seq: int) -> int:
    """Version that a stream had when the ledger had so many events; 0 when it had none."""
    found: int | None = connection.execute(
        "SELECT max(version) FROM event WHERE stream = ? AND seq <= ?", (stream, seq)
    ).fetchone()[0]
    return found or 0


def event_rows(
    connection: Connection,
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
    found: list[EventRow] = connection.execute(sql, parameters).fetchall()
    return found
