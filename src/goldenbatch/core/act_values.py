"""Plain values of an act, as a form or a command line gives them, taken one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import from_iso, to_iso

Type = TypeVar("Type")
Model = TypeVar("Model", bound=BaseModel)


def text(values: Mapping[str, Any], key: str, default: str | None = None) -> str:
    """A text, not empty unless a default is given.

    Raises:
        BadInputError: It is missing, or no text.
    """
    found = values.get(key, default)
    if not isinstance(found, str) or (default is None and not found.strip()):
        raise BadInputError(f"{key} is missing or no text.", hint="Give it.", key=key)
    return found.strip()


def number(values: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A whole number; a text of digits will do.

    Raises:
        BadInputError: It is missing, or no whole number.
    """
    found = values.get(key, default)
    try:
        if found is None or isinstance(found, bool | float):
            raise ValueError
        return int(found)
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{key} is no whole number: {found!r}.", key=key) from error


def table(values: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """A table of values; None where there is none.

    Raises:
        BadInputError: It is something else.
    """
    found = values.get(key)
    if found is not None and not isinstance(found, Mapping):
        raise BadInputError(f"{key} is no table.", key=key)
    return found


def switch(values: Mapping[str, Any], key: str, default: bool) -> bool:
    """Yes or no.

    Raises:
        BadInputError: It is something else.
    """
    found = values.get(key, default)
    if not isinstance(found, bool):
        raise BadInputError(f"{key} is true or false, not {found!r}.", key=key)
    return found


def only(values: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse values that the act does not know: a slip of the pen would be passed over.

    Raises:
        BadInputError: One is unknown.
    """
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadInputError(
            f"{', '.join(unknown)}: no such value.", hint=f"There are {', '.join(known)}.",
            key=unknown[0],
        )  # fmt: skip


def moment(values: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A moment in microseconds UTC, of ISO 8601 with its offset or of such a number.

    Raises:
        BadInputError: It is missing, no time, or without an offset.
    """
    found = values.get(key, default)
    try:
        at = int(found) if str(found).lstrip("-").isdigit() else from_iso(str(found))
        to_iso(at)
    except (ValueError, OverflowError) as error:
        raise BadInputError(
            f"{key} is no time: {found!r}.",
            hint="Give it in ISO 8601 with its offset, as in 2026-05-12T14:30:00+02:00.",
            key=key,
        ) from error
    return at


def made(kind: type[Model], **entries: Any) -> Model:
    """A body, or a part of one, of what people gave.

    Raises:
        BadInputError: An entry is missing, unknown or impossible; its key is named.
    """
    try:
        return kind.model_validate(entries)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"{first['msg'].removeprefix('Value error, ')}.",
            hint="Correct the entry and try again.",
            key=".".join(str(part) for part in first["loc"]),
        ) from error
