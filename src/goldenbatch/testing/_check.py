"""A named check, and the error of one that does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


class NonConformityError(AssertionError):
    """A check that does not hold; says what to do."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold.

    Attributes:
        name: What holds, in words.
        run: Raises `NonConformityError` when it does not.
    """

    name: str
    run: Callable[[], None] = field(repr=False)

    def __str__(self) -> str:
        """The name."""
        return self.name


def require(holds: object, message: str) -> None:
    """Raise `NonConformityError` when something does not hold."""
    if not holds:
        raise NonConformityError(message)
