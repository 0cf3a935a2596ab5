"""The life of models on a ledger in PostgreSQL: the whole way, and killed on the way to serve."""

from __future__ import annotations

from tests.campaign.models import campaign
from tests.capabilities.governance.life.conftest import governed, staffed  # noqa: F401
from tests.capabilities.governance.life.test_life import (  # noqa: F401
    test_from_the_draft_to_work,
    test_suspension_to_a_fallback_and_rolling_back,
    two,
)


def test_killed_while_a_model_is_activated(tmp_path):
    told = campaign(tmp_path, 5, "postgresql")
    assert told.n_deaths == 5
