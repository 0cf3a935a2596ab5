"""Disc-stack centrifuge: what settles, what is carried over, what shear and discharges cost.

A machine of settling area Sigma at the flow Q holds back half of the particles that settle at
`Q/(2 C Sigma)` under gravity, and all that settle at `Q/(C Sigma)` or faster; C is what the
machine achieves of its theory (about 0.4 for disc stacks).

References:
    Ambler 1952, Chem. Eng. Prog. 48, 150 (Sigma); Mannweiler and Hoare 1992, Bioprocess Eng. 8, 19
    (grade efficiency of a disc stack); Maybury et al. 1998, Bioprocess Eng. 18, 191 (efficiency
    of a disc stack); Hutchinson et al. 2006, Biotechnol. Bioeng. 95, 483 (shear in the feed zone).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, log, pi, sqrt, tan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.downstream.flows import Flows

GRAVITY_M_S2 = 9.80665
_MANNWEILER = (0.865, 2.08)
Grade = Literal["ideal", "disc stack"]


@dataclass(frozen=True)
class Machine:
    """A disc-stack centrifuge.

    Attributes:
        n_discs: Number of channels between discs.
        outer_m: Outer radius of the discs.
        inner_m: Inner radius of the discs.
        angle_rad: Half angle of the discs against the axis.
        speed_1_s: Revolutions per second.
        efficiency: C, what it achieves of its theory.
        solids_m3: Space for solids in the bowl.
        fill: Share of that space at which it discharges.
        feed_radius_m: Radius at which the feed is brought to speed.
        feed_zone_m3: Volume in which that happens.
        flush_m3: Water per discharge.
        no_load_w: Power without feed.
    """

    n_discs: int = 80
    outer_m: float = 0.1
    inner_m: float = 0.05
    angle_rad: float = 0.67
    speed_1_s: float = 120.0
    efficiency: float = 0.4
    solids_m3: float = 4e-3
    fill: float = 0.7
    feed_radius_m: float = 0.04
    feed_zone_m3: float = 2e-4
    flush_m3: float = 2e-3
    no_load_w: float = 3000.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not (self.n_discs >= 1 and 0.0 < self.inner_m < self.outer_m):
            raise DesignError(
                f"{self.n_discs} discs from {self.inner_m} to {self.outer_m} m.",
                hint="Give at least one disc, and an outer radius above the inner one.",
            )
        if not (
            0.0 < self.angle_rad < pi / 2 and self.speed_1_s > 0.0 and 0 < self.efficiency <= 1
        ):
            raise DesignError(
                f"angle {self.angle_rad} rad, speed {self.speed_1_s} 1/s, efficiency "
                f"{self.efficiency}.",
                hint="Give an angle below pi/2, a speed above 0, an efficiency of 0 to 1.",
            )

    @property
    def omega_rad_s(self) -> float:
        """Angular speed."""
        return 2.0 * pi * self.speed_1_s

    @property
    def sigma_m2(self) -> float:
        """Equivalent settling area, `2 pi n w^2 (ro^3 - ri^3)/(3 g tan(angle))`.

        >>> round(Machine().sigma_m2)
        10727
        """
        cubes = self.outer_m**3 - self.inner_m**3
        area = 2.0 * pi * self.n_discs * self.omega_rad_s**2 * cubes
        return area / (3.0 * GRAVITY_M_S2 * tan(self.angle_rad))

    @property
    def force_g(self) -> float:
        """Acceleration at the outer radius, in g."""
        return self.omega_rad_s**2 * self.outer_m / GRAVITY_M_S2


@dataclass(frozen=True)
class Broth:
    """What is fed.

    Attributes:
        solids: Volume of solids per volume of broth.
        median_m: Median diameter by volume.
        spread: Geometric standard deviation, 1 or more.
        difference_kg_m3: Density of the solids over that of the liquid.
        density_kg_m3: Of the liquid.
        viscosity_pa_s: Of the liquid.
        product_kg_m3: In the liquid.
    """

    solids: float = 0.05
    median_m: float = 12e-6
    spread: float = 1.4
    difference_kg_m3: float = 50.0
    density_kg_m3: float = 1005.0
    viscosity_pa_s: float = 1.1e-3
    product_kg_m3: float = 5.0


def settling_velocity(diameter_m: float, broth: Broth) -> float:
    """Stokes' velocity under gravity, in m/s.

    >>> round(settling_velocity(1e-5, Broth(difference_kg_m3=50.0, viscosity_pa_s=1e-3)) * 1e6, 3)
    2.724
    """
    return broth.difference_kg_m3 * diameter_m**2 * GRAVITY_M_S2 / (18.0 * broth.viscosity_pa_s)


def critical_diameter(machine: Machine, broth: Broth, flow_m3_s: float) -> float:
    """Diameter from which on all particles settle, in m.

    >>> machine, broth = Machine(), Broth()
    >>> d = critical_diameter(machine, broth, 1e-4)
    >>> round(settling_velocity(d, broth) * machine.efficiency * machine.sigma_m2, 12)
    0.0001
    """
    if flow_m3_s <= 0.0:
        raise DataError(f"a flow of {flow_m3_s} m3/s.", hint="Give one above zero.")
    velocity = flow_m3_s / (machine.efficiency * machine.sigma_m2)
    factor = 18.0 * broth.viscosity_pa_s / (broth.difference_kg_m3 * GRAVITY_M_S2)
    return sqrt(velocity * factor)


def grade_efficiency(ratio: float, grade: Grade = "ideal") -> float:
    """Share held back of particles of a diameter over the critical one.

    `ideal`: `min(1, ratio^2)`; `disc stack`: `1 - exp(-(0.865 ratio)^2.08)`, measured.

    >>> grade_efficiency(0.5), round(grade_efficiency(0.5, "disc stack"), 3)
    (0.25, 0.16)
    """
    if grade == "ideal":
        return min(1.0, ratio * ratio)
    k, n = _MANNWEILER
    return 1.0 - exp(-((k * ratio) ** n))


def separation_efficiency(
    machine: Machine, broth: Broth, flow_m3_s: float, grade: Grade = "disc stack"
) -> float:
    """Share of the solids' volume held back, over a lognormal size distribution.

    >>> 0.99 < separation_efficiency(Machine(), Broth(), 5e-5) <= 1.0
    True
    """
    critical = critical_diameter(machine, broth, flow_m3_s)
    if broth.spread <= 1.0:
        return grade_efficiency(broth.median_m / critical, grade)
    nodes, weights = _nodes()
    sizes = broth.median_m * np.exp(log(broth.spread) * nodes)
    held = [grade_efficiency(float(size) / critical, grade) for size in sizes]
    return float(np.dot(weights, held) / weights.sum())


@lru_cache(maxsize=1)
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    return nodes, weights


def energy_dissipation(machine: Machine, flow_m3_s: float) -> float:
    """Greatest power per mass where the feed is brought to speed, `Q (w r)^2/V`, in W/kg.

    An upper bound: all of the energy is taken to be lost in the feed zone. A hermetic inlet
    loses far less.

    >>> round(energy_dissipation(Machine(), 1e-4))
    455
    """
    return flow_m3_s * (machine.omega_rad_s * machine.feed_radius_m) ** 2 / machine.feed_zone_m3


def kolmogorov_length(dissipation_w_kg: float, broth: Broth) -> float:
    """Size of the smallest eddies, `(nu^3/eps)^(1/4)`, in m; cells larger than it are sheared.

    >>> round(kolmogorov_length(455.0, Broth()) * 1e6, 1)
    7.3
    """
    nu = broth.viscosity_pa_s / broth.density_kg_m3
    return float((nu**3 / dissipation_w_kg) ** 0.25)


@dataclass(frozen=True)
class Clarified:
    """A harvest by the machine.

    Attributes:
        efficiency: Share of the solids held back.
        carried_over: Volume of solids per volume of centrate.
        centrate_m3: Clarified liquid.
        yield_: Share of the product in the centrate.
        n_discharges: Of the bowl.
        time_s: Of the harvest.
        dissipation_w_kg: In the feed zone.
        eddy_over_cell: Smallest eddies over the median cell; below 1 cells are sheared.
        flows: For the footprint.
    """

    efficiency: float
    carried_over: float
    centrate_m3: float
    yield_: float
    n_discharges: int
    time_s: float
    dissipation_w_kg: float
    eddy_over_cell: float
    flows: Flows = field(repr=False)


def clarify(
    machine: Machine, broth: Broth, volume_m3: float, flow_m3_s: float, *,
    grade: Grade = "disc stack", packing: float = 0.65,
) -> Clarified:  # fmt: skip
    """Clarify a broth.

    Args:
        machine: With its settings.
        broth: What is fed.
        volume_m3: Of broth.
        flow_m3_s: Feed.
        grade: How particles near the critical size behave.
        packing: Solids per volume of sediment; the rest is liquid with product, lost with it.

    Raises:
        DataError: The broth is thicker than the sediment, or a number lies below zero.

    >>> made = clarify(Machine(), Broth(), 2.0, 1e-4)
    >>> 0.9 < made.yield_ < 1.0, made.n_discharges
    (True, 55)
    """
    if not (0.0 < broth.solids < packing <= 1.0 and volume_m3 > 0.0):
        raise DataError(
            f"{volume_m3:g} m3 of broth with {broth.solids:g} solids, packed to {packing:g}.",
            hint="Give fewer solids in the broth than in the sediment.",
        )
    efficiency = separation_efficiency(machine, broth, flow_m3_s, grade)
    sediment = efficiency * broth.solids * volume_m3 / packing
    centrate = volume_m3 - sediment
    liquid = volume_m3 * (1.0 - broth.solids)
    kept = 1.0 - sediment * (1.0 - packing) / liquid
    discharges = int(np.ceil(sediment / (machine.fill * machine.solids_m3) - 1e-9))
    time_s = volume_m3 / flow_m3_s
    dissipation = energy_dissipation(machine, flow_m3_s)
    speeding = broth.density_kg_m3 * volume_m3 * (machine.omega_rad_s * machine.outer_m) ** 2
    flows = Flows(
        kept * liquid * broth.product_kg_m3, water_m3=discharges * machine.flush_m3,
        energy_j=speeding + machine.no_load_w * time_s,
        waste_m3=sediment + discharges * machine.flush_m3,
    )  # fmt: skip
    return Clarified(
        efficiency, (1.0 - efficiency) * broth.solids * volume_m3 / centrate, centrate, kept,
        discharges, time_s, dissipation, kolmogorov_length(dissipation, broth) / broth.median_m,
        flows,
    )  # fmt: skip


def equivalent_flow(flow_m3_s: float, one: Machine, other: Machine) -> float:
    """Flow of another machine that clarifies as well: equal `Q/(C Sigma)`.

    >>> one = Machine()
    >>> equivalent_flow(1e-4, one, one)
    0.0001
    """
    return flow_m3_s * (other.efficiency * other.sigma_m2) / (one.efficiency * one.sigma_m2)
