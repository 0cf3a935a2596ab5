"""Water and ice under vacuum: vapour pressure and the constants of three conventions.

Freeze-drying tools do not agree on the third digit of these constants, so a result names its
convention: that of Pikal's steady-state model (`PIKAL`), that of Feistel and Wagner's equation of
state as used by newer tools (`FEISTEL_WAGNER`), and that of Srisuma and Braatz's studies of
optimal control (`SRISUMA`).

References:
    Pikal, Cardon, Bhugra and others (2005), Pharm. Dev. Technol. 10:17, doi:10.1081/PDT-35869.
    Feistel and Wagner (2007), Geochim. Cosmochim. Acta 71:36, doi:10.1016/j.gca.2006.08.034.
    Srisuma and Braatz (2025), arXiv:2509.10826.
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError

TORR_Pa = 101325.0 / 760.0
CALORIE_J = 4.184
ZERO_CELSIUS_K = 273.15
HOUR_s = 3600.0
GAS_CONSTANT_J_mol_K = 8.314462618
WATER_kg_mol = 0.018015

Many = float | Floats
"""One number, or one per vial."""


@dataclass(frozen=True, slots=True)
class Ice:
    """Properties of ice and of its vapour.

    Attributes:
        name: of the convention.
        log_pressure: ln A of p = A exp(-B / T), p in Pa.
        slope_K: B.
        sublimation_J_kg: heat of sublimation.
        conductivity_W_m_K: of ice.
        density_kg_m3: of ice.
        fusion_J_kg: heat of fusion.
        heat_capacity_J_kg_K: of ice.
    """

    name: str
    log_pressure: float
    slope_K: float
    sublimation_J_kg: float
    conductivity_W_m_K: float
    density_kg_m3: float = 918.0
    fusion_J_kg: float = 79.7 * CALORIE_J * 1000.0
    heat_capacity_J_kg_K: float = 2030.0

    def pressure_Pa(self, temperature_K: ArrayLike) -> Floats:
        """Vapour pressure over ice.

        >>> round(float(PIKAL.pressure_Pa(253.15)), 1)
        103.2
        """
        kelvin = np.asarray(temperature_K, dtype=np.float64)
        return np.asarray(np.exp(self.log_pressure - self.slope_K / kelvin))

    def temperature_K(self, pressure_Pa: ArrayLike) -> Floats:
        """Temperature of ice that has this vapour pressure.

        Raises:
            DesignError: a pressure is not positive.

        >>> round(float(PIKAL.temperature_K(PIKAL.pressure_Pa(240.0))), 9)
        240.0
        """
        pressure = np.asarray(pressure_Pa, dtype=np.float64)
        if (pressure <= 0).any():
            raise DesignError("a vapour pressure is positive; give Pa, not mTorr below zero")
        return np.asarray(self.slope_K / (self.log_pressure - np.log(pressure)))


PIKAL = Ice(
    name="Pikal",
    log_pressure=math.log(2.698e10 * TORR_Pa),
    slope_K=6144.96,
    sublimation_J_kg=678.0 * CALORIE_J * 1000.0,
    conductivity_W_m_K=0.0059 * CALORIE_J * 100.0,
)
"""Constants of the steady-state model as most of the trade uses them."""

FEISTEL_WAGNER = Ice(
    name="Feistel and Wagner",
    log_pressure=math.log(359.7e10),
    slope_K=2.838e6 * WATER_kg_mol / GAS_CONSTANT_J_mol_K,
    sublimation_J_kg=2.838e6,
    conductivity_W_m_K=2.4,
)
"""Heat of sublimation of the equation of state between 225 and 254 K."""

SRISUMA = Ice(
    name="Srisuma and Braatz",
    log_pressure=28.8912,
    slope_K=6139.9,
    sublimation_J_kg=2.84e6,
    conductivity_W_m_K=2.25,
    density_kg_m3=917.0,
)
"""Constants of the published problems of optimal control."""


def celsius(temperature_K: ArrayLike) -> Floats:
    """Degrees Celsius.

    >>> float(celsius(258.15))
    -15.0
    """
    return np.asarray(np.asarray(temperature_K, dtype=np.float64) - ZERO_CELSIUS_K)


def kelvin(temperature_C: ArrayLike) -> Floats:
    """Kelvin.

    >>> float(kelvin(-15.0))
    258.15
    """
    return np.asarray(np.asarray(temperature_C, dtype=np.float64) + ZERO_CELSIUS_K)
