"""A process that activates and suspends models until it is killed: `_activator HOME`.

It loads everything once and then forks a process for each line on stdin, so that a death costs
no more than opening a home. Each act is said before it begins and after it was acknowledged.
"""

from __future__ import annotations

import os
import random
import sys

from goldenbatch.capabilities.governance import fallback_of
from goldenbatch.core.model_line import line_state
from goldenbatch.core.model_records import line_stream
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.governance import team


def say(*words: object) -> None:
    """One line that is out before anything else happens."""
    os.write(1, (" ".join(str(one) for one in words) + "\n").encode())


def work(home: str, seed: str) -> None:
    """Activate, roll back and suspend for ever."""
    draw = random.Random(seed)
    with LocalSite.open(home) as site:
        while True:
            line = line_state(team.USE, site.ledger.stream(line_stream(team.USE)))
            other = 1 if line.active == 2 else 2
            can_fall_back = line.active and fallback_of(line) == other
            if can_fall_back and draw.random() < 0.4:
                say("begin", line.active, other)
                team.act(site, "suspend", "otto", fallback="previous", reason="drift")
            else:
                say("begin", line.active, other)
                team.act(site, "activate", "sam", version=other, reason="ready")
            say("done", other)


def main(home: str) -> None:
    """Fork a worker for each line (its seed) that comes in."""
    say("ready")
    for seed in sys.stdin:
        child = os.fork()
        if not child:
            try:
                work(home, seed.strip())
            finally:
                os._exit(1)
        say("pid", child)
        os.waitpid(child, 0)
        say("dead")


if __name__ == "__main__":
    main(sys.argv[1])
