"""Identities of all frames that have left the log; an index that the manifests can rebuild."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.errors import IntegrityError


class KeyIndex:
    """Source and key to seq and number of readings, in SQLite beside the tables.

    Args:
        path: The file.
        is_read_only: Never make or change the file.
    """

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        self._path, self._is_read_only = path, is_read_only
        self._db = self._connect()

    def _connect(self) -> sqlite3.Connection:
        if self._is_read_only:
            uri = f"{self._path.resolve().as_uri()}?mode=ro"
            return sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            self._make(db)
        except sqlite3.DatabaseError:
            db.close()
            self._path.unlink()
            db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            self._make(db)
        return db

    @staticmethod
    def _make(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA synchronous=FULL")
        db.execute(
            "CREATE TABLE IF NOT EXISTS frame (source TEXT, key TEXT, seq INTEGER, "
            "n_readings INTEGER, PRIMARY KEY (source, key)) WITHOUT ROWID"
        )
        db.execute("CREATE TABLE IF NOT EXISTS handed_over (n INTEGER PRIMARY KEY)")

    def upto(self) -> int:
        """Last hand-over whose frames are indexed."""
        row = self._db.execute("SELECT max(n) FROM handed_over").fetchone()
        return int(row[0] or 0)

    def add(self, n: int, frames: Iterable[FrameEntry]) -> None:
        """Index the frames of a hand-over; the same again does nothing."""
        rows = [(item.source, item.key, item.seq, item.n_readings) for item in frames]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT OR IGNORE INTO frame VALUES (?, ?, ?, ?)", rows)
            self._db.execute("INSERT OR IGNORE INTO handed_over VALUES (?)", (n,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def find(self, source: str, key: str) -> tuple[int, int] | None:
        """Seq and number of readings of a frame, if it was handed over."""
        query = "SELECT seq, n_readings FROM frame WHERE source = ? AND key = ?"
        try:
            row = self._db.execute(query, (source, key)).fetchone()
        except sqlite3.DatabaseError as error:
            raise IntegrityError(
                f"{self._path} cannot be read ({error}).",
                hint="Delete it and open the home again: it is rebuilt from the hand-overs.",
            ) from error
        return (int(row[0]), int(row[1])) if row else None

    def same_as(self, frames: Iterable[FrameEntry]) -> bool:
        """Whether the index holds just these frames."""
        try:
            held = set(self._db.execute("SELECT source, key, seq, n_readings FROM frame"))
        except sqlite3.DatabaseError:
            return False
        return held == {(item.source, item.key, item.seq, item.n_readings) for item in frames}

    def close(self) -> None:
        """Give back the file."""
        self._db.close()
