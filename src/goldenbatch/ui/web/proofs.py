"""Signatures that wait for somebody to come back from an OpenID provider.

The provider opens in a window of its own, so that the page with the entry stays as it is; what
the provider sends back arrives at another address of the same process and is handed over here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from goldenbatch.core.errors import BadInputError

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
def awaiting(uid: str, url: str) -> Iterator[asyncio.Future[Return]]:
    """Wait for a person's return from a provider, on the event loop.

    Args:
        uid: Who goes.
        url: Address at the provider; its `state` names the way.

    Raises:
        BadInputError: The address names no state.
    """
    (state,) = parse_qs(urlsplit(url).query).get("state", [""])[:1]
    if not state:
        raise BadInputError("the provider's address has no state.", hint="Try again.")
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
