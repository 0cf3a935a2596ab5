"""The node's own work: ticks by themselves, failures told, damage stops it."""

import time

from goldenbatch.apps.local_desk import LocalDesk
from goldenbatch.apps.node.background import Background
from goldenbatch.apps.node.state import NodeState
from goldenbatch.core.errors import IntegrityError
from goldenbatch.runtime.local import LocalSite

TEMP = "site/area/cell/tank/temp"


def until(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_it_wakes_and_hands_over_by_itself(home):
    with LocalSite.open(home) as site:
        site.adopt("second", "test.threshold", {"tag": TEMP, "limit": 45.0})
        state = NodeState(LocalDesk(site), "token")
        background = Background(state, wake_s=0.02, flush_s=0.02)
        background.start()
        try:
            until(lambda: list(site.ledger.events(kinds={"ChunkClosed"})))
            until(lambda: [*(home / "historian" / "compactions").glob("*.json")])
        finally:
            background.stop()
        assert state.problems == []
        assert site.verify().is_ok


def test_a_failure_is_told_and_tried_again(home):
    calls = []

    class Failing(LocalDesk):
        def wake(self):
            calls.append(1)
            if len(calls) == 1:
                raise OSError("disk is full")
            return super().wake()

    with LocalSite.open(home) as site:
        state = NodeState(Failing(site), "token")
        background = Background(state, wake_s=0.01, flush_s=0)
        background.start()
        try:
            until(lambda: len(calls) >= 3)
        finally:
            background.stop()
        assert state.is_ready
        assert len(state.problems) == 1 and "disk is full" in state.problems[0]


def test_damage_stops_the_work(home):
    calls = []

    class Damaged(LocalDesk):
        def wake(self):
            calls.append(1)
            raise IntegrityError("event 5 is not what was recorded.")

    with LocalSite.open(home) as site:
        state = NodeState(Damaged(site), "token")
        background = Background(state, wake_s=0.01, flush_s=0)
        background.start()
        try:
            until(lambda: not state.is_ready)
            time.sleep(0.05)
        finally:
            background.stop()
        assert calls == [1]
