"""Factors: what a study changes of a recipe, of the starts or of the parameters, and how far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.recipe import (
    Constant,
    Happening,
    Hold,
    Linear,
    Profile,
    Recipe,
    Shift,
    Steps,
    Value,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from goldenbatch.science.process.model import Model

Kind = Literal[
    "input", "scale", "duration", "time", "argument", "hold", "shift", "set_point", "start",
    "parameter",
]  # fmt: skip


@dataclass(frozen=True)
class Factor:
    """One named change, between two ends.

    Attributes:
        name: For tables; unique in a study.
        kind: What it changes.
        low: Lower end, in the unit of what it changes.
        high: Upper end.
        target: Input, controller, state or parameter that it changes.
        index: Place of the event in the recipe, for the kinds that change one.
        argument: Name of the event's argument.
    """

    name: str
    kind: Kind
    low: float
    high: float
    target: str = ""
    index: int = 0
    argument: str = ""

    def __post_init__(self) -> None:
        """Refuse a factor without room."""
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise DesignError(
                f"factor {self.name!r} runs from {self.low} to {self.high}.",
                hint="Give two finite ends that rise.",
            )

    @classmethod
    def input(cls, name: str, low: float, high: float) -> Factor:
        """A constant value of an input, in its declared unit; replaces its profile."""
        return cls(name, "input", low, high, target=name)

    @classmethod
    def scale(cls, name: str, low: float, high: float) -> Factor:
        """A factor on the whole profile of an input, such as 0.8 to 1.2."""
        return cls(f"{name} scale", "scale", low, high, target=name)

    @classmethod
    def duration(cls, low: float, high: float) -> Factor:
        """The duration of the recipe, in the model's time unit."""
        return cls("duration", "duration", low, high)

    @classmethod
    def event_time(cls, index: int, low: float, high: float, name: str = "") -> Factor:
        """The time of an event, by its place in the recipe."""
        return cls(name or f"time of event {index}", "time", low, high, index=index)

    @classmethod
    def event_argument(
        cls, index: int, argument: str, low: float, high: float, name: str = ""
    ) -> Factor:
        """An argument of a happening, in its declared unit."""
        label = name or f"{argument} of event {index}"
        return cls(label, "argument", low, high, index=index, argument=argument)

    @classmethod
    def hold(cls, index: int, low: float, high: float, name: str = "") -> Factor:
        """The duration of a hold."""
        return cls(name or f"hold {index}", "hold", low, high, index=index)

    @classmethod
    def shift(cls, index: int, low: float, high: float, name: str = "") -> Factor:
        """The value of a shift."""
        return cls(name or f"shift {index}", "shift", low, high, index=index)

    @classmethod
    def set_point(cls, controller: str, low: float, high: float) -> Factor:
        """The set point of a controller, from the start on."""
        return cls(f"{controller} set point", "set_point", low, high, target=controller)

    @classmethod
    def start(cls, state: str, low: float, high: float) -> Factor:
        """An initial state (one element: a vector's as `name[k]`)."""
        return cls(f"x0.{state}", "start", low, high, target=state)

    @classmethod
    def parameter(cls, name: str, low: float, high: float) -> Factor:
        """A parameter (one element)."""
        return cls(name, "parameter", low, high, target=name)

    @property
    def changes_recipe(self) -> bool:
        """Whether it changes the recipe and not the member."""
        return self.kind not in ("start", "parameter")

    def of(self, recipe: Recipe, value: float) -> Recipe:
        """The recipe with this factor at a value.

        Raises:
            DesignError: The recipe has no such event, profile or controller.

        >>> Factor.input("T", 250.0, 350.0).of(Recipe(1.0, 1.0), 285.0).inputs["T"]
        Constant(value=285.0)
        """
        change = _CHANGES.get(self.kind)
        return recipe if change is None else change(self, recipe, float(value))

    def unit(self, model: Model, recipe: Recipe) -> str:
        """UCUM code of its values."""
        if self.kind == "scale":
            return "1"
        if self.kind in ("input", "start", "parameter"):
            lists: dict[str, Any] = {"input": model.inputs, "start": model.states,
                                     "parameter": model.parameters}  # fmt: skip
            units = {e: one.unit for one in lists[self.kind] for e in one.elements}
            return str(units.get(self.target, "1"))
        if self.kind == "argument":
            event = _event(self, recipe, Happening)
            jump = next(one for one in model.jumps if one.name == event.jump)
            return dict(jump.arguments)[self.argument]
        if self.kind in ("shift", "set_point"):
            return _unit_of_shift(self, model, recipe)
        return model.time_unit


def changed(recipe: Recipe, factors: Sequence[Factor], values: Sequence[float]) -> Recipe:
    """The recipe with all factors at their values."""
    for factor, value in zip(factors, values, strict=True):
        recipe = factor.of(recipe, value)
    return recipe


def check(factors: Sequence[Factor], model: Model, recipe: Recipe) -> None:
    """Refuse factors that the model or the recipe does not know, before anything is run.

    Raises:
        DesignError: Two have one name, or one has no target.
    """
    names = [one.name for one in factors]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DesignError(f"two factors are called {sorted(twice)[0]!r}.", hint="Rename one.")
    inputs = model.columns("inputs")
    known = {"input": inputs, "scale": inputs, "start": model.columns("states"),
             "parameter": model.columns("parameters")}  # fmt: skip
    for one in factors:
        if one.kind in known and one.target not in known[one.kind]:
            raise DesignError(
                f"factor {one.name!r} changes {one.target!r}, which {model.name} has not.",
                hint=f"It has: {', '.join(known[one.kind]) or 'none'}.",
            )
        one.of(recipe, one.low)


def _event(factor: Factor, recipe: Recipe, kind: type[Any]) -> Any:
    if factor.index < len(recipe.events) and isinstance(recipe.events[factor.index], kind):
        return recipe.events[factor.index]
    raise DesignError(
        f"factor {factor.name!r}: event {factor.index} of the recipe is no {kind.__name__}.",
        hint=f"The recipe has {len(recipe.events)} events, counted from 0.",
    )


def _with_event(recipe: Recipe, index: int, event: Any) -> Recipe:
    return replace(recipe, events=(*recipe.events[:index], event, *recipe.events[index + 1 :]))


def _input(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    return replace(recipe, inputs={**recipe.inputs, factor.target: Constant(value)})


def _scale(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    given = recipe.inputs.get(factor.target)
    if given is None:
        raise DesignError(
            f"factor {factor.name!r} scales a profile that the recipe does not give.",
            hint="Give the input in the recipe.",
        )
    return replace(recipe, inputs={**recipe.inputs, factor.target: _scaled(factor, given, value)})


def _scaled(factor: Factor, given: Profile | Value, by: float) -> Profile:
    profile = given if isinstance(given, Constant | Steps | Linear) else Constant(given)
    values = (profile.value,) if isinstance(profile, Constant) else profile.values
    if any(isinstance(one, str) for one in values):
        raise DesignError(
            f"factor {factor.name!r} scales values given as text.",
            hint="Give the profile as numbers in the input's unit.",
        )
    made = tuple(float(one) * by for one in values)
    return Constant(made[0]) if isinstance(profile, Constant) else replace(profile, values=made)


def _duration(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    return replace(recipe, duration=value, interval=min(recipe.interval, value))


def _time(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    event = _event(factor, recipe, Happening | Shift | Hold)  # type: ignore[arg-type]
    return _with_event(recipe, factor.index, replace(event, at=value))


def _argument(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    event = _event(factor, recipe, Happening)
    if factor.argument not in event.arguments:
        raise DesignError(
            f"factor {factor.name!r}: {event.jump!r} has no argument {factor.argument!r}.",
            hint=f"It has: {', '.join(event.arguments) or 'none'}.",
        )
    made = replace(event, arguments={**event.arguments, factor.argument: value})
    return _with_event(recipe, factor.index, made)


def _hold(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    return _with_event(recipe, factor.index, replace(_event(factor, recipe, Hold), duration=value))


def _shift(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    return _with_event(recipe, factor.index, replace(_event(factor, recipe, Shift), value=value))


def _set_point(factor: Factor, recipe: Recipe, value: float) -> Recipe:
    made = list(recipe.controllers)
    for k, one in enumerate(made):
        if one.name == factor.target and hasattr(one, "set_point"):
            made[k] = replace(one, set_point=value)  # type: ignore[type-var]
            return replace(recipe, controllers=tuple(made))
    raise DesignError(
        f"factor {factor.name!r}: the recipe has no controller {factor.target!r} with a set point.",
        hint=f"Its controllers: {', '.join(one.name for one in made) or 'none'}.",
    )


def _unit_of_shift(factor: Factor, model: Model, recipe: Recipe) -> str:
    name = factor.target or _event(factor, recipe, Shift).name
    for one in recipe.controllers:
        if one.name == name:
            name = getattr(one, "measured", "")
    known: tuple[Any, ...] = (*model.inputs, *model.outputs)
    return next((one.unit for one in known if one.name == name), "1")


_CHANGES: Mapping[str, Callable[[Factor, Recipe, float], Recipe]] = {
    "input": _input, "scale": _scale, "duration": _duration, "time": _time,
    "argument": _argument, "hold": _hold, "shift": _shift, "set_point": _set_point,
}  # fmt: skip


def spread(factors: Sequence[Factor], unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of the unit cube as values of factors. Shape `(n, n_factors)`.

    >>> spread([Factor.duration(10.0, 20.0)], np.array([[0.5]]))
    array([[15.]])
    """
    low = np.array([one.low for one in factors])
    high = np.array([one.high for one in factors])
    values: NDArray[np.float64] = low + unit * (high - low)
    return values
