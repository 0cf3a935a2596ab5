"""The standard faults of a model: what can go wrong with the inputs and outputs it declares."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Literal

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.ensembles.contamination import JUMP
from goldenbatch.science.process.faults import (
    Altered,
    Mishap,
    MixedUp,
    Offset,
    SensorDrift,
    Stuck,
    Weakened,
)
from goldenbatch.science.process.plan import plan
from goldenbatch.science.process.recipe import Fault, Happening, Recipe

if TYPE_CHECKING:
    from goldenbatch.science.process.declarations import Input
    from goldenbatch.science.process.model import Model

Kind = Literal[
    "sensor drift", "stuck closed", "stuck open", "cooling loss", "power dip", "feed strength",
    "feed mix-up", "contamination",
]  # fmt: skip


@dataclass(frozen=True)
class Hazard:
    """A fault whose severity can be turned up from harmless.

    Attributes:
        name: For tables.
        kind: What sort of fault.
        unit: UCUM code of the severity.
        harmless: Severity that does nothing, or next to nothing.
        worst: The most severe that is tried.
        fault: Severity to the fault.
        is_log: Whether severities are spread by their logarithm.
    """

    name: str
    kind: Kind
    unit: str
    harmless: float
    worst: float
    fault: Callable[[float], Fault] = field(repr=False)
    is_log: bool = False

    def __post_init__(self) -> None:
        """Refuse a range without room."""
        if self.harmless == self.worst or (self.is_log and min(self.harmless, self.worst) <= 0.0):
            raise DesignError(
                f"hazard {self.name!r} runs from {self.harmless:g} to {self.worst:g}.",
                hint="Give two ends that differ, both positive on a logarithmic scale.",
            )

    def at(self, share: float) -> float:
        """Severity at a share of the way from harmless to worst.

        >>> Hazard("h", "power dip", "h", 0.0, 8.0, lambda s: Stuck()).at(0.5)
        4.0
        """
        if self.is_log:
            return float(self.harmless * (self.worst / self.harmless) ** share)
        return self.harmless + share * (self.worst - self.harmless)


@dataclass(frozen=True)
class Roles:
    """What inputs and parameters are for; a name may stand in several.

    Attributes:
        cooling: Inputs that take heat away, or hold a temperature.
        powered: Inputs that stop when the power does.
        feeds: Inputs that are flows of feeds.
        strengths: Parameters and inputs that are concentrations of feeds.
        carried: Parameters that a contamination changes, with the factor at its worst.
    """

    cooling: tuple[str, ...] = ()
    powered: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    carried: tuple[tuple[str, float], ...] = ()


_BLINK = 1e-6
"""Share of the run that a fault lasts which is over before anything follows."""

_WORDS = {
    "cooling": ("cool", "jacket", "chill", "shelf", "temperature"),
    "powered": ("agitat", "stir", "aerat", "sparg", "air", "oxygen", "vacuum", "heating"),
    "feeds": ("feed", "sugar", "glucose", "nutrient"),
}


def roles_of(model: Model) -> Roles:
    """Roles guessed from names and help texts; look at them before they are relied on."""

    def having(kind: str) -> tuple[str, ...]:
        return tuple(
            one.name for one in model.inputs
            if any(word in f"{one.name} {one.help}".lower() for word in _WORDS[kind])
        )  # fmt: skip

    strengths = tuple(
        one.name for one in (*model.parameters, *model.inputs)
        if one.size == 1 and "feed" in f"{one.name} {one.help}".lower()
        and one.unit.endswith(("/L", "/m3", "/kg", "/dm3"))
    )  # fmt: skip
    feeds = tuple(name for name in having("feeds") if name not in strengths)
    return Roles(having("cooling"), having("powered"), feeds, strengths)


def standard_faults(
    model: Model, recipe: Recipe, *, roles: Roles | None = None, at: float | None = None
) -> tuple[Hazard, ...]:
    """Faults that apply to a model under a recipe.

    Sensors drift where a controller looks at them; every input that the recipe or a controller
    moves can be stuck; the rest follows from the roles. A contamination is a state of its own
    (`contamination.contaminated`); in other models it is the change of parameters that
    `Roles.carried` names. Faults act from one control interval to the next.

    Args:
        model: The model.
        recipe: The recipe.
        roles: What inputs are for; None: guessed by `roles_of`.
        at: When they begin; None: after a third of the run.

    >>> from goldenbatch.science.process.library.batch_reactor import default_recipe, kucherenko
    >>> [one.name for one in standard_faults(kucherenko(), default_recipe())]
    ['T too high', 'T too low']
    """
    roles = roles or roles_of(model)
    start = recipe.duration / 3.0 if at is None else at
    made = [*_sensors(model, recipe, start), *_stuck(model, recipe, roles, start)]
    made += [*_cooling(model, roles, start), *_power(model, recipe, roles, start)]
    made += [*_feeds(model, recipe, roles, start), *_contamination(model, roles, start)]
    return tuple(made)


def _drift(start: float, output: str, sign: float, severity: float) -> Fault:
    return SensorDrift(start=start, output=output, offset=sign * severity)


def _sensors(model: Model, recipe: Recipe, start: float) -> list[Hazard]:
    goals = {
        getattr(one, "measured", ""): float(getattr(one, "set_point", 0.0))
        for one in recipe.controllers
    }
    made = []
    for one in model.outputs:
        if one.name not in goals:
            continue
        noise = 20.0 * one.noise.at(goals[one.name]) if one.noise else 0.0
        most = noise or 0.1 * abs(goals[one.name]) or 1.0
        for word, sign in (("high", 1.0), ("low", -1.0)):
            fault = partial(_drift, start, one.name, sign)
            name = f"{one.name} reads {word}"
            made.append(Hazard(name, "sensor drift", one.unit, 0.0, most, fault))
    return made


def _is_temperature(one: Input) -> bool:
    return one.unit in ("K", "Cel")


def _held(start: float, input: str, value: float, severity: float) -> Fault:
    return Stuck(start=start, end=start + severity, input=input, value=value)


def _stuck(model: Model, recipe: Recipe, roles: Roles, start: float) -> list[Hazard]:
    moved = {*recipe.inputs, *(getattr(one, "manipulated", "") for one in recipe.controllers)}
    resolved, made = plan(model, recipe), []
    left = recipe.duration - start
    for one in model.inputs:
        if one.name not in moved or one.name in roles.strengths or _is_temperature(one):
            continue
        used = max(resolved.inputs(t).get(one.name, one.value[0]) for t in resolved.borders)
        ends: list[tuple[Kind, float]] = [("stuck closed", max(0.0, one.lower))]
        wide = one.upper if isfinite(one.upper) else 2.0 * used
        if wide > used:
            ends.append(("stuck open", wide))
        for kind, value in ends:
            fault = partial(_held, start, one.name, value)
            made.append(
                Hazard(f"{one.name} {kind}", kind, model.time_unit, _BLINK * left, left, fault)
            )
    return made


def _weaker(start: float, input: str, severity: float) -> Fault:
    return Weakened(start=start, inputs=(input,), factor=1.0 - severity)


def _warmer(start: float, input: str, sign: float, severity: float) -> Fault:
    return Offset(start=start, input=input, by=sign * severity)


def _cooling(model: Model, roles: Roles, start: float) -> list[Hazard]:
    made: list[Hazard] = []
    known = {one.name: one for one in model.inputs}
    for name in roles.cooling:
        if not _is_temperature(known[name]):
            fault = partial(_weaker, start, name)
            made.append(Hazard(f"{name} lost", "cooling loss", "1", 0.0, 1.0, fault))
            continue
        for word, sign in (("high", 1.0), ("low", -1.0)):
            off = partial(_warmer, start, name, sign)
            made.append(Hazard(f"{name} too {word}", "cooling loss", "K", 0.0, 20.0, off))
    return made


def _dark(start: float, inputs: tuple[str, ...], severity: float) -> Fault:
    return Weakened(start=start, end=start + severity, inputs=inputs, what="power dip")


def _power(model: Model, recipe: Recipe, roles: Roles, start: float) -> list[Hazard]:
    if not roles.powered:
        return []
    name = f"power dip ({', '.join(roles.powered)})"
    fault = partial(_dark, start, roles.powered)
    left = recipe.duration - start
    return [Hazard(name, "power dip", model.time_unit, _BLINK * left, left, fault)]


def _other_strength(start: float, name: str, is_input: bool, sign: float, severity: float) -> Fault:
    factor = 1.0 + sign * severity
    if is_input:
        return Weakened(start=start, inputs=(name,), factor=factor)
    return Altered(start=start, values={name: factor})


def _exchanged(start: float, one: str, other: str, severity: float) -> Fault:
    return MixedUp(start=start, one=one, other=other, share=severity)


def _feeds(model: Model, recipe: Recipe, roles: Roles, start: float) -> list[Hazard]:
    made: list[Hazard] = []
    units = {one.name: one.unit for one in model.inputs}
    for name in roles.strengths:
        for word, sign in (("weak", -1.0), ("strong", 1.0)):
            fault = partial(_other_strength, start, name, name in units, sign)
            made.append(Hazard(f"{name} too {word}", "feed strength", "1", 0.0, 1.0, fault))
    flows = [name for name in roles.feeds if name in recipe.inputs]
    for one, other in itertools.combinations(flows, 2):
        if units[one] == units[other]:
            fault = partial(_exchanged, start, one, other)
            name = f"{one} and {other} mixed up"
            made.append(Hazard(name, "feed mix-up", "1", 0.0, 1.0, fault))
    return made


def _inoculated(start: float, argument: str, severity: float) -> Fault:
    happening = Happening(JUMP, start, {argument: severity})
    return Mishap(what="contamination", happening=happening)


def _carried(start: float, factors: tuple[tuple[str, float], ...], severity: float) -> Fault:
    values = {name: 1.0 + severity * (factor - 1.0) for name, factor in factors}
    return Altered(start=start, what="contamination", values=values)


def _contamination(model: Model, roles: Roles, start: float) -> list[Hazard]:
    found = next((jump for jump in model.jumps if jump.name == JUMP), None)
    if found is not None:
        argument, unit = found.arguments[0]
        scale = model.states[-1].scale
        ends = (1e-9 * scale, 0.1 * scale)
        fault = partial(_inoculated, start, argument)
        return [Hazard("contamination", "contamination", unit, *ends, fault, is_log=True)]
    if not roles.carried:
        return []
    fault = partial(_carried, start, roles.carried)
    return [Hazard("contamination", "contamination", "1", 0.0, 1.0, fault)]
