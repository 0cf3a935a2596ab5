"""The application of the web process: its pages, each behind a login."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app as nicegui_app
from nicegui import run, ui

from goldenbatch.apps.web.login import add_login
from goldenbatch.apps.web.registry import Registry, load_registry
from goldenbatch.apps.web.sessions import Session, Sessions
from goldenbatch.apps.web.shell import shell
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.pages import Asked, Page
from goldenbatch.ui.web.view import View, address

STATIC = Path(__file__).parent / "static"


def create_app(node: str, registry: Registry | None = None) -> FastAPI:
    """The web interface of a node.

    Args:
        node: Base address of the node.
        registry: What there is to show; what is installed by default.
    """
    sessions, registry = Sessions(node), registry or load_registry()
    app = FastAPI(title="goldenbatch web", docs_url=None, redoc_url=None, openapi_url=None)
    nicegui_app.add_static_files("/static", STATIC)
    add_login(app, sessions)
    for name, page in registry.pages.items():
        add_page(sessions, registry, name, page)
    ui.run_with(
        app, title="goldenbatch", tailwind=False, storage_secret=secrets.token_urlsafe(32),
        show_welcome_message=False, reconnect_timeout=30,
    )  # fmt: skip
    return app


def add_page(sessions: Sessions, registry: Registry, name: str, page: Page[Any]) -> None:
    """Serve one page."""

    async def handler(request: Request) -> Response | None:
        session = sessions.of(request)
        if session is None:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(address("/login", next=wanted), status_code=303)
        ui.add_head_html('<link rel="stylesheet" href="/static/style.css">')
        await show_page(session, registry, page, request)
        return None

    handler.__name__ = name.replace(".", "_").replace("-", "_")
    ui.page(page.path, response_timeout=30)(handler)


async def show_page(
    session: Session, registry: Registry, page: Page[Any], request: Request
) -> None:
    """Load a page's data and show it, or say what is wrong."""
    asked = Asked(
        session.site, session.site.client, dict(request.path_params), dict(request.query_params)
    )
    view = View(asked, session.person, session.site.home.zone, parts=registry)
    with shell(session, registry, page.title):
        body = ui.element("div").classes("gb-page")

        async def again() -> None:
            try:
                data = await run.io_bound(page.load, asked)
            except GoldenbatchError as error:
                body.clear()
                with body:
                    elements.problem(str(error), error.hint)
                return
            body.clear()
            with body:
                page.show(view, data)

        view.again = again
        await again()
        if page.refresh_s:
            view.every(page.refresh_s, again)
