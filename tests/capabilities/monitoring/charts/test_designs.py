"""`goldenbatch monitoring design`."""

from __future__ import annotations

import json

import pytest

from goldenbatch.apps.cli import run
from goldenbatch.capabilities.monitoring.charts.designs import DesignRequest, designed
from goldenbatch.core.errors import BadInputError


def test_a_design_says_what_estimating_costs():
    found = designed(DesignRequest("individuals", 370.398, reference=50))
    assert found["parameters"] == {"width": 3.0}
    assert found["average run length by shift"]["1"] == pytest.approx(43.9, abs=0.01)
    with_reference = found["with a reference period"]
    assert with_reference["values per false alarm over many charts"] < 260
    assert 3.1 < with_reference["width for the run length over many charts"] < 3.25
    assert with_reference["width that 90 % of charts keep it with"] > 3.4


def test_rules_are_told_together():
    found = designed(DesignRequest("western-electric-1,western-electric-4"))
    assert found["average run length"]["together"] == pytest.approx(152.73, abs=0.01)


def test_what_there_is_not_is_named():
    with pytest.raises(BadInputError, match="no chart 'zone'"):
        designed(DesignRequest("zone"))
    with pytest.raises(BadInputError, match="steady state"):
        designed(DesignRequest("residual", phi=1.5))


def test_the_command_needs_no_home(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["monitoring", "design", "cusum", "--arl", "465.4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"]["threshold"] == pytest.approx(5.0, abs=0.01)
