"""The one door to CasADi: says which extra brings it, and keeps its solvers quiet."""

from __future__ import annotations

from goldenbatch.science.errors import MissingEngineError

try:
    import casadi as ca
except ImportError as error:
    raise MissingEngineError(
        "twins need CasADi, which is not installed.",
        hint="Install it with the extra: pip install 'goldenbatch[twin]'.",
    ) from error

__all__ = ["ca"]
