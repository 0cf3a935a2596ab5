"""A document as TOML text: what the studio writes, the command line reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from math import isinf, isnan
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(document: Mapping[str, Any]) -> str:
    """A document as TOML; what is None is left out.

    Args:
        document: Texts, numbers, switches, lists and tables, as `tomllib` reads them.

    >>> print(to_toml({"name": "a", "model": {"use": "x"}, "factors": [{"n": 3}]}), end="")
    name = "a"
    <BLANKLINE>
    [model]
    use = "x"
    <BLANKLINE>
    [[factors]]
    n = 3
    """
    return "\n".join(_lines(document, ())).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], way: tuple[str, ...]) -> Iterator[str]:
    """Plain entries first: what follows a heading belongs to it."""
    tables = {name: one for name, one in table.items() if _is_table(one)}
    for name, one in table.items():
        if name not in tables and one is not None:
            yield f"{key_text(name)} = {value_text(one)}"
    for name, one in tables.items():
        inner = (*way, name)
        heading = ".".join(map(key_text, inner))
        for row in [one] if isinstance(one, Mapping) else one:
            yield ""
            yield f"[{heading}]" if isinstance(one, Mapping) else f"[[{heading}]]"
            yield from _lines(row, inner)


def _is_table(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping)


def key_text(name: str) -> str:
    """A key, quoted where it must be.

    >>> key_text("V"), key_text("feed rate")
    ('V', '"feed rate"')
    """
    return name if _BARE.fullmatch(name) else _quoted(name)


def value_text(value: Any) -> str:
    """A value on one line; what is None is left out of its table.

    >>> value_text({"times": [0.0, 1.5], "line": True, "end": None})
    '{ times = [0.0, 1.5], line = true }'
    """
    if isinstance(value, Mapping):
        inner = (f"{key_text(n)} = {value_text(v)}" for n, v in value.items() if v is not None)
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(value_text(one) for one in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and isnan(value):
        return "nan"
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but for the one control character that JSON lets stand.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
