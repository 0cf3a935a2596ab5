"""Enrolment without a login: a one-time token, and the credential that its person chooses.

The forms are plain HTML. The node decides: it knows the token, what it is for, and until when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Form, Request
from fastapi.responses import Response

from goldenbatch.apps.web.qr import svg
from goldenbatch.apps.web.standing import document, speak
from goldenbatch.core.errors import BadInputError, GoldenbatchError
from goldenbatch.ui.web.threads import in_thread
from goldenbatch.ui.web.words import _

if TYPE_CHECKING:
    from goldenbatch.apps.web.sessions import Sessions

PATH = "/enrol"
Text = Annotated[str, Form(max_length=200_000)]


def add_enrolment(app: FastAPI, sessions: Sessions) -> None:
    """Serve the page on which people choose a credential of their own."""

    @app.get(PATH)
    async def enrol(request: Request, login: str = "") -> Response:
        speak(request)
        return _ask(login)

    @app.post(PATH)
    async def begin(request: Request, login: Text = "", token: Text = "") -> Response:
        speak(request)
        try:
            begun = await in_thread(
                _call, sessions, request, "begin", {"login": login, "token": token.strip()}
            )
        except GoldenbatchError as error:
            return _ask(login, f"{error} {error.hint}", 403)
        return _choose(login, token.strip(), begun)

    @app.post(f"{PATH}/finish")
    async def finish(request: Request) -> Response:
        speak(request)
        given = {name: str(value) for name, value in (await request.form()).items()}
        login, kept = given.get("login", ""), ("login", "token", "enrolment")
        try:
            answer = {**_answer(given), "label": given.get("label", "")[:100]}
            form = {**{name: given.get(name, "") for name in kept}, "answer": answer}
            done = await in_thread(_call, sessions, request, "finish", form)
        except GoldenbatchError as error:
            return _ask(login, f"{error} {error.hint}", 403)
        return _done(done)


def _call(sessions: Sessions, request: Request, act: str, form: Mapping[str, Any]) -> Any:
    client = sessions.stranger(request)
    try:
        return client.post(f"/enrolment/{act}", dict(form))
    finally:
        client.close()


def _answer(given: Mapping[str, str]) -> dict[str, Any]:
    """What the node takes for a kind of credential.

    Raises:
        BadInputError: The two passwords differ, or the key's answer cannot be read.
    """
    if given.get("kind") == "totp":
        return {"code": given.get("code", "").strip()}
    if given.get("kind") == "webauthn":
        try:
            return {"response": json.loads(given.get("response", ""))}
        except ValueError as error:
            raise BadInputError(
                _("the security key gave no answer."), hint=_("Begin again, and touch the key.")
            ) from error
    if given.get("password", "") != given.get("again", ""):
        raise BadInputError(_("the two passwords differ."), hint=_("Begin again."))
    return {"password": given.get("password", "")}


def _field(
    name: str, label: str, *, kind: str = "text", value: str = "", complete: str = "off",
    note: str = "",
) -> str:  # fmt: skip
    told = f'<p class="gb-note" id="{name}-note">{escape(note)}</p>' if note else ""
    described = f' aria-describedby="{name}-note"' if note else ""
    return (
        f'<div class="gb-field"><label for="{name}">{escape(label)}</label>'
        f'<input class="gb-input" id="{name}" name="{name}" type="{kind}" '
        f'value="{escape(value)}" autocomplete="{complete}" '
        f'autocapitalize="none" spellcheck="false" required{described}>{told}</div>'
    )


def _hidden(**values: str) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in values.items()
    )


def _form(action: str, body: str, words: str) -> str:
    button = f'<button class="gb-button gb-button-main" type="submit">{escape(words)}</button>'
    return f'<form method="post" action="{action}">{body}{button}</form>'


def _ask(login: str, problem: str = "", status: int = 200) -> Response:
    told = f'<p role="alert" class="gb-problem">{escape(problem)}</p>' if problem else ""
    body = _field("login", _("Login"), value=login, complete="username") + _field(
        "token", _("One-time token"),
        note=_("You were given it by an administrator; it can be used once, for a limited time."),
    )  # fmt: skip
    return document(_("Enrol"), told + _form(PATH, body, _("Go on")), status=status)


def _choose(login: str, token: str, begun: Mapping[str, Any]) -> Response:
    kind = str(begun["kind"])
    kept = _hidden(login=login, token=token, enrolment=str(begun["enrolment"]), kind=kind)
    action = f"{PATH}/finish"
    if kind == "password":
        body = kept + _field("password", _("Password that you choose"), kind="password",
                             complete="new-password",
                             note=_("Long is better than odd. Nobody else knows it.")) + _field(
            "again", _("The same again"), kind="password", complete="new-password")  # fmt: skip
        return document(_("Choose a password"), _form(action, body, _("Enrol")))
    if kind == "totp":
        return document(_("Enrol an app that gives codes"), _app(kept, action, begun))
    if kind == "webauthn":
        return document(_("Enrol a security key"), _key(kept, action, begun))
    told = _("A credential of this kind is not enrolled here: use the command line.")
    return document(_("Enrol"), f'<p class="gb-problem">{escape(told)}</p>')


def _app(kept: str, action: str, begun: Mapping[str, Any]) -> str:
    secret = str(begun["secret"])
    spaced = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
    told = _("Scan the code with your app, or type the secret into it; then enter what it shows.")
    body = (
        kept
        + _field("label", _("Name of the device"), value="app")
        + _field("code", _("Code that the app shows"), complete="one-time-code")
    )
    return (
        f"<p>{escape(told)}</p>{svg(str(begun['uri']), _('QR code with the secret for the app'))}"
        f'<p><code class="gb-mono">{escape(spaced)}</code></p>' + _form(action, body, _("Enrol"))
    )


def _key(kept: str, action: str, begun: Mapping[str, Any]) -> str:
    options = escape(json.dumps(begun["options"]))
    told = _("Plug the key in or hold it ready, then press the button and touch it.")
    failed = _("The browser or the key refused. Try again, or ask for another token.")
    body = (
        kept
        + _field("label", _("Name of the key"), value="security key")
        + '<input type="hidden" name="response" value="">'
    )
    return (
        f'<p>{escape(told)}</p><p role="alert" class="gb-problem" data-gb-failed hidden>'
        f'{escape(failed)}</p><div data-gb-enrol="{options}">'
        + _form(action, body, _("Use the key"))
        + '</div><script src="/static/enrol.js"></script>'
    )


def _done(done: Mapping[str, Any]) -> Response:
    if done.get("status") == "pending":
        told = _("It is enrolled, and counts once another person has confirmed who you are.")
    else:
        told = _("It is enrolled.")
    body = (
        f'<p role="status">{escape(told)}</p>'
        f'<p><a class="gb-link" href="/login">{escape(_("Log in"))}</a></p>'
    )
    return document(_("Enrolled"), body)
