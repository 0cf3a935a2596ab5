"""Depth filters and sterilising filters: how they foul, what they hold, how large to buy them.

A filter of area 1 passes a flux that falls with the throughput, by one of four laws of blocking:

    law            J/J0 at constant pressure      P/P0 at constant flow
    complete       1 - V/Vmax                     1/(1 - V/Vmax)
    standard       (1 - V/Vmax)^2                 1/(1 - V/Vmax)^2
    intermediate   exp(-V/Vmax)                   exp(V/Vmax)
    cake           1/(1 + V/Vmax)                 1 + V/Vmax

with V the throughput (volume per area). `Vmax` is the throughput at which complete and standard
blocking close the filter; for the others it is the scale on which they foul.

References:
    Hermia 1982, Trans. IChemE 60, 183; Badmington et al. 1995, Pharm. Technol. 19(9), 64 (Vmax);
    Ho and Zydney 2000, doi:10.1006/jcis.2000.7231.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, inf, log, log1p, log10, sqrt
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import present
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.downstream.flows import Flows

Law = Literal["complete", "standard", "intermediate", "cake"]
LAWS: tuple[Law, ...] = get_args(Law)


@dataclass(frozen=True)
class Blocking:
    """How a filter fouls with a feed.

    Attributes:
        law: Which law.
        v_max_m: Throughput that closes it (complete, standard) or its scale, m3 per m2.
        flux_m_s: Flux of the clean filter, at constant pressure; also the flux at which the
            pressure of the clean filter was taken.
        pressure_pa: Pressure drop of the clean filter at that flux.
    """

    law: Law
    v_max_m: float
    flux_m_s: float = 1e-4
    pressure_pa: float = 2e4

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.law not in LAWS or not min(self.v_max_m, self.flux_m_s, self.pressure_pa) > 0.0:
            raise DesignError(
                f"blocking {self.law!r}, {self.v_max_m} m, {self.flux_m_s} m/s, "
                f"{self.pressure_pa} Pa cannot be.",
                hint=f"Laws are {', '.join(LAWS)}; the numbers lie above zero.",
            )

    def openness(self, throughput_m: float) -> float:
        """Flux over that of the clean filter at equal pressure, 0 to 1.

        >>> Blocking("standard", 0.2).openness(0.1)
        0.25
        """
        share = throughput_m / self.v_max_m
        if self.law == "intermediate":
            return exp(-share)
        if self.law == "cake":
            return 1.0 / (1.0 + share)
        free = max(0.0, 1.0 - share)
        return free if self.law == "complete" else free * free

    def pressure(self, throughput_m: float) -> float:
        """Pressure drop at constant flow, in Pa; infinite once the filter is closed.

        >>> round(Blocking("cake", 0.2, pressure_pa=1e4).pressure(0.1))
        15000
        """
        openness = self.openness(throughput_m)
        return self.pressure_pa / openness if openness > 0.0 else inf

    def throughput(self, time_s: float) -> float:
        """Volume per area after a time at constant pressure, in m; exact for each law.

        >>> one = Blocking("standard", 0.1, flux_m_s=1e-4)
        >>> round(one.throughput(1000.0), 6)
        0.05
        """
        x = self.flux_m_s * time_s / self.v_max_m
        share = {
            "complete": -expm1(-x),
            "standard": x / (1.0 + x),
            "intermediate": log1p(x),
            "cake": sqrt(1.0 + 2.0 * x) - 1.0,
        }[self.law]
        return self.v_max_m * share

    def capacity(self, *, min_openness: float = 0.1) -> float:
        """Throughput when the flux has fallen to a share, or the pressure risen by its inverse.

        >>> round(Blocking("intermediate", 0.1).capacity(min_openness=0.1), 4)
        0.2303
        """
        if not 0.0 < min_openness < 1.0:
            raise DataError(
                f"a flux fallen to {min_openness} of the clean one.", hint="Give a share of 0 to 1."
            )
        share = {
            "complete": 1.0 - min_openness,
            "standard": 1.0 - sqrt(min_openness),
            "intermediate": -log(min_openness),
            "cake": 1.0 / min_openness - 1.0,
        }[self.law]
        return self.v_max_m * share


@dataclass(frozen=True)
class BlockingFit:
    """A law fitted to a trial.

    Attributes:
        blocking: The law with its numbers.
        rmse: Root mean square error of the throughput (constant pressure, m) or of the
            logarithm of the pressure (constant flow).
        others: The same error of the other laws.
    """

    blocking: Blocking
    rmse: float
    others: dict[str, float]


def fit_v_max(times_s: ArrayLike, throughputs_m: ArrayLike) -> Blocking:
    """The classical Vmax test: standard blocking by a line through `t/V` over `t`.

    Args:
        times_s: Above zero.
        throughputs_m: Filtrate per area at these times, constant pressure.

    Raises:
        DataError: Too few points, or a filter that does not foul.

    >>> true = Blocking("standard", 0.12, flux_m_s=2e-4)
    >>> t = np.array([60.0, 120.0, 300.0, 600.0])
    >>> found = fit_v_max(t, [true.throughput(one) for one in t])
    >>> round(found.v_max_m, 6), round(found.flux_m_s, 8)
    (0.12, 0.0002)
    """
    t, v = present(times_s, 3, "times"), present(throughputs_m, 3, "throughputs")
    if len(t) != len(v) or (t <= 0.0).any() or (v <= 0.0).any():
        raise DataError("times and throughputs do not pair.", hint="Give both above zero.")
    slope, start = np.polyfit(t, t / v, 1)
    if slope <= 0.0 or start <= 0.0:
        raise DataError(
            f"the line through t/V has slope {slope:g} and intercept {start:g}: the filter does "
            "not foul by standard blocking.",
            hint="Run the trial until the flux has halved, or fit another law.",
        )
    return Blocking("standard", float(1.0 / slope), float(1.0 / start))


def fit_pressure(throughputs_m: ArrayLike, pressures_pa: ArrayLike, flux_m_s: float) -> BlockingFit:
    """The Pmax test: the law whose pressure at constant flow fits best.

    Args:
        throughputs_m: Filtrate per area.
        pressures_pa: Pressure drops.
        flux_m_s: The constant flux.

    Raises:
        DataError: Fewer than four points, or the pressure does not rise.

    >>> true = Blocking("intermediate", 0.05, pressure_pa=1.5e4)
    >>> v = np.linspace(0.0, 0.1, 11)
    >>> found = fit_pressure(v, [true.pressure(one) for one in v], 1e-4)
    >>> found.blocking.law, round(found.blocking.v_max_m, 4)
    ('intermediate', 0.05)
    """
    from scipy.optimize import least_squares

    v, p = present(throughputs_m, 4, "throughputs"), present(pressures_pa, 4, "pressures")
    if len(v) != len(p) or (p <= 0.0).any() or p[-1] <= p[0]:
        raise DataError("the pressure does not rise.", hint="Run the trial for longer.")
    found: dict[Law, tuple[Blocking, float]] = {}
    for law in LAWS:
        least = 1.001 * float(v.max()) if law in ("complete", "standard") else 1e-6 * float(v.max())

        def off(x: np.ndarray, law: Law = law, least: float = least) -> np.ndarray:
            one = Blocking(law, least + exp(x[0]), flux_m_s, exp(x[1]))
            return np.array([log(one.pressure(a)) for a in v]) - np.log(p)

        start = [log(float(v.max())), log(float(p[0]))]
        best = least_squares(off, start, x_scale=(1.0, 1.0))
        one = Blocking(law, least + exp(best.x[0]), flux_m_s, exp(best.x[1]))
        found[law] = (one, float(np.sqrt(np.mean(best.fun**2))))
    chosen = min(found, key=lambda law: found[law][1])
    others: dict[str, float] = {law: rmse for law, (_, rmse) in found.items() if law != chosen}
    return BlockingFit(*found[chosen], others)


@dataclass(frozen=True)
class Sizing:
    """A filter for a batch.

    Attributes:
        area_m2: With the margin.
        capacity_m: Throughput at its limit.
        time_s: Of the filtration at constant flow, or at constant pressure.
        end_pressure_pa: At the end, at constant flow with that area.
        flows: Flush before use, chase after it, area used up.
    """

    area_m2: float
    capacity_m: float
    time_s: float
    end_pressure_pa: float
    flows: Flows


def size_filter(
    blocking: Blocking, volume_m3: float, *, max_pressure_pa: float, margin: float = 1.5,
    flush_m: float = 0.1, chase_m: float = 0.02,
) -> Sizing:  # fmt: skip
    """Area for a batch at constant flow, limited by pressure.

    Args:
        blocking: Of this filter with this feed.
        volume_m3: To be filtered.
        max_pressure_pa: Of the housing or of the cells' shear.
        margin: Factor on the area for lots that foul more.
        flush_m: Water per area before use.
        chase_m: Buffer per area after use, to recover the hold-up.

    Raises:
        DataError: The clean filter is beyond the pressure already.

    >>> made = size_filter(Blocking("standard", 0.2), 1.0, max_pressure_pa=8e4, margin=1.0)
    >>> round(made.area_m2, 3), round(made.end_pressure_pa)
    (10.0, 80000)
    """
    if not blocking.pressure_pa < max_pressure_pa:
        raise DataError(
            f"the clean filter drops {blocking.pressure_pa:g} Pa, the limit is "
            f"{max_pressure_pa:g} Pa.",
            hint="Lower the flux.",
        )
    capacity = blocking.capacity(min_openness=blocking.pressure_pa / max_pressure_pa)
    area = margin * volume_m3 / capacity
    load = volume_m3 / area
    flows = Flows(
        0.0, {"chase": chase_m * area}, water_m3=flush_m * area, media_m2=area,
        waste_m3=flush_m * area,
    )  # fmt: skip
    return Sizing(area, capacity, load / blocking.flux_m_s, blocking.pressure(load), flows)


def adsorptive_log_reduction(
    load_per_m2: float, capacity_per_m2: float, clean_log_reduction: float
) -> float:
    """Log reduction of an impurity by a filter whose adsorption fills up.

    Sites filled by equilibrium of the feed: the share that passes rises linearly from that of
    the clean filter to 1 as the load goes from nothing to the capacity; the pool's is its mean.

    Args:
        load_per_m2: Amount of impurity loaded.
        capacity_per_m2: Amount that fills the filter.
        clean_log_reduction: Of the clean filter.

    >>> round(adsorptive_log_reduction(0.0, 1.0, 2.0), 3)
    2.0
    >>> round(adsorptive_log_reduction(2.0, 1.0, 6.0), 3)
    0.125
    """
    if load_per_m2 < 0.0 or capacity_per_m2 <= 0.0 or clean_log_reduction < 0.0:
        raise DataError("loads and capacities lie from 0 up.", hint="Correct them.")
    clean = 10.0**-clean_log_reduction
    share = load_per_m2 / capacity_per_m2
    if share <= 1.0:
        passed = clean + 0.5 * (1.0 - clean) * share
    else:
        passed = (0.5 * (1.0 + clean) + (share - 1.0)) / share
    return -log10(passed)
