"""The historian: durable frames in, readings of tags out, hot and cold as one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import pyarrow as pa

from goldenbatch.core.chunks import ChunkClosed, FrameEntry
from goldenbatch.core.errors import BadInputError, IntegrityError, LockedError
from goldenbatch.core.records import Body, Recorder
from goldenbatch.core.series import Frame, ReadingKind
from goldenbatch.core.site import Clock, Written
from goldenbatch.stores.historian import (
    _compactions,
    _files,
    _gone,
    _manifest,
    _packed,
    _recover,
    _slim,
    _tiers,
    _transfer,
    verify,
)
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._deleting import Deleting
from goldenbatch.stores.historian._grid import LAYOUT, Grid
from goldenbatch.stores.historian._keys import KeyIndex
from goldenbatch.stores.historian._leases import InUse
from goldenbatch.stores.historian._log import FrameLog, Payload, Pending, WriteRefusedError
from goldenbatch.stores.historian._places import open_place
from goldenbatch.stores.historian._prepare import Prepared, prepare, require_frame
from goldenbatch.stores.historian._query import Engine
from goldenbatch.stores.historian._reader import Reader
from goldenbatch.stores.historian._tags import TagDictionary
from goldenbatch.stores.historian.settings import HistorianSettings

N_TRIES = 6


def _payload(prepared: Prepared, kind: ReadingKind) -> Payload:
    rows = prepared.rows
    if isinstance(rows, Grid):
        return Payload(rows.encode(), LAYOUT)
    if prepared.is_packed:
        return Payload(_packed.encode(rows, kind), _packed.LAYOUT)
    if kind == "number" and rows.num_rows:
        return Payload(_slim.encode(rows), _slim.LAYOUT)
    return Payload(memoryview(rows.serialize()).cast("B"))


def _compacted(loaded: _recover.Loaded) -> dict[str, int]:
    """Last compaction that is seen of each kind."""
    return {kind: snapshot.compaction for kind, snapshot in loaded.cold.items()}


class Historian(Reader, Deleting):
    """What was measured: readings of tags, durable and bitemporal. Open it with `open`.

    Attributes:
        notes: What was found and put right, such as a torn tail that was cut.
    """

    def __init__(
        self, path: Path, recorder: Recorder | None, clock: Clock, settings: HistorianSettings
    ) -> None:
        self._folder, self._recorder, self._clock = path, recorder, clock
        self._settings = settings
        self._lock = threading.RLock()
        self._flush_lock, self._upkeep_lock = threading.Lock(), threading.Lock()
        self._leases, self._lineage = InUse(path), _compactions.Lineage()
        self._waiting: dict[tuple[str, str], Pending] = {}
        self._flush_at, self._n_put_off = settings.flush_readings, 1
        self._lock_file, self._is_writer = -1, False
        self._log: FrameLog | None = None
        self._keys: KeyIndex | None = None
        self._seen: object = None
        self._on_step: Callable[[str], None] = lambda _: None
        self.notes: list[str] = []

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        recorder: Recorder | None,
        clock: Clock,
        settings: HistorianSettings | None = None,
        read_only: bool = False,
    ) -> Self:
        """Open a historian's folder; a writer makes it and finishes what a crash left undone.

        Args:
            path: The folder.
            recorder: Takes `ChunkClosed` of each chunk; None: they are recorded when one is given.
            clock: Present time, for the notes.
            settings: How the log is cut and the tables are written.
            read_only: Only read, beside a writer in another process.

        Raises:
            LockedError: Another writer has it open.
            IntegrityError: What is stored is not what was written.
        """
        self = cls(Path(path), recorder, clock, settings or HistorianSettings())
        self._engine = Engine(self._settings.query_threads)
        try:
            if read_only:
                self._open_reader()
            else:
                self._open_writer()
        except BaseException:
            self.close()
            raise
        return self

    def _open_reader(self) -> None:
        if not (self._folder / "log").is_dir():
            raise BadInputError(f"{self._folder} holds no historian.", hint="Name its folder.")
        self._tags = TagDictionary(self._folder / "tags.log")
        self._cold = self._opened_tables()
        self._leases.show()
        self.refresh()

    def _opened_tables(self) -> Cold:
        place = open_place(self._folder, self._settings, is_writer=self._is_writer)
        self._engine.reach = lambda kind, file: str(place.local(kind, file.name, file.size))
        self._engine.source = lambda kind, file: place.source(kind, file.name, file.size)
        return Cold(place, self._settings.row_group_rows)

    def _open_writer(self) -> None:
        self._is_writer = True
        with self._refusing():
            for name in ("log", "chunks"):
                _files.make_dir(self._folder / name)
            self._lock_file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LockedError(
                f"{self._folder} is open for writing elsewhere.", hint="Close the other process."
            ) from error
        self._tags = TagDictionary(self._folder / "tags.log")
        self._cold = self._opened_tables()
        for note in _recover.cut_torn_tail(self._folder / "log"):
            self.notes.append(f"{_files.stamp(self._clock())} {note}")
        self._keys = KeyIndex(self._folder / "keys.sqlite")
        state = _manifest.load_state(self._folder)
        manifest = _recover.unfinished(self._folder, state)
        if manifest is not None:
            with self._refusing():
                self._mend(manifest)
                self._transfer().complete(manifest, state)
        self._lineage = _compactions.load(self._folder)
        with self._refusing():
            self._compactor().recover(self._lineage)
            self._shifter().recover()
        self._loaded = _recover.load(self._folder, self._tags, self._cold, self._engine)
        self._transfer().catch_up(self._loaded.state)
        self._loaded.state = _manifest.load_state(self._folder)
        head, chain = self._loaded.head, bytes.fromhex(self._loaded.chain)
        folder = self._folder / "log"
        self._log = FrameLog(folder, head, chain, self._publish, self._settings.segment_bytes)
        self._lock = self._log.lock
        self._log.open()
        self._leases.saw(_compacted(self._loaded))
        with self._refusing():
            self._finish_deletions(self._log)

    def _transfer(self) -> _transfer.Transfer:
        """The hand-over, bound to what this historian holds."""
        if self._keys is None:
            raise BadInputError(f"{self._folder} is open for reading only.")
        return _transfer.Transfer(
            self._folder, self._cold, self._keys, self._recorder, self._tags.name, self._on_step
        )

    def refresh(self) -> None:
        """See what a writer in another process has written; a writer sees it always."""
        if self._is_writer:
            return
        for attempt in range(N_TRIES):
            seen = self._stamp()
            if seen == self._seen:
                return
            try:
                loaded = _recover.load(self._folder, self._tags, self._cold, self._engine)
                lineage = _compactions.load(self._folder)
            except (IntegrityError, FileNotFoundError):
                # The writer may just have moved on; what is damaged stays so.
                if attempt == N_TRIES - 1:
                    raise
                time.sleep(0.02 * 2**attempt)
            else:
                with self._lock:
                    self._loaded, self._seen, self._lineage = loaded, seen, lineage
                    self._leases.saw(_compacted(loaded))
                return

    def _stamp(self) -> object:
        """Changes when a writer has done something that can be read."""
        paths = [*(self._folder / "log").glob("*.frames")]
        paths += [self._folder / _manifest.STATE, self._folder / _gone.GONE]
        paths += [self._folder / _compactions.FOLDER, self._folder / _tiers.FOLDER]
        found = []
        for path in sorted(paths):
            if path.exists():
                status = path.stat()
                found.append((path.name, status.st_size, status.st_mtime_ns, status.st_ino))
        return tuple(found)

    def _writer(self) -> FrameLog:
        if self._log is None and self._is_writer:  # nothing is wrong with the frame
            raise WriteRefusedError(f"{self._folder} is closed.", hint="Open it again.")
        if self._log is None:
            raise BadInputError(
                f"{self._folder} is open for reading only.", hint="Open it with read_only=False."
            )
        return self._log

    def write(self, frame: Frame) -> Written:
        """Make a frame durable; the same source and key again adds nothing.

        Raises:
            BadInputError: The frame cannot be kept; names tag and time.
            WriteRefusedError: The disk is full or broken; nothing of the frame was kept.
        """
        log = self._writer()
        require_frame(frame)
        upto = self._loaded.state.n
        known = self._known(frame)
        if known is not None:
            return self._written_before(known)
        try:
            prepared = prepare(frame, self._tags)
        except OSError as error:
            raise WriteRefusedError(
                f"frame {frame.source}/{frame.key}: its new tags were not written to "
                f"{self._folder} ({error.strerror}).",
                hint="Make room on the disk and write the frame again.",
            ) from error
        pending = self._append(log, frame, prepared, upto)
        if not isinstance(pending, Pending):
            return self._written_before(pending[0])
        try:
            log.settle(pending)
        finally:
            with log.lock:
                self._waiting.pop((frame.source, frame.key), None)
        self._flush_when_due()
        return Written(pending.entry.seq, pending.entry.n_readings, is_new=True)

    def _append(
        self, log: FrameLog, frame: Frame, prepared: Prepared, upto: int
    ) -> Pending | tuple[Pending | FrameEntry | tuple[int, int]]:
        """Put a frame into the log, or say who was faster with the same key.

        Args:
            log: Where to.
            frame: What a connector wrote.
            prepared: Its columns.
            upto: Hand-over up to which its key was looked up already.
        """
        draft = FrameEntry(
            seq=0,
            source=frame.source,
            key=frame.key,
            kind=frame.kind,
            received_at=frame.received_at,
            n_readings=prepared.rows.num_rows,
            origin=frame.origin,
            reason=frame.reason,
            digest="",
        )
        payload = _payload(prepared, frame.kind)
        with log.lock:
            known = self._known(frame, upto)
            if known is not None:
                return (known,)
            pending = log.append(draft, payload, prepared)
            self._waiting[frame.source, frame.key] = pending
            return pending

    def _known(self, frame: Frame, upto: int = -1) -> Pending | FrameEntry | tuple[int, int] | None:
        """An earlier frame of the same source and key: waiting, hot or handed over after `upto`."""
        key = (frame.source, frame.key)
        with self._lock:
            waiting = self._waiting.get(key) or self._loaded.hot.keys.get(key)
            if waiting is not None or self._keys is None or upto == self._loaded.state.n:
                return waiting
            return self._keys.find(*key)

    def _written_before(self, known: Pending | FrameEntry | tuple[int, int]) -> Written:
        if isinstance(known, Pending):
            self._writer().settle(known)
            known = known.entry
        if isinstance(known, FrameEntry):
            known = (known.seq, known.n_readings)
        return Written(known[0], known[1], is_new=False)

    def _publish(self, group: list[Pending]) -> None:
        """Frames have become durable: let readers see them. Called with the lock held."""
        for pending in group:
            entry, prepared = pending.entry, cast("Prepared", pending.content)
            kind = cast("ReadingKind", entry.kind)
            self._loaded.hot.add(entry, prepared.rows, kind)
            self._loaded.latest.update(entry, prepared.newest, kind)
            self._loaded.head = entry.seq

    def _flush_when_due(self) -> None:
        hot, limit = self._loaded.hot, self._settings.flush_bytes
        is_due = 0 < self._flush_at <= hot.n_readings or 0 < limit * self._n_put_off < hot.n_bytes
        if not is_due or self._flush_lock.locked():
            return
        try:
            self.flush()
        except (WriteRefusedError, OSError) as error:
            # The frame itself is durable: a full disk must not make its writer believe otherwise.
            if self._flush_at:
                self._flush_at = hot.n_readings + self._settings.flush_readings
            self._n_put_off += 1
            self.notes.append(f"{_files.stamp(self._clock())} hand-over put off: {error}")

    def flush(self) -> tuple[ChunkClosed, ...]:
        """Hand over what is in the log to the cold tables; safe to be cut short at any point.

        Returns:
            The chunks that were closed, one a source; none when the log was empty.

        Raises:
            IntegrityError: What was read back is not what was written; the log is kept.
            WriteRefusedError: The disk is full or broken; the log is kept.
        """
        log = self._writer()
        with self._flush_lock, self._refusing():
            return self._flush(log)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """What a full or broken disk does to a hand-over, as one clear error."""
        try:
            yield
        except (OSError, pa.ArrowException, sqlite3.Error) as error:
            raise WriteRefusedError(
                f"{self._folder} cannot be written: {error}.",
                hint="Make room on the disk; nothing is lost, the log is kept.",
            ) from error

    def _flush(self, log: FrameLog) -> tuple[ChunkClosed, ...]:
        transfer, state = self._transfer(), self._loaded.state
        manifest, plan = _recover.unfinished(self._folder, state), None
        if manifest is None:
            n = log.rotate()
            if n == state.n:
                return ()
            self._on_step("rotated")
            plan = transfer.begin(self._loaded.hot, n, state, log.lock)
            manifest = plan.manifest
        else:
            self._mend(manifest)
        done = transfer.complete(manifest, state, plan)
        snapshots = verify.snapshots(self._cold)
        with log.lock:
            self._loaded.state, self._loaded.cold = done, snapshots
            self._loaded.hot.drop(manifest.n)
            data = self._loaded.latest.dump(manifest.n, self._tags.kind_codes())
        _files.write_atomic(self._folder / "latest.bin", data)
        self._on_step("saved latest")
        _transfer.cut_log(self._folder / "log", state.n)
        self._on_step("cut")
        self._flush_at, self._n_put_off = self._settings.flush_readings, 1
        return tuple(chunk.body() for chunk in manifest.chunks)

    def verify(
        self,
        recorded: Iterable[ChunkClosed] | None = None,
        deleted: Mapping[int, str] | None = None,
        steps: Iterable[Body] | None = None,
    ) -> list[verify.Problem]:
        """What is stored and is not what was written, from the bytes on the disk.

        Args:
            recorded: Bodies of all `ChunkClosed` events of the ledger, to compare with.
            deleted: By number of the hand-over, on whose word the ledger says it was deleted;
                None: nobody knows, and what was deleted is taken on its own word.
            steps: Bodies of all events of the stream `tier/home`, to compare with.
        """
        self.refresh()
        with self._flush_lock:
            with self._lock:
                loaded = self._loaded
                stored = verify.Stored(
                    self._folder, self._cold, self._tags, loaded.state, loaded.head, deleted
                )
                found = list(verify.check_live(stored, has_writer_elsewhere=not self._is_writer))
            return found + list(verify.check_closed(stored, recorded, steps))

    def close(self) -> None:
        """Give back files and the lock; what was acknowledged is on the disk already."""
        if self._log is not None:
            self._log.close()
        if self._keys is not None:
            self._keys.close()
        self._engine.close()
        self._leases.close()
        if self._lock_file >= 0:
            os.close(self._lock_file)
        self._log, self._keys, self._lock_file = None, None, -1

    def __enter__(self) -> Self:
        """The historian itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()
