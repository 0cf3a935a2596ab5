"""The application of the web process: its pages, each behind a login."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import app as nicegui_app
from nicegui import ui

from goldenbatch.apps.web.enrolment import add_enrolment
from goldenbatch.apps.web.login import add_login
from goldenbatch.apps.web.opened import Opening, show_page
from goldenbatch.apps.web.registry import Registry, load_registry
from goldenbatch.apps.web.security import Guard, give_nonces
from goldenbatch.apps.web.sessions import Session, Sessions
from goldenbatch.apps.web.standing import LANGUAGE, THEME, add_standing, add_unknown
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.runtime.remote import NodeError
from goldenbatch.ui.web import words
from goldenbatch.ui.web.pages import Page
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.view import address

STATIC = Path(__file__).parent / "static"
YEAR_S = 365 * 24 * 3600
LOOK_S = 30.0
"""Seconds between looks for sessions that ended at the node."""


@dataclass(frozen=True)
class WebOptions:
    """How the web process serves.

    Attributes:
        node: Base address of the node.
        public_url: Address that people know it by, where a proxy stands before it; with https the
            cookies are for TLS only.
        proxies: Networks of proxies whose `X-Forwarded-For` is believed.
    """

    node: str
    public_url: str = ""
    proxies: tuple[str, ...] = ()

    @property
    def is_tls(self) -> bool:
        """Whether people reach it over TLS."""
        return self.public_url.startswith("https://")

    @property
    def origins(self) -> tuple[str, ...]:
        """The origin that pages have, where it is not that of the process."""
        parts = urlsplit(self.public_url)
        return (f"{parts.scheme}://{parts.netloc}",) if parts.netloc else ()


def create_app(node: str | WebOptions, registry: Registry | None = None) -> FastAPI:
    """The web interface of a node.

    Args:
        node: Base address of the node, or all options.
        registry: What there is to show; what is installed by default.
    """
    options = WebOptions(node) if isinstance(node, str) else node
    sessions = Sessions(options.node, options.proxies)
    registry = registry or load_registry()
    app = FastAPI(
        title="goldenbatch web", docs_url=None, redoc_url=None, openapi_url=None,
        lifespan=_lifespan(sessions),
    )  # fmt: skip
    give_nonces()
    nicegui_app.add_static_files("/static", STATIC, max_cache_age=YEAR_S)
    add_login(app, sessions, options)
    add_standing(app, sessions, options)
    add_enrolment(app, sessions)
    for name, page in registry.pages.items():
        add_page(sessions, registry, options, name, page)
    add_unknown(sessions)
    ui.run_with(
        app, title="goldenbatch", tailwind=False, storage_secret=secrets.token_urlsafe(32),
        show_welcome_message=False, reconnect_timeout=30, dark=None,
    )  # fmt: skip
    # Its bar has no name for screen readers, and hijacks every request to show itself.
    nicegui_app.config.quasar_config["loadingBar"] = {"skipHijack": True}
    app.add_middleware(
        Guard, session_of=sessions.of_key, is_tls=options.is_tls, origins=options.origins
    )
    app.state.sessions, app.state.registry = sessions, registry
    return app


def add_page(
    sessions: Sessions, registry: Registry, options: WebOptions, name: str, page: Page[Any]
) -> None:
    """Serve one page."""

    async def handler(request: Request) -> Response | None:
        session = sessions.of(request)
        if session is None:
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(address("/login", next=wanted), status_code=303)
        theme = _dress(session, request)
        base = options.public_url or str(request.base_url).rstrip("/")
        return await show_page(Opening(sessions, session, registry, page, theme, base), request)

    handler.__name__ = name.replace(".", "_").replace("-", "_")
    ui.page(page.path, response_timeout=30)(handler)


def _dress(session: Session, request: Request) -> str:
    """Give the page that is being made its language, look and owner; gives the theme chosen."""
    client = ui.context.client
    session.clients.add(client.id)
    client.on_delete(lambda: session.clients.discard(client.id))
    language = words.chosen_language(
        request.cookies.get(LANGUAGE, ""), request.headers.get("accept-language", "")
    )
    words.speak_to(client, language)
    theme = request.cookies.get(THEME, "")
    theme = theme if theme in {"light", "dark"} else ""
    own: Any = copy(client.page)
    own.language = {"en": "en-US", "pt": "pt-BR", "zh": "zh-CN", "ko": "ko-KR"}.get(
        language, language
    )
    own.dark = {"light": False, "dark": True}.get(theme)
    client.page = own
    ui.add_head_html(
        f'<script src="/static/shell.js?{_version()}" nonce="{request.scope["gb_nonce"]}"></script>'
        f'<link rel="stylesheet" href="/static/style.css?{_version()}">'
        f'<link rel="stylesheet" href="/static/overview.css?{_version()}">'
    )
    return theme


_versions: list[str] = []


def _version() -> str:
    """A digest of the static files, so that browsers may keep them for ever."""
    if not _versions:
        files = sorted(one for one in STATIC.rglob("*") if one.is_file())
        _versions.append(sha256(b"".join(one.read_bytes() for one in files)).hexdigest()[:12])
    return _versions[0]


def _lifespan(sessions: Sessions) -> Any:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_look_for_ended(sessions))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            for session in sessions.all():
                sessions.end(session)

    return lifespan


async def _look_for_ended(sessions: Sessions) -> None:
    """End here what the node ended, and clear the pages that still stand open."""
    while True:
        await asyncio.sleep(LOOK_S)
        for session in sessions.all():
            try:
                left = await in_thread(session.left_s)
            except NodeError:
                continue  # it is away; nobody knows yet
            except GoldenbatchError:
                left = 0
            if left <= 0:
                sessions.end(session)
