"""Tolerance factors against published ones, and their promise by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.statistics.tolerance import (
    one_sided_factor,
    tolerance_limits,
    two_sided_factor,
)


def test_factors_of_the_handbook():
    """NIST/SEMATECH e-Handbook 7.2.6.3: n = 43, 90 % of the wafers, 99 % confidence."""
    assert two_sided_factor(43, 0.90, 0.99) == pytest.approx(2.217, abs=1e-3)
    assert one_sided_factor(43, 0.90, 0.99) == pytest.approx(1.8740, abs=1e-4)


@pytest.mark.parametrize(("n", "factor"), [(3, 7.656), (10, 2.911), (30, 2.220)])
def test_exact_one_sided_factors_of_iso_16269_6(n, factor):
    """95 % share, 95 % confidence: Owen's tables, as in ISO 16269-6, annex C."""
    assert one_sided_factor(n, 0.95, 0.95) == pytest.approx(factor, abs=2e-3)


@pytest.mark.parametrize("n", [5, 20])
def test_the_confidence_is_kept(n):
    rng = np.random.default_rng(3)
    held = one = 0
    for _ in range(2000):
        found = tolerance_limits(rng.standard_normal(n))
        held += norm.cdf(found.upper) - norm.cdf(found.lower) >= 0.95
        one += norm.cdf(tolerance_limits(rng.standard_normal(n), has_lower=False).upper) >= 0.95
    assert held / 2000 == pytest.approx(0.95, abs=0.02)
    assert one / 2000 == pytest.approx(0.95, abs=0.02)


def test_sides_and_bad_asks():
    found = tolerance_limits([1.0, 2.0, 3.0], has_upper=False)
    assert math.isinf(found.upper) and found.lower < 1.0
    with pytest.raises(DesignError, match="side"):
        tolerance_limits([1.0, 2.0], has_lower=False, has_upper=False)
    with pytest.raises(DesignError, match="share"):
        two_sided_factor(5, 1.0)
    with pytest.raises(DataError):
        tolerance_limits([1.0])
