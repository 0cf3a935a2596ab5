"""Running a configuration in CADET's form: what it says is read, what is not covered is refused.

A configuration is a mapping: nested as CADET-Python has it, or flat with keys such as
`input/model/unit_001/COL_LENGTH`. Both spellings of columns are read: `COLUMN_MODEL_1D` with
particle types, and `LUMPED_RATE_MODEL_WITHOUT_PORES`, `LUMPED_RATE_MODEL_WITH_PORES`,
`GENERAL_RATE_MODEL`. Only facts of the format are used here; the equations are this package's.

References:
    Leweke and von Lieres 2018, doi:10.1016/j.compchemeng.2018.02.025;
    https://cadet.github.io/master/interface/index.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.library.chromatography._cadet_keys import Group, group
from goldenbatch.science.process.library.chromatography._cadet_particles import is_rapid, particles
from goldenbatch.science.process.library.chromatography.chromatogram import Chromatogram
from goldenbatch.science.process.library.chromatography.column import (
    Column,
    Grid,
    Section,
    check_flow,
)
from goldenbatch.science.process.library.chromatography.model import column_model
from goldenbatch.science.process.library.chromatography.running import Tolerance, run
from goldenbatch.science.process.model import Model

COLUMNS = (
    "COLUMN_MODEL_1D", "LUMPED_RATE_MODEL_WITHOUT_PORES", "LUMPED_RATE_MODEL_WITH_PORES",
    "GENERAL_RATE_MODEL",
)  # fmt: skip
LUMPED = "LUMPED_RATE_MODEL_WITHOUT_PORES"
_SHELL_KEYS = (
    "particle_type_000/discretization/NCELLS", "particle_type_000/discretization/NPAR",
    "discretization/NPAR",
)  # fmt: skip


@dataclass(frozen=True)
class CadetCase:
    """What a configuration describes.

    Attributes:
        column: The column.
        sections: What is fed.
        grid: How fine the column is cut.
        times_s: When the outlet is wanted; empty where it does not say.
        notes: What was read otherwise than CADET would, for people.
    """

    column: Column
    sections: tuple[Section, ...]
    grid: Grid
    times_s: tuple[float, ...]
    notes: tuple[str, ...]

    def run(
        self, *, grid: Grid | None = None, times_s: ArrayLike | None = None,
        tolerance: Tolerance | None = None,
    ) -> Chromatogram:  # fmt: skip
        """Simulate it.

        Args:
            grid: In place of its own.
            times_s: In place of its own.
            tolerance: Of the integrator.
        """
        asked = times_s if times_s is not None else (self.times_s or None)
        return run(
            self.column, self.sections, grid=grid or self.grid, times_s=asked, tolerance=tolerance
        )


def from_cadet(
    config: Mapping[str, Any], *, unit: str = "mol/m3", keeps_grid: bool = False
) -> CadetCase:
    """Read a configuration of one inlet and one column, with or without an outlet.

    Args:
        config: Flat or nested; letters of either case.
        unit: Of its concentrations.
        keeps_grid: Whether a grid that it states is kept however coarse it is; else the usual
            one serves where that is finer.

    Raises:
        DesignError: A key is missing, or it asks for something that is not covered, which the
            message names; or flow, area and velocity contradict one another.

    >>> flat = {
    ...     "input/model/NUNITS": 2,
    ...     "input/model/unit_000/UNIT_TYPE": "INLET",
    ...     "input/model/unit_000/sec_000/CONST_COEFF": [1.0],
    ...     "input/model/unit_001/UNIT_TYPE": "COLUMN_MODEL_1D",
    ...     "input/model/unit_001/NCOMP": 1,
    ...     "input/model/unit_001/COL_LENGTH": 1.0,
    ...     "input/model/unit_001/COL_DISPERSION": 1e-4,
    ...     "input/model/unit_001/COL_POROSITY": 0.4,
    ...     "input/model/unit_001/VELOCITY": 0.02,
    ...     "input/solver/sections/SECTION_TIMES": [0.0, 100.0],
    ... }
    >>> from_cadet(flat).column.residence_s
    50.0
    """
    root = group(config)
    model = root.inner("model")
    inlet, unit_name = _units(model)
    column_group = model.inner(unit_name)
    components = tuple(f"c{index}" for index in range(column_group.integer("NCOMP")))
    found, notes = particles(column_group, len(components))
    column = _column(model, column_group, unit_name, components, found, unit)
    sections = _sections(root.inner("solver").inner("sections"), model.inner(inlet), components)
    grid, more = _grid(column_group, column, keeps_grid)
    times = root.inner("solver").numbers("USER_SOLUTION_TIMES", ())
    last = sections[-1].end_s
    return CadetCase(column, sections, grid, tuple(t for t in times if t <= last), (*notes, *more))


def model_from_cadet(text: str, *, n_cells: int = 0, n_shells: int = 0) -> Model:
    """The column of a configuration as a declared model, for studies, fits and ensembles.

    Args:
        text: The configuration as JSON.
        n_cells: In place of the case's own; 0: its own.
        n_shells: Likewise.

    Raises:
        DesignError: It is no JSON, or see `from_cadet`.
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise DesignError(f"the configuration is no JSON: {error}.", hint="Correct it.") from error
    case = from_cadet(config)
    grid = replace(
        case.grid, n_cells=n_cells or case.grid.n_cells, n_shells=n_shells or case.grid.n_shells
    )
    return column_model(case.column, grid)


def _units(model: Group) -> tuple[str, str]:
    """Names of the inlet and of the column."""
    kinds = {name: model.inner(name).text("UNIT_TYPE") for name in model.names("unit_")}
    inlets = [name for name, kind in kinds.items() if kind == "INLET"]
    columns = [name for name, kind in kinds.items() if kind in COLUMNS]
    other = {
        name: kind for name, kind in kinds.items()
        if kind not in COLUMNS and kind not in ("INLET", "OUTLET")
    }  # fmt: skip
    if other:
        name, kind = next(iter(other.items()))
        raise DesignError(
            f"{name} is a {kind}, which is not covered.",
            hint=f"Covered are INLET, OUTLET and {', '.join(COLUMNS)}.",
        )
    if len(inlets) != 1 or len(columns) != 1:
        raise DesignError(
            f"the system has {len(inlets)} inlets and {len(columns)} columns.",
            hint="One inlet and one column are covered; run the units one after another.",
        )
    return inlets[0], columns[0]


def _column(
    model: Group, unit_group: Group, name: str, components: tuple[str, ...],
    found: tuple[Any, ...], unit: str,
) -> Column:  # fmt: skip
    lumped = bool(found) and found[0].is_lumped
    porosity = unit_group.number(
        "TOTAL_POROSITY" if lumped or unit_group.text("UNIT_TYPE") == LUMPED else "COL_POROSITY"
    )
    area = unit_group.number("CROSS_SECTION_AREA", nan)
    flow = _flow(model, int(name.removeprefix("unit_")))
    velocity = unit_group.numbers("VELOCITY", ())
    if len(set(velocity)) > 1:
        raise DesignError(
            f"{name} changes its VELOCITY between sections, which is not covered.",
            hint="Run the sections one after another, each from the state of the last.",
        )
    if velocity:
        check_flow(velocity[0], flow, area, porosity)
        u = velocity[0]
    elif isfinite(area) and isfinite(flow):
        u = flow / (area * porosity)
    else:
        raise DesignError(
            f"{name} has neither a VELOCITY nor a CROSS_SECTION_AREA with a flow.",
            hint="Give one of them; u = F/(A eps).",
        )
    dispersion = unit_group.spread("COL_DISPERSION", len(components))
    initial = unit_group.spread("INIT_C", len(components), (0.0,) * len(components))
    return Column(
        components, unit_group.number("COL_LENGTH"), u, dispersion, porosity, found, initial,
        unit, area,
    )  # fmt: skip


def _flow(model: Group, number: int) -> float:
    """Flow into a unit by the first switch; NaN where nothing says."""
    if not model.has("connections/switch_000/CONNECTIONS"):
        return nan
    if int(model.number("connections/NSWITCHES", 1.0)) > 1:
        raise DesignError(
            "connections switch during the run (NSWITCHES > 1), which is not covered.",
            hint="Run the stretches one after another, each from the state of the last.",
        )
    flat = model.numbers("connections/switch_000/CONNECTIONS")
    with_ports = bool(model.number("connections/CONNECTIONS_INCLUDE_PORTS", 0.0))
    width = 7 if with_ports or len(flat) % 5 else 5
    rows = np.reshape(flat, (-1, width))
    into = rows[rows[:, 1] == number]
    return float(into[:, -1].sum()) if len(into) else nan


def _sections(solver: Group, inlet: Group, components: Sequence[str]) -> tuple[Section, ...]:
    times = solver.numbers("SECTION_TIMES")
    kind = inlet.text("INLET_TYPE", "PIECEWISE_CUBIC_POLY")
    if kind != "PIECEWISE_CUBIC_POLY":
        raise DesignError(f"an inlet of type {kind} is not covered.", hint="Give cubic pieces.")
    n, found = len(components), []
    powers = ("CONST_COEFF", "LIN_COEFF", "QUAD_COEFF", "CUBE_COEFF")
    last: tuple[tuple[float, ...], ...] = ((0.0,) * 4,) * n
    for number in range(len(times) - 1):
        key = f"sec_{number:03d}"
        if inlet.names(key):
            own = inlet.inner(key)
            # Values beyond those of the components are passed over, as CADET does.
            rows = [own.at_least(power, n) for power in powers]
            last = tuple(zip(*rows, strict=True))
        found.append(Section(times[number], times[number + 1], last))
    if not found:
        raise DesignError("SECTION_TIMES holds no section.", hint="Give a start and an end.")
    return tuple(found)


def _grid(unit_group: Group, column: Column, keeps: bool) -> tuple[Grid, tuple[str, ...]]:
    """The usual grid, or the one stated where it is finer or is to be kept."""
    usual = _usual(column)
    if unit_group.text("discretization/SPATIAL_METHOD", "FV") != "FV":
        return usual, ("discontinuous Galerkin is not covered: the usual finite volumes serve",)
    stated = Grid(
        int(unit_group.first(("discretization/NCOL", "discretization/NCELLS"), usual.n_cells)),
        int(max(2.0, unit_group.first(_SHELL_KEYS, usual.n_shells))),
        {1: 1, 2: 3, 3: 5}.get(int(unit_group.number("discretization/weno/WENO_ORDER", 3.0)), 5),
    )
    if keeps:
        return stated, ()
    grid = Grid(
        max(stated.n_cells, usual.n_cells), max(stated.n_shells, usual.n_shells),
        grading=usual.grading,
    )  # fmt: skip
    note = f"grid of {stated.n_cells} cells made {grid.n_cells}, of order 5"
    is_finer = (grid.n_cells, grid.order) != (stated.n_cells, stated.order)
    return grid, ((note,) if is_finer else ())


def _usual(column: Column) -> Grid:
    """Fine enough for 0.2 % of the peak of the semi-analytical references (see benchmarks)."""
    if not column.particles or column.particles[0].is_lumped:
        return Grid(n_cells=200)
    if not any(particle.pore_m2_s for particle in column.particles):
        return Grid(n_cells=128)
    # Rapid binding with surface diffusion has a boundary layer beneath the surface.
    is_steep = any(
        one.surface_m2_s and one.binding and is_rapid(one.binding) for one in column.particles
    )
    if is_steep:
        return Grid(96, 32, grading=1.25)
    return Grid(96, 24) if len(column.components) == 1 else Grid(64, 12)
