"""Design space of primary drying: shelf isotherms, product isotherms and the equipment's limit.

References:
    Nail and Searles (2008), BioPharm Int. 21(1):44 (the graphical design space).
    Fissore, Pisano and Barresi (2011), J. Pharm. Sci. 100:715, doi:10.1002/jps.22264.
"""

# ruff: noqa: N815 - names end in SI units

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science._arrays import Floats, vector
from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.freeze_drying.containers import Vials
from goldenbatch.science.process.library.freeze_drying.equipment import Equipment
from goldenbatch.science.process.library.freeze_drying.primary import (
    Conditions,
    DryingSettings,
    dry,
    front_at,
)
from goldenbatch.science.process.library.freeze_drying.properties import HOUR_s
from goldenbatch.science.process.library.freeze_drying.schedule import Schedule

N_NODES = 64


@dataclass(frozen=True, slots=True)
class ShelfIsotherms:
    """Drying at constant set points; fields of shape (n_shelf, n_pressure).

    Where the shelf is too cold for the pressure nothing dries and the fields are NaN.
    """

    hottest_K: Floats
    end_s: Floats
    mean_flux_kg_m2_s: Floats
    highest_flux_kg_m2_s: Floats
    last_flux_kg_m2_s: Floats


@dataclass(frozen=True, slots=True)
class Isotherm:
    """Drying with the bottom held at one temperature; fields of shape (n_pressure,)."""

    end_s: Floats
    mean_flux_kg_m2_s: Floats
    lowest_flux_kg_m2_s: Floats


@dataclass(frozen=True, slots=True)
class CapabilityCurve:
    """Drying at the equipment's limit; fields of shape (n_pressure,)."""

    flux_kg_m2_s: Floats
    end_s: Floats
    hottest_K: Floats


def shelf_isotherms(
    vial: Vials,
    shelves_K: ArrayLike,
    pressures_Pa: ArrayLike,
    *,
    start_K: float,
    rate_per_min: float = 1.0,
    limit_s: float = 200.0 * HOUR_s,
) -> ShelfIsotherms:
    """Dry one kind of vial at every pair of set points, all in one batch.

    Args:
        vial: one.
        shelves_K: set points of the shelf.
        pressures_Pa: of the chamber.
        start_K: of the shelf, from which it is ramped.
        rate_per_min: of the ramp.
        limit_s: drying that takes longer counts as none.

    Raises:
        DesignError: more than one kind of vial.
    """
    shelves, pressures = vector(shelves_K, "shelves_K"), vector(pressures_Pa, "pressures_Pa")
    grid = np.meshgrid(shelves, pressures, indexing="ij")
    target, pressure = grid[0].ravel(), grid[1].ravel()
    arrivals = np.unique(np.concatenate([[0.0], np.abs(shelves - start_K) / rate_per_min * 60.0]))
    reach = arrivals[:, None] * rate_per_min / 60.0
    shelf = Schedule(arrivals, start_K + np.clip(target - start_K, -reach, reach))
    many = many_of(vial, len(target))
    run = dry(many, Conditions(shelf, Schedule.hold(pressure)), DryingSettings(600.0, limit_s))
    dries = ~np.isnan(run.end_s)
    times = np.linspace(0.0, np.nanmax(run.end_s) if dries.any() else 1.0, 800)
    flux = run.at(times).flux_kg_m2_s
    last = front_at(many, np.broadcast_to(many.height_m, target.shape), target, pressure)
    fields = (
        run.hottest_K(), run.end_s, _mean_flux(many, run.end_s), flux.max(axis=0),
        last.flux_kg_m2_s,
    )  # fmt: skip
    return ShelfIsotherms(*(np.where(dries, one, np.nan).reshape(grid[0].shape) for one in fields))


def many_of(vial: Vials, n_vials: int) -> Vials:
    """The same vial n times.

    Raises:
        DesignError: there is more than one kind.
    """
    if vial.n_vials != 1:
        raise DesignError(f"a design space is of one kind of vial; {vial.n_vials} were given")
    return replace(vial, n_vials=n_vials)


def _mean_flux(vials: Vials, end_s: Floats) -> Floats:
    return np.asarray(vials.ice_kg / vials.inner_area_m2 / end_s)


def product_isotherm(vial: Vials, bottom_K: float, pressures_Pa: ArrayLike) -> Isotherm:
    """Drying with the shelf moved so that the bottom stays at its limit.

    The time is the integral of the layer over its rate, by Gauss-Legendre quadrature.

    >>> from goldenbatch.science.process.library.freeze_drying.containers import *
    >>> one = Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    ...                HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46))
    >>> round(float(product_isotherm(one, 268.15, [0.15 * 133.322]).end_s[0]) / 3600, 2)
    1.98
    """
    pressures = vector(pressures_Pa, "pressures_Pa")
    dried, weights = layer_nodes(vial)
    flux = flux_at_bottom(vial, dried[:, None], bottom_K, pressures[None, :])
    return Isotherm(*_through(vial, flux, weights), flux_at_bottom(
        vial, np.broadcast_to(vial.height_m, pressures.shape), bottom_K, pressures
    ))  # fmt: skip


def _through(vial: Vials, flux: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Time and mean flux of a layer whose flux is given at its nodes."""
    with np.errstate(divide="ignore"):
        end = np.einsum("i,ij->j", weights, 1.0 / flux) * vial.ice_kg / vial.inner_area_m2
    return np.where(np.isinf(end), np.nan, end), _mean_flux(vial, end)


def layer_nodes(vial: Vials, n_nodes: int = N_NODES) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes in the layer and their weights, which sum to one."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return np.asarray((nodes + 1.0) / 2.0 * vial.height_m), np.asarray(weights / 2.0)


def flux_at_bottom(
    vial: Vials, dried_m: Floats, bottom_K: ArrayLike, pressure_Pa: Floats
) -> Floats:
    """Flux at which the bottom has this temperature, zero where vapour cannot leave.

    The flux F solves p(Tb - F H h / k) = P + F R; its left side falls and its right side rises.
    """
    ice, bottom = vial.ice, np.asarray(bottom_K, dtype=np.float64)
    depth = np.maximum(vial.height_m - dried_m, 0.0)
    fall = ice.sublimation_J_kg * depth / ice.conductivity_W_m_K
    resistance = vial.cake.resistance_m_s(dried_m)
    flux = np.zeros(np.broadcast_shapes(np.shape(dried_m), bottom.shape, np.shape(pressure_Pa)))
    for _ in range(60):
        kelvin = bottom - flux * fall
        vapour = ice.pressure_Pa(kelvin)
        slope = vapour * ice.slope_K / kelvin**2 * fall + resistance
        step = (vapour - pressure_Pa - flux * resistance) / slope
        flux = np.maximum(flux + step, 0.0)
        if np.max(np.abs(step), initial=0.0) < 1e-14:
            break
    return np.where(ice.pressure_Pa(bottom) > pressure_Pa, flux, 0.0)


def capability_curve(vial: Vials, equipment: Equipment, pressures_Pa: ArrayLike) -> CapabilityCurve:
    """Drying as fast as the equipment can carry the vapour away.

    >>> from goldenbatch.science.process.library.freeze_drying.containers import *
    >>> from goldenbatch.science.process.library.freeze_drying.equipment import Capability
    >>> one = Vials.of(Vial.of(3.8, 3.14, 2.0), Formulation(50.0), Cake.pikal(1.4, 16.0),
    ...                HeatTransfer.pikal(2.75e-4, 8.93e-4, 0.46))
    >>> plant = Equipment(Capability.of(-0.182, 11.7), 398)
    >>> round(float(capability_curve(one, plant, [0.15 * 133.322]).end_s[0]) / 3600, 3)
    0.489
    """
    pressures = vector(pressures_Pa, "pressures_Pa")
    rate = equipment.rate_kg_s(pressures) / equipment.n_vials
    flux = np.where(rate > 0, rate, np.nan) / vial.inner_area_m2
    dried = np.linspace(0.0, 1.0, 101)[:, None] * vial.height_m
    pressure = pressures + flux * vial.cake.resistance_m_s(dried)
    fall = vial.ice.sublimation_J_kg / vial.ice.conductivity_W_m_K * (vial.height_m - dried)
    bottom = vial.ice.temperature_K(pressure) + flux * fall
    return CapabilityCurve(flux, np.asarray(vial.ice_kg / rate_or_nan(rate)), bottom.max(axis=0))


def rate_or_nan(rate: Floats) -> Floats:
    """A rate of zero as NaN, so that its time is NaN and not infinite."""
    return np.where(rate > 0, rate, np.nan)
