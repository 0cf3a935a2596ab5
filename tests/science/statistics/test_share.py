"""A share that rises is found, and run lengths are those of the chain."""

import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.share import share_arl, share_chart, share_step


def run_length(rng, chart, share, n=6000):
    total, lengths, since = 0, [], 0
    for is_event in rng.random(n) < share:
        total, since = share_step(chart, total, is_event=bool(is_event)), since + 1
        if total >= chart.threshold:
            lengths.append(since)
            total, since = 0, 0
    return np.mean(lengths) if lengths else np.inf


@pytest.mark.parametrize(("allowed", "detected"), [(0.05, 0.25), (0.02, 0.1), (0.2, 0.5)])
def test_the_exact_run_length_is_what_simulation_finds(allowed, detected):
    chart = share_chart(allowed, detected, 60.0)
    found = run_length(np.random.default_rng(1), chart, allowed, 30_000)
    assert chart.arl0 >= 60
    assert found == pytest.approx(chart.arl0, rel=0.15)
    assert share_arl(detected, chart.up, chart.threshold) < 0.3 * chart.arl0


def test_the_threshold_is_the_lowest_that_will_do():
    chart = share_chart(0.05, 0.25, 200.0)
    assert share_arl(0.05, chart.up, chart.threshold - 1) < 200 <= chart.arl0


def test_two_in_a_row_of_a_fair_coin_take_six_tosses():
    # Closed form for runs of two with a walk that falls by one: (1 + 1/p) / p at p = 1/2.
    assert share_arl(0.5, 1, 2) == pytest.approx(6.0)
    assert share_arl(0.25, 1, 1) == pytest.approx(4.0)


def test_what_gives_no_chart_is_refused():
    for shares in ((0.0, 0.2), (0.3, 0.2), (0.2, 1.0)):
        with pytest.raises(DesignError):
            share_chart(*shares, 100.0)
    with pytest.raises(DesignError):
        share_arl(0.5, 0, 3)
