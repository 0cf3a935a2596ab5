"""One control interval at a time: CVODES or IDAS, and a ladder of retries when they give up.

A new integrator run for every interval, because CasADi's multi-output grid integrator loses 2 to
4 % of the members of a stiff ensemble (casadi issue 3189). Time inside the interval is scaled to
0..1, so that one compiled integrator serves intervals of any length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.direct import Direct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model

Engine = Literal["cvodes", "idas", "scipy"]


@dataclass(frozen=True)
class Settings:
    """Of the solver.

    Attributes:
        rtol: Relative tolerance.
        atol: Absolute tolerance, in units of each state's scale.
        max_steps: Of the solver in one interval.
        ladder: Engines and factors of the tolerances, tried in order; empty: the usual one.
        first_step: First step of the solver as a share of an interval; 0: the solver's own guess,
            which is small and costs a stiff model with short intervals a fifth of its time.
    """

    rtol: float = 1e-6
    atol: float = 1e-8
    max_steps: int = 20_000
    ladder: tuple[tuple[Engine, float], ...] = ()
    first_step: float = 0.0

    def __post_init__(self) -> None:
        """Refuse tolerances that no solver can keep."""
        if not (0.0 < self.rtol < 1.0 and 0.0 < self.atol < inf and self.max_steps > 0):
            raise DataError(
                f"the solver has tolerances {self.rtol} and {self.atol}, {self.max_steps} steps.",
                hint="Give positive ones; the relative tolerance is below 1.",
            )


_ODE_LADDER: tuple[tuple[Engine, float], ...] = (
    ("cvodes", 1.0), ("cvodes", 0.01), ("idas", 1.0), ("scipy", 1.0),
)  # fmt: skip
_DAE_LADDER: tuple[tuple[Engine, float], ...] = (("idas", 1.0), ("idas", 0.01), ("idas", 100.0))


class StepError(Exception):
    """All engines gave up on an interval; its text says what each of them said."""


class Stepper:
    """Advances a model over intervals; counts what the ladder had to do."""

    def __init__(self, model: Model, settings: Settings) -> None:
        """Prepare; integrators are compiled on first use and kept with the model."""
        self.model, self.settings = model, settings
        usual = _DAE_LADDER if model.n_z else _ODE_LADDER
        self.ladder = settings.ladder or usual
        self.retries: list[tuple[float, str]] = []
        self._x_scale = _scales(model, "states")
        self._z_scale = _scales(model, "algebraics")
        self._steps: dict[tuple[Engine, float], Direct] = {}

    def consistent(
        self, t: float, x: NDArray[np.float64], z: NDArray[np.float64], u: Any, p: Any
    ) -> NDArray[np.float64]:
        """Algebraic variables that satisfy the equations, from a guess.

        Raises:
            StepError: Newton's method finds none.
        """
        if not self.model.n_z:
            return z
        try:
            found = np.array(_root_finder(self.model)(z / self._z_scale, t, x, u, p), dtype=float)
        except RuntimeError as error:
            raise StepError(f"no consistent algebraic variables: {_short(error)}") from error
        return found.ravel() * self._z_scale

    def advance(
        self,
        t: float,
        h: float,
        x: NDArray[np.float64],
        z: NDArray[np.float64],
        u: tuple[NDArray[np.float64], NDArray[np.float64]],
        p: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """States and algebraic variables after an interval.

        Args:
            t: Its start.
            h: Its length.
            x: States at its start. Shape `(n_x,)`.
            z: Algebraic variables. Shape `(n_z,)`.
            u: Inputs at its start and their slopes. Shapes `(n_u,)`.
            p: Parameters. Shape `(n_p,)`.

        Raises:
            StepError: No engine got through.
        """
        packed = np.concatenate([p, u[0], u[1], (t, h)])
        said: list[str] = []
        for engine, factor in self.ladder:
            try:
                x1, z1 = self._try(engine, factor, x, z, packed)
            except (RuntimeError, ValueError, ArithmeticError, TypeError) as error:
                said.append(f"{engine} x{factor:g}: {_short(error)}")
                continue
            if np.isfinite(x1).all() and np.isfinite(z1).all():
                if said:
                    self.retries.append((t, f"{engine} x{factor:g} after {'; '.join(said)}"))
                return x1, z1
            said.append(f"{engine} x{factor:g}: not a number")
        raise StepError("; ".join(said))

    def _try(
        self, engine: Engine, factor: float, x: Any, z: Any, packed: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rtol, atol = self.settings.rtol * factor, self.settings.atol * factor
        if engine == "scipy":
            return self._scipy(rtol, atol, x, packed), z
        step = self._steps.get((engine, factor))
        if step is None:
            limits = (self.settings.max_steps, self.settings.first_step)
            whole = integrator(self.model, engine, rtol, atol, *limits)
            step = Direct(whole, ("x0", "z0", "p"), ("xf", "zf"))
            self._steps[engine, factor] = step
        x1, z1 = step(x / self._x_scale, z / self._z_scale, packed)
        return x1 * self._x_scale, z1 * self._z_scale

    def _scipy(
        self, rtol: float, atol: float, x: NDArray[np.float64], packed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        from scipy.integrate import solve_ivp

        if self.model.n_z:
            raise RuntimeError("SciPy has no solver for algebraic equations")
        scaled = scaled_rhs(self.model)

        def rhs(tau: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.array(scaled(tau, y, packed), dtype=float).ravel()

        with np.errstate(all="ignore"):
            found = solve_ivp(rhs, (0.0, 1.0), x / self._x_scale, "BDF", rtol=rtol, atol=atol)
        if not found.success:
            raise RuntimeError(found.message)
        end: NDArray[np.float64] = found.y[:, -1] * self._x_scale
        return end


def _of(model: Model) -> dict[Any, Any]:
    """Compiled engines of a model, which live as long as it does."""
    kept: dict[Any, Any] = model.__dict__.setdefault("_engines", {})
    return kept


def packed_dae(model: Model) -> dict[str, Any]:
    """The model over one interval, scaled: `x`, `z`, `p`, `t`, `ode`, `alg` for CasADi.

    `p` holds parameters, inputs at the start, slopes of inputs, start and length; `t` runs from
    0 to 1; states and algebraic variables are in units of their scales.
    """
    e = model.expressions
    xs, zs = ca.SX.sym("xs", model.n_x), ca.SX.sym("zs", model.n_z)
    u0, slope = ca.SX.sym("u0", model.n_u), ca.SX.sym("slope", model.n_u)
    t0, h, tau = ca.SX.sym("t0"), ca.SX.sym("h"), ca.SX.sym("tau")
    sx, sz = ca.DM(_scales(model, "states")), ca.DM(_scales(model, "algebraics"))
    old = [e.t, e.x, e.z, e.u]
    new = [t0 + tau * h, xs * sx, zs * sz, u0 + slope * (tau * h)]
    rhs, residuals = ca.substitute([e.rhs, e.residuals], old, new)
    return {"x": xs, "z": zs, "t": tau, "p": ca.vertcat(e.p, u0, slope, t0, h),
            "ode": rhs * h / sx, "alg": residuals}  # fmt: skip


def integrator(
    model: Model,
    engine: Engine,
    rtol: float,
    atol: float,
    max_steps: int,
    first_step: float = 0.0,
) -> Any:
    """Compiled CasADi integrator over one scaled interval, kept with the model."""
    kept = _of(model)
    key = (engine, rtol, atol, max_steps, first_step)
    if key not in kept:
        options: dict[str, Any] = {
            "reltol": rtol, "abstol": atol, "max_num_steps": max_steps,
            "disable_internal_warnings": True, "show_eval_warnings": False, "print_stats": False,
        }  # fmt: skip
        if first_step and engine == "cvodes":
            options["step0"] = first_step
        if model.n_x > 60:
            options["linear_solver"] = "csparse"
        dae = packed_dae(model)
        if not model.n_z:
            dae = {name: value for name, value in dae.items() if name not in ("z", "alg")}
        kept[key] = ca.integrator("step", engine, dae, 0.0, 1.0, options)
    return kept[key]


def scaled_rhs(model: Model) -> Any:
    """CasADi function `(tau, x scaled, packed) -> dx/dtau` of a model without algebra."""
    kept = _of(model)
    if "rhs" not in kept:
        dae = packed_dae(model)
        kept["rhs"] = ca.Function("scaled", [dae["t"], dae["x"], dae["p"]], [dae["ode"]])
    return kept["rhs"]


def _root_finder(model: Model) -> Any:
    kept = _of(model)
    if "root" not in kept:
        e = model.expressions
        zs = ca.SX.sym("zs", model.n_z)
        residuals = ca.substitute(e.residuals, e.z, zs * ca.DM(_scales(model, "algebraics")))
        problem = ca.Function("residuals", [zs, e.t, e.x, e.u, e.p], [residuals])
        options = {"error_on_fail": True, "show_eval_warnings": False, "abstol": 1e-10}
        kept["root"] = ca.rootfinder("consistent", "newton", problem, options)
    return kept["root"]


def _scales(model: Model, kind: str) -> NDArray[np.float64]:
    return np.concatenate(
        [np.full(one.size, one.scale) for one in getattr(model, kind)] or [np.empty(0)]
    )


@lru_cache(maxsize=1)
def engine_version() -> str:
    """Name and version of the engine, for provenance."""
    return f"casadi {ca.CasadiMeta.version()}"


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:160]
