"""Node and web as one service: both started, one that dies started again, both stopped in order.

The supervisor opens the two listening sockets and hands them over, so that an address stays the
same and no call is refused while a process starts again: calls wait. It holds no home and does no
work, so that there is little in it that can fail; when it is gone, both processes stop.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

from goldenbatch.core.errors import GoldenbatchError

log = logging.getLogger("goldenbatch.service")

STATUS_FILE = Path("state") / "service.status"
"""JSON; not `*.json`, which are the states of analysts."""

QUICK_S = 60.0
"""A process that lived longer is started again as if it were the first time."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
MAX_QUICK = 6
"""So many quick ends in a row, and a process is given up."""
LOOK_S = 0.1
EVERYWHERE: Final = ("::", "0.0.0.0")  # noqa: S104  what is listened on is the person's choice
STOP_S: Final = {"web": 10.0, "node": 60.0}


class GivenUpError(GoldenbatchError):
    """A process that ended again and again."""


def wait_of(n_quick: int) -> float | None:
    """Seconds before a process is started again; None: it is given up.

    Args:
        n_quick: Ends in a row of which each came soon after its start.

    >>> [wait_of(n) for n in (0, 1, 5, 6)]
    [0.5, 1.0, 16.0, None]
    """
    if n_quick >= MAX_QUICK:
        return None
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**n_quick)


def exit_words(code: int) -> str:
    """How a process ended, in words.

    >>> exit_words(-9), exit_words(3)
    ('killed by SIGKILL', 'ended with code 3')
    """
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"


@dataclass
class Worker:
    """A process of the service.

    Attributes:
        name: `node` or `web`.
        command: How it is started; `{listener}` and `{lifeline}` stand for the descriptors.
        listener: Where it listens; the supervisor keeps it open.
        url: Its address.
        check: Path that answers when it works.
        n_restarts: How often it was started again.
        last_exit: How it ended last; empty: never.
    """

    name: str
    command: Sequence[str]
    listener: socket.socket
    url: str
    check: str
    n_restarts: int = 0
    started_at: int = 0
    last_exit: str = ""
    last_exit_at: int | None = None
    is_given_up: bool = False
    process: subprocess.Popen[bytes] | None = None
    failure: dict[str, Any] | None = None
    _line: socket.socket | None = None
    _began: float = 0.0
    _n_quick: int = 0
    _due: float | None = None

    def start(self) -> None:
        """Start the process; it stops by itself when this one ends."""
        mine, theirs = socket.socketpair()
        with theirs:
            numbers = {"listener": self.listener.fileno(), "lifeline": theirs.fileno()}
            command = [one.format(**numbers) for one in self.command]
            self.process = subprocess.Popen(  # noqa: S603  our own program
                command, pass_fds=tuple(numbers.values()), start_new_session=True,
                stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        mine.setblocking(False)
        self._line, self._due = mine, None
        self._began, self.started_at = time.monotonic(), time.time_ns() // 1000

    def look(self) -> bool:
        """See whether it has ended, and start it again when it is time; whether that changed."""
        if self._due is not None:
            if time.monotonic() < self._due:
                return False
            self.n_restarts += 1
            self.start()
            return True
        if self.process is None or self.is_given_up:
            return False
        code = self.process.poll()
        if code is None:
            return False
        self._ended(code)
        return True

    def _ended(self, code: int) -> None:
        self.failure = self._said()
        self.last_exit, self.last_exit_at = exit_words(code), time.time_ns() // 1000
        is_quick = time.monotonic() - self._began < QUICK_S
        wait = wait_of(self._n_quick if is_quick else 0)
        self._n_quick = self._n_quick + 1 if is_quick else 1
        self.process, self.is_given_up = None, wait is None
        if wait is not None:
            self._due = time.monotonic() + wait
        log.error(
            "the %s %s; %s", self.name, self.last_exit,
            "it is given up" if wait is None else f"it is started again in {wait:g} s",
        )  # fmt: skip

    def _said(self) -> dict[str, Any] | None:
        """What it said of why it cannot work."""
        text = b""
        if self._line is not None:
            with suppress(OSError):
                while part := self._line.recv(65536):
                    text += part
            self._line.close()
            self._line = None
        try:
            found = json.loads(text.splitlines()[-1])
        except (ValueError, IndexError):
            return None
        return found if isinstance(found, dict) else None

    def answers(self) -> bool:
        """Whether it answers calls."""
        from http.client import HTTPConnection, HTTPException

        host, port = self.listener.getsockname()[:2]
        here = "::1" if ":" in host else "127.0.0.1"
        link = HTTPConnection(here if host in EVERYWHERE else host, port, timeout=1)
        try:
            link.request("GET", self.check)
            return bool(link.getresponse().status < 500)
        except (OSError, HTTPException):
            return False
        finally:
            link.close()

    def stop(self) -> None:
        """Ask it to stop in good order, and wait; one that does not is killed."""
        self._due = None
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_S.get(self.name, 10.0))
            except subprocess.TimeoutExpired:
                log.error("the %s did not stop in time; it is killed", self.name)
                process.kill()
                process.wait()
        if self._line is not None:
            self._line.close()
            self._line = None

    def as_json(self) -> dict[str, Any]:
        """Its state as plain values."""
        state = "given up" if self.is_given_up else "running" if self.process else "starting again"
        return {
            "name": self.name,
            "url": self.url,
            "state": state,
            "pid": self.process.pid if self.process else None,
            "started_at": self.started_at,
            "n_restarts": self.n_restarts,
            "last_exit": self.last_exit,
            "last_exit_at": self.last_exit_at,
        }


@dataclass
class Supervisor:
    """Starts workers, watches them and stops them, the last first.

    Args:
        home: Directory of the home; its state tells how the service stands.
        workers: The first one is needed: without it the service ends.
    """

    home: Path
    workers: Sequence[Worker]
    started_at: int = field(default_factory=lambda: time.time_ns() // 1000)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        """Give the addresses back."""
        for worker in self.workers:
            worker.listener.close()

    def run(self, told: Callable[[], None]) -> None:
        """Work until SIGTERM or Ctrl-C.

        Args:
            told: Called once, when every worker answers or is given up.

        Raises:
            GoldenbatchError: The first worker cannot work.
        """
        with self._signals():
            try:
                for worker in self.workers:
                    worker.listener.listen(2048)  # calls wait from now on, also between two lives
                    worker.start()
                self._save()
                if self._begin():
                    told()
                    while not self._stopped.wait(LOOK_S):
                        self._look()
            finally:
                for worker in reversed(self.workers):
                    worker.stop()
                (self.home / STATUS_FILE).unlink(missing_ok=True)

    def _begin(self) -> bool:
        """Wait until all answer; whether that is so."""
        waiting = list(self.workers)
        while waiting and not self._stopped.wait(LOOK_S):
            self._look(is_first=True)
            waiting = [one for one in waiting if not one.is_given_up and not one.answers()]
        return not self._stopped.is_set()

    def _look(self, *, is_first: bool = False) -> None:
        needed = self.workers[0]
        changed = [one.look() for one in self.workers]
        if not any(changed):
            return
        self._save()
        # What it says of itself before it ever answered will not be otherwise the next time.
        if needed.is_given_up or (is_first and needed.failure is not None):
            raise self._reason(needed)

    def _reason(self, worker: Worker) -> GoldenbatchError:
        from goldenbatch.runtime._wire import error_from_json

        if worker.failure is not None:
            return error_from_json(worker.failure)
        return GivenUpError(
            f"the {worker.name} {worker.last_exit}, {worker.n_restarts + 1} times.",
            hint="Its log above says why.",
        )

    def _save(self) -> None:
        words = {
            "supervisor": os.getpid(),
            "started_at": self.started_at,
            "processes": [one.as_json() for one in self.workers],
        }
        path = self.home / STATUS_FILE
        partial = path.with_suffix(".partial")
        with suppress(OSError):  # a full disk must not end what is to be kept alive
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(words), encoding="utf-8")
            partial.replace(path)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_: int, __: FrameType | None) -> None:
            self._stopped.set()

        kept = {one: signal.signal(one, stop) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)


def service_status(home: Path) -> dict[str, Any] | None:
    """How the service of a home stands, as its supervisor tells; None: it has none."""
    try:
        found = json.loads((home / STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
