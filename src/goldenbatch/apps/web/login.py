"""Logging in and out: forms of plain HTML, so that the cookie comes with the answer."""

from __future__ import annotations

import hmac
from html import escape
from typing import Annotated

from fastapi import FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from goldenbatch.apps.web.sessions import COOKIE, WHOLE_S, Session, Sessions
from goldenbatch.core.errors import DeniedError, GoldenbatchError

_FORM = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Log in</title>
<link rel="stylesheet" href="/static/style.css"></head><body><main class="gb-login">
<h1>Log in</h1>{problem}<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
<label>Login <input name="login" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required>
</label><button class="gb-button" type="submit">Log in</button></form></main></body></html>"""


def add_login(app: FastAPI, sessions: Sessions) -> None:
    """Serve the login page, and the ways in and out."""

    @app.get("/login")
    def form(next: str = "/") -> HTMLResponse:
        return _page("", next)

    @app.post("/login")
    async def log_in(
        login: Annotated[str, Form()], password: Annotated[str, Form()],
        next: Annotated[str, Form()] = "/",
    ) -> Response:  # fmt: skip
        try:
            session = await run_in_threadpool(_admit, sessions, login, password)
        except GoldenbatchError as error:
            return _page(str(error), next, 401)
        answer = RedirectResponse(_own(next), status_code=303)
        answer.set_cookie(
            COOKIE, session.key, max_age=WHOLE_S, httponly=True, samesite="lax", path="/"
        )
        return answer

    @app.post("/logout")
    async def log_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
        session = sessions.of(request)
        if session is not None:
            if not hmac.compare_digest(csrf.encode(), session.csrf.encode()):
                raise DeniedError("this form is not from here.", hint="Load the page again.")
            await run_in_threadpool(session.site.client.post, "/logout")
            sessions.end(session)
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer


def _admit(sessions: Sessions, login: str, password: str) -> Session:
    client = sessions.anyone()
    try:
        token = client.post("/login", {"login": login, "password": password})["token"]
    finally:
        client.close()
    return sessions.admit(token)


def _own(path: str) -> str:
    """A path of ours: nobody is sent elsewhere by a link to the login page."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_own else "/"


def _page(problem: str, next_path: str, status: int = 200) -> HTMLResponse:
    told = f'<p role="alert" class="gb-problem">{escape(problem)}</p>' if problem else ""
    return HTMLResponse(_FORM.format(problem=told, next=escape(_own(next_path))), status)
