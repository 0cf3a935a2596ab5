"""The one canonical text of statements and tables that core hashes by itself."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from goldenbatch.core.errors import BadInputError

_MAX_EXACT: Final = 2**53 - 1


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


def canonical_body_text(value: Any) -> str:
    """The text of a body that may hold measures: floats stand as they do in the ledger.

    A float without a fraction is an integer, as RFC 8785 writes it; any other has the fewest
    digits that give it back.

    >>> canonical_body_text({"b": 2.0, "a": 0.1})
    '{"a":0.1,"b":2}'

    Raises:
        BadInputError: A number is not finite, or a float has no exact integer beside it.
    """
    return json.dumps(
        _plain_numbers(value), sort_keys=True, ensure_ascii=True, separators=(",", ":")
    )


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_numbers(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_numbers(one) for one in value]
    if not isinstance(value, float):
        return value
    if not math.isfinite(value) or (value.is_integer() and abs(value) > _MAX_EXACT):
        raise BadInputError(
            f"a canonical text cannot hold the number {value!r}.",
            hint="Write it as text with its unit.",
        )
    return int(value) if value.is_integer() else value


def _has_float(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_float(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(_has_float(one) for one in value)
    return isinstance(value, float)
