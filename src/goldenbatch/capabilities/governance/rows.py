"""Rows that a model is trained on or tested with: inputs, reference, and where they come from."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.model_card import DataRange, DataUsed
from goldenbatch.core.overlap import row_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.core.sealing import SealingPort

    Floats = NDArray[np.float64]

FORM: Final = "goldenbatch/rows/1"
_TEXTS = ("ids", "groups", "batches", "samples", "places")
_NUMBERS = ("reference", "baseline", "practice")


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows in a table; the columns have one entry a row.

    Attributes:
        names: Names of the inputs, in the order of the columns of `inputs`.
        output: What the reference is of.
        unit: UCUM code of it.
        inputs: Shape (n_rows, n_inputs).
        reference: Results that the predictions are held against, shape (n_rows,).
        ids: Name of each row, unique.
        groups: Independent group of each: rows of one group may be alike.
        times: Microseconds UTC; None where a row has none.
        batches, lots, samples, places: What each is of; empty where unknown.
        strata: Subgroups that each is of.
        baseline: What the naive baseline says of each; NaN: nothing.
        practice: What the present practice says of each; NaN: nothing.
        ranges: The ranges of data that they come from.
    """

    names: tuple[str, ...]
    output: str
    unit: str
    inputs: Floats
    reference: Floats
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    times: tuple[int | None, ...]
    batches: tuple[str, ...]
    lots: tuple[tuple[str, ...], ...]
    samples: tuple[str, ...]
    places: tuple[str, ...]
    strata: tuple[tuple[str, ...], ...]
    baseline: Floats
    practice: Floats
    ranges: tuple[DataRange, ...] = ()

    def __post_init__(self) -> None:
        n, columns = len(self.ids), ("names", "output", "unit", "ranges")
        for field in fields(self):
            if field.name not in columns and len(getattr(self, field.name)) != n:
                raise BadInputError(f"column {field.name} has not the {n} entries of the others.")
        if self.inputs.shape != (n, len(self.names)):
            raise BadInputError(
                f"the inputs have the shape {self.inputs.shape}; {n} rows of "
                f"{len(self.names)} inputs were announced."
            )
        if len(set(self.ids)) != n:
            twice = sorted({one for one in self.ids if self.ids.count(one) > 1})
            raise BadInputError(f"rows {', '.join(twice[:3])} stand there twice.", key="id")

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.ids)

    @property
    def n_independent(self) -> int:
        """Number of independent groups."""
        return len(set(self.groups))

    def where(self, chosen: Sequence[bool]) -> Rows:
        """Some of the rows; what they come from has to be told anew."""
        mask = np.asarray(chosen, dtype=np.bool_)
        changed: dict[str, Any] = {"ranges": ()}
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, np.ndarray):
                changed[field.name] = column[mask]
            elif field.name not in ("names", "output", "unit", "ranges"):
                changed[field.name] = tuple(
                    one for one, is_in in zip(column, mask, strict=True) if is_in
                )
        return replace(self, **changed)

    def require_complete(self) -> None:
        """Pass if every row has all its inputs and a reference.

        Raises:
            BadInputError: One has not; the first of them are named.
        """
        is_bad = ~np.isfinite(self.reference) | ~np.isfinite(self.inputs).all(axis=1)
        if is_bad.any():
            names = [one for one, bad in zip(self.ids, is_bad, strict=True) if bad]
            raise BadInputError(
                f"{len(names)} of {len(self)} rows lack an input or the reference: "
                f"{', '.join(names[:5])}.",
                hint="Exclude each with its reason, or complete it.",
                key="exclude",
            )

    def used(self, port: SealingPort) -> DataUsed:
        """What they are, by content and by name; the marks of rows are keyed by the home."""
        tokens = [
            token
            for row, reference in zip(self.inputs.tolist(), self.reference.tolist(), strict=True)
            for token in row_tokens(row, reference)
        ]
        lots = {lot for row in self.lots for lot in row}
        return DataUsed(
            ranges=self.ranges,
            batches=_named(self.batches),
            lots=_named(lots),
            samples=_named(self.samples),
            places=_named(self.places),
            rows=port.marks(tokens),
        )

    def columns(self, names: Sequence[str]) -> Floats:
        """Inputs in the order of a model.

        Raises:
            BadInputError: The rows lack one that the model needs.
        """
        place = {name: number for number, name in enumerate(self.names)}
        missing = [name for name in names if name not in place]
        if missing:
            raise BadInputError(
                f"the rows lack {len(missing)} of the {len(names)} inputs of the model, the first "
                f"is {missing[0]!r}; they have {', '.join(self.names[:5])}, ...",
                hint="Select rows with the inputs that the model was trained on.",
            )
        return np.ascontiguousarray(self.inputs[:, [place[name] for name in names]])

    # ---- as bytes -----------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """As an Arrow file, with what they are in its metadata."""
        import pyarrow as pa

        arrays: dict[str, Any] = {name: pa.array(getattr(self, name)) for name in _TEXTS}
        arrays["lots"] = pa.array([list(one) for one in self.lots], pa.list_(pa.string()))
        arrays["strata"] = pa.array([list(one) for one in self.strata], pa.list_(pa.string()))
        arrays["times"] = pa.array(self.times, pa.int64())
        arrays |= {name: pa.array(getattr(self, name)) for name in _NUMBERS}
        width = len(self.names)
        flat = pa.array(np.ascontiguousarray(self.inputs).reshape(-1))
        arrays["inputs"] = pa.FixedSizeListArray.from_arrays(flat, width)
        head = {"form": FORM, "names": self.names, "output": self.output, "unit": self.unit}
        table = pa.table(arrays).replace_schema_metadata({"rows": json.dumps(head)})
        sink = io.BytesIO()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Rows:
        """Rows as `to_bytes` wrote them, bit by bit.

        Raises:
            IntegrityError: These are no such rows.
        """
        import pyarrow as pa

        try:
            table = pa.ipc.open_file(io.BytesIO(content)).read_all().combine_chunks()
            head = json.loads(table.schema.metadata[b"rows"])
            if head["form"] != FORM:
                raise ValueError(f"form {head['form']}")
            n, width = table.num_rows, len(head["names"])
            inputs = table.column("inputs").combine_chunks()
            flat = inputs.flatten().to_numpy(zero_copy_only=False).reshape(n, width)
            columns: dict[str, Any] = {
                name: tuple(tuple(one) for one in table.column(name).to_pylist())
                for name in ("lots", "strata")
            }
            columns |= {name: tuple(table.column(name).to_pylist()) for name in (*_TEXTS, "times")}
            columns |= {name: table.column(name).to_numpy() for name in _NUMBERS}
            names = tuple(head["names"])
            return cls(
                names=names, output=head["output"], unit=head["unit"], inputs=flat, **columns
            )
        except (pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(
                f"these are no rows of a test set: {error}.",
                hint="Restore the registry from the backup of the home.",
            ) from error


def _named(names: Sequence[str] | set[str]) -> tuple[str, ...]:
    return tuple(sorted({one for one in names if one}))


def missing(n: int) -> Floats:
    """A column of which nothing is known."""
    return np.full(n, math.nan)
