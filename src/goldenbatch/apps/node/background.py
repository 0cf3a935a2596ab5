"""The node's own work: analysts woken, the frame log handed over, the ledger's head signed."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.node.state import NodeState
from goldenbatch.core.errors import IntegrityError

if TYPE_CHECKING:
    from goldenbatch.runtime.acquisition import Acquisition

log = logging.getLogger("goldenbatch.node")

CHECKPOINT_LOOK_S = 10.0


def acquisition_of(state: NodeState) -> Acquisition:
    """What reads the running sources of the node's home; a bad card is told, and stops none."""
    from goldenbatch.runtime.acquisition import Acquisition, Sources, readable_connections

    site = state.desk.site
    cards, problems = readable_connections(site.path)
    state.problems += problems

    return Acquisition(Sources(site, site.path), cards, state.tell)


class Background:
    """One thread a task; a failure is told at `/readiness` and tried again at the next turn."""

    def __init__(self, state: NodeState, *, wake_s: float, flush_s: float) -> None:
        self._state = state
        self._is_stopped = threading.Event()
        self._tasks: list[tuple[str, float, Callable[[], Any]]] = []
        if wake_s > 0:
            self._tasks.append(("wake", wake_s, state.desk.wake))
        if flush_s > 0:
            self._tasks.append(("flush", flush_s, state.desk.flush))
            # A day is closed an hour after its end: what is not due costs a look.
            self._tasks.append(("compact", flush_s, state.desk.compact))
        # By number of events appends sign by themselves; here by time.
        signing = state.desk.site.checkpointer
        self._tasks.append(("checkpoint", CHECKPOINT_LOOK_S, signing.sign_if_due))
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the tasks, then what reads the running sources."""
        for name, seconds, task in self._tasks:
            thread = threading.Thread(
                target=self._run, args=(name, seconds, task), name=f"node-{name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        if self._state.acquisition is not None:
            self._state.acquisition.start()

    def stop(self) -> None:
        """Stop reading sources, let running turns end, and start no more."""
        if self._state.acquisition is not None:
            self._state.acquisition.stop()
        self._is_stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, seconds: float, task: Callable[[], Any]) -> None:
        while not self._is_stopped.wait(seconds):
            try:
                # A backup waits for a half-written tick; a merge of files it need not.
                with contextlib.nullcontext() if name == "compact" else self._state.gate:
                    task()
            except IntegrityError as error:  # fail closed: what is damaged is not worked on
                self._tell(f"{name} stopped: {error}")
                self._state.is_ready = False
                return
            except Exception as error:
                self._tell(f"{name} failed: {type(error).__name__}: {error}")
                log.exception("%s failed; it is tried again in %g s", name, seconds)

    def _tell(self, text: str) -> None:
        log.error("%s", text)
        self._state.tell(text)
