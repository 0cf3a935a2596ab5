"""Run lengths of multivariate charts against Lowry et al. (1992) and Rigdon (1995)."""

import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics import run_length_multivariate as rm
from goldenbatch.science.statistics.run_length import ewma_arl, shewhart_arl

RIGDON_P2 = {
    0.25: (8.37, 9.90, 11.89, 13.36, 14.82, 16.72),
    0.1: (6.98, 8.63, 10.77, 12.37, 13.88, 15.88),
}
LENGTHS = (100, 200, 500, 1000, 2000, 5000)
LOWRY_P2 = (
    (0.0, 200),
    (0.5, 28.1),
    (1.0, 10.2),
    (1.5, 6.12),
    (2.0, 4.41),
    (2.5, 3.51),
    (3.0, 2.92),
)


@pytest.mark.parametrize("weight", RIGDON_P2)
def test_in_control_mewma_is_that_of_rigdon(weight):
    """Their limits have two decimals, which is up to 1.5 % of a run length."""
    ours = [rm.mewma_arl(0.0, 2, weight, limit) for limit in RIGDON_P2[weight]]
    assert ours == pytest.approx(LENGTHS, rel=0.016)


@pytest.mark.parametrize(("shift", "published"), LOWRY_P2)
def test_shifted_mewma_is_that_of_lowry(shift, published):
    """Theirs are simulated with 6,000 runs."""
    assert rm.mewma_arl(shift, 2, 0.1, 8.66) == pytest.approx(published, rel=0.013)


def test_more_attributes_are_those_of_rigdon_and_of_a_simulation():
    assert rm.mewma_arl(1.0, 5, 0.1, 14.56) == pytest.approx(12.9, rel=0.01)
    rng, limit, shift = np.random.default_rng(3), 9.0, np.array([0.5, 0.0, 0.0])
    rows, lengths, n = np.zeros((1200, 3)), [], 0
    while len(rows):
        n += 1
        rows = rows + 0.2 * (rng.standard_normal(rows.shape) + shift - rows)
        is_out = 9.0 * (rows * rows).sum(axis=1) > limit
        lengths += [n] * int(is_out.sum())
        rows = rows[~is_out]
    error = np.std(lengths) / np.sqrt(len(lengths))
    assert abs(rm.mewma_arl(0.5, 3, 0.2, limit) - np.mean(lengths)) < 4 * error


def test_the_two_equations_meet_at_no_shift_and_one_attribute_is_the_ewma():
    quiet = rm.mewma_arl(0.0, 4, 0.1, 12.73)
    assert rm.mewma_arl(1e-6, 4, 0.1, 12.73) == pytest.approx(quiet, rel=1e-6)
    assert rm.mewma_arl(1.0, 1, 0.1, 2.814**2) == pytest.approx(ewma_arl(1.0, 0.1, 2.814))


def test_hotelling_is_chi_squared_and_one_attribute_is_shewhart():
    assert rm.hotelling_arl(0.0, 2, rm.hotelling_limit(200.0, 2)) == pytest.approx(200.0)
    for shift, published in ((0.5, 116), (1.0, 41.9), (1.5, 15.8), (2.0, 6.94), (3.0, 2.15)):
        assert rm.hotelling_arl(shift, 2, 10.597) == pytest.approx(published, rel=0.011)
    assert rm.hotelling_arl(1.0, 1, 9.0) == pytest.approx(shewhart_arl(1.0))
    assert rm.mewma_arl(1.0, 3, 1.0, 12.0) == rm.hotelling_arl(1.0, 3, 12.0)


def test_design_gives_the_run_length_asked_for():
    limit = rm.mewma_limit(370.4, 4, 0.2)
    assert rm.mewma_arl(0.0, 4, 0.2, limit) == pytest.approx(370.4, rel=1e-6)
    for wrong in ((0.0, 0, 0.1, 9.0), (0.0, 2, 1.5, 9.0), (0.0, 2, 0.1, -1.0)):
        with pytest.raises(DesignError):
            rm.mewma_arl(*wrong)
    with pytest.raises(DesignError):
        rm.hotelling_limit(1.0, 2)
