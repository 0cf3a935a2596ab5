"""What stands around every page: the kind of home, the menu, who is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nicegui import ui

from goldenbatch.core.config import banner
from goldenbatch.ui.web.pages import Group

if TYPE_CHECKING:
    from goldenbatch.apps.web.registry import Registry
    from goldenbatch.apps.web.sessions import Session


@contextmanager
def shell(session: Session, registry: Registry, title: str) -> Iterator[None]:
    """A page's surroundings; its own elements go inside."""
    home = session.site.home
    ui.page_title(f"{title} · {home.name}")
    kind = banner(home.kind)
    if kind:
        ui.label(kind).classes("gb-kind").props('role="note"')
    with ui.element("header").classes("gb-header"):
        ui.link(home.name, "/").classes("gb-home")
        ui.label(home.site).classes("gb-inline")
        ui.space()
        ui.label(session.person.printed_name).classes("gb-inline")
        with ui.element("form").props('method="post" action="/logout"'):
            ui.element("input").props(f'type="hidden" name="csrf" value="{session.csrf}"')
            with ui.element("button").props('type="submit"').classes("gb-button"):
                ui.label("Log out").classes("gb-inline")
    with ui.element("div").classes("gb-body"):
        with ui.element("nav").classes("gb-menu").props('aria-label="Pages"'):
            _menu(session, registry)
        with ui.element("main").classes("gb-main").props('id="main" tabindex="-1"'):
            with ui.element("h1").classes("gb-h1"):
                ui.label(title).classes("gb-inline")
            yield


def _menu(session: Session, registry: Registry) -> None:
    for group in Group:
        pages = [
            one
            for one in registry.pages.values()
            if one.group is group and one.in_menu and session.person.may_read(one.classes)
        ]
        if not pages:
            continue
        ui.label(group.value).classes("gb-menu-group")
        for page in sorted(pages, key=lambda one: (one.order, one.title)):
            ui.link(page.title, page.path).classes("gb-menu-link")
