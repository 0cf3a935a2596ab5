"""Capability indices."""

import math

import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.capability import process_capability


def test_a_centred_process():
    values = np.random.default_rng(1).normal(10.0, 1.0, 5000)
    result = process_capability(values, 7.0, 13.0)
    for index in (result.cp, result.cpk, result.pp, result.ppk):
        assert index.estimate == pytest.approx(1.0, abs=0.05)
        assert index.interval.covers(index.estimate)


def test_intervals_cover_about_as_often_as_they_say():
    generator = np.random.default_rng(4)
    results = [process_capability(generator.normal(1, 1, 40), -3.0, 4.0) for _ in range(400)]
    for name, truth in (("cp", 3.5 / 3), ("pp", 3.5 / 3), ("ppk", 1.0), ("cpk", 1.0)):
        share = np.mean([getattr(one, name).interval.covers(truth) for one in results])
        assert 0.91 <= share <= 0.985, name


def test_one_limit_only_and_no_limit():
    values = np.random.default_rng(1).normal(10.0, 1.0, 100)
    result = process_capability(values, lower=7.0)
    assert math.isnan(result.cp.estimate)
    assert result.ppk.estimate == pytest.approx((values.mean() - 7) / (3 * values.std(ddof=1)))
    with pytest.raises(DesignError):
        process_capability(values)
    with pytest.raises(DesignError):
        process_capability(values, 3.0, 2.0)
