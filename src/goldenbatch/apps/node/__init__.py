"""The node: one process that holds a home and offers it as a REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldenbatch.apps.node.app import create_app
    from goldenbatch.apps.node.service import NodeOptions, serve

_WHERE = {"create_app": "app", "serve": "service", "NodeOptions": "service"}
__all__ = ["NodeOptions", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
