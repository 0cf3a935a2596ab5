"""Distributions of times and yields, as a line's declaration names them.

References:
    Law (2015), Simulation Modeling and Analysis, 5th ed., McGraw-Hill, ch. 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldenbatch.core.errors import BadInputError

_NUMBERS: Mapping[str, tuple[str, ...]] = {
    "constant": ("value",),
    "exponential": ("mean",),
    "lognormal": ("mean", "cv"),
    "weibull": ("scale", "shape"),
    "gamma": ("mean", "cv"),
    "uniform": ("lower", "upper"),
    "triangular": ("lower", "mode", "upper"),
    "geometric": ("p",),
}
Draw = Callable[[], float]

KINDS = (*_NUMBERS, "empirical")
"""Distributions that there are; times are in the line's unit of time."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution over values from 0 up.

    Attributes:
        kind: one of `KINDS`.
        numbers: its parameters, in the order of `parameters_of(kind)`; for `empirical` the
            observed values, drawn with equal chance.
    """

    kind: str
    numbers: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean of the distribution."""
        a, *rest = self.numbers
        match self.kind:
            case "weibull":
                return a * math.gamma(1 + 1 / rest[0])
            case "uniform" | "triangular" | "empirical":
                return float(np.mean(self.numbers))
            case "geometric":
                return 1 / a
        return a

    def sampler(self, generator: np.random.Generator) -> Draw:
        """Return a function that draws one value after another.

        >>> Distribution("constant", (2.0,)).sampler(np.random.default_rng(0))()
        2.0
        """
        return _SAMPLERS[self.kind](generator, self.numbers)


def parameters_of(kind: str) -> tuple[str, ...]:
    """Names of a distribution's parameters, in order.

    >>> parameters_of("weibull")
    ('scale', 'shape')
    """
    return _NUMBERS.get(kind, ("values",))


def constant(value: float) -> Distribution:
    """The distribution of a value that is always the same.

    >>> constant(3.0).mean
    3.0
    """
    return Distribution("constant", (float(value),))


def empirical(values: Any) -> Distribution:
    """The distribution that draws observed values with equal chance.

    Raises:
        BadInputError: no values, or one that is no number from 0 up.

    >>> empirical([1.0, 3.0]).mean
    2.0
    """
    return read_distribution({"kind": "empirical", "values": list(values)}, "values")


def read_distribution(given: Any, key: str) -> Distribution:
    """Read a distribution: a number, or a table with `kind` and its parameters.

    Args:
        given: the number or the table.
        key: where it stands, for messages.

    Raises:
        BadInputError: an unknown kind, a missing, unknown or impossible parameter.

    >>> read_distribution({"kind": "exponential", "mean": 40}, "failure").mean
    40.0
    """
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = {"kind": "constant", "value": given}
    if not isinstance(given, Mapping):
        raise _bad(key, f"{given!r} is no distribution", "Give a number or a table with `kind`.")
    kind = given.get("kind")
    if kind not in KINDS:
        raise _bad(key, f"there is no distribution {kind!r}", f"Give one of {', '.join(KINDS)}.")
    wanted = parameters_of(kind)
    if set(given) - {"kind"} != set(wanted):
        names = ", ".join(sorted(set(given) - {"kind"})) or "nothing"
        raise _bad(key, f"{kind} is given {names}", f"It takes {', '.join(wanted)}.")
    raw = given["values"] if kind == "empirical" else [given[name] for name in wanted]
    try:
        numbers = tuple(float(value) for value in raw)
    except (TypeError, ValueError) as error:
        raise _bad(key, f"{kind} has a parameter that is no number", "Give numbers.") from error
    problem = _problem(kind, numbers)
    if problem:
        raise _bad(key, f"{kind}: {problem}", "Times and yields are finite and not negative.")
    return Distribution(kind, numbers)


def _problem(kind: str, numbers: tuple[float, ...]) -> str:
    if not numbers:
        return "no values"
    is_positive_only = kind in ("exponential", "lognormal", "weibull", "gamma", "geometric")
    is_ordered = kind in ("uniform", "triangular")
    checks = {
        "a number is negative or not finite": not all(0 <= v < math.inf for v in numbers),
        "a parameter is 0": is_positive_only and min(numbers) <= 0,
        "p is over 1": kind == "geometric" and numbers[0] > 1,
        "its limits are not in order": is_ordered and list(numbers) != sorted(numbers),
        "its limits are the same": kind == "triangular" and numbers[0] == numbers[-1],
    }
    return next((problem for problem, is_so in checks.items() if is_so), "")


def _lognormal(generator: np.random.Generator, numbers: tuple[float, ...]) -> Draw:
    sigma = math.sqrt(math.log1p(numbers[1] ** 2))
    mu = math.log(numbers[0]) - 0.5 * sigma**2
    return lambda: float(generator.lognormal(mu, sigma))


def _gamma(generator: np.random.Generator, numbers: tuple[float, ...]) -> Draw:
    shape = numbers[1] ** -2
    return lambda: float(generator.gamma(shape, numbers[0] / shape))


def _one_of(generator: np.random.Generator, numbers: tuple[float, ...]) -> Draw:
    return lambda: numbers[int(generator.integers(len(numbers)))]


_SAMPLERS: Mapping[str, Callable[[np.random.Generator, tuple[float, ...]], Draw]] = {
    "constant": lambda _, n: lambda: n[0],
    "exponential": lambda g, n: lambda: float(g.exponential(n[0])),
    "lognormal": _lognormal,
    "weibull": lambda g, n: lambda: n[0] * float(g.weibull(n[1])),
    "gamma": _gamma,
    "uniform": lambda g, n: lambda: float(g.uniform(n[0], n[1])),
    "triangular": lambda g, n: lambda: float(g.triangular(n[0], n[1], n[2])),
    "geometric": lambda g, n: lambda: float(g.geometric(n[0])),
    "empirical": _one_of,
}


def _bad(key: str, message: str, hint: str) -> BadInputError:
    return BadInputError(f"{message}.", hint=hint, key=key)
