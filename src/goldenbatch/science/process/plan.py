"""A recipe resolved against a model: borders of intervals, and every input at every one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.model import to_unit
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
    value_at,
)

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Fault

_SAME = 1e-9


@dataclass(frozen=True)
class Plan:
    """What is to happen when, in time of the run (holds included).

    Attributes:
        borders: Interval borders, from 0 to the end. Shape `(n,)`.
        happenings: Those of recipe and faults, in order, each with its time of the run.
        shifts: Of inputs and set points, likewise.
    """

    borders: tuple[float, ...]
    happenings: tuple[tuple[float, Happening], ...]
    shifts: tuple[tuple[float, Shift], ...]
    _profiles: dict[str, tuple[Profile, tuple[float, ...]]]
    _holds: tuple[tuple[float, float, dict[str, float]], ...]
    _slack: float = 0.0

    def inputs(self, time: float) -> dict[str, float]:
        """Inputs of the recipe at a time of the run; those it does not name are left out."""
        clock, held = self._clock(time)
        found = {
            # A step a rounding error behind a border was merged with it, and holds from there.
            n: value_at(profile, values, clock + self._slack * isinstance(profile, Steps))
            for n, (profile, values) in self._profiles.items()
        }
        for at, shift in self.shifts:
            if shift.name in found and at <= time + _SAME:
                found[shift.name] = float(shift.value)
        return {**found, **held}

    def slopes(self, time: float, h: float) -> dict[str, float]:
        """Slopes of the inputs that run on straight lines through the interval."""
        clock, held = self._clock(time)
        later, still = self._clock(time + 0.5 * h)
        if held or still:
            return {}
        shifted = {shift.name for at, shift in self.shifts if at <= time + _SAME}
        return {
            name: (value_at(profile, values, later) - value_at(profile, values, clock)) / (0.5 * h)
            for name, (profile, values) in self._profiles.items()
            if isinstance(profile, Linear) and name not in shifted
        }

    def _clock(self, time: float) -> tuple[float, dict[str, float]]:
        """Time of the recipe, and the inputs of the hold that lasts."""
        passed = 0.0
        for at, duration, inputs in self._holds:
            begins = at + passed
            if time < begins - _SAME:
                break
            if time < begins + duration - _SAME:
                return at, inputs
            passed += duration
        return time - passed, {}


def plan(model: Model, recipe: Recipe) -> Plan:
    """Resolve and check a recipe.

    Raises:
        DataError: It names an input, a jump, an argument or a controller that is not there, or a
            value that does not convert.
    """
    profiles = {n: _profile(model, n, profile) for n, profile in recipe.inputs.items()}
    holds = tuple(
        (hold.at, hold.duration, {n: _input(model, n, v) for n, v in hold.inputs.items()})
        for hold in sorted((e for e in recipe.events if isinstance(e, Hold)), key=lambda e: e.at)
    )
    happenings = [_checked(model, e) for e in recipe.events if isinstance(e, Happening)]
    from_faults = [_checked(model, e) for fault in recipe.faults for e in fault.jumps()]
    shifts = [_shift(model, recipe, e) for e in recipe.events if isinstance(e, Shift)]
    for shift in shifts:
        if shift.name not in profiles and shift.name in {one.name for one in model.inputs}:
            start = float(model.input_vector()[model.at("inputs", shift.name)][0])
            profiles[shift.name] = (Constant(start), (start,))
    happening = sorted([*((_late(e.at, holds), e) for e in happenings),
                        *((e.at, e) for e in from_faults)], key=lambda pair: pair[0])  # fmt: skip
    _check_faults(model, recipe)
    _check_controllers(model, recipe)
    shifted = sorted(((_late(e.at, holds), e) for e in shifts), key=lambda pair: pair[0])
    events = [t for t, _ in (*happening, *shifted)]
    events += [t for one in recipe.faults for t in (_edge(one, "start"), _edge(one, "end"))]
    borders = _borders(recipe, profiles, holds, events)
    late = next((one for _, one in happening if one.at > borders[-1]), None)
    if late is not None:
        raise DataError(f"{late} lies outside the run of {borders[-1]:g}.", hint="Correct it.")
    return Plan(borders, tuple(happening), tuple(shifted), profiles, holds, _SAME * recipe.interval)


def _edge(fault: Fault, name: str) -> float:
    """When a fault begins or ends: it must not wait for the next interval."""
    return float(getattr(fault, name, 0.0))


def _check_faults(model: Model, recipe: Recipe) -> None:
    for fault in recipe.faults:
        touches = fault.touches() if hasattr(fault, "touches") else {}
        for kind, names in touches.items():
            known = model.columns(kind) if kind != "outputs" else [o.name for o in model.outputs]
            _check_names(f"fault {fault.name!r}", names, known, f"{kind} of {model.name}")


def _check_controllers(model: Model, recipe: Recipe) -> None:
    names = [one.name for one in recipe.controllers]
    if len(set(names)) < len(names):
        raise DataError(f"controllers {', '.join(names)} are not unique.", hint="Rename one.")
    outputs = [one.name for one in model.outputs]
    for one in recipe.controllers:
        for asked, known in (("measured", outputs), ("manipulated", model.columns("inputs"))):
            name = getattr(one, asked, None)
            if isinstance(name, str):
                _check_names(f"controller {one.name!r}", [name], known, f"{asked} of {model.name}")


def _check_names(who: str, names: Sequence[str], known: Sequence[str], what: str) -> None:
    for name in names:
        if name not in known:
            shown = ", ".join(known) or "none"
            raise DataError(f"{who} names {name!r}, none {what}.", hint=f"There are: {shown}.")


def _late(at: float, holds: tuple[tuple[float, float, dict[str, float]], ...]) -> float:
    return at + sum(duration for begins, duration, _ in holds if begins < at)


def _borders(
    recipe: Recipe,
    profiles: Mapping[str, tuple[Profile, tuple[float, ...]]],
    holds: tuple[tuple[float, float, dict[str, float]], ...],
    events: list[float],
) -> tuple[float, ...]:
    end = recipe.duration + sum(duration for _, duration, _ in holds)
    n_whole = int(np.floor(end / recipe.interval + _SAME))
    times = {round(k * recipe.interval, 12) for k in range(n_whole + 1)} | {0.0, end}
    for profile, _ in profiles.values():
        if isinstance(profile, Steps | Linear):
            times |= {_late(t, holds) for t in profile.times}
    for at, duration, _ in holds:
        times |= {_late(at, holds), _late(at, holds) + duration}
    inside = sorted(t for t in times | set(events) if 0.0 <= t <= end)
    kept = [inside[0]]
    for one in inside[1:]:
        if one - kept[-1] > _SAME * recipe.interval:
            kept.append(one)
    return tuple(map(float, kept))


def _profile(model: Model, name: str, given: Profile | Value) -> tuple[Profile, tuple[float, ...]]:
    profile = given if isinstance(given, Constant | Steps | Linear) else Constant(given)
    values = (profile.value,) if isinstance(profile, Constant) else profile.values
    return profile, tuple(_input(model, name, value) for value in values)


def _input(model: Model, name: str, value: Value) -> float:
    return float(model.input_vector({name: value})[model.at("inputs", name)][0])


def _shift(model: Model, recipe: Recipe, shift: Shift) -> Shift:
    if shift.name in {one.name for one in model.inputs}:
        return Shift(shift.name, shift.at, _input(model, shift.name, shift.value))
    for controller in recipe.controllers:
        if controller.name == shift.name:
            if not hasattr(controller, "shifted"):
                raise DataError(f"controller {shift.name!r} has no set point to shift.", hint="")
            units = {one.name: one.unit for one in model.outputs}
            unit = units.get(getattr(controller, "measured", ""), "1")
            return Shift(shift.name, shift.at, to_unit(shift.value, unit, f"shift of {shift.name}"))
    raise DataError(
        f"{shift} names neither an input of {model.name} nor a controller.",
        hint=f"Inputs: {', '.join(one.name for one in model.inputs) or 'none'}.",
    )


def _checked(model: Model, event: Happening) -> Happening:
    found = next((jump for jump in model.jumps if jump.name == event.jump), None)
    if found is None:
        names = ", ".join(jump.name for jump in model.jumps) or "none"
        raise DataError(f"{model.name} has no jump {event.jump!r}.", hint=f"It has: {names}.")
    units = dict(found.arguments)
    if set(units) != set(event.arguments):
        raise DataError(
            f"jump {event.jump!r} at {event.at:g} has arguments {sorted(event.arguments)}, "
            f"but takes {sorted(units)}.",
            hint="Give each of them.",
        )
    values = {n: to_unit(v, units[n], f"{event.jump}.{n}") for n, v in event.arguments.items()}
    return Happening(event.jump, event.at, values)
