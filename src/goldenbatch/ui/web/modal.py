"""A dialog that keeps the focus inside, and hands over what is given in it."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import ui
from nicegui.element import Element


class Modal(Element, component="modal.js"):
    """A dialog of the browser's own; it is shown as soon as it is made.

    Args:
        labelledby: Id of the heading in it.
    """

    def __init__(self, labelledby: str) -> None:
        with ui.context.client.content:
            super().__init__()
        self.props["labelledby"] = labelledby
        self._happened: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        for name in ("gave-up", "given", "answered", "failed"):
            self.on(name, lambda event, name=name: self._happened.put_nowait((name, event.args)))
        ui.context.client.on_delete(lambda: self._happened.put_nowait(("gave-up", None)))

    def put(self, what: str, value: Any = None) -> None:
        """Have something happen, as if by the person."""
        self._happened.put_nowait((what, value))

    async def happened(self, timeout_s: float) -> tuple[str, Any]:
        """The next thing that happens: `given`, `answered`, `failed`, `gave-up`; or `late`."""
        try:
            return await asyncio.wait_for(self._happened.get(), timeout_s)
        except TimeoutError:
            return "late", None

    def focus_first(self) -> None:
        """Put the focus on the first thing to fill in."""
        self.run_method("first")
