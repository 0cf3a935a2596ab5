"""kill -9 while predictions are logged: what was acknowledged is there, and nothing twice."""

import random
import shutil
from pathlib import Path

from tests.capabilities.conftest import Clock
from tests.capabilities.governance import sealed_case as case
from tests.children import Children
from tests.runtime.serving import _logger

from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.prediction_log import log_records
from goldenbatch.runtime.prediction_replay import replay_log

KIT = Path(__file__).with_name("_logger.py")
N_DEATHS = 4


def test_killed_while_it_logs(tmp_path, active_home):
    home, draw, said = tmp_path / "home", random.Random(4), []
    shutil.copytree(active_home, home)
    with Children(KIT, "goldenbatch.runtime.local", "goldenbatch.runtime.prediction_log") as kit:
        for seed in range(1, N_DEATHS + 1):
            said += kit.live(home, seed, draw.uniform(0.005, 0.08))
    with LocalSite.open(home, clock=Clock()) as site:
        keys = [one.key for one in log_records(site.historian, case.USE)]
        assert {f"block {number}" for number in said} <= set(keys)
        assert len(keys) == len(set(keys))
        assert len(keys) - len(said) <= N_DEATHS  # whole, and its word was cut off
        # Whoever was killed comes back and logs its last block again.
        for seed in range(1, N_DEATHS + 1):
            last = max([int(one) for one in said if int(one) // 1000 == seed], default=1000 * seed)
            site.models.log(_logger.made(site, last + 1), f"block {last + 1}")
        keys = [one.key for one in log_records(site.historian, case.USE)]
        assert len(keys) == len(set(keys)) == len(said) + N_DEATHS
        found = replay_log(site, case.USE)
        assert found.is_ok, found.problems
        assert found.n_bits == 50 * len(keys)
        site.flush()
        assert site.verify().is_ok
