"""A library of faults: what sensors, actuators, utilities and people do wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType

from goldenbatch.science.errors import DataError
from goldenbatch.science.process.recipe import Happening


@dataclass(frozen=True)
class _Nothing:
    """A fault that does nothing; the others change one of its methods.

    Attributes:
        start: When it begins, in the model's time unit.
        end: When it is over.
    """

    start: float = 0.0
    end: float = inf

    def __post_init__(self) -> None:
        """Refuse what never happens."""
        if not self.start <= self.end:
            raise DataError(
                f"a fault from {self.start:g} to {self.end:g} never happens.",
                hint="Let it end after it starts.",
            )

    def touches(self) -> Mapping[str, Sequence[str]]:
        """What it must find in a model: names by `inputs`, `outputs` and `parameters`."""
        return {}

    def lasts(self, time: float) -> bool:
        """Whether it is there at a time (half open)."""
        return self.start <= time < self.end

    def sensed(self, time: float, seen: Mapping[str, float]) -> Mapping[str, float]:
        """What the sensors show."""
        return seen

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """What reaches the process."""
        return inputs

    def parameters(self, time: float, values: Mapping[str, float]) -> Mapping[str, float]:
        """Parameters while it lasts."""
        return values

    def jumps(self) -> Sequence[Happening]:
        """Sudden changes that it brings."""
        return ()


@dataclass(frozen=True)
class SensorDrift(_Nothing):
    """A sensor shows more and more too much: `rate * (t - start)`, at most `most`.

    Attributes:
        output: What it measures.
        rate: Per time unit.
        most: Largest error, as a magnitude.
        offset: Error from the start on.
    """

    output: str = ""
    rate: float = 0.0
    most: float = inf
    offset: float = 0.0

    def touches(self) -> Mapping[str, Sequence[str]]:
        """Names in the model."""
        return {"outputs": (self.output,)}

    @property
    def name(self) -> str:
        """For tables."""
        return f"sensor drift of {self.output}"

    def sensed(self, time: float, seen: Mapping[str, float]) -> Mapping[str, float]:
        """With the error added."""
        if not self.lasts(time):
            return seen
        error = self.offset + self.rate * (time - self.start)
        return {**seen, self.output: seen[self.output] + max(-self.most, min(self.most, error))}


@dataclass(frozen=True)
class Stuck(_Nothing):
    """A valve, pump or agitator stays where it is, whatever is commanded.

    Attributes:
        input: What it moves.
        value: Where it stays.
    """

    input: str = ""
    value: float = 0.0

    def touches(self) -> Mapping[str, Sequence[str]]:
        """Names in the model."""
        return {"inputs": (self.input,)}

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.input} stuck at {self.value:g}"

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """With the value that it is stuck at."""
        return {**inputs, self.input: self.value} if self.lasts(time) else inputs


@dataclass(frozen=True)
class Weakened(_Nothing):
    """Inputs reach the process in part only: cooling loss, a power dip (factor 0), fouling.

    Attributes:
        inputs: Which; several for a power dip.
        factor: What is left of them.
        what: How it is called in tables.
    """

    inputs: tuple[str, ...] = ()
    factor: float = 0.0
    what: str = ""

    def touches(self) -> Mapping[str, Sequence[str]]:
        """Names in the model."""
        return {"inputs": self.inputs}

    @property
    def name(self) -> str:
        """For tables."""
        return self.what or f"{', '.join(self.inputs)} at {self.factor:.0%}"

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """With the inputs weakened."""
        if not self.lasts(time):
            return inputs
        return {**inputs, **{name: inputs[name] * self.factor for name in self.inputs}}


@dataclass(frozen=True)
class Offset(_Nothing):
    """An input reaches the process with an error: a jacket too warm, a pump out of calibration.

    Attributes:
        input: Which.
        by: Added to it, in its unit.
        what: How it is called in tables.
    """

    input: str = ""
    by: float = 0.0
    what: str = ""

    def touches(self) -> Mapping[str, Sequence[str]]:
        """Names in the model."""
        return {"inputs": (self.input,)}

    @property
    def name(self) -> str:
        """For tables."""
        return self.what or f"{self.input} off by {self.by:g}"

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """With the error added."""
        return {**inputs, self.input: inputs[self.input] + self.by} if self.lasts(time) else inputs


@dataclass(frozen=True)
class MixedUp(_Nothing):
    """Two feeds at the wrong pumps: each input gets what the other was to get.

    Attributes:
        one: Input.
        other: Input of the same unit.
        share: Of the flow that goes the wrong way.
    """

    one: str = ""
    other: str = ""
    share: float = 1.0

    def touches(self) -> Mapping[str, Sequence[str]]:
        """Names in the model."""
        return {"inputs": (self.one, self.other)}

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.one} and {self.other} mixed up"

    def applied(self, time: float, inputs: Mapping[str, float]) -> Mapping[str, float]:
        """With the share exchanged."""
        if not self.lasts(time):
            return inputs
        wrong = self.share * (inputs[self.other] - inputs[self.one])
        return {**inputs, self.one: inputs[self.one] + wrong,
                self.other: inputs[self.other] - wrong}  # fmt: skip


@dataclass(frozen=True)
class Altered(_Nothing):
    """Parameters are not what they should be: a feed mix-up, a contamination's uptake.

    Attributes:
        values: Name of a parameter to its factor.
        what: How it is called in tables.
    """

    values: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    what: str = ""

    def touches(self) -> Mapping[str, Sequence[str]]:
        """Names in the model."""
        return {"parameters": tuple(self.values)}

    @property
    def name(self) -> str:
        """For tables."""
        return self.what or ", ".join(f"{n} x {f:g}" for n, f in self.values.items())

    def parameters(self, time: float, values: Mapping[str, float]) -> Mapping[str, float]:
        """With the factors applied."""
        if not self.lasts(time):
            return values
        return {**values, **{name: values[name] * factor for name, factor in self.values.items()}}


@dataclass(frozen=True)
class Mishap(_Nothing):
    """A sudden change that nobody wanted, such as a double bolus.

    Attributes:
        happening: What happens, at its own time.
        what: How it is called in tables.
    """

    happening: Happening = field(default_factory=lambda: Happening("", 0.0))
    what: str = ""

    @property
    def name(self) -> str:
        """For tables."""
        return self.what or f"{self.happening.jump} at {self.happening.at:g}"

    def jumps(self) -> Sequence[Happening]:
        """The one."""
        return (self.happening,)
