"""The policy: `policy show`, `diff`, `propose`, `proposals` and `adopt`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.policies import policies_of
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.policy import first_policy, first_policy_text

FileArgument = Annotated[
    Path, typer.Argument(help="The policy as TOML.", exists=True, dir_okay=False)
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
HISTORY = ("version", "seq", "effective_from", "standing", "reason")
PROPOSED = ("version", "digest", "at", "proposed_by", "state", "reason")


def show(
    session: Session,
    *,
    text: Annotated[
        bool, typer.Option("--text", help="The whole table, as a file to change.")
    ] = False,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The table that this version of the package ships.")
    ] = False,
) -> None:
    """The policy in force: who signed it, or since when it stands unsigned."""
    if shipped:
        table = {"version": first_policy().version, "text": first_policy_text()}
        session.show(table, lambda _: typer.echo(table["text"], nl=False))
        return
    with session.open_site() as desk:
        answer = policies_of(desk).show()
        if text and not session.output.is_json:
            typer.echo(answer["text"], nl=False)  # as it is, so that it can be a file
            return

        def render(_: Any) -> None:
            names = ("title", "version", "digest", "effective_from", "standing", "signed_as")
            session.output.fields({name: answer[name] for name in names})
            session.output.line("\nHistory")
            session.output.table(answer["history"], HISTORY)
            if not answer["is_signed"]:
                session.output.line(
                    "Nobody has signed it: `goldenbatch policy adopt --user LOGIN`."
                )

        session.show(answer, render)


def diff(session: Session, file: FileArgument) -> None:
    """What a policy file would change here, and why it could not be adopted."""
    with session.open_site() as desk:
        answer = policies_of(desk).diff(_read(file))

        session.show(answer, lambda _: _told(answer, session.output.line))


def _told(answer: dict[str, Any], say: Callable[[str], None]) -> None:
    for one in answer["changes"]:
        say(one["text"])
    if not answer["changes"]:
        say("Nothing changes.")
    for fault in answer["faults"]:
        say(f"REFUSED: {fault}.")


def propose(
    session: Session,
    file: FileArgument,
    by: Annotated[str, typer.Option("--by", help="Login of who proposes it, by password.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    *,
    effective_from: Annotated[
        str, typer.Option("--from", help="From when on, ISO 8601; its adoption by default.")
    ] = "",
    password_stdin: StdinOption = False,
) -> None:
    """Propose a policy; it has no effect before another person has signed it."""
    with session.open_site() as desk:
        password = session.password(password_stdin)
        session.show(policies_of(desk).propose(by, password, _read(file), reason, effective_from))


def proposals(session: Session) -> None:
    """Proposed policies, and what became of them."""
    with session.open_site() as desk:
        answer = policies_of(desk).proposals()
        session.show(answer, lambda _: session.output.table(answer["proposals"], PROPOSED))


def adopt(
    session: Session,
    digest: Annotated[
        str, typer.Argument(help="First digits of the proposal; none: sign the first policy.")
    ] = "",
    *,
    user: Annotated[str, typer.Option("--user", help="Login of the person who signs.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Sign a proposed policy, by another person than proposed it; from then on it is in force."""
    with session.open_site() as desk:
        if digest:  # what is signed is shown before it is signed
            _told(policies_of(desk).proposal(digest), session.output.note)
        form = {"login": user, "policy": digest or "first", "reason": reason}
        answer = sign_by(session, desk, form, method, from_stdin=password_stdin)
        session.show({**answer, "policy": policies_of(desk).show()["standing"]})


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(
            "this is not UTF-8 text.", hint="Save it as UTF-8.", file=str(file)
        ) from error
