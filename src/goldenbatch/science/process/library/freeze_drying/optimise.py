"""Fastest primary drying within limits of product, shelf, chamber and equipment.

The layer is the only state and time is what is saved, so the fastest course is the one that is
fastest at every thickness: one limit after another holds it back, and no trajectory has to be
searched. Where the shelf is free this is a quadrature over the layer; where it follows a given
course the chamber is chosen at every step.

At a given thickness the temperatures of front, bottom and shelf all rise with the flux, so that
each limit is a largest flux and the smallest of them counts.

References:
    Srisuma and Braatz (2025), arXiv:2509.10826 (optimal control as a sequence of policies, each
    of which holds one limit).
    Shivkumar and others (2019), doi:10.1208/s12249-019-1532-7 (the optimisation problems).
    Bosca, Barresi and Fissore (2013), Eur. J. Pharm. Biopharm. 85:559 (why it pays).
"""

# ruff: noqa: N802, N815 - names end in SI units

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from goldenbatch.science._arrays import Floats
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.containers import Vials
from goldenbatch.science.process.library.freeze_drying.equipment import Equipment
from goldenbatch.science.process.library.freeze_drying.primary import Front, front_at
from goldenbatch.science.process.library.freeze_drying.properties import HOUR_s
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

N_LAYERS = 401
N_GRID, N_ROUNDS = 33, 5
N_NEWTON = 14
LIMIT_NAMES = ("product", "shelf", "equipment", "speed")
STEFAN_W_m2_K4 = 5.670374419e-8


@dataclass(frozen=True, slots=True)
class Walls:
    """Walls of the chamber as the front sees them.

    Attributes:
        temperature_K: of the walls.
        factor: of view and emissivities.
    """

    temperature_K: float
    factor: float

    def heat_W_m2(self, front_K: Floats) -> Floats:
        """Net radiation onto the front."""
        return np.asarray(STEFAN_W_m2_K4 * self.factor * (self.temperature_K**4 - front_K**4))


@dataclass(frozen=True, slots=True)
class Limits:
    """What the course must keep.

    Attributes:
        bottom_K: highest temperature of the product, less its margin.
        shelf_K: lowest and highest temperature of the shelf.
        pressure_Pa: lowest and highest pressure of the chamber.
        equipment: what can be carried away; None for no limit.
        speed_m_s: highest speed of the front.
        walls: that radiate onto the front; None for none.
    """

    bottom_K: float
    shelf_K: tuple[float, float] = (0.0, np.inf)
    pressure_Pa: tuple[float, float] = (1.0, 200.0)
    equipment: Equipment | None = None
    speed_m_s: float = np.inf
    walls: Walls | None = None

    def flux_kg_m2_s(self, vial: Vials, pressure_Pa: Floats) -> Floats:
        """Largest flux of each vial that the equipment carries away."""
        if self.equipment is None:
            return np.full(np.shape(pressure_Pa), np.inf)
        each = self.equipment.rate_kg_s(pressure_Pa) / self.equipment.n_vials
        return np.asarray(each / vial.inner_area_m2)


@dataclass(frozen=True, slots=True)
class Course:
    """A course of drying; all fields have shape (n_times,).

    Attributes:
        times_s: from the start.
        dried_m: thickness of the layer.
        shelf_K: set point.
        pressure_Pa: set point.
        bottom_K: of the product.
        flux_kg_m2_s: of vapour.
        active: which limit holds: `product`, `shelf`, `equipment`, `speed`, `chamber` or `none`.
    """

    times_s: Floats
    dried_m: Floats
    shelf_K: Floats
    pressure_Pa: Floats
    bottom_K: Floats
    flux_kg_m2_s: Floats
    active: tuple[str, ...]

    @property
    def end_s(self) -> float:
        """When the last ice goes."""
        return float(self.times_s[-1])

    def policies(self) -> tuple[tuple[str, float], ...]:
        """Limits in the order in which they hold, each with the time from which on."""
        rows = [i for i, one in enumerate(self.active) if i == 0 or one != self.active[i - 1]]
        return tuple((self.active[i], float(self.times_s[i])) for i in rows)


def fastest_shelf(vial: Vials, limits: Limits, pressure_Pa: float) -> Course:
    """Shelf temperature at every thickness, at one chamber pressure.

    Raises:
        DesignError: at this pressure nothing can dry within the limits.

    >>> from goldenbatch.science.process.library.freeze_drying.containers import *
    >>> from goldenbatch.science.process.library.freeze_drying.equipment import Capability
    >>> one = Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    ...                HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46))
    >>> plant = Equipment(Capability.of(-0.182, 11.7), 398)
    >>> course = fastest_shelf(one, Limits(268.15, (228.15, 393.15), equipment=plant), 19.99836)
    >>> round(course.end_s / 3600, 3)
    2.125
    """
    dried = _layers(vial)
    flux, active = _best_flux(vial, limits, dried, np.full(dried.shape, pressure_Pa))
    return _course(vial, limits, dried, np.full(dried.shape, pressure_Pa), flux, active)


def fastest(vial: Vials, limits: Limits) -> Course:
    """Shelf temperature and chamber pressure at every thickness.

    Raises:
        DesignError: nothing can dry within the limits.
    """
    dried = _layers(vial)

    def gain(pressure: Floats) -> Floats:
        return _best_flux(vial, limits, dried, pressure)[0]

    pressure = _search(gain, limits.pressure_Pa, dried.shape)
    flux, active = _best_flux(vial, limits, dried, pressure)
    return _course(vial, limits, dried, pressure, flux, active)


def _layers(vial: Vials) -> Floats:
    if vial.n_vials != 1:
        raise DesignError(f"a course is for one kind of vial; {vial.n_vials} were given")
    return np.asarray(np.linspace(0.0, 1.0, N_LAYERS) * float(vial.height_m))


def _best_flux(
    vial: Vials, limits: Limits, dried: Floats, pressure: Floats
) -> tuple[Floats, Floats]:
    """Largest flux, and which of `LIMIT_NAMES` limits it."""

    def largest(limit_K: float, which: int) -> Floats:
        """Newton's steps from no flux on: temperatures are concave in it, so none overshoots."""
        flux = np.zeros(dried.shape)
        if not np.isfinite(limit_K):
            return flux + np.inf
        for _ in range(N_NEWTON):
            warmth, slope = _temperatures(vial, limits.walls, dried, pressure, flux)[which]
            flux = np.maximum(flux + (limit_K - warmth) / slope, 0.0)
        return flux

    speed = limits.speed_m_s * vial.ice_kg / (vial.height_m * vial.inner_area_m2)
    each = (
        largest(limits.bottom_K, 0), largest(limits.shelf_K[1], 1),
        limits.flux_kg_m2_s(vial, pressure), speed,
    )  # fmt: skip
    fluxes = np.stack([np.broadcast_to(one, dried.shape) for one in each])
    return fluxes.min(axis=0), fluxes.argmin(axis=0)


def _temperatures(
    vial: Vials, walls: Walls | None, dried: Floats, pressure: Floats, flux: Floats
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Temperatures of bottom and shelf at which this flux is steady, each with its slope."""
    ice, resistance = vial.ice, vial.cake.resistance_m_s(dried)
    vapour = pressure + flux * resistance
    front = ice.temperature_K(vapour)
    rise = front**2 / ice.slope_K * resistance / vapour
    heat, gain = flux * ice.sublimation_J_kg, np.full(flux.shape, ice.sublimation_J_kg)
    if walls is not None:
        heat = heat - walls.heat_W_m2(front)
        gain = gain + 4.0 * STEFAN_W_m2_K4 * walls.factor * front**3 * rise
    per_area = vial.heat.coefficient_W_m2_K(pressure) * vial.outer_area_m2 / vial.inner_area_m2
    depth = (vial.height_m - dried) / ice.conductivity_W_m_K
    bottom, slope = front + heat * depth, rise + gain * depth
    return (bottom, slope), (bottom + heat / per_area, slope + gain / per_area)


def _search(
    gain: Callable[[Floats], Floats], bounds: tuple[float, float], shape: tuple[int, ...]
) -> Floats:
    """Pressure of the largest gain for each element: a grid that closes in on it."""
    low, high = np.full(shape, np.log(bounds[0])), np.full(shape, np.log(bounds[1]))
    best = low
    for _ in range(N_ROUNDS):
        grid = np.linspace(low, high, N_GRID)
        gains = np.stack([gain(np.exp(one)) for one in grid])
        index = gains.argmax(axis=0)
        best = np.take_along_axis(grid, index[None], axis=0)[0]
        width = (high - low) / (N_GRID - 1)
        low, high = np.maximum(best - width, low), np.minimum(best + width, high)
    return np.asarray(np.exp(best))


def _course(
    vial: Vials, limits: Limits, dried: Floats, pressure: Floats, flux: Floats, active: Floats
) -> Course:
    """Times by the trapezoid rule on 1/flux; the shelf from the heat that the flux takes."""
    if (flux <= 1e-12).any():
        raise DesignError(
            "nothing sublimes within the limits: lower the pressure or raise the product's limit"
        )
    per_step = (1.0 / flux[1:] + 1.0 / flux[:-1]) / 2.0
    share = float(vial.ice_kg) / float(vial.inner_area_m2) / (len(dried) - 1)
    times = np.concatenate([[0.0], np.cumsum(per_step * share)])
    (bottom, _), (shelf, _) = _temperatures(vial, limits.walls, dried, pressure, flux)
    names = tuple(LIMIT_NAMES[int(i)] for i in active)
    return Course(times, dried, shelf, pressure, bottom, flux, names)


def fastest_chamber(
    vial: Vials, limits: Limits, shelf_K: Schedule, *, step_s: float = 36.0
) -> Course:
    """Chamber pressure at every moment, while the shelf follows its course.

    Where no pressure keeps the limits, the one that sublimes least is taken and the moment is
    marked `none`.

    Raises:
        DesignError: the layer is not through within 200 h.
    """
    rows: list[tuple[float, float, float, float, Front, str]] = []
    now, dried, height = 0.0, 0.0, float(vial.height_m)
    per_flux = height * float(vial.inner_area_m2) / float(vial.ice_kg)
    while now <= 200.0 * HOUR_s:
        shelf = float(shelf_K.at(now))
        pressure, front, active = _best_pressure(vial, limits, dried, shelf)
        rows.append((now, dried, shelf, pressure, front, active))
        if dried >= height:
            return _collected(rows)
        rate = float(front.flux_kg_m2_s) * per_flux
        middle = min(dried + rate * step_s / 2, height)
        _, half, _ = _best_pressure(vial, limits, middle, float(shelf_K.at(now + step_s / 2)))
        rate = float(half.flux_kg_m2_s) * per_flux
        step = step_s if dried + rate * step_s < height else (height - dried) / rate
        dried, now = (dried + rate * step if step == step_s else height), now + step
    raise DesignError("the layer is not through within 200 h: is the shelf warm enough?")


def _best_pressure(
    vial: Vials, limits: Limits, dried: float, shelf: float
) -> tuple[float, Front, str]:
    low, high = limits.pressure_Pa
    high = min(high, max(float(vial.ice.pressure_Pa(shelf)), low * (1 + 1e-9)))
    bounds = [np.log(low), np.log(high)]
    best, is_kept = low, np.zeros(1, dtype=bool)
    for _ in range(N_ROUNDS):
        grid = np.exp(np.linspace(bounds[0], bounds[1], N_GRID))
        front = front_at(vial, np.full(N_GRID, dried), shelf, grid)
        is_kept = (front.bottom_K <= limits.bottom_K) & (
            front.flux_kg_m2_s <= limits.flux_kg_m2_s(vial, grid)
        )
        value = np.where(is_kept, front.flux_kg_m2_s, -front.flux_kg_m2_s)
        index = int(value.argmax())
        best, width = float(grid[index]), (bounds[1] - bounds[0]) / (N_GRID - 1)
        bounds = [max(np.log(best) - width, bounds[0]), min(np.log(best) + width, bounds[1])]
    found = front_at(vial, np.array([dried]), shelf, best)
    one = Front(*(getattr(found, name)[0] for name in Front.__slots__))
    return best, one, _name_limit(vial, limits, best, one, bool(is_kept.any()))


def _name_limit(vial: Vials, limits: Limits, pressure: float, front: Front, is_kept: bool) -> str:
    if not is_kept:
        return "none"
    if abs(float(front.bottom_K) - limits.bottom_K) < 0.01:
        return "product"
    if float(front.flux_kg_m2_s) > 0.999 * float(limits.flux_kg_m2_s(vial, np.asarray(pressure))):
        return "equipment"
    return "chamber"


def _collected(rows: list[tuple[float, float, float, float, Front, str]]) -> Course:
    time, dried, shelf, pressure = (np.array([row[i] for row in rows]) for i in range(4))
    bottom = np.array([float(row[4].bottom_K) for row in rows])
    flux = np.array([float(row[4].flux_kg_m2_s) for row in rows])
    active = tuple(row[5] for row in rows)
    return Course(time, dried, shelf, pressure, bottom, flux, active)
