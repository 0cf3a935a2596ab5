"""What is read off chromatograms, against bells and steps whose answers are exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.library.chromatography import (
    Balance,
    Chromatogram,
    best_pool,
    dynamic_binding_capacity,
    find_peaks,
    fractions,
    moments,
    pool,
    productivity,
    resolution,
    transition,
)

T = np.linspace(0.0, 100.0, 10_001)


def bell(at, sd, area=1.0):
    return area / (sd * np.sqrt(2.0 * np.pi)) * np.exp(-0.5 * ((T - at) / sd) ** 2)


def made(*signals, names=("salt", "a", "b")):
    outlet = np.column_stack([np.full(T.size, 50.0), *signals])
    fed = np.array([np.trapezoid(one, T) for one in outlet.T]) * 1e-3
    zero = np.zeros(len(names))
    return Chromatogram(
        T, names, outlet, outlet * 0.0, "g/L", 1e-3, Balance(zero, fed, fed, zero), "complete", "",
        zero,
    )  # fmt: skip


@settings(max_examples=12)
@given(at=st.floats(30.0, 60.0), sd=st.floats(0.5, 3.0), area=st.floats(0.01, 100.0))
def test_moments_and_plates_of_a_bell(at, sd, area):
    found = moments(T, bell(at, sd, area))
    assert found.area == pytest.approx(area, rel=1e-9)
    assert found.mean_s == pytest.approx(at, rel=1e-9)
    assert found.variance_s2 == pytest.approx(sd**2, rel=1e-6)
    assert found.skewness == pytest.approx(0.0, abs=1e-6)
    (peak,) = find_peaks(T, bell(at, sd, area), threshold=1e-6)
    assert peak.plates == pytest.approx(found.plates, rel=1e-3)
    assert peak.area == pytest.approx(area, rel=1e-4)
    assert peak.apex_s == pytest.approx(at, abs=1e-4)
    assert (peak.tailing, peak.asymmetry) == pytest.approx((1.0, 1.0), abs=1e-3)


def test_a_tailing_peak_has_the_moments_of_its_convolution():
    # Exponentially modified bell: mean + tau, variance + tau^2, third moment 2 tau^3.
    tail = np.exp(-T / 2.0) / 2.0
    signal = np.convolve(bell(30.0, 1.0), tail)[: T.size] * (T[1] - T[0])
    found = moments(T, signal)
    assert found.mean_s == pytest.approx(32.0, abs=0.01)
    assert found.variance_s2 == pytest.approx(5.0, rel=2e-3)
    assert found.skewness == pytest.approx(2.0 * 8.0 / 5.0**1.5, rel=5e-3)
    (peak,) = find_peaks(T, signal)
    assert peak.tailing > 1.2 and peak.asymmetry > 1.2


def test_neighbours_are_cut_at_the_valley_and_noise_is_no_peak():
    signal = bell(30.0, 1.0) + 0.5 * bell(36.0, 1.0)
    first, second = find_peaks(T, signal)
    assert first.end_s == second.start_s
    assert resolution(first, second) == pytest.approx(6.0 / 4.0, rel=0.02)
    noisy = signal + 1e-4 * np.random.default_rng(3).normal(size=T.size)
    assert len(find_peaks(T, noisy)) == 2
    assert find_peaks(T, np.zeros(T.size)) == ()
    with pytest.raises(DataError, match="make no signal"):
        moments([0.0, 0.0, 1.0], [1.0, 1.0, 1.0])
    with pytest.raises(DataError, match="area"):
        moments(T, -bell(30.0, 1.0))


def test_a_pool_is_what_left_between_two_times():
    run = made(bell(30.0, 2.0), bell(40.0, 2.0))
    half = pool(run, "a", 0.0, 30.0)
    assert half.yield_ == pytest.approx(0.5, abs=1e-4)
    assert half.volume_m3 == pytest.approx(0.03)
    assert half.purity == pytest.approx(1.0, abs=1e-5)
    parts = fractions(run, "a", [0.0, 30.0, 40.0, 100.0])
    assert sum(part.yield_ for part in parts) == pytest.approx(1.0, rel=1e-6)
    assert pool(run, "a", 0.0, 100.0).purity == pytest.approx(0.5, rel=1e-6)
    assert pool(run, "a", 0.0, 100.0, counted=("a",)).purity == 1.0
    with pytest.raises(DataError, match="does not lie"):
        pool(run, "a", 50.0, 200.0)
    with pytest.raises(DataError, match="no component 'x'"):
        pool(run, "x", 0.0, 10.0)


# Of bells one standard deviation apart no window within 1e-6 of the tail is purer than 0.99.
@given(min_purity=st.floats(0.55, 0.98), distance=st.floats(2.0, 10.0))
def test_the_best_pool_is_pure_enough_and_no_wider_one_is(min_purity, distance):
    run = made(bell(30.0, 2.0), bell(30.0 + distance, 2.0))
    best = best_pool(run, "a", min_purity)
    assert best.purity >= min_purity - 1e-9
    if best.yield_ < 0.99:
        wider = pool(run, "a", best.start_s, best.end_s + 0.2)
        assert wider.purity < min_purity


def test_no_pure_pool_is_said():
    run = made(bell(30.0, 2.0), bell(30.0, 2.0))
    with pytest.raises(DataError, match=r"the best is 0\.5000"):
        best_pool(run, "a", 0.9)
    with pytest.raises(DataError, match="no a leaves"):
        best_pool(replace(run, outlet=run.outlet * 0.0), "a", 0.9)
    assert productivity(2.0, 100.0, 0.5) == pytest.approx(0.04)
    with pytest.raises(DataError, match="cycle"):
        productivity(1.0, 0.0, 1.0)


@given(feed=st.floats(0.5, 5.0), at=st.floats(20.0, 70.0), sd=st.floats(0.2, 3.0))
def test_capacity_of_a_symmetric_breakthrough(feed, at, sd):
    found = dynamic_binding_capacity(T, feed * ndtr((T - at) / sd), feed, 2.0, dead_volume=1.0)
    assert found.equilibrium == pytest.approx(feed * (at - 1.0) / 2.0, rel=1e-3)
    assert found.volume == pytest.approx(at - 1.2815516 * sd, abs=0.02)
    assert 0.0 < found.utilisation < 1.0
    with pytest.raises(DataError, match=r"not 0\.1"):
        dynamic_binding_capacity(T, 0.05 * feed * ndtr(T - at), feed, 2.0)


@given(at=st.floats(30.0, 60.0), sd=st.floats(0.5, 5.0), rises=st.booleans())
def test_a_transition_in_either_direction(at, sd, rises):
    step = ndtr((T - at) / sd)
    found = transition(T, step if rises else 7.0 - 3.0 * step, 0.2)
    assert found.plates == pytest.approx((at / sd) ** 2, rel=2e-3)
    assert found.plate_height_m == pytest.approx(0.2 / found.plates)
    assert found.asymmetry == pytest.approx(1.0, abs=0.02)
    assert found.breakthrough[1] == pytest.approx(at, abs=1e-3)
