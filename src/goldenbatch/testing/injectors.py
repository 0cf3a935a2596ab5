"""Seeded damage: one byte of a file or a table changed, a tail torn off, a process killed."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = frozenset({"lock", "half-made"})
"""Files of a home that say nothing."""


@dataclass(frozen=True)
class Tampering:
    """One change that a verification must find.

    Attributes:
        what: Kind of thing that is changed: `event`, `node`, `projection batch`, `file`, ...
        where: Table and row, or file and offset.
        apply: Makes the change.
    """

    what: str
    where: str
    apply: Callable[[], None]


def flip_byte(path: Path, offset: int, mask: int = 0x01) -> None:
    """Change one byte of a file.

    Args:
        path: The file.
        offset: Where; negative counts from the end.
        mask: Bits that change, 1 to 255.

    Raises:
        ValueError: The mask changes nothing, or the file has no such byte.
    """
    data = bytearray(path.read_bytes())
    if not 0 < mask < 256 or not -len(data) <= offset < len(data):
        raise ValueError(f"{path}: no byte {offset} to change by {mask:#x}")
    data[offset] ^= mask
    path.write_bytes(bytes(data))


def tear(path: Path, n_bytes: int) -> None:
    """Cut bytes off the end of a file, as a power cut does."""
    with path.open("r+b") as stream:
        stream.truncate(max(path.stat().st_size - n_bytes, 0))


def flip_cell(database: Path, table: str, column: str, row: int, seed: int = 0) -> None:
    """Change one byte of one cell of an SQLite table, past the triggers that forbid it.

    Args:
        database: The file; nobody has it open.
        table: Name of the table.
        column: Name of the column.
        row: Which row, from 0, in the table's own order.
        seed: Chooses the byte.

    Raises:
        ValueError: The cell is empty.
    """
    with _unguarded(database, table) as connection:
        quoted = f'"{column}"'
        query = f'SELECT {quoted} FROM "{table}" LIMIT 1 OFFSET ?'  # noqa: S608
        (value,) = connection.execute(query, (row,)).fetchone()
        changed = _changed(value, random.Random(seed))  # noqa: S311
        keys = [name for _, name, _, _, _, place in _info(connection, table) if place]
        names = ", ".join(f'"{key}"' for key in keys)
        found = connection.execute(
            f'SELECT {names or "rowid"} FROM "{table}" LIMIT 1 OFFSET ?',  # noqa: S608
            (row,),
        ).fetchone()
        where = " AND ".join(f'"{key}" = ?' for key in keys) or "rowid = ?"
        connection.execute(
            f'UPDATE "{table}" SET {quoted} = ? WHERE {where}',  # noqa: S608
            (changed, *found),
        )


@contextmanager
def _unguarded(database: Path, table: str) -> Iterator[sqlite3.Connection]:
    """A connection to a database whose triggers on a table are away for a moment."""
    connection = sqlite3.connect(database)
    try:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        triggers = connection.execute(query, (table,)).fetchall()
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _info(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f'PRAGMA table_info("{table}")').fetchall()


def _changed(value: Any, chance: random.Random) -> Any:
    """A value of the same type that differs in one place."""
    if isinstance(value, bytes) and value:
        place = chance.randrange(len(value))
        return value[:place] + bytes([value[place] ^ 0x01]) + value[place + 1 :]
    if isinstance(value, str) and value:
        place = chance.randrange(len(value))
        other = "a" if value[place] != "a" else "b"
        return value[:place] + other + value[place + 1 :]
    if isinstance(value, int):
        return value ^ 0x01
    if isinstance(value, float):
        return value + 1.0
    raise ValueError(f"there is nothing to change in {value!r}")


def tamperings(home: Path, seed: int, n_each: int = 1) -> Iterator[Tampering]:
    """Changes of every kind of thing that a home stores, chosen by a seed.

    Rows of all tables of the ledger that are not empty, and bytes of all stored files of the
    historian and the registry. Each is to be applied to a copy of the home of its own.

    Args:
        home: Folder of a home that nobody has open.
        seed: Chooses rows, columns and bytes.
        n_each: How many changes of each kind.
    """
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    yield from _of_tables(home / "ledger" / "ledger.sqlite", chance, n_each)
    for folder, pattern in (
        ("historian/log", "*.frames"),
        ("historian/chunks", "*"),
        ("historian/number", "**/*.parquet"),
        ("historian/number/_delta_log", "*.json"),
        ("registry", "*/*/*"),
        ("state", "*.json"),
        ("keys", "home.pem"),
    ):
        paths = [path for path in sorted((home / folder).glob(pattern)) if _holds_evidence(path)]
        for path in chance.sample(paths, min(n_each, len(paths))):
            offset = chance.randrange(*_evidence(path))
            where = f"{path.relative_to(home).as_posix()} byte {offset}"
            yield Tampering(folder, where, _file_change(path, offset))


def _evidence(path: Path) -> tuple[int, int]:
    """Bytes of a file on which something rests; of a Delta commit: which file it adds."""
    data = path.read_bytes()
    if path.parent.name != "_delta_log":
        return 0, len(data)
    first = data.find(_ADDED) + len(_ADDED)
    return first, data.index(b'"', first)


_ADDED = b'"add":{"path":"'


def _holds_evidence(path: Path) -> bool:
    """Whether a change in a file must be found."""
    is_filled = path.is_file() and path.stat().st_size > 0 and path.name not in KEPT
    return is_filled and (path.parent.name != "_delta_log" or _ADDED in path.read_bytes())


def _file_change(path: Path, offset: int) -> Callable[[], None]:
    return lambda: flip_byte(path, offset)


def _of_tables(database: Path, chance: random.Random, n_each: int) -> Iterator[Tampering]:
    connection = sqlite3.connect(database)
    query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    try:
        tables = [name for (name,) in connection.execute(query) if not name.startswith("sqlite_")]
        cells = {table: _cells(connection, table) for table in tables}
    finally:
        connection.close()
    for table, filled in cells.items():
        for column, row in chance.sample(filled, min(n_each, len(filled))):
            change = _cell_change(database, table, column, row, chance.randrange(2**31))
            yield Tampering(f"table {table}", f"{table}.{column} row {row}", change)


def _cells(connection: sqlite3.Connection, table: str) -> list[tuple[str, int]]:
    """Cells that hold something and are no part of the key."""
    info = _info(connection, table)
    columns = [name for _, name, _, _, _, place in info if not place]
    found: list[tuple[str, int]] = []
    for row, values in enumerate(connection.execute(f'SELECT * FROM "{table}"')):  # noqa: S608
        named = dict(zip([one[1] for one in info], values, strict=True))
        found += [(name, row) for name in columns if named[name] not in (None, "", b"")]
    return found


def _cell_change(
    database: Path, table: str, column: str, row: int, seed: int
) -> Callable[[], None]:
    return lambda: flip_cell(database, table, column, row, seed)


def kill_when(command: Sequence[str], reached: Path, timeout_s: float = 60.0) -> int:
    """Start a process, and kill it (SIGKILL) once it has written a file; gives its exit code.

    Args:
        command: Program and arguments; it should wait on standard input at the moment.
        reached: File that says that the moment has come.
        timeout_s: Longest wait.

    Raises:
        TimeoutError: The moment did not come.
    """
    with subprocess.Popen(list(command), stdin=subprocess.PIPE) as process:  # noqa: S603
        deadline = time.monotonic() + timeout_s
        try:
            while not reached.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise TimeoutError(f"{command[0]} never wrote {reached}")
                time.sleep(0.005)
        finally:
            process.send_signal(signal.SIGKILL)
        return process.wait()
