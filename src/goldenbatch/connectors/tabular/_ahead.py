"""Files read ahead: the next one is parsed while this one is compared and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from goldenbatch.connectors.tabular._files import Original, original_of
from goldenbatch.connectors.tabular._plan import Planner, ReadFile
from goldenbatch.connectors.tabular.card import TableSpec

FileOf = tuple[TableSpec, Path, str]
"""Table, path and name below the root of a file."""

Ahead = tuple[TableSpec, Original, ReadFile | None]
"""Table, bytes and cells of a file; no cells where they need not be read."""


def read_ahead(
    files: Sequence[FileOf], planner: Planner, is_done: Callable[[str, str], bool]
) -> Iterator[Ahead]:
    """Each file with its cells, in order; an error comes when its file does.

    Only the reading runs ahead, by one file and in one thread, so that frames and records are
    those of one file after the other.

    Args:
        files: What to read.
        planner: Reads the cells.
        is_done: Whether a file of this name and digest need not be read; called in the thread.
    """

    def read(table: TableSpec, path: Path, file: str) -> Ahead:
        original = original_of(path, file)
        if is_done(file, original.digest):
            return table, original, None
        return table, original, planner.read(table, original)

    with ThreadPoolExecutor(1, "goldenbatch-read") as pool:
        following = [pool.submit(read, *one) for one in files[:1]]
        for one in files[1:]:
            found = following.pop().result()
            following.append(pool.submit(read, *one))
            yield found
        for last in following:
            yield last.result()
