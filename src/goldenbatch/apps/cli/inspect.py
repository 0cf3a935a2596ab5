"""Inspection: `inspect open`, `inspect close`, `inspect copy`, `inspect list`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.inspection import inspection_of

ByOption = Annotated[str, typer.Option("--by", help="Login of who does this, by password.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
WhoOption = Annotated[str, typer.Option("--who", help="Login of the inspector.")]
ReasonOption = Annotated[str, typer.Option(help="Which inspection.")]


def _act(session: Session, act: str, by: str, from_stdin: bool, values: Any) -> dict[str, Any]:
    with session.open_site() as desk:
        return inspection_of(desk).act(act, by, session.password(from_stdin), values)


def open_(  # noqa: PLR0913 (one option a field of the record)
    session: Session, *, who: WhoOption,
    until: Annotated[str, typer.Option(help="Until when, ISO 8601 with offset.")],
    reason: ReasonOption, by: ByOption,
    name: Annotated[str, typer.Option(help="Their printed name, for a new account.")] = "",
    start: Annotated[str, typer.Option("--from", help="From when on (default: now).")] = "",
    role: Annotated[str, typer.Option(help="Time-boxed role (default: that of the policy).")] = "",
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Open the home to an inspector, who reads and takes copies until a time, no more."""
    form = {"who": who, "until": until, "reason": reason, "name": name, "start": start,
            "role": role}  # fmt: skip
    answer = _act(session, "open", by, password_stdin, form)

    def render(_: Any) -> None:
        out = session.output
        out.fields({key: answer[key] for key in ("login", "role", "start", "end")})
        if not answer["is_confirmed"]:
            out.line(
                "\nThe role counts once another person confirms it:\n"
                f"  goldenbatch access confirm {who} {answer['role']} --reason ... --by LOGIN"
            )
        if answer["token"]:
            out.line(f"\nHand this one-time token to {who}, who chooses a password with it:")
            out.line(f"  {answer['token']}")

    session.show(answer, render)


def close(
    session: Session, *, who: WhoOption, reason: ReasonOption, by: ByOption,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """End an inspector's access at once."""
    form = {"who": who, "reason": reason}
    session.show(_act(session, "close", by, password_stdin, form))


def copy(  # noqa: PLR0913 (one option a field of the record)
    session: Session, *,
    folder: Annotated[Path, typer.Argument(help="A new folder, such as on a stick.")],
    recipient: Annotated[str, typer.Option("--for", help="Who takes it, by name.")],
    reason: ReasonOption, by: ByOption,
    batch: Annotated[
        list[str] | None, typer.Option(help="Only this batch, whole; may be given again.")
    ] = None,
    since: Annotated[str, typer.Option(help="Only what was recorded from then on.")] = "",
    readings: Annotated[bool, typer.Option(help="Readings of sensors too.")] = True,
    password_stdin: StdinOption = False,
) -> None:  # fmt: skip
    """Make the copy that an inspector takes away: records, proof, verifier, prints, README."""
    form = {"folder": str(folder.resolve()), "recipient": recipient, "reason": reason,
            "batches": list(batch or ()), "since": since, "has_readings": readings}  # fmt: skip
    answer = _act(session, "copy", by, password_stdin, form)

    def render(_: Any) -> None:
        out = session.output
        out.fields({key: answer[key] for key in ("path", "copy_id", "n_events", "n_files")})
        if answer["withheld"]:
            out.line(f"Left out: data of class {', '.join(answer['withheld'])}.")
        out.line(f"\nDigest of its list of digests; let {recipient} write it down:")
        out.line(f"  {answer['sums_digest']}")

    session.show(answer, render)


def list_(session: Session) -> None:
    """Copies that were taken: when, by whom, for whom, of what, and their digests."""
    with session.open_site() as desk:
        answer = inspection_of(desk).copies()
    columns = ("taken", "copy_id", "recipient", "reason", "n_events", "sums_digest")
    session.show(answer, lambda _: session.output.table(answer["copies"], columns))
