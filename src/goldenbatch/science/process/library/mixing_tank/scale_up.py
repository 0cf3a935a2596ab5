"""Scale-up between stirred vessels: what stays equal, and what that does to everything else.

References:
    Handbook of Industrial Mixing (2004), chapters 6, 9 and 18; Garcia-Ochoa and Gomez,
    Biotechnol. Adv. 27 (2009) 153, doi:10.1016/j.biotechadv.2008.10.006.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi
from typing import Literal

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.mixing_tank import agitation

Criterion = Literal["tip speed", "power per volume", "kLa", "blend time", "reynolds"]
GasRule = Literal["vvm", "velocity"]


@dataclass(frozen=True)
class Vessel:
    """A stirred vessel.

    Attributes:
        volume_m3: Filled.
        tank_m: Inner diameter.
        impeller_m: Diameter of the impellers.
        impeller: Their shape.
        n_impellers: On the shaft, far enough apart to draw power each on its own.
    """

    volume_m3: float
    tank_m: float
    impeller_m: float
    impeller: str = "rushton"
    n_impellers: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot turn."""
        agitation.impeller(self.impeller)
        if not (self.volume_m3 > 0 and 0 < self.impeller_m < self.tank_m and self.n_impellers > 0):
            raise DesignError(
                f"{self} cannot be.", hint="The impeller is smaller than the tank, all positive."
            )


@dataclass(frozen=True)
class Operation:
    """How a vessel is run.

    Attributes:
        speed_1_s: Of the impellers.
        gas_m3_s: Sparged; 0 for none.
        density_kg_m3: Of the liquid.
        viscosity_pa_s: Of the liquid.
        is_coalescing: Clean water; see `agitation.kla_1_s`.
    """

    speed_1_s: float
    gas_m3_s: float = 0.0
    density_kg_m3: float = 1000.0
    viscosity_pa_s: float = 1e-3
    is_coalescing: bool = False


@dataclass(frozen=True)
class Figures:
    """What agitation makes of a vessel; kLa is 0 without gas."""

    reynolds: float
    power_number: float
    power_w: float
    power_w_m3: float
    tip_speed_m_s: float
    blend_time_s: float
    pumping_m3_s: float
    gas_velocity_m_s: float
    kla_1_s: float

    def of(self, criterion: Criterion) -> float:
        """The figure of a criterion."""
        return {
            "tip speed": self.tip_speed_m_s, "power per volume": self.power_w_m3,
            "kLa": self.kla_1_s, "blend time": self.blend_time_s, "reynolds": self.reynolds,
        }[criterion]  # fmt: skip


def figures(vessel: Vessel, run: Operation) -> Figures:
    """All figures of a vessel as it is run.

    Raises:
        DataError: The speed is not positive.

    >>> round(figures(Vessel(0.02, 0.3, 0.1), Operation(5.0)).power_w, 2)
    6.25
    """
    if not (run.speed_1_s > 0.0 and run.gas_m3_s >= 0.0 and run.viscosity_pa_s > 0.0):
        raise DataError(f"{run} cannot be.", hint="Give a positive speed and viscosity.")
    one, D, N = agitation.impeller(vessel.impeller), vessel.impeller_m, run.speed_1_s
    re = agitation.reynolds(N, D, run.density_kg_m3, run.viscosity_pa_s)
    number = agitation.power_number(one, re)
    power = vessel.n_impellers * agitation.power_w(number, run.density_kg_m3, N, D)
    velocity = run.gas_m3_s / (pi / 4.0 * vessel.tank_m**2)
    if run.gas_m3_s > 0.0:
        blade = one.blade_height * D
        power *= agitation.gassed_part(run.gas_m3_s, N, D, vessel.volume_m3, blade)
    density = power / vessel.volume_m3
    kla = agitation.kla_1_s(density, velocity, is_coalescing=run.is_coalescing)
    return Figures(
        re, number, power, density, agitation.tip_speed_m_s(N, D),
        agitation.blend_time_s(number, re, N, D, vessel.tank_m),
        vessel.n_impellers * one.flow_number * N * D**3, velocity,
        kla if velocity > 0.0 else 0.0,
    )  # fmt: skip


def scaled(
    source: Vessel,
    run: Operation,
    target: Vessel,
    criterion: Criterion,
    gas: GasRule = "vvm",
) -> tuple[Operation, Figures]:
    """The operation of another vessel that keeps one figure equal.

    Args:
        source: Known.
        run: How it is run.
        target: To be run.
        criterion: What stays equal.
        gas: Volumes of gas per volume and minute stay equal, or its superficial velocity.

    Raises:
        DataError: No speed between 0.001 and 100 1/s keeps it.

    >>> small, large = Vessel(0.02, 0.3, 0.1), Vessel(20.0, 3.0, 1.0)
    >>> round(scaled(small, Operation(5.0), large, "tip speed")[0].speed_1_s, 3)
    0.5
    """
    part = target.volume_m3 / source.volume_m3
    if gas == "velocity":
        part = (target.tank_m / source.tank_m) ** 2
    wanted = figures(source, run).of(criterion)
    if wanted <= 0.0:
        raise DataError(f"{criterion} of the source is {wanted:g}.", hint="Sparge gas for kLa.")
    blown = replace(run, gas_m3_s=run.gas_m3_s * part)

    def excess(speed: float) -> float:
        value = figures(target, replace(blown, speed_1_s=speed)).of(criterion)
        return value - wanted if criterion != "blend time" else wanted - value

    found = replace(blown, speed_1_s=_root(excess, criterion))
    return found, figures(target, found)


def _root(rising: Callable[[float], float], what: str) -> float:
    low, high = 1e-3, 100.0
    if rising(low) > 0.0 or rising(high) < 0.0:
        raise DataError(f"no speed keeps {what} equal.", hint="Choose another criterion.")
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if rising(middle) > 0.0 else (middle, high)
    return high


def comparison(
    source: Vessel, run: Operation, target: Vessel, gas: GasRule = "vvm"
) -> dict[str, tuple[Operation, Figures]]:
    """Every criterion beside the others: what keeping it does to the rest.

    Criteria that no speed keeps are left out.
    """
    found: dict[str, tuple[Operation, Figures]] = {}
    criteria: tuple[Criterion, ...] = (
        "tip speed", "power per volume", "kLa", "blend time", "reynolds",
    )  # fmt: skip
    for one in criteria:
        if one == "kLa" and run.gas_m3_s <= 0.0:
            continue
        try:
            found[one] = scaled(source, run, target, one, gas)
        except DataError:
            continue
    return found
