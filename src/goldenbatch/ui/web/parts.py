"""Tiles and widgets of capabilities on the platform's pages: each loads by itself.

A part that cannot be loaded says so in its own place; the page and the other parts stay.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nicegui import ui

from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Place, Tile, Widget
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.view import View
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from nicegui.element import Element

log = logging.getLogger("goldenbatch.web")


def tiles(view: View, place: Place, path: Mapping[str, str] | None = None) -> None:
    """The tiles of an overview, those that the person may read."""
    shown = [] if view.parts is None else view.parts.tiles_of(place)
    asked = replace(view.asked, path={**view.asked.path, **(path or {})})
    with ui.element("div").classes("gb-tiles"):
        for name, tile in shown:
            if view.person.may_read(tile.classes):
                _start(view, asked, name, tile, ui.element("div").classes("gb-tile"))


def widgets(view: View, place: Place, path: Mapping[str, str]) -> None:
    """The widgets of the page of a unit, a batch or a finding.

    Args:
        view: The page.
        place: Which.
        path: What it is of, such as `{"batch": "B7"}`.
    """
    shown = [] if view.parts is None else view.parts.widgets_of(place)
    asked = replace(view.asked, path={**view.asked.path, **path})
    for name, widget in shown:
        if view.person.may_read(widget.classes):
            _start(view, asked, name, widget, ui.element("section").classes("gb-section"))


def _start(
    view: View, asked: Asked, name: str, part: Tile[Any] | Widget[Any], box: Element
) -> None:
    is_widget = isinstance(part, Widget)

    async def load() -> None:
        try:
            data = await in_thread(part.load, asked)
        except GoldenbatchError as error:
            _say(box, part.title, str(error), error.hint)
            return
        except Exception:  # another company's part must not take the page with it
            log.exception("part %s", name)
            _say(
                box, part.title, _("{name} failed.").format(name=name),
                _("The log of the web process says why."),
            )  # fmt: skip
            return
        if box.is_deleted:
            return
        box.clear()
        box.set_visibility(data is not None)
        if data is None:
            return
        with box:
            if is_widget:
                elements.heading(_(part.title))
            part.show(view, data)

    ui.timer(0, load, once=True)  # outside the box, which is emptied
    if part.refresh_s:
        view.every(part.refresh_s, load)


def _say(box: Element, title: str, text: str, hint: str) -> None:
    if box.is_deleted:
        return
    box.clear()
    with box:
        elements.problem(f"{_(title)}: {text}", hint)
