"""The frame log: append-only segments, acknowledged after one shared fdatasync."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from goldenbatch.core.chunks import FrameEntry
from goldenbatch.core.errors import GoldenbatchError, IntegrityError
from goldenbatch.stores.historian import _files, _frames

Publish = Callable[[list["Pending"]], None]


class WriteRefusedError(GoldenbatchError):
    """A frame that could not be made durable; nothing of it was kept."""

    exit_code = 74


@dataclass(frozen=True)
class Payload:
    """Bytes of a frame's readings, and how they are laid out."""

    data: memoryview
    layout: str = ""


@dataclass
class Pending:
    """A frame that lies in the log and waits for its fdatasync."""

    entry: FrameEntry
    content: object
    start: int
    error: BaseException | None = None


class FrameLog:
    """Segments under one folder; concurrent writers share a sync.

    Args:
        folder: Where the segments lie.
        head: Number of the newest frame.
        chain: Digest of the newest frame.
        publish: Called in order with frames that have become durable.
        segment_bytes: A segment is closed at this size.
    """

    def __init__(
        self, folder: Path, head: int, chain: bytes, publish: Publish, segment_bytes: int
    ) -> None:
        self.folder, self._publish, self._segment_bytes = folder, publish, segment_bytes
        self.lock = threading.RLock()
        self._synced = threading.Condition(self.lock)
        self._pending: list[Pending] = []
        self._is_syncing = False
        self._next, self._chain = head + 1, chain
        self._good = (head, chain)
        self._handle, self._mark, self._size = -1, -1, 0
        self._failure = ""

    def open(self) -> None:
        """Go on in the newest segment, or begin one."""
        mark = self.folder / _frames.MARK
        if not mark.exists() or mark.stat().st_size != _frames.MARK_BYTES:
            _files.write_atomic(mark, _frames.encode_mark(self._next - 1))
        self._mark = os.open(mark, os.O_WRONLY)
        paths = sorted(self.folder.glob("*.frames"))
        if not paths or int(paths[-1].stem) > self._next:
            self._begin()
            return
        self._handle = os.open(paths[-1], os.O_WRONLY | os.O_APPEND)
        self._size = os.fstat(self._handle).st_size

    def close(self) -> None:
        """Give back the file."""
        with self.lock:
            self._wait_quiet()
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1
            if self._mark >= 0:
                os.close(self._mark)
                self._mark = -1

    def _begin(self) -> None:
        path = self.folder / f"{self._next:020d}.frames"
        _files.write_atomic(path, _frames.segment_header(self._next, self._chain))
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._size = os.fstat(self._handle).st_size

    def append(self, draft: FrameEntry, payload: Payload, content: object) -> Pending:
        """Put a frame into the file; `settle` makes it durable. Called with the lock held.

        Raises:
            WriteRefusedError: There is no room; the log is as it was before.
        """
        self._require_good()
        try:
            if self._size > self._segment_bytes:
                self._wait_quiet()
                self._begin()
            return self._append(draft, payload, content)
        except OSError as error:
            self._cut(self._size)
            raise self._refused(draft, error) from error

    def _append(self, draft: FrameEntry, payload: Payload, content: object) -> Pending:
        meta = _frames.encode_meta(draft, payload.layout)
        head, digest = _frames.encode_head(self._next, self._chain, meta, payload.data)
        _files.write_all(self._handle, head + meta)
        _files.write_all(self._handle, payload.data)
        values = {**draft.__dict__, "seq": self._next, "digest": digest.hex()}
        pending = Pending(FrameEntry(**values), content, self._size)
        self._size += len(head) + len(meta) + payload.data.nbytes
        self._next, self._chain = self._next + 1, digest
        self._pending.append(pending)
        return pending

    def settle(self, pending: Pending) -> None:
        """Return when the frame is durable; one writer syncs for all that wait.

        Raises:
            WriteRefusedError: The disk refused; the frame is not in the log.
        """
        with self.lock:
            while pending in self._pending:
                if self._is_syncing:
                    self._synced.wait()
                else:
                    self._sync()
            if pending.error is not None:
                raise self._refused(pending.entry, pending.error) from pending.error

    def _sync(self) -> None:
        """Sync what has been written so far, with the lock given up meanwhile."""
        group, self._is_syncing = list(self._pending), True
        handle, failure = self._handle, None
        self.lock.release()
        try:
            os.fdatasync(handle)
        except OSError as error:
            failure = error
        finally:
            self.lock.acquire()
            self._is_syncing = False
        if failure is None:
            del self._pending[: len(group)]
            last = group[-1].entry
            self._good = (last.seq, bytes.fromhex(last.digest))
            # Not synced: it only tells damage of the last frame from a write cut short.
            with contextlib.suppress(OSError):
                os.pwrite(self._mark, _frames.encode_mark(last.seq), 0)
            self._publish(group)
        else:
            self._drop_pending(failure)
        self._synced.notify_all()

    def _drop_pending(self, failure: OSError) -> None:
        """After a failed sync nothing unsynced may be believed: cut it all off."""
        start = self._pending[0].start
        for pending in self._pending:
            pending.error = failure
        self._pending.clear()
        self._next, self._chain = self._good[0] + 1, self._good[1]
        self._size = start
        self._cut(start)

    def _cut(self, size: int) -> None:
        try:
            if self._handle >= 0:
                os.ftruncate(self._handle, size)
                os.fdatasync(self._handle)
        except OSError as error:
            self._failure = f"{self.folder}: a refused frame could not be cut off ({error})."

    def _require_good(self) -> None:
        if self._failure:
            raise IntegrityError(self._failure, hint="Repair the disk and open the home again.")

    def _refused(self, entry: FrameEntry, error: BaseException) -> WriteRefusedError:
        reason = getattr(error, "strerror", None) or str(error)
        return WriteRefusedError(
            f"frame {entry.source}/{entry.key} was not written to {self.folder}: {reason}.",
            hint="Make room on the disk and write the frame again; nothing of it was kept.",
        )

    def _wait_quiet(self) -> None:
        while self._pending or self._is_syncing:
            if self._is_syncing:
                self._synced.wait()
            else:
                self._sync()

    def rotate(self) -> int:
        """Close the segment, so that all before it can be handed over; returns the last seq."""
        with self.lock:
            self._require_good()
            self._wait_quiet()
            if self._size > _frames.SEGMENT.size:
                self._begin()
            return self._next - 1

    def chain(self) -> bytes:
        """Digest of the newest durable frame."""
        with self.lock:
            return self._good[1]

    def durable_bytes(self) -> int:
        """Length of the newest segment that is acknowledged or waits."""
        with self.lock:
            return self._size
