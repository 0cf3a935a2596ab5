"""The vessel's physics: pressure, power, oxygen transfer, off-gas, heat and hydrogen ions.

References:
    Goldrick et al. 2015, doi:10.1016/j.jbiotec.2014.10.029, equations 29-59.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from goldenbatch.science.process.library.penicillin._algebra import Algebra, Kit, Number
from goldenbatch.science.process.library.penicillin.kinetics import Rates
from goldenbatch.science.process.library.penicillin.variables import Broth, Drawn, Feeds, Upsets

MOLAR_L = 22.4
"""Litres of a mole of gas in the published balances."""
_AIR = 28.97 * 1000.0 / MOLAR_L


@dataclass(frozen=True)
class Vessel:
    """What the balances share."""

    density: Number
    depth: Number
    top_bar: Number
    pressure: Number
    saturation: Number
    c_s: Number
    feed_density: Number
    evaporation: Number
    inflow: Number


def vessel(
    broth: Broth,
    feeds: Feeds,
    upsets: Upsets,
    kit: Kit,
) -> Vessel:
    """Densities, pressures, evaporation and the inflow that dilutes."""
    k, algebra = kit.k, kit.algebra
    density = k.rho_broth + broth.product + broth.biomass
    depth = broth.volume / k.l_per_m3 / (math.pi * k.radius**2) * (1.0 - k.hold_up)
    top = k.atmosphere + feeds.pressure
    bottom = top + density * depth * k.gravity / k.pa_per_bar
    mean = (bottom - top) / algebra.log(bottom / top)
    c_s = k.c_s + upsets.c_s
    share = c_s / k.full
    heated = 2.5 * (broth.temperature - k.t_zero) / (k.t_boil - k.t_zero)
    evaporation = broth.volume * k.alpha_evp * (algebra.exp(heated) - 1.0)
    return Vessel(
        density=density,
        depth=depth,
        top_bar=top,
        pressure=mean,
        saturation=mean * (k.o2_in + upsets.o2_in) / k.henry_o2,
        c_s=c_s,
        feed_density=share * k.rho_sugar + (1.0 - share) * k.rho_water,
        evaporation=evaporation,
        inflow=feeds.sugar + feeds.base + feeds.acid + feeds.water + feeds.paa - evaporation,
    )


@dataclass(frozen=True)
class Transfer:
    """Power put in, kW, and the oxygen transfer coefficient, 1/h."""

    power: Number
    kla: Number


def transfer(
    broth: Broth,
    feeds: Feeds,
    at: Vessel,
    alpha: Number,
    kit: Kit,
) -> Transfer:
    """Gassed power by Michel and Miller's correlation, kLa by van't Riet's with oil and broth."""
    k, algebra = kit.k, kit.algebra
    gas = feeds.gas / 60.0
    turns = feeds.speed / 60.0
    diameter = 2.0 * k.r_imp
    ungassed = k.n_imp * k.power_number * at.density * turns**3 * diameter**5
    gassed = 0.706 * (ungassed**2 * turns * diameter**3 / gas**0.56) ** 0.45
    cubic = broth.volume / 1000.0
    velocity = gas / (math.pi * k.radius**2)
    expansion = algebra.log(1.0 + at.density * 9.81 * at.depth / (at.top_bar * 1e5))
    air = velocity * k.gas * broth.temperature * cubic / (MOLAR_L * at.depth) * expansion
    power = gassed / 1000.0 + air
    thick = algebra.where(broth.viscosity > k.visc_low, broth.viscosity, k.visc_thin)
    if kit.corrections.viscosity_jump:
        thick = algebra.greater(broth.viscosity, k.visc_thin)
    kla = (
        alpha
        * velocity**k.kla_gas
        * (power / cubic) ** k.kla_power
        * (thick / 100.0) ** k.kla_viscosity
        * (1.0 - (feeds.oil / broth.volume) ** k.kla_oil)
    )
    return Transfer(algebra.empirical("power", power, "kW"), algebra.empirical("kLa", kla, "1/h"))


def off_gas(
    broth: Broth,
    feeds: Feeds,
    uptake: Number,
    upsets: Upsets,
    kit: Kit,
) -> tuple[Number, Number]:
    """Rates of oxygen (1/h) and carbon dioxide (%/h) in the off-gas.

    Args:
        broth: The states.
        feeds: The flows.
        uptake: Oxygen that passes into the broth, mg/L/h.
        upsets: The disturbances.
        kit: Constants and algebra.
    """
    k, algebra = kit.k, kit.algebra
    space = k.hold_up * broth.volume / 1000.0 * _AIR
    through = feeds.gas * 1000.0
    oxygen = through * 32.0 / MOLAR_L
    thinned = k.n2_in / (1.0 - broth.o2_off - broth.co2_off / 100.0)
    taken = 0.001 * uptake * broth.volume / 1000.0 * 60.0
    o2 = oxygen * (k.o2_in + upsets.o2_in) - oxygen * thinned * broth.o2_off - taken
    carbon = through * 44.0 / MOLAR_L
    made = (broth.tips + broth.trunk) * k.q_co2 * broth.volume
    co2 = carbon * k.co2_in + made - carbon * broth.co2_off
    return (
        algebra.empirical("oxygen in the off-gas", o2 / space, "1/h"),
        algebra.empirical("carbon dioxide in the off-gas", co2 / space, "%/h"),
    )


def co2_saturation(broth: Broth, at: Vessel, algebra: Algebra) -> Number:
    """Dissolved carbon dioxide at equilibrium with the off-gas, g/L."""
    henry = algebra.exp(11.25 - 395.9 / (broth.temperature - 175.9)) / (44.0 * 100.0)
    return algebra.empirical("CO2 saturation", at.pressure * broth.co2_off / henry, "g/L")


def heat(
    broth: Broth,
    feeds: Feeds,
    at: Vessel,
    made: tuple[Number, Number],
    kit: Kit,
) -> Number:
    """Heat taken up by the broth, kJ/h.

    Args:
        broth: The states.
        feeds: The flows.
        at: The vessel.
        made: Heat of reaction and of stirring, kJ/h, and the coolant's inlet temperature, K.
        kit: Constants and algebra.
    """
    k, algebra = kit.k, kit.algebra
    warm = broth.temperature

    def jacket(flow: Number, inlet: Number) -> Number:
        cubic = flow / 1000.0
        film = k.alpha_1 * cubic**k.beta_t / 2.0 * at.density * k.c_ps
        return k.alpha_1 / 1000.0 * flow ** (k.beta_t + 1.0) * (warm - inlet) / (cubic + film)

    total = (
        feeds.sugar * at.feed_density * k.c_ps * (k.t_feed - warm) / 1000.0
        + feeds.water * k.rho_water * k.c_pw * (k.t_water - warm) / 1000.0
        - at.evaporation * at.density * k.c_pw / 1000.0
        - k.h_evp * at.evaporation * k.rho_water / 1000.0
        + made[0]
        - jacket(feeds.coolant, made[1])
        - jacket(feeds.heating, k.t_heating)
        - k.u_jacket * k.a_jacket * (warm - k.t_air)
    )
    return algebra.empirical("heat balance", total, "kJ/h")


def ions(
    broth: Broth,
    feeds: Feeds,
    rate: Rates,
    strength: Number,
    kit: Kit,
) -> Number:
    """Rate of the hydrogen ions, mol/L/h, on the acid or on the basic side of pH 7."""
    k, algebra = kit.k, kit.algebra
    made = k.gamma_1 * (
        rate.branching
        + rate.extension
        + rate.autolysis
        + rate.differentiation
        + k.m_ph * broth.biomass
        + rate.product
    )
    flows = feeds.sugar + feeds.oil + feeds.base + feeds.acid + feeds.removed + feeds.water
    made = made + k.gamma_2 * flows
    base, acid = feeds.base * k.ion_step, feeds.acid * k.ion_step
    dose = strength * (acid - base)
    mixed = broth.volume + base + acid
    excess = broth.ions
    acidic = (excess * broth.volume + dose) / mixed
    towards = (acidic + algebra.sqrt(acidic**2 + 4e-14)) / 2.0
    on_acid_side = made + towards - excess
    excess = 1e-14 / broth.ions - broth.ions
    basic = (excess * broth.volume - dose) / mixed
    towards = (basic - algebra.sqrt(basic**2 + 4e-14)) / 2.0
    on_basic_side = -made + towards - excess
    is_acidic = broth.ions > 1e-7
    rate_of = algebra.where(is_acidic, on_acid_side, on_basic_side)
    return algebra.empirical("hydrogen ions", rate_of, "mol/L/h")


def disturbed(drawn: Drawn, upsets: Upsets) -> tuple[Number, Number]:
    """Greatest specific rates of production and of growth, 1/h."""
    return drawn.mu_p + upsets.mu_p, drawn.mu_x + upsets.mu_x
