"""One file a source: frames in order, each with its checksum, and how far the source was read."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.errors import GoldenbatchError, IntegrityError
from goldenbatch.core.series import Frame, frame_schema

if TYPE_CHECKING:
    import pyarrow as pa

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS position(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS frame(id INTEGER PRIMARY KEY AUTOINCREMENT, n_readings INTEGER"
    " NOT NULL, digest BLOB NOT NULL, bytes BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS extent(id INTEGER PRIMARY KEY, first INTEGER, last INTEGER)",
    "CREATE TABLE IF NOT EXISTS damaged(id INTEGER PRIMARY KEY, digest BLOB, bytes BLOB)",
)
_HEAD = 4  # bytes that give the length of the head before the Arrow stream


class SpoolFullError(GoldenbatchError):
    """The spool holds as much as its card allows, or the disk holds no more."""


class FrameDamagedError(IntegrityError):
    """A spooled frame that is not what was put; it was put aside.

    Attributes:
        n_readings: How many readings it had.
        window: Around their times, half-open; None: not known.
    """

    def __init__(self, message: str, n_readings: int, window: tuple[int, int] | None) -> None:
        hint = "See to the disk; ask the source for this time again if it has a history."
        super().__init__(message, hint=hint)
        self.n_readings, self.window = n_readings, window


class Spool:
    """Frames on disk, first in first out, and named positions; one process at a time.

    Args:
        path: The file; made when missing.
        limit_bytes: What it may hold; 0 means that nothing is spooled.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path, self.limit_bytes = path, limit_bytes
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with self._translated():
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                for statement in _SCHEMA:
                    self._connection.execute(statement)
                row = self._connection.execute(
                    "SELECT count(*), coalesce(sum(length(bytes)), 0),"
                    " coalesce(sum(n_readings), 0) FROM frame"
                ).fetchone()
                self._n, self._bytes, self._n_readings = row
                self._positions: dict[str, str] = dict(
                    self._connection.execute("SELECT key, value FROM position").fetchall()
                )
        except BaseException:
            self._connection.close()
            raise

    def __len__(self) -> int:
        """Frames that wait."""
        return int(self._n)

    @property
    def n_bytes(self) -> int:
        """Bytes of the frames that wait."""
        return int(self._bytes)

    @property
    def n_readings(self) -> int:
        """Readings that wait."""
        return int(self._n_readings)

    def put(self, frames: Sequence[Frame], positions: Mapping[str, str] | None = None) -> None:
        """Keep frames and positions, all or nothing; on disk on return.

        Raises:
            SpoolFullError: They would go beyond the limit, or the disk is full; nothing is kept.
        """
        blobs = [(_encode(frame), frame.readings.num_rows, _extent(frame)) for frame in frames]
        size = sum(len(blob) for blob, *_ in blobs)
        if blobs and self._bytes + size > self.limit_bytes:
            raise SpoolFullError(
                f"the spool {self.path} holds {self._bytes:,} of {self.limit_bytes:,} bytes.",
                hint="See why the historian takes nothing (disk full?), or allow more with"
                " spool_bytes in the connection's card.",
            )
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for blob, n, extent in blobs:
                    number = self._connection.execute(
                        "INSERT INTO frame(n_readings, digest, bytes) VALUES (?, ?, ?)",
                        (n, hashlib.sha256(blob).digest(), blob),
                    ).lastrowid
                    self._connection.execute(
                        "INSERT OR REPLACE INTO extent VALUES (?, ?, ?)", (number, *extent)
                    )
                self._store_positions(positions or {})
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._n += len(blobs)
            self._bytes += size
            self._n_readings += sum(n for _, n, _ in blobs)
            for key, value in (positions or {}).items():
                if value:
                    self._positions[key] = value
                else:
                    self._positions.pop(key, None)

    def _store_positions(self, positions: Mapping[str, str]) -> None:
        self._connection.executemany(
            "INSERT INTO position(key, value) VALUES (?, ?)"
            " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
            [(key, value) for key, value in positions.items() if value],
        )
        gone = [(key,) for key, value in positions.items() if not value]
        self._connection.executemany("DELETE FROM position WHERE key = ?", gone)

    def advance(self, positions: Mapping[str, str]) -> None:
        """Make positions durable whose frames are; the same again costs nothing, an empty goes."""
        changed = {k: v for k, v in positions.items() if self.position(k) != v}
        if changed:
            self.put((), changed)

    def position(self, key: str) -> str:
        """A position; empty when there is none."""
        return self._positions.get(key, "")

    def positions(self, prefix: str) -> dict[str, str]:
        """All positions whose keys begin so."""
        known = list(self._positions.items())
        return {key: value for key, value in known if key.startswith(prefix)}

    def first(self) -> tuple[int, Frame] | None:
        """The frame that waits longest, with its number; damaged ones are put aside.

        Raises:
            FrameDamagedError: It is not what was put; it is kept in the table `damaged`.
            IntegrityError: The file itself is damaged.
        """
        with self._lock, self._translated():
            row = self._connection.execute(
                "SELECT id, digest, bytes, n_readings, first, last FROM frame"
                " LEFT JOIN extent USING (id) ORDER BY id LIMIT 1"
            ).fetchone()
        if row is None:
            return None
        number, digest, blob, n_readings, first, last = row
        if hashlib.sha256(blob).digest() != digest:
            self._remove(number, len(blob), n_readings, is_damaged=True)
            raise FrameDamagedError(
                f"frame {number} of the spool {self.path} is damaged"
                f" ({n_readings} readings); it is kept in its table 'damaged'.",
                n_readings,
                None if first is None else (first, last + 1),
            )
        return number, _decode(blob)

    def drop(self, number: int) -> None:
        """Forget a frame that is stored elsewhere."""
        with self._lock, self._translated():
            row = self._connection.execute(
                "SELECT length(bytes), n_readings FROM frame WHERE id = ?", (number,)
            ).fetchone()
        if row is not None:
            self._remove(number, row[0], row[1], is_damaged=False)

    def _remove(self, number: int, size: int, n_readings: int, *, is_damaged: bool) -> None:
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            if is_damaged:
                self._connection.execute(
                    "INSERT OR REPLACE INTO damaged SELECT id, digest, bytes FROM frame"
                    " WHERE id = ?",
                    (number,),
                )
            self._connection.execute("DELETE FROM frame WHERE id = ?", (number,))
            self._connection.execute("DELETE FROM extent WHERE id = ?", (number,))
            self._connection.execute("COMMIT")
            self._n -= 1
            self._bytes -= size
            self._n_readings -= n_readings

    def close(self) -> None:
        """Close the file; what is in it stays."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY):
                raise SpoolFullError(
                    f"the spool {self.path} cannot be written: {error}.",
                    hint="Make room on the disk; nothing that was delivered is lost.",
                ) from error
            raise IntegrityError(
                f"the spool {self.path} is damaged: {error}.",
                hint="Move the file away: frames in it are lost, the source is read again.",
            ) from error


def _extent(frame: Frame) -> tuple[int | None, int | None]:
    """First and last time of a frame."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.min_max(frame.readings.column("time").cast(pa.int64())).as_py()
    return found["min"], found["max"]


def _encode(frame: Frame) -> bytes:
    import pyarrow as pa

    head = json.dumps(
        {
            "source": frame.source,
            "key": frame.key,
            "kind": frame.kind,
            "received_at": frame.received_at,
            "origin": frame.origin,
            "reason": frame.reason,
        }
    ).encode()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, frame.readings.schema) as writer:
        writer.write_table(frame.readings)
    data: bytes = sink.getvalue().to_pybytes()
    return len(head).to_bytes(_HEAD, "big") + head + data


def _decode(blob: bytes) -> Frame:
    import pyarrow as pa

    size = int.from_bytes(blob[:_HEAD], "big")
    head = json.loads(blob[_HEAD : _HEAD + size])
    with pa.ipc.open_stream(pa.py_buffer(blob[_HEAD + size :])) as reader:
        table: pa.Table = reader.read_all()
    # A coded tag comes back with the dictionary it had; the schema is that of its kind.
    is_coded = pa.types.is_dictionary(table.schema.field("tag").type)
    readings = table.cast(frame_schema(head["kind"], is_coded=is_coded))
    return Frame(readings=readings, **head)
