"""The audit trail: `trail show`, `trail open`, `trail review`, `trail print`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError

LoginOption = Annotated[str, typer.Option(help="Who; their password is asked for.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]
FiltersArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Which entries: stream=, batch=, prefix=, person=, kind=, act=, since=, until=, "
        "text=, changes (after first entry), late, unsigning; several of one name mean any."
    ),
]
MANY = {"stream": "streams", "kind": "kinds", "act": "acts"}
ONE = {"batch": "batch", "prefix": "prefix", "person": "actor", "since": "since",
       "until": "until", "text": "text"}  # fmt: skip
FLAGS = {"late": "is_late", "unsigning": "is_unsigning"}
COLUMNS = ("seq", "recorded", "who", "role", "act", "stream", "kind", "what", "reason")


def wanted(filters: list[str] | None) -> dict[str, Any]:
    """A filter of the trail from words such as `batch=7`, `act=corrected` or `late`.

    Raises:
        BadInputError: A word is no filter.
    """
    found: dict[str, Any] = {}
    for word in filters or ():
        name, sign, value = word.partition("=")
        if name in MANY and value:
            found.setdefault(MANY[name], []).append(value)
        elif name in ONE and value:
            found[ONE[name]] = value
        elif name in FLAGS and not sign:
            found[FLAGS[name]] = True
        elif word == "changes":
            found.setdefault("acts", []).extend(["changed", "corrected"])
        else:
            known = ", ".join([*(f"{one}=..." for one in (*MANY, *ONE)), *FLAGS, "changes"])
            raise BadInputError(f"{word!r} is no filter of the trail.", hint=f"There are: {known}.")
    return found


def show(
    session: Session,
    filters: FiltersArgument = None,
    sort: Annotated[
        str, typer.Option(help="seq, stream, actor or kind; with - descending.")
    ] = "-seq",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many.")] = 0,
) -> None:
    """Entries of the trail: who did what, when and why, the old value and the new one."""
    with session.open_site() as desk:
        page = {"sort": sort, "limit": limit, "offset": offset}
        answer = desk.trail(wanted(filters), page)
        session.show(answer, lambda _: _render(session, answer))


def _render(session: Session, answer: dict[str, Any]) -> None:
    rows = [{**one, "who": who(one), "what": what(one)} for one in answer["entries"]]
    session.output.table(rows, COLUMNS, empty="No entries.")
    first = answer["offset"] + 1 if rows else 0
    last = answer["offset"] + len(rows)
    session.output.line(f"Entries {first:,} to {last:,} of {answer['n_entries']:,}.")


def who(entry: dict[str, Any]) -> str:
    """Printed name, or the uid where there is none to see."""
    return str(entry["printed_name"] or entry["actor"])


def what(entry: dict[str, Any]) -> str:
    """The changes of an entry in one text."""
    after = entry["act"] in ("changed", "corrected")
    parts = [
        f"{one['field']}: {one['old'] or '(none)'} -> {one['new'] or '(none)'}"
        if after
        else f"{one['field']}: {one['new']}"
        for one in entry["changes"]
    ]
    if entry["unsigned_since"]:
        parts.append(f"UNSIGNED since version {entry['unsigned_since']}")
    return "; ".join(parts)


def open_(
    session: Session,
    login: LoginOption,
    filters: FiltersArgument = None,
    password_stdin: StdinOption = False,
) -> None:
    """Show a person all entries that fit, and record that they were shown, for a review."""
    with session.open_site() as desk:
        answer = desk.open_trail(login, session.password(password_stdin), wanted(filters))

        def render(_: Any) -> None:
            _render(session, answer)
            place = f"--stream {answer['review_stream']} --opened {answer['opened']}"
            session.output.line(f"Review: goldenbatch trail review {place} --login {login}")

        session.show(answer, render)


def review(
    session: Session,
    login: LoginOption,
    stream: Annotated[str, typer.Option(help="Where the showing stands, as `trail open` says.")],
    opened: Annotated[int, typer.Option(min=1, help="Version of the showing.")],
    comment: Annotated[str, typer.Option(help="What was looked at and found.")],
    *,
    action_needed: Annotated[
        bool, typer.Option("--action-needed", help="Something was found that needs action.")
    ] = False,
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Review entries that were shown to you before, signed."""
    form = {
        "login": login, "trail": stream, "opened": opened, "comment": comment,
        "is_satisfactory": not action_needed,
    }  # fmt: skip
    with session.open_site() as desk:
        session.show(sign_by(session, desk, form, method, from_stdin=password_stdin))


def print_(
    session: Session,
    filters: FiltersArgument = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write into (default: the home's reports/).")
    ] = None,
) -> None:
    """Write entries as PDF and HTML, as JSON Lines and CSV, and their proof."""
    from goldenbatch.capabilities.execution import write_trail

    folder = out or session.home / "reports"
    with session.open_site() as desk:
        with session.output.progress("Printing the trail"):
            copy = desk.trail(wanted(filters), {"sort": "seq"})
            written = write_trail(desk.site, copy, folder)
        session.show({"n_entries": copy["n_entries"], **written})
