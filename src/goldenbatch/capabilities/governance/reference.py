"""Reference sets: rows that never change, on which versions of a model are held together.

A reference set is made once, with the change plan, from rows that nobody tests with. Its digest
stands in the plan, so that the distance of every later version is measured on the same rows.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from goldenbatch.core.errors import BadInputError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from goldenbatch.science.predictors import Predictor

    Floats = NDArray[np.float64]

FORMAT: Final = "goldenbatch reference set 1"
MEDIA_TYPE: Final = "application/vnd.goldenbatch.reference-set+json"
LEAST_ROWS: Final = 10
"""With fewer rows a distance says little."""


@dataclass(frozen=True)
class ReferenceSet:
    """Rows of inputs, without any reference value.

    Attributes:
        inputs: Names of the columns.
        rows: Rows, each with as many finite numbers.
    """

    inputs: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON; equal sets give equal bytes."""
        values = {"format": FORMAT, "inputs": self.inputs, "rows": self.rows}
        text = json.dumps(
            values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
        )
        return text.encode("ascii")

    def digest(self) -> str:
        """SHA-256 of the bytes: what a plan names."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, content: bytes) -> ReferenceSet:
        """Read what `to_bytes` wrote.

        Raises:
            IntegrityError: It is no reference set.
        """
        try:
            plain = json.loads(content)
            if plain["format"] != FORMAT:
                raise ValueError(f"it is of the format {plain['format']!r}")
            rows = tuple(tuple(float(one) for one in row) for row in plain["rows"])
            return _checked(tuple(str(one) for one in plain["inputs"]), rows, "")
        except (ValueError, KeyError, TypeError, BadInputError) as error:
            raise IntegrityError(
                f"the reference set cannot be read: {error}.",
                hint="Give the rows again; their digest must be the one that the plan names.",
            ) from error

    def predicted(self, predictor: Predictor) -> Floats:
        """What a model says of each row, shape (n_rows,).

        Raises:
            BadInputError: Its inputs are others, or it has more than one output.
        """
        import numpy as np

        facts = predictor.facts
        if set(facts.inputs) != set(self.inputs) or len(facts.outputs) != 1:
            others = sorted(set(facts.inputs) ^ set(self.inputs))[:3]
            raise BadInputError(
                f"the model does not take the {len(self.inputs)} columns of the reference set "
                f"({', '.join(others) or 'it has several outputs'}).",
                hint="A reference set has exactly the inputs of the original.",
                key="reference",
            )
        place = {name: number for number, name in enumerate(self.inputs)}
        columns = [place[name] for name in facts.inputs]
        rows = np.ascontiguousarray(np.array(self.rows, dtype=np.float64)[:, columns])
        return predictor.predict(rows).value[:, 0]


def read_reference(text: str, file: str = "") -> ReferenceSet:
    r"""Read a reference set from CSV: one line of names, then one line a row.

    Raises:
        BadInputError: A value is no finite number, a name or a value is missing, or there are
            fewer than 10 rows; file and line are named.

    >>> lines = ["a,b", *(f"{n},{n * n}" for n in range(10))]
    >>> read_reference("\n".join(lines)).inputs
    ('a', 'b')
    """
    lines = csv.reader(io.StringIO(text, newline=""))
    names = tuple(next(lines, []))
    rows = []
    for line in lines:
        if not line:
            continue
        try:
            rows.append(tuple(float(one) for one in line))
        except ValueError as error:
            raise BadInputError(
                f"{error}.", hint="Give numbers with a decimal point.", file=file,
                line=lines.line_num,
            ) from error  # fmt: skip
        if len(line) != len(names):
            raise BadInputError(
                f"there are {len(line)} values for {len(names)} names.",
                hint="Give one value a column.", file=file, line=lines.line_num,
            )  # fmt: skip
    return _checked(names, tuple(rows), file)


def _checked(
    inputs: tuple[str, ...], rows: tuple[tuple[float, ...], ...], file: str
) -> ReferenceSet:
    fault = ""
    if not inputs or not all(inputs) or len(set(inputs)) < len(inputs):
        fault = "its columns have no names, or one name twice"
    elif len(rows) < LEAST_ROWS:
        fault = f"it has {len(rows)} rows; {LEAST_ROWS} at least are needed"
    elif not all(math.isfinite(one) for row in rows for one in row):
        fault = "a value is not finite"
    elif any(len(row) != len(inputs) for row in rows):
        fault = "a row has another number of values than there are columns"
    if fault:
        raise BadInputError(f"this is no reference set: {fault}.", file=file, key="reference")
    return ReferenceSet(inputs, rows)
