"""Values of a tag that hold: what flaps is counted, and only what settles is a change."""

from __future__ import annotations

from dataclasses import dataclass, field

MIN_FLAPS = 5
"""Changes that did not hold, close together, from which on a tag is said to flap."""
QUIET_S = 60.0
"""A tag without a change that did not hold for so long flaps no more."""


@dataclass(frozen=True)
class Change:
    """A value that a tag took at a time."""

    at: int
    tag: str
    value: str


@dataclass(frozen=True)
class Flapping:
    """A time in which a tag changed and changed back faster than a change must hold.

    Attributes:
        start: Of the first change that did not hold.
        end: Of the last one; it may go on while `is_over` is false.
        n_changes: How many did not hold.
    """

    tag: str
    start: int
    end: int
    n_changes: int
    is_over: bool = False


@dataclass
class Settling:
    """Readings of one tag to its changes; each reading costs the same.

    A change counts when its value has held for `settle_us`, and counts from its own time on.

    Attributes:
        settle_us: How long a value must hold; 0: every change counts.
        changes: Changes that count, in order of time.
        last: Time of the newest reading.
        flapping: Times of flapping that began or ended since they were last taken.
    """

    tag: str
    settle_us: int = 0
    changes: list[Change] = field(default_factory=list)
    last: int = 0
    flapping: list[Flapping] = field(default_factory=list)
    _waiting: Change | None = None
    _flap: Flapping | None = None
    _by_clock: bool = False
    _is_hasty: bool = False

    @property
    def waits_until(self) -> int | None:
        """When the value that waits will have held; None: none waits."""
        return None if self._waiting is None else self._waiting.at + self.settle_us

    @property
    def quiet_us(self) -> int:
        """Without a change that did not hold for so long, flapping is over."""
        return max(int(QUIET_S * 1e6), 10 * self.settle_us)

    def take(self, at: int, value: str) -> None:
        """Take the next reading in order of time."""
        self.hold(at)
        self.last = max(self.last, at)
        if self._by_clock and at - self.changes[-1].at < self.settle_us:
            if value != self.changes[-1].value:  # readings of the past, fed one by one
                self._flapped(self.changes[-1].at)
                self._is_hasty, self._by_clock = True, False
        else:
            self._by_clock = False
        if self._waiting is not None:
            if value == self._waiting.value:
                return
            self._flapped(self._waiting.at)
            self._waiting = None
        if self.changes and self.changes[-1].value == value:
            return
        self._waiting = Change(at, self.tag, value)
        if not self.settle_us:
            self.hold(at)

    def hold(self, upto: int) -> None:
        """What was last read has held up to here."""
        if self._waiting is not None and upto - self._waiting.at >= self.settle_us:
            self.changes.append(self._waiting)
            self._waiting = None
        if self._flap is not None and upto - self._flap.end >= self.quiet_us:
            self._over()

    def hold_by_clock(self, now: int) -> None:
        """No reading has come up to here; a tag that was contradicted by one waits for one."""
        n_before = len(self.changes)
        if not self._is_hasty:
            self.hold(now)
        self._by_clock = self._by_clock or len(self.changes) > n_before

    def _flapped(self, at: int) -> None:
        before = self._flap or Flapping(self.tag, at, at, 0)
        self._flap = Flapping(self.tag, before.start, at, before.n_changes + 1)
        if self._flap.n_changes == MIN_FLAPS:
            self.flapping.append(self._flap)

    def _over(self) -> None:
        if self._flap is not None and self._flap.n_changes >= MIN_FLAPS:
            flap = self._flap
            self.flapping.append(Flapping(flap.tag, flap.start, flap.end, flap.n_changes, True))
        self._flap, self._is_hasty = None, False

    def forget_before(self, cut: int) -> None:
        """Leave out changes that are older; the last of them still tells what was then."""
        n_old = 0
        while n_old < len(self.changes) and self.changes[n_old].at < cut:
            n_old += 1
        if n_old > 1:
            del self.changes[: n_old - 1]
