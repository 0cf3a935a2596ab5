"""Agitation: power, flow, blend time and gas transfer of stirred tanks, from correlations.

Every function takes and gives SI numbers, and CasADi expressions as well.

References:
    Paul, Atiemo-Obeng and Kresta, Handbook of Industrial Mixing (Wiley, 2004): table 6-3 (power
    and flow numbers), chapter 9 (blend time, after Grenville and Nienow); Van 't Riet, Ind. Eng.
    Chem. Process Des. Dev. 18 (1979) 357, doi:10.1021/i260071a001 (gas transfer); Hughmark, ibid.
    19 (1980) 638 (power under gas).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

from goldenbatch.science.errors import DesignError

HANDBOOK = "Paul, Atiemo-Obeng and Kresta, Handbook of Industrial Mixing (2004)"
VAN_T_RIET = "doi:10.1021/i260071a001"
HUGHMARK = "Hughmark, Ind. Eng. Chem. Process Des. Dev. 19 (1980) 638"
GRAVITY_m_s2 = 9.80665


@dataclass(frozen=True)
class Impeller:
    """An impeller by its numbers.

    Attributes:
        name: Trade name of the shape.
        power_number: In turbulent flow.
        laminar: Power number times Reynolds number in laminar flow.
        flow_number: Pumped flow over `N D^3`.
        nusselt: Factor of the wall's Nusselt correlation.
        blade_height: As a part of the diameter.
    """

    name: str
    power_number: float
    laminar: float
    flow_number: float
    nusselt: float
    blade_height: float


IMPELLERS = {
    one.name: one
    for one in (
        Impeller("rushton", 5.0, 65.0, 0.72, 0.74, 0.20),
        Impeller("pitched blade", 1.27, 44.0, 0.79, 0.54, 0.20),
        Impeller("hydrofoil", 0.30, 35.0, 0.56, 0.54, 0.15),
    )
}
"""Impellers known by name."""


def impeller(name: str) -> Impeller:
    """An impeller by its name.

    Raises:
        DesignError: It is not known.

    >>> impeller("rushton").power_number
    5.0
    """
    if name not in IMPELLERS:
        raise DesignError(
            f"impeller {name!r} is not known.", hint=f"There are: {', '.join(IMPELLERS)}."
        )
    return IMPELLERS[name]


def larger(one: Any, other: Any) -> Any:
    """The larger of two numbers or expressions."""
    return 0.5 * (one + other + abs(one - other))


def reynolds(speed_1_s: Any, diameter_m: Any, density_kg_m3: Any, viscosity_pa_s: Any) -> Any:
    """Reynolds number of an impeller.

    >>> round(reynolds(5.0, 0.1, 1000.0, 1e-3))
    50000
    """
    return density_kg_m3 * speed_1_s * diameter_m**2 / viscosity_pa_s


def power_number(one: Impeller, re: Any) -> Any:
    """Power number over the whole range, as the sum of its two asymptotes.

    >>> round(power_number(impeller("rushton"), 50000.0), 3)
    5.001
    """
    return one.power_number + one.laminar / re


def power_w(number: Any, density_kg_m3: Any, speed_1_s: Any, diameter_m: Any) -> Any:
    """Power that an impeller draws.

    >>> round(power_w(5.0, 1000.0, 5.0, 0.1), 6)
    6.25
    """
    return number * density_kg_m3 * speed_1_s**3 * diameter_m**5


def gassed_part(
    gas_m3_s: Any, speed_1_s: Any, diameter_m: Any, volume_m3: Any, blade_m: Any
) -> Any:
    """Part of the power that is left under gas (Hughmark); 1 at most.

    >>> round(float(gassed_part(1e-4, 5.0, 0.1, 0.01, 0.02)), 2)
    0.61
    """
    flow = gas_m3_s / (speed_1_s * volume_m3)
    froude = speed_1_s**2 * diameter_m**4 / (GRAVITY_m_s2 * blade_m * volume_m3 ** (2.0 / 3.0))
    part = 0.1 * flow**-0.25 * froude**-0.2
    return 1.0 - larger(1.0 - part, 0.0)


def blend_time_s(number: Any, re: Any, speed_1_s: Any, diameter_m: Any, tank_m: Any) -> Any:
    """Time until 95 % of a pulse is mixed in, in turbulent and transitional flow.

    `Np^(1/3) Re Fo = 5.2`, and `Fo = (183 / (Np^(1/3) Re))^2` below about 6400.

    >>> round(float(blend_time_s(5.0, 50000.0, 5.0, 0.1, 0.3)), 2)
    5.47
    """
    group = number ** (1.0 / 3.0) * re
    fourier = larger(5.2 / group, (183.0 / group) ** 2)
    # Fo = viscosity * time / (density * T^2), and viscosity / density = N D^2 / Re.
    return fourier * re * tank_m**2 / (speed_1_s * diameter_m**2)


def kla_1_s(power_w_m3: Any, gas_velocity_m_s: Any, *, is_coalescing: bool = False) -> Any:
    """Transfer coefficient of oxygen.

    Args:
        power_w_m3: Power under gas per volume, 500 to 10,000.
        gas_velocity_m_s: Superficial velocity of the gas.
        is_coalescing: Clean water; media with salts and proteins do not coalesce.

    >>> round(kla_1_s(1000.0, 0.005), 4)
    0.0873
    """
    if is_coalescing:
        return 0.026 * power_w_m3**0.4 * gas_velocity_m_s**0.5
    return 0.002 * power_w_m3**0.7 * gas_velocity_m_s**0.2


def tip_speed_m_s(speed_1_s: Any, diameter_m: Any) -> Any:
    """Speed of the blades' tips.

    >>> round(tip_speed_m_s(5.0, 0.1), 3)
    1.571
    """
    return pi * speed_1_s * diameter_m
