"""The one door to numba: says which extra brings it."""

from __future__ import annotations

from goldenbatch.science.errors import MissingEngineError

try:
    import numba
    from numba.core import types
    from numba.extending import intrinsic
except ImportError as error:
    raise MissingEngineError(
        "the batched kernel needs numba, which is not installed.",
        hint="Install it with the extra: pip install 'goldenbatch[kernels]', or ask for the "
        "engine 'casadi'.",
    ) from error

__all__ = ["intrinsic", "numba", "types"]
