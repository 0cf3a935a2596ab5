"""One interval of the model and how its end depends on its beginning: exact sensitivities.

The sensitivities are CVODES's (IDAS's) own forward sensitivities, integrated beside the states
(Hindmarsh et al. 2005, doi:10.1145/1089014.1089020), through CasADi's derivative of the
integrator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.integrate import Settings, StepError, Stepper, integrator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model


class Transition:
    """Advances a model, with or without derivatives. Kept with the model; holds no state."""

    def __init__(self, model: Model, settings: Settings) -> None:
        """Prepare.

        Args:
            model: Which.
            settings: Of the solver.
        """
        self.model, self.settings = model, settings
        self.stepper = Stepper(model, settings)
        self._scale = np.concatenate([np.full(one.size, one.scale) for one in model.states])
        self._z_scale = np.concatenate(
            [np.full(one.size, one.scale) for one in model.algebraics] or [np.empty(0)]
        )

    def consistent(self, t: float, x: Any, z: Any, up: tuple[Any, Any]) -> NDArray[np.float64]:
        """Algebraic variables of states (in their units); the guess where none are found."""
        if not self.model.n_z:
            return np.asarray(z)
        try:
            return self.stepper.consistent(t, x, z, *up)
        except StepError:
            return np.asarray(z)

    def advance(
        self, t: float, h: float, x: Any, z: Any, u: Any, p: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """States (scaled) and algebraic variables at the end of an interval.

        Args:
            t: Its start.
            h: Its length.
            x: States at its start, scaled. Shape `(n_x,)`.
            z: Algebraic variables.
            u: Inputs, constant in the interval.
            p: Parameters.

        Raises:
            StepError: No engine got through.
        """
        try:
            x1, z1 = self.stepper.advance(t, h, x * self._scale, z, (u, np.zeros_like(u)), p)
        finally:
            self.stepper.retries.clear()
        return x1 / self._scale, z1

    def sensitive(
        self, t: float, h: float, x: Any, z: Any, up: tuple[Any, Any], along: tuple[Any, Any, Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """End of an interval and its derivative along directions.

        Args:
            t: Its start.
            h: Its length.
            x: States, scaled.
            z: Algebraic variables.
            up: Inputs and parameters.
            along: Directions of scaled states, of inputs and of parameters. Shapes
                `(n_x, n)`, `(n_u, n)`, `(n_p, n)`.

        Returns:
            States scaled, algebraic variables, derivatives of the scaled states `(n_x, n)`.

        Raises:
            StepError: No engine got through.
        """
        u, p = up
        packed = np.concatenate([p, u, np.zeros_like(u), (t, h)])
        d_packed = np.zeros((packed.size, along[0].shape[1]))
        d_packed[: p.size] = along[2]
        d_packed[p.size : p.size + u.size] = along[1]
        said: list[str] = []
        for engine, factor in self.stepper.ladder:
            if engine == "scipy":
                continue
            try:
                found = self._try(
                    engine, factor, (x, z / self._z_scale), (packed, along[0], d_packed)
                )
            except RuntimeError as error:
                said.append(f"{engine} x{factor:g}: {str(error).splitlines()[-1][:120]}")
                continue
            if all(np.isfinite(one).all() for one in found):
                return found[0], found[1] * self._z_scale, found[2]
            said.append(f"{engine} x{factor:g}: not a number")
        raise StepError("; ".join(said))

    def _try(
        self, engine: Any, factor: float, start: tuple[Any, Any], rest: tuple[Any, Any, Any]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        packed, d_x, d_packed = rest
        chosen = (self.settings.rtol * factor, self.settings.atol * factor)
        step = integrator(self.model, engine, *chosen, self.settings.max_steps)
        kept: dict[Any, Any] = self.model.__dict__.setdefault("_engines", {})
        key = ("forward", engine, *chosen, d_x.shape[1])
        if key not in kept:
            kept[key] = step.forward(d_x.shape[1])
        end = step(x0=start[0], z0=start[1], p=packed)
        slopes = kept[key](
            x0=start[0], z0=start[1], p=packed, out_xf=end["xf"], out_zf=end["zf"],
            fwd_x0=ca.DM(d_x), fwd_p=ca.DM(d_packed),
        )  # fmt: skip
        return (np.array(end["xf"], dtype=float).ravel(), np.array(end["zf"], dtype=float).ravel(),
                np.array(slopes["fwd_xf"], dtype=float).reshape(d_x.shape))  # fmt: skip


def transition(model: Model, settings: Settings) -> Transition:
    """The model's transition, compiled once."""
    kept: dict[Any, Any] = model.__dict__.setdefault("_engines", {})
    key = ("transition", settings)
    if key not in kept:
        kept[key] = Transition(model, settings)
    found: Transition = kept[key]
    return found


def output_slopes(model: Model) -> Any:
    """CasADi function `(t, x, z, u, p) -> outputs, d/dx, d/du, d/dp`, through the algebra."""
    kept: dict[Any, Any] = model.__dict__.setdefault("_engines", {})
    if "output slopes" not in kept:
        e = model.expressions
        args = [e.t, e.x, e.z, e.u, e.p]
        slopes = [ca.jacobian(e.outputs, by) for by in (e.x, e.u, e.p)]
        if model.n_z:
            by_z = ca.jacobian(e.outputs, e.z)
            own = ca.jacobian(e.residuals, e.z)
            slopes = [
                slope - by_z @ ca.solve(own, ca.densify(ca.jacobian(e.residuals, by)))
                for slope, by in zip(slopes, (e.x, e.u, e.p), strict=True)
            ]
        kept["output slopes"] = ca.Function(
            "output_slopes", args, [e.outputs, *(ca.densify(one) for one in slopes)]
        )
    return kept["output slopes"]
