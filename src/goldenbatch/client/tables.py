"""Answers as tables: rows with types, readings and aligned blocks; out to Arrow, pandas, polars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from goldenbatch.client.rows import Row
from goldenbatch.core.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from goldenbatch.core import series as core_series

R = TypeVar("R", bound=Row)


class MissingFramesError(BadInputError):
    """pandas or polars is asked for and not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not installed.",
            hint="Install it: `pip install 'goldenbatch[frames]'`, or take `to_arrow()`.",
        )


class Rows(Sequence[R], Generic[R]):
    """Rows of one kind, in the node's order.

    Args:
        kind: Their class; it gives the columns, also where there is no row.
        rows: The rows.
    """

    def __init__(self, kind: type[R], rows: Sequence[R]) -> None:
        self.kind = kind
        self._rows = tuple(rows)

    @overload
    def __getitem__(self, index: int) -> R: ...

    @overload
    def __getitem__(self, index: slice) -> Rows[R]: ...

    def __getitem__(self, index: int | slice) -> R | Rows[R]:
        """A row, or some of them."""
        if isinstance(index, slice):
            return Rows(self.kind, self._rows[index])
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"<{len(self)} rows of {self.kind.__name__}>"

    def where(self, **values: object) -> Rows[R]:
        """The rows whose fields equal some values.

        Raises:
            BadInputError: They have no such field.
        """
        for name in values:
            if name not in self.kind.model_fields:
                known = ", ".join(self.kind.model_fields)
                raise BadInputError(
                    f"{self.kind.__name__} has no {name!r}.", hint=f"It has: {known}."
                )
        kept = [
            one
            for one in self._rows
            if all(getattr(one, name) == wanted for name, wanted in values.items())
        ]
        return Rows(self.kind, kept)

    def to_arrow(self) -> pa.Table:
        """An Arrow table: times are timestamps in UTC, objects are JSON text."""
        import pyarrow as pa

        columns = {
            name: pa.array([_cell(getattr(one, name)) for one in self._rows], _type(field))
            for name, field in self.kind.model_fields.items()
        }
        return pa.table(columns)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame.

        Raises:
            MissingFramesError: pandas is not installed.
        """
        return _pandas(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """A polars frame.

        Raises:
            MissingFramesError: polars is not installed.
        """
        return _polars(self.to_arrow())


def _cell(value: Any) -> Any:
    import json

    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def _type(field: Any) -> pa.DataType:
    import pyarrow as pa

    text = str(field.annotation)
    if "datetime" in text:
        return pa.timestamp("us", tz="UTC")
    if "dict" in text:
        return pa.string()
    for name, kind in (("float", pa.float64()), ("int", pa.int64()), ("bool", pa.bool_())):
        if name in text:
            return kind
    return pa.string()


@dataclass(frozen=True)
class Readings:
    """Readings of tags of one kind: time, tag, value, quality and the frame they came in.

    Attributes:
        series: As the platform holds them.
    """

    series: core_series.Series

    def __len__(self) -> int:
        return len(self.series)

    def __repr__(self) -> str:
        return f"<{len(self)} readings of kind {self.series.kind}>"

    def to_arrow(self) -> pa.Table:
        """One row a reading."""
        return self.series.table

    def to_pandas(self, *, is_wide: bool = False) -> pd.DataFrame:
        """A pandas frame.

        Args:
            is_wide: One column a tag with the time as index, instead of one row a reading.
                Where a tag has two readings at a time, the later frame's is taken.

        Raises:
            MissingFramesError: pandas is not installed.
        """
        frame = _pandas(self.to_arrow())
        if not is_wide:
            return frame
        ordered = frame.sort_values("seq").drop_duplicates(["time", "tag"], keep="last")
        return ordered.pivot(index="time", columns="tag", values="value").sort_index()

    def to_polars(self, *, is_wide: bool = False) -> pl.DataFrame:
        """A polars frame; `is_wide` as for pandas.

        Raises:
            MissingFramesError: polars is not installed.
        """
        frame = _polars(self.to_arrow())
        if not is_wide:
            return frame
        ordered = frame.sort("seq").unique(["time", "tag"], keep="last", maintain_order=True)
        return ordered.pivot("tag", index="time", values="value").sort("time")


@dataclass(frozen=True)
class Aligned:
    """Tags of several batches on one grid of elapsed time: how batches are laid over each other.

    Attributes:
        batches: Names, one a window.
        block: As the platform holds them: values of shape (n_windows, n_grid, n_tags).
    """

    batches: tuple[str, ...]
    block: core_series.Aligned

    def to_arrow(self) -> pa.Table:
        """One row a batch and step: `batch`, `elapsed_s`, and one column a tag; NaN is a gap."""
        import numpy as np
        import pyarrow as pa

        values = np.asarray(self.block.values)
        n_windows, n_steps, n_tags = values.shape
        columns: dict[str, Any] = {
            "batch": np.repeat(np.asarray(self.batches, dtype=object), n_steps),
            "elapsed_s": np.tile(np.asarray(self.block.elapsed_us) / 1e6, n_windows),
        }
        flat = values.reshape(n_windows * n_steps, n_tags)
        columns |= {tag: flat[:, j] for j, tag in enumerate(self.block.tags)}
        return pa.table(columns)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas frame, one row a batch and step."""
        return _pandas(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """A polars frame, one row a batch and step."""
        return _polars(self.to_arrow())


def _pandas(table: pa.Table) -> pd.DataFrame:
    try:
        import pandas  # noqa: F401
    except ImportError as error:
        raise MissingFramesError("pandas") from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _polars(table: pa.Table) -> pl.DataFrame:
    try:
        import polars
    except ImportError as error:
        raise MissingFramesError("polars") from error
    frame = polars.from_arrow(table)
    if not isinstance(frame, polars.DataFrame):
        return polars.DataFrame(frame)
    return frame
