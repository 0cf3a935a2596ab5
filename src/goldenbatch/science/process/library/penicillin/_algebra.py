"""What the equations are written in: the same text gives CasADi expressions or plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

from goldenbatch.science.process.library.penicillin.modes import Corrections

Number = Any
"""A float, or a symbolic expression."""


class Algebra(Protocol):
    """The functions that the equations use beside + - * / **."""

    def exp(self, value: Number) -> Number:
        """The exponential."""

    def log(self, value: Number) -> Number:
        """The natural logarithm."""

    def tanh(self, value: Number) -> Number:
        """The hyperbolic tangent."""

    def sqrt(self, value: Number) -> Number:
        """The square root."""

    def greater(self, one: Number, other: Number) -> Number:
        """The greater of two."""

    def where(self, is_so: Number, one: Number, other: Number) -> Number:
        """One where it is so, else the other."""

    def empirical(self, name: str, value: Number, unit: str) -> Number:
        """A correlation whose numbers hide units: its result has the unit given."""


class Numbers:
    """Plain floats: what a solver written in Python would call."""

    exp = staticmethod(math.exp)
    log = staticmethod(math.log)
    tanh = staticmethod(math.tanh)
    sqrt = staticmethod(math.sqrt)

    def greater(self, one: float, other: float) -> float:
        """The greater of two."""
        return one if one > other else other

    def where(self, is_so: bool, one: float, other: float) -> float:
        """One where it is so, else the other."""
        return one if is_so else other

    def empirical(self, name: str, value: float, unit: str) -> float:
        """The value itself."""
        return value


@dataclass(frozen=True)
class Kit:
    """What every equation uses.

    Attributes:
        k: The constants, by name.
        algebra: What the equations are written in.
        corrections: What is set right.
    """

    k: SimpleNamespace
    algebra: Algebra
    corrections: Corrections
