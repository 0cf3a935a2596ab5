"""Canonical JSON (RFC 8785), the form that is hashed."""

from __future__ import annotations

import hashlib
import json
from json.encoder import c_make_encoder, encode_basestring  # type: ignore[attr-defined]
from typing import Any

import rfc8785

from goldenbatch.core.errors import BadInputError

_MAX_INT = 2**53 - 1
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False
)
_SETTINGS = (None, _ENCODER.default, encode_basestring, None, ":", ",", True, False, False)
# The encoder in C makes itself anew for each value, at half the cost of a body: keep one.
_chunks = None if c_make_encoder is None else c_make_encoder(*_SETTINGS)


def canonical(value: Any) -> bytes:
    r"""Canonical JSON of a value.

    Raises:
        BadInputError: The value has no canonical form: NaN, infinity, an integer beyond
            2**53 - 1, a lone surrogate, or a type that JSON does not know.

    References:
        RFC 8785, JSON Canonicalization Scheme, section 3.2.

    >>> canonical({"b": 1.50, "a": "€"})
    b'{"a":"\xe2\x82\xac","b":1.5}'
    """
    try:
        if is_plain(value):
            return _written(value)
        return rfc8785.dumps(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInputError(
            f"no canonical JSON: {error}.", hint="Write numbers of records as text with unit."
        ) from error


def _written(value: Any) -> bytes:
    if _chunks is None:
        return _ENCODER.encode(value).encode()
    return "".join(_chunks(value, 0)).encode()


def plainly(value: Any) -> bytes | None:
    """Canonical JSON of a value of which the standard library writes it; None of others."""
    try:
        return _written(value) if is_plain(value) else None
    except (ValueError, RecursionError):
        return None


def is_plain(value: Any) -> bool:
    """Whether the standard library's encoder writes the canonical form of a value.

    So it does for text, small integers, truth values, null, lists, and objects whose keys
    are ASCII; only floats and keys beyond ASCII need the rules of RFC 8785.

    >>> is_plain({"a": ["1.50 g", 2, None]}), is_plain({"a": 1.5})
    (True, False)
    """
    kind = type(value)
    if kind is int:
        return bool(-_MAX_INT <= value <= _MAX_INT)
    if kind is list:
        return all(map(is_plain, value))
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or not key.isascii():
                return False
            # Most values are text: asking here saves a call for each.
            if type(item) is not str and not is_plain(item):
                return False
        return True
    return kind is str or kind is bool or value is None


def body_digest(salt: bytes, body: bytes) -> bytes:
    """Digest that binds a payload to its envelope without revealing it: SHA-256(salt || body)."""
    return hashlib.sha256(salt + body).digest()
