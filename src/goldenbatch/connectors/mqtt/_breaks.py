"""Gaps of a node that come again and again: the first few are said one by one, then as one.

Two edge nodes with one name break each other's order every few seconds for as long as nobody
mends it. Such an episode is one gap from its first break to its last, with its cause in words;
it is said when it has ended, or every so often while it lasts. Until then it stands in the
positions of the source, so that it outlives a death of the node.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from goldenbatch.core.acquisition import Gap, GapCause

N_SINGLE = 3
"""Breaks of one node and cause that are said one by one within `WITHIN_US`."""
WITHIN_US = 60_000_000
QUIET_US = 60_000_000
"""An episode has ended when nothing broke for so long."""
LASTS_US = 600_000_000
"""An episode that goes on is said at least so often."""
MAX_TAGS = 2000
DUPLICATE = "duplicate identity: two edge nodes publish under this name"
ALIKE = "it breaks again and again, as it would if two clients had one identity"


@dataclass
class _Episode:
    """Breaks that are said as one gap.

    Attributes:
        since: When its first break was taken, by the host's clock.
        last: When its newest was.
    """

    cause: GapCause
    start: int
    end: int
    since: int
    last: int
    note: str
    n: int = 0
    n_lost: int = 0
    tags: dict[str, None] | None = field(default_factory=dict)

    def take(self, gap: Gap, now: int) -> None:
        self.start, self.end = min(self.start, *gap.window), max(self.end, *gap.window)
        self.last, self.n = now, self.n + 1
        self.n_lost = -1 if min(self.n_lost, gap.n_lost) < 0 else self.n_lost + gap.n_lost
        if not gap.tags:
            self.tags = None  # all of the source
        elif self.tags is not None:
            self.tags |= dict.fromkeys(gap.tags[: MAX_TAGS - len(self.tags)])

    def gap(self, why: str) -> Gap:
        reason = why or ALIKE
        note = f"{reason}; {self.n} breaks in this window, the first: {self.note}"
        return Gap((self.start, self.end), self.cause, tuple(self.tags or ()), note, self.n_lost)


class Breaks:
    """Merges gaps of one node and one cause; pure."""

    def __init__(self) -> None:
        self._recent: dict[tuple[str, GapCause], deque[int]] = {}
        self._open: dict[tuple[str, GapCause], _Episode] = {}
        self._why: dict[str, str] = {}
        self._seen_at: dict[str, int] = {}

    def suspect(self, node: str, now: int, why: str = DUPLICATE) -> None:
        """What is known of the reason why a node's order breaks."""
        self._why[node], self._seen_at[node] = why, now

    @property
    def suspected(self) -> Mapping[str, str]:
        """Nodes of which a reason is known, while their order breaks."""
        return self._why

    def add(self, node: str, gap: Gap, now: int) -> list[Gap]:
        """Take a gap of a node.

        Returns:
            It, if it is one of few; nothing, if it is kept to be said with others.
        """
        key = (node, gap.cause)
        recent = self._recent.setdefault(key, deque(maxlen=N_SINGLE))
        is_often = len(recent) == N_SINGLE and 0 <= now - recent[0] < WITHIN_US
        recent.append(now)
        if key not in self._open and not is_often:
            why = self._why.get(node, "")
            note = f"{why}; {gap.note}" if why else gap.note
            return [Gap(gap.window, gap.cause, gap.tags, note, gap.n_lost)]
        if key not in self._open:
            start, end = min(gap.window), max(gap.window)
            self._open[key] = _Episode(gap.cause, start, end, now, now, gap.note)
        self._open[key].take(gap, now)
        return []

    def due(self, now: int, *, is_end: bool = False) -> list[Gap]:
        """Episodes that are to be said now.

        Args:
            now: Present time, microseconds UTC.
            is_end: Say all of them: nothing more will come.
        """
        found = []
        for key, one in list(self._open.items()):
            is_over = is_end or not 0 <= now - one.last < QUIET_US
            if is_over or now - one.since >= LASTS_US:
                found.append(one.gap(self._why.get(key[0], "")))
                del self._open[key]
        for key, recent in list(self._recent.items()):
            if key not in self._open and not 0 <= now - recent[-1] < QUIET_US:
                del self._recent[key]
        for node in self._why.keys() - {node for node, _ in self._recent}:
            if not 0 <= now - self._seen_at[node] < QUIET_US:
                del self._why[node], self._seen_at[node]
        return found

    def as_text(self) -> str:
        """Open episodes as a position; empty without one."""
        found = [
            [one.gap(self._why.get(node, "")).note, one.cause.value, one.start, one.end,
             list(one.tags or ())[:50]]
            for (node, _), one in self._open.items()
        ]  # fmt: skip
        return json.dumps(found) if found else ""


def left_open(text: str) -> list[Gap]:
    """Gaps of the episodes that a position holds: the node died before they were said."""
    return [
        Gap((start, end), GapCause(cause), tuple(tags) if len(tags) < 50 else (), note)
        for note, cause, start, end, tags in (json.loads(text) if text else ())
    ]
