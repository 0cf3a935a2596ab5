"""The one canonical text of statements and tables that core hashes by itself."""

from __future__ import annotations

import json
from typing import Any

from goldenbatch.core.errors import BadInputError


def canonical_text(value: Any) -> str:
    r"""JSON with sorted keys, no spaces and only ASCII characters.

    For objects of strings, integers, booleans and lists whose keys are ASCII this differs
    from RFC 8785 only in the escapes of characters outside ASCII, and like it is the same
    on every machine. Floats are refused, so that no number depends on a printer.

    >>> canonical_text({"b": 1, "a": "\xe9"})
    '{"a":"\\u00e9","b":1}'

    Raises:
        BadInputError: A float is among the values.
    """
    if _has_float(value):
        raise BadInputError(
            "a canonical text holds no floats.", hint="Write the number as text with its unit."
        )
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_float(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_has_float(one) for one in value)
    return isinstance(value, float)
