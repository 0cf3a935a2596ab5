"""A tablet press: what pressure does to density, and density to strength.

Pressures in MPa, lengths in mm, masses in mg, densities in mg/mm3 (= g/cm3), forces in kN or N.

References:
    Kawakita and Luedde (1971), Powder Technol. 4:61, doi:10.1016/0032-5910(71)80001-3.
    Kuentz and Leuenberger (2000), Eur. J. Pharm. Biopharm. 49:151 (strength and density).
    Fell and Newton (1970), J. Pharm. Sci. 59:688, doi:10.1002/jps.2600590523 (tensile strength).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError


@dataclass(frozen=True, slots=True)
class Powder:
    """A blend as the press sees it.

    Attributes:
        bulk_density: in the die before compaction, mg/mm3.
        true_density: without pores, mg/mm3, over the bulk density.
        a: Kawakita's a, the share of volume lost at infinite pressure, over 0 and under 1.
        b_per_mpa: Kawakita's b.
        strength_n: hardness of a tablet without pores.
        critical_density: relative density at which a tablet begins to hold together.

    Raises:
        DesignError: a number that cannot be.
    """

    bulk_density: float
    true_density: float
    a: float
    b_per_mpa: float
    strength_n: float
    critical_density: float

    def __post_init__(self) -> None:
        """Refuse what is no powder."""
        if not 0 < self.bulk_density < self.true_density:
            raise DesignError("the bulk density must lie between 0 and the true density")
        if not 0 < self.a < 1 or not self.b_per_mpa > 0 or not self.strength_n > 0:
            raise DesignError("Kawakita's a must lie between 0 and 1, b and strength over 0")
        if not 0 < self.critical_density < 1:
            raise DesignError("the critical relative density must lie between 0 and 1")

    @property
    def loosest(self) -> float:
        """Relative density before compaction."""
        return self.bulk_density / self.true_density

    @property
    def densest(self) -> float:
        """Relative density at infinite pressure; over 1 the parameters are valid below 1 only."""
        return self.loosest / (1 - self.a)


def relative_density(powder: Powder, pressure_mpa: ArrayLike) -> Floats:
    """Relative density in the die under a pressure.

    The share of volume lost is a b P / (1 + b P); a density over 1 is cut at 1.

    Raises:
        DesignError: a negative pressure.

    References:
        Kawakita and Luedde (1971), eq. 1.

    >>> powder = Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6)
    >>> relative_density(powder, [0.0, 180.0]).round(4).tolist()
    [0.3333, 0.7246]
    """
    pressure = np.asarray(pressure_mpa, dtype=np.float64)
    if not (pressure >= 0).all():
        raise DesignError("a pressure is negative or missing; give 0 MPa or more")
    lost = powder.a * powder.b_per_mpa * pressure / (1 + powder.b_per_mpa * pressure)
    density: Floats = np.minimum(powder.loosest / (1 - lost), 1.0)
    return density


def pressure_for(powder: Powder, density: ArrayLike) -> Floats:
    """Pressure that gives a relative density; the inverse of `relative_density`.

    Raises:
        DesignError: a density that this powder does not reach.

    References:
        Kawakita and Luedde (1971), eq. 1 solved for the pressure.

    >>> powder = Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6)
    >>> pressure_for(powder, relative_density(powder, 150.0)).round(6).tolist()
    150.0
    """
    wanted = np.asarray(density, dtype=np.float64)
    top = min(1.0, powder.densest)
    if not ((wanted >= powder.loosest - 1e-12) & (wanted < top)).all():
        raise DesignError(
            f"a relative density outside {powder.loosest:.3f} to {top:.3f} is not reached; "
            "change the fill or the gap"
        )
    lost = np.maximum(1 - powder.loosest / wanted, 0.0)
    pressure: Floats = lost / (powder.b_per_mpa * (powder.a - lost))
    return pressure


def hardness(powder: Powder, density: ArrayLike) -> Floats:
    """Crushing force of a tablet of a relative density, N; 0 up to the critical density.

    h = h0 (1 - exp(rd - rc + ln((1 - rd) / (1 - rc)))).

    Raises:
        DesignError: a density outside 0 to 1.

    References:
        Kuentz and Leuenberger (2000).

    >>> powder = Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6)
    >>> hardness(powder, [0.6, 0.9, 1.0]).round(2).tolist()
    [0.0, 132.51, 200.0]
    """
    rd = np.asarray(density, dtype=np.float64)
    if not ((rd >= 0) & (rd <= 1)).all():
        raise DesignError("a relative density lies outside 0 to 1")
    rc = powder.critical_density
    force = powder.strength_n * (1 - np.exp(rd - rc) * (1 - rd) / (1 - rc))
    held: Floats = np.where(rd > rc, force, 0.0)
    return held


def tensile_strength(force_n: ArrayLike, diameter_mm: float, thickness_mm: ArrayLike) -> Floats:
    """Tensile strength of a flat round tablet, MPa: 2 F / (pi D t).

    References:
        Fell and Newton (1970), eq. 1.

    >>> tensile_strength([100.0], 8.0, [3.0]).round(3).tolist()
    [2.653]
    """
    force = np.asarray(force_n, dtype=np.float64)
    strength: Floats = 2 * force / (math.pi * diameter_mm * np.asarray(thickness_mm))
    return strength


@dataclass(frozen=True, slots=True)
class Press:
    """Settings of a rotary press with flat round punches.

    Attributes:
        diameter_mm: of the die.
        fill_depth_mm: of powder before compaction.
        gap_mm: between the punches at main compression.
        tablets_per_min: all stations together.
    """

    diameter_mm: float
    fill_depth_mm: float
    gap_mm: float
    tablets_per_min: float

    def __post_init__(self) -> None:
        """Refuse what is no press."""
        if not 0 < self.gap_mm < self.fill_depth_mm or not self.diameter_mm > 0:
            raise DesignError("the gap must lie between 0 and the fill depth; give a die")
        if not self.tablets_per_min > 0:
            raise DesignError("a press of no speed makes nothing; give tablets a minute")

    @property
    def area_mm2(self) -> float:
        """Area of the die."""
        return math.pi * self.diameter_mm**2 / 4


@dataclass(frozen=True, slots=True, eq=False)
class Tablets:
    """Tablets as they leave the press; arrays of one shape.

    Attributes:
        weight_mg: of a tablet.
        density: relative, at main compression.
        force_kn: of main compression.
        hardness_n: crushing force.
        dose_mg: of the drug.
    """

    weight_mg: Floats
    density: Floats
    force_kn: Floats
    hardness_n: Floats
    dose_mg: Floats


def press_tablets(
    powder: Powder, press: Press, content: ArrayLike, fill: ArrayLike = 1.0
) -> Tablets:
    """Press tablets from powder of a content.

    Args:
        powder: the blend.
        press: its settings.
        content: of drug in the blend, mass share, any shape.
        fill: bulk density in the die over the powder's, which varies with its flow.

    Raises:
        DesignError: a fill that the press cannot compact to its gap.

    References:
        Kawakita and Luedde (1971) for the force at the given gap; Kuentz and Leuenberger (2000).

    >>> powder = Powder(0.5, 1.5, 0.6, 0.05, 200.0, 0.6)
    >>> made = press_tablets(powder, Press(8.0, 8.0, 3.7, 1000.0), 0.1)
    >>> float(made.weight_mg.round(1)), float(made.dose_mg.round(2)), float(made.force_kn.round(2))
    (201.1, 20.11, 8.65)
    """
    share, filled = np.broadcast_arrays(
        np.asarray(content, dtype=np.float64), np.asarray(fill, dtype=np.float64)
    )
    weight = powder.bulk_density * filled * press.area_mm2 * press.fill_depth_mm
    density = weight / (powder.true_density * press.area_mm2 * press.gap_mm)
    # MPa times mm2 is N.
    force = pressure_for(powder, density) * press.area_mm2 / 1000
    return Tablets(weight, density, force, hardness(powder, density), weight * share)
