"""A copy of a ledger as one SQLite file, made while others append."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from goldenbatch.stores.ledger import _sql, _sqlite
from goldenbatch.stores.ledger.errors import StorageError

_COLUMNS = {
    "event": "seq, stream, version, kind, actor, role, performed_at, recorded_at,"
    " body_digest, prev_in_stream, envelope",
    "payload": "seq, digest, salt, bytes",
    "node": "level, idx, h",
    "checkpoint": "size, root, note",
}
_PAGE = 1_000


def copy_ledger(engine: _sql.Engine, path: Path) -> None:
    """Write all that a ledger stores, as it is at one moment, into a new SQLite file.

    Of a ledger in a server the projections are left out; whoever opens the copy for writing
    folds them anew.

    Raises:
        StorageError: There is a file already, or it cannot be written.
    """
    if path.exists():
        raise StorageError(f"{path} exists already.", hint="Name a file that is new.")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with engine.reading() as connection:
            native: Any = connection
            if isinstance(native, sqlite3.Connection):
                with closing(sqlite3.connect(path)) as target:
                    native.backup(target)
            else:
                _copy_rows(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(
            f"the ledger could not be copied to {path}: {error}.",
            hint="Make room on the disk and try again.",
        ) from error


def _copy_rows(connection: _sql.Connection, path: Path) -> None:
    made = _sqlite.Engine(path, read_only=False)
    try:
        target = made.writer
        if target is None:
            raise StorageError(f"{path} cannot be written.")
        connection.begin_read()
        target.begin_write()
        for table, columns in _COLUMNS.items():
            rows = []
            for row in connection.stream(f"SELECT {columns} FROM {table}"):  # noqa: S608 (constants)
                rows.append(tuple(row))
                if len(rows) == _PAGE:
                    target.insert_rows(f"{table}({columns})", rows)
                    rows = []
            if rows:
                target.insert_rows(f"{table}({columns})", rows)
        target.commit()
    finally:
        made.close()
