"""Classical estimates: heat transfer from a drying time, resistance from temperatures.

Both invert the steady-state model directly. They say nothing of their own uncertainty; see
`posterior` for that.

References:
    Pikal, Roy and Shah (1984), J. Pharm. Sci. 73:1224, doi:10.1002/jps.2600730910.
    Kuu, Hardwick and Akers (2006), Int. J. Pharm. 313:99, doi:10.1016/j.ijpharm.2006.01.036.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, least_squares

from goldenbatch.science._arrays import Floats, complete, vector
from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process.library.freeze_drying.containers import (
    Cake,
    HeatTransfer,
    RESISTANCE_m_s,
    Vials,
)
from goldenbatch.science.process.library.freeze_drying.primary import (
    Conditions,
    DryingSettings,
    dry,
)


def transfer_from_time(
    vial: Vials,
    conditions: Conditions,
    end_s: float,
    *,
    bounds_W_m2_K: tuple[float, float] = (1.0, 100.0),
) -> float:
    """Heat transfer coefficient at which drying ends at a measured time; W/m2/K.

    Args:
        vial: whose own heat transfer is ignored.
        conditions: of the run.
        end_s: measured end of primary drying.
        bounds_W_m2_K: between which it is sought.

    Raises:
        DesignError: no value between the bounds gives this time.

    >>> from goldenbatch.science.process.library.freeze_drying.containers import *
    >>> from goldenbatch.science.process.library.freeze_drying.schedule import Schedule
    >>> one = Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    ...                HeatTransfer(10.0))
    >>> steady = Conditions(Schedule.hold(293.15), Schedule.hold(20.0))
    >>> round(transfer_from_time(one, steady, float(dry(one, steady).end_s[0])), 3)
    10.0
    """
    settings = DryingSettings(limit_s=max(4.0 * end_s, 3600.0))

    def late(log_kv: float) -> float:
        run = dry(replace(vial, heat=HeatTransfer(float(np.exp(log_kv)))), conditions, settings)
        end = float(run.end_s[0])
        return float(np.log((settings.limit_s if np.isnan(end) else end) / end_s))

    low, high = np.log(bounds_W_m2_K)
    if late(low) < 0 or late(high) > 0:
        raise DesignError(
            f"no coefficient between {bounds_W_m2_K} W/m2/K dries in {end_s / 3600:.3g} h; "
            "check the resistance and the set points, or widen the bounds"
        )
    return float(np.exp(brentq(late, low, high, xtol=1e-10)))


@dataclass(frozen=True, slots=True)
class ResistanceCourse:
    """Resistance found along a measured temperature; fields of shape (n_rows,).

    Attributes:
        times_s: of the rows.
        dried_m: thickness of the layer.
        resistance_m_s: negative where the measured ice is too cold for the chamber's pressure,
            as early in a ramp; NaN where heat would flow backwards.
    """

    times_s: Floats
    dried_m: Floats
    resistance_m_s: Floats


def resistance_from_temperatures(
    vial: Vials, conditions: Conditions, times_s: ArrayLike, bottom_K: ArrayLike
) -> ResistanceCourse:
    """Resistance of the cake from the temperature at the bottom of a vial.

    The heat from the shelf gives the flux, this the temperature of the ice and with it the
    resistance; the flux adds up to the layer. Rows after the layer is through are left out.

    Raises:
        DataError: rows are missing, out of order, or fewer than three can be used.
    """
    times = complete(vector(times_s, "times_s"), "times_s")
    bottom = complete(vector(bottom_K, "bottom_K"), "bottom_K")
    if len(times) != len(bottom) or len(times) < 3 or (np.diff(times) <= 0).any():
        raise DataError("temperatures need three or more rows at rising times")
    shelf, pressure = conditions.shelf_K.at(times), conditions.pressure_Pa.at(times)
    ratio = float(vial.outer_area_m2 / vial.inner_area_m2)
    heat = vial.heat.coefficient_W_m2_K(pressure) * ratio * (shelf - bottom)
    flux = heat / vial.ice.sublimation_J_kg
    per_flux = float(vial.height_m * vial.inner_area_m2 / vial.ice_kg)
    grown = np.where(_drive(vial, heat, bottom, 0.0, pressure) > 0, np.maximum(flux, 0.0), 0.0)
    steps = (grown[1:] + grown[:-1]) / 2.0 * np.diff(times) * per_flux
    dried = np.concatenate([[0.0], np.cumsum(steps)])
    drive = _drive(vial, heat, bottom, dried, pressure)
    found = np.divide(drive, flux, out=np.full_like(flux, np.nan), where=flux > 0)
    kept = dried < float(vial.height_m)
    return ResistanceCourse(times[kept], dried[kept], found[kept])


def _drive(vial: Vials, heat: Floats, bottom: Floats, dried: float | Floats, P: Floats) -> Floats:
    """Pressure of the ice at the front above the chamber's."""
    front = bottom - heat * (vial.height_m - dried) / vial.ice.conductivity_W_m_K
    return np.asarray(vial.ice.pressure_Pa(np.maximum(front, 150.0)) - P)


@dataclass(frozen=True, slots=True)
class CakeFit:
    """A cake fitted to a course of resistance.

    Attributes:
        cake: the best, with no parameter below its bound.
        error_m_s: root mean square of the residuals.
        at_bound: names of parameters that the bound holds: they are not identified.
    """

    cake: Cake
    error_m_s: float
    at_bound: tuple[str, ...]


def fit_cake(course: ResistanceCourse, *, is_bounded: bool = True) -> CakeFit:
    """Least squares for R0, A1 and A2, none below zero.

    Rows with a negative resistance are errors of measurement and left out. A fit without bounds
    takes them in, as other tools do, and may then find a negative resistance.

    Raises:
        DataError: fewer than four usable rows.

    >>> layer = np.linspace(0.0, 0.007, 50)
    >>> given = Cake.pikal(1.4, 16.0, 0.5).resistance_m_s(layer)
    >>> fit = fit_cake(ResistanceCourse(layer, layer, given))
    >>> round(fit.cake.r0_m_s / RESISTANCE_m_s, 4), round(fit.cake.a2_1_m / 100, 4)
    (1.4, 0.5)
    """
    use = np.isfinite(course.resistance_m_s)
    use &= (np.nan_to_num(course.resistance_m_s) > 0) | (not is_bounded)
    if use.sum() < 4:
        raise DataError("a cake has three parameters; four or more usable rows are needed")
    layer, found = course.dried_m[use] * 100.0, course.resistance_m_s[use] / RESISTANCE_m_s
    lower = [0.0, 0.0, 0.0] if is_bounded else [-np.inf, -np.inf, -0.9 / max(layer.max(), 1e-9)]

    def residual(p: Floats) -> Floats:
        return np.asarray(p[0] + p[1] * layer / (1.0 + p[2] * layer) - found)

    best = least_squares(
        residual, [1.0, 10.0, 0.5], bounds=(lower, np.inf), x_scale=[1.0, 10.0, 1.0]
    )
    names = ("R0", "A1", "A2")
    held = tuple(n for n, value in zip(names, best.x, strict=True) if is_bounded and value < 1e-6)
    error = float(np.sqrt(np.mean(best.fun**2)))
    return CakeFit(Cake.pikal(*(float(one) for one in best.x)), error * RESISTANCE_m_s, held)
