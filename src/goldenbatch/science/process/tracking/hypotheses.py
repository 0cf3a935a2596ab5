"""What may be wrong: each hypothesis is a fault whose amount is estimated along, from zero.

The amount is a random walk, so that a fault may begin at any time and grow: with amount `a` the
inputs that reach the process are `u + a (applied(u) - u)`, and likewise parameters and sensors.
Any object of `goldenbatch.science.process.faults` can be one, except a sudden jump of states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Literal

from goldenbatch.science.errors import DesignError
from goldenbatch.science.process.faults import SensorDrift

if TYPE_CHECKING:
    from goldenbatch.science.process.model import Model
    from goldenbatch.science.process.recipe import Fault

What = Literal["nominal", "sensor", "process", "none of these"]
_ALWAYS = 0.0
"""Start of the run: whether and when a fault is there is said by its amount."""
NOMINAL = "as the twin says"
NONE_OF_THESE = "none of these"


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of what the sensors show.

    Attributes:
        name: For people.
        what: Nothing wrong, a sensor, the process, or something that nobody named.
        fault: What goes wrong at amount 1; None for the first and the last.
        walk: Standard deviation of the amount per square root of time.
        lower: Least amount.
        upper: Greatest amount.
        inflation: Factor on the process noise (`none of these` only).
        wander: Walk of the estimated parameters, in standard deviations of what is believed of
            them at the start, per square root of time (`none of these` only).
        prior: Weight before any evidence, relative to the others.
        unit: Of the amount times `size`, for words; empty: the amount is a share.
        size: What amount 1 means in that unit.
    """

    name: str
    what: What
    fault: Fault | None = None
    walk: float = 0.0
    lower: float = 0.0
    upper: float = 1.0
    inflation: float = 1.0
    wander: float = 0.0
    prior: float = 1.0
    unit: str = ""
    size: float = 1.0

    def amount_words(self, amount: float, sd: float) -> str:
        """The amount in words, for a finding."""
        if self.fault is None:
            return ""
        if self.unit:
            return f"{amount * self.size:+.3g} {self.unit} (+-{1.96 * sd * self.size:.2g})"
        return f"{amount:.0%} of it (+-{1.96 * sd:.0%})"


def nominal(prior: float = 20.0) -> Hypothesis:
    """Nothing is wrong."""
    return Hypothesis(NOMINAL, "nominal", prior=prior)


def none_of_these(inflation: float = 4.0, wander: float = 1.0, prior: float = 1.0) -> Hypothesis:
    """The process does something that no named fault explains.

    Its noise is inflated and its parameters wander, so that this filter follows whatever the
    process does, at the price of expecting less; a sensor fault it does not explain.
    """
    return Hypothesis(
        NONE_OF_THESE, "none of these", inflation=inflation, wander=wander, prior=prior
    )


def sensor_fault(model: Model, output: str, size: float = 0.0, walk: float = 0.3) -> Hypothesis:
    """A sensor shows too much or too little.

    Args:
        model: Declares the output and its noise.
        output: What it measures.
        size: Error that amount 1 stands for; 0: six standard deviations of its noise (of the
            typical value where the noise is relative, for which give a size).
        walk: Of the amount.

    Raises:
        DesignError: The output is unknown or not measured.

    >>> from goldenbatch.science.process import ModelBuilder, Noise
    >>> m = ModelBuilder("tank", version="1", title="Tank", time_unit="h")
    >>> v = m.state("v", "L", initial=1.0)
    >>> m.derivative(v, -m.parameter("k", "1/h", value=0.1) * v)
    >>> m.output("level", v, "L", noise=Noise(sd=0.01))
    >>> sensor_fault(m.build(), "level").name
    'sensor of level'
    """
    one = next((o for o in model.outputs if o.name == output), None)
    if one is None or one.noise is None:
        raise DesignError(
            f"{output!r} is no measured output of {model.name}.", hint="Name one with noise."
        )
    size = size or 6.0 * one.noise.at(0.0)
    if size <= 0.0:
        raise DesignError(f"the noise of {output!r} is relative only.", hint="Give a size.")
    fault = SensorDrift(output=output, offset=size, start=_ALWAYS)
    return Hypothesis(
        f"sensor of {output}", "sensor", fault, walk, -inf, inf, unit=one.unit, size=size
    )


def hypothesis(
    fault: Fault, *, name: str = "", walk: float = 0.1, upper: float = 1.0, prior: float = 1.0
) -> Hypothesis:
    """A fault of the library as a hypothesis; when it begins is found, not given.

    Args:
        fault: Its start and end do not count.
        name: For people; empty: its own.
        walk: Of the amount, per square root of time: 0.1 finds half of it within a day of hours.
        upper: Greatest amount.
        prior: Weight before any evidence.

    Raises:
        DesignError: It is a sudden jump of states, which no amount describes.
    """
    if fault.jumps():
        raise DesignError(
            f"{fault.name!r} is a sudden change of states.",
            hint="Leave it out: `none of these` covers it.",
        )
    if isinstance(fault, SensorDrift):
        size = fault.offset or (fault.most if fault.most < inf else 24.0 * fault.rate)
        drift = replace(fault, offset=size, rate=0.0, start=_ALWAYS, end=inf)
        return Hypothesis(
            name or f"sensor of {fault.output}", "sensor", drift, walk, -inf, inf, prior=prior
        )
    always: Mapping[str, float] = {"start": _ALWAYS, "end": inf}
    timeless = replace(fault, **always) if hasattr(fault, "start") else fault  # type: ignore[type-var]
    return Hypothesis(name or fault.name, "process", timeless, walk, 0.0, upper, prior=prior)
