"""The processes of a demonstration site, plant and service: watched, and stopped in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from goldenbatch.apps.demo.folder import DemoFolder, DemoState
from goldenbatch.apps.supervise import service_status
from goldenbatch.core.errors import GoldenbatchError

MOST_RESTARTS = 5
STOP_S = 80.0
"""The service gives node and web a minute to end in good order."""


class DemoError(GoldenbatchError):
    """The demonstration site could not be brought up, or did not stay up."""


@dataclass
class Watched:
    """A process that is started again when it dies.

    Attributes:
        name: For people and its log.
        arguments: Of the interpreter.
        log: Where all it says goes.
        n_restarts: How often it was started again.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    n_restarts: int = 0

    def start(self) -> None:
        """Start it, apart from the terminal: Ctrl-C is for who watches."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, *self.arguments],
                stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def look(self) -> bool:
        """Start it again if it died; False: it did.

        Raises:
            DemoError: It does not stay up.
        """
        if self.process is None or self.process.poll() is None:
            return True
        if self.n_restarts >= MOST_RESTARTS:
            raise DemoError(
                f"the {self.name} ended {self.n_restarts + 1} times.", hint=f"See {self.log}."
            )
        self.n_restarts += 1
        self.start()
        return False

    def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


FLUSH_S = "300"
"""Seconds between hand-overs: what is not handed over is kept in memory, and closed by no chunk."""


def commands(folder: DemoFolder, state: DemoState) -> dict[str, tuple[str, ...]]:
    """What runs, in the order in which it is started."""
    ports, plant = state.ports, folder.plant(state)
    return {
        "plant": (
            "-m", "goldenbatch.apps.demo.plant", "--epoch", str(plant.epoch), "--seed",
            str(plant.seed), "--opcua-port", str(plant.opcua_port), "--modbus-port",
            str(plant.modbus_port), "--folder", str(plant.folder),
        ),
        "service": (
            "-m", "goldenbatch", "--home", str(folder.home.resolve()), "serve", "--port",
            str(ports["node"]), "--web-port", str(ports["web"]), "--wake", "2", "--flush", FLUSH_S,
        ),
    }  # fmt: skip


@contextmanager
def running(folder: DemoFolder, state: DemoState) -> Iterator[dict[str, Watched]]:
    """The processes by name, none started yet; all that were are stopped at the end."""
    watched = {
        name: Watched(name, arguments, folder.logs / f"{name}.log")
        for name, arguments in commands(folder, state).items()
    }

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield watched
    finally:
        for one in reversed(watched.values()):
            one.stop()
        signal.signal(signal.SIGTERM, before)


def workers_of(folder: DemoFolder) -> dict[str, dict[str, Any]]:
    """Node and web as their supervisor tells of them, by name."""
    told = service_status(folder.home) or {}
    return {str(one["name"]): one for one in told.get("processes", ())}


def pids_of(watched: dict[str, Watched]) -> dict[str, int]:
    """Processes that run, with our own."""
    found = {name: one.process.pid for name, one in watched.items() if one.process is not None}
    return {"demo": os.getpid(), **found}


def await_page(url: str, watched: dict[str, Watched], seconds: float = 90.0) -> None:
    """Wait until a page answers.

    Raises:
        DemoError: It does not, or a process does not stay up.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5.0).status_code < 400:
                return
        for one in watched.values():
            one.look()
        time.sleep(0.2)
    raise DemoError(f"{url} does not answer.", hint=f"See {watched['service'].log.parent}.")


def stop_running(folder: DemoFolder, tell: Callable[[str], Any]) -> bool:
    """Stop a site that runs elsewhere; False: none does."""
    state = folder.read()
    pids = state.pids if state is not None else {}
    alive = {name: pid for name, pid in pids.items() if _is_ours(pid)}
    for name in ("demo", "service", "plant"):
        if name in alive and _is_ours(alive[name]):
            with suppress(ProcessLookupError):
                os.kill(alive[name], signal.SIGTERM)
            _await_end(alive[name])
            tell(f"Stopped: {name}.")
    return bool(alive)


def is_running(folder: DemoFolder) -> bool:
    """Whether a site runs in the folder."""
    state = folder.read()
    return state is not None and _is_ours(state.pids.get("demo", 0))


def _await_end(pid: int) -> None:
    deadline = time.monotonic() + 2 * STOP_S
    while time.monotonic() < deadline and _is_ours(pid):
        time.sleep(0.1)


def _is_ours(pid: int) -> bool:
    """Whether a process is there and one of ours: numbers of ended ones are given out again."""
    if pid <= 0:
        return False
    try:
        said = subprocess.run(  # noqa: S603 - a number only
            ["ps", "-o", "args=", "-p", str(pid)],  # noqa: S607 - where it lies differs
            capture_output=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"goldenbatch" in said.stdout and b"<defunct>" not in said.stdout
