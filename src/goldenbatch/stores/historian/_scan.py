"""Reads just the row groups of Parquet files that can hold what is asked for.

A question for few tags touches few row groups. Their bounds are read once from a file's footer
and kept; then they are decoded by column and NumPy keeps the rows. Questions for a great part
of the tables are DuckDB's.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import ReadingKind
from goldenbatch.stores.historian._columns import Ints, ints, raw_ints, stored_schema

Keep = Callable[[Any], "NDArray[np.bool_] | None"]
"""Which rows of a table are asked for; None: all of them."""
MAX_ROWS = 8_000_000
"""Rows of the row groups up to which a question is answered here."""
_KEPT = 256
_KEPT_BYTES = 96 << 20


@dataclass(frozen=True)
class Footer:
    """Bounds of a file's row groups, `(2, n_groups)` each, and their numbers of rows."""

    metadata: Any
    tags: Ints
    times: Ints
    seqs: Ints
    n_rows: Ints

    def groups(self, tags: Ints, spans: Ints, after: int, upto: int) -> Ints:
        """Row groups that may hold rows; `spans` are disjoint and ascending, `(2, n_spans)`."""
        is_in = (self.seqs[1] > after) & (self.seqs[0] <= upto)
        wanted = np.sort(tags)
        is_in &= np.searchsorted(wanted, self.tags[0]) < np.searchsorted(
            wanted, self.tags[1], side="right"
        )
        # The first span that ends after a group's first time must begin before its last.
        place = np.searchsorted(spans[1], self.times[0], side="right")
        starts = np.append(spans[0], np.iinfo(np.int64).max)
        return np.flatnonzero(is_in & (starts[place] <= self.times[1]))


def _footer(part: Part) -> Footer:
    metadata = part.opened().metadata if part.source is not None else pq.read_metadata(part.path)
    names = {metadata.schema.column(n).path: n for n in range(metadata.num_columns)}
    found: dict[str, list[tuple[int, int]]] = {"tag": [], "time": [], "seq": []}
    sizes = []
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        sizes.append(group.num_rows)
        for name, bounds in found.items():
            stats = group.column(names[name]).statistics
            if stats is None or not stats.has_min_max:
                raise ValueError(f"row group {index} says nothing of {name}")
            bounds.append((stats.min_raw, stats.max_raw))
    made = {
        name: np.asarray(bounds, dtype=np.int64).reshape(-1, 2).T for name, bounds in found.items()
    }
    return Footer(
        metadata, made["tag"], made["time"], made["seq"], np.asarray(sizes, dtype=np.int64)
    )


@dataclass(frozen=True)
class Part:
    """A file of which row groups are read.

    Attributes:
        path: Its full name.
        source: The file, open, when only ranges of it are to be fetched.
    """

    path: str
    source: Any = None

    def opened(self, metadata: Any = None) -> Any:
        """The file for the Parquet reader."""
        if self.source is None:
            return pq.ParquetFile(self.path, metadata=metadata)
        source = pa.PythonFile(self.source, mode="r")
        # One range a run of columns; what came over a wire is checked page by page.
        return pq.ParquetFile(
            source, metadata=metadata, pre_buffer=True, page_checksum_verification=True
        )


class Scanner:
    """Row groups by their bounds; footers of files that never change are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._footers: OrderedDict[str, Footer] = OrderedDict()

    def _footer(self, part: Part) -> Footer:
        with self._lock:
            known = self._footers.get(part.path)
            if known is not None:
                self._footers.move_to_end(part.path)
                return known
        found = _footer(part)
        with self._lock:
            self._footers[part.path] = found
            total = sum(one.metadata.serialized_size for one in self._footers.values())
            while len(self._footers) > _KEPT or (total > _KEPT_BYTES and len(self._footers) > 1):
                total -= self._footers.popitem(last=False)[1].metadata.serialized_size
        return found

    def plan(
        self, files: Sequence[Part], tags: Ints, spans: Ints, cursor: tuple[int, int]
    ) -> list[tuple[Part, Ints]] | None:
        """Row groups of files that may hold rows; None when they are too many for here.

        Raises:
            IntegrityError: A file cannot be read; names it.
        """
        found, n_rows = [], 0
        for part in files:
            footer = self._explained_footer(part)
            groups = footer.groups(tags, spans, *cursor)
            n_rows += int(footer.n_rows[groups].sum())
            if n_rows > MAX_ROWS:
                return None
            if groups.size:
                found.append((part, groups))
        return found

    def _explained_footer(self, part: Part) -> Footer:
        found: Footer = _explained(part.path, lambda: self._footer(part))
        return found

    def read(
        self,
        plan: Sequence[tuple[Part, Ints]],
        kind: ReadingKind,
        keep: Keep,
    ) -> pa.Table:
        """Rows of row groups for which `keep` is true, in the order of the files.

        Raises:
            IntegrityError: A file cannot be read; names it.
        """
        schema, parts = stored_schema(kind), []
        for part, groups in plan:
            metadata = self._footer(part).metadata

            def task(part: Part = part, groups: Ints = groups, metadata: Any = metadata) -> Any:
                with part.opened(metadata) as file:
                    return file.read_row_groups(groups.tolist()).cast(schema).combine_chunks()

            table = _explained(part.path, task)
            mask = keep(table)
            parts.append(table if mask is None else table.filter(pa.array(mask)))
        return pa.concat_tables(parts) if parts else schema.empty_table()


def _explained(path: str, task: Callable[[], Any]) -> Any:
    try:
        return task()
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise IntegrityError(
            f"{path} cannot be read ({str(error)[:200]}).",
            hint="Run `goldenbatch verify`; it names all damaged files.",
        ) from error


def keeping(tags: Ints, spans: Ints, cursor: tuple[int, int]) -> Keep:
    """Says which rows of a table are asked for; None: all."""
    wanted = np.sort(tags)

    def keep(table: Any) -> NDArray[np.bool_] | None:
        tag, time, seq = raw_ints(table, "tag"), ints(table, "time"), ints(table, "seq")
        if not len(tag):
            return None
        mask = _among(tag, wanted)
        if spans.shape[1] > 1:
            place = np.searchsorted(spans[1], time, side="right")
            starts = np.append(spans[0], np.iinfo(np.int64).max)
            mask &= starts[place] <= time
        else:
            mask &= (time >= spans[0, 0]) & (time < spans[1, 0])
        mask &= (seq > cursor[0]) & (seq <= cursor[1])
        return None if mask.all() else mask

    return keep


def _among(tag: NDArray[Any], wanted: Ints) -> NDArray[np.bool_]:
    """Whether each tag is wanted; row groups hold few tags, in runs."""
    starts = np.concatenate([[0], np.flatnonzero(tag[1:] != tag[:-1]) + 1])
    is_wanted = np.isin(tag[starts], wanted)
    return np.repeat(is_wanted, np.diff(np.append(starts, len(tag))))
