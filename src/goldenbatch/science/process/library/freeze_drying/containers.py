"""What stands on the shelf: vials, formulations, cakes and the heat that reaches them.

All fields are SI and each may be one number or one per vial. The trade's own units (cm2, mL,
cal/s/K/cm2, cm2 h Torr/g) have constructors of their own, so that nobody converts by hand.
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.properties import (
    CALORIE_J,
    PIKAL,
    HOUR_s,
    Ice,
    Many,
    TORR_Pa,
)

RESISTANCE_m_s = 1e-4 * HOUR_s * TORR_Pa / 1e-3
"""One cm2 h Torr/g in m/s (Pa m2 s/kg)."""
TRANSFER_W_m2_K = CALORIE_J * 1e4
"""One cal/s/K/cm2 in W/m2/K."""

ISO_DIAMETER_mm = {
    "2R": (16.0, 1.0), "4R": (16.0, 1.0), "6R": (22.0, 1.0), "8R": (22.0, 1.0),
    "10R": (24.0, 1.0), "15R": (24.0, 1.0), "20R": (30.0, 1.2), "25R": (30.0, 1.2),
    "30R": (30.0, 1.2), "50R": (40.0, 1.5), "100R": (47.0, 1.7),
}  # fmt: skip
"""Outer diameter and wall of injection vials of tubular glass, ISO 8362-1:2018, table 2."""


@dataclass(frozen=True, slots=True)
class Vial:
    """A vial and what is filled into it."""

    outer_area_m2: Many
    inner_area_m2: Many
    fill_m3: Many

    @classmethod
    def of(cls, outer_cm2: ArrayLike, inner_cm2: ArrayLike, fill_mL: ArrayLike) -> Self:
        """A vial in cm2 and mL.

        >>> Vial.of(3.8, 3.14, 2.0).fill_m3
        2e-06
        """
        outer, inner = np.multiply(outer_cm2, 1e-4), np.multiply(inner_cm2, 1e-4)
        return cls(_plain(outer), _plain(inner), _plain(np.multiply(fill_mL, 1e-6)))

    @classmethod
    def iso(cls, size: str, fill_mL: ArrayLike) -> Self:
        """An ISO vial of tubular glass by its size.

        Raises:
            DesignError: no such size.

        >>> round(Vial.iso("10R", 3.0).inner_area_m2 * 1e4, 3)
        3.801
        """
        if size not in ISO_DIAMETER_mm:
            message = f"no ISO vial is called {size!r}; there are {', '.join(ISO_DIAMETER_mm)}"
            raise DesignError(message)
        outer, wall = ISO_DIAMETER_mm[size]
        areas = [math.pi / 4.0 * (width / 10.0) ** 2 for width in (outer, outer - 2.0 * wall)]
        return cls.of(areas[0], areas[1], fill_mL)


@dataclass(frozen=True, slots=True)
class Formulation:
    """Solution that is dried.

    Attributes:
        solids_kg_m3: dissolved solids per volume of solution.
        solute_kg_m3: density of the solids.
        solution_kg_m3: density of the solution.
        is_expanding: water expands as it freezes; some tools leave that out.
    """

    solids_kg_m3: Many = 50.0
    solute_kg_m3: float = 1500.0
    solution_kg_m3: float = 1000.0
    is_expanding: bool = True

    def ice_kg(self, vial: Vial) -> Floats:
        """Ice in a frozen vial.

        With expansion the solids take up `solids / solute` of the volume; without it the mass of
        water is that of the solution less the solids.

        >>> round(float(Formulation(50.0).ice_kg(Vial.of(3.8, 3.14, 2.0))) * 1e3, 4)
        1.9333
        """
        solids = np.asarray(self.solids_kg_m3, dtype=np.float64)
        if self.is_expanding:
            share = 1.0 - solids / self.solute_kg_m3
            return np.asarray(self.solution_kg_m3 * share * np.asarray(vial.fill_m3))
        return np.asarray((self.solution_kg_m3 - solids) * np.asarray(vial.fill_m3))

    def height_m(self, vial: Vial, ice: Ice = PIKAL) -> Floats:
        """Height of the frozen product.

        >>> round(float(Formulation(50.0).height_m(Vial.of(3.8, 3.14, 2.0))) * 100, 4)
        0.6919
        """
        depth = np.asarray(vial.fill_m3, dtype=np.float64) / np.asarray(vial.inner_area_m2)
        if not self.is_expanding:
            return np.asarray(depth)
        solids = np.asarray(self.solids_kg_m3, dtype=np.float64)
        gain = (self.solution_kg_m3 - ice.density_kg_m3) / self.solute_kg_m3
        return np.asarray(depth * (self.solution_kg_m3 - solids * gain) / ice.density_kg_m3)


@dataclass(frozen=True, slots=True)
class Cake:
    """Resistance of the dried layer to vapour, R = R0 + A1 L / (1 + A2 L).

    References:
        Pikal (1985), J. Parenter. Sci. Technol. 39:115.
    """

    r0_m_s: Many
    a1_1_s: Many
    a2_1_m: Many

    @classmethod
    def pikal(cls, R0: ArrayLike, A1: ArrayLike, A2: ArrayLike = 0.0) -> Self:
        """In cm2 h Torr/g, cm h Torr/g and 1/cm.

        >>> round(float(Cake.pikal(1.4, 16.0).resistance_m_s(0.005)) / RESISTANCE_m_s, 6)
        9.4
        """
        r0, a1 = np.multiply(R0, RESISTANCE_m_s), np.multiply(A1, RESISTANCE_m_s * 100.0)
        return cls(_plain(r0), _plain(a1), _plain(np.multiply(A2, 100.0)))

    def resistance_m_s(self, dried_m: ArrayLike) -> Floats:
        """At this thickness of the dried layer.

        >>> float(Cake(1e4, 1e7, 0.0).resistance_m_s(0.0))
        10000.0
        """
        dried = np.asarray(dried_m, dtype=np.float64)
        return np.asarray(self.r0_m_s + self.a1_1_s * dried / (1.0 + self.a2_1_m * dried))


@dataclass(frozen=True, slots=True)
class HeatTransfer:
    """Coefficient between shelf and vial, Kv = KC + KP p / (1 + KD p), on the outer area.

    References:
        Pikal, Roy and Shah (1984), J. Pharm. Sci. 73:1224, doi:10.1002/jps.2600730910.
    """

    contact_W_m2_K: Many
    gas_W_m2_K_Pa: Many = 0.0
    gas_1_Pa: Many = 0.0

    @classmethod
    def pikal(cls, KC: ArrayLike, KP: ArrayLike = 0.0, KD: ArrayLike = 0.0) -> Self:
        """In cal/s/K/cm2, the same per Torr, and 1/Torr.

        >>> heat = HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46)
        >>> round(float(heat.coefficient_W_m2_K(0.15 * TORR_Pa)), 3)
        16.749
        """
        contact, gas = np.multiply(KC, TRANSFER_W_m2_K), np.multiply(KP, TRANSFER_W_m2_K / TORR_Pa)
        return cls(_plain(contact), _plain(gas), _plain(np.divide(KD, TORR_Pa)))

    def coefficient_W_m2_K(self, pressure_Pa: ArrayLike) -> Floats:
        """At this chamber pressure.

        >>> float(HeatTransfer(15.0).coefficient_W_m2_K(13.0))
        15.0
        """
        pressure = np.asarray(pressure_Pa, dtype=np.float64)
        gas = self.gas_W_m2_K_Pa * pressure / (1.0 + self.gas_1_Pa * pressure)
        return np.asarray(self.contact_W_m2_K + gas)

    def scaled(self, factor: ArrayLike) -> HeatTransfer:
        """The same for vials that receive this much of it, as those at an edge do.

        >>> HeatTransfer(10.0).scaled(1.2).contact_W_m2_K
        12.0
        """
        contact = _plain(np.multiply(self.contact_W_m2_K, factor))
        gas = _plain(np.multiply(self.gas_W_m2_K_Pa, factor))
        return replace(self, contact_W_m2_K=contact, gas_W_m2_K_Pa=gas)


@dataclass(frozen=True, slots=True)
class Vials:
    """Parameters of n vials, each field of shape (n_vials,), or () where all are alike."""

    height_m: Floats
    ice_kg: Floats
    outer_area_m2: Floats
    inner_area_m2: Floats
    cake: Cake
    heat: HeatTransfer
    ice: Ice
    n_vials: int

    @classmethod
    def of(
        cls,
        vial: Vial,
        formulation: Formulation,
        cake: Cake,
        heat: HeatTransfer,
        *,
        ice: Ice = PIKAL,
    ) -> Vials:
        """Put together; every field given per vial must have the same length.

        Raises:
            DesignError: lengths differ, or a value is out of its physical range.

        >>> Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal([1.4, 1.6], 16.0),
        ...          HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46)).n_vials
        2
        """
        fields = {
            "height": formulation.height_m(vial, ice), "ice": formulation.ice_kg(vial),
            "outer area": vial.outer_area_m2, "inner area": vial.inner_area_m2,
            "R0": cake.r0_m_s, "A1": cake.a1_1_s, "A2": cake.a2_1_m,
            "KC": heat.contact_W_m2_K, "KP": heat.gas_W_m2_K_Pa, "KD": heat.gas_1_Pa,
        }  # fmt: skip
        arrays = {name: np.asarray(value, dtype=np.float64) for name, value in fields.items()}
        sizes = {array.size for array in arrays.values() if array.ndim}
        if any(array.ndim > 1 for array in arrays.values()) or len(sizes - {1}) > 1:
            raise DesignError(f"parameters are given for {sorted(sizes)} vials; give equal lengths")
        _check_ranges(arrays)
        n_vials = max(sizes, default=1)
        v = list(arrays.values())
        return cls(v[0], v[1], v[2], v[3], cake, heat, ice, n_vials)

    def pick(self, rows: slice) -> Vials:
        """Some of the vials, in their order."""

        def some(values: Many) -> Many:
            return values if isinstance(values, float) or np.size(values) == 1 else values[rows]

        cake = Cake(some(self.cake.r0_m_s), some(self.cake.a1_1_s), some(self.cake.a2_1_m))
        heat, many = self.heat, np.empty(self.n_vials)
        return Vials(
            np.asarray(some(self.height_m)), np.asarray(some(self.ice_kg)),
            np.asarray(some(self.outer_area_m2)), np.asarray(some(self.inner_area_m2)),
            cake, HeatTransfer(some(heat.contact_W_m2_K), some(heat.gas_W_m2_K_Pa),
                               some(heat.gas_1_Pa)), self.ice, len(many[rows]),
        )  # fmt: skip


def _check_ranges(arrays: dict[str, Floats]) -> None:
    for name, array in arrays.items():
        is_positive = name in ("height", "ice", "outer area", "inner area")
        is_right = (array > 0) if is_positive else (array >= 0)
        if not (is_right & np.isfinite(array)).all():
            bound = "above zero" if is_positive else "zero or more"
            raise DesignError(f"{name} of a vial must be {bound}; the smallest is {array.min():g}")
    if (arrays["R0"] + arrays["A1"] * arrays["height"] <= 0).any():
        raise DesignError("a cake without any resistance (R0 and A1 zero) cannot be dried steadily")


def _plain(value: object) -> Many:
    """A float where there is one value, else the array."""
    array = np.asarray(value, dtype=np.float64)
    return float(array) if array.ndim == 0 else array
