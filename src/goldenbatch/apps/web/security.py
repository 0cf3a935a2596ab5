"""What stands before every answer of the web process: headers, origins, sessions of sockets.

NiceGUI draws a page by scripts of its own: a few inline ones, which carry a nonce here, and Vue,
which compiles templates in the browser and so needs `unsafe-eval`. Styles are set on elements one
by one, so inline styles are allowed. Nothing is loaded from, sent to or framed by another origin.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import BaseLoader, Environment
from starlette.datastructures import Headers, MutableHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from goldenbatch.apps.web.sessions import Session

SOCKETS = "/_nicegui_ws/"
STATIC = ("/static/", "/_nicegui/")
_nonce: ContextVar[str] = ContextVar("nonce", default="")


def policy(nonce: str, forms: str = "") -> str:
    """The content security policy of a page.

    Args:
        nonce: Of the scripts of the page.
        forms: Further origins that a form may lead to: providers that people log in at.
    """
    return (
        "default-src 'none'; "
        f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; media-src 'self'; "
        f"form-action 'self'{' ' + forms if forms else ''}; frame-ancestors 'none'; "
        "base-uri 'none'; object-src 'none'"
    )


def headers(nonce: str, *, is_tls: bool = False, forms: str = "") -> dict[str, str]:
    """Security headers of an answer."""
    found = {
        "Content-Security-Policy": policy(nonce, forms),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    }
    if is_tls:
        found["Strict-Transport-Security"] = "max-age=31536000"
    return found


def new_nonce() -> str:
    """A nonce for the answer that is being made."""
    made = secrets.token_urlsafe(16)
    _nonce.set(made)
    return made


class Guard:
    """Middleware: headers on all answers; sockets only from our own pages, in their own session.

    Args:
        app: What it stands before.
        session_of: The session of a cookie, or None.
        is_tls: Whether people reach us over TLS (through a proxy).
        origins: Further origins that sockets may come from, such as that of a proxy.
        forms: Further origins that forms may lead to.
    """

    def __init__(
        self,
        app: ASGIApp,
        session_of: Callable[[str], Session | None],
        *,
        is_tls: bool = False,
        origins: tuple[str, ...] = (),
        forms: str = "",
    ) -> None:
        self._app, self._session_of = app, session_of
        self._is_tls, self._origins, self._forms = is_tls, origins, forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] == "websocket" or scope.get("path", "").startswith(SOCKETS):
            if scope["type"] in {"http", "websocket"} and not self._may_connect(scope):
                await _refuse(scope, receive, send)
                return
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = scope["gb_nonce"] = new_nonce()
        found = headers(nonce, is_tls=self._is_tls, forms=self._forms)
        is_static = scope["path"].startswith(STATIC)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                for name, value in found.items():
                    own[name] = value
                if not is_static:
                    own["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, answer)

    def _may_connect(self, scope: Scope) -> bool:
        """Whether a socket is from a page of ours, and of a page of the session of its cookie."""
        known = Headers(scope=scope)
        origin = known.get("origin", "")
        if origin and not self._is_own(origin, known.get("host", "")):
            return False
        if not origin and scope["type"] == "websocket":
            return False  # every browser sends one with a socket
        session = self._session_of(_cookie(known.get("cookie", "")))
        if session is None:
            return False
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        client = query.get("client_id", [""])[0]
        return client in session.clients

    def _is_own(self, origin: str, host: str) -> bool:
        return urlsplit(origin).netloc == host or origin in self._origins


def _cookie(text: str) -> str:
    from goldenbatch.apps.web.sessions import COOKIE

    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class _WithNonces(BaseLoader):
    """NiceGUI's own templates, each script of theirs with a nonce; values cannot gain one."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(self, environment: Environment, template: str) -> Any:
        """The source of a template."""
        source, path, is_fresh = self._inner.get_source(environment, template)
        return source.replace("<script", '<script nonce="{{ csp_nonce() }}"'), path, is_fresh


def give_nonces() -> None:
    """Have the scripts of NiceGUI's page carry the nonce of the answer that they are in."""
    from nicegui.client import templates

    environment = templates.env
    if environment.loader is None or isinstance(environment.loader, _WithNonces):
        return
    environment.loader = _WithNonces(environment.loader)
    environment.globals["csp_nonce"] = _nonce.get
    if environment.cache is not None:
        environment.cache.clear()
