"""Checkpoints by themselves: every N events, after T seconds, and when a home is closed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from goldenbatch.core.errors import GoldenbatchError

if TYPE_CHECKING:
    from goldenbatch.core.config import CheckpointSettings
    from goldenbatch.stores.ledger import Ledger

log = logging.getLogger("goldenbatch.checkpoints")


class Checkpointer:
    """Signs the head of a ledger in time; whichever of events and time comes first.

    A checkpoint that cannot be signed never fails the append that it follows, since that one
    is durable already: it is told in the log and tried again, and `verify` says what is wrong.

    Args:
        ledger: What is signed; its appends are watched from now on.
        settings: How often.
        timer: Monotonic seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: CheckpointSettings,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger, self._settings, self._timer = ledger, settings, timer
        self._turn = threading.Lock()
        self._size = max((one.size for one in ledger.checkpoints()), default=0)
        self._head = ledger.head()
        self._since = timer()
        ledger.on_append = self.appended

    def appended(self, seq: int) -> None:
        """Take note of an append, and sign when it is time."""
        if self._head <= self._size:
            self._since = self._timer()  # the first event that waits for a signature
        self._head = max(self._head, seq)
        self.sign_if_due()

    def sign_if_due(self) -> bool:
        """Sign if enough events wait, or one waits long enough; says whether it signed."""
        n_waiting = self._head - self._size
        is_old = self._timer() - self._since >= self._settings.interval_s
        if n_waiting <= 0 or (n_waiting < self._settings.n_events and not is_old):
            return False
        return self.sign()

    def sign(self) -> bool:
        """Sign what waits, unless another thread is just doing so."""
        if self._head <= self._size or not self._turn.acquire(blocking=False):
            return False
        try:
            self._size = self._ledger.checkpoint().size
        except GoldenbatchError as error:
            log.warning("no checkpoint was made: %s", error)
            return False
        finally:
            self._turn.release()
        return True

    def close(self) -> None:
        """Sign what waits, for the last time."""
        self._ledger.on_append = None
        self.sign()
