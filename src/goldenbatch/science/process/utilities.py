"""Heat, steam, power and water that a step takes, from physical formulas.

SI units throughout: W, J, kg, K, Pa, s, m, unless a name says otherwise.

References:
    Wagner and Pruss (1993), J. Phys. Chem. Ref. Data 22:783, doi:10.1063/1.555926 (IAPWS
    SR1-86(1992): saturated water).
    Rushton, Costich and Everett (1950), Chem. Eng. Prog. 46:395 and 467 (power number).
    Perry's Chemical Engineers' Handbook, 9th ed. (2019), McGraw-Hill, sec. 10 (compression).
    PDA Technical Report 1 (2007), sterilisation by moist heat (F0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import complete, vector
from goldenbatch.science.errors import DesignError

GAS_CONSTANT = 8.31446261815324
"""J/(mol K); CODATA 2018, exact."""

WATER_HEAT_CAPACITY = 4186.0
"""J/(kg K) of liquid water, within 1 % from 0 to 100 Cel (IAPWS-95)."""

STEEL_HEAT_CAPACITY = 500.0
"""J/(kg K) of austenitic stainless steel at 20 Cel (EN 10088-1:2014, annex E)."""

_CRITICAL_T, _CRITICAL_P, _CRITICAL_DENSITY = 647.096, 22.064e6, 322.0
_PRESSURE = (-7.85951783, 1.84408259, -11.7866497, 22.6807411, -15.9618719, 1.80122502)
_POWERS = (1.0, 1.5, 3.0, 3.5, 4.0, 7.5)
_LIQUID = (1.99274064, 1.09965342, -0.510839303, -1.75493479, -45.5170352, -6.74694450e5)
_VAPOUR = (-2.03150240, -2.68302940, -5.38626492, -17.2991605, -44.7586581, -63.9201063)


def saturation_pressure(temperature_K: float) -> float:
    """Pressure of saturated steam, Pa.

    Raises:
        DesignError: a temperature outside 273.16 to 647 K.

    References:
        Wagner and Pruss (1993), eq. 1.

    >>> round(saturation_pressure(394.25))
    205692
    """
    tau = _tau(temperature_K)
    total = math.fsum(a * tau**p for a, p in zip(_PRESSURE, _POWERS, strict=True))
    return _CRITICAL_P * math.exp(_CRITICAL_T / temperature_K * total)


def heat_of_vaporisation(temperature_K: float) -> float:
    """Heat that a kilogram of saturated steam gives off as it condenses, J/kg.

    By Clausius and Clapeyron from pressure and densities at saturation.

    Raises:
        DesignError: a temperature outside 273.16 to 647 K.

    References:
        Wagner and Pruss (1993), eqs. 1, 2, 3 and 6.

    >>> round(heat_of_vaporisation(373.15) / 1000, 1)
    2256.6
    """
    tau = _tau(temperature_K)
    root = tau ** (1 / 3)
    liquid = 1 + sum(b * root**p for b, p in zip(_LIQUID, (1, 2, 5, 16, 43, 110), strict=True))
    vapour = sum(c * tau ** (p / 6) for c, p in zip(_VAPOUR, (2, 4, 8, 18, 37, 71), strict=True))
    volume = 1 / (_CRITICAL_DENSITY * math.exp(vapour)) - 1 / (_CRITICAL_DENSITY * liquid)
    slope = sum(a * p * tau ** (p - 1) for a, p in zip(_PRESSURE, _POWERS, strict=True))
    pressure = saturation_pressure(temperature_K)
    rise = -pressure / temperature_K * (math.log(pressure / _CRITICAL_P) + slope)
    heat: float = temperature_K * rise * volume
    return heat


def sensible_heat(mass_kg: float, rise_K: float, heat_capacity: float) -> float:
    """Heat to warm a mass, J; negative where it cools.

    >>> sensible_heat(1000.0, 10.0, WATER_HEAT_CAPACITY) / 1e6
    41.86
    """
    return mass_kg * heat_capacity * rise_K


def agitation_power(
    power_number: float, density: float, speed_per_s: float, diameter_m: float,
    *, gassed_ratio: float = 1.0,
) -> float:  # fmt: skip
    """Power that an impeller gives to a liquid, W: Np rho N^3 D^5.

    Args:
        power_number: of the impeller in turbulent flow; about 5 for a Rushton turbine.
        density: of the liquid, kg/m3.
        speed_per_s: revolutions a second.
        diameter_m: of the impeller.
        gassed_ratio: power with gas over power without, 0 to 1.

    Raises:
        DesignError: a ratio outside 0 to 1, or a negative number.

    References:
        Rushton, Costich and Everett (1950).

    >>> round(agitation_power(5.0, 1000.0, 2.0, 0.5))
    1250
    """
    if not 0 < gassed_ratio <= 1 or min(power_number, density, speed_per_s, diameter_m) < 0:
        raise DesignError("an impeller needs numbers of 0 or more and a gassed ratio of 0 to 1")
    power: float = gassed_ratio * power_number * density * speed_per_s**3 * diameter_m**5
    return power


def compression_work(
    mass_kg: float, inlet_Pa: float, outlet_Pa: float, *, temperature_K: float = 293.15,
    molar_mass: float = 0.028965, heat_ratio: float = 1.4, n_stages: int = 1,
    efficiency: float = 0.75,
) -> float:  # fmt: skip
    """Work to compress an ideal gas in stages with cooling between them, J.

    Args:
        mass_kg: of gas.
        inlet_Pa: pressure before.
        outlet_Pa: pressure behind, no lower.
        temperature_K: before each stage.
        molar_mass: kg/mol; of air by default.
        heat_ratio: of the heat capacities.
        n_stages: with equal ratios of pressure.
        efficiency: isentropic, of each stage.

    Raises:
        DesignError: pressures, stages or efficiency that cannot be.

    References:
        Perry (2019), sec. 10, adiabatic compression.

    >>> round(compression_work(1.0, 1e5, 7e5, n_stages=2) / 1000)
    252
    """
    if not 0 < inlet_Pa <= outlet_Pa or n_stages < 1 or not 0 < efficiency <= 1:
        raise DesignError("give 0 < inlet <= outlet pressure, a stage and an efficiency up to 1")
    share = (heat_ratio - 1) / heat_ratio
    rise: float = (outlet_Pa / inlet_Pa) ** (share / n_stages) - 1
    return (
        mass_kg * GAS_CONSTANT * temperature_K / molar_mass / share * n_stages * rise / efficiency
    )


def fan_power(flow_m3_s: float, pressure_drop_Pa: float, efficiency: float = 0.6) -> float:
    """Power of a fan or pump for an incompressible flow, W: V dp / eta.

    Raises:
        DesignError: an efficiency outside 0 to 1.

    References:
        Perry (2019), sec. 10.

    >>> fan_power(2.0, 1200.0)
    4000.0
    """
    if not 0 < efficiency <= 1:
        raise DesignError(f"an efficiency of {efficiency} is none; give 0 to 1")
    return flow_m3_s * pressure_drop_Pa / efficiency


def cooling_work(heat_J: float, cold_K: float, warm_K: float, second_law: float = 0.45) -> float:
    """Electricity to take heat from a cold place to a warm one, J.

    Args:
        heat_J: to be taken away, 0 or more.
        cold_K: temperature of the evaporator.
        warm_K: temperature of the condenser.
        second_law: coefficient of performance over Carnot's, 0 to 1.

    Raises:
        DesignError: temperatures in the wrong order, or a share outside 0 to 1.

    References:
        Carnot's bound; Perry (2019), sec. 11 (refrigeration).

    >>> round(cooling_work(1e6, 223.15, 303.15))
    796674
    """
    if not 0 < cold_K < warm_K or not 0 < second_law <= 1 or heat_J < 0:
        raise DesignError("give a cold place under the warm one and a share of Carnot up to 1")
    return heat_J * (warm_K - cold_K) / (cold_K * second_law)


def sublimation_heat(ice_kg: float) -> float:
    """Heat that drying takes to sublime ice, J; the condenser takes it away again.

    References:
        2.838 MJ/kg at 243 K: Feistel and Wagner (2006), J. Phys. Chem. Ref. Data 35:1021,
        doi:10.1063/1.2183324.

    >>> sublimation_heat(10.0) / 1e6
    28.38
    """
    return 2.838e6 * ice_kg


@dataclass(frozen=True, slots=True)
class SteamUse:
    """Steam of a sterilisation in place and where it goes, kg.

    Attributes:
        heating: to warm metal and content.
        losses: through the insulation while it is held.
        bleed: let out at traps and vents.
    """

    heating: float
    losses: float
    bleed: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.heating + self.losses + self.bleed


def sterilisation_steam(
    *, metal_kg: float, content_kg: float, hold_s: float, steam_K: float = 394.25,
    start_K: float = 293.15, loss_W_per_K: float = 0.0, bleed_kg_per_s: float = 0.0,
) -> SteamUse:  # fmt: skip
    """Steam that condenses as a vessel is heated and held at sterilising temperature.

    Args:
        metal_kg: of the vessel, stainless steel of 500 J/(kg K).
        content_kg: of watery liquid in it; 0 for an empty vessel.
        hold_s: time at temperature.
        steam_K: temperature of saturation; 121.1 Cel by default.
        start_K: temperature before.
        loss_W_per_K: heat lost for each kelvin over the start.
        bleed_kg_per_s: of steam at traps and vents, over the hold.

    Raises:
        DesignError: steam that is no hotter than the vessel, or a negative number.

    References:
        Heat balance; Wagner and Pruss (1993) for the heat of vaporisation.

    >>> use = sterilisation_steam(metal_kg=800.0, content_kg=0.0, hold_s=1800.0)
    >>> round(use.total, 1)
    18.4
    """
    numbers = (metal_kg, content_kg, hold_s, loss_W_per_K, bleed_kg_per_s)
    if steam_K <= start_K or min(numbers) < 0:
        raise DesignError("the steam must be hotter than the vessel, and no number negative")
    heat = heat_of_vaporisation(steam_K)
    rise = steam_K - start_K
    warmed = metal_kg * STEEL_HEAT_CAPACITY + content_kg * WATER_HEAT_CAPACITY
    return SteamUse(
        warmed * rise / heat, loss_W_per_K * rise * hold_s / heat, bleed_kg_per_s * hold_s
    )


def boiler_fuel(steam_kg: float, steam_K: float, feed_K: float, efficiency: float = 0.85) -> float:
    """Heat of fuel to raise saturated steam, J.

    Args:
        steam_kg: of steam.
        steam_K: temperature of saturation.
        feed_K: of the feed water.
        efficiency: of the boiler, on the calorific value of the fuel's factor.

    Raises:
        DesignError: an efficiency outside 0 to 1, or feed water hotter than the steam.

    References:
        Heat balance; Wagner and Pruss (1993).

    >>> round(boiler_fuel(1.0, 438.15, 353.15) / 3.6e6, 3)
    0.791
    """
    if not 0 < efficiency <= 1 or not feed_K < steam_K:
        raise DesignError("give an efficiency up to 1 and feed water colder than the steam")
    warming = WATER_HEAT_CAPACITY * (steam_K - feed_K)
    return steam_kg * (warming + heat_of_vaporisation(steam_K)) / efficiency


def distillation_steam(
    water_kg: float, *, n_effects: int, steam_K: float = 438.15, feed_K: float = 293.15,
    recovered: float = 0.8,
) -> float:  # fmt: skip
    """Steam for water for injection by a still of several effects, kg.

    Each effect evaporates with the heat of the one before; the feed is warmed by the product.

    Args:
        water_kg: of distillate.
        n_effects: of the still, 1 or more.
        steam_K: temperature of the heating steam.
        feed_K: of the feed water.
        recovered: share of the feed's warming that comes back from product and blow-down.

    Raises:
        DesignError: no effect, or a share outside 0 to 1.

    References:
        Perry (2019), sec. 11 (multiple-effect evaporation); heat balance.

    >>> round(distillation_steam(1000.0, n_effects=6))
    214
    """
    if n_effects < 1 or not 0 <= recovered <= 1:
        raise DesignError("a still has 1 effect or more and recovers a share of 0 to 1")
    evaporation = heat_of_vaporisation(373.15) / n_effects
    warming = WATER_HEAT_CAPACITY * (373.15 - feed_K) * (1 - recovered)
    return water_kg * (evaporation + warming) / heat_of_vaporisation(steam_K)


def lethality(times_s: ArrayLike, temperature_K: ArrayLike, z_K: float = 10.0) -> float:
    """Equivalent minutes at 121.1 Cel of a course of temperature.

    Args:
        times_s: ascending, shape (n_times,).
        temperature_K: at the times, shape (n_times,).
        z_K: kelvins for ten times the rate of kill.

    Raises:
        DataError: a missing value.
        DesignError: other lengths, or times that do not ascend.

    References:
        PDA Technical Report 1 (2007); Ph. Eur. 5.1.5.

    >>> lethality([0.0, 900.0], [394.25, 394.25])
    15.0
    """
    at = complete(vector(times_s, "times_s"), "times_s")
    kelvins = complete(vector(temperature_K, "temperature_K"), "temperature_K")
    if len(at) != len(kelvins) or (np.diff(at) <= 0).any():
        raise DesignError("give as many ascending times as temperatures")
    rate = 10 ** ((kelvins - 394.25) / z_K)
    return float(np.trapezoid(rate, at)) / 60


def _tau(temperature_K: float) -> float:
    if not 273.16 <= temperature_K <= 647.0:
        raise DesignError(f"{temperature_K} K is outside 273.16 to 647 K, where water saturates")
    return 1 - temperature_K / _CRITICAL_T
