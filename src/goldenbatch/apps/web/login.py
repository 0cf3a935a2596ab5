"""Logging in and out: forms of plain HTML, so that the cookie comes with the answer."""

from __future__ import annotations

import hmac
import secrets
from html import escape
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import RedirectResponse, Response

from goldenbatch.apps.web.addresses import own_path
from goldenbatch.apps.web.openid import add_openid
from goldenbatch.apps.web.sessions import COOKIE, WHOLE_S, Session, Sessions
from goldenbatch.apps.web.standing import document, speak
from goldenbatch.core.config import banner
from goldenbatch.core.errors import DeniedError, GoldenbatchError
from goldenbatch.core.records import HomeKind
from goldenbatch.runtime.remote import NodeError
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.view import address
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.apps.web.app import WebOptions

BEFORE = "goldenbatch_login"
"""Cookie of a browser in which nobody is logged in yet: its form must carry the same value."""

_FORM = """{told}<form method="post" action="/login">
<input type="hidden" name="next" value="{next}">
<input type="hidden" name="csrf" value="{csrf}">
<div class="gb-field"><label for="login">{login}</label><input class="gb-input" id="login"
 name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus>
</div><div class="gb-field"><label for="password">{password}</label><input class="gb-input"
 id="password" name="password" type="password" autocomplete="current-password" required></div>
<button class="gb-button gb-button-main" type="submit">{submit}</button></form>{others}"""


def add_login(app: FastAPI, sessions: Sessions, options: WebOptions) -> None:
    """Serve the login page, and the ways in and out."""

    @app.get("/login")
    async def form(request: Request, next: str = "/", ended: str = "") -> Response:
        speak(request)
        told = _("Your session has ended. Log in to go on where you were.") if ended else ""
        return await _page(sessions, options, request, told, next)

    @app.post("/login")
    async def log_in(
        request: Request, login: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/", csrf: Annotated[str, Form()] = "",
    ) -> Response:  # fmt: skip
        speak(request)
        before = request.cookies.get(BEFORE, "")
        if not before or not hmac.compare_digest(csrf.encode(), before.encode()):
            told = _("This form is not from here, or it is old. Please try again.")
            return await _page(sessions, options, request, told, next, 403)
        try:
            session = await in_thread(_admit, sessions, request, login, password)
        except GoldenbatchError as error:
            status = 503 if isinstance(error, NodeError) else 401
            told = f"{error} {error.hint}".strip()
            return await _page(sessions, options, request, told, next, status)
        return entered(sessions, options, request, session, next)

    @app.post("/logout")
    async def log_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
        session = sessions.of(request)
        if session is not None:
            session.check(csrf)
            await in_thread(_end_at_node, session)
            sessions.end(session)
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    add_openid(app, sessions, options, entered)


def entered(
    sessions: Sessions, options: WebOptions, request: Request, session: Session, next_path: str
) -> Response:
    """The answer to somebody who has logged in: their cookie, and on to where they wanted."""
    earlier = sessions.of(request)
    if earlier is not None:
        sessions.end(earlier)
    answer = RedirectResponse(own_path(next_path), status_code=303)
    answer.set_cookie(
        COOKIE, session.key, max_age=WHOLE_S, httponly=True, samesite="lax", path="/",
        secure=options.is_tls,
    )  # fmt: skip
    answer.delete_cookie(BEFORE)
    return answer


def _admit(sessions: Sessions, request: Request, login: str, password: str) -> Session:
    client = sessions.stranger(request)
    try:
        token = client.post("/login", {"login": login, "password": password})["token"]
    finally:
        client.close()
    return sessions.admit(token)


def _end_at_node(session: Session) -> None:
    try:
        session.site.client.post("/logout")
    except DeniedError:
        return  # it has ended there already


async def _page(
    sessions: Sessions, options: WebOptions, request: Request, problem: str, next_path: str,
    status: int = 200,
) -> Response:  # fmt: skip
    try:
        welcome = await in_thread(_welcome, sessions, request)
    except GoldenbatchError as error:
        problem, status, welcome = f"{error} {error.hint}", 503, {}
    told = f'<p role="alert" class="gb-problem">{escape(problem)}</p>' if problem else ""
    csrf = request.cookies.get(BEFORE, "") or secrets.token_urlsafe(32)
    wanted = own_path(next_path)
    body = _FORM.format(
        told=told, next=escape(wanted), csrf=escape(csrf), login=escape(_("Login")),
        password=escape(_("Password")), submit=escape(_("Log in")),
        others=_others(welcome.get("providers", ()), wanted),
    )  # fmt: skip
    kind = banner(HomeKind(welcome["kind"])) if welcome else ""
    where = " · ".join(welcome[one] for one in ("name", "site")) if welcome else ""
    body = (f'<p class="gb-note">{escape(where)}</p>' if where else "") + body
    answer = document(_("Log in"), body, kind=kind, status=status)
    answer.set_cookie(BEFORE, csrf, httponly=True, samesite="strict", secure=options.is_tls)
    return answer


def _welcome(sessions: Sessions, request: Request) -> dict[str, Any]:
    client = sessions.stranger(request)
    try:
        found: dict[str, Any] = client.get("/welcome")
    finally:
        client.close()
    return found


def _others(providers: Any, wanted: str) -> str:
    """Links to the providers at which people may log in instead."""
    links = []
    for name in providers:
        to = escape(address("/login/with", provider=name, next=wanted))
        words = escape(_("Log in with {provider}").format(provider=name))
        links.append(f'<a class="gb-button" href="{to}">{words}</a>')
    return "".join(links)
