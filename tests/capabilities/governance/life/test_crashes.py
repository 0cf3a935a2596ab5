"""kill -9 while a model is activated: one version is active, never two and never none."""

import os

import pytest
from tests.campaign.models import campaign

N_DEATHS = int(os.environ.get("GOLDENBATCH_CRASHES", "10"))


@pytest.mark.timeout(60 + 10 * N_DEATHS)
def test_killed_while_a_model_is_activated(tmp_path):
    told = campaign(tmp_path, N_DEATHS, "activation")
    assert told.n_deaths == N_DEATHS
    assert told.n_acts > N_DEATHS // 2
    assert told.outcomes["not begun"] + told.outcomes["kept whole"] > N_DEATHS // 4, told.outcomes
