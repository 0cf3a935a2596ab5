"""The thread of a source that writes its frames in order, so that the event loop never waits."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldenbatch.core.series import Frame
    from goldenbatch.core.site import Written


class Writer:
    """Writes frames one after the other in a thread of its own.

    Args:
        write: Makes a frame durable.
        name: Of the source, for the thread.
    """

    def __init__(self, write: Callable[[Frame], Written], name: str) -> None:
        self._write = write
        self._queue: queue.SimpleQueue[tuple[Frame, Future[Written]] | None] = queue.SimpleQueue()
        self._lock, self._n_waiting = threading.Lock(), 0
        self._thread = threading.Thread(target=self._run, name=f"source-{name}", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Readings that are not written yet."""
        return self._n_waiting

    def put(self, frame: Frame) -> Future[Written]:
        """Give a frame to the thread; the future has what became of it."""
        future: Future[Written] = Future()
        with self._lock:
            self._n_waiting += frame.readings.num_rows
        self._queue.put((frame, future))
        return future

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            frame, future = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(self._write(frame))
                except BaseException as error:
                    future.set_exception(error)
            with self._lock:
                self._n_waiting -= frame.readings.num_rows

    def close(self, within_s: float) -> None:
        """Write what is waiting and end the thread, or leave it when it takes too long."""
        self._queue.put(None)
        self._thread.join(within_s)
