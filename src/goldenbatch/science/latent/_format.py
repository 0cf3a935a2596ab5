"""Canonical bytes of named arrays: magic, length of the header, JSON header, raw arrays.

The header is JSON with sorted keys and no spaces; arrays are little-endian float64 in C order,
in the order of their names. Equal content gives equal bytes, and so an equal digest.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import PlanError

MAGIC = b"GBPLAN\x00\x01"
_LENGTH = struct.Struct("<Q")
_MAX_HEADER = 1 << 24


def pack(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> bytes:
    """Return the canonical bytes of a header and arrays."""
    names = sorted(arrays)
    described = dict(header) | {"arrays": [[name, list(arrays[name].shape)] for name in names]}
    text = json.dumps(
        described, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")
    # Adding zero turns -0.0 into 0.0: equal numbers must not give two digests.
    blocks = [np.ascontiguousarray(arrays[name] + 0.0, dtype="<f8").tobytes() for name in names]
    return b"".join([MAGIC, _LENGTH.pack(len(text)), text, *blocks])


def unpack(raw: bytes) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Read canonical bytes.

    Raises:
        PlanError: the bytes are of another kind, cut short, too long or not canonical.
    """
    start = len(MAGIC) + _LENGTH.size
    if raw[: len(MAGIC)] != MAGIC or len(raw) < start:
        message = "these bytes are not a scoring plan of format 1"
        raise PlanError(message)
    (n_header,) = _LENGTH.unpack(raw[len(MAGIC) : start])
    try:
        if n_header > min(_MAX_HEADER, len(raw) - start):
            raise ValueError("the header is longer than the file")
        header = json.loads(raw[start : start + n_header].decode("ascii"))
        arrays, end = _arrays(header.pop("arrays"), raw, start + n_header)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"the scoring plan cannot be read: {error}; take it from the registry again"
        raise PlanError(message) from error
    if end != len(raw) or pack(header, arrays) != raw:
        message = "the scoring plan is not in canonical form; it was changed after it was made"
        raise PlanError(message)
    return header, arrays


def _arrays(described: Any, raw: bytes, start: int) -> tuple[dict[str, Floats], int]:
    arrays: dict[str, Floats] = {}
    for name, shape in described:
        if not all(isinstance(n, int) and n >= 0 for n in shape):
            message = f"array {name} has shape {shape}"
            raise ValueError(message)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        end = start + 8 * count
        if end > len(raw):
            message = f"array {name} is cut short"
            raise ValueError(message)
        block = np.frombuffer(raw, dtype="<f8", count=count, offset=start)
        arrays[name] = block.astype(np.float64).reshape(shape)
        start = end
    return arrays, start
