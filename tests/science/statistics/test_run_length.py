"""Exact run lengths against the published tables."""

import numpy as np
import pytest

from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics import run_length as rl
from goldenbatch.science.statistics.charts import ChartDesign, ChartKind, ChartSettings
from goldenbatch.science.statistics.scoring import score

SHIFTS = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3)
CUSUM = {
    4.0: (167.7, 74.2, 26.6, 13.3, 8.38, 4.75, 3.34, 2.19),
    5.0: (465.4, 139.5, 38.0, 17.0, 10.4, 5.75, 4.01, 2.57),
}
EWMA = {
    (0.2, 2.962): ((0, 499.7), (0.25, 150), (0.5, 41.8), (0.75, 18.1), (1, 10.5)),
    (0.1, 2.814): ((0, 499.5), (0.25, 106.3), (0.5, 31.3), (0.75, 15.8), (1, 10.3)),
}


@pytest.mark.parametrize("threshold", CUSUM)
def test_cusum_is_that_of_the_tables(threshold):
    ours = [rl.cusum_arl(shift, 0.5, threshold) for shift in SHIFTS]
    assert ours == pytest.approx(CUSUM[threshold], rel=4e-3)


@pytest.mark.parametrize("chart", EWMA)
def test_ewma_is_that_of_lucas_and_saccucci(chart):
    for shift, published in EWMA[chart]:
        assert rl.ewma_arl(shift, *chart) == pytest.approx(published, rel=5e-3)


LUCAS_CROSIER = (
    (0.0, 149.0),
    (0.25, 62.7),
    (0.5, 20.1),
    (0.75, 8.97),
    (1.0, 5.29),
    (1.5, 2.86),
    (2.0, 2.01),
)


def test_a_head_start_is_that_of_lucas_and_crosier():
    for shift, published in LUCAS_CROSIER:
        assert rl.cusum_arl(shift, 0.5, 4.0, headstart=2.0) == pytest.approx(published, rel=3e-3)
    assert rl.one_sided_cusum_arl(0.0, 0.5, 3.0) == pytest.approx(117.59, rel=1e-3)
    with pytest.raises(DesignError, match="head start"):
        rl.cusum_arl(0.0, 0.5, 4.0, headstart=4.0)


@pytest.mark.parametrize(("weight", "published"), [(0.05, 2.32), (0.1, 2.55), (0.25, 2.76)])
def test_widths_of_slow_ewmas_are_those_of_crowder(weight, published):
    assert rl.ewma_width(250.0, weight) == pytest.approx(published, abs=0.006)


def test_shewhart_known_values():
    assert rl.shewhart_arl() == pytest.approx(370.398, abs=1e-3)
    assert rl.shewhart_arl(1.0) == pytest.approx(43.89, abs=0.01)
    assert rl.ewma_arl(0.0, 1.0, 3.0) == pytest.approx(370.398, rel=1e-5)


@pytest.mark.parametrize("target", [50.0, 370.4, 5000.0])
def test_design_gives_the_run_length_asked_for(target):
    assert rl.shewhart_arl(0.0, rl.shewhart_width(target)) == pytest.approx(target, rel=1e-6)
    assert rl.ewma_arl(0.0, 0.1, rl.ewma_width(target, 0.1)) == pytest.approx(target, rel=1e-6)
    assert rl.cusum_arl(0.0, 0.5, rl.cusum_threshold(target)) == pytest.approx(target, rel=1e-6)


@pytest.mark.parametrize(
    ("chart", "exact"),
    [
        (ChartSettings(kind=ChartKind.EWMA, weight=0.2, width=2.0), rl.ewma_arl(0.0, 0.2, 2.0)),
        (ChartSettings(kind=ChartKind.CUSUM, threshold=2.0), rl.cusum_arl(0.0, 0.5, 2.0)),
    ],
)
def test_the_chart_itself_has_the_exact_run_length(chart, exact):
    design = ChartDesign(chart, 0.0, 1.0)
    generator = np.random.default_rng(5)
    lengths = []
    for _ in range(600):
        met = score(design, generator.standard_normal(int(12 * exact))).is_alarm
        lengths.append(met.argmax() + 1 if met.any() else len(met))
    error = np.std(lengths, ddof=1) / np.sqrt(len(lengths))
    assert abs(np.mean(lengths) - exact) < 4 * error


def test_impossible_designs_are_refused():
    with pytest.raises(DesignError):
        rl.shewhart_width(0.5)
    with pytest.raises(DesignError):
        rl.ewma_arl(0.0, 0.0, 3.0)
    with pytest.raises(DesignError):
        rl.cusum_arl(0.0, 0.5, -1.0)
    with pytest.raises(DesignError, match="no chart"):
        rl.shewhart_width(1e20)
