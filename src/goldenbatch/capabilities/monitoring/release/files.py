"""Registrations as files: read from TOML, with file, line and key of what is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.release_parts import Registration

SCHEMA: Final = "goldenbatch/release-registration/1"


def load_registration(text: str, file: str = "") -> Registration:
    """The registration of a TOML file.

    Raises:
        BadInputError: With file, line and key.
    """
    data = read_toml(text, file)
    if data.pop("schema", "") != SCHEMA:
        raise BadInputError(
            f"this is no registration: its schema is not {SCHEMA!r}.",
            hint=f'Begin the file with schema = "{SCHEMA}".', file=file, line=1, key="schema",
        )  # fmt: skip
    begins = data.get("effective_from")
    if isinstance(begins, datetime):
        data["effective_from"] = begins.isoformat()
    try:
        return Registration.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def registration_values(text: str, file: str = "") -> dict[str, Any]:
    """The registration of a TOML file as plain values, as the act takes it.

    Raises:
        BadInputError: With file, line and key.
    """
    return load_registration(text, file).model_dump(mode="json")
