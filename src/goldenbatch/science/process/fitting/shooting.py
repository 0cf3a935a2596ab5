"""A batch by shooting: its outputs at the sample times, with exact sensitivities.

The sensitivities are those of the solver itself (CVODES or IDAS, forward, with their own error
control), carried from interval to interval and through jumps; no finite differences.

References:
    Hindmarsh et al. 2005, doi:10.1145/1089014.1089020 (CVODES and IDAS).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import Settings, StepError, Stepper, packed_dae
from goldenbatch.science.process.plan import plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Recipe

_SAME = 1e-9
_FACTORS = (1.0, 0.01, 10.0)


@dataclass(frozen=True)
class Seeds:
    """Derivatives by the unknowns at the start.

    Attributes:
        p: Of the parameters. Shape `(n_p, n_unknowns)`.
        x: Of the initial states. Shape `(n_x, n_unknowns)`.
    """

    p: NDArray[np.float64]
    x: NDArray[np.float64]


class Shooter:
    """Runs one batch, again and again, for other parameters."""

    def __init__(
        self, model: Model, recipe: Recipe, times: NDArray[np.float64], settings: Settings
    ) -> None:
        """Resolve the recipe.

        Args:
            model: What is run.
            recipe: What was done.
            times: When outputs are wanted, rising. Shape `(n_times,)`.
            settings: Of the solver.

        Raises:
            DataError: A sample was taken after the end, or the recipe does not fit the model.
        """
        self.model, self.times = model, times
        # The control interval only sets where rows are written: the fit needs no other borders.
        self._plan = plan(model, replace(recipe, interval=recipe.duration))
        end = self._plan.borders[-1]
        if times.size and times[-1] > end + _SAME * max(end, 1.0):
            raise DataError(
                f"a sample at {times[-1]:g} {model.time_unit} lies after the end of the recipe at "
                f"{end:g}.",
                hint="Make the recipe as long as the batch was.",
            )
        last = times[-1] if times.size else 0.0
        inside = [border for border in self._plan.borders if border < last]
        self.borders = _merged([*inside, *map(float, times)], _SAME * max(end, 1.0))
        self._stepper = Stepper(model, settings)
        self._settings = settings
        self.rows = np.searchsorted(self.borders, times - _SAME * max(end, 1.0))
        self.inputs = [model.input_vector(self._plan.inputs(t)) for t in self.borders]
        self.slopes = [self._slope(t, h) for t, h in zip(
            self.borders, np.diff(self.borders), strict=False
        )]  # fmt: skip
        self._jumps = self.jumps_at()

    def run(
        self, p: NDArray[np.float64], x: NDArray[np.float64], seeds: Seeds | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Outputs at the times, and their derivatives by the unknowns where seeds are given.

        Args:
            p: Parameters. Shape `(n_p,)`.
            x: Initial states. Shape `(n_x,)`.
            seeds: Derivatives of both.

        Returns:
            Shapes `(n_times, n_outputs)` and `(n_times, n_outputs, n_unknowns)`.

        Raises:
            StepError: The solver gave up.
        """
        state = _State(self.model, p, x, seeds)
        jumps = dict(self._jumps)
        rows: list[tuple[Any, ...]] = []
        n_legs = len(self.slopes)
        for k, (t, u) in enumerate(zip(self.borders, self.inputs, strict=True)):
            self._happen(state, jumps.get(k, []))
            self._close(state, t, u)
            rows.append((t, state.x, state.z, u, state.sx, state.sz))
            if k < n_legs:
                self._advance(state, t, self.borders[k + 1] - t, (u, self.slopes[k]))
        return self._outputs(state, [rows[k] for k in self.rows])

    def _slope(self, t: float, h: float) -> NDArray[np.float64]:
        found = self._plan.slopes(t, h)
        return np.array([found.get(name, 0.0) for name in self.model.columns("inputs")])

    def jumps_at(self) -> list[tuple[int, list[tuple[str, list[float]]]]]:
        """Border and what happens there: names of jumps with their arguments."""
        found: dict[int, list[tuple[str, list[float]]]] = {}
        for at, one in self._plan.happenings:
            place = int(np.abs(np.array(self.borders) - at).argmin())
            if abs(self.borders[place] - at) > _SAME * max(self.borders[-1], 1.0):
                continue
            jump = next(jump for jump in self.model.jumps if jump.name == one.jump)
            arguments = [float(one.arguments[name]) for name, _ in jump.arguments]
            found.setdefault(place, []).append((one.jump, arguments))
        return [*found.items()]

    def _happen(self, state: _State, happenings: list[tuple[str, list[float]]]) -> None:
        for name, arguments in happenings:
            after, by_x, by_p = _jump(self.model, name)(arguments, state.x, state.p)
            if state.seeds is not None:
                state.sx = np.array(by_x) @ state.sx + np.array(by_p) @ state.seeds.p
            state.x = np.array(after, dtype=float).ravel()

    def _close(self, state: _State, t: float, u: NDArray[np.float64]) -> None:
        """Algebraic variables that hold with the inputs of the coming interval."""
        if not self.model.n_z:
            return
        state.z = self._stepper.consistent(t, state.x, state.z, u, state.p)
        if state.seeds is not None:
            by_x, by_z, by_p = map(np.array, _closure(self.model)(t, state.x, state.z, u, state.p))
            right = by_x @ state.sx + by_p @ state.seeds.p
            state.sz = -np.linalg.solve(by_z, right)

    def _advance(
        self, state: _State, t: float, h: float, u: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> None:
        if state.seeds is None:
            state.x, state.z = self._stepper.advance(t, h, state.x, state.z, u, state.p)
            return
        packed = np.concatenate([state.p, u[0], u[1], (t, h)])
        said: list[str] = []
        for factor in _FACTORS:
            try:
                if state.step_forward(self._settings, factor, packed):
                    return
                said.append(f"x{factor:g}: not a number")
            except RuntimeError as error:
                said.append(f"x{factor:g}: {str(error).strip().splitlines()[-1][:120]}")
        raise StepError(f"sensitivities at {t:g}: {'; '.join(said)}")

    def _outputs(
        self, state: _State, rows: list[tuple[Any, ...]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        model = self.model
        n_y, n_t = len(model.outputs), len(rows)
        if not n_t:
            empty = None if state.seeds is None else np.empty((0, n_y, state.seeds.p.shape[1]))
            return np.empty((0, n_y)), empty
        t, x, z, u = (np.array([row[k] for row in rows]).reshape(n_t, -1).T for k in range(4))
        p = np.repeat(state.p[:, None], n_t, axis=1)
        if state.seeds is None:
            y = np.array(model.output_function(t, x, z, u, p), dtype=float)
            return y.T, None
        y, by_x, by_z, by_p = (
            np.array(one, dtype=float) for one in _gradient(model)(t, x, z, u, p)
        )
        dy = np.empty((n_t, n_y, state.seeds.p.shape[1]))
        for k, row in enumerate(rows):
            dy[k] = _block(by_x, k, model.n_x) @ row[4] + _block(by_p, k, model.n_p) @ state.seeds.p
            if model.n_z:
                dy[k] += _block(by_z, k, model.n_z) @ row[5]
        return y.T, dy


class _State:
    """Where a run stands: states, algebraic variables and their derivatives."""

    def __init__(self, model: Model, p: Any, x: Any, seeds: Seeds | None) -> None:
        self.model, self.p, self.x, self.z = model, p, x, model.guess_vector()
        self.seeds = seeds
        n = 0 if seeds is None else seeds.p.shape[1]
        self.sx = np.zeros((model.n_x, n)) if seeds is None else seeds.x.copy()
        self.sz = np.zeros((model.n_z, n))
        self._scale = np.concatenate([np.full(one.size, one.scale) for one in model.states])
        self._z_scale = np.concatenate(
            [np.full(one.size, one.scale) for one in model.algebraics] or [np.empty(0)]
        )

    def step_forward(self, settings: Settings, factor: float, packed: NDArray[np.float64]) -> bool:
        """Advance states and derivatives; False where they are not all finite."""
        seeds = self.seeds
        if seeds is None:
            return False
        n = seeds.p.shape[1]
        step = forward(self.model, settings, factor, n)
        x0 = np.column_stack([self.x, self.sx]) / self._scale[:, None]
        z0 = np.column_stack([self.z, self.sz]) / self._z_scale[:, None]
        rest = np.zeros((packed.size, n))
        rest[: self.model.n_p] = seeds.p
        end = step(x0=x0, z0=z0, p=np.column_stack([packed, rest]))
        xf = np.array(end["xf"], dtype=float) * self._scale[:, None]
        zf = np.array(end["zf"], dtype=float) * self._z_scale[:, None]
        if not (np.isfinite(xf).all() and np.isfinite(zf).all()):
            return False
        self.x, self.sx = xf[:, 0], xf[:, 1:]
        if self.model.n_z:
            self.z, self.sz = zf[:, 0], zf[:, 1:]
        return True


def forward(model: Model, settings: Settings, factor: float, n: int) -> Any:
    """Compiled integrator with `n` forward sensitivities, kept with the model."""
    kept: dict[Any, Any] = model.__dict__.setdefault("_engines", {})
    key = ("forward", settings.rtol, settings.atol, settings.max_steps, factor, n)
    if key not in kept:
        dae = packed_dae(model)
        if not model.n_z:
            dae = {name: value for name, value in dae.items() if name not in ("z", "alg")}
        options: dict[str, Any] = {
            "reltol": settings.rtol * factor, "abstol": settings.atol * factor,
            "max_num_steps": settings.max_steps, "nfwd": n,
            # Newton's matrix without second derivatives: a third less work for the same accuracy,
            # which the error control of the sensitivities keeps.
            "second_order_correction": False,
            "disable_internal_warnings": True, "show_eval_warnings": False, "print_stats": False,
        }  # fmt: skip
        if model.n_x > 60:
            options["linear_solver"] = "csparse"
        engine = "idas" if model.n_z else "cvodes"
        kept[key] = ca.integrator("forward", engine, dae, 0.0, 1.0, options)
    return kept[key]


def start_gradient(model: Model) -> Any:
    """CasADi function `p -> d(initial states)/dp`, kept with the model."""
    e = model.expressions
    return _kept(model, "d starts", [e.p], lambda: [ca.jacobian(e.starts, e.p)])


def _gradient(model: Model) -> Any:
    e = model.expressions
    return _kept(
        model,
        "d outputs",
        [e.t, e.x, e.z, e.u, e.p],
        lambda: [e.outputs, *(ca.jacobian(e.outputs, by) for by in (e.x, e.z, e.p))],
    )


def _closure(model: Model) -> Any:
    e = model.expressions
    return _kept(
        model,
        "d residuals",
        [e.t, e.x, e.z, e.u, e.p],
        lambda: [ca.jacobian(e.residuals, by) for by in (e.x, e.z, e.p)],
    )


def _jump(model: Model, name: str) -> Any:
    e = model.expressions
    index = next(k for k, jump in enumerate(model.jumps) if jump.name == name)
    symbols, after = e.jumps[index]
    return _kept(
        model,
        f"d jump {name}",
        [symbols, e.x, e.p],
        lambda: [after, ca.jacobian(after, e.x), ca.jacobian(after, e.p)],
    )


def _kept(model: Model, name: str, arguments: list[Any], results: Any) -> Any:
    kept: dict[Any, Any] = model.__dict__.setdefault("_engines", {})
    if name not in kept:
        dense = [ca.densify(one) for one in results()]
        kept[name] = ca.Function(name.replace(" ", "_").replace("-", "_"), arguments, dense)
    return kept[name]


def _block(stacked: NDArray[np.float64], k: int, size: int) -> NDArray[np.float64]:
    return stacked[:, k * size : (k + 1) * size]


def _merged(times: list[float], same: float) -> NDArray[np.float64]:
    kept: list[float] = [0.0]
    for one in sorted(times):
        if one - kept[-1] > same:
            kept.append(one)
    return np.array(kept)
