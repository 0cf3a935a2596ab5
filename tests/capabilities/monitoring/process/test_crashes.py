"""A node that watches a fleet is killed (kill -9) and goes on: each alarm is there once."""

from __future__ import annotations

from tests.campaign.fleet import Fleet, campaign


def test_findings_and_statistics_are_those_of_block_scoring_through_a_kill(tmp_path):
    fleet = Fleet(n_units=7, n_tags=6, n_seconds=6)
    outcome = campaign(tmp_path, fleet, 1, "test")
    assert outcome.failures == []
    assert outcome.n_kills == 1 and outcome.n_findings >= 3
    assert outcome.n_rows > 7 * 6 * 10
