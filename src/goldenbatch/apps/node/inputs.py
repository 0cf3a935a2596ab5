"""Inputs of endpoints that are checked before they reach a store."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import from_iso
from goldenbatch.core.site import Window

MAX_INT = 2**53
MAX_DEPTH = 12


def _clean(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it is no Unicode text") from error
    if "\x00" in text:
        raise ValueError("it contains a NUL")
    return text


def _clean_within(value: Any, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, dict):
        return {_clean(k): _clean_within(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_clean_within(one, depth + 1) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("it is no finite number")
    return value


Text = Annotated[str, AfterValidator(_clean)]
Json = Annotated[Any, AfterValidator(_clean_within)]
Number = Annotated[int, Field(ge=0, le=MAX_INT)]
Upto = Annotated[int | None, Query(ge=0, le=MAX_INT, description="Last number; none: the newest.")]
After = Annotated[int, Query(ge=0, le=MAX_INT, description="Only what comes after this number.")]
Limit = Annotated[int, Query(ge=0, le=10_000, description="At most so many.")]
Tags = Annotated[list[Text], Query(min_length=1, max_length=1000, description="Names of tags.")]
Moment = Annotated[str, Query(description="ISO 8601 with offset, or microseconds UTC.")]
Scalar = Text | Annotated[int, Field(ge=-(2**63), lt=2**63)] | float | bool | None


class Form(BaseModel):
    """Base of the bodies of calls."""

    model_config = ConfigDict(extra="forbid")


def moment(text: str, name: str) -> int:
    """Microseconds UTC of a parameter.

    Raises:
        BadInputError: It is no time.
    """
    try:
        value = int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() else None
        value = from_iso(text) if value is None else value
    except (ValueError, OverflowError) as error:
        raise BadInputError(
            f"{text!r} is no time.", key=name, hint="Give ISO 8601 with offset, or microseconds."
        ) from error
    if abs(value) > 2**57:  # years -2597 to 6536; beyond, no calendar can show it
        raise BadInputError(f"{text} is out of range.", key=name, hint="Give microseconds UTC.")
    return value


def window(start: str, end: str) -> Window:
    """The half-open window of two parameters.

    Raises:
        BadInputError: One is no time, or the end is before the start.
    """
    first, last = moment(start, "start"), moment(end, "end")
    if last < first:
        raise BadInputError("the window ends before it starts.", key="end", hint="Swap the two.")
    return first, last


def plain(value: Any) -> Any:
    """An answer as JSON; times of columns `*_at` stay microseconds, as clients compute on."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
