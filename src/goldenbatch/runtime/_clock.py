"""The present time."""

from __future__ import annotations

import time
from collections.abc import Callable


def system_clock() -> int:
    """Microseconds UTC of the machine's clock."""
    return time.time_ns() // 1000


def not_before(newest: Callable[[], int], clock: Callable[[], int]) -> Callable[[], int]:
    """A clock that is never behind the newest record.

    Set back, the machine's clock would bring an old policy, a delegation that has ended, or an
    inspector's closed window into force again.

    Args:
        newest: When the newest event was recorded.
        clock: Of the machine.
    """

    def now() -> int:
        return max(clock(), newest())

    return now
