"""Rights: `procedure`, `training`, `delegation` and `access`."""

from __future__ import annotations

import base64
import mimetypes
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.rights import accountability_text, rights_of

ByOption = Annotated[str, typer.Option("--by", help="Login of who does this, by password.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
LoginArgument = Annotated[str, typer.Argument(help="Login of the person.")]
ProcedureArgument = Annotated[str, typer.Argument(help="Identifier of the procedure.")]
IdArgument = Annotated[str, typer.Argument(help="Identifier of the delegation.")]
RoleArgument = Annotated[str, typer.Argument(help="Role.")]
ReasonOption = Annotated[str, typer.Option(help="Why.")]
VersionOption = Annotated[str, typer.Option(help="Version; the one in force by default.")]
StartOption = Annotated[str, typer.Option(help="From when on, ISO 8601 with offset.")]
EndOption = Annotated[str, typer.Option(help="Until when, ISO 8601 with offset.")]


def _act(session: Session, act: str, by: str, from_stdin: bool, **values: Any) -> None:
    with session.open_site() as desk:
        session.show(rights_of(desk).act(act, by, session.password(from_stdin), values))


def _rows(session: Session, projection: str, name: str) -> None:
    with session.open_site() as desk:
        rows = [dict(row) for row in desk.site.ledger.select(projection)]
        columns = list(rows[0]) if rows else []
        session.show({name: rows}, lambda _: session.output.table(rows, columns))


def issue(  # noqa: PLR0913 (one option a field of the record)
    session: Session, *, procedure: ProcedureArgument,
    file: Annotated[Path, typer.Argument(help="The document.", exists=True, dir_okay=False)],
    version: Annotated[str, typer.Option(help="Its version.")],
    title: Annotated[str, typer.Option(help="Its title.")],
    effective_from: Annotated[str, typer.Option("--from", help="From when on, ISO 8601.")],
    reason: ReasonOption, by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Issue a version of a procedure; it counts once somebody else has approved it."""
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    _act(
        session, "procedure-issue", by, password_stdin, procedure=procedure, version=version,
        title=title, effective_from=effective_from, reason=reason, media_type=kind,
        content=base64.b64encode(file.read_bytes()).decode(),
    )  # fmt: skip


def approve(
    session: Session, *, procedure: ProcedureArgument, by: ByOption,
    reason: ReasonOption = "read and found right", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve the newest version of a procedure by a signature."""
    with session.open_site() as desk:
        form = {"stream": f"procedure/{procedure}", "meaning": "approved", "reason": reason}
        session.show(desk.sign(by, session.password(password_stdin), form))


def withdraw(
    session: Session, *, procedure: ProcedureArgument,
    version: Annotated[str, typer.Option(help="Which version.")],
    reason: ReasonOption, by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Take a version of a procedure out of force."""
    _act(
        session, "procedure-withdraw", by, password_stdin,
        procedure=procedure, version=version, reason=reason,
    )  # fmt: skip


def procedures(session: Session) -> None:
    """Procedures and their versions."""
    _rows(session, "procedure", "procedures")


def assign(
    session: Session, *, login: LoginArgument, procedure: ProcedureArgument,
    due: Annotated[str, typer.Option(help="Until when, ISO 8601 with offset.")],
    reason: ReasonOption, by: ByOption,
    version: VersionOption = "", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Ask a person to be trained on a procedure."""
    _act(
        session, "training-assign", by, password_stdin, login=login, procedure=procedure,
        version=version, due_at=due, reason=reason,
    )  # fmt: skip


def complete(
    session: Session, *, login: LoginArgument, procedure: ProcedureArgument,
    method: Annotated[str, typer.Option(help="Such as read, observed or tested.")],
    by: ByOption, version: VersionOption = "",
    expires: Annotated[str, typer.Option(help="From when on it counts no more.")] = "",
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Say, as the assessor, that another person was trained and found competent."""
    _act(
        session, "training-complete", by, password_stdin, login=login, procedure=procedure,
        version=version, method=method, expires_at=expires,
    )  # fmt: skip


def untrain(
    session: Session, *, login: LoginArgument, procedure: ProcedureArgument,
    reason: ReasonOption, by: ByOption,
    version: VersionOption = "", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Have a training count no more."""
    _act(
        session, "training-withdraw", by, password_stdin,
        login=login, procedure=procedure, version=version, reason=reason,
    )  # fmt: skip


def trainings(session: Session) -> None:
    """Trainings by person and version."""
    _rows(session, "training", "trainings")


def gaps(session: Session) -> None:
    """Who lacks which training on a version in force."""
    with session.open_site() as desk:
        rows = rights_of(desk).report()["gaps"]
        columns = ["uid", "procedure", "version", "due_at"]
        session.show({"gaps": rows}, lambda _: session.output.table(rows, columns))


def delegate(  # noqa: PLR0913 (one option a field of the record)
    session: Session, *, delegation: IdArgument,
    delegator: Annotated[str, typer.Option("--from", help="Login of whose role is lent.")],
    to: Annotated[str, typer.Option(help="Login of who is to act.")],
    role: Annotated[str, typer.Option(help="Which role.")],
    start: StartOption, end: EndOption, reason: ReasonOption, by: ByOption,
    action: Annotated[list[str] | None, typer.Option(help="For what only.")] = None,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Propose that somebody acts in another's place; another person must approve it."""
    _act(
        session, "delegation-propose", by, password_stdin, delegation=delegation,
        delegator=delegator, delegate=to, role=role, actions=list(action or ()),
        start=start, end=end, reason=reason,
    )  # fmt: skip


def allow(
    session: Session, *, delegation: IdArgument, by: ByOption,
    reason: ReasonOption = "", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve a delegation that another person proposed."""
    _act(session, "delegation-approve", by, password_stdin, delegation=delegation, reason=reason)


def undelegate(
    session: Session, *, delegation: IdArgument, reason: ReasonOption, by: ByOption,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """End a delegation at once."""
    _act(session, "delegation-revoke", by, password_stdin, delegation=delegation, reason=reason)


def delegations(session: Session) -> None:
    """Delegations, and whether they were approved."""
    _rows(session, "delegation", "delegations")


def report(session: Session) -> None:
    """Who has what, and what is not as it should be."""
    with session.open_site() as desk:
        answer = rights_of(desk).report()
        columns = ["login", "roles", "is_active", "is_identified", "is_accountable", "trained_on"]
        session.show(answer, lambda _: session.output.table(answer["people"], columns))


def review(
    session: Session, *, review: Annotated[str, typer.Argument(help="Identifier of the review.")],
    conclusion: Annotated[str, typer.Option(help="What you say of it.")],
    by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Record who has what; it counts once another one signs `access-review/<id>` reviewed."""
    _act(session, "access-review", by, password_stdin, review=review, conclusion=conclusion)


def identify(
    session: Session, *, login: LoginArgument,
    how: Annotated[str, typer.Option(help="Such as identity card, seen in person.")],
    by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Say that you have made sure who the person behind an account is."""
    _act(session, "identity-verify", by, password_stdin, login=login, how=how)


def accept(session: Session, *, by: ByOption, password_stdin: StdinOption = False) -> None:
    """Accept to be accountable for all that is done under your signature."""
    text = accountability_text()
    session.output.note(text)
    _act(session, "accountability-accept", by, password_stdin, text=text)


def window(
    session: Session, *, login: LoginArgument, role: RoleArgument,
    start: StartOption, end: EndOption, reason: ReasonOption, by: ByOption,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Let a role of a person count within a window only."""
    _act(
        session, "window-set", by, password_stdin,
        login=login, role=role, start=start, end=end, reason=reason,
    )  # fmt: skip


def propose(
    session: Session, *, login: LoginArgument, role: RoleArgument, reason: ReasonOption,
    by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Propose a role for another person."""
    _act(session, "role-propose", by, password_stdin, login=login, role=role, reason=reason)


def confirm(
    session: Session, *, login: LoginArgument, role: RoleArgument, reason: ReasonOption,
    by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Give a role that another person proposed."""
    _act(session, "role-confirm", by, password_stdin, login=login, role=role, reason=reason)


def refuse(
    session: Session, *, login: LoginArgument, role: RoleArgument, reason: ReasonOption,
    by: ByOption, password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Not give a role that was proposed."""
    _act(session, "role-refuse", by, password_stdin, login=login, role=role, reason=reason)


def may(
    session: Session, *, login: LoginArgument,
    action: Annotated[str, typer.Argument(help="Such as sign:released or record.")],
    stream: Annotated[str, typer.Argument(help="The record, such as batch/7.")],
) -> None:  # fmt: skip
    """Whether somebody may do something to a record, and on what grounds."""
    with session.open_site() as desk:
        session.show(rights_of(desk).ask(login, action, stream))


def list_for(
    session: Session, *, login: LoginArgument,
    action: Annotated[str, typer.Argument(help="Such as sign:released or read.")],
    projection: Annotated[str, typer.Argument(help="Such as batch, sample or finding.")],
) -> None:  # fmt: skip
    """Rows of records to which somebody may do something."""
    with session.open_site() as desk:
        answer = rights_of(desk).list_for(login, action, projection)
        columns = list(answer["rows"][0]) if answer["rows"] else []
        session.show(answer, lambda _: session.output.table(answer["rows"], columns))
