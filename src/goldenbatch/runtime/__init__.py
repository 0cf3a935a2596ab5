"""Runtime: a site built from a home; analysts woken and replayed, people, trials, proof."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.runtime.home import HomeSettings, create_home
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.replay import ReplayReport
    from goldenbatch.runtime.trials import evaluate
    from goldenbatch.runtime.verify import VerifyReport, verify

_HOMES = {
    "HomeSettings": "home",
    "LocalSite": "local",
    "ReplayReport": "replay",
    "VerifyReport": "verify",
    "create_home": "home",
    "evaluate": "trials",
    "verify": "verify",
}
__all__ = [
    "HomeSettings",
    "LocalSite",
    "ReplayReport",
    "VerifyReport",
    "create_home",
    "evaluate",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
