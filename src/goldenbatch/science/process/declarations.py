"""What a model declares: states, inputs, parameters, outputs, laws and named events."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log, sqrt
from typing import Literal

from goldenbatch.science.errors import DesignError

PriorKind = Literal["normal", "lognormal", "uniform"]


@dataclass(frozen=True)
class Prior:
    """What is believed of a parameter before data: about its declared value.

    Attributes:
        kind: `normal` and `lognormal` are centred on the declared value (the median of a
            lognormal); `uniform` covers the declared bounds.
        sd: Standard deviation: in the parameter's unit for `normal`, of the natural logarithm
            for `lognormal` (about the relative one while small).
        source: Where it was taken from.
    """

    kind: PriorKind
    sd: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a belief without width: that is a constant."""
        if self.kind != "uniform" and not 0.0 < self.sd < inf:
            raise DesignError(
                f"a {self.kind} prior has standard deviation {self.sd}.",
                hint="Give a positive one; what is known exactly has no prior.",
            )

    @classmethod
    def normal(cls, sd: float, source: str = "") -> Prior:
        """Normal about the declared value."""
        return cls("normal", sd, source)

    @classmethod
    def lognormal(cls, relative_sd: float, source: str = "") -> Prior:
        """Lognormal with the declared value as median and a relative standard deviation.

        >>> round(Prior.lognormal(0.1).sd, 4)
        0.0998
        """
        return cls("lognormal", sqrt(log(1.0 + relative_sd**2)), source)

    @classmethod
    def uniform(cls, source: str = "") -> Prior:
        """Uniform between the declared bounds."""
        return cls("uniform", 0.0, source)


@dataclass(frozen=True)
class Noise:
    """Error of a measurement: normal, `sqrt(sd**2 + (relative * value)**2)`.

    Attributes:
        sd: Absolute part, in the unit of the output.
        relative: Part in proportion to the value.
    """

    sd: float = 0.0
    relative: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a measurement without error: no weight could be given to it."""
        size = self.sd + self.relative
        if not (self.sd >= 0.0 and self.relative >= 0.0 and 0.0 < size < inf):
            raise DesignError(
                f"noise with sd {self.sd} and relative part {self.relative} is impossible.",
                hint="State at least one of them above zero; neither may be negative.",
            )

    def at(self, value: float) -> float:
        """Standard deviation at a value."""
        return sqrt(self.sd**2 + (self.relative * value) ** 2)


@dataclass(frozen=True)
class Quantity:
    """A named quantity of a model.

    Attributes:
        name: Unique in the model.
        unit: UCUM code.
        value: Initial value of a state, default of an input, value of a parameter, guess of
            an algebraic variable; one number, or one per element of a vector.
        lower: Physical lower bound; beyond it a start is refused and a run notes it.
        upper: Physical upper bound.
        scale: Typical size, for tolerances and for solvers.
        size: Number of elements; 1 for a scalar.
        valid: Range in which the model was calibrated; outside it every result is marked
            as extrapolated. None where nobody has stated one.
        help: What it is, for people.
    """

    name: str
    unit: str
    value: tuple[float, ...]
    lower: float = -inf
    upper: float = inf
    scale: float = 1.0
    size: int = 1
    valid: tuple[float, float] | None = None
    help: str = ""

    def __post_init__(self) -> None:
        """Refuse bounds, scales and values that contradict one another."""
        where = f"{type(self).__name__.lower()} {self.name!r}"
        if not self.lower < self.upper:
            raise DesignError(
                f"{where} has bounds {self.lower} to {self.upper}.", hint="Give lower < upper."
            )
        if not (self.scale > 0.0 and isfinite(self.scale)):
            raise DesignError(f"{where} has scale {self.scale}.", hint="Give a positive scale.")
        if len(self.value) != self.size:
            raise DesignError(
                f"{where} has {len(self.value)} values for {self.size} elements.",
                hint="Give one number, or one for each element.",
            )
        outside = [
            one for one in self.value if not (self.lower <= one <= self.upper and isfinite(one))
        ]
        if outside:
            raise DesignError(
                f"{where} is {outside[0]:g} {self.unit}, outside {self.lower:g} to {self.upper:g}.",
                hint="Correct the value or the bounds.",
            )
        if self.valid is not None and not self.valid[0] < self.valid[1]:
            raise DesignError(
                f"{where} was calibrated from {self.valid[0]} to {self.valid[1]}.",
                hint="Give the lower end first.",
            )

    @property
    def elements(self) -> tuple[str, ...]:
        """Column names: the name, or `name[0]`, `name[1]`, ... of a vector."""
        if self.size == 1:
            return (self.name,)
        return tuple(f"{self.name}[{index}]" for index in range(self.size))


class State(Quantity):
    """What changes by a differential equation."""


class Algebraic(Quantity):
    """What follows from an algebraic equation at every instant."""


class Input(Quantity):
    """What the recipe, a controller or the surroundings set."""


@dataclass(frozen=True)
class Parameter(Quantity):
    """What is constant during a run and may be fitted.

    Attributes:
        prior: What is believed of it before data; None: it is not to be varied or fitted
            unless asked for by name.
        source: Where its value comes from.
    """

    prior: Prior | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a prior that no value can be drawn from."""
        super().__post_init__()
        kind = self.prior.kind if self.prior is not None else ""
        if kind == "uniform" and not (isfinite(self.lower) and isfinite(self.upper)):
            raise DesignError(
                f"parameter {self.name!r} has a uniform prior without bounds.", hint="Give bounds."
            )
        if kind == "lognormal" and min(self.value) <= 0.0:
            raise DesignError(
                f"parameter {self.name!r} is {min(self.value):g}, but its prior is lognormal.",
                hint="Take a normal prior, or a positive value.",
            )


@dataclass(frozen=True)
class Output:
    """What is computed from states and inputs, and perhaps measured.

    Attributes:
        name: Unique in the model.
        unit: UCUM code.
        noise: Error of its measurement; None: it is computed and never measured.
        cadence: Time between two measurements, in the model's time unit; 0: at every step.
        delay: Time from taking the sample to its result, in the model's time unit.
        help: What it is, for people.
    """

    name: str
    unit: str
    noise: Noise | None = None
    cadence: float = 0.0
    delay: float = 0.0
    help: str = ""

    def __post_init__(self) -> None:
        """Refuse a laboratory that answers before it is asked."""
        if not (0.0 <= self.cadence < inf and 0.0 <= self.delay < inf):
            raise DesignError(
                f"output {self.name!r} has cadence {self.cadence} and delay {self.delay}.",
                hint="Give finite times from 0 on.",
            )


@dataclass(frozen=True)
class Law:
    """A conservation law: the amount changes by the inflow only.

    Attributes:
        name: What is conserved.
        unit: UCUM code of the amount.
    """

    name: str
    unit: str


@dataclass(frozen=True)
class Watch:
    """A named event of a run: its expression rises through zero.

    Attributes:
        name: What happened, such as `overflow`.
        stops: Whether the run ends there.
        help: What it means, for people.
    """

    name: str
    stops: bool
    help: str = ""


@dataclass(frozen=True)
class Jump:
    """A named sudden change of states, such as a bolus or a harvest, with its arguments.

    Attributes:
        name: Unique in the model.
        arguments: Names and units of what the recipe gives.
        help: What it is, for people.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    help: str = ""
