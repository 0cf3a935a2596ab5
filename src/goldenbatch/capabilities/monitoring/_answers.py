"""What the routes of monitoring share: texts that are taken, numbers that JSON has."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query

if TYPE_CHECKING:
    from goldenbatch.core.site import Site

GetSite = Callable[[], "Site"]
"""The site as the caller may see it; asked for inside a call."""

Text = Annotated[str, Query(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]
Needed = Annotated[str, Query(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+$")]
Count = Annotated[int, Query(ge=1, le=5000, description="At most so many.")]
Micros = Annotated[int, Query(ge=-(2**57), le=2**57, description="Microseconds UTC.")]


def plain(value: Any) -> Any:
    """A value as JSON; what is no finite number is null."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    inner = _inner(value)
    return value if inner is None else plain(inner)


def _inner(value: Any) -> Any:
    """The plain value of an object; None: it is plain as it is."""
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return value.tolist() if hasattr(value, "tolist") else None  # NumPy
