"""The verbs that read: one view of hot and cold, taken under a lock, queried without it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from goldenbatch.core.aggregates import AggregateKind, AggregateSettings
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.series import Aggregated, Aligned, ReadingKind, Series
from goldenbatch.core.site import Window
from goldenbatch.stores.historian._bounds import bounded, require_aggregate, tabulated
from goldenbatch.stores.historian._columns import Ints, ints
from goldenbatch.stores.historian._hot import may_fit
from goldenbatch.stores.historian._leases import InUse
from goldenbatch.stores.historian._leaves import window_digest
from goldenbatch.stores.historian._prepare import FIRST_TIME, LAST_TIME
from goldenbatch.stores.historian._query import (
    BY_TAG,
    MAX_SEQ,
    Engine,
    Selection,
    View,
    as_series,
    by_request,
    merged,
    newest_versions,
)
from goldenbatch.stores.historian._recover import Loaded
from goldenbatch.stores.historian._shape import align, decimate
from goldenbatch.stores.historian._tags import TagDictionary

MAX_GRID = 10_000_000


def _clamped(window: Window) -> Window:
    if window[0] > window[1]:
        raise BadInputError(
            f"window {window} ends before it starts.", hint="Give [start, end) in microseconds UTC."
        )
    return max(window[0], FIRST_TIME), min(window[1], LAST_TIME)


def _upto(as_of: int | None) -> int:
    return MAX_SEQ if as_of is None else as_of


class Reader:
    """Reads what is loaded; a writer keeps it current, a lone reader reloads."""

    _loaded: Loaded
    _tags: TagDictionary
    _engine: Engine
    _lock: threading.RLock
    _leases: InUse

    def refresh(self) -> None:
        """See what a writer in another process has written; a writer sees it always."""

    def _select(self, kind: ReadingKind, chosen: Selection, order: str = BY_TAG) -> pa.Table:
        """Chosen readings, every version, of what is there at this moment."""
        with ExitStack() as stack:
            with self._lock:
                cold, blocks = self._loaded.cold[kind], self._loaded.hot.blocks(kind)
                stack.enter_context(self._leases.reading(kind, cold.compaction))
            view = View(kind, cold, may_fit(kind, blocks, chosen))
            return self._engine.select(view, chosen, order)

    def _resolve(
        self, tags: Sequence[str], *, is_strict: bool
    ) -> tuple[list[str], Ints, ReadingKind]:
        """Names without repetition, their numbers and their one kind."""
        self.refresh()
        names, numbers, missing = [], [], []
        with self._lock:
            for name in dict.fromkeys(tags):
                number = self._tags.find(name)
                if number is None or not self._loaded.latest.has(number):
                    missing.append(name)
                else:
                    names.append(name)
                    numbers.append(number)
        if missing and is_strict:
            raise NotFoundError(
                f"tag {missing[0]!r} has never had a reading"
                + (f", nor have {len(missing) - 1} others." if missing[1:] else "."),
                hint="See `tags()` for the names that have.",
            )
        kinds = {self._tags.kind(number): name for number, name in zip(numbers, names, strict=True)}
        if len(kinds) > 1:
            found = ", ".join(f"{name!r} ({kind})" for kind, name in kinds.items())
            raise BadInputError(
                f"the tags are of different kinds: {found}.", hint="Read each kind by itself."
            )
        return names, np.asarray(numbers, dtype=np.int64), next(iter(kinds), "number")

    def _current(
        self, kind: ReadingKind, numbers: Ints, windows: Sequence[Window], as_of: int | None
    ) -> pa.Table:
        """Newest version of each reading in the windows, by (tag, time)."""
        spans = merged([_clamped(window) for window in windows])
        chosen = Selection(numbers, spans, upto=_upto(as_of))
        return newest_versions(self._select(kind, chosen))

    def head(self) -> int:
        """Number of the last durable frame; 0 when empty."""
        self.refresh()
        with self._lock:
            return self._loaded.head

    def tags(self) -> Mapping[str, ReadingKind]:
        """Names and kinds of all tags that have readings."""
        self.refresh()
        with self._lock:
            known = self._loaded.latest.known().tolist()
        return {self._tags.name(number): self._tags.kind(number) for number in known}

    def read(self, tags: Sequence[str], window: Window, as_of: int | None = None) -> Series:
        """Newest version of each reading in the window, known at `as_of`, by tag and time.

        Raises:
            NotFoundError: A tag has never had a reading.
            BadInputError: The tags are of different kinds.
        """
        names, numbers, kind = self._resolve(tags, is_strict=True)
        table = by_request(self._current(kind, numbers, [window], as_of), numbers)
        return as_series(table, kind, names, numbers)

    def since(self, tags: Sequence[str], after: int, upto: int | None = None) -> Series:
        """Readings in frames `after < seq <= upto`, by frame, time and tag (cursor).

        Every version is returned; a tag without readings yet has none.
        """
        names, numbers, kind = self._resolve(tags, is_strict=False)
        last = MAX_SEQ if upto is None else upto
        chosen = Selection(numbers, [(FIRST_TIME, LAST_TIME)], after=after, upto=last)
        table = self._select(kind, chosen, order="seq, time, tag")
        if len(numbers) > 1 and table.num_rows:
            rank = np.argsort(np.argsort(numbers))
            place = np.argsort(rank)[np.searchsorted(np.sort(numbers), ints(table, "tag"))]
            rows = np.lexsort((place, ints(table, "time"), ints(table, "seq")))
            table = table.take(pa.array(rows))
        return as_series(table, kind, names, numbers)

    def latest(self, tags: Sequence[str]) -> Series:
        """Newest reading by time of each tag that has one, from memory, as asked for."""
        names, numbers, kind = self._resolve(tags, is_strict=False)
        with self._lock:
            table = self._loaded.latest.table(numbers, kind)
        return as_series(table, kind, names, numbers)

    def downsample(self, tags: Sequence[str], window: Window, n_points: int) -> Series:
        """About `n_points` readings a tag: extremes, changes of quality and gaps survive.

        Each of `n_points / 4` buckets keeps its first, last, lowest and highest reading; both
        sides of a change of quality, of presence or of a text are kept beyond that number.

        Raises:
            NotFoundError: A tag has never had a reading.
            BadInputError: The tags are of different kinds, or `n_points` is less than 1.
        """
        if n_points < 1:
            raise BadInputError(f"n_points is {n_points}.", hint="Ask for at least one point.")
        names, numbers, kind = self._resolve(tags, is_strict=True)
        table = self._current(kind, numbers, [window], None)
        table = by_request(decimate(table, kind, window, n_points), numbers)
        return as_series(table, kind, names, numbers)

    def aligned(
        self,
        tags: Sequence[str],
        windows: Sequence[Window],
        grid_us: int,
        as_of: int | None = None,
    ) -> Aligned:
        """Means of tags on a grid of elapsed time since each window's start; gaps NaN.

        A bad or missing reading does not enter a mean; the worst quality of a bin shows it.
        A bin without any reading has the quality BAD.

        Raises:
            NotFoundError: A tag has never had a reading.
            BadInputError: The tags hold no numbers, or the grid is not positive or far too fine.
        """
        names, numbers, kind = self._resolve(tags, is_strict=True)
        longest = max((last - first for first, last in windows), default=0)
        if grid_us < 1 or longest // grid_us > MAX_GRID:
            raise BadInputError(
                f"a grid of {grid_us} us over {longest} us cannot be made.",
                hint=f"Use 1 us or more, and at most {MAX_GRID} steps.",
            )
        if kind != "number":
            raise BadInputError(
                f"tag {names[0]!r} is of kind {kind!r}; only numbers have means.",
                hint="Read texts, arrays and references with `read`.",
            )
        table = self._current(kind, numbers, windows, as_of)
        return align(table, names, numbers, windows, grid_us)

    def aggregate(
        self,
        tags: Sequence[str],
        windows: Sequence[Window],
        kind: AggregateKind,
        settings: AggregateSettings | None = None,
        as_of: int | None = None,
    ) -> Aggregated:
        """One value a tag and window, as OPC UA Part 13 defines it; readings beside it bound it.

        A switch or a state is a number, 0 or 1, that holds: say `is_stepped`.

        Raises:
            NotFoundError: A tag has never had a reading.
            BadInputError: The tags hold no numbers, or the aggregate is unknown.
        """
        names, numbers, held_kind = self._resolve(tags, is_strict=True)
        require_aggregate(kind, names, held_kind)
        for window in windows:
            _clamped(window)
        chosen = settings or AggregateSettings()

        def select(spans: list[Window], own: Ints) -> pa.Table:
            selection = Selection(own, spans, upto=_upto(as_of))
            return newest_versions(self._select("number", selection))

        tracks = bounded(select, numbers, windows, chosen)
        return tabulated(names, numbers, tracks, windows, (kind, chosen))

    def digest(self, tag: str, window: Window, as_of: int | None = None) -> tuple[str, int]:
        """SHA-256 of the canonical bytes (`core.chunks`) of a window's readings; their number.

        Raises:
            NotFoundError: The tag has never had a reading.
        """
        _, numbers, kind = self._resolve([tag], is_strict=True)
        table = self._current(kind, numbers, [window], as_of).combine_chunks()
        return window_digest(table, kind, tag), table.num_rows
