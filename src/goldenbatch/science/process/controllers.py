"""Controllers of a recipe: PID in velocity form, and a schedule read from a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isclose, isfinite

from goldenbatch.science.errors import DesignError


@dataclass(frozen=True)
class PidMemory:
    """What a PID remembers: last command, last two errors, when; None before them."""

    command: float | None = None
    last_error: float | None = None
    error_before: float | None = None
    set_point: float | None = None
    time: float | None = None


@dataclass(frozen=True)
class Pid:
    """PID in incremental (velocity) form, which neither winds up nor bumps.

    `du = Kp * (e1 - e0 + h/Ti * e1 + Td/h * (e1 - 2 e0 + e_1))`, the command clipped to its
    range. Where an event or a schedule cuts an interval short, the command stays as it is.

    Attributes:
        name: Unique; a `Shift` of this name changes the set point.
        measured: Output that it looks at.
        manipulated: Input that it sets.
        set_point: In the unit of the output.
        gain: Kp, command per unit of error; negative for a command that lowers the output.
        integral_time: Ti, in the model's time unit.
        derivative_time: Td, likewise.
        low: Lowest command.
        high: Highest command.
        interval: h, time between two steps; where intervals are longer, theirs.

    References:
        Åström and Hägglund, Advanced PID Control (ISA, 2006), section 13.4.
    """

    name: str
    measured: str
    manipulated: str
    set_point: float
    gain: float
    integral_time: float
    derivative_time: float = 0.0
    low: float = 0.0
    high: float = float("inf")
    interval: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a controller that cannot act."""
        is_sound = self.integral_time > 0.0 and self.interval > 0.0 and self.low < self.high
        if not (is_sound and all(map(isfinite, (self.gain, self.derivative_time, self.set_point)))):
            raise DesignError(
                f"controller {self.name!r} has integral time {self.integral_time}, interval "
                f"{self.interval}, range {self.low} to {self.high} and gain {self.gain}.",
                hint="Times are positive, low is below high, and all numbers are finite.",
            )

    def start(self) -> PidMemory:
        """Nothing seen yet."""
        return PidMemory()

    def shifted(self, memory: PidMemory, value: float) -> PidMemory:
        """The same memory with another set point."""
        return replace(memory, set_point=value)

    def step(
        self,
        memory: PidMemory,
        time: float,
        seen: Mapping[str, float],
        inputs: Mapping[str, float],
    ) -> tuple[PidMemory, Mapping[str, float]]:
        """One step; the first takes over the recipe's value without a bump."""
        h = self._since(memory, time)
        if h == 0.0:
            return memory, {} if memory.command is None else {self.manipulated: memory.command}
        goal = self.set_point if memory.set_point is None else memory.set_point
        error = goal - seen[self.measured]
        last = error if memory.last_error is None else memory.last_error
        before = last if memory.error_before is None else memory.error_before
        command = inputs[self.manipulated] if memory.command is None else memory.command
        change = error - last + h / self.integral_time * error
        change += self.derivative_time / h * (error - 2.0 * last + before)
        command = min(max(command + self.gain * change, self.low), self.high)
        return PidMemory(command, error, last, memory.set_point, time), {self.manipulated: command}

    def _since(self, memory: PidMemory, time: float) -> float:
        """Time since the last step; 0 where it is not time yet."""
        if memory.time is None or isclose(time - memory.time, self.interval, rel_tol=1e-6):
            return self.interval
        return max(time - memory.time, 0.0) if time - memory.time > self.interval else 0.0
