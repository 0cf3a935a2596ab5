"""One byte of anything that a home stores is changed; `goldenbatch verify` must say which."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from goldenbatch.testing import flip_byte

FILES = {
    "frame log": "historian/log/*.frames",
    "log mark": "historian/log/acknowledged",
    "Parquet file": "historian/*/*/*.parquet",
    "Delta log": "historian/*/_delta_log/*.json",
    "hand-over": "historian/chunks/*.json",
    "historian state": "historian/state.json",
    "tag dictionary": "historian/tags.log",
    "artefact": "registry/sha256/*/*",
    "analyst state": "state/*.json",
    "database file": "ledger/ledger.sqlite",
    "private key": "keys/home.pem",
    "public key": "keys/home.pub",
}
HARMLESS = frozenset({"Delta log", "database file", "private key"})
"""Where a byte may say nothing: notes of a Delta commit, free pages of a database, the line feed
after a key. Then all that is read must be the same."""
TABLES = ("event", "payload", "node", "checkpoint", "projection", "row of a projection")
KINDS = (*TABLES, *FILES)


@dataclass(frozen=True)
class Tampering:
    """A change, and words of which a problem must hold all of one group."""

    kind: str
    what: str
    words: tuple[tuple[str, ...], ...] = field(repr=False)

    def is_named(self, problems: list[dict[str, Any]]) -> bool:
        """Whether a problem says where the change is."""
        said = [f"{one['where']} {one['message']}" for one in problems if not one["is_note"]]
        return any(all(word in text for word in group) for group in self.words for text in said)


@dataclass(frozen=True)
class Outcome:
    """What verification said of a change."""

    tampering: Tampering
    code: int
    is_named: bool
    said: str

    @property
    def is_detected(self) -> bool:
        """Whether verification answers 7 and says which."""
        return self.code == 7 and self.is_named


def tamper(home: Path, kind: str, draw: random.Random) -> Tampering:
    """Change one byte of something of a kind, chosen by `draw`."""
    if kind in FILES:
        return _tamper_file(home, kind, draw)
    return _tamper_row(home / "ledger" / "ledger.sqlite", kind, draw)


def _tamper_file(home: Path, kind: str, draw: random.Random) -> Tampering:
    paths = [one for one in sorted(home.glob(FILES[kind])) if one.is_file() and one.stat().st_size]
    path = draw.choice(paths)
    offset = draw.randrange(path.stat().st_size)
    flip_byte(path, offset, 1 << draw.randrange(8))
    name = path.relative_to(home).as_posix()
    return Tampering(kind, f"{name} byte {offset}", _words_of_file(path, kind))


def _words_of_file(path: Path, kind: str) -> tuple[tuple[str, ...], ...]:
    if kind == "artefact":
        return ((path.parent.name + path.name.partition(".")[0],),)
    if kind == "analyst state":
        return ((path.stem,),)
    if kind == "database file":
        return (("",),)  # any place of the ledger: a byte of a page may be part of anything
    if kind == "Parquet file":
        return ((path.name, path.parent.name),)
    if kind == "Delta log":
        return ((path.name, path.parts[-3]), (str(path.parent.parent),))
    return ((path.name,),)


@contextmanager
def unguarded(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection past the triggers that forbid changes, as the owner of a file has it."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    try:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = [tuple(row) for row in connection.execute(query)]
        for name, _ in triggers:
            connection.execute(f'DROP TRIGGER "{name}"')
        yield connection
        for _, sql in triggers:
            connection.execute(sql)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _tamper_row(database: Path, kind: str, draw: random.Random) -> Tampering:
    with unguarded(database) as connection:
        table = _table(connection, kind, draw)
        columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        keys = [one["name"] for one in columns if one["pk"]] or [columns[0]["name"]]
        rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
        row = draw.choice(rows)
        filled = [name for name in row.keys() if row[name] not in (None, "", b"")]
        column = draw.choice(filled)
        where = " AND ".join(f'"{key}" = ?' for key in keys)
        new = _changed(row[column], draw)
        mark = "CAST(? AS TEXT)" if isinstance(row[column], str) else "?"
        connection.execute(
            f'UPDATE "{table}" SET "{column}" = {mark} WHERE {where}',
            (new, *(row[key] for key in keys)),
        )
        after = {**dict(row), column: new.decode("latin1") if isinstance(new, bytes) else new}
        words = _words_of_row(connection, table, dict(row), keys)
        if column in keys and table != "payload":  # then the new key may be the one that is named
            words += _words_of_row(connection, table, after, keys)
    shown = ", ".join(f"{key}={_shown(row[key])}" for key in keys)
    return Tampering(kind, f"{table}.{column} where {shown}", words)


def _table(connection: sqlite3.Connection, kind: str, draw: random.Random) -> str:
    if kind != "row of a projection":
        return kind
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'p~_%' ESCAPE '~'"
    names = [row["name"] for row in connection.execute(query)]
    filled = [
        one for one in names if connection.execute(f'SELECT 1 FROM "{one}" LIMIT 1').fetchone()
    ]
    return draw.choice(sorted(filled))


def _words_of_row(
    connection: sqlite3.Connection, table: str, row: dict[str, Any], keys: list[str]
) -> tuple[tuple[str, ...], ...]:
    if table == "event":
        return ((f"event seq={row['seq']}",),)
    if table == "payload":
        query = "SELECT seq FROM event WHERE body_digest = ?"
        (seq,) = connection.execute(query, (row["digest"],)).fetchone()
        return ((f"payload of event seq={seq}",),)
    if table == "node":
        own = f"node level={row['level']} idx={row['idx']}"
        return ((own,), (f"event seq={row['idx'] + 1}",)) if row["level"] == 0 else ((own,),)
    if table == "checkpoint":
        return ((f"checkpoint size={row['size']}",),)
    if table == "projection":
        return ((row["name"],),)
    return ((table, *(f"{key}={row[key]}" for key in keys)),)


def _changed(value: Any, draw: random.Random) -> Any:
    if isinstance(value, int):
        return value ^ (1 << draw.randrange(20, 28))
    if isinstance(value, float):
        return value * (1 + 2**-20) + 2**-20
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(7)
    return bytes(raw)


def _shown(value: Any) -> str:
    return value.hex()[:16] if isinstance(value, bytes) else str(value)


def reads_the_same(home: Path, original: Path) -> bool:
    """Whether two homes hold the same readings and the same rows of the ledger."""
    from tests.integration import mill

    return (
        mill.everything(home) == mill.everything(original)
        and rows(home) == rows(original)
        and private_key(home) == private_key(original)
    )


def private_key(home: Path) -> bytes:
    """The home's private key itself, whatever stands around it in the file."""
    data = (home / "keys" / "home.pem").read_bytes()
    key = serialization.load_pem_private_key(data, None)
    form = serialization.PrivateFormat.Raw
    return key.private_bytes(serialization.Encoding.Raw, form, serialization.NoEncryption())


def rows(home: Path) -> list[str]:
    """All rows of the ledger's database."""
    connection = sqlite3.connect(home / "ledger" / "ledger.sqlite")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def try_tampering(
    original: Path,
    folder: Path,
    kind: str,
    seed: str,
    verify: Callable[[Path], Any],
) -> Outcome:
    """Copy a home, change a byte of a kind, verify; the copy is removed if it was named."""
    home = folder / "tampered"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(original, home)
    change = tamper(home, kind, random.Random(seed))
    done = verify(home)
    try:
        problems = done.json["problems"]
    except (ValueError, KeyError):
        problems = []
    return Outcome(change, done.code, change.is_named(problems), done.out[-3000:] + done.err)
