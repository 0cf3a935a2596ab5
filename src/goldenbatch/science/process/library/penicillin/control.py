"""The controllers of pH, temperature and phenylacetic acid, and the operator's steps.

References:
    Goldrick et al. 2015, doi:10.1016/j.jbiotec.2014.10.029, section 2.5; incremental PID with the
    derivative on the measured value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType

from goldenbatch.science.process.library.penicillin.constants import SAMPLE_H
from goldenbatch.science.process.library.penicillin.modes import Corrections
from goldenbatch.science.process.library.penicillin.variables import SHUT

_DEADBAND = 0.05


@dataclass(frozen=True)
class Tuning:
    """Gain, times (h) and greatest command of an incremental PID."""

    gain: float
    integral_h: float
    derivative_h: float
    most: float

    def command(
        self, last: float, errors: tuple[float, float], seen: tuple[float, float, float]
    ) -> float:
        """Next command from the last, the errors and values seen (newest first)."""
        change = errors[0] - errors[1] + errors[0] * SAMPLE_H / self.integral_h
        if self.derivative_h > 0.001:
            curvature = seen[0] - 2.0 * seen[1] + seen[2]
            change -= self.derivative_h / SAMPLE_H * curvature
        return min(max(last + self.gain * change, 0.0), self.most)


BASE = Tuning(8e-2, 4e-5, 8.0, 225.0)
ACID = Tuning(8e-2, 12.5, 0.125, 225.0)
COOLING = Tuning(-300.0, 1.6, 0.005, 1500.0)
HEATING = Tuning(50.0, 0.05, 1.0, 1500.0)
PAA_FEED = Tuning(0.1, 0.5, 0.0, 150.0)
PAA_SET_POINT = 1200.0
PAA_FROM_H = 10.0


@dataclass(frozen=True)
class Seen:
    """The newest three values of a sensor, newest first; the start itself is not remembered."""

    values: tuple[float, ...] = ()

    def with_new(self, value: float, is_first: bool) -> tuple[Seen, tuple[float, float, float]]:
        """What to remember and the three values that a controller uses now."""
        newest = (value, *self.values)[:3]
        full = (*newest, newest[-1], newest[-1])[:3]
        return self if is_first else Seen(newest), (full[0], full[1], full[2])


@dataclass(frozen=True)
class Memory:
    """What the controllers remember: sensors, and the flows that were last given."""

    ph: Seen = Seen()
    temperature: Seen = Seen()
    paa: Seen = Seen()
    flows: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    growth: tuple[float, ...] = ()
    mu_x: float | None = None

    def last(self, name: str) -> float:
        """The flow given in the last interval; 0 before the first."""
        return self.flows.get(name, 0.0)


@dataclass(frozen=True)
class SetPoints:
    """Where the controllers hold the batch.

    Attributes:
        ph: pH.
        temperature_k: Temperature.
        paa: Phenylacetic acid, mg/L; None: its feed follows the recipe.
    """

    ph: float = 6.5
    temperature_k: float = 298.0
    paa: float | None = None


def acid_and_base(
    memory: Memory,
    seen: tuple[float, float, float],
    bias: float,
    goal: float,
    corrected: Corrections,
) -> tuple[float, float]:
    """Flows of acid and of base.

    Args:
        memory: Sensors up to now and flows of the last interval.
        seen: pH as the derivative term sees it.
        bias: How much less than that the error sees.
        goal: Set point.
        corrected: `ph_set_point` is used.
    """
    error = goal - seen[0] + bias
    is_right = corrected.ph_set_point or len(memory.ph.values) < 2
    errors = (error, (goal if is_right else 0.0) - seen[1] + bias)
    if error >= -_DEADBAND:
        return 0.0, BASE.command(memory.last("Fb"), errors, seen)
    return ACID.command(memory.last("Fa"), errors, seen), memory.last("Fb") * 0.5


def cooling_and_heating(
    memory: Memory,
    seen: tuple[float, float, float],
    bias: float,
    goal: float,
    corrected: Corrections,
) -> tuple[float, float]:
    """Flows of coolant and of heating water; arguments as of `acid_and_base`."""
    errors = (goal - seen[0] + bias, goal - seen[1] + bias)
    if errors[0] <= _DEADBAND:
        cold = COOLING.command(memory.last("Fc"), errors, seen)
        return max(cold, SHUT), max(memory.last("Fh") * 0.1, SHUT)
    before = memory.last("Fh" if corrected.heating_previous else "Fc")
    warm = HEATING.command(before, errors, seen)
    cold = 0.0 if corrected.coolant_shut else memory.last("Fc") * 0.3
    return max(cold, SHUT), max(warm, SHUT)


def paa_feed(memory: Memory, seen: tuple[float, float, float], goal: float) -> float:
    """Flow of phenylacetic acid by its concentration."""
    return PAA_FEED.command(memory.last("Fpaa"), (goal - seen[0], goal - seen[1]), seen)


def exhausted(memory: Memory, now: float) -> Memory:
    """The published loss of growth: after 63 of 64 falls the greatest rate becomes the actual.

    Args:
        memory: Growth of the last 65 intervals.
        now: Growth of the last interval, per interval.
    """
    growth = (*memory.growth, now)[-65:]
    memory = replace(memory, growth=growth)
    if len(growth) < 65:
        return memory
    falls = sum(1 for one, after in pairwise(growth) if after < one)
    return replace(memory, mu_x=now / SAMPLE_H) if falls >= 63 else memory
