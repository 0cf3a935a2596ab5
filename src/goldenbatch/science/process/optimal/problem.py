"""What is to be optimised: controls, goal and limits, each by a name that the model declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import TYPE_CHECKING, Literal

import numpy as np

from goldenbatch.science.errors import DataError, DesignError
from goldenbatch.science.process._casadi import ca
from goldenbatch.science.process.model import to_unit
from goldenbatch.science.process.recipe import Linear, Profile, Recipe, Steps, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Given, Model
    from goldenbatch.science.process.posterior import Posterior

Risk = Literal["mean", "worst"]


@dataclass(frozen=True)
class Control:
    """An input that is chosen, constant through each control interval.

    Attributes:
        name: Of the input.
        lower: Lowest value, in its unit or as text; None: the declared one.
        upper: Highest value, likewise.
        guess: Where the first start begins; None: midway.
        move_price: What a change between neighbours costs: times the square of the change as a
            part of the range. A little of it makes flat optima smooth.
    """

    name: str
    lower: Value | None = None
    upper: Value | None = None
    guess: Value | Sequence[float] | None = None
    move_price: float = 0.0


@dataclass(frozen=True)
class Limit:
    """A bound on a state, an output or an input.

    Attributes:
        name: Of what is bounded; an output where a state has the same name.
        lower: In its unit, or as text.
        upper: Likewise.
        when: All the time, or at the end.
    """

    name: str
    lower: Value = -inf
    upper: Value = inf
    when: Literal["path", "end"] = "path"


@dataclass(frozen=True)
class Term:
    """A part of the goal, which is made as large as possible.

    Attributes:
        name: State, output or input; `time` for the end time.
        price: Worth of one unit of it; negative for a cost.
        when: Its value at the end, or its integral over time.
    """

    name: str
    price: float = 1.0
    when: Literal["end", "integral"] = "end"


@dataclass(frozen=True)
class Scenario:
    """One way that things may be.

    Attributes:
        parameters: Those that differ from the declared ones.
        initial: Initial states that differ.
    """

    parameters: Mapping[str, Given] = field(default_factory=dict)
    initial: Mapping[str, Given] = field(default_factory=dict)

    @classmethod
    def of(cls, posterior: Posterior, n: int) -> tuple[Scenario, ...]:
        """Scenarios of draws, spread evenly over their rows.

        Args:
            posterior: Draws of parameters and initial states.
            n: How many.

        Raises:
            DataError: There are fewer draws.
        """
        n_draws = len(posterior.draws)
        if not 1 <= n <= n_draws:
            raise DataError(
                f"{n} scenarios of {n_draws} draws.", hint="Ask for no more than there are."
            )
        rows = np.linspace(0, n_draws - 1, n).round().astype(int)
        return tuple(cls(*posterior.member(int(row))) for row in rows)


@dataclass(frozen=True)
class Problem:
    """An optimal control problem on a declared model.

    Attributes:
        model: What is controlled.
        controls: Inputs that are chosen.
        goal: Terms whose sum is made as large as possible.
        duration: In the model's time unit; a pair of bounds where the end is free.
        n_controls: Control intervals of equal length.
        limits: Bounds beside those that the model declares for its states.
        inputs: Profiles of the other inputs.
        scenarios: Ways that things may be, under one and the same control.
        risk: Whether the mean over the scenarios is made large, or the worst of them.
        begins: Time at which the horizon begins; earlier parts of profiles are past.
    """

    model: Model
    controls: tuple[Control, ...]
    goal: tuple[Term, ...]
    duration: float | tuple[float, float]
    n_controls: int
    limits: tuple[Limit, ...] = ()
    inputs: Mapping[str, Profile | Value] = field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = (Scenario(),)
    risk: Risk = "mean"
    begins: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be solved."""
        if not self.controls or not self.goal or not self.scenarios or self.n_controls < 1:
            raise DesignError(
                "an optimisation needs a control, a goal, a scenario and a control interval.",
                hint="Name at least one of each.",
            )
        low, high = self.ends
        if not (0.0 < low <= high and isfinite(high)):
            raise DesignError(
                f"the horizon lasts {low:g} to {high:g}.", hint="Give positive times."
            )
        varying = [n for n, one in self.inputs.items() if isinstance(one, Steps | Linear)]
        if varying and low < high:
            raise DesignError(
                f"input {varying[0]!r} follows a schedule although the end is free.",
                hint="Hold it constant, or fix the end.",
            )
        e = self.model.expressions
        if self.begins and ca.depends_on(ca.vertcat(e.rhs, e.outputs, e.residuals), e.t):
            raise DesignError(
                f"{self.model.name} names time in its equations, and the horizon begins later.",
                hint="Give it a state that counts time.",
            )
        for one in self.controls:
            if one.name in self.inputs:
                raise DesignError(f"{one.name!r} is a control and has a profile.", hint="Drop one.")
        for name in [limit.name for limit in self.limits] + [term.name for term in self.goal]:
            self.place(name)

    @property
    def ends(self) -> tuple[float, float]:
        """Bounds of the duration."""
        if isinstance(self.duration, tuple):
            return self.duration
        return self.duration, self.duration

    @property
    def is_free(self) -> bool:
        """Whether the end time is chosen too."""
        return self.ends[0] < self.ends[1]

    def place(self, name: str) -> tuple[str, int, str]:
        """Where a name stands: kind, row and unit.

        Raises:
            DataError: The model declares nothing of the name.
        """
        model = self.model
        if name == "time":
            return "time", 0, model.time_unit
        for row, output in enumerate(model.outputs):
            if output.name == name:
                return "outputs", row, output.unit
        for kind in ("states", "inputs"):
            row = 0
            for one in getattr(model, kind):
                if name in one.elements:
                    return kind, row + one.elements.index(name), one.unit
                row += one.size
        raise DataError(
            f"{model.name} has no state, output or input {name!r}.",
            hint=f"Outputs: {', '.join(one.name for one in model.outputs) or 'none'}.",
        )

    def bounds(self, control: Control) -> tuple[float, float]:
        """Bounds of a control in its unit.

        Raises:
            DesignError: They are not finite or not in order.
        """
        declared = self.model.inputs[self._input(control.name)]
        low = self._number(control.lower, declared.lower, declared.unit, control.name)
        high = self._number(control.upper, declared.upper, declared.unit, control.name)
        if not (isfinite(low) and isfinite(high) and low < high):
            raise DesignError(
                f"control {control.name!r} lies between {low:g} and {high:g}.",
                hint="Give finite bounds, the lower below the upper.",
            )
        return low, high

    def guess(self, control: Control) -> NDArray[np.float64]:
        """First guess of a control. Shape `(n_controls,)`."""
        low, high = self.bounds(control)
        given = control.guess
        if given is None:
            return np.full(self.n_controls, 0.5 * (low + high))
        if isinstance(given, str | int | float):
            unit = self.model.inputs[self._input(control.name)].unit
            given = [to_unit(given, unit, control.name)] * self.n_controls
        if len(given) != self.n_controls:
            raise DesignError(
                f"the guess of {control.name!r} has {len(given)} values for {self.n_controls}.",
                hint="Give one number for each control interval.",
            )
        values: NDArray[np.float64] = np.clip(np.array(given, dtype=float), low, high)
        return values

    def limit_bounds(self, limit: Limit) -> tuple[float, float]:
        """Bounds of a limit as numbers in the declared unit."""
        unit = self.place(limit.name)[2]
        low = self._number(limit.lower, -inf, unit, limit.name)
        high = self._number(limit.upper, inf, unit, limit.name)
        if low > high:
            raise DesignError(f"limit of {limit.name!r}: {low:g} > {high:g}.", hint="Swap them.")
        return low, high

    def rows(self) -> tuple[int, ...]:
        """Rows of the controls in the model's inputs."""
        return tuple(self._input(one.name) for one in self.controls)

    def recipe(self, values: NDArray[np.float64], duration: float, n_rows: int) -> Recipe:
        """The recipe that a control makes, on a clock that starts with the horizon.

        Args:
            values: Shape `(n_controls_named, n_intervals)`.
            duration: End time.
            n_rows: Rows in each control interval.
        """
        times = tuple(duration * k / self.n_controls for k in range(self.n_controls))
        steps = {
            one.name: Steps(times, tuple(map(float, row)))
            for one, row in zip(self.controls, values, strict=True)
        }
        others = {name: later(one, self.begins) for name, one in self.inputs.items()}
        return Recipe(duration, duration / self.n_controls / n_rows, {**others, **steps})

    def _input(self, name: str) -> int:
        names = [one.name for one in self.model.inputs]
        if name not in names:
            raise DataError(
                f"{name!r} is no input of {self.model.name}.",
                hint=f"Inputs: {', '.join(names) or 'none'}.",
            )
        return names.index(name)

    @staticmethod
    def _number(given: Value | None, default: float, unit: str, where: str) -> float:
        if given is None:
            return default
        if isinstance(given, float | int) and not isfinite(given):
            return float(given)
        return to_unit(given, unit, f"bound of {where}")


def later(profile: Profile | Value, by: float) -> Profile | Value:
    """A profile on a clock that starts later.

    >>> later(Steps((0.0, 24.0, 48.0), (1.0, 2.0, 3.0)), 30.0)
    Steps(times=(0.0, 18.0), values=(2.0, 3.0))
    """
    if by == 0.0 or not isinstance(profile, Steps | Linear):
        return profile
    if isinstance(profile, Linear):
        values = [to_unit(one, "1", "value") for one in profile.values]
        now = float(np.interp(by, profile.times, values))
        kept = [(t - by, v) for t, v in zip(profile.times, values, strict=True) if t > by]
        points = [(0.0, now), *kept]
        return Linear(tuple(t for t, _ in points), tuple(v for _, v in points))
    past = max([k for k, t in enumerate(profile.times) if t <= by], default=0)
    times = (0.0, *(t - by for t in profile.times[past + 1 :]))
    return Steps(times, profile.values[past:])
