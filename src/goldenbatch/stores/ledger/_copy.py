"""Copies of a ledger: as one SQLite file while others append, and from one database to another."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from goldenbatch.core.errors import ConflictError, IntegrityError
from goldenbatch.stores.ledger import _sql, _sqlite, tree
from goldenbatch.stores.ledger._open import is_url, open_engine
from goldenbatch.stores.ledger.errors import StorageError

_COLUMNS: Final = {
    "event": "seq, stream, version, kind, actor, role, performed_at, recorded_at,"
    " body_digest, prev_in_stream, envelope",
    "payload": "seq, digest, salt, bytes",
    "node": "level, idx, h",
    "checkpoint": "size, root, note",
}
_ORDER: Final = {
    "event": "seq", "payload": "seq", "node": "level, idx", "checkpoint": "size, rowid",
}  # fmt: skip
_PAGE: Final = 2_000
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Transferred:
    """What a transfer gave.

    Attributes:
        n_events: Events in the copy.
        root: Root of the tree over them.
        is_new: False when the same copy was there before.
    """

    n_events: int
    root: bytes
    is_new: bool


def copy_ledger(engine: _sql.Engine, path: Path) -> None:
    """Write all that a ledger stores, as it is at one moment, into a new SQLite file.

    Of a ledger in a server the projections are left out; whoever opens the copy for writing
    folds them anew. What was written is read back and compared row by row.

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
                connection.begin_read()
                with _new_file(path) as made:
                    _fill(connection, made)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(
            f"the ledger could not be copied to {path}: {error}.",
            hint="Make room on the disk and try again.",
        ) from error


def n_stored(place: Path | str) -> int:
    """Events and checkpoints that a place holds; 0 for an empty ledger, and for a missing file.

    Raises:
        NotFoundError: The database has no tables of a ledger.
        StorageError: It cannot be reached.
    """
    if not is_url(place) and not Path(place).exists():
        return 0
    with closing(open_engine(place, read_only=True)) as engine, engine.reading() as connection:
        return _n_rows(connection)


def transfer_ledger(source: Path | str, target: Path | str) -> Transferred:
    """Copy all rows of a ledger into an empty one, on either database, whole or not at all.

    The rows are read back inside the transaction and compared with the source, byte by byte,
    before anything is kept. Projections are folded by whoever opens the copy for writing.

    Args:
        source: File or URL of the ledger; nobody should append to it meanwhile.
        target: A file that does not exist, or the URL of a ledger that was just installed.

    Raises:
        ConflictError: The target holds another ledger.
        IntegrityError: What was read back is not what was written.
        StorageError: A database refuses.
    """
    with closing(open_engine(source, read_only=True)) as engine, engine.reading() as connection:
        connection.begin_read()
        size = _sql.tail(connection)[0]
        root = tree.root(size, lambda keys: _sql.nodes(connection, keys))
        if n_stored(target):
            _require_same(connection, target)
            return Transferred(size, root, is_new=False)
        if is_url(target):
            with closing(open_engine(target, read_only=False)) as made:
                _fill(connection, made)
        else:
            _fill_file(connection, Path(target))
    return Transferred(size, root, is_new=True)


# ---- inside -------------------------------------------------------------------------------------


@contextmanager
def _new_file(path: Path) -> Iterator[_sql.Engine]:
    """A new SQLite ledger; nothing of it stays when the block fails."""
    try:
        with closing(_sqlite.Engine(path, read_only=False)) as made:
            yield made
    except BaseException:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    for suffix in _SUFFIXES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def _fill_file(connection: _sql.Connection, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    _remove(partial)  # of a transfer that was killed
    path.parent.mkdir(parents=True, exist_ok=True)
    with _new_file(partial) as made:
        _fill(connection, made)
    os.replace(partial, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fill(source: _sql.Connection, made: _sql.Engine) -> None:
    """Copy the rows into an empty ledger and compare them there, in one transaction."""
    target = made.writer
    if target is None:
        raise StorageError(f"{made.place} cannot be written.")
    with made.translated():
        target.begin_write()
        try:
            if _n_rows(target):
                raise ConflictError(
                    f"{made.place} holds a ledger already.", hint="Name an empty one."
                )
            for table in ("event", "payload", "node"):
                for page in _pages(_rows(source, table)):
                    target.insert_rows(f"{table}({_COLUMNS[table]})", page)
            for size, root, note in _rows(source, "checkpoint"):
                _sql.insert_checkpoint(target, size, root, note)
            for difference in _differences(source, target):
                raise IntegrityError(
                    f"the copy in {made.place} is not what was read: {difference}.",
                    hint="Nothing was kept. See to the disks and the network and try again.",
                )
            mark = _mark(source)
            target.commit(mark)
        except BaseException:
            target.roll_back()
            raise


def _require_same(connection: _sql.Connection, target: Path | str) -> None:
    with closing(open_engine(target, read_only=True)) as engine, engine.reading() as other:
        other.begin_read()
        for difference in _differences(connection, other):
            raise ConflictError(
                f"{engine.place} holds another ledger: {difference}.",
                hint="Name an empty one; remove what is there if nobody needs it.",
            )


def _differences(one: _sql.Connection, two: _sql.Connection) -> Iterator[str]:
    """The first row of each table that is not the same, byte by byte, in both ledgers."""
    for table, columns in _COLUMNS.items():
        for row, other in zip_longest(_rows(one, table), _rows(two, table)):
            if row != other:
                named = zip(columns.split(", "), row or other or (), strict=True)
                key = " ".join(f"{name}={value}" for name, value in list(named)[:1])
                yield f"{table} {key} differs"
                break


def _rows(connection: _sql.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    # Both are constants of this module.
    sql = f"SELECT {_COLUMNS[table]} FROM {table} ORDER BY {_ORDER[table]}"  # noqa: S608
    return map(tuple, connection.stream(sql))


def _pages(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    page: list[tuple[Any, ...]] = []
    for row in rows:
        page.append(row)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _n_rows(connection: _sql.Connection) -> int:
    counts = (
        connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in ("event", "checkpoint")
    )
    return sum(int(count) for count in counts)


def _mark(connection: _sql.Connection) -> _sql.Mark:
    size = _sql.tail(connection)[0]
    return (size, _sql.nodes(connection, [(0, size - 1)])[0, size - 1]) if size else None
