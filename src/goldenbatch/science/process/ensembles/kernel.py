"""The batched kernel: a model's equations as machine code, all members in one call.

The equations come from the same CasADi graph as everything else; steps are those of Rodas5P.
Nothing is kept on disk: a process compiles a model once, at its first ensemble (ADR 0029).
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import packed_dae

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.integrate import Settings
    from goldenbatch.science.process.model import Model

MOST_STATES, MOST_OPERATIONS = 80, 20_000
REASONS = {1: "took too many steps", 2: "needed too small a step", 3: "met a singular matrix"}
_LOCK = threading.Lock()


class Kernel:
    """Compiled equations of one model; runs without the interpreter's lock."""

    def __init__(self, model: Model) -> None:
        """Compile; takes some seconds, once for a model in a process.

        Raises:
            DesignError: The model is not for the kernel (see `refusal`).
            MissingEngineError: numba is not installed.
        """
        reason = refusal(model)
        if reason:
            raise DesignError(
                f"the kernel cannot take {model.name}: {reason}.",
                hint="Ask for the engine 'casadi'.",
            )
        self.model = model
        began = time.process_time()
        self._solve = _compiled(model)
        self.compile_cpu_s = time.process_time() - began

    def solve(
        self,
        x: NDArray[np.float64],
        p: NDArray[np.float64],
        drive: NDArray[np.float64],
        of: NDArray[np.int64],
        settings: Settings,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Run members through intervals.

        Args:
            x: Scaled states at the start. Shape `(m, n_x)`.
            p: Parameters. Shape `(m, n_p)`.
            drive: For each schedule and interval the inputs at its start, their slopes, its
                start and its length. Shape `(n_schedules, n_intervals, 2 n_u + 2)`.
            of: Schedule of each member. Shape `(m,)`.
            settings: Tolerances and most steps in an interval.

        Returns:
            Scaled states at all borders, shape `(m, n_intervals + 1, n_x)`, and per member the
            code (0 or one of `REASONS`), the interval where it ended and its steps.
        """
        m = x.shape[0]
        out = np.full((m, drive.shape[1] + 1, x.shape[1]), np.nan)
        status = np.zeros((m, 3), np.int64)
        limits = (float(settings.rtol), float(settings.atol), int(settings.max_steps))
        arrays = [np.ascontiguousarray(one, float) for one in (x, p, drive)]
        drives = (arrays[2], np.ascontiguousarray(of, np.int64))
        self._solve(arrays[0], arrays[1], drives, limits, out, status)
        return out, status


def kernel_of(model: Model) -> Kernel:
    """The kernel of a model, compiled at the first call."""
    with _LOCK:
        kept: dict[Any, Any] = model.__dict__.setdefault("_engines", {})
        if "kernel" not in kept:
            kept["kernel"] = Kernel(model)
        made: Kernel = kept["kernel"]
        return made


def refusal(model: Model) -> str:
    """Why the kernel cannot take a model; empty where it can."""
    if model.n_z:
        return (
            f"it has {model.n_z} algebraic variables, and the kernel takes no algebraic equations"
        )
    if model.n_x > MOST_STATES:
        return f"it has {model.n_x} states, and a dense LU serves up to {MOST_STATES}"
    n_operations = functions(model)[1].n_instructions()
    if n_operations > MOST_OPERATIONS:
        return f"{n_operations:,} operations would take minutes to compile"
    return ""


def functions(model: Model) -> tuple[Any, Any]:
    """The two CasADi functions that the kernel is generated from.

    Returns:
        `(tau, x, packed) -> dx/dtau`, and the same with its Jacobian and derivative by `tau`.
    """
    dae = packed_dae(model)
    arguments = [dae["t"], dae["x"], dae["p"]]
    jacobian, dtau = ca.jacobian(dae["ode"], dae["x"]), ca.jacobian(dae["ode"], dae["t"])
    rhs = ca.Function("rhs", arguments, [ca.densify(dae["ode"])])
    whole = ca.cse([ca.densify(dae["ode"]), jacobian, ca.densify(dtau)])
    return rhs, ca.Function("slopes", arguments, whole)


def _compiled(model: Model) -> Any:
    from goldenbatch.science.process.ensembles._codegen import intrinsic_of
    from goldenbatch.science.process.ensembles._rosenbrock import make_solver

    rhs, slopes = functions(model)
    solve = make_solver(intrinsic_of(rhs), intrinsic_of(slopes))
    n_x, n_p, n_u = model.n_x, model.n_p, model.n_u
    # A call with no member compiles for the types that all calls have.
    empty = (np.empty((0, n_x)), np.empty((0, n_p)))
    drives = (np.empty((0, 0, 2 * n_u + 2)), np.empty(0, np.int64))
    out, status = np.empty((0, 1, n_x)), np.empty((0, 3), np.int64)
    solve(*empty, drives, (1e-6, 1e-8, 1), out, status)
    return solve
