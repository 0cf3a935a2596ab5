"""The present time."""

from __future__ import annotations

import time


def system_clock() -> int:
    """Microseconds UTC of the machine's clock."""
    return time.time_ns() // 1000
