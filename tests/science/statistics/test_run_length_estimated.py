"""Run lengths with estimated centre and sigma, against published figures."""

import math

import pytest
from scipy.stats import t

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics import run_length_estimated as est


def test_an_ewma_with_estimates_is_that_of_jones_champ_and_rigdon():
    """20 subgroups of 5, weight 0.2, L 2.636: 200.3 if known, 144.46 (0.02) by simulation."""
    c4 = math.sqrt(2 / 80) * math.exp(math.lgamma(81 / 2) - math.lgamma(40))
    found = est.estimated_ewma_arl(20, 0.0, 0.2, 2.636 / c4, freedom=80)
    assert found.mean == pytest.approx(144.458, rel=0.01)
    assert found.lower < found.per_alarm < found.mean


@pytest.mark.parametrize("n", [20, 100])
def test_one_false_alarm_in_so_many_values_is_the_prediction_limit(n):
    exact = t.ppf(1 - 0.5 / 370.4, n - 1) * math.sqrt(1 + 1 / n)
    assert est.expected_width(370.4, n) == pytest.approx(exact, rel=2e-3)


def test_a_guarantee_needs_wider_limits_and_less_so_with_more_values():
    few, many = (est.guaranteed_width(370.4, n) for n in (30, 300))
    assert few > many > 3.0
    kept = est.estimated_ewma_arl(30, 0.0, 1.0, few, probability=0.9).lower
    assert kept == pytest.approx(370.4, rel=1e-4)


def test_nonsense_is_refused():
    with pytest.raises(DesignError):
        est.estimated_ewma_arl(3)
    with pytest.raises(DesignError):
        est.estimated_ewma_arl(30, probability=1.0)
