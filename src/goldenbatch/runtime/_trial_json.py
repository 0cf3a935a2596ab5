"""Tables of a trial from JSON: what is known of a file beside it."""

from __future__ import annotations

import json

from goldenbatch.runtime._trial_cells import Columns, typed, unreadable


def read_json(content: bytes, file: str) -> Columns:
    """An object as a row, or an array of objects as rows; what is nested is left out.

    Raises:
        BadInputError: It is no JSON, or neither of the two.
    """
    try:
        read = json.loads(content)
    except ValueError as error:
        raise unreadable(file, error) from error
    rows = read if isinstance(read, list) else [read]
    if not all(isinstance(row, dict) for row in rows):
        raise unreadable(file, ValueError("it is no object, nor an array of objects"))
    plain = [{k: v for k, v in row.items() if not isinstance(v, dict | list)} for row in rows]
    names = list(dict.fromkeys(name for row in plain for name in row))
    texts = {
        name: ["" if (value := row.get(name)) is None else str(value) for row in plain]
        for name in names
    }
    return {name: typed(values, ".") for name, values in texts.items()}
