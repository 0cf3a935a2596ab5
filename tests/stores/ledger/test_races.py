"""Several writers at once, in threads and in processes; clocks that jump; on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import VersionConflictError

HERE = Path(__file__).resolve().parent
CHILD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("ledger_kit", sys.argv[1])
kit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kit)
kit.race_child(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
"""


def broken(problems):
    return [problem for problem in problems if not problem.is_note]


def start(place, name, n):
    arguments = [str(HERE / "conftest.py"), str(place.folder), place.url, name, str(n)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_of_processes_with_the_same_expected_version_one_wins_each(place):
    n_versions = 25
    with place.open():
        pass  # makes tables and key
    children = [start(place, f"child{number}", n_versions) for number in range(3)]
    for child in children:
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        child.stdin.write(b"go\n")
        child.stdin.flush()
    won = [json.loads(child.communicate(timeout=60)[0]) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert sorted(version for versions in won for version in versions) == list(range(n_versions))
    with place.open() as ledger:
        notes = [event.body["note"] for event in ledger.stream("thing/shared")]
        for number, versions in enumerate(won):
            assert [i for i, note in enumerate(notes) if note == f"child{number}"] == versions
        assert ledger.head() == 2 * n_versions and broken(ledger.verify()) == []


def test_two_that_have_the_ledger_open_see_what_the_other_did(kit, place):
    with place.open() as one, place.open() as other:
        one.append([kit.weighed("a", 0)])
        other.append([kit.weighed("a", 1), kit.weighed("b", 0)])
        with pytest.raises(VersionConflictError, match="at version 2, not 1"):
            one.append([kit.weighed("a", 1)])
        one.append([kit.weighed("a", 2), kit.weighed("b", 1)])
        other.append([kit.moved("b", 2)])
        rows = {row["thing"]: row["n_weighed"] for row in other.select("thing")}
        assert rows == {"a": 3, "b": 2}
        assert one.head() == other.head() == 6 and one.root() == other.root()
        assert broken(one.verify()) == [] and broken(other.verify()) == []


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=6))
def test_a_clock_that_jumps_never_takes_time_back(kit, place, jumps):
    now, shown = [kit.START], []

    def clock():
        shown.append(now[0])
        return now[0]

    with place.open(clock=clock) as ledger:
        last = next((e.envelope.recorded_at for e in ledger.events(after=ledger.head() - 1)), 0)
        behind = 0
        for jump in jumps:
            now[0] = kit.START + jump
            version = ledger.version("thing/a")
            at = ledger.append([kit.weighed("a", version)])[0].envelope.recorded_at
            assert at == max(last, now[0])
            behind, last = max(behind, last - now[0]), at
        assert ledger.clock_behind_us == behind and broken(ledger.verify()) == []
