"""What a freeze-dryer can carry away: capability line, choked flow in the duct, condenser.

References:
    Searles (2004), Am. Pharm. Rev. 7:58 (choking of the vapour in the duct).
    Patel, Chaudhuri and Pikal (2010), Chem. Eng. Sci. 65:5716, doi:10.1016/j.ces.2010.07.022
    (choked flow and the lowest pressure that can be held).
    Kazarin and others (2021), AAPS PharmSciTech 23:1, doi:10.1208/s12249-021-02167-8
    (capability lines by CFD).
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.properties import (
    GAS_CONSTANT_J_mol_K,
    HOUR_s,
    TORR_Pa,
    WATER_kg_mol,
)

HEAT_RATIO_VAPOUR = 1.33
"""Ratio of the heat capacities of water vapour."""


@dataclass(frozen=True, slots=True)
class Capability:
    """Largest rate of vapour over chamber pressure, a line fitted to choked flow.

    Attributes:
        intercept_kg_s: a of a + b p.
        slope_kg_s_Pa: b.
    """

    intercept_kg_s: float
    slope_kg_s_Pa: float

    @classmethod
    def of(cls, a_kg_h: float, b_kg_h_Torr: float) -> Self:
        """In kg/h and kg/h/Torr.

        >>> line = Capability.of(-0.182, 11.7)
        >>> round(float(line.rate_kg_s(0.15 * TORR_Pa)) * 3600, 3)
        1.573
        """
        return cls(a_kg_h / HOUR_s, b_kg_h_Torr / HOUR_s / TORR_Pa)

    @classmethod
    def fitted(cls, pressures_Pa: ArrayLike, rates_kg_s: ArrayLike) -> Self:
        """Least-squares line through rates measured at the lowest pressures that were held.

        Raises:
            DesignError: fewer than two pressures.

        >>> line = Capability.fitted([10.0, 20.0], [1e-4, 3e-4])
        >>> round(line.slope_kg_s_Pa * 1e5, 6)
        2.0
        """
        pressure, rate = np.asarray(pressures_Pa, np.float64), np.asarray(rates_kg_s, np.float64)
        if len(np.unique(pressure)) < 2:
            raise DesignError("a capability line needs rates at two or more pressures")
        slope = float(np.cov(pressure, rate, ddof=0)[0, 1] / pressure.var())
        return cls(float(rate.mean() - slope * pressure.mean()), slope)

    def rate_kg_s(self, pressure_Pa: ArrayLike) -> Floats:
        """Largest rate at this pressure; none below the line's zero."""
        pressure = np.asarray(pressure_Pa, dtype=np.float64)
        return np.asarray(np.maximum(self.intercept_kg_s + self.slope_kg_s_Pa * pressure, 0.0))

    def lowest_pressure_Pa(self, rate_kg_s: ArrayLike) -> Floats:
        """Lowest pressure that can be held at this rate.

        >>> line = Capability(0.0, 1e-5)
        >>> float(line.lowest_pressure_Pa(2e-4))
        20.0
        """
        rate = np.asarray(rate_kg_s, dtype=np.float64)
        return np.asarray((rate - self.intercept_kg_s) / self.slope_kg_s_Pa)


def choked_flow_kg_s(
    pressure_Pa: ArrayLike,
    *,
    diameter_m: float,
    temperature_K: float = 295.0,
    discharge: float = 1.0,
) -> Floats:
    """Vapour through a duct at the speed of sound: no lower condenser pressure draws more.

    m = C A p sqrt(g M / (R T)) (2 / (g + 1))^((g + 1) / (2 (g - 1)))

    Args:
        pressure_Pa: of the chamber (stagnation), which for vapour alone is its pressure.
        diameter_m: of the duct.
        temperature_K: of the vapour in the chamber.
        discharge: coefficient C; 0.7 to 1 for ducts with a valve.

    Raises:
        DesignError: a size that is not positive.

    References:
        Patel, Chaudhuri and Pikal (2010), doi:10.1016/j.ces.2010.07.022, equation 1.

    >>> round(float(choked_flow_kg_s(13.3322, diameter_m=0.1)) * 3600, 3)
    0.687
    """
    if min(diameter_m, temperature_K, discharge) <= 0:
        raise DesignError("a duct has a diameter, a temperature and a coefficient above zero")
    ratio = HEAT_RATIO_VAPOUR
    shape = (2.0 / (ratio + 1.0)) ** ((ratio + 1.0) / (2.0 * (ratio - 1.0)))
    speed = math.sqrt(ratio * WATER_kg_mol / (GAS_CONSTANT_J_mol_K * temperature_K))
    area = math.pi / 4.0 * diameter_m**2
    return np.asarray(discharge * area * np.asarray(pressure_Pa, np.float64) * speed * shape)


@dataclass(frozen=True, slots=True)
class Condenser:
    """A condenser: how fast it freezes vapour and how much ice it holds.

    Attributes:
        rate_kg_s: largest rate at which it keeps its temperature.
        ice_kg: that it holds.
    """

    rate_kg_s: float
    ice_kg: float


@dataclass(frozen=True, slots=True)
class Equipment:
    """A freeze-dryer's limits, of which the tightest counts.

    Attributes:
        capability: line of the largest rate.
        n_vials: in the load.
        duct_m: diameter of the duct; 0 if it is left to the line.
        condenser: its limits, if known.
    """

    capability: Capability
    n_vials: int
    duct_m: float = 0.0
    condenser: Condenser | None = None

    def rate_kg_s(self, pressure_Pa: ArrayLike) -> Floats:
        """Largest rate of the whole load at this pressure.

        >>> plant = Equipment(Capability(0.0, 1e-4), 100, condenser=Condenser(5e-4, 20.0))
        >>> [float(one) for one in plant.rate_kg_s([2.0, 20.0])]
        [0.0002, 0.0005]
        """
        rate = self.capability.rate_kg_s(pressure_Pa)
        if self.duct_m:
            rate = np.minimum(rate, choked_flow_kg_s(pressure_Pa, diameter_m=self.duct_m))
        if self.condenser is not None:
            rate = np.minimum(rate, self.condenser.rate_kg_s)
        return np.asarray(rate)

    def check_load(self, ice_kg: float) -> None:
        """Refuse a load whose ice the condenser cannot hold.

        Raises:
            DesignError: it cannot.
        """
        if self.condenser is not None and ice_kg * self.n_vials > self.condenser.ice_kg:
            total = ice_kg * self.n_vials
            message = (
                f"the load holds {total:.3g} kg of ice, the condenser {self.condenser.ice_kg:g}"
            )
            raise DesignError(message)
