"""For tests only: seeded tampering, deaths at a moment, and the conformance kit.

Nothing of the package imports this at run time; a capability's own tests do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.testing._check import Check, NonConformityError
    from goldenbatch.testing._page_checks import PageCase, page_checks
    from goldenbatch.testing.analysts import AnalystCase, analyst_checks, seen_views
    from goldenbatch.testing.conformance import checks, connector_checks
    from goldenbatch.testing.injectors import (
        Tampering,
        flip_byte,
        flip_cell,
        kill_when,
        tamperings,
        tear,
    )

_HOMES = {
    "AnalystCase": "analysts",
    "Check": "_check",
    "NonConformityError": "_check",
    "PageCase": "_page_checks",
    "Tampering": "injectors",
    "checks": "conformance",
    "connector_checks": "conformance",
    "flip_byte": "injectors",
    "flip_cell": "injectors",
    "kill_when": "injectors",
    "page_checks": "_page_checks",
    "analyst_checks": "analysts",
    "seen_views": "analysts",
    "tamperings": "injectors",
    "tear": "injectors",
}
__all__ = [
    "AnalystCase",
    "Check",
    "NonConformityError",
    "PageCase",
    "Tampering",
    "analyst_checks",
    "checks",
    "connector_checks",
    "flip_byte",
    "flip_cell",
    "kill_when",
    "page_checks",
    "seen_views",
    "tamperings",
    "tear",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
