"""How long charts of forecast scores take to alarm, each made from a reference period of its own.

A simulation of `forecast` with everything estimated as there, for many charts at once: the truth
is a first-order autoregression with the coefficient given, and a step of its mean after the
reference period. Beside it stands the residual chart whose parameters are known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtr

from goldenbatch.science._arrays import Bools, Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.statistics.forecast import PHI_MAX, ForecastSettings
from goldenbatch.science.statistics.run_length import ewma_width


@dataclass(frozen=True, slots=True)
class StudiedChart:
    """A chart to simulate.

    Attributes:
        phi: true coefficient.
        n_reference: values of its reference period.
        lent_freedom: degrees of freedom that other charts lend to its sigma.
    """

    phi: float
    n_reference: int
    lent_freedom: float = 0.0


@dataclass(frozen=True, slots=True)
class StudiedLengths:
    """Simulated run lengths.

    Attributes:
        lengths: per chart and run, shape (n_charts, n_runs); at most the horizon.
        horizon: where a run was given up.
    """

    lengths: Floats
    horizon: int

    @property
    def is_censored(self) -> Bools:
        """Which runs had no alarm."""
        return np.asarray(self.lengths >= self.horizon)

    def per_alarm(self, n_first: int = 100) -> float:
        """Values per alarm over all charts, from the share that alarms early.

        >>> StudiedLengths(np.array([[50.0, 1000.0]]), 1000).per_alarm(100)
        144.26950408889635
        """
        share = float((self.lengths <= n_first).mean())
        return -n_first / math.log1p(-share) if 0 < share < 1 else math.inf

    def share_within(self, n: float) -> float:
        """Share of runs with an alarm within n values."""
        return float(((self.lengths <= n) & ~self.is_censored).mean())


def forecast_run_lengths(
    charts: Sequence[StudiedChart],
    settings: ForecastSettings,
    shift: float = 0.0,
    *,
    n_runs: int = 100,
    horizon: int = 1000,
    seed: int = 0,
) -> StudiedLengths:
    """Simulate run lengths of charts with estimated parameters.

    Args:
        charts: what to simulate.
        settings: of all of them.
        shift: of the mean after the reference period, in sigma of the values; each second run
            goes down instead of up.
        n_runs: runs a chart.
        horizon: values after which a run is given up.
        seed: of the simulation.

    Raises:
        DesignError: no chart, or a horizon or number of runs below 1.

    >>> found = forecast_run_lengths([StudiedChart(0.0, 50)], ForecastSettings(), 2.0, n_runs=200)
    >>> bool(3 < np.median(found.lengths) < 9)
    True
    """
    if not charts or n_runs < 1 or horizon < 1:
        message = f"{len(charts)} charts, {n_runs} runs and horizon {horizon} give no run length"
        raise DesignError(message)
    generator = np.random.default_rng(seed)
    parts = [_made(chart, settings, n_runs, generator) for chart in charts]
    columns = np.concatenate(parts, axis=1)
    steps = np.where(np.arange(columns.shape[1]) % 2 == 0, shift, -shift)
    lengths = _run(columns, steps, settings, horizon, generator)
    return StudiedLengths(lengths.reshape(len(charts), n_runs), horizon)


def _made(
    chart: StudiedChart, settings: ForecastSettings, n_runs: int, generator: np.random.Generator
) -> Floats:
    """Rows phi, estimated phi, centre, scale of the error, freedom, limit, last value."""
    spread = math.sqrt(1.0 - chart.phi**2)
    x = np.empty((chart.n_reference, n_runs))
    x[0] = generator.standard_normal(n_runs)
    for i in range(1, chart.n_reference):
        x[i] = chart.phi * x[i - 1] + spread * generator.standard_normal(n_runs)
    n_pairs = chart.n_reference - 1
    centred = x - x.mean(axis=0)
    raw = np.sum(centred[1:] * centred[:-1], axis=0) / np.sum(centred[:-1] ** 2, axis=0)
    phi = np.clip(raw + (1.0 + 4.0 * raw) / n_pairs, -PHI_MAX, PHI_MAX)
    errors = x[1:] - phi * x[:-1]
    own = n_pairs - 2.0
    freedom = own + chart.lent_freedom
    variance = (own * errors.var(axis=0, ddof=2) + chart.lent_freedom * spread**2) / freedom
    ratio = settings.weight / (2.0 - settings.weight)
    width = ewma_width(settings.in_control_arl, settings.weight)
    limit = width * math.sqrt((ratio + 1.0 / n_pairs) / (1.0 + 1.0 / n_pairs))
    rows = np.empty((7, n_runs))
    rows[0], rows[1], rows[2] = chart.phi, phi, errors.mean(axis=0)
    rows[3] = np.sqrt(variance * (1.0 + 1.0 / n_pairs))
    rows[4], rows[5], rows[6] = freedom, limit, x[-1]
    return rows


def _run(
    columns: Floats,
    steps: Floats,
    settings: ForecastSettings,
    horizon: int,
    generator: np.random.Generator,
) -> Floats:
    lengths = np.full(columns.shape[1], float(horizon))
    active = np.arange(columns.shape[1])
    noise, before = columns[6].copy(), columns[6].copy()
    ewma = np.zeros(len(active))
    widest = math.inf if settings.outlier_width is None else settings.outlier_width
    for n in range(1, horizon):
        true, phi, centre, scale, freedom, limit, _ = columns
        noise = true * noise + np.sqrt(1.0 - true**2) * generator.standard_normal(len(active))
        value = noise + steps
        error = (value - phi * before - centre) / scale
        score = np.copysign(-ndtri(stdtr(freedom, -np.abs(error))), error)
        ewma = ewma + settings.weight * (np.clip(score, -widest, widest) - ewma)
        is_out = (np.abs(ewma) > limit) | (np.abs(score) > widest)
        lengths[active[is_out]] = n
        kept = ~is_out
        active, columns, steps = active[kept], columns[:, kept], steps[kept]
        noise, before, ewma = noise[kept], value[kept], ewma[kept]
        if not len(active):
            break
    return lengths
