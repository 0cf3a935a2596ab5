"""What stands around every page: the kind of home, the menu, who is logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nicegui import ui

from goldenbatch.core.config import banner
from goldenbatch.ui.web import words
from goldenbatch.ui.web.elements import text
from goldenbatch.ui.web.pages import Group, Page
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from nicegui.element import Element

    from goldenbatch.apps.web.registry import Registry
    from goldenbatch.apps.web.sessions import Session

THEMES = {
    "": words.mark("Like the device"), "light": words.mark("Light"), "dark": words.mark("Dark"),
}  # fmt: skip


@contextmanager
def shell(session: Session, registry: Registry, page: Page[object], theme: str) -> Iterator[None]:
    """A page's surroundings; its own elements go inside.

    Args:
        session: Whose page it is.
        registry: For the menu.
        page: Which page.
        theme: The appearance that the person chose; empty: as their device wants it.
    """
    home, title = session.site.home, _(page.title)
    ui.page_title(f"{title} · {home.name}")
    text("a", _("Skip to the content"), "gb-skip").props["href"] = "#main"
    kind = banner(home.kind)
    if kind:
        text("div", kind, f"gb-kind gb-kind-{home.kind.value}").props["role"] = "note"
    is_inspector = session.person.inspects_until is not None
    if is_inspector:
        words_ = _("Inspector's view: read-only; everything that you read is recorded.")
        text("div", words_, "gb-kind gb-kind-inspector").props["role"] = "note"
    with ui.element("header").classes("gb-header"):
        _header(session, theme)
    _warnings()
    with ui.element("div").classes("gb-body gb-readonly" if is_inspector else "gb-body"):
        with ui.element("nav").classes("gb-menu").props("id=gb-menu") as menu:
            menu.props["aria-label"] = _("Pages")
            _menu(session, registry, page)
        with ui.element("main").classes("gb-main").props("id=main tabindex=-1"):
            _print_head(session, kind)
            text("h1", title, "gb-h1")
            yield


def _header(session: Session, theme: str) -> None:
    home = session.site.home
    button = text("button", _("Menu"), "gb-button gb-menu-button")
    button.props.update({"type": "button", "aria-expanded": "false", "aria-controls": "gb-menu"})
    text("a", home.name, "gb-home").props["href"] = "/"
    text("span", home.site, "gb-site")
    ui.element("div").classes("gb-grow")
    clock = text("time", "", "gb-clock")
    clock.props.update({"data-gb-zone": home.zone, "title": home.zone})
    left = text("span", "", "gb-left")
    left.props["data-gb-left"] = _("{n} min left")
    with ui.element("details").classes("gb-account"):
        text("summary", session.person.printed_name)
        with ui.element("div").classes("gb-account-box"):
            _account(session, theme)


def _account(session: Session, theme: str) -> None:
    person = session.person
    text("div", ", ".join(sorted(person.roles)) or _("no role"), "gb-note")
    text("div", "", "gb-note").props["data-gb-left"] = _("{n} min left")
    with _form(session, "/language"):
        chosen = _choice(_("Language"), "language", words.languages(), words.language())
        chosen.props["data-gb-submit"] = ""
    themes = {code: _(name) for code, name in THEMES.items()}
    _choice(_("Appearance"), "theme", themes, theme).props["data-gb-theme"] = ""
    printing = text("button", _("Print this page"), "gb-button")
    printing.props.update({"type": "button", "data-gb-print": ""})
    with _form(session, "/logout"):
        text("button", _("Log out"), "gb-button gb-button-main").props["type"] = "submit"


def _form(session: Session, action: str) -> Element:
    form = ui.element("form")
    form.props.update({"method": "post", "action": action})
    with form:
        ui.element("input").props.update({"type": "hidden", "name": "csrf", "value": session.csrf})
    return form


def _choice(label: str, name: str, options: dict[str, str], chosen: str) -> Element:
    with ui.element("div").classes("gb-field"):
        text("label", label).props["for"] = f"gb-{name}"
        with ui.element("select").classes("gb-input") as select:
            select.props.update({"id": f"gb-{name}", "name": name})
            for code, words_of in options.items():
                option = text("option", words_of)
                option.props["value"] = code
                if code == chosen:
                    option.props["selected"] = True
    return select


def _warnings() -> None:
    with ui.element("div").classes("gb-expiring").props("role=alert") as box:
        box.props["hidden"] = True
        text("span", _("Your session ends in less than two minutes."))
        stay = text("button", _("Stay logged in"), "gb-button gb-button-main")
        stay.props.update({"type": "button", "data-gb-stay": ""})


def _print_head(session: Session, kind: str) -> None:
    home = session.site.home
    with ui.element("div").classes("gb-print"):
        text("div", " · ".join(one for one in (home.name, home.site, kind) if one))
        told = _("Printed by {name} ({login})")
        text("div", told.format(name=session.person.printed_name, login=session.person.login))
        text("div", "").props["data-gb-printed"] = ""


def _menu(session: Session, registry: Registry, current: Page[object]) -> None:
    for group in Group:
        pages = [
            one
            for one in registry.pages.values()
            if one.group is group and one.in_menu and session.person.may_read(one.classes)
        ]
        if not pages:
            continue
        name = f"gb-group-{group.name.lower()}"
        text("div", _(group.value), "gb-menu-group").props["id"] = name
        with ui.element("ul").props(f"aria-labelledby={name}"):
            for page in sorted(pages, key=lambda one: (one.order, one.title)):
                with ui.element("li"):
                    link = text("a", _(page.title), "gb-menu-link")
                    link.props["href"] = page.path
                    if page.path == current.path:
                        link.props["aria-current"] = "page"
