"""Smooth switches: what optimisers and integrators can differentiate in place of kinks."""

from __future__ import annotations

from typing import Any

from goldenbatch.science.process._casadi import ca


def smooth_max(one: Any, other: Any, width: Any) -> Any:
    """Maximum with a rounded corner; off by `width / 2` at the corner, less elsewhere.

    Args:
        one: Expression.
        other: Expression of the same unit.
        width: Where the corner is rounded, of the same unit.
    """
    return 0.5 * (one + other + ca.sqrt((one - other) ** 2 + width**2))


def smooth_min(one: Any, other: Any, width: Any) -> Any:
    """Minimum with a rounded corner; see `smooth_max`."""
    return 0.5 * (one + other - ca.sqrt((one - other) ** 2 + width**2))


def smooth_step(value: Any, at: Any, width: Any) -> Any:
    """From 0 to 1 as the value passes `at`: 12 % and 88 % at one width from it."""
    return 0.5 * (1.0 + ca.tanh((value - at) / width))
