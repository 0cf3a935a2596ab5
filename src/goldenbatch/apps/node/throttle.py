"""How often strangers may try: so many a minute from one address, and so many for one login.

What it remembers is bounded: a digest and two numbers for each of the last few thousand addresses
and logins. A login that nobody has is counted like any other.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from goldenbatch.core.errors import DeniedError

if TYPE_CHECKING:
    from fastapi import Request

MAX_KEYS = 4096
"""Addresses, and logins, that are remembered; those used longest ago are forgotten first."""
MINUTE_S = 60.0
LOOPBACK = ("127.0.0.1", "::1")
"""Whose `X-Forwarded-For` is believed."""


class BusyError(DeniedError):
    """More was asked for than one gets at a time.

    Args:
        wait_s: Seconds until it may be tried again.
    """

    def __init__(self, message: str, *, hint: str = "", wait_s: float) -> None:
        self.wait_s = max(1, round(wait_s + 0.5))
        super().__init__(message, hint=hint or f"Wait {self.wait_s} s.")


class TooManyTriesError(BusyError):
    """Too many tries within a minute."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("there were too many tries from here, or for this login.", wait_s=wait_s)


@dataclass
class Buckets:
    """Tokens by key: each key has `size` of them, which come back within a minute.

    Attributes:
        size: Tokens of a key.
        timer: Monotonic seconds.
        max_keys: Keys that are remembered.
    """

    size: int
    timer: Callable[[], float] = time.monotonic
    max_keys: int = MAX_KEYS
    _kept: OrderedDict[bytes, tuple[float, float]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, key: bytes) -> float:
        """Take a token; gives the seconds to wait when there is none, else 0."""
        now = self.timer()
        tokens, at = self._kept.pop(key, (float(self.size), now))
        tokens = min(float(self.size), tokens + (now - at) * self.size / MINUTE_S)
        wait = 0.0 if tokens >= 1 else (1 - tokens) * MINUTE_S / self.size
        self._kept[key] = (tokens if wait else tokens - 1, now)
        while len(self._kept) > self.max_keys:
            self._kept.popitem(last=False)
        return wait

    def give_back(self, key: bytes) -> None:
        """Give a token back: the try was a right one."""
        if key in self._kept:
            tokens, at = self._kept[key]
            self._kept[key] = (min(float(self.size), tokens + 1), at)


class Throttle:
    """Counts tries by address and by login.

    Args:
        n_per_minute: Wrong tries a minute from one address.
        n_of_login: Wrong tries a minute for one login, wherever they come from.
        timer: Monotonic seconds.
    """

    def __init__(
        self, n_per_minute: int, n_of_login: int, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.addresses = Buckets(n_per_minute, timer)
        self.logins = Buckets(n_of_login, timer)
        self._gate = threading.Lock()

    @contextmanager
    def trying(self, address: str, login: str = "", *, is_refunded: bool = True) -> Iterator[None]:
        """Make one try inside; one that succeeds counts no more.

        Args:
            address: Where it comes from.
            login: For which login; empty: none is named.
            is_refunded: Whether success gives the token back; not for what costs by itself.

        Raises:
            TooManyTriesError: There were too many; nothing was tried.
        """
        keys = [(self.addresses, _key(address))]
        keys += [(self.logins, _key(login))] if login else []
        with self._gate:
            wait = max(buckets.take(key) for buckets, key in keys)
        if wait:
            raise TooManyTriesError(wait)
        yield
        if is_refunded:
            with self._gate:
                for buckets, key in keys:
                    buckets.give_back(key)


def address_of(request: Request) -> str:
    """Where a call comes from: an IPv4 address, or the network of an IPv6 one (a /64).

    The web process on this machine says for whom it asks; nobody else is believed, and of what it
    was told itself only the last address, which it or its trusted proxy saw.
    """
    host = request.client.host if request.client else ""
    if host in LOOPBACK:
        told = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        host = told or host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
