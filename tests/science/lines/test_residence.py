"""Residence times against their closed forms, and what a line does with a disturbance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.lines.residence import (
    Vessel,
    chain_step_response,
    fit_vessel,
    funnel,
    impulse_weights,
    mean_and_variance,
    pulse_peak,
    quantile,
    respond,
    step_response,
    vessel_of,
)

VESSELS = st.builds(
    Vessel, st.just("v"), st.floats(2.0, 80.0), st.floats(1.0, 8.0), st.floats(0.0, 40.0)
)
CHAIN = (Vessel("blender", 40.0, 3.0, 10.0), Vessel("hopper", 25.0), Vessel("frame", 30.0, 2.0))


@given(VESSELS)
@settings(max_examples=30, deadline=None)
def test_step_response_is_the_gamma_distribution(vessel):
    times = np.linspace(0, 300, 61)
    exact = gamma.cdf(times, vessel.n_tanks, vessel.dead_time, vessel.tau / vessel.n_tanks)
    np.testing.assert_allclose(step_response(vessel, times), exact, atol=1e-12)


@given(st.lists(VESSELS, min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_weights_keep_mass_and_mean_exactly_and_variance_nearly(chain):
    step = 0.5
    weights = impulse_weights(chain, step)
    times = step * np.arange(len(weights))
    mean, variance = mean_and_variance(chain)
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    assert weights @ times == pytest.approx(mean, rel=1e-8)
    found = weights @ (times - mean) ** 2
    assert variance - 1e-6 * variance <= found <= variance + len(chain) * step**2 / 4 + 1e-6


def test_two_equal_tanks_are_one_vessel_of_two():
    one, two = [Vessel("a", 20.0, 2.0)], [Vessel("a", 10.0), Vessel("b", 10.0)]
    inlet = np.where(np.arange(400) < 30, 1.3, 1.0)
    np.testing.assert_allclose(
        respond(one, inlet, 0.1, before=1.0), respond(two, inlet, 0.1, before=1.0), atol=1e-5
    )


def test_a_step_through_a_chain_is_the_distribution_of_the_sum():
    rng = np.random.default_rng(1)
    drawn = sum(v.dead_time + rng.gamma(v.n_tanks, v.tau / v.n_tanks, 200_000) for v in CHAIN)
    times, share = chain_step_response(CHAIN, 0.1)
    for level in (0.05, 0.5, 0.95):
        at = quantile(CHAIN, level, 0.1)
        assert np.interp(at, times, share) == pytest.approx(level, abs=1e-6)
        assert (drawn <= at).mean() == pytest.approx(level, abs=4 * np.sqrt(0.25 / 200_000))


@given(st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_what_goes_in_comes_out_and_never_more_extreme(seed):
    rng = np.random.default_rng(seed)
    inlet = np.concatenate([1 + 0.2 * rng.standard_normal(300), np.ones(4000)])
    outlet = respond(CHAIN, inlet, 0.5, before=1.0)
    assert (outlet - 1).sum() == pytest.approx((inlet - 1).sum(), abs=1e-6)
    assert inlet.min() - 1e-9 <= outlet.min() <= outlet.max() <= inlet.max() + 1e-9


def test_pulse_peak_of_one_tank_has_its_closed_form():
    for duration in (0.5, 3.0, 30.0):
        exact = 1 - np.exp(-duration / 12.0)
        assert pulse_peak([Vessel("a", 12.0)], duration, 0.02) == pytest.approx(exact, abs=1e-4)
    # Two tanks: F(t) - F(t - d) is largest where the densities are equal.
    n, tau, d = 2.0, 20.0, 10.0
    at = d / (1 - np.exp(-d * n / tau))
    exact = gamma.cdf(at, n, 0, tau / n) - gamma.cdf(at - d, n, 0, tau / n)
    assert pulse_peak([Vessel("a", tau, n)], d, 0.02) == pytest.approx(exact, abs=1e-5)


def test_a_funnel_narrows_with_the_duration_to_the_limit():
    amplitudes = funnel(CHAIN, [1, 5, 20, 100, 2000], 0.05, 0.2)
    assert (np.diff(amplitudes) < 0).all()
    assert amplitudes[-1] == pytest.approx(0.05, rel=1e-6)
    # A pulse on the funnel touches the limit, and no more.
    pulse = np.where(np.arange(4000) < 100, amplitudes[2], 0.0)
    assert respond(CHAIN, pulse, 0.2, before=0.0).max() == pytest.approx(0.05, rel=5e-3)


@given(VESSELS)
@settings(max_examples=15, deadline=None)
def test_a_vessel_is_found_again_in_its_step_response(vessel):
    times = np.linspace(0, vessel.dead_time + 6 * vessel.tau, 200)
    found = fit_vessel(times, step_response(vessel, times))
    assert found.mean == pytest.approx(vessel.mean, rel=1e-3)
    assert found.variance == pytest.approx(vessel.variance, rel=2e-2)


def test_a_noisy_step_gives_a_vessel_near_it():
    vessel, times = Vessel("a", 40.0, 3.0, 15.0), np.linspace(0, 300, 150)
    seen = step_response(vessel, times) + np.random.default_rng(1).normal(0, 0.01, 150)
    found = fit_vessel(times, np.clip(seen, 0, 1.02))
    assert found.mean == pytest.approx(55.0, rel=0.02)


def test_half_a_step_is_refused():
    with pytest.raises(DataError, match="not seen whole"):
        fit_vessel(np.linspace(0, 10, 20), np.linspace(0, 0.5, 20))


@pytest.mark.parametrize(
    "call",
    [
        lambda: Vessel("a", -1.0),
        lambda: Vessel("a", 1.0, 0.5),
        lambda: Vessel("a", 1.0, dead_time=np.inf),
        lambda: vessel_of("a", 1.0, 0.0),
        lambda: impulse_weights([], 1.0),
        lambda: impulse_weights(CHAIN, 0.0),
        lambda: quantile(CHAIN, 1.0, 0.1),
        lambda: pulse_peak(CHAIN, 0.0, 0.1),
        lambda: funnel(CHAIN, [1.0], 0.0, 0.1),
    ],
)
def test_what_cannot_be_is_refused(call):
    with pytest.raises(DesignError):
        call()


def test_an_empty_signal_is_refused():
    with pytest.raises(DataError, match="no values"):
        respond(CHAIN, [], 1.0)
