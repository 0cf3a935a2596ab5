"""A process that wakes the analysts of a home and is killed while it does."""

import sys
from pathlib import Path

import gbx_threshold

from goldenbatch.runtime.discovery import Discovery
from goldenbatch.runtime.local import LocalSite


def main(home: str, die_at: int) -> None:
    """Wake once; stop dead (waiting to be killed) at a step of the given number."""
    n_steps = 0

    def on_step(step: str) -> None:
        nonlocal n_steps
        n_steps += 1
        if n_steps == die_at:
            Path(home, "reports", "reached").write_text(step)
            sys.stdin.read()

    found = Discovery({"test": gbx_threshold.CAPABILITY})
    with LocalSite.open(home, discovery=found, on_step=on_step) as site:
        site.wake()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
