"""Killed while release tests are asked: each is whole with what it led to, or it is not there."""

import shutil
import signal
import subprocess
import sys

from goldenbatch.core.release_life import ReleaseState, release_test_state
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.monitoring.release import bench

ASK = """
import sys
import argon2
real = argon2.PasswordHasher
argon2.PasswordHasher = lambda: real(1, 8, 1)
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.monitoring.release import bench
with LocalSite.open(sys.argv[1]) as site:
    for n in range(8):
        bench.ask(site, f"R{n}")
        print(n, flush=True)
"""


def test_killed_while_asking_there_is_no_half_answer(tmp_path, _release_home, monkeypatch):
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))
    path = tmp_path / "home"
    shutil.copytree(_release_home, path)
    with LocalSite.open(path) as site:
        bench.register(site)
        for n in range(8):
            given = bench.FAILS if n % 2 else (37.0, None)
            bench.batch(site, f"R{n}", *given, number=n)
    child = subprocess.Popen([sys.executable, "-c", ASK, str(path)], stdout=subprocess.PIPE)
    with child:
        for _ in range(3):
            assert child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        told = 3 + len(child.stdout.readlines())
    with LocalSite.open(path) as site:
        states = [
            release_test_state(site.ledger.stream(f"release-test/R{n}/EU/assay")) for n in range(8)
        ]
        found = [one for one in states if one is not None]
        assert told <= len(found) <= told + 1
        for one in found:
            assert one.head == 2
            is_failure = one.state is ReleaseState.INVESTIGATION
            assert bool(one.investigations) is is_failure and (one.called is None) is is_failure
        assert site.verify().is_ok
