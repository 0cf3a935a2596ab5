"""What a running line shares: the event loop, the streams of random numbers and the book."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np

from goldenbatch.science.errors import MissingEngineError

Process: TypeAlias = Generator[Any, Any, Any]
"""What SimPy runs: a generator of events."""


def engine() -> Any:
    """SimPy, which the extra `twin` brings.

    Raises:
        MissingEngineError: it is not installed.
    """
    try:
        return import_module("simpy")
    except ImportError as error:
        message = "a line is simulated by SimPy, which is not installed."
        raise MissingEngineError(message, hint="pip install 'goldenbatch[twin]'") from error


class Streams:
    """One stream of random numbers for each (part of the line, purpose).

    Two lines that differ in one part draw the same numbers in all others: common random numbers.

    References:
        Law (2015), sec. 11.2.3 (synchronisation by dedicated streams).
    """

    def __init__(self, seed: int, replication: int) -> None:
        self._root = (seed, replication)

    def of(self, *purpose: str) -> np.random.Generator:
        """A new stream for a purpose; the same purpose gives the same numbers."""
        text = "\x1f".join(purpose).encode()
        words = np.frombuffer(hashlib.blake2b(text, digest_size=16).digest(), dtype=np.uint32)
        seed = np.random.SeedSequence([*self._root, *(int(word) for word in words)])
        return np.random.Generator(np.random.PCG64(seed))


@dataclass(slots=True)
class Level:
    """A quantity over time, with its integral since the warm-up."""

    value: float = 0.0
    area: float = 0.0
    since: float = 0.0
    largest: float = 0.0

    def add(self, change: float, now: float) -> None:
        """Change the quantity."""
        self.area += self.value * (now - self.since)
        self.value += change
        self.since = now
        self.largest = max(self.largest, self.value)

    def restart(self, now: float) -> None:
        """Forget what was before."""
        self.area, self.since, self.largest = 0.0, now, self.value

    def mean(self, now: float, begin: float) -> float:
        """Mean over time since `begin`."""
        return (self.area + self.value * (now - self.since)) / (now - begin)


@dataclass(slots=True)
class Event:
    """Something that has a name: a violated hold, a scrapped lot, a clean that expired."""

    time: float
    kind: str
    place: str
    lot: str
    value: float
    limit: float
    consequence: str


@dataclass(slots=True)
class World:
    """The event loop and everything that is written down."""

    env: Any
    streams: Streams
    keeps_periods: bool = False
    events: list[Event] = field(default_factory=list)
    periods: list[tuple[str, str, float, float]] = field(default_factory=list)
    keeps_moves: bool = False
    moves: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def now(self) -> float:
        """Simulated time."""
        return float(self.env.now)

    def move(self, lot: str, place: str) -> None:
        """Write down where a lot is from now on; empty: nowhere on the floor."""
        if self.keeps_moves:
            self.moves.append((self.now, lot, place))

    def note(self, kind: str, place: str, lot: str = "", **more: Any) -> None:
        """Write an event down."""
        value, limit = more.get("value", np.nan), more.get("limit", np.nan)
        consequence = more.get("consequence", "")
        self.events.append(Event(self.now, kind, place, lot, value, limit, consequence))
