"""Bring a demonstration site up, and watch over it until somebody ends it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType

from goldenbatch.apps.demo.check import Checked, Checker
from goldenbatch.apps.demo.folder import DemoFolder, DemoState
from goldenbatch.apps.demo.processes import Watched, await_page, pids_of, running, workers_of
from goldenbatch.apps.demo.seed import Tell, connect_home, seed_home

LOOK_S = 0.5


@dataclass(frozen=True)
class Up:
    """A site that is up.

    Attributes:
        url: Of its pages.
        seconds: From the start of the command until its page was there.
    """

    folder: DemoFolder
    state: DemoState
    url: str
    seconds: float
    watched: dict[str, Watched]


@contextmanager
def site_up(folder: DemoFolder, state: DemoState, tell: Tell) -> Iterator[Up]:
    """A site with its plant, node and web; seeded first where it is new.

    Args:
        folder: Of the site.
        state: What is known of it.
        tell: Hears of the progress.
    """
    begun = time.monotonic()
    with running(folder, state) as watched:
        watched["plant"].start()
        plant = folder.plant(state)
        if not state.is_seeded:
            seed_home(folder.home, plant, tell)
        connect_home(folder.home, plant)
        watched["service"].start()
        tell("Starting node and pages", 0, 0)
        state = replace(state, is_seeded=True, pids=pids_of(watched))
        folder.write(state)
        url = f"http://127.0.0.1:{state.ports['web']}"
        try:
            await_page(f"http://127.0.0.1:{state.ports['node']}/api/v1/health", watched)
            await_page(f"{url}/login", watched)
            yield Up(folder, state, url, time.monotonic() - begun, watched)
        finally:
            folder.write(replace(state, pids={}))


def watch(up: Up, tell: Callable[[str], None]) -> None:
    """Watch over the processes until SIGINT or SIGTERM.

    Raises:
        DemoError: One does not stay up.
    """
    is_over: list[bool] = []

    def end(_number: int, _frame: FrameType | None) -> None:
        is_over.append(True)

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not is_over:
            for one in up.watched.values():
                if not one.look():
                    tell(f"The {one.name} had ended and was started again; see {one.log}.")
                    up.folder.write(replace(up.state, pids=pids_of(up.watched)))
            time.sleep(LOOK_S)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check(up: Up, tell: Callable[[str], None]) -> Checked:
    """Check that all of the site is up."""
    found = Checker(up.folder, up.state, tell).run()
    found.problems += restarts(up)
    return found


def restarts(up: Up) -> list[str]:
    """Which processes did not stay up, in words."""
    counts = {name: one.n_restarts for name, one in up.watched.items()}
    counts |= {name: int(one["n_restarts"]) for name, one in workers_of(up.folder).items()}
    return [f"the {name} was started {n + 1} times" for name, n in counts.items() if n]
