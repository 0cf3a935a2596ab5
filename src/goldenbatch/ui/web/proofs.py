"""Signatures that wait for somebody to come back from an OpenID provider.

The provider opens in a window of its own, so that the page with the entry stays as it is; what
the provider sends back arrives at another address of the same process and is handed over here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BACK = "/sign/back"
"""Path that a provider sends the browser back to."""


@dataclass(frozen=True)
class Return:
    """What a provider sent back.

    Attributes:
        error: Why it refused; empty: it did not.
    """

    code: str
    state: str
    error: str = ""


_awaited: dict[str, tuple[str, asyncio.Future[Return]]] = {}


@contextmanager
def awaiting(uid: str, state: str) -> Iterator[asyncio.Future[Return]]:
    """Wait for a person's return from a provider, on the event loop.

    Args:
        uid: Who goes.
        state: Names the way there and back.
    """
    future: asyncio.Future[Return] = asyncio.get_running_loop().create_future()
    _awaited[state] = (uid, future)
    try:
        yield future
    finally:
        _awaited.pop(state, None)
        future.cancel()


def arrived(uid: str, state: str, code: str, error: str = "") -> bool:
    """Hand over what a provider sent back; False: nobody waits for it, or somebody else does."""
    waiting = _awaited.get(state)
    if waiting is None or waiting[0] != uid or waiting[1].done():
        return False
    waiting[1].set_result(Return(code, state, error))
    return True
