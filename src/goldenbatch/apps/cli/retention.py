"""Retention: `retention`, `hold`, `deletion` and `erase`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.desk import Desk
from goldenbatch.apps.retention import retention_of
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import to_iso
from goldenbatch.core.retention import RETENTION_STREAM, first_schedule_text

ByOption = Annotated[str, typer.Option("--by", help="Login of who does this.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
ReasonOption = Annotated[str, typer.Option(help="Why.")]
HoldArgument = Annotated[str, typer.Argument(help="Identifier of the hold, such as H-1.")]
DeletionArgument = Annotated[str, typer.Argument(help="Identifier of the deletion, such as D-1.")]
ManyOption = list[str] | None


def _act(session: Session, act: str, by: str, from_stdin: bool, **values: Any) -> None:
    with session.open_site() as desk:
        session.show(retention_of(desk).act(act, by, session.password(from_stdin), values))


# ---- schedules ------------------------------------------------------------------------------


def show(
    session: Session,
    text: Annotated[
        bool, typer.Option("--text", help="The first schedule as TOML, to copy and change.")
    ] = False,
) -> None:
    """The schedule of retention in force, and those that were put forward."""
    if text:
        session.show({"text": first_schedule_text()}, lambda a: session.output.line(a["text"]))
        return
    with session.open_site() as desk:
        answer = retention_of(desk).show()

        def render(_: Any) -> None:
            if not answer["is_in_force"]:
                session.output.line("No schedule is in force: everything is kept.")
            rows = [
                {**one, "what": ", ".join(one["what"]), "keep": "; ".join(one["keep"])}
                for one in answer["rules"]
            ]
            session.output.table(rows, ["name", "what", "batch", "keep", "source"], empty="")
            columns = ["version", "effective_from", "proposed_by", "approved_by", "is_in_force"]
            session.output.table(answer["schedules"], columns, empty="No schedule was adopted.")

        session.show(answer, render)


def adopt(
    session: Session,
    reason: ReasonOption,
    by: ByOption,
    file: Annotated[
        Path | None, typer.Argument(help="The schedule as TOML (default: the package's first).")
    ] = None,
    *,
    effective_from: Annotated[
        str, typer.Option("--from", help="From when on, ISO 8601 with offset (default: now).")
    ] = "",
    password_stdin: StdinOption = False,
) -> None:
    """Put a schedule forward; it counts once another person has approved it."""
    text = file.read_text("utf-8") if file is not None else first_schedule_text()
    _act(
        session, "retention-adopt", by, password_stdin,
        text=text, reason=reason, effective_from=effective_from,
    )  # fmt: skip


def approve_schedule(
    session: Session,
    by: ByOption,
    reason: ReasonOption = "read and found right",
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Approve the newest schedule by a signature."""
    form = {"login": by, "stream": RETENTION_STREAM, "meaning": "approved", "reason": reason}
    with session.open_site() as desk:
        session.show(sign_by(session, desk, form, method, from_stdin=password_stdin))


def due(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """What may be deleted, oldest duty first; looks at everything that there is."""
    with session.open_site() as desk:
        with session.output.progress("Looking at everything"):
            answer = retention_of(desk).due(limit)
        columns = ["what", "ref", "n", "kept until", "rules"]
        rows = [
            {**one, "kept until": to_iso(one["until"])[:10], "rules": ", ".join(one["rules"])}
            for one in answer["due"]
        ]
        session.show(answer, lambda _: session.output.table(rows, columns, empty="Nothing is due."))


def explain(
    session: Session,
    ref: Annotated[
        str, typer.Argument(help="A stream, stream@n, a file's digest, or hand-over/n.")
    ],
) -> None:
    """Whether something may be deleted, and why (not)."""
    with session.open_site() as desk:
        answer = retention_of(desk).explain(ref)

        def render(_: Any) -> None:
            word = "may be deleted" if answer["is_allowed"] else "must be kept"
            session.output.line(f"{answer['ref']} {word}:")
            for one in answer["reasons"]:
                session.output.line(f"  {one}")

        session.show(answer, render)


# ---- holds ----------------------------------------------------------------------------------


def place(  # noqa: PLR0913 (one option a part of the scope)
    session: Session, hold: HoldArgument, reason: ReasonOption, by: ByOption,
    basis: Annotated[str, typer.Option(help="What obliges the site: order, inspection, ...")],
    *,
    stream: Annotated[ManyOption, typer.Option(help="A record; ending in / all below.")] = None,
    batch: Annotated[ManyOption, typer.Option(help="A batch with all that documents it.")] = None,
    place: Annotated[ManyOption, typer.Option(help="A place with all below it.")] = None,
    tag: Annotated[ManyOption, typer.Option(help="A tag with its readings.")] = None,
    data_class: Annotated[ManyOption, typer.Option(help="A class of data.")] = None,
    start: Annotated[str, typer.Option(help="Only of this time on, ISO 8601.")] = "",
    end: Annotated[str, typer.Option(help="Only of before this time, ISO 8601.")] = "",
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Forbid the deletion of all that fits every part given; given none, of everything."""
    _act(
        session, "hold-place", by, password_stdin, hold=hold, reason=reason, basis=basis,
        streams=list(stream or ()), batches=list(batch or ()), places=list(place or ()),
        tags=list(tag or ()), data_classes=list(data_class or ()), start=start, end=end,
    )  # fmt: skip


def lift(
    session: Session, hold: HoldArgument, reason: ReasonOption, by: ByOption,
    method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """End a hold by a signature, of another person than the one who placed it."""
    form = {"login": by, "hold": hold, "reason": reason}
    with session.open_site() as desk:
        session.show(sign_by(session, desk, form, method, from_stdin=password_stdin))


def holds(session: Session) -> None:
    """Holds, newest first, those that were lifted too."""
    with session.open_site() as desk:
        answer = retention_of(desk).holds()
        columns = ["hold", "words", "basis", "placed_by", "is_active", "lifted_by"]
        session.show(
            answer, lambda _: session.output.table(answer["holds"], columns, empty="No holds.")
        )


# ---- deletions ------------------------------------------------------------------------------


def propose(
    session: Session, deletion: DeletionArgument, reason: ReasonOption, by: ByOption,
    ref: Annotated[
        list[str] | None,
        typer.Argument(help="Streams, stream@n, digests, hand-over/n (default: all that is due)."),
    ] = None,
    *,
    method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Propose to delete what is due, and sign that; another person must approve it."""
    values = {"deletion": deletion, "reason": reason, "refs": list(ref or ())}
    with session.open_site() as desk:
        session.show(_proposed(session, desk, "deletion-propose", by, values, method,
                               from_stdin=password_stdin))  # fmt: skip


def _proposed(
    session: Session, desk: Desk, act: str, by: str, values: dict[str, Any], method: str, *,
    from_stdin: bool,
) -> dict[str, Any]:  # fmt: skip
    """Propose by password, and sign the proposal by the same or another method."""
    password = session.password(from_stdin)
    answer = retention_of(desk).act(act, by, password, values)
    form = {"stream": answer["stream"], "meaning": "performed", "reason": values["reason"]}
    if method == "password":
        signed = desk.sign(by, password, form)
    else:
        signed = sign_by(session, desk, {"login": by, **form}, method)
    return {**answer, "signed": signed}


def approve(
    session: Session, deletion: DeletionArgument, reason: ReasonOption, by: ByOption,
    method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Approve a deletion by a signature, as another person, and carry it out."""
    form = {"login": by, "deletion": deletion, "reason": reason}
    with session.open_site() as desk:
        signed = sign_by(session, desk, form, method, from_stdin=password_stdin)
        with session.output.progress(f"Deleting {deletion}"):
            answer = retention_of(desk).finish(deletion)
        session.show({**answer, "signed": signed})


def refuse(
    session: Session, deletion: DeletionArgument, reason: ReasonOption, by: ByOption,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Refuse a deletion that was proposed, or take back one's own."""
    _act(session, "deletion-refuse", by, password_stdin, deletion=deletion, reason=reason)


def finish(session: Session, deletion: DeletionArgument) -> None:
    """Carry out a deletion that two people have signed, or finish one that was cut short."""
    with session.open_site() as desk:
        with session.output.progress(f"Deleting {deletion}"):
            answer = retention_of(desk).finish(deletion)
        session.show(answer)


def deletions(session: Session) -> None:
    """Deletions, newest first, each as it stands."""
    with session.open_site() as desk:
        answer = retention_of(desk).deletions()
        columns = ["deletion", "basis", "state", "n_things", "proposed_by", "approved_by"]
        session.show(
            answer,
            lambda _: session.output.table(answer["deletions"], columns, empty="No deletions."),
        )


def describe(session: Session, deletion: DeletionArgument) -> None:
    """A deletion with its things, and what it lacks."""
    with session.open_site() as desk:
        session.show(retention_of(desk).deletion(deletion))


# ---- erasure --------------------------------------------------------------------------------


def propose_erasure(
    session: Session, deletion: DeletionArgument, reason: ReasonOption, by: ByOption,
    *,
    login: Annotated[str, typer.Option(help="Whose account, training and signatures.")] = "",
    record: Annotated[str, typer.Option(help="Record whose personal entries are to go.")] = "",
    method: MethodOption = "password", password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Propose the erasure of a person's data as far as the law lets them go, and sign that."""
    if bool(login) == bool(record):
        raise BadInputError("whose data are to go?", hint="Give --login or --record, and not both.")
    values = {"deletion": deletion, "reason": reason, "login": login, "record": record}
    with session.open_site() as desk:
        answer = _proposed(session, desk, "erasure-propose", by, values, method,
                           from_stdin=password_stdin)  # fmt: skip

        def render(_: Any) -> None:
            session.output.fields({name: answer[name] for name in ("stream", "version", "seq")})
            for one in answer["kept"]:
                session.output.line(f"Kept: {one['ref']}: {'; '.join(one['reasons'])}")

        session.show(answer, render)
