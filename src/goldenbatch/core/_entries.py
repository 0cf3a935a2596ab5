"""Entries of a record's head: how a correction must read, and what it does to a row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from goldenbatch.core.records import Row, from_iso

QUANTITY_PATTERN: Final = r"^$|^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?( \S(.*\S)?)?$"
TIMES: Final = frozenset({"started_at", "ended_at", "taken_at"})


def as_json_text(values: Mapping[str, str]) -> str:
    """Mapping as the one JSON text that projections hold: sorted keys, no spaces.

    >>> as_json_text({"b": "2", "a": "1"})
    '{"a":"1","b":"2"}'
    """
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def changed(row: Row, field: str, new: str, version: int) -> Row:
    """A row after the correction of one entry; `attributes.<name>` stands inside the JSON."""
    name, _, key = field.partition(".")
    if name == "attributes":
        attributes = {**json.loads(row["attributes"]), key: new}
        return {**row, "attributes": as_json_text(attributes), "stream_version": version}
    value: Any = new
    if name in TIMES:
        value = from_iso(new) if new else None
    return {**row, name: value, "stream_version": version}


def check_entry(field: str, new: str) -> None:
    """Refuse a corrected value that could not have been entered in the first place.

    Raises:
        ValueError: It is no time with offset, no quantity, no outcome, or empty.
    """
    if field in TIMES and new:
        try:
            from_iso(new)
        except ValueError as error:
            raise ValueError(f"{field}: {error}; write it as 2018-10-31T15:33:20Z") from error
    if field in ("product", "ended_at", "outcome") and not new:
        raise ValueError(f"{field} cannot be empty")
    if field == "size" and not re.match(QUANTITY_PATTERN, new):
        raise ValueError(f"size {new!r} is no number with unit")
    if field == "outcome" and new not in ("completed", "aborted"):
        raise ValueError(f"{new!r} is no outcome; say completed or aborted")
