"""A Protein A resin: two kinds of site, elution by a modifier, and what else sticks to it.

References:
    Gomis-Fons et al. 2020, Biotechnol. Prog. 36, e2995 (model); its numbers as printed in the
    mAb environment of smpl (Quartic, 2022); Shukla and Hinckley 2008, doi:10.1002/btpr.50 (host
    cell proteins).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.library.chromatography.bindings import Sites, Value

_FLOOR = 1e-6


@dataclass(frozen=True)
class Resin:
    """A Protein A resin; concentrations in g per L of particle.

    Attributes:
        qmax: Capacities of the fast and the slow site.
        k: Their rates, L/(g s).
        K: Equilibrium constant of both, L/g.
        bed: Liquid between the particles, of the bed.
        pores: Of the particle.
        radius_m: Of the particle.
        pore_m2_s: Effective pore diffusivity.
        dispersion_m: Axial dispersion over superficial velocity.
        film: kf in cm/min at 1 cm/min, and its exponent on the superficial velocity.
        elution_1_s: Rate of the elution.
        elution_qmax: Its capacity.
        elution_h0: Its distribution coefficient at modifier 1.
        elution_beta: Its exponent on the modifier.
        elution_porosity: Liquid that the eluting product sees, of the bed.
    """

    qmax: tuple[float, float] = (36.45, 77.85)
    k: tuple[float, float] = (0.704 / 60.0, 2.1e-2 / 60.0)
    K: float = 15.3
    bed: float = 0.31
    pores: float = 0.94
    radius_m: float = 4.25e-5
    pore_m2_s: float = 7.6e-9 / 60.0
    dispersion_m: float = 0.55e-2
    film: tuple[float, float] = (0.067, 0.58)
    elution_1_s: float = 0.64 / 60.0
    elution_qmax: float = 114.3
    elution_h0: float = 2.2e-2
    elution_beta: float = 0.2
    elution_porosity: float = 0.32

    def film_m_s(self, superficial_m_s: float) -> float:
        """Film transfer coefficient.

        >>> round(Resin().film_m_s(1e-2 / 60.0) * 6000.0, 6)
        0.067
        """
        factor, exponent = self.film
        return float(factor * (superficial_m_s * 6000.0) ** exponent / 6000.0)


@dataclass(frozen=True)
class Impurity:
    """How host cell proteins behave; numbers of this kind are of one process only.

    Attributes:
        feed_ppm: ng per mg of product in the feed.
        stuck: Share of what is loaded that stays on the resin after the load.
        wash_cv: Column volumes of wash that take away 63 % of it.
        with_product: Share of what is loaded that is bound to the product and elutes with it.
    """

    feed_ppm: float = 200_000.0
    stuck: float = 0.02
    wash_cv: float = 1.2
    with_product: float = 0.005

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        shares = 0.0 <= self.stuck and 0.0 <= self.with_product
        if not (shares and self.stuck + self.with_product <= 1.0 and self.wash_cv > 0.0):
            raise DataError(
                f"shares of {self.stuck} stuck and {self.with_product} with the product, washed "
                f"over {self.wash_cv} column volumes, cannot be.",
                hint="Give shares that sum to at most 1, and a positive number of volumes.",
            )


@dataclass(frozen=True)
class Elution(Sites):
    """Desorption by a modifier, component 0; the product is component 1.

    Concentrations in the solid are per volume of solid, as everywhere; `solid` turns the resin's
    capacity per volume of particle into them.
    """

    rate: float = 0.0
    qmax: float = 0.0
    h0: float = 0.0
    beta: float = 0.0
    solid: float = 1.0

    def owners(self) -> tuple[int, ...]:
        """The product."""
        return (1,)

    def values(self, components: Sequence[str], unit: str) -> tuple[Value, ...]:
        """Rate, capacity, distribution, exponent, and the modifier's reference."""
        return (
            Value("k_elution", "1/s", self.rate, "rate of desorption"),
            Value("qmax_elution", unit, self.qmax * self.solid, "capacity of the solid"),
            Value("H0", "1", self.h0 * self.solid, "distribution at modifier 1"),
            Value("beta", "1", self.beta, "exponent on the modifier"),
            Value("modifier_ref", unit, 1.0, "modifier of the distribution coefficient"),
        )

    def rates(self, v: Mapping[str, Any], cp: Sequence[Any], q: Sequence[Any]) -> list[Any]:
        """See the module."""
        modifier = ca.fmax(cp[0] / v["modifier_ref"], _FLOOR)
        distribution = v["H0"] * ca.power(modifier, -v["beta"])
        free = 1.0 - q[0] / v["qmax_elution"]
        return [v["k_elution"] * (distribution * free * cp[1] - q[0])]
