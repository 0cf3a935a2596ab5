"""Work in threads on behalf of a page: it speaks the page's language, and is known as background.

What a page does by itself, without its person, keeps their session from ending if the node cannot
tell it from what they do; so it is marked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

N_THREADS = 32
_pool = ThreadPoolExecutor(N_THREADS, thread_name_prefix="page")
_is_background: ContextVar[bool] = ContextVar("is_background", default=False)


async def in_thread(work: Callable[..., T], *args: Any) -> T:
    """Work that blocks, in a thread; it sees the context of who called.

    Raises:
        Exception: Whatever the work throws.
    """
    from goldenbatch.ui.web.words import language, speaking

    with speaking(language()):
        context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(_pool, context.run, work, *args)


@contextmanager
def in_background() -> Iterator[None]:
    """What is done inside is done by the page, not by its person."""
    token = _is_background.set(True)
    try:
        yield
    finally:
        _is_background.reset(token)


def is_background() -> bool:
    """Whether a page works by itself at the moment."""
    return _is_background.get()
