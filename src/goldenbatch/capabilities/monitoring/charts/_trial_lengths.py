"""Run lengths of the charts of a trial: as designed, and with all that was estimated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq

from goldenbatch.science.statistics.forecast import ForecastDesign, ForecastSettings
from goldenbatch.science.statistics.forecast_study import StudiedChart, forecast_run_lengths
from goldenbatch.science.statistics.run_length import ewma_width, shewhart_width
from goldenbatch.science.statistics.run_length_autocorrelated import residual_arl

SHIFT = 1.0
HORIZON = 2000
_N_RUNS_IN_ALL = 4000


def run_lengths(designs: Sequence[ForecastDesign], settings: ForecastSettings) -> dict[str, Any]:
    """Run lengths of charts as these, beside the residual chart whose parameters are known.

    The truth of each simulated chart is what this one has estimated: its phi, its number of
    reference values, the freedom that others lend. A step of one sigma of the values comes right
    after the reference period. The exact chart is the Shewhart chart of the residuals of the
    same autoregression, at the same in-control run length.

    Returns:
        `known`: without estimation, both exact. `estimated`: everything estimated; means are
        over the first 2,000 batches, for both charts alike.
    """
    if not designs:
        return {}
    return {
        "shift_in_sigma": SHIFT,
        "known": _known([one.phi for one in designs], settings),
        "estimated": _estimated(designs, settings),
    }


def _known(phis: Sequence[float], settings: ForecastSettings) -> dict[str, float]:
    width = ewma_width(settings.in_control_arl, settings.weight)
    exact_width = shewhart_width(settings.in_control_arl)
    ours = [residual_arl(phi, SHIFT, settings.weight, width) for phi in phis]
    exact = [residual_arl(phi, SHIFT, 1.0, exact_width) for phi in phis]
    return {
        "arl0": settings.in_control_arl,
        "arl1": float(np.mean(ours)),
        "arl1_exact_residual_chart": float(np.mean(exact)),
        "ratio": float(np.mean(ours) / np.mean(exact)),
        "largest_ratio_of_a_chart": float(np.max(np.divide(ours, exact))),
    }


def _estimated(designs: Sequence[ForecastDesign], settings: ForecastSettings) -> dict[str, float]:
    charts = [
        StudiedChart(one.phi, one.n_reference, one.freedom - one.own.freedom) for one in designs
    ]
    n_runs = max(20, 2 * (_N_RUNS_IN_ALL // (2 * len(charts))))
    quiet, shifted = (
        forecast_run_lengths(charts, settings, shift, n_runs=n_runs, horizon=HORIZON, seed=1)
        for shift in (0.0, SHIFT)
    )
    arl0, arl1 = float(quiet.lengths.mean()), float(shifted.lengths.mean())
    width = shewhart_width(_full_mean(arl0))
    lengths = [residual_arl(one.phi, SHIFT, 1.0, width) for one in charts]
    exact = float(np.mean([_restricted(one) for one in lengths]))
    usual = shewhart_width(settings.in_control_arl)
    by_then = [residual_arl(one.phi, SHIFT, 1.0, usual) for one in charts]
    in_time = shifted.lengths <= np.array(by_then)[:, None]
    return {
        "batches_per_false_alarm": quiet.per_alarm(),
        "arl0_of_first_2000": arl0,
        "arl1_of_first_2000": arl1,
        "arl1_of_first_2000_exact_residual_chart": exact,
        "ratio": arl1 / exact,
        "median_batches_to_alarm": float(np.median(shifted.lengths)),
        "share_found_within_arl1_of_exact_chart": float(in_time.mean()),
        "same_share_of_exact_chart": float(
            np.mean([1.0 - (1.0 - 1.0 / one) ** math.floor(one) for one in by_then])
        ),
    }


def _restricted(length: float) -> float:
    """Mean over the first 2,000 values of a run length without memory."""
    return length * (1.0 - (1.0 - 1.0 / length) ** HORIZON)


def _full_mean(restricted: float) -> float:
    """Mean of a run length without memory whose mean over the first 2,000 values this is."""
    top = 1e6
    if restricted >= _restricted(top):
        return top
    return float(brentq(lambda one: _restricted(one) - restricted, 1.001, top))
