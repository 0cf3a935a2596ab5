"""Bodies of records in words: names and values, as they stand, times in the zone of the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from goldenbatch.ui.web import elements

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MAX_ROWS = 200
"""Rows of one body; what is longer says how much more there is."""

Pair = tuple[str, str | Callable[[], None]]


def in_words(body: Mapping[str, Any], zone: str) -> list[Pair]:
    """Names and values of a body for `elements.facts`; what is empty is left out.

    >>> in_words({"verdict": "dismissed", "finding_version": 9, "action": ""}, "UTC")
    [('verdict', 'dismissed'), ('finding version', '9')]
    """
    pairs: list[Pair] = []
    _walk("", body, zone, pairs)
    if len(pairs) > MAX_ROWS:
        left = len(pairs) - MAX_ROWS
        pairs = [*pairs[:MAX_ROWS], ("…", f"+ {left}")]
    return pairs


def _walk(name: str, value: Any, zone: str, pairs: list[Pair]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _walk(
                f"{name} › {_spaced(str(key))}" if name else _spaced(str(key)), inner, zone, pairs
            )
    elif isinstance(value, Sequence) and not isinstance(value, str):
        if all(not isinstance(one, Mapping | list | tuple) for one in value):
            if value:
                pairs.append((name, ", ".join(str(one) for one in value)))
            return
        for at, inner in enumerate(value, 1):
            _walk(f"{name} {at}", inner, zone, pairs)
    elif value not in (None, ""):
        pairs.append((name, _shown(value, zone)))


def _spaced(key: str) -> str:
    return key.replace("_", " ")


def _shown(value: Any, zone: str) -> str | Callable[[], None]:
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if isinstance(value, str) and _TIME.fullmatch(text):
        moment = datetime.fromisoformat(text)
        at = int(moment.timestamp()) * 1_000_000 + moment.microsecond
        return lambda: elements.moment(at, zone)
    return text
