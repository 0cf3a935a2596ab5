"""kill -9 of the real program at random moments: nothing acknowledged is lost or doubled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.campaign.crashes import campaign

N_DEATHS = int(os.environ.get("GOLDENBATCH_CRASHES", "6"))


@pytest.mark.slow()
@pytest.mark.timeout(60 + 30 * N_DEATHS)
def test_killed_at_random_moments(tmp_path: Path, _empty_mill: Path) -> None:
    counted = campaign(tmp_path, N_DEATHS, "integration", _empty_mill)
    print(counted)
    assert counted.n_deaths == N_DEATHS
    assert sum(counted.by_command.values()) == N_DEATHS
