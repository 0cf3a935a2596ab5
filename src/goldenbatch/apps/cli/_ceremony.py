"""How a person signs from the command line: shown, proved, signed; OpenID by a loopback page."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, urlsplit

import typer

from goldenbatch.core.credentials import CredentialKind
from goldenbatch.core.errors import BadInputError, DeniedError
from goldenbatch.runtime._ceremony_proofs import kind_of

if TYPE_CHECKING:
    from goldenbatch.apps.cli._session import Session
    from goldenbatch.apps.desk import Desk

WAIT_S = 300
_PAGE = b"<!doctype html><title>goldenbatch</title><p>You can close this page.</p>"

MethodOption = Annotated[
    str,
    typer.Option(
        "--method",
        help="What proves who signs: password, totp (password and code), oidc or oidc:PROVIDER.",
    ),
]


def sign_by(
    session: Session,
    desk: Desk,
    form: Mapping[str, Any],
    method: str,
    *,
    from_stdin: bool = False,
) -> dict[str, Any]:
    """Prepare what a form asks for, show the statement, and sign it by a method."""
    name, _, provider = method.partition(":")
    kind = kind_of({"kind": name})
    refuse_pages(kind)
    proof: dict[str, Any] = {"kind": kind.value, "login": form["login"]}
    if kind is CredentialKind.OIDC:
        with loopback(session) as (address, answer):
            asked = {**form, "kind": "oidc", "redirect_uri": address, "provider": provider}
            prepared = desk.ceremony.prepare(asked)
            _show(session, prepared)
            proof |= answer(prepared["url"])
    else:
        prepared = desk.ceremony.prepare({**form, "kind": "password"})
        _show(session, prepared)
        # Each call of the command line is a session of its own: all components, each time.
        proof |= {"kind": "password", "password": session.password(from_stdin)}
        if kind is CredentialKind.TOTP:
            proof["code"] = asked_code(from_stdin)
    return desk.ceremony.complete({"id": prepared["id"], **proof})


def asked_code(from_stdin: bool = False) -> str:
    """The code that an authenticator app shows, from the next line of stdin or the person.

    Raises:
        BadInputError: There is nobody to ask.
    """
    import sys

    if from_stdin:
        return sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        raise BadInputError(
            "there is no terminal to ask for the code of the app.",
            hint="Use --password-stdin: the password in the first line, the code in the second.",
        )
    return str(typer.prompt("Code", err=True))


def refuse_pages(method: CredentialKind) -> None:
    """Say where an authenticator is used, since a terminal cannot reach one.

    Raises:
        BadInputError: It is an authenticator.
    """
    if method is CredentialKind.WEBAUTHN:
        raise BadInputError(
            "an authenticator (WebAuthn) answers to a page of the home only.",
            hint="Open the page of the node; here sign with --method password or oidc.",
        )


def _show(session: Session, prepared: Mapping[str, Any]) -> None:
    statement = prepared["statement"]
    session.output.note(
        f"You sign: {statement['stream']} version {statement['version']}, "
        f"{statement['meaning']}, as {statement['printed_name']} ({statement['role']})."
    )
    lent = statement.get("acting_for")
    if lent:
        session.output.note(f"In the place of {lent['printed_name']}, by {lent['delegation']}.")
    session.output.note(f"Statement {prepared['statement_hash']}.")


@contextmanager
def loopback(session: Session) -> Iterator[tuple[str, Any]]:
    """A page on this machine to which a provider sends the browser back (RFC 8252, 7.3).

    Yields:
        Its address, and a function that shows where to log in and waits for the answer.
    """
    found: dict[str, str] = {}
    arrived = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            self.send_response(200 if "state" in query else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(_PAGE)
            if "state" in query and not arrived.is_set():
                found.update({name: values[0] for name, values in query.items()})
                arrived.set()

        def log_message(self, *_: object) -> None:
            """Keep codes out of the terminal."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def answer(url: str) -> dict[str, str]:
        session.output.note(f"Log in here:\n{url}")
        if not arrived.wait(WAIT_S):
            raise DeniedError("nobody logged in at the provider.", hint="Try again.")
        if "code" not in found:
            raise DeniedError(f"the provider refused: {found.get('error', 'no code')}.")
        return {"code": found["code"], "state": found["state"]}

    try:
        yield f"http://127.0.0.1:{server.server_port}/callback", answer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
