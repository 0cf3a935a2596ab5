"""Methods, pure: no files, no clock, no plant. Import the sub-package that you need."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.science import comparison, errors, latent, spectra, statistics

__all__ = ["comparison", "errors", "latent", "spectra", "statistics"]


def __getattr__(name: str) -> Any:
    """Import a sub-package when it is first asked for."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
