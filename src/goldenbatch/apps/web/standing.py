"""What stands beside the pages: time left, language, health, and addresses that there are not."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from goldenbatch.apps.web.addresses import own_path
from goldenbatch.apps.web.sessions import COOKIE, Sessions
from goldenbatch.core.errors import DeniedError, GoldenbatchError
from goldenbatch.runtime.remote import NodeError
from goldenbatch.ui.web import words
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.apps.web.app import WebOptions

LANGUAGE = "goldenbatch_language"
THEME = "goldenbatch_theme"
CSRF = "goldenbatch-csrf"
YEAR_S = 365 * 24 * 3600

_DOCUMENT = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/style.css">
<script src="/static/shell.js"></script></head><body>{kind}
<main class="gb-alone" id="main"><h1 class="gb-h1">{title}</h1>{body}</main></body></html>"""


def document(title: str, body: str, *, kind: str = "", status: int = 200) -> HTMLResponse:
    """A page of plain HTML that needs no socket; `body` is HTML, all else is text."""
    banner = f'<div class="gb-kind" role="note">{escape(kind)}</div>' if kind else ""
    parts = {"title": escape(title), "body": body, "kind": banner, "lang": escape(words.language())}
    return HTMLResponse(_DOCUMENT.format(**parts), status)


def add_standing(app: FastAPI, sessions: Sessions, options: WebOptions) -> None:
    """Serve what the shell asks for, and what a supervisor does."""

    @app.get("/session/left")
    async def left(request: Request) -> Response:
        return await _left(sessions, request, is_staying=False)

    @app.post("/session/stay")
    async def stay(request: Request) -> Response:
        return await _left(sessions, request, is_staying=True)

    @app.post("/language")
    async def language(
        request: Request, language: Annotated[str, Form()] = "", csrf: Annotated[str, Form()] = ""
    ) -> Response:
        session = sessions.of(request)
        if session is not None:
            session.check(csrf)
        origin = str(request.base_url).rstrip("/")
        came = request.headers.get("referer", "").removeprefix(options.public_url or origin)
        answer = RedirectResponse(own_path(came), status_code=303)
        answer.set_cookie(
            LANGUAGE, words.chosen_language(language), max_age=YEAR_S, samesite="lax",
            httponly=True, secure=options.is_tls,
        )  # fmt: skip
        return answer

    @app.get("/health")
    def health() -> dict[str, Any]:
        return {"status": "alive"}

    @app.exception_handler(GoldenbatchError)
    def refused(_request: Request, error: GoldenbatchError) -> Response:
        status = 403 if isinstance(error, DeniedError) else 503
        body = f"<p>{escape(str(error))}</p><p class='gb-note'>{escape(error.hint)}</p>"
        return document(_("That did not work"), body + _home(), status=status)


def add_unknown(sessions: Sessions) -> None:
    """Say what there is not, instead of NiceGUI's own page."""
    from nicegui import app as nicegui_app

    @nicegui_app.exception_handler(404)
    async def unknown(request: Request, error: HTTPException) -> Response:
        speak(request)
        if request.url.path.startswith(("/_nicegui", "/static/")):
            return JSONResponse({"detail": "not found"}, 404)
        if sessions.of(request) is None:
            return RedirectResponse("/login", status_code=303)
        text = _("There is no page at this address. It may have been moved, or mistyped.")
        return document(_("Not found"), f"<p>{escape(text)}</p>{_home()}", status=404)


async def _left(sessions: Sessions, request: Request, *, is_staying: bool) -> Response:
    session = sessions.of(request)
    if session is None:
        return JSONResponse({"left_s": 0}, 401)
    if is_staying:
        session.check(request.headers.get(CSRF, ""))
    try:
        if is_staying:
            await in_thread(session.site.client.get, "/session")
        left = await in_thread(session.left_s)
    except NodeError:
        return JSONResponse({"away": True}, 503)
    except GoldenbatchError:
        left = 0.0
    if left <= 0:
        sessions.end(session)
        return _ended()
    return JSONResponse({"left_s": round(left, 1), "csrf": session.csrf})


def _ended() -> Response:
    answer = JSONResponse({"left_s": 0}, 401)
    answer.delete_cookie(COOKIE)
    return answer


def _home() -> str:
    return f'<p><a class="gb-link" href="/">{escape(_("To the overview"))}</a></p>'


def speak(request: Request) -> None:
    """Speak the language of who asks, for an answer of plain HTML."""
    wanted = request.cookies.get(LANGUAGE, "")
    chosen = words.chosen_language(wanted, request.headers.get("accept-language", ""))
    words.speak(chosen)
