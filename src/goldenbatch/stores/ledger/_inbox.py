"""Where callers leave what they want written, and wait until it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.stores.ledger.errors import StorageError

if TYPE_CHECKING:
    from goldenbatch.stores.ledger import _sql
    from goldenbatch.stores.ledger._events import Prepared
    from goldenbatch.stores.ledger._writer import Head

    Job = Callable[[_sql.Connection, Head], Any]

_LOOK_S = 1.0
"""So often a caller looks whether it was answered without being woken."""
_PATIENCE_S = 0.000_2
"""As long as somebody came within this time, others who are expected are waited for."""


class Request:
    """What a caller waits for; one lock is enough, and far lighter than a future."""

    __slots__ = ("_done", "_error", "_result", "_turn", "events", "is_abandoned", "job")

    def __init__(self, events: Sequence[Prepared], job: Job | None = None) -> None:
        self.events, self.job = events, job
        self._result: Any = None
        self._error: BaseException | None = None
        self._turn: _Turn | None = None
        self.is_abandoned = False
        self._done = threading.Lock()
        self._done.acquire()

    def note(self, result: Any, error: BaseException | None, turn: _Turn) -> None:
        """Keep the answer; the caller goes on when its turn comes."""
        self._result, self._error, self._turn = result, error, turn

    def release(self) -> None:
        """Let the caller go on."""
        self._done.release()

    def wait(self) -> Any:
        """The result, or the error raised; asked for once, by the caller."""
        try:
            # A caller who was killed between its answer and its turn wakes nobody: look again.
            while not self._done.acquire(timeout=_LOOK_S) and self._turn is None:
                pass
        except BaseException:  # interrupted: the others must not wait for this caller
            self.is_abandoned = True
            if self._turn is not None:
                self._turn.pass_on()
            raise
        if self._turn is not None:
            self._turn.pass_on()
        if self._error is not None:
            raise self._error
        return self._result


class _Turn:
    """Callers that were answered together wake one another, each the next.

    Woken all at once they would only queue for the interpreter's lock, and keep whoever
    works from getting it: with 32 callers that takes a third of the speed.
    """

    __slots__ = ("_waiting",)

    def __init__(self, requests: Iterable[Request]) -> None:
        self._waiting = list(requests)[::-1]

    def pass_on(self) -> None:
        """Wake the next caller who still waits; once too often does no harm."""
        while self._waiting:
            try:
                following = self._waiting.pop()
            except IndexError:  # another thread was quicker
                return
            following.release()
            if not following.is_abandoned:
                return


def answer(answers: Sequence[tuple[Request, Any, BaseException | None]]) -> None:
    """Give each caller its result or its error, and let all go on."""
    turn = _Turn(request for request, _, _ in answers)
    for request, result, error in answers:
        request.note(result, error, turn)
    turn.pass_on()


class Inbox:
    """Requests that wait for the one who serves them.

    Whoever was answered is likely to come again at once, so that the server waits a moment for
    as many as there were: one commit for all of them costs half as much as two.
    """

    def __init__(self) -> None:
        self._lock, self._signal = threading.Lock(), threading.Lock()
        self._signal.acquire()
        self._items: list[Request] = []
        self._wanted = 0
        self._n_taken = 0
        self._is_closed = False

    def put(self, request: Request) -> None:
        """Leave a request.

        Raises:
            StorageError: The ledger is closed.
        """
        with self._lock:
            if self._is_closed:
                raise StorageError("the ledger is closed.", hint="Open it again.")
            self._items.append(request)
            if 0 < self._wanted <= len(self._items):
                self._wake()

    def close(self) -> bool:
        """Take no more requests; whether it was open until now."""
        with self._lock:
            was_open, self._is_closed = not self._is_closed, True
            if self._wanted:
                self._wake()
            return was_open

    def take(self, n_events: int) -> list[Request]:
        """The next requests, of about so many events, up to the first job; none: it is closed."""
        with self._lock:
            expected = self._n_taken + len(self._items)
        while (n_before := len(self._items)) < expected and not self._is_closed:
            self._wait_for(expected, _PATIENCE_S)
            if len(self._items) == n_before:
                break
        while not self._items and not self._is_closed:
            self._wait_for(1, -1)
        with self._lock:
            taken = self._items[: self._how_many(n_events)]
            del self._items[: len(taken)]
        self._n_taken = len(taken)
        return taken

    def _how_many(self, n_events: int) -> int:
        count = 0
        for number, request in enumerate(self._items, 1):
            count += len(request.events)
            if request.job is not None or count >= n_events:
                return number
        return len(self._items)

    def _wait_for(self, n: int, seconds: float) -> None:
        with self._lock:
            if len(self._items) >= n or self._is_closed:
                return
            self._wanted = n
        if self._signal.acquire(timeout=seconds):
            return
        with self._lock:
            is_late, self._wanted = self._wanted == 0, 0
        if is_late:
            self._signal.acquire()

    def _wake(self) -> None:
        self._wanted = 0
        self._signal.release()
