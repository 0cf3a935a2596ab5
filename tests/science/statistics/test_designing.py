"""Charts by the run length wanted."""

import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics import designing
from goldenbatch.science.statistics.designing import (
    DesignAsked,
    DesignKind,
    design_chart,
    rules_table,
)

QUICK = [one for one in DesignKind if one not in (DesignKind.ADJUSTED_EWMA, DesignKind.MEWMA)]


@pytest.mark.parametrize("kind", QUICK)
def test_each_chart_has_the_run_length_asked_for_and_sees_larger_shifts_sooner(kind):
    found = design_chart(kind, DesignAsked(400.0, 1.0, weight=0.25, phi=0.4))
    lengths = [length for _, length in found.run_lengths]
    assert lengths[0] == pytest.approx(400.0, rel=1e-5)
    assert lengths == sorted(lengths, reverse=True)


def test_slow_kinds_have_it_too():
    mewma = design_chart(DesignKind.MEWMA, DesignAsked(200.0, weight=0.1), (0.0, 1.0))
    assert mewma.run_lengths[0][1] == pytest.approx(200.0, rel=1e-5)
    assert mewma.run_lengths[1][1] == pytest.approx(10.2, rel=0.01)


def test_the_weight_suits_the_shift(monkeypatch):
    monkeypatch.setattr(designing, "_BEST_WEIGHTS", (0.05, 0.4))  # each costs half a second
    small, large = (
        design_chart(DesignKind.EWMA, DesignAsked(500.0, shift)).parameters["weight"]
        for shift in (0.5, 2.0)
    )
    assert small <= 0.1 < 0.3 <= large


def test_subgroups_see_shifts_sooner():
    found = design_chart(DesignKind.XBAR, DesignAsked(370.398, n_per_subgroup=5), (0.0, 1.0))
    assert found.run_lengths[1][1] == pytest.approx(4.5, abs=0.05)


def test_rules_together_alarm_more_often_than_each_alone():
    found = rules_table(["nelson-1", "nelson-2"])
    assert found["together"] < min(found["nelson-1"], found["nelson-2"])
    assert found["standard_error"] == 0.0


def test_nonsense_is_refused():
    with pytest.raises(DesignError):
        DesignAsked(shift=0.0)
    with pytest.raises(DesignError):
        design_chart(DesignKind.EWMA, DesignAsked(0.5))
