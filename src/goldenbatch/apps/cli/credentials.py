"""What people prove with who they are: `credential offer`, `add`, `list`, `confirm`, ..."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import asked_code, loopback, refuse_pages
from goldenbatch.apps.cli._session import Session
from goldenbatch.core.credentials import CredentialKind
from goldenbatch.core.errors import BadInputError

LoginArgument = Annotated[str, typer.Argument(help="Whose credential.")]
IdArgument = Annotated[str, typer.Argument(help="Its id, as `credential list` shows it.")]
ReasonOption = Annotated[str, typer.Option(help="Why.")]
ByOption = Annotated[
    str, typer.Option("--by", help="Login of who does this, proved by their password.")
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
COLUMNS = ("credential", "kind", "class", "label", "status", "added_at", "last_used_at")


def _named(session: Session, by: str, from_stdin: bool) -> dict[str, Any]:
    return {"by": by, "password": session.password(from_stdin)} if by else {}


def offer(
    session: Session,
    login: LoginArgument,
    kind: Annotated[CredentialKind, typer.Argument(help="Of which kind.")],
    reason: ReasonOption,
    by: ByOption = "",
    password_stdin: StdinOption = False,
) -> None:
    """Make a one-time token, with which a person chooses a credential of their own."""
    with session.open_site() as desk:
        form = {"login": login, "kind": kind.value, "reason": reason}
        session.show(desk.ceremony.offer({**form, **_named(session, by, password_stdin)}))


def add(
    session: Session,
    login: LoginArgument,
    token: Annotated[str, typer.Option(help="The one-time token.")],
    label: Annotated[str, typer.Option(help="Name for it.")] = "",
    provider: Annotated[str, typer.Option(help="OpenID provider, of several.")] = "",
    password_stdin: StdinOption = False,
) -> None:
    """Enrol a credential of your own with a one-time token.

    A password is chosen here; an authenticator app shows its code; at an OpenID provider you
    log in.
    """
    with session.open_site() as desk, loopback(session) as (address, answer):
        given = {"login": login, "token": token}
        begun = desk.ceremony.begin({**given, "redirect_uri": address, "provider": provider})
        kind = CredentialKind(begun["kind"])
        refuse_pages(kind)
        chosen: dict[str, Any] = {"label": label}
        if kind is CredentialKind.PASSWORD:
            chosen["password"] = session.password(password_stdin, is_new=True)
        elif kind is CredentialKind.TOTP:
            session.output.note(f"Put this into your app: {begun['uri']}")
            chosen["code"] = asked_code(password_stdin)
        else:
            chosen |= answer(begun["url"])
        form = {**given, "enrolment": begun["enrolment"], "answer": chosen}
        session.show(desk.ceremony.finish(form))


def list_(session: Session, login: LoginArgument) -> None:
    """Credentials of a person: kind, class and status, no secret."""
    with session.open_site() as desk:
        answer = desk.ceremony.credentials(login)
        session.show(answer, lambda _: session.output.table(answer["credentials"], COLUMNS))


def confirm(
    session: Session,
    login: LoginArgument,
    credential: IdArgument,
    how: Annotated[str, typer.Option(help="How you know them, such as a passport.")],
    by: ByOption = "",
    password_stdin: StdinOption = False,
) -> None:
    """Say as a second person that you know whose credential it is; from now on it counts."""
    form = {"login": login, "credential": credential, "reason": how}
    _act(session, "confirm", form, by, password_stdin)


def revoke(
    session: Session,
    login: LoginArgument,
    credential: IdArgument,
    reason: ReasonOption,
    by: ByOption = "",
    password_stdin: StdinOption = False,
) -> None:
    """Take a credential out of use at once."""
    form = {"login": login, "credential": credential, "reason": reason}
    _act(session, "revoke", form, by, password_stdin)


def replace(
    session: Session,
    login: LoginArgument,
    credential: IdArgument,
    by: ByOption,
    *,
    reason: Annotated[str, typer.Option(help="Why; of the first of the two people.")] = "",
    approve: Annotated[bool, typer.Option("--approve", help="Agree to what was asked.")] = False,
    password_stdin: StdinOption = False,
) -> None:
    """Replace a lost credential: one person asks, another one agrees (--approve).

    Neither is its owner, who gets the one-time token and chooses the new one.
    """
    act = "approve" if approve else "request"
    if not approve and not reason:
        raise BadInputError("a replacement says why.", hint="Give --reason.", key="reason")
    form = {"login": login, "credential": credential, "reason": reason}
    _act(session, act, form, by, password_stdin)


def _act(session: Session, act: str, form: dict[str, str], by: str, from_stdin: bool) -> None:
    with session.open_site() as desk:
        session.show(desk.ceremony.act(act, {**form, **_named(session, by, from_stdin)}))
