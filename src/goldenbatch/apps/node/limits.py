"""How much a call may send: what is larger is refused before it is read into memory."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 16 * 2**20
MAX_LARGE_BODY = 2**31
LARGE = ("/historian/frames", "/artefacts", "/events")
"""Ends of the paths that take whole files and frames."""


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """ASGI middleware that answers 413 when a body is larger than its path may take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, counting what it sends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = MAX_LARGE_BODY if scope["path"].endswith(LARGE) else MAX_BODY
        n_bytes = _length(scope)
        is_answered = False
        if n_bytes > limit:
            await _refusal(limit)(scope, receive, send)
            return
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > limit:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal is_answered
            if n_bytes > limit and not is_answered:
                return  # the framework's own answer to a body that broke off
            is_answered = True
            await send(message)

        with suppress(_TooLargeError):
            await self._app(scope, counted, noted)
        if n_bytes > limit and not is_answered:
            await _refusal(limit)(scope, receive, send)


def _length(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def _refusal(limit: int) -> JSONResponse:
    problem = {
        "error": "BadInputError",
        "message": f"the body of this call is larger than {limit:,} bytes.",
        "hint": "Send less at a time.",
    }
    return JSONResponse(problem, 413, headers={"Connection": "close"})
