"""Rows as models take them, and the one prediction of a block of one row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.prediction import Outside, Prediction, PredictionBlock

if TYPE_CHECKING:
    from goldenbatch.core.series import Flags, Floats

CANONICAL_NAN: Final = np.frombuffer(bytes.fromhex("000000000000f87f"), dtype="<f8")[0]
_NUMBERS: Final = "fiub"
_N_NAMED: Final = 3
_WORDS: Final = {
    Outside.INFINITE: "an input is no finite number",
    Outside.MISSING: "an input is missing",
    Outside.RANGE: "an input is outside the range of the intended use",
    Outside.MODEL: "the row is unlike what the model was made with",
    Outside.NO_VALUE: "the model gives no value",
}


def require_rows(rows: Any, inputs: Sequence[str]) -> Floats:
    """Rows as float64, shape (n_rows, n_inputs).

    Raises:
        BadInputError: They are no numbers, or have another shape.
    """
    try:
        table = np.asarray(rows)
    except (TypeError, ValueError) as error:
        raise BadInputError(
            f"the rows cannot be read as a table: {error}.", hint="Give rows of one length."
        ) from error
    if table.dtype.kind not in _NUMBERS and table.size:
        raise BadInputError(
            f"the rows hold {table.dtype}, not numbers.", hint="Mark what is missing with NaN."
        )
    if table.ndim == 1 and not table.size:
        table = np.empty((0, len(inputs)))
    if table.ndim != 2 or table.shape[1] != len(inputs):
        raise BadInputError(
            f"the rows have the shape {table.shape}; the model takes {len(inputs)} inputs "
            f"({some(inputs)}).",
            hint="Give a table with one column an input, in this order.",
        )
    return np.ascontiguousarray(table, dtype="<f8")


def canonical_rows(rows: Any, inputs: Sequence[str]) -> Floats:
    """Rows as their digest is taken of them.

    Raises:
        BadInputError: They are no numbers, or have another shape.
    """
    table = require_rows(rows, inputs)
    return with_one_nan(table, np.isnan(table))


def with_one_nan(table: Floats, missing: Flags) -> Floats:
    """Rows in which each NaN has the same bits."""
    return np.where(missing, CANONICAL_NAN, table) if missing.any() else table


def row_of(
    row: Mapping[str, float | None] | Sequence[float | None], use: str, inputs: Sequence[str]
) -> Floats:
    """One row, by names or in order, shape (1, n_inputs).

    Raises:
        BadInputError: An input is missing in name, unknown, or no number.
    """
    values: Sequence[float | None]
    if isinstance(row, Mapping):
        lacking = [name for name in inputs if name not in row]
        unknown = [name for name in row if name not in set(inputs)]
        if lacking or unknown:
            what = f"lacks {some(lacking)}" if lacking else f"has {some(unknown)}"
            raise BadInputError(
                f"the row {what}; {use} takes {some(inputs)}.",
                hint="Give each input by its name; a value that is missing is None.",
                key=(lacking or unknown)[0],
            )
        values = [row[name] for name in inputs]
    else:
        values = row
    known = [math.nan if one is None else one for one in values]
    return require_rows(np.array([known]) if known else np.empty((1, 0)), inputs)


def prediction_of(block: PredictionBlock, reason: str) -> Prediction:
    """The one prediction of a block of one row.

    Args:
        block: Of one row.
        reason: Why it is outside its context of use; empty: as the flags say.
    """
    value, parts = _number(block.values[0]), block.contributions
    contributions: dict[str, float] = {}
    if parts is not None and value is not None:
        contributions = dict(zip(block.contributors, parts[0].tolist(), strict=True))
    outside = int(block.outside[0])
    return Prediction(
        value=value,
        lower=_number(block.lower[0]),
        upper=_number(block.upper[0]),
        confidence=block.confidence,
        contributions=contributions,
        is_in_domain=not outside,
        reason=reason or outside_words(outside),
        model=block.model,
        input_digest=block.input_digest,
    )


def outside_words(outside: int) -> str:
    """Flags of `Outside` in words; empty where there are none."""
    return "; ".join(words for flag, words in _WORDS.items() if flag in Outside(outside))


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def some(names: Sequence[str]) -> str:
    """The first few of names, and how many there are besides."""
    shown = ", ".join(str(one) for one in names[:_N_NAMED])
    return f"{shown} and {len(names) - _N_NAMED} more" if len(names) > _N_NAMED else shown
