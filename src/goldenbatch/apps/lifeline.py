"""The line between a process and the one that started it: who holds it no more, has ended.

The starter keeps one end of a pair of sockets. When it ends, in whichever way, the other end sees
it, and the process stops in good order; before that the process can say why it cannot start.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from contextlib import suppress
from typing import Any

GRACE_S = 45.0
"""Seconds that a process has to stop in good order when its starter is gone."""


class Lifeline:
    """The end of the line in a process that was started.

    Args:
        number: Its file descriptor, as it was handed over.
    """

    def __init__(self, number: int) -> None:
        os.set_inheritable(number, False)  # a worker process must not hold it open
        self._line = socket.socket(fileno=number)

    def follow(self) -> None:
        """From now on, stop when the starter is gone."""
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def tell(self, words: dict[str, Any]) -> None:
        """Tell the starter something; one that is gone is told nothing."""
        with suppress(OSError):
            self._line.sendall(json.dumps(words).encode() + b"\n")

    def _watch(self) -> None:
        with suppress(OSError):
            while self._line.recv(64):
                pass
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(GRACE_S)
        os._exit(1)


def inherited(number: int) -> socket.socket:
    """A listening socket that the starter opened and keeps open, so that nobody is refused."""
    os.set_inheritable(number, False)
    return socket.socket(fileno=number)
