"""Batches of the penicillin population: draws, disturbances, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.penicillin import BatchStart, captured, draw, nominal
from goldenbatch.science.process.library.penicillin.variables import DISTURBANCE_NAMES


def test_draws_have_the_published_means_and_spreads() -> None:
    starts = [draw(seed, is_fixed_length=False) for seed in range(400)]
    ph = np.array([one.initial["pH"] for one in starts])
    mu = np.array([one.parameters["mu_x"] for one in starts])
    length = np.array([one.length_h for one in starts])
    assert ph.mean() == pytest.approx(6.5, abs=0.02) and ph.std() == pytest.approx(0.1, rel=0.1)
    assert mu.mean() == pytest.approx(0.41, abs=0.005) and mu.std() == pytest.approx(0.025, rel=0.1)
    assert length.std() == pytest.approx(6.0, rel=0.12) and (length == length.round()).all()
    assert all(one.initial["a1"] == pytest.approx(2 * one.initial["a0"]) for one in starts)


def test_disturbances_are_slow_and_of_the_published_size() -> None:
    starts = [draw(seed) for seed in range(60)]
    assert tuple(starts[0].disturbances) == DISTURBANCE_NAMES
    late = np.array([one.disturbances["distMuX"][600:] for one in starts])
    # A filter (1 - r) / (1 - r z^-1) of white noise has the variance (1 - r) / (1 + r).
    assert late.std() == pytest.approx(0.25 * np.sqrt(0.005 / 1.995), rel=0.15)
    series = late - late.mean(axis=1, keepdims=True)
    assert np.mean(series[:, 1:] * series[:, :-1]) / np.mean(series**2) > 0.97


def test_the_same_seed_gives_the_same_batch() -> None:
    one, again, other = draw(5), draw(5), draw(6)
    assert one.initial == again.initial != other.initial
    assert np.array_equal(one.disturbances["distcs"], again.disturbances["distcs"])


def test_states_carry_hydrogen_ions() -> None:
    assert nominal().states()["H"] == pytest.approx(10**-6.5)
    assert "pH" not in nominal().states()


def test_impossible_disturbances_are_refused() -> None:
    start = nominal(10.0)
    for series, words in (
        ({"distMuP": np.zeros(49)}, "49 values"),
        ({"distMuP": np.full(60, np.nan)}, "gaps"),
        ({"wind": np.zeros(60)}, "no disturbance 'wind'"),
    ):
        with pytest.raises(DataError, match=words):
            BatchStart(start.initial, start.parameters, 10.0, series)


def test_a_capture_that_lacks_something_is_refused_by_its_name() -> None:
    with pytest.raises(DataError, match=r"lacks .*NH3"):
        captured({"S": 1.0}, {}, {}, 230.0)
