"""Growth, differentiation, death and production: the biomass of four regions.

References:
    Goldrick et al. 2015, doi:10.1016/j.jbiotec.2014.10.029, equations 1-28; Paul and Thomas 1996,
    doi:10.1002/(SICI)1097-0290(19960905)51:5<558::AID-BIT8>3.0.CO;2-B (regions and vacuoles).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

from goldenbatch.science.process.library.penicillin._algebra import Algebra, Kit, Number
from goldenbatch.science.process.library.penicillin.variables import Broth


@dataclass(frozen=True)
class Inhibition:
    """What slows growth and production."""

    growth: Number
    production: Number
    hydrolysis: Number


def _step(algebra: Algebra, value: Number, critical: Number, width: Number) -> Number:
    """From 0 below the critical value to 1 above."""
    return 0.5 * (1.0 - algebra.tanh((critical - value) / width))


def inhibition(broth: Broth, saturation: Number, kit: Kit) -> Inhibition:
    """By pH, temperature, oxygen, carbon dioxide, nitrogen and phenylacetic acid.

    Args:
        broth: The states.
        saturation: Dissolved oxygen at equilibrium with the gas, mg/L.
        kit: Constants and algebra.
    """
    k, algebra = kit.k, kit.algebra
    by_ph = 1.0 / (1.0 + broth.ions / k.k_1 + k.k_2 / broth.ions)
    by_nitrogen = _step(algebra, broth.nitrogen, k.n_crit, k.n_width)
    heat = k.gas * broth.temperature
    by_heat = k.k_g * algebra.exp(-(k.e_g / heat)) - k.k_d * algebra.exp(-(k.e_d / heat))
    by_oxygen = _step(algebra, broth.oxygen, k.do_x * saturation, k.do_width)
    by_co2 = 1.0 - _step(algebra, broth.co2 * k.mg_per_g, k.co2_crit, k.co2_width)
    by_paa = 1.0 - _step(algebra, broth.paa, k.paa_x, k.paa_width)
    return Inhibition(
        growth=by_ph * by_nitrogen * by_heat * by_oxygen * by_co2 * by_paa,
        production=_step(algebra, broth.oxygen, k.do_p * saturation, k.do_width)
        * _step(algebra, broth.paa, k.paa_p, k.paa_width),
        hydrolysis=_hydrolysis(broth, kit),
    )


def _hydrolysis(broth: Broth, kit: Kit) -> Number:
    k, algebra = kit.k, kit.algebra
    ph = -algebra.log(broth.ions) / math.log(10.0)
    kelvin = broth.temperature
    rate = algebra.exp(k.b_1 + k.b_2 * ph + k.b_3 * kelvin + k.b_4 * ph**2 + k.b_5 * kelvin**2)
    return algebra.empirical("hydrolysis rate", rate, "1/h")


@dataclass(frozen=True)
class Rates:
    """Rates per volume of broth, g/L/h, and the volume of trunk, cm3/L."""

    branching: Number
    extension: Number
    differentiation: Number
    degeneration: Number
    autolysis: Number
    maintenance_tips: Number
    maintenance_trunk: Number
    synthesis: Number
    hydrolysis: Number
    vacuole_birth: Number
    trunk_volume: Number
    mu_e: Number

    @property
    def product(self) -> Number:
        """Net production of penicillin."""
        return self.synthesis - self.hydrolysis


def vacuole_volume(broth: Broth, k: SimpleNamespace) -> Number:
    """Volume of the vacuoles in the trunk, cm3/L."""
    total = broth.newborn
    for index in range(1, 10):
        radius = k.r_0 + (index - 1) * k.delta_r
        total = total + (4.0 * math.pi / 3.0) * radius**3 * broth.bins[index] * k.delta_r
    return total


def _trunk_volume(broth: Broth, k: SimpleNamespace) -> Number:
    """Volume of the trunk's cytoplasm, cm3/L."""
    vacuoles = vacuole_volume(broth, k)
    density = broth.trunk / (broth.trunk / k.rho_a0 + vacuoles)
    return broth.trunk / (2.0 * density) - vacuoles


def _optimum(substrate: Number, kit: Kit) -> Number:
    """Production over substrate: a bell, because too much of it represses."""
    off = (substrate - kit.k.p_mean) / kit.k.p_spread
    return kit.k.p_gain / math.sqrt(2.0 * math.pi) * kit.algebra.exp(-0.5 * off**2)


def rates(
    broth: Broth,
    growth: tuple[Number, Number],
    slowed: Inhibition,
    kit: Kit,
) -> Rates:
    """All reactions.

    Args:
        broth: The states.
        growth: Greatest specific rates of production and of growth, disturbed, 1/h.
        slowed: What slows them.
        kit: Constants and algebra.
    """
    k, algebra = kit.k, kit.algebra
    mu_p, mu_x = growth
    s = broth.substrate
    mu_e = mu_x * slowed.growth
    age = broth.exposure / broth.biomass
    k_diff = algebra.greater(k.k_diff - age * k.beta_1, k.k_diff_low)
    trunk = _trunk_volume(broth, k)
    left = s / (s + k.s_trace) if kit.corrections.starvation else 1.0
    r_k, r_m = k.r_0 + 8 * k.delta_r, k.r_0 + 10 * k.delta_r
    return Rates(
        branching=k.ratio_branching * mu_e * broth.trunk * s / (k.k_b + s),
        extension=mu_e * broth.tips * s / (k.k_e + s),
        differentiation=k.mu_diff * broth.tips / (k_diff + s),
        degeneration=math.pi / 6.0 * (r_k + r_m) ** 3 * k.rho_d * k.k_v * broth.bins[9],
        autolysis=k.mu_a * broth.degenerated,
        maintenance_tips=k.m_s0 * broth.tips / (k_diff + s) * left,
        maintenance_trunk=k.m_s1 * k.rho_a0 * trunk * s / (k.k_vac + s),
        synthesis=mu_p * k.rho_a0 * trunk * _optimum(s, kit) * slowed.production * left,
        hydrolysis=slowed.hydrolysis * broth.product,
        vacuole_birth=k.mu_v * trunk / (k.k_vac + s),
        trunk_volume=trunk,
        mu_e=mu_e,
    )


def vacuoles(broth: Broth, rate: Rates, kit: Kit) -> tuple[tuple[Number, ...], Number, Number]:
    """Rates of the ten bins, of the greatest size and of the newborn volume.

    The greatest size grows by the *rate* of the last bin, as published (its number would have
    the right unit); what that changes is far below the other bins, so both modes keep it.
    """
    k = kit.k
    n = (*broth.bins, broth.largest)
    birth = rate.vacuole_birth * (6.0 / math.pi) / (k.r_0 + k.delta_0) ** 3
    first = (birth - k.k_v * n[0]) / k.birth_width
    inner = tuple(
        -k.k_v * (n[i + 1] - n[i - 1]) / (2.0 * k.delta_r)
        + k.d_v * (n[i + 1] - 2.0 * n[i] + n[i - 1]) / k.delta_r**2
        for i in range(1, 10)
    )
    largest = k.k_v * inner[-1] / (2.0 * k.delta_r) - k.mu_a * broth.largest
    newborn = rate.vacuole_birth - k.k_v * n[0] * (math.pi / 6.0) * (k.r_0 + k.delta_0) ** 3
    return (
        (first, *inner),
        kit.algebra.empirical("rate of the greatest vacuoles", largest, "1/cm/L/h"),
        newborn,
    )
