"""Settings of analysts: read with a clear error, and bound into the analyst's version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from goldenbatch.core.errors import BadInputError

Chosen = TypeVar("Chosen", bound=BaseModel)


def read_settings(kind: type[Chosen], name: str, settings: Mapping[str, Any], see: str) -> Chosen:
    """Settings of an adopted analyst from its TOML table.

    Args:
        kind: What they are.
        name: Name under which the analyst was adopted.
        settings: The table.
        see: Where they are described, such as `the README of execution`.

    Raises:
        BadInputError: One is missing, unknown or impossible; it is named.
    """
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"{first['msg'].removeprefix('Value error, ')} (found {first.get('input')!r}).",
            hint=f"See {see}.",
            file=f"analyst {name}",
            key=".".join(str(part) for part in first["loc"]),
        ) from error


def settings_digest(settings: BaseModel) -> str:
    """Short digest of settings, part of the analyst's version: other settings, another version."""
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
