"""Values of OPC UA as values of tags: what fits which kind, and what cannot be kept."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from goldenbatch.core.series import Quality, ReadingKind

MISMATCH: Final = 0x80740000
"""BadTypeMismatch: a value came that the tag's kind cannot hold."""
BAD: Final = int(Quality.BAD)
DELIVERY_BITS: Final = 0x0000_009F
"""Overflow and historian bits (Part 4, 7.39): how a value was brought, not what it is."""
OVERFLOW: Final = 0x0000_0480
"""DataValue information with the overflow bit: values before this one were dropped."""
EXACT: Final = 2**53
"""Integers beyond it are not all floats: such a reading is kept as uncertain."""
DOWN: Final = frozenset({0x80340000, 0x80330000, 0x80350000, 0x803A0000})
"""BadNodeIdUnknown, BadNodeIdInvalid, BadAttributeIdInvalid, BadNotReadable."""


class MismatchError(Exception):
    """A value that the tag's kind cannot hold."""


def reading_quality(status: int) -> int:
    """The status code of a reading, without what only says how it was brought.

    >>> hex(reading_quality(0x00000480)), hex(reading_quality(0x40900000))
    ('0x0', '0x40900000')
    """
    plain = status & ~DELIVERY_BITS & 0xFFFFFFFF
    # The information type says nothing once no bit of its own is left (limits are 0x300).
    return plain if plain & 0x300 else plain & ~0xC00


def kind_of(value: Any) -> ReadingKind | None:
    """Kind of tag that a value asks for; None: it says nothing yet, or is a structure.

    >>> kind_of(1.5), kind_of("on"), kind_of([1.0, 2.0]), kind_of(b"PNG")
    ('number', 'text', 'array', 'reference')
    """
    if value is None or is_structure(value):
        return None
    if isinstance(value, bool | int | float):
        return "number"
    if isinstance(value, bytes):
        return "reference"
    if isinstance(value, list | tuple):
        flat = list(_flat(value))
        is_numeric = all(isinstance(one, bool | int | float) for one in flat)
        return "array" if is_numeric else "text"
    return "text"


def is_structure(value: Any) -> bool:
    """Whether a value has fields of its own."""
    if isinstance(value, list | tuple):
        return bool(value) and is_structure(value[0])
    name = type(value).__name__
    if name in _AS_PLAIN or isinstance(value, IntEnum):
        return False
    return isinstance(value, Mapping) or dataclasses.is_dataclass(value)


def fit(value: Any, kind: ReadingKind) -> Any:
    """A value as a tag of a kind holds it; bytes stay bytes for a reference.

    Raises:
        MismatchError: It does not fit.
    """
    if kind == "text":
        return as_text(value)
    if kind == "number":
        if isinstance(value, bool | int | float):
            return float(value)
    elif kind == "array":
        if isinstance(value, list | tuple):
            flat = list(_flat(value))
            if all(isinstance(one, bool | int | float) for one in flat):
                return [float(one) for one in flat]
    elif isinstance(value, bytes):
        return value
    raise MismatchError(type_name(value))


def type_name(value: Any) -> str:
    """What a value is, in words for a note."""
    if isinstance(value, list | tuple):
        return f"array of {type_name(value[0])}" if value else "empty array"
    return type(value).__name__


def is_exact(value: Any) -> bool:
    """Whether a number is kept with all its digits."""
    return not isinstance(value, int) or -EXACT <= value <= EXACT


def as_text(value: Any) -> str:
    """Text of a value: times in ISO 8601, of localised texts the text, lists as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple) or is_structure(value):
        return json.dumps(plain(value), ensure_ascii=False, sort_keys=True)
    found = plain(value)
    return found if isinstance(found, str) else json.dumps(found)


def plain(value: Any) -> Any:
    """A value of asyncua as JSON holds it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        number = value + 0 if not isinstance(value, IntEnum) else int(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return _plain_object(value)


_AS_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "LocalizedText": lambda value: value.Text or "",
    "QualifiedName": lambda value: value.Name or "",
    "NodeId": lambda value: value.to_string(),
    "ExpandedNodeId": lambda value: value.to_string(),
    "StatusCode": lambda value: value.name,
    "Variant": lambda value: plain(value.Value),
}
"""What has no fields of its own, by the name of asyncua's class."""


def _plain_object(value: Any) -> Any:
    short = _AS_PLAIN.get(type(value).__name__)
    if short is not None:
        return short(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if dataclasses.is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return str(value)


def _flat(value: Any) -> Iterator[Any]:
    for one in value:
        if isinstance(one, list | tuple):
            yield from _flat(one)
        else:
            yield one


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a structure as `a.b`, with their values; nested ones are taken apart.

    >>> list(flatten({"Speed": 2.0, "Bearing": {"Temperature": 40.0}}))
    [('Speed', 2.0), ('Bearing.Temperature', 40.0)]
    """
    if isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        pairs = [(one.name, getattr(value, one.name)) for one in dataclasses.fields(value)]
    for name, inner in pairs:
        path = f"{prefix}{_clean(str(name))}"
        if not isinstance(inner, list | tuple) and is_structure(inner):
            yield from flatten(inner, f"{path}.")
        elif name != "Encoding":
            yield path, inner


def _clean(name: str) -> str:
    return "".join(one if one.isascii() and (one.isalnum() or one in "_-") else "_" for one in name)
