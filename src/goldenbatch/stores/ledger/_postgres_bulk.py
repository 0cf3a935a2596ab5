"""Many rows as one statement: each column is sent as an array that the server takes apart.

Every number of rows is the same prepared statement, and unlike COPY it can say what happens
to a row that is there already and travels with others in one round trip.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_LENGTH, _NULL = struct.Struct("!i").pack, struct.pack("!i", -1)
_HEAD = struct.Struct("!iiIii").pack
_KIND_OF = {"TEXT": "text", "INTEGER": "int8", "REAL": "float8"}
_CORE = {
    "event(": (
        *("int8", "text", "int8", "text", "text", "text"),
        *("int8", "int8", "bytea", "bytea", "bytea"),
    ),
    "payload(": ("int8", "bytea", "bytea", "bytea"),
    "node(": ("int8", "int8", "bytea"),
}


class _Int8(bytes):
    """An array of int8 as the server reads it."""


class _Float8(bytes):
    """An array of float8 as the server reads it."""


class _Text(bytes):
    """An array of text as the server reads it."""


class _Bytea(bytes):
    """An array of bytea as the server reads it."""


# Class, type of the elements, and of the array; numbers of built-in types never change.
_ARRAYS: dict[str, tuple[type[bytes], int, int]] = {
    "int8": (_Int8, 20, 1016),
    "float8": (_Float8, 701, 1022),
    "text": (_Text, 25, 1009),
    "bytea": (_Bytea, 17, 1001),
}


def set_up(connection: psycopg.Connection[Any]) -> None:
    """Let a connection send such arrays."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    def dump(_: Dumper, made: bytes) -> bytes:
        return bytes(made)

    for made, _, number in _ARRAYS.values():
        members = {"oid": number, "format": Format.BINARY, "dump": dump}
        connection.adapters.register_dumper(
            made, type(f"{made.__name__}Dumper", (Dumper,), members)
        )


def types_of(into: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """Types of the columns of `table(columns)`: of a ledger's own table, or from their kinds."""
    core = _CORE.get(into[: into.index("(") + 1])
    return core if core is not None else tuple(_KIND_OF[kind] for kind in kinds)


@lru_cache(maxsize=512)
def statement(into: str, types: tuple[str, ...], more: str) -> str:
    """The statement that inserts any number of rows."""
    columns = ", ".join(f"?::{one}[]" for one in types)
    return f"INSERT INTO {into} SELECT * FROM unnest({columns}) {more}"  # noqa: S608


def arrays(rows: Sequence[tuple[Any, ...]], types: Sequence[str]) -> list[bytes]:
    """The columns of rows, to be given to that statement.

    Raises:
        struct.error: A number is too large.
        UnicodeError: A text cannot be written as UTF-8.
    """
    return [_array(values, one) for values, one in zip(zip(*rows, strict=True), types, strict=True)]


def _array(values: Sequence[Any], kind: str) -> bytes:
    made, element, _ = _ARRAYS[kind]
    has_null = None in values
    head = _HEAD(1, has_null, element, len(values), 1)
    return made(head + _WRITERS[kind](values, has_null))


def _numbers(code: str) -> Callable[[Sequence[Any], bool], bytes]:
    one = struct.Struct(f"!i{code}").pack

    def write(values: Sequence[Any], has_null: bool) -> bytes:
        if has_null:
            return b"".join([_NULL if value is None else one(8, value) for value in values])
        return struct.pack(f"!{f'i{code}' * len(values)}", *chain(*zip(repeat(8), values)))

    return write


def _bytes(values: Sequence[bytes | None], has_null: bool) -> bytes:
    if has_null:
        return b"".join([_NULL if v is None else _LENGTH(len(v)) + v for v in values])
    return b"".join([_LENGTH(len(value)) + value for value in values])  # type: ignore[arg-type, operator]


def _texts(values: Sequence[str | None], has_null: bool) -> bytes:
    return _bytes([None if value is None else value.encode() for value in values], has_null)


_WRITERS: dict[str, Callable[[Sequence[Any], bool], bytes]] = {
    "int8": _numbers("q"),
    "float8": _numbers("d"),
    "text": _texts,
    "bytea": _bytes,
}
