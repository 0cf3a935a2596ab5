"""Waiting for what may never come, so that a cancellation is never lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

__all__ = ["answer_of", "forget"]

T = TypeVar("T")


async def answer_of(work: Awaitable[T], within_s: float | None = None) -> T:
    """What work comes to; ended by a cancellation even in the turn in which the answer comes.

    `asyncio.wait_for` of Python 3.11 gives that answer and swallows the cancellation, so that
    whoever waits in a loop goes on for ever.

    Args:
        work: What is waited for; cancelled when it is waited for no more.
        within_s: Seconds; None: as long as it takes.

    Raises:
        TimeoutError: It took longer.

    References:
        CPython issue 86296.

    >>> asyncio.run(answer_of(asyncio.sleep(0, "here"), 1))
    'here'
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=within_s)
    except asyncio.CancelledError:
        forget(task)
        raise
    if not done:
        forget(task)
        raise TimeoutError(f"there was no answer within {within_s:g} s.")
    return task.result()


def forget(task: asyncio.Future[Any]) -> None:
    """Cancel what is waited for no more; what it still comes to is nobody's."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    task.cancel()
