"""Equivalence of means: R's figures on Student's sleep data, edges."""

import numpy as np
import pytest
from scipy import stats

from goldenbatch.science.comparison import paired_tost
from goldenbatch.science.errors import DataError, DesignError

# Student (1908), `sleep` in R: extra hours of the two drugs, ten patients.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
GAPS = np.subtract(FIRST, SECOND)


def test_r_on_the_sleep_data():
    """R, t.test(extra ~ group, paired): mean -1.58, 95 % interval -2.4598858 to -0.7001142."""
    result = paired_tost(GAPS, margin=2.5, confidence=0.975)
    assert result.mean == pytest.approx(-1.58)
    assert (result.lower, result.upper) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)
    assert result.is_equivalent
    assert not paired_tost(GAPS, margin=2.4, confidence=0.975).is_equivalent


def test_its_p_value_is_the_larger_of_two_t_tests():
    below = stats.ttest_1samp(GAPS, 3.0, alternative="less").pvalue
    above = stats.ttest_1samp(GAPS, -3.0, alternative="greater").pvalue
    assert paired_tost(GAPS, margin=3.0).p_value == pytest.approx(max(below, above))


def test_bounds_and_p_value_agree():
    for margin in np.linspace(1.7, 3.0, 14):
        result = paired_tost(GAPS, margin=float(margin))
        assert result.is_equivalent == (-margin < result.lower and result.upper < margin)


def test_edges():
    assert paired_tost([0.2, 0.2], margin=0.3).is_equivalent
    assert not paired_tost([0.4, 0.4], margin=0.3).is_equivalent
    with pytest.raises(DataError, match="2 are needed"):
        paired_tost([0.2, float("nan")], margin=0.3)
    for margin, confidence in ((0.0, 0.95), (float("inf"), 0.95), (1.0, 0.3)):
        with pytest.raises(DesignError, match="tests nothing"):
            paired_tost([0.1, 0.2], margin, confidence)
