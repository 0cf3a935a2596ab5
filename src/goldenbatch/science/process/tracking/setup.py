"""What is tracked: a model, how far it is trusted, which parameters move, how sensors are gated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, inf, isfinite, log, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.declarations import Noise, Output, Parameter
from goldenbatch.science.process.integrate import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Given, Model

Kind = Literal["ekf", "ukf"]
Transform = Literal["auto", "none", "log", "logit"]


@dataclass(frozen=True)
class Varied:
    """A parameter that is estimated along, inside its declared bounds.

    Attributes:
        name: Of the parameter (an element such as `k[0]` of a vector).
        sd: What is believed of it at the start, in its unit; None: its declared prior.
        walk: How much it may wander, in its unit per square root of time; 0: it is constant.
        transform: `log` keeps it above its lower bound, `logit` between both, `none` clips it
            there; `auto` takes the strongest that its bounds allow.
    """

    name: str
    sd: float | None = None
    walk: float = 0.0
    transform: Transform = "auto"


@dataclass(frozen=True)
class Gate:
    """When a reading is not believed.

    Attributes:
        limit: A normalised innovation beyond it, in standard deviations, is rejected. 4 of a
            normal distribution is passed once in 16,000 readings.
        n_doubt: Rejections in a row after which a sensor is doubted.
        n_trust: Readings inside in a row after which it is trusted again.
        common: When more than this share of the sensors heard lately is rejected at once, it is
            not the sensors: all are taken in, for the process has moved.
    """

    limit: float = 4.0
    n_doubt: int = 4
    n_trust: int = 3
    common: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a gate that lets nothing or everything through."""
        if not (self.limit > 0 and self.n_doubt >= 1 and self.n_trust >= 1 and self.common > 0):
            raise DesignError(f"{self} is no gate.", hint="Give positive numbers.")


@dataclass(frozen=True)
class Moving:
    """One estimated parameter, resolved: `value = from_free(free)`, free of bounds."""

    name: str
    index: int
    transform: Literal["none", "log", "logit"]
    lower: float
    upper: float
    scale: float
    start: float
    sd: float
    walk: float

    def value(self, free: float) -> float:
        """Parameter in its unit."""
        if self.transform == "log":
            return self.lower + exp(min(free, 700.0))
        if self.transform == "logit":
            return self.lower + (self.upper - self.lower) / (1.0 + exp(-max(min(free, 700), -700)))
        return min(max(free * self.scale, self.lower), self.upper)

    def slope(self, free: float) -> float:
        """Derivative of the value with respect to the free number."""
        value = self.value(free)
        if self.transform == "log":
            return value - self.lower
        if self.transform == "logit":
            return (value - self.lower) * (self.upper - value) / (self.upper - self.lower)
        return self.scale


@dataclass(frozen=True)
class Setup:
    """A model to be tracked, and how far it is trusted.

    Attributes:
        model: The declared model.
        noise: Process noise by state element: standard deviation per square root of the model's
            time unit, absolute and in proportion to the state. States not named follow the
            model exactly.
        varied: Parameters estimated along.
        initial: Initial states that differ from the declared ones.
        initial_sd: Their uncertainty, in the state's unit; states not named: a twentieth of
            their scale.
        parameters: Parameters that differ from the declared ones.
        outputs: Outputs that are measured; none: all that are declared with noise.
        gate: When a reading is not believed.
        kind: `ekf` (exact sensitivities) or `ukf` (third-degree cubature points).
        settings: Of the solver.
    """

    model: Model
    noise: Mapping[str, Noise] = field(default_factory=dict)
    varied: tuple[Varied, ...] = ()
    initial: Mapping[str, Given] = field(default_factory=dict)
    initial_sd: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Given] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    gate: Gate = field(default_factory=Gate)
    kind: Kind = "ekf"
    settings: Settings = field(default_factory=lambda: Settings(rtol=1e-5, atol=1e-7))

    def __post_init__(self) -> None:
        """Refuse names that the model does not have."""
        states = set(self.model.columns("states"))
        for what, names in (("process noise", self.noise), ("initial_sd", self.initial_sd)):
            for name in names:
                if name not in states:
                    raise DesignError(
                        f"{what} is given for {name!r}, no state of {self.model.name}.",
                        hint=f"Its states: {', '.join(sorted(states))}.",
                    )
        measurable = [one.name for one in self.model.outputs if one.noise is not None]
        for name in self.outputs:
            if name not in measurable:
                raise DesignError(
                    f"{name!r} is no output of {self.model.name} with measurement noise.",
                    hint=f"Those: {', '.join(measurable) or 'none'}.",
                )
        _ = self.moving

    @cached_property
    def measured(self) -> tuple[tuple[int, Output], ...]:
        """Measured outputs with their place among the model's, in declared order."""
        return tuple(
            (place, one)
            for place, one in enumerate(self.model.outputs)
            if one.noise is not None and (not self.outputs or one.name in self.outputs)
        )

    @cached_property
    def p0(self) -> NDArray[np.float64]:
        """Parameters before anything is learnt. Shape `(n_p,)`."""
        return self.model.parameter_vector(self.parameters)

    @cached_property
    def scale(self) -> NDArray[np.float64]:
        """Scales of the states. Shape `(n_x,)`."""
        return np.concatenate([np.full(one.size, one.scale) for one in self.model.states])

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Physical bounds of the states, scaled. Shapes `(n_x,)`."""
        lower = np.concatenate([np.full(one.size, one.lower) for one in self.model.states])
        upper = np.concatenate([np.full(one.size, one.upper) for one in self.model.states])
        return lower / self.scale, upper / self.scale

    @cached_property
    def moving(self) -> tuple[Moving, ...]:
        """Estimated parameters, resolved against the model.

        Raises:
            DesignError: A parameter is unknown, without prior, or not inside its bounds.
        """
        return tuple(_moving(self.model, self.p0, one) for one in self.varied)

    @cached_property
    def walk_of_states(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Absolute (scaled) and relative process noise. Shapes `(n_x,)`."""
        given = [self.noise.get(name) for name in self.model.columns("states")]
        absolute = np.array([0.0 if one is None else one.sd for one in given])
        return absolute / self.scale, np.array([0.0 if o is None else o.relative for o in given])


def _moving(model: Model, p0: NDArray[np.float64], varied: Varied) -> Moving:
    columns = model.columns("parameters")
    if varied.name not in columns:
        raise DesignError(
            f"{varied.name!r} is no parameter of {model.name}.",
            hint=f"It has: {', '.join(columns) or 'none'}.",
        )
    index = columns.index(varied.name)
    one = next(p for p in model.parameters if varied.name in p.elements)
    value, transform = float(p0[index]), _transform(one, varied)
    if transform != "none" and not one.lower < value < one.upper:
        raise DesignError(
            f"parameter {varied.name!r} is {value:g}, not inside its bounds.",
            hint="Start it between them, or give transform = 'none'.",
        )
    begun = _free(transform, value, one)
    shape = Moving(
        varied.name, index, transform, one.lower, one.upper, one.scale, begun, 0.0, 0.0
    )  # fmt: skip
    slope = shape.slope(begun)
    sd = (_prior_sd(one, value) if varied.sd is None else varied.sd) / slope
    return Moving(
        varied.name, index, transform, one.lower, one.upper, one.scale, begun, sd,
        varied.walk / slope,
    )  # fmt: skip


def _free(transform: str, value: float, one: Parameter) -> float:
    if transform == "log":
        return log(value - one.lower)
    if transform == "logit":
        return log((value - one.lower) / (one.upper - value))
    return value / one.scale


def _transform(one: Parameter, varied: Varied) -> Literal["none", "log", "logit"]:
    if varied.transform == "auto":
        if isfinite(one.lower) and isfinite(one.upper):
            return "logit"
        return "log" if isfinite(one.lower) else "none"
    needs_upper = varied.transform == "logit" and one.upper == inf
    if varied.transform != "none" and (one.lower == -inf or needs_upper):
        raise DesignError(
            f"parameter {one.name!r} has no bounds for a {varied.transform} transform.",
            hint="Declare them, or give transform = 'none'.",
        )
    return varied.transform


def _prior_sd(one: Parameter, value: float) -> float:
    if one.prior is None:
        raise DesignError(
            f"parameter {one.name!r} has no prior, and no sd is given.", hint="Give one of them."
        )
    if one.prior.kind == "uniform":
        return (one.upper - one.lower) / sqrt(12.0)
    return one.prior.sd if one.prior.kind == "normal" else one.prior.sd * abs(value)
