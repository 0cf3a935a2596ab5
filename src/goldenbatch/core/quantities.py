"""Quantities: a value with its digits as entered, and a unit as a UCUM code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def is_number(text: str) -> bool:
    """Whether a text is a finite decimal number, as records keep it."""
    return _NUMBER.fullmatch(text) is not None


@dataclass(frozen=True)
class Quantity:
    """A value and its unit."""

    value: str
    unit: str = "1"

    @property
    def decimal(self) -> Decimal:
        """Exact value."""
        return Decimal(self.value)

    def to(self, unit: str) -> Quantity:
        """The same quantity in another unit."""
        if unit == self.unit:
            return self
        raise NotImplementedError


def check_unit(code: str) -> str:
    """Return the code."""
    return code
