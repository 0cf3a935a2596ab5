"""Logging in at an OpenID provider: there, and back to the browser that went."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from goldenbatch.apps.web.addresses import own_path
from goldenbatch.apps.web.standing import document, speak
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.ui.web.proofs import BACK, arrived
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.apps.web.app import WebOptions
    from goldenbatch.apps.web.sessions import Session, Sessions

RETURN = "/login/back"
GONE = "goldenbatch_gone"
"""Cookie of a browser that went to a provider: names what it went for."""
MAX_GONE, GONE_S = 1000, 600.0

Entered = Callable[..., Response]


@dataclass
class _Gone:
    """Who went to a provider and has not come back; bounded, oldest forgotten first."""

    timer: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[str, float]] = field(default_factory=dict)

    def put(self, name: str, wanted: str) -> None:
        now = self.timer()
        self._kept = {k: one for k, one in self._kept.items() if now - one[1] < GONE_S}
        while len(self._kept) >= MAX_GONE:
            self._kept.pop(next(iter(self._kept)))
        self._kept[name] = (wanted, now)

    def take(self, name: str) -> str | None:
        wanted, at = self._kept.pop(name, (None, 0.0))
        return wanted if self.timer() - at < GONE_S else None


def add_openid(app: FastAPI, sessions: Sessions, options: WebOptions, entered: Entered) -> None:
    """Serve the way to a provider and back."""
    gone = _Gone()

    @app.get("/login/with")
    async def go(request: Request, provider: str = "", next: str = "/") -> Response:
        speak(request)
        back = (options.public_url or str(request.base_url).rstrip("/")) + RETURN
        form = {"provider": provider, "redirect_uri": back}
        found = await in_thread(_ask, sessions, request, "/login/oidc/begin", form)
        gone.put(found["id"], own_path(next))
        answer = RedirectResponse(found["url"], status_code=303)
        answer.set_cookie(
            GONE, found["id"], max_age=int(GONE_S), httponly=True, samesite="lax",
            secure=options.is_tls, path=RETURN,
        )  # fmt: skip
        return answer

    @app.get(RETURN)
    async def back(request: Request, code: str = "", state: str = "") -> Response:
        speak(request)
        name = request.cookies.get(GONE, "")
        wanted = gone.take(name)
        if wanted is None or not code:
            return _refused(_("Nobody went to the provider from here, or it took too long."))
        form = {"id": name, "code": code, "state": state}
        try:
            token = (await in_thread(_ask, sessions, request, "/login/oidc/finish", form))["token"]
            session = await in_thread(sessions.admit, token)
        except GoldenbatchError as error:
            return _refused(f"{error} {error.hint}")
        answer: Response = entered(sessions, options, request, session, wanted)
        answer.delete_cookie(GONE, path=RETURN)
        return answer

    @app.get(BACK)
    async def signed(
        request: Request, code: str = "", state: str = "", error: str = ""
    ) -> Response:
        speak(request)
        session = sessions.of(request)
        is_known = session is not None and _is_expected(session, state, code, error)
        text = _("You can close this window and go on where you were.")
        if not is_known:
            text = _("Nobody asked for this signature here, or it took too long.")
        status = 200 if is_known else 403
        return document(_("Back from the provider"), f"<p>{escape(text)}</p>", status=status)


def _is_expected(session: Session, state: str, code: str, error: str) -> bool:
    return arrived(session.person.uid, state, code, error)


def _ask(sessions: Sessions, request: Request, path: str, form: dict[str, str]) -> Any:
    client = sessions.stranger(request)
    try:
        return client.post(path, form)
    finally:
        client.close()


def _refused(words: str) -> Response:
    body = f'<p role="alert" class="gb-problem">{escape(words)}</p>'
    body += f'<p><a class="gb-link" href="/login">{escape(_("Log in"))}</a></p>'
    return document(_("That did not work"), body, status=403)
