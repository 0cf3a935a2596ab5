"""A study while a person works on it: a plain document, in an address, in fields of a form."""

from __future__ import annotations

import base64
import binascii
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from goldenbatch.capabilities.twin.toml_text import to_toml
from goldenbatch.core.errors import BadInputError

Document = dict[str, Any]
MAX_TEXT: Final = 256 * 1024
"""Of a study in an address: what is longer was not made here."""


def packed(document: Mapping[str, Any]) -> str:
    """A document as part of an address.

    >>> unpacked(packed({"name": "a"}))
    {'name': 'a'}
    """
    text = to_toml(document).encode()
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")


def unpacked(part: str) -> Document:
    """The document of an address.

    Raises:
        BadInputError: It is none.
    """
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        text = zlib.decompressobj().decompress(data, MAX_TEXT).decode()
    except (binascii.Error, zlib.error, ValueError) as error:
        raise BadInputError(
            "the address holds no study.", hint="Open the studio anew, or use the whole link."
        ) from error
    return read_document(text)


def read_document(text: str) -> Document:
    """A TOML text as a document.

    Raises:
        BadInputError: It is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"no TOML: {error}.", hint="Correct it.", key="study") from error


def at(document: Mapping[str, Any], way: Sequence[str], default: Any = None) -> Any:
    """The entry at a place; the default where there is none.

    >>> at({"model": {"use": "x"}}, ("model", "use")), at({}, ("model", "use"), "")
    ('x', '')
    """
    found: Any = document
    for name in way:
        if not isinstance(found, Mapping) or name not in found:
            return default
        found = found[name]
    return found


def put(document: Document, way: Sequence[str], value: Any) -> None:
    """Set the entry at a place; None takes it out, and tables that are left empty.

    >>> made = {}
    >>> put(made, ("recipe", "inputs", "F"), 1.5); made
    {'recipe': {'inputs': {'F': 1.5}}}
    >>> put(made, ("recipe", "inputs", "F"), None); made
    {}
    """
    name, *rest = way
    if rest:
        inner = document.get(name)
        inner = inner if isinstance(inner, dict) else {}
        put(inner, rest, value)
        if inner:
            document[name] = inner
        else:
            document.pop(name, None)
    elif value is None:
        document.pop(name, None)
    else:
        document[name] = value


def value_of(text: str) -> float | str | None:
    """What a person wrote: nothing, a number in the declared unit, or a text with a unit.

    >>> value_of(""), value_of(" 1.5 "), value_of("3 d")
    (None, 1.5, '3 d')
    """
    given = text.strip()
    if not given:
        return None
    try:
        return float(given)
    except ValueError:
        return given


def text_of(value: Any) -> str:
    """A value as a person writes it.

    >>> text_of(None), text_of(2.0), text_of("3 d")
    ('', '2', '3 d')
    """
    if value is None:
        return ""
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


RAMP: Final = "ramp "


def schedule_text(value: Any) -> str:
    """An input of a recipe as one line: a value, or `time: value; time: value`.

    >>> schedule_text({"times": [0.0, "2 d"], "values": [0.0, "1 L/h"]})
    '0: 0; 2 d: 1 L/h'
    >>> schedule_text({"times": [0.0, 1.0], "values": [0.0, 3.0], "line": True})
    'ramp 0: 0; 1: 3'
    """
    if not isinstance(value, Mapping):
        return text_of(value)
    pairs = zip(value.get("times", ()), value.get("values", ()), strict=False)
    head = RAMP if value.get("line") else ""
    return head + "; ".join(f"{text_of(time)}: {text_of(one)}" for time, one in pairs)


def schedule_of(text: str) -> Any:
    """The input that a line says.

    Raises:
        BadInputError: A part is no pair of time and value.

    >>> schedule_of("ramp 0: 0; 2 d: 1 L/h")
    {'times': [0.0, '2 d'], 'values': [0.0, '1 L/h'], 'line': True}
    >>> schedule_of("5 L/h")
    '5 L/h'
    """
    given = text.strip()
    is_ramp = given.startswith(RAMP)
    if ":" not in given:
        return value_of(given)
    parts = [part.partition(":") for part in given.removeprefix(RAMP).split(";") if part.strip()]
    times = [value_of(time) for time, _, _ in parts]
    values = [value_of(value) for _, _, value in parts]
    if None in times or None in values:
        raise BadInputError(
            f"{text!r} is no schedule.",
            hint="Write time: value; time: value, such as 0: 0; 2 d: 1.",
        )
    return {"times": times, "values": values, **({"line": True} if is_ramp else {})}
