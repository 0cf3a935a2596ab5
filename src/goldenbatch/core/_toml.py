"""TOML with places: read with exact decimals, find the line of a key, write plain tables."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from goldenbatch.core.errors import BadInputError

KeyPath = Sequence[str | int]
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def read_toml(text: str, file: str = "") -> dict[str, Any]:
    """Parse TOML; numbers with a decimal point become `Decimal`, so that digits are kept.

    Raises:
        BadInputError: The text is not TOML; it names file and line.
    """
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise BadInputError(
            f"this is not TOML: {error}.", hint="Correct the line.", file=file, line=line
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of no end
        raise BadInputError(
            f"this TOML cannot be read: {error}.", hint="Correct the file.", file=file
        ) from error


def locate(text: str, path: KeyPath) -> int:
    """Line on which a key stands, or the nearest table or key around it; from 1.

    Args:
        text: The TOML document.
        path: Keys and indexes, as pydantic gives them: `("tags", 2, "unit")`.
    """
    best_line, best_length = 1, 0
    for line, found in _keys(text):
        length = _common(found, path)
        if length > best_length and length == len(found):
            best_line, best_length = line, length
    return best_line


def _common(found: KeyPath, path: KeyPath) -> int:
    length = 0
    for one, other in zip(found, path, strict=False):
        if one != other:
            break
        length += 1
    return length


def _keys(text: str) -> list[tuple[int, list[str | int]]]:
    """All headers and keys of a document with their line and whole path."""
    found: list[tuple[int, list[str | int]]] = []
    table: list[str | int] = []
    counts: dict[tuple[str | int, ...], int] = {}
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if fence:
            fence = "" if line.count(fence) % 2 else fence
            continue
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = _open(_parts(header[2]), header[1] == "[[", counts)
            found.append((number, table))
        elif key:
            found.append((number, [*table, *_parts(key[1])]))
        fence = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")
    return found


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _open(
    parts: Sequence[str], is_array: bool, counts: dict[tuple[str | int, ...], int]
) -> list[str | int]:
    """Whole path of a header; the elements of arrays of tables are counted."""
    path: list[str | int] = []
    for position, part in enumerate(parts):
        path.append(part)
        is_last = position == len(parts) - 1
        if is_last and is_array:
            counts[tuple(path)] = counts.get(tuple(path), -1) + 1
        if tuple(path) in counts:
            path.append(counts[tuple(path)])
    return path


def bad_key(error: ValidationError, text: str, file: str) -> BadInputError:
    """The first validation error of a document, with file, line and key."""
    first = error.errors(include_url=False)[0]
    # A check of the whole document says itself where the wrong entry stands.
    path = [*first["loc"], *getattr(first.get("ctx", {}).get("error"), "path", ())]
    others = len(error.errors()) - 1
    more = f" ({others} more after it)" if others else ""
    found = "" if first["type"] == "missing" else f", found {_short(first.get('input'))}"
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return BadInputError(
        f"{message}{found}{more}.",
        hint="Correct the entry and try again.",
        file=file,
        line=locate(text, path),
        key=".".join(str(part) for part in path),
    )


def _short(value: object) -> str:
    shown = repr(str(value)) if isinstance(value, Decimal) else repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def write_toml(data: Mapping[str, Any]) -> str:
    """Write scalars, lists, tables and arrays of tables as TOML."""
    return "\n".join(_table(data, ())).strip() + "\n"


def _table(data: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in data.items() if not _is_tables(value)}
    lines = [f"{_name(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{'.'.join(map(_name, (*path, key)))}]", *_table(value, (*path, key))]
        elif _is_tables(value):
            header = f"[[{'.'.join(map(_name, (*path, key)))}]]"
            for row in value:
                lines += ["", header, *_table(row, (*path, key))]
    return lines


def _is_tables(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(row, Mapping) for row in value)
    return isinstance(value, Mapping)


def _name(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    # JSON strings are TOML basic strings but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
