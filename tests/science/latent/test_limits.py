"""Limits of T2 and SPE."""

import numpy as np
import pytest
from scipy import stats

from goldenbatch.science.errors import DataError
from goldenbatch.science.latent import limits as lm


@pytest.mark.parametrize(("n", "a", "confidence"), [(30, 2, 0.95), (500, 9, 0.99)])
def test_t2_limit_is_the_scaled_f_quantile(n, a, confidence):
    wanted = a * (n**2 - 1) / (n * (n - a)) * stats.f.ppf(confidence, a, n - a)
    assert lm.t2_limit(n, a, confidence) == pytest.approx(wanted)


def test_both_spe_limits_are_near_the_truth_for_normal_residuals():
    eigenvalues = np.array([1.0, 0.7, 0.5, 0.3, 0.1])
    generator = np.random.default_rng(1)
    spe = (generator.standard_normal((200_000, 5)) ** 2 * eigenvalues).sum(1)
    for confidence in (0.95, 0.99):
        truth = np.quantile(spe, confidence)
        ours = lm.spe_limit_from_eigenvalues(eigenvalues, confidence)
        assert ours == pytest.approx(truth, rel=0.03)
        assert lm.box_limit(spe, confidence) == pytest.approx(truth, rel=0.03)


def test_impossible_limits_are_refused():
    with pytest.raises(DataError):
        lm.t2_limit(5, 5)
    with pytest.raises(DataError):
        lm.spe_limit_from_eigenvalues([0.0, 0.0])
    with pytest.raises(DataError):
        lm.box_limit([1.0, 2.0])
    assert lm.DomainLimits(0.99, 1.0, 2.0).to_json()["spe_left_out"] is None
