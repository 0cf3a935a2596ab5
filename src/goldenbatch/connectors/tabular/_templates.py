"""Templates such as `{batch}/core`: texts with the cells of a row put in."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any

from goldenbatch.core.errors import BadInputError

BUILT_IN = frozenset({"row", "line", "file", "stem"})
"""Names besides columns and constants: number of data row, line, file, file without suffix."""

_FORMATTER = string.Formatter()


def placeholders(template: str) -> tuple[str, ...]:
    """Names between braces, in order; doubled braces are braces.

    Raises:
        ValueError: The braces do not match.

    >>> placeholders("{batch}/{row:02d} {{tbl}}")
    ('batch', 'row')
    """
    return tuple(name for _, name, _, _ in _FORMATTER.parse(template) if name is not None)


def render(template: str, cells: Mapping[str, Any]) -> str:
    """Template with the cells put in.

    Raises:
        BadInputError: A cell that it needs is empty or missing.

    >>> render("{size} {{tbl}}", {"size": "240000"})
    '240000 {tbl}'
    """
    parts: list[str] = []
    for literal, name, spec, _ in _FORMATTER.parse(template):
        parts.append(literal)
        if name is None:
            continue
        value = cells.get(name, "")
        if value == "":
            raise BadInputError(f"column {name!r} is empty, but {template!r} needs it.", key=name)
        parts.append(format(value, spec or "") if isinstance(value, int) else str(value))
    return "".join(parts)
