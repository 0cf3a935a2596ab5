"""Balances of a column cut into cells and shells: vectors over cells, built once for all uses.

All functions take symbols or numbers in `v` (values by name) and vectors over the cells; a
quantity of a particle with shells is a list of such vectors, from the core outwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.library.chromatography import _weno
from goldenbatch.science.process.library.chromatography.column import SHAPES, Column, Grid, Particle

Shells = list[Any]


@dataclass(frozen=True)
class Cut:
    """Shells of a particle of radius 1. Shapes: faces `(n + 1,)`, else `(n,)`.

    Attributes:
        areas: Of the faces.
        volumes: Of the shells; they sum to less than 1/d where there is a core.
        centres: Radii of the centres of volume.
        d: Dimensions that it is curved in, plus one: 3, 2 or 1.
    """

    areas: NDArray[np.float64]
    volumes: NDArray[np.float64]
    centres: NDArray[np.float64]
    d: int


def cut(particle: Particle, grid: Grid) -> Cut:
    """Shells as the grid says; one shell where the pore liquid is mixed."""
    d = SHAPES[particle.shape]
    n = grid.n_shells if particle.pore_m2_s else 1
    core = particle.core_radius_m / particle.radius_m if particle.pore_m2_s else 0.0
    thickness = grid.grading ** -np.arange(n, dtype=float)
    faces = core + (1.0 - core) * np.append(0.0, np.cumsum(thickness / thickness.sum()))
    faces[-1] = 1.0
    volumes = np.diff(faces**d) / d
    centres = np.diff(faces ** (d + 1)) / (d + 1) / volumes
    return Cut(faces ** (d - 1), volumes, centres, d)


@dataclass(frozen=True)
class Transport:
    """Convection and dispersion of one component.

    Attributes:
        change: Its share in dc/dt.
        outlet: Concentration that leaves.
    """

    change: Any
    outlet: Any


def transport(
    c: Any, inlet: Any, v: Mapping[str, Any], name: str, grid: Grid, eps: Any
) -> Transport:
    """Convection by WENO, dispersion by central differences, Danckwerts' conditions.

    The flux through the inlet is `u c_in`; at the outlet nothing disperses.
    """
    u, width = v["velocity"], v["length"] / grid.n_cells
    face = _weno.faces(c, inlet, grid.order, eps)
    dispersed = v[f"dispersion_{name}"] * (c[1:] - c[:-1]) / width
    flux = ca.vertcat(u * inlet, u * face[:-1] - dispersed, u * face[-1])
    return Transport(-(flux[1:] - flux[:-1]) / width, face[-1])


@dataclass(frozen=True)
class Phases:
    """Concentrations that meet in a kind of particle.

    Attributes:
        c: Between the particles, by component.
        pore: In the pores, by component and shell.
        bound: On the solid, by bound state and shell.
    """

    c: Sequence[Any]
    pore: Sequence[Shells]
    bound: Sequence[Shells]


@dataclass(frozen=True)
class ParticleTerms:
    """What the balances of one kind of particle give.

    Attributes:
        exchange: For each component what a volume of particles takes from the liquid between
            them, concentration per second.
        pore: Derivatives of the pore concentrations, by component and shell.
        bound: Derivatives of the bound states, by state and shell.
    """

    exchange: list[Any]
    pore: list[Shells]
    bound: list[Shells]


def particle_terms(
    particle: Particle,
    v: Mapping[str, Any],
    components: Sequence[str],
    phases: Phases,
    shells: Cut,
) -> ParticleTerms:
    """Film transfer, diffusion in pores and on surfaces, binding.

    Bound components do not cross the outer surface of the solid: the film feeds the pores.
    """
    n, c, pore, bound = len(shells.volumes), phases.c, phases.pore, phases.bound
    owners = particle.binding.owners() if particle.binding else ()
    surface = [
        _surface(v, [bound[k][j] for j in range(n)], shells, components[owner])
        if particle.surface_m2_s else [0.0] * n
        for k, owner in enumerate(owners)
    ]  # fmt: skip
    taken: list[list[Any]] = []
    dq: list[list[Any]] = [[] for _ in owners]
    for j in range(n):
        lost, change = _binding(
            particle, v, [one[j] for one in pore], [q[j] for q in bound], [s[j] for s in surface]
        )
        taken.append(lost)
        for k, one in enumerate(change):
            dq[k].append(one)
    exchange, dp = [], []
    for i, name in enumerate(components):
        flux, inner = _pores(particle, v, c[i], pore[i], shells, name)
        solid = (1.0 - v["pores"]) / v["pores"]
        dp.append([inner[j] - solid * taken[j][i] for j in range(n)])
        exchange.append(shells.d / v["radius"] * flux)
    return ParticleTerms(exchange, dp, dq)


def _binding(
    particle: Particle, v: Mapping[str, Any], cp: list[Any], q: list[Any], spread: list[Any]
) -> tuple[list[Any], list[Any]]:
    """Loss of each component from the pore liquid, and change of each bound state."""
    if particle.binding is None:
        return [0.0 * one for one in cp], []
    rates = particle.binding.rates(v, cp, q)
    dq = [rate + s for rate, s in zip(rates, spread, strict=True)]
    # The salt of an ion exchanger follows the proteins wherever they go, also by diffusion.
    return particle.binding.taken(v, rates, dq), dq


def lumped_terms(
    particle: Particle, v: Mapping[str, Any], c: Sequence[Any], bound: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """Loss of each component to the solid, and change of the bound states, without a film."""
    return _binding(particle, v, list(c), list(bound), [0.0] * len(bound))


def _pores(
    particle: Particle, v: Mapping[str, Any], c: Any, pore: Shells, shells: Cut, name: str
) -> tuple[Any, list[Any]]:
    """Flux into the particle, and what it and pore diffusion do to the shells."""
    film = v[f"film_{name}"]
    if not particle.pore_m2_s:
        flux = film * (c - pore[0])
        return flux, [shells.d * flux / (v["radius"] * v["pores"])]
    conductance = v["pores"] * v[f"pore_{name}"] / v["radius"]
    # A parabola through the surface and the two outermost centres gives the gradient there.
    h1, h2 = 1.0 - shells.centres[-1], 1.0 - shells.centres[-2]
    at_surface, first, second = (
        1.0 / h1 + 1.0 / h2, h2 / (h1 * (h2 - h1)), h1 / (h2 * (h2 - h1)),
    )  # fmt: skip
    inside = first * pore[-1] - second * pore[-2]
    flux = film * conductance * (at_surface * c - inside) / (film + conductance * at_surface)
    fluxes = _inner_fluxes(conductance, pore, shells)
    change = _divergence([*fluxes, flux], shells, v["radius"])
    return flux, [one / v["pores"] for one in change]


def _surface(v: Mapping[str, Any], q: Shells, shells: Cut, name: str) -> list[Any]:
    fluxes = _inner_fluxes(v[f"surface_{name}"] / v["radius"], q, shells)
    return _divergence([*fluxes, 0.0], shells, v["radius"])


def _inner_fluxes(conductance: Any, values: Shells, shells: Cut) -> list[Any]:
    gaps = np.diff(shells.centres)
    return [
        0.0,
        *(conductance * (values[j + 1] - values[j]) / gaps[j] for j in range(len(values) - 1)),
    ]


def _divergence(fluxes: list[Any], shells: Cut, radius: Any) -> list[Any]:
    through = [area * flux for area, flux in zip(shells.areas, fluxes, strict=True)]
    return [
        (through[j + 1] - through[j]) / (shells.volumes[j] * radius)
        for j in range(len(shells.volumes))
    ]


def content(
    column: Column, v: Mapping[str, Any], particle: Particle, pore: Sequence[Shells],
    bound: Sequence[Shells], shells: Cut,
) -> list[Any]:  # fmt: skip
    """Amount of each component in a volume of particles, a vector over the cells."""
    total: list[Any] = [0.0] * len(column.components)
    for j, volume in enumerate(shells.volumes):
        held = (
            particle.binding.held(v, [q[j] for q in bound])
            if particle.binding else [0.0] * len(total)
        )  # fmt: skip
        for i in range(len(total)):
            share = v["pores"] * pore[i][j] + (1.0 - v["pores"]) * held[i]
            total[i] = total[i] + shells.d * volume * share
    return total
