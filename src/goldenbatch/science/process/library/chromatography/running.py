"""Running a column over its sections: one integrator a section, dense output, amounts balanced.

The common simulator runs the same declared model interval by interval, with controllers and
faults; here a section is one interval of CVODES with a sparse Jacobian, whose steps are not
broken at the times that are written. Inlets may be cubic, as in CADET.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.library.chromatography.chromatogram import Balance, Chromatogram
from goldenbatch.science.process.library.chromatography.column import Column, Grid, Section
from goldenbatch.science.process.library.chromatography.model import column_model
from goldenbatch.science.process.model import Model

Floats = NDArray[np.float64]
_N_COEFFICIENTS = 4
_ROWS = 1000
GAP_ALLOWED = 1e-3
"""Share of a component that may be unaccounted for; a run that loses more has failed."""


@dataclass(frozen=True)
class Tolerance:
    """Of the integrator.

    Attributes:
        relative: Relative tolerance of all states.
        absolute: Absolute tolerance, in the unit of concentrations.
        max_steps: In one section.
    """

    relative: float = 1e-6
    absolute: float = 1e-9
    max_steps: int = 200_000


def run(
    column: Column, sections: Sequence[Section], *, grid: Grid | None = None,
    times_s: ArrayLike | None = None, tolerance: Tolerance | None = None,
    start: ArrayLike | None = None,
) -> Chromatogram:  # fmt: skip
    """Simulate a column.

    Args:
        column: What it is.
        sections: What is fed, without gaps in time.
        grid: How fine the column is cut.
        times_s: When the outlet is wanted; None: 1000 times, evenly. Ends of sections are added.
        tolerance: Of the integrator.
        start: States at the start in the order of the model, such as `Chromatogram.state` of a
            run before; None: those of the column.

    Returns:
        The chromatogram; where the solver gave up, what there is until then, with the reason.

    Raises:
        DataError: Sections leave a gap, or inlets do not fit the components.

    >>> pipe = Column(("tracer",), 0.1, 1e-3, (1e-6,), 0.4)
    >>> made = run(pipe, [Section.steady(0.0, 600.0, (1.0,))], grid=Grid(n_cells=32))
    >>> bool(abs(made.outlet[-1, 0] - 1.0) < 1e-4), made.status
    (True, 'complete')
    """
    check_sections(column, sections)
    model = column_model(column, grid)
    solver = _Solver(column, model, tolerance or Tolerance())
    wanted = _times(sections, times_s)
    x = np.asarray(model.x0() if start is None else start, dtype=float)
    if x.shape != (model.n_x,):
        raise DataError(
            f"the start has shape {x.shape}, the column on this grid has {model.n_x} states.",
            hint="Give the state of a run of the same column on the same grid.",
        )
    return _run(column, model, solver, sections, wanted, x)


def check_sections(column: Column, sections: Sequence[Section]) -> None:
    """Refuse sections with gaps or with inlets of other components.

    Raises:
        DataError: The message names the section.
    """
    if not sections:
        raise DataError("a run has no sections.", hint="Say what is fed, and how long.")
    for number, section in enumerate(sections):
        if len(section.inlet) != len(column.components):
            raise DataError(
                f"section {number} feeds {len(section.inlet)} components, the column has "
                f"{len(column.components)}: {', '.join(column.components)}.",
                hint="Give an inlet for each.",
            )
    for number, (one, following) in enumerate(pairwise(sections)):
        if abs(one.end_s - following.start_s) > 1e-9 * max(1.0, abs(one.end_s)):
            raise DataError(
                f"section {number} ends at {one.end_s:g} s, section {number + 1} starts at "
                f"{following.start_s:g} s.",
                hint="Let each start where the one before ends.",
            )


def _times(sections: Sequence[Section], times_s: ArrayLike | None) -> Floats:
    first, last = sections[0].start_s, sections[-1].end_s
    ends = [first, *(section.end_s for section in sections)]
    asked = np.linspace(first, last, _ROWS) if times_s is None else np.asarray(times_s, float)
    if asked.size and (asked.min() < first - 1e-9 or asked.max() > last + 1e-9):
        raise DataError(
            f"outlet asked for from {asked.min():g} to {asked.max():g} s; the sections last from "
            f"{first:g} to {last:g} s.",
            hint="Ask within the sections.",
        )
    return np.unique(np.clip(np.concatenate([asked, ends]), first, last))


class _Solver:
    """The model with its numbers put in, its inlets as polynomials, for a section at a time."""

    def __init__(self, column: Column, model: Model, tolerance: Tolerance) -> None:
        e, n = model.expressions, len(column.components)
        self.tolerance, self.n = tolerance, n
        self.t = ca.SX.sym("local")
        self.coefficients = ca.SX.sym("coefficients", n, _N_COEFFICIENTS)
        powers = ca.vertcat(*(self.t**k for k in range(_N_COEFFICIENTS)))
        inlet = ca.mtimes(self.coefficients, powers)
        numbers = ca.DM(model.parameter_vector())
        rate = column.porosity * column.velocity_m_s
        ode, outlet = ca.substitute([e.rhs, e.outputs], [e.u, e.p], [inlet, ca.SX(numbers)])
        self.x, self.ode, self.left = e.x, ode, rate * outlet
        p = ca.vec(self.coefficients)
        seen = ca.sum1(ca.DM(ca.jacobian_sparsity(outlet, self.x), 1.0))
        self.seen = sorted(set(seen.sparsity().get_col()))
        self.outlet = ca.Function("outlet", [self.x[self.seen], self.t, p], [outlet])

    def section(
        self, times: Floats, x: Floats, coefficients: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Last states, outlets at local times after 0, and what has left.

        Raises:
            RuntimeError: The solver gave up.
        """
        dae = {
            "x": self.x, "p": ca.vec(self.coefficients), "t": self.t,
            "ode": self.ode, "quad": self.left,
        }  # fmt: skip
        options: dict[str, Any] = {
            "reltol": self.tolerance.relative, "abstol": self.tolerance.absolute,
            "max_num_steps": self.tolerance.max_steps, "newton_scheme": "direct",
            "disable_internal_warnings": True, "show_eval_warnings": False, "quad_err_con": True,
        }  # fmt: skip
        solver = ca.integrator("section", "cvodes", dae, 0.0, list(times), options)
        end = solver(x0=x, p=coefficients.ravel(order="F"))
        last, left = (np.array(end[name][:, -1], float).ravel() for name in ("xf", "qf"))
        # What is not wanted stays inside CasADi: copying all states takes most of the time.
        return last, self.outlets(end["xf"], times, coefficients), left

    def outlets(self, states: Any, times: Floats, coefficients: Floats) -> Floats:
        """Outlet concentrations at local times. Shape `(n, n_components)`."""
        given = np.repeat(coefficients.ravel(order="F")[:, None], len(times), axis=1)
        near = ca.DM(states)[self.seen, :]
        return np.array(self.outlet.map(len(times))(near, times[None, :], given), float).T

    def inlets(self, times: Floats, coefficients: Floats) -> Floats:
        """Inlet concentrations at local times. Shape `(n, n_components)`."""
        found: Floats = times[:, None] ** np.arange(_N_COEFFICIENTS) @ coefficients.T
        return found


def _coefficients(section: Section) -> Floats:
    full = np.zeros((len(section.inlet), _N_COEFFICIENTS))
    for row, given in zip(full, section.inlet, strict=True):
        row[: len(given)] = given
    return full


def _fed(section: Section, coefficients: Floats, rate: float) -> Floats:
    span = section.end_s - section.start_s
    powers = np.array([span ** (k + 1) / (k + 1) for k in range(_N_COEFFICIENTS)])
    fed: Floats = rate * coefficients @ powers
    return fed


def _run(
    column: Column, model: Model, solver: _Solver, sections: Sequence[Section], wanted: Floats,
    x: Floats,
) -> Chromatogram:  # fmt: skip
    rate, first = column.porosity * column.velocity_m_s, _coefficients(sections[0])
    fed, left, amounts = np.zeros(solver.n), np.zeros(solver.n), [_amounts(model, x)]
    rows = [(wanted[:1], solver.outlets(x, np.zeros(1), first), first[:, :1].T)]
    reason = ""
    for section in sections:
        times = wanted[(wanted > section.start_s) & (wanted <= section.end_s)] - section.start_s
        coefficients = _coefficients(section)
        try:
            x, outlet, gone = solver.section(times, x, coefficients)
        except RuntimeError as error:
            reason = f"section from {section.start_s:g} s: {str(error).strip().splitlines()[-1]}"
            break
        rows.append((times + section.start_s, outlet, solver.inlets(times, coefficients)))
        fed, left = fed + _fed(section, coefficients, rate), left + gone
    amounts.append(_amounts(model, x))
    area = column.cross_section_m2 if np.isfinite(column.cross_section_m2) else 1.0
    time, outlet, inlet = (np.concatenate(part) for part in zip(*rows, strict=True))
    balance = Balance(*(area * one for one in (amounts[0], fed, left, amounts[1])))
    reason = reason or _imbalance(column, balance)
    return Chromatogram(
        time, column.components, outlet, inlet, column.unit, column.flow, balance,
        "failed" if reason else "complete", reason, x,
    )  # fmt: skip


def _imbalance(column: Column, balance: Balance) -> str:
    """What is not accounted for, if too much is; empty else."""
    worst = int(balance.gap.argmax())
    if balance.gap[worst] <= GAP_ALLOWED:
        return ""
    return (
        f"{balance.gap[worst]:.2g} of {column.components[worst]} is not accounted for: "
        "lower the tolerances"
    )


def _amounts(model: Model, x: Floats) -> Floats:
    """Held by a square metre of column, of each component."""
    functions: Any = model.law_functions
    amounts, _, _ = functions(0.0, x, [], model.input_vector(), model.parameter_vector())
    return np.array(amounts, float).ravel()
