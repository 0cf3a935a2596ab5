"""Refusals of a source: the first is recorded at once, those that follow soon as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from goldenbatch.core.acquisition import Gap

HOLD_S = 10.0
"""A device that goes on sending what cannot be kept makes a record no oftener than this."""
MAX_BYTES = 4 * 2**20
MAX_KEYS = 1000


@dataclass
class Refusals:
    """What was refused and is not on record yet; held until `due` or until it is too much.

    Attributes:
        now_s: A clock that only goes on.
    """

    now_s: Callable[[], float] = time.monotonic
    _held: list[tuple[Gap, bytes]] = field(default_factory=list)
    _recorded_at: float = float("-inf")
    _keys: dict[str, None] = field(default_factory=dict)

    def is_new(self, key: str) -> bool:
        """Whether a frame was not refused before: one that was slow comes by the spool again."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > MAX_KEYS:
            self._keys.pop(next(iter(self._keys)))
        return True

    def add(self, gap: Gap, content: bytes = b"") -> None:
        """Take a refusal with what was refused, as JSON Lines."""
        self._held.append((gap, content))

    def due(self, *, is_forced: bool = False) -> list[tuple[Gap, bytes]]:
        """What is to be recorded now: one gap for those with tags, one for those without."""
        is_early = self.now_s() - self._recorded_at < HOLD_S
        is_much = sum(len(content) for _, content in self._held) > MAX_BYTES
        if not self._held or (is_early and not is_much and not is_forced):
            return []
        self._recorded_at, held, self._held = self.now_s(), self._held, []
        parts = [
            [one for one in held if bool(one[0].tags) is has_tags] for has_tags in (True, False)
        ]
        return [_merged(part) for part in parts if part]


def _merged(held: Sequence[tuple[Gap, bytes]]) -> tuple[Gap, bytes]:
    gaps = [gap for gap, _ in held]
    if len(gaps) == 1:
        return held[0]
    known = [gap.n_lost for gap in gaps]
    made = Gap(
        (min(min(gap.window) for gap in gaps), max(max(gap.window) for gap in gaps)),
        gaps[0].cause,
        tuple(sorted({tag for gap in gaps for tag in gap.tags})),
        f"{gaps[0].note} (and {len(gaps) - 1} more until: {gaps[-1].note})",
        sum(known) if min(known) >= 0 else -1,
    )
    return made, b"".join(content for _, content in held)
