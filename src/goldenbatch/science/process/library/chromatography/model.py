"""The column as a declared model: the same one for simulation, fitting, tracking and export.

Balances, with `F` the flux through the film, `d` 3, 2 or 1 for sphere, cylinder or slab:

    between the particles   dc/dt  = -u dc/dz + D d2c/dz2 - (1 - eps)/eps sum_j f_j d_j/R_j F_j
    in the pores            dcp/dt = 1/r^(d-1) d/dr (r^(d-1) Dp dcp/dr) - (1 - ep)/ep taken
    on the solid            dq/dt  = 1/r^(d-1) d/dr (r^(d-1) Ds dq/dr) + rates(cp, q)
    without a film          dc/dt  = -u dc/dz + D d2c/dz2 - (1 - eps)/eps taken

References:
    Guiochon et al. 2006, Fundamentals of Preparative and Nonlinear Chromatography, 2nd ed.;
    Leweke and von Lieres 2018, doi:10.1016/j.compchemeng.2018.02.025;
    Breuer et al. 2023, doi:10.1016/j.compchemeng.2023.108340.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.builder import ModelBuilder
from goldenbatch.science.process.library.chromatography import _balances
from goldenbatch.science.process.library.chromatography.column import Column, Grid, Particle
from goldenbatch.science.process.model import Model

REFERENCES = ("doi:10.1016/j.compchemeng.2018.02.025", "doi:10.1016/j.compchemeng.2023.108340")
_CHECKED_UP_TO = 12


def column_model(
    column: Column, grid: Grid | None = None, checks_units: bool | None = None
) -> Model:
    """Declare a column: inputs `in_<component>`, outputs `out_<component>`, time in seconds.

    Args:
        column: What it is.
        grid: How fine it is cut.
        checks_units: None: on coarse grids only. The equations of a fine grid are those of a
            coarse one.

    >>> column = Column(("tracer",), 0.1, 1e-3, (1e-7,), 0.4)
    >>> column_model(column, Grid(n_cells=8)).n_x
    8
    """
    return _declared(column, grid or Grid(), checks_units)


def forget_columns() -> None:
    """Declare anew what is asked for next: for timing a first run."""
    _declared.cache_clear()


@lru_cache(maxsize=16)
def _declared(column: Column, grid: Grid, checks_units: bool | None) -> Model:
    checks = grid.n_cells <= _CHECKED_UP_TO if checks_units is None else checks_units
    return _Declaration(column, grid, checks).build()


@dataclass
class _Packing:
    """One kind of particle with its symbols."""

    particle: Particle
    v: dict[str, Any]
    shells: _balances.Cut
    pore: list[_balances.Shells]
    bound: list[_balances.Shells]
    states: tuple[list[Any], list[Any]]


class _Declaration:
    def __init__(self, column: Column, grid: Grid, checks_units: bool) -> None:
        self.column, self.grid = column, grid
        kind = "lumped" if column.particles and column.particles[0].is_lumped else "column"
        self.m = ModelBuilder(
            f"chromatography.{kind}", version="1", title="Packed chromatography column",
            time_unit="s", references=REFERENCES, checks_units=checks_units,
        )  # fmt: skip
        self.v = {
            one.name: self.m.parameter(
                one.name, one.unit, value=one.value, lower=0.0, help=one.help
            )
            for one in column.values()
        }
        self.eps = self.m.constant("weno_eps", grid.weno_eps, f"({column.unit}).({column.unit})")
        self.c = self._liquid()
        self.inlets = [
            self.m.input(f"in_{name}", column.unit, help=f"{name} at the inlet")
            for name in column.components
        ]

    def _liquid(self) -> list[Any]:
        starts = self.column.initial or (0.0,) * len(self.column.components)
        return [
            self._state(f"c_{name}", start, self.grid.n_cells, "between the particles")
            for name, start in zip(self.column.components, starts, strict=True)
        ]

    def _state(self, name: str, start: float, size: int, where: str) -> Any:
        scale = max(abs(start), 1.0)
        text = f"concentration {where}, cell by cell"
        return self.m.state(
            name, self.column.unit, initial=start, size=size, scale=scale, help=text
        )

    def build(self) -> Model:
        moved = [
            _balances.transport(c, inlet, self.v, name, self.grid, self.eps)
            for c, inlet, name in zip(self.c, self.inlets, self.column.components, strict=True)
        ]
        changes = [one.change for one in moved]
        amounts = [self.v["porosity"] * c for c in self.c]
        if self.column.particles and self.column.particles[0].is_lumped:
            self._lumped(self.column.particles[0], changes, amounts)
        else:
            for index, particle in enumerate(self.column.particles):
                self._packed(index, particle, changes, amounts)
        width = self.v["length"] / self.grid.n_cells
        for name, c, change, one, amount, inlet in zip(
            self.column.components, self.c, changes, moved, amounts, self.inlets, strict=True
        ):
            self.m.derivative(c, change)
            self.m.output(f"out_{name}", one.outlet, self.column.unit, help=f"{name} at the outlet")
            self.m.conserved(
                name, width * ca.sum1(amount), unit=f"({self.column.unit}).m",
                inflow=self.v["porosity"] * self.v["velocity"] * (inlet - one.outlet),
            )  # fmt: skip
        return self.m.build()

    def _bound_states(self, particle: Particle, prefix: str, size: int) -> list[Any]:
        if particle.binding is None:
            return []
        names = particle.binding.states(self.column.components)
        starts = particle.initial_bound or (0.0,) * len(names)
        return [
            self._state(f"{prefix}q_{name}", start, size, "in the solid")
            for name, start in zip(names, starts, strict=True)
        ]

    def _lumped(self, particle: Particle, changes: list[Any], amounts: list[Any]) -> None:
        v = self.v
        bound = self._bound_states(particle, "", self.grid.n_cells)
        taken, dq = _balances.lumped_terms(particle, v, self.c, bound)
        for state, change in zip(bound, dq, strict=True):
            self.m.derivative(state, change)
        held = particle.binding.held(v, bound) if particle.binding else []
        for i, lost in enumerate(taken):
            changes[i] = changes[i] - (1.0 - v["porosity"]) / v["porosity"] * lost
        for i, one in enumerate(held):
            amounts[i] = amounts[i] + (1.0 - v["porosity"]) * one

    def _packing(self, index: int, particle: Particle) -> _Packing:
        prefix, n = self.column.prefix(index), self.grid.n_cells
        own = {
            name.removeprefix(prefix): value
            for name, value in self.v.items()
            if name.startswith(prefix)
        }
        shells = _balances.cut(particle, self.grid)
        size = n * len(shells.volumes)
        starts = particle.initial_pore or self.column.initial
        starts = starts or (0.0,) * len(self.column.components)
        pore = [
            self._state(f"{prefix}cp_{name}", start, size, "in the pores")
            for name, start in zip(self.column.components, starts, strict=True)
        ]
        bound = self._bound_states(particle, prefix, size)
        return _Packing(
            particle, own, shells, [_split(x, n) for x in pore], [_split(x, n) for x in bound],
            (pore, bound),
        )  # fmt: skip

    def _packed(
        self, index: int, particle: Particle, changes: list[Any], amounts: list[Any]
    ) -> None:
        own = self._packing(index, particle)
        names = self.column.components
        phases = _balances.Phases(self.c, own.pore, own.bound)
        terms = _balances.particle_terms(particle, own.v, names, phases, own.shells)
        solid = own.v["fraction"] * (1.0 - self.v["porosity"])
        inside = _balances.content(self.column, own.v, particle, own.pore, own.bound, own.shells)
        for i in range(len(names)):
            changes[i] = changes[i] - solid / self.v["porosity"] * terms.exchange[i]
            amounts[i] = amounts[i] + solid * inside[i]
        for states, derivatives in zip(own.states, (terms.pore, terms.bound), strict=True):
            for state, change in zip(states, derivatives, strict=True):
                self.m.derivative(state, ca.vertcat(*change))


def _split(x: Any, n_cells: int) -> list[Any]:
    """Shells of a stacked state, innermost first."""
    return [x[start : start + n_cells] for start in range(0, x.shape[0], n_cells)]
