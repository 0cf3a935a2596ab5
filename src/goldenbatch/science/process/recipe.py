"""What is done to a process: schedules of inputs, named events, holds, controllers and faults."""

from __future__ import annotations

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Protocol

from goldenbatch.science.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_INTERVALS = 2_000_000
"""Of one run: a row each."""
Value = float | str
"""A number in the declared unit, or text with a unit such as `0.3 L/h`."""


@dataclass(frozen=True)
class Constant:
    """One value all the time."""

    value: Value


@dataclass(frozen=True)
class Steps:
    """Values held from their times on; before the first, the first.

    Attributes:
        times: Rising, in the model's time unit.
        values: One for each time.
    """

    times: tuple[float, ...]
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        """Refuse what is no schedule."""
        _check_points(self.times, self.values)


@dataclass(frozen=True)
class Linear:
    """Straight lines between points; constant outside them. Breaks become interval borders.

    Attributes:
        times: Rising, in the model's time unit.
        values: One for each time.
    """

    times: tuple[float, ...]
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        """Refuse what is no schedule."""
        _check_points(self.times, self.values)


Profile = Constant | Steps | Linear


def _check_points(times: Sequence[float], values: Sequence[Value]) -> None:
    if not times or len(times) != len(values) or not all(map(isfinite, times)):
        raise DataError(
            f"a schedule has {len(times)} times {_first(times)} and {len(values)} values.",
            hint="Give at least one finite time, and one value for each time.",
        )
    for number, (one, following) in enumerate(itertools.pairwise(times), start=1):
        if not one < following:
            raise DataError(
                f"time {number + 1} of a schedule is {following:g}, not after {one:g}.",
                hint="Give times that rise; a jump is two steps.",
            )


def _first(times: Sequence[float]) -> str:
    odd = [f"({time:g})" for time in times if not isfinite(time)]
    return odd[0] if odd else ""


@dataclass(frozen=True)
class Happening:
    """A named sudden change that the model declares: a bolus, a harvest, a bleed.

    Attributes:
        jump: Name of the model's jump.
        at: Time.
        arguments: Its arguments, each with the unit that the model declares or as text.
    """

    jump: str
    at: float
    arguments: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Shift:
    """An input, or the set point of a controller, takes another value from a time on.

    Attributes:
        name: Name of the input or of the controller.
        at: Time.
        value: New value.
    """

    name: str
    at: float
    value: Value


@dataclass(frozen=True)
class Hold:
    """The recipe stands still: what was to happen later happens later by the duration.

    Attributes:
        at: Time when the hold begins.
        duration: How long.
        inputs: Values of inputs during the hold; the others keep what they have.
    """

    at: float
    duration: float
    inputs: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a hold that never ends, or ends before it begins."""
        if not 0.0 <= self.duration < inf:
            raise DataError(
                f"a hold at {self.at:g} lasts {self.duration:g}.", hint="Give a finite duration."
            )


Event = Happening | Shift | Hold


class Controller(Protocol):
    """Sets inputs from what is measured; pure: its memory goes in and comes out."""

    @property
    def name(self) -> str:
        """Unique in a recipe."""

    def start(self) -> Any:
        """Memory before the first step."""

    def step(
        self, memory: Any, time: float, seen: Mapping[str, float], inputs: Mapping[str, float]
    ) -> tuple[Any, Mapping[str, float]]:
        """Next memory and the inputs that it sets for the coming interval.

        Args:
            memory: What `start` or the last step returned.
            time: Start of the interval.
            seen: Outputs as the sensors show them, faults and noise included.
            inputs: What the recipe says, and controllers before this one.
        """


class Fault(Protocol):
    """Something that goes wrong; every method returns its argument where it does not apply."""

    @property
    def name(self) -> str:
        """For tables and notes."""

    def sensed(self, time: float, seen: Mapping[str, float]) -> Mapping[str, float]:
        """What the sensors show."""

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """What reaches the process of what was commanded."""

    def parameters(self, time: float, values: Mapping[str, float]) -> Mapping[str, float]:
        """Parameters as they are while it lasts."""

    def jumps(self) -> Sequence[Happening]:
        """Sudden changes that it brings."""


class Adjustment(Protocol):
    """A rule between two intervals, such as the floors of a reference code."""

    def __call__(self, time: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """States after the rule."""


@dataclass(frozen=True)
class Recipe:
    """A run to be simulated.

    Attributes:
        duration: In the model's time unit.
        interval: Control interval: inputs are set and rows are written at its multiples.
        inputs: Profiles by name of input; the others keep their declared value.
        events: Happenings, shifts and holds.
        controllers: In the order in which they act.
        faults: What goes wrong.
        adjustments: Rules between intervals.
        resets: States that are set to zero at the start of every interval: they count within it.
    """

    duration: float
    interval: float
    inputs: Mapping[str, Profile | Value] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    controllers: tuple[Controller, ...] = ()
    faults: tuple[Fault, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    resets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse times that make no run."""
        is_run = 0.0 < self.duration < inf and self.interval > 0.0
        if not (is_run and self.interval <= self.duration * (1 + 1e-12)):
            raise DataError(
                f"a recipe lasts {self.duration:g} in intervals of {self.interval:g}.",
                hint="Give a positive duration and an interval no longer than it.",
            )
        if self.duration / self.interval > MAX_INTERVALS:
            raise DataError(
                f"a recipe of {self.duration:g} in intervals of {self.interval:g} has more than "
                f"{MAX_INTERVALS:,} of them.",
                hint="Take longer intervals: the solver chooses its own steps within them.",
            )
        for event in self.events:
            if not 0.0 <= event.at <= self.duration:
                raise DataError(
                    f"{event} lies outside the run of {self.duration:g}.", hint="Correct its time."
                )

    @property
    def digest(self) -> str:
        """SHA-256 of all that is set."""
        return hashlib.sha256(_canonical(self).encode()).hexdigest()


def value_at(profile: Constant | Steps | Linear, values: Sequence[float], time: float) -> float:
    """Value of a profile whose values were converted to numbers.

    >>> value_at(Steps((0.0, 10.0), (1.0, 2.0)), (1.0, 2.0), 12.0)
    2.0
    """
    if isinstance(profile, Constant):
        return values[0]
    place = bisect_right(profile.times, time)
    if isinstance(profile, Steps) or place in (0, len(profile.times)):
        return values[max(place - 1, 0)]
    t0, t1 = profile.times[place - 1], profile.times[place]
    return values[place - 1] + (values[place] - values[place - 1]) * (time - t0) / (t1 - t0)


def _canonical(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        inner = ",".join(f"{f.name}={_canonical(getattr(value, f.name))}" for f in fields(value))
        return f"{type(value).__name__}({inner})"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_canonical(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, tuple | list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if hasattr(value, "tobytes"):
        return f"array({value.dtype},{value.shape},{hashlib.sha256(value.tobytes()).hexdigest()})"
    if callable(value):
        return f"{value.__module__}:{value.__qualname__}"
    return repr(value)
