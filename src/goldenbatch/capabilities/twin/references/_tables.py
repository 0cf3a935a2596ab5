"""Tables of numbers as the sources write them: a header, perhaps a line of units, rows."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from goldenbatch.core.errors import BadInputError

Columns = dict[str, "np.ndarray[tuple[int], np.dtype[np.float64]]"]


def number_table(path: Path, *, has_units: bool = False) -> Columns:
    """Columns of a CSV file by name. Shapes `(n_rows,)`.

    Args:
        path: The file.
        has_units: Whether the second line holds units.

    Raises:
        BadInputError: It has no rows, or a cell is empty or no number.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    rows = lines[2:] if has_units else lines[1:]
    try:
        values = np.array(rows, dtype=float)
        return {name: values[:, place] for place, name in enumerate(lines[0])}
    except (ValueError, IndexError) as error:
        raise BadInputError(
            f"no table of numbers below a header: {error}.", file=str(path)
        ) from error
