"""Ends that come: no library that swallows a cancellation and no thread that hangs holds a node."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from goldenbatch.core.waiting import forget

log = logging.getLogger("goldenbatch.sources")

AGAIN_S = 10.0
"""What goes on after it was cancelled is cancelled again after so long: a connector may take that
long to store what it has in hand and to say what it could not."""
LEFT_S = 25.0
"""What goes on even then is left behind after so long; its outlet takes nothing from it."""
THREADS_S = 10.0
"""So long is waited for threads that do what was begun."""


async def run_until_ended(work: Coroutine[Any, Any, None], name: str) -> None:
    """Run work in a task of its own; cancelled, that is cancelled until it ends, or left behind.

    Args:
        work: What runs.
        name: Of the source, for the log.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await _cancel(task, name)
        raise
    task.result()


async def _cancel(task: asyncio.Future[None], name: str) -> None:
    deadline = time.monotonic() + LEFT_S
    while not task.done() and (left := deadline - time.monotonic()) > 0:
        forget(task)
        await asyncio.wait({task}, timeout=min(AGAIN_S, left))
    if not task.done():
        log.error("source %s did not end within %g s and is left behind", name, LEFT_S)


def run_loop(main: Callable[[], Coroutine[Any, Any, None]], workers: ThreadPoolExecutor) -> None:
    """As `asyncio.run`, but closed in a time that is known, whatever its tasks and threads do.

    Args:
        main: What runs in the loop.
        workers: Threads of the loop.
    """
    loop = asyncio.new_event_loop()
    loop.set_default_executor(workers)
    try:
        loop.run_until_complete(main())
    finally:
        _close(loop, workers)


def _close(loop: asyncio.AbstractEventLoop, workers: ThreadPoolExecutor) -> None:
    try:
        if tasks := asyncio.all_tasks(loop):
            for task in tasks:
                forget(task)
            loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        # Its own wait has no limit: it is waited for from outside.
        ending = threading.Thread(target=workers.shutdown, name="sources-end", daemon=True)
        ending.start()
        ending.join(THREADS_S)
        if ending.is_alive():
            log.error("threads of sources did not end within %g s and are left behind", THREADS_S)
    finally:
        loop.close()
