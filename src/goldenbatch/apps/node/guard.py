"""What every call passes: its id, how often one may call, headers of safety, figures and a log."""

from __future__ import annotations

import logging
import secrets
import time
from typing import TYPE_CHECKING, Final

from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from goldenbatch.apps.node.state import bearer
from goldenbatch.apps.node.throttle import Buckets, address_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from goldenbatch.apps.node.metrics import Metrics
    from goldenbatch.apps.node.state import NodeState

log = logging.getLogger("goldenbatch.calls")

REQUEST_ID: Final = "Request-Id"
FREE: Final = ("/api/v1/health", "/api/v1/readiness", "/metrics")
"""What a supervisor or a monitor asks is not counted."""

DOCS: Final = "/api/v1/docs"
SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
DOCS_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "img-src 'self' data: https://fastapi.tiangolo.com; frame-ancestors 'none'"
)
FAULT: Final = 500


class Guard:
    """ASGI middleware around all routes of a node."""

    def __init__(self, app: ASGIApp, state: NodeState, metrics: Metrics) -> None:
        self._app, self._state, self._metrics = app, state, metrics
        service = state.desk.site.settings.service
        self._calls = Buckets(service.calls_per_minute, state.timer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, or refuse it when there were too many."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, start, status = secrets.token_hex(8), time.perf_counter(), FAULT

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, scope["path"], name)
            await send(message)

        wait = self._wait(Request(scope))
        app = _too_many(wait) if wait else self._app
        try:
            await app(scope, receive, guarded)
        finally:
            self._note(scope, name, status, time.perf_counter() - start)

    def _wait(self, request: Request) -> float:
        """Seconds until the caller may call again; 0: now."""
        if request.url.path in FREE:
            return 0.0
        token = bearer(request)
        if token and self._state.is_local(token):
            return 0.0
        session = self._state.session_of(token) if token else ""
        return self._calls.take((session or address_of(request)).encode("utf-8", "replace"))

    def _note(self, scope: Scope, name: str, status: int, took_s: float) -> None:
        route = template(scope["path"], getattr(scope.get("route"), "path", None))
        self._metrics.note(scope["method"], route, status, took_s)
        level = logging.ERROR if status >= FAULT else logging.INFO
        if log.isEnabledFor(level):
            told = {"id": name, "method": scope["method"], "route": route, "status": status}
            log.log(level, "call", extra={**told, "ms": round(took_s * 1000, 1)})


def template(path: str, route: str | None) -> str:
    """The route of a call as text: a path as it was asked for may hold names.

    Args:
        path: As it was asked for.
        route: The route's own text, below the routers that it stands in; None: there is none.

    >>> template("/api/v1/findings/0f", "/findings/{uid}")
    '/api/v1/findings/{uid}'
    >>> template("/api/v1/who", None)
    'none'
    """
    if route is None:
        return "none"
    own = [one for one in route.split("/") if one]
    asked = [one for one in path.split("/") if one]
    above = asked[: len(asked) - len(own)] if ":path}" not in route else []
    return "/" + "/".join([*above, *own])


def _dress(message: Message, path: str, name: str) -> None:
    headers = MutableHeaders(scope=message)
    for key, value in SAFE.items():
        headers.setdefault(key, value)
    if path.startswith(DOCS):
        headers["Content-Security-Policy"] = DOCS_POLICY
    headers.setdefault("Cache-Control", "no-store")
    headers[REQUEST_ID] = name


def _too_many(wait_s: float) -> JSONResponse:
    seconds = max(1, round(wait_s + 0.5))
    problem = {
        "error": "DeniedError",
        "message": "there were too many calls from here within a minute.",
        "hint": f"Wait {seconds} s.",
    }
    return JSONResponse(problem, 429, headers={"Retry-After": str(seconds)})
