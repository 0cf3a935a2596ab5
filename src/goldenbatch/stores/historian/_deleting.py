"""The verbs by which readings may go: what is closed, and the deletion of whole hand-overs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa

from goldenbatch.core.chunks import HandOver
from goldenbatch.core.errors import DeniedError, NotFoundError, UnreachableError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.core.site import Window
from goldenbatch.stores.historian import _files, _gone, _manifest, _transfer
from goldenbatch.stores.historian._carrying import Carrying
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._columns import Ints, ints
from goldenbatch.stores.historian._gone import Gone
from goldenbatch.stores.historian._log import FrameLog
from goldenbatch.stores.historian._prepare import FIRST_TIME, LAST_TIME
from goldenbatch.stores.historian._query import Engine, Selection, View
from goldenbatch.stores.historian._recover import Loaded
from goldenbatch.stores.historian._tags import TagDictionary
from goldenbatch.stores.historian._tiers import Tier

Guard = Callable[[HandOver], Sequence[str]]
"""Why a hand-over must stay, in words; nothing: it may go."""


class Deleting(Carrying):
    """Part of `Historian`: what was handed over may be deleted, if who asks lets it go."""

    _folder: Path
    _cold: Cold
    _loaded: Loaded
    _tags: TagDictionary
    _engine: Engine
    _lock: threading.RLock
    _flush_lock: threading.Lock
    notes: list[str]

    def refresh(self) -> None:
        """See what a writer in another process has written; a writer sees it always."""

    def closed(self, window: Window | None = None) -> Iterator[HandOver]:
        """Hand-overs, oldest first, those deleted among them.

        Args:
            window: Only those with readings in it; None: all.
        """
        self.refresh()
        with self._lock:
            last = self._loaded.state.n
        gone = _gone.load_gone(self._folder)
        for n in _manifest.manifest_numbers(self._folder / "chunks"):
            if n > last:
                return  # begun and not finished
            one = _gone.hand_over(self._manifest(n), gone)
            if window is None or (one.window[0] < window[1] and one.window[1] > window[0]):
                yield one

    def delete(self, numbers: Sequence[int], why: str, guard: Guard) -> int:
        """Delete the readings of hand-overs for good; what bound them to the ledger stays.

        Frames, digests of each tag and the root remain in the manifest, so that verification
        says on whose word they went instead of naming them missing. Called again it finishes.

        Args:
            numbers: Of the hand-overs.
            why: On whose word, such as `deletion D-7`.
            guard: Asked for each before anything goes; what a hold covers must not.

        Returns:
            Readings that went.

        Raises:
            DeniedError: One must stay; nothing was deleted.
            NotFoundError: There is no such hand-over.
            WriteRefusedError: The disk is full or broken; call it again.
        """
        log = self._writer()
        with self._flush_lock, self._refusing():
            known = _gone.load_gone(self._folder)
            chosen = [self._require(n, guard, known) for n in dict.fromkeys(numbers)]
            fresh = {one.n: self._taken(one, why) for one in chosen if not one.deleted}
            self._require_tiers(fresh)
            _gone.store_gone(self._folder, {**known, **fresh})
            self._carry_out(log, {n: {**known, **fresh}[n] for n in numbers})
        return sum(one.n_readings for one in chosen if not one.deleted)

    def _require(self, n: int, guard: Guard, known: dict[int, Gone]) -> HandOver:
        if (
            n > self._loaded.state.n
            or not _manifest.manifest_path(self._folder / "chunks", n).is_file()
        ):
            raise NotFoundError(f"there is no hand-over {n}.", hint="See what is closed.")
        found = _gone.hand_over(self._manifest(n), known)
        if reasons := guard(found):
            raise DeniedError(
                f"the readings of hand-over {n} must be kept: {'; '.join(reasons)}.",
                hint="Nothing was deleted.",
            )
        return found

    def _taken(self, one: HandOver, why: str) -> Gone:
        return Gone(why, self._lineage.all_of(self._manifest(one.n).files))

    def _require_tiers(self, gone: dict[int, Gone]) -> None:
        """Refuse while a tier is away that holds readings which are to go."""
        now = self._cold.place.tiers().now
        held = [now.get((file.kind, file.path)) for one in gone.values() for file in one.files]
        for tier in {Tier(one[0].tier, one[0].url) for one in held if one}:
            self._cold.place.require_there(tier)

    def _manifest(self, n: int) -> _manifest.Manifest:
        return _manifest.load_manifest(_manifest.manifest_path(self._folder / "chunks", n))

    def _finish_deletions(self, log: FrameLog) -> None:
        """What a crash has left of deletions that were begun."""
        gone = _gone.load_gone(self._folder)
        try:
            left = {n: one for n, one in gone.items() if _gone.is_left(self._cold, one)}
            if left:
                self._carry_out(log, left)
        except UnreachableError as error:
            # The home must open all the same; verification says what is still there.
            self.notes.append(f"{_files.stamp(self._clock())} deletion put off: {error}")
            return
        if gone:
            _transfer.cut_log(self._folder / "log", max(gone))

    def _rewrite(self, log: FrameLog, gone: dict[int, Gone]) -> None:
        """Compacted files that hold rows of others as well are written again without them."""
        chosen = {(file.kind, file.path) for one in gone.values() for file in one.files}
        merged = [one for kind in KINDS for one in self._lineage.added(kind).values()]
        for _, file in merged:
            if (file.kind, file.path) in chosen and not self._lineage.is_removed(file):
                kind = cast("ReadingKind", file.kind)
                self._put(log, self._compactor().merged(kind, [file], without=set(gone)))

    def _carry_out(self, log: FrameLog, gone: dict[int, Gone]) -> None:
        """First out of the tables, then out of sight of readers, then off the disk."""
        self._rewrite(log, gone)
        tiers = _gone.take_out(self._cold, gone, self._folder, self._clock())
        snapshots = {kind: self._cold.snapshot(kind) for kind in KINDS}
        spans = [(self._manifest(n).base, n) for n in gone]
        with log.lock:
            self._loaded.cold = snapshots
            lost = self._loaded.latest.forget(spans)
        for kind in KINDS:
            self._renew_latest(log, kind, lost)
        with log.lock:
            data = self._loaded.latest.dump(self._loaded.state.n, self._tags.kind_codes())
        _files.write_atomic(self._folder / "latest.bin", data)
        self._shifter().record()
        for tier in tiers:
            for kind in KINDS:
                self._shifter().reconcile(tier, kind)
        _gone.unlink(self._cold, gone)
        # The log keeps the newest hand-over for readers that have not seen it yet.
        _transfer.cut_log(self._folder / "log", max(gone))

    def _renew_latest(self, log: FrameLog, kind: ReadingKind, tags: Ints) -> None:
        """Newest readings, of what is left, of tags whose newest one went."""
        own = tags[self._tags.kind_codes()[tags] == KINDS.index(kind)] if tags.size else tags
        if not own.size:
            return
        with log.lock:
            view = View(kind, self._loaded.cold[kind], self._loaded.hot.table(kind))
        table = self._engine.select(view, Selection(own, [(FIRST_TIME, LAST_TIME)]))
        tag = ints(table, "tag")
        newest = np.flatnonzero(np.append(tag[1:] != tag[:-1], True)) if len(tag) else tag
        with log.lock:
            self._loaded.latest.take_table(table.take(pa.array(newest)), kind)
