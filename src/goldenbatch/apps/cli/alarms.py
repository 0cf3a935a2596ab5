"""Alarms of running sources: `source alarms` and `source acknowledge`."""

from __future__ import annotations

from typing import Annotated

import typer

from goldenbatch.apps.cli._session import Session

COLUMNS = (
    "source", "name", "state", "severity", "message", "raised_at", "acknowledged_by", "comment",
    "refusal", "condition",
)  # fmt: skip


def alarms(
    session: Session,
    name: Annotated[str, typer.Argument(help="Only of this source.")] = "",
    is_open: Annotated[
        bool, typer.Option("--open", help="Only alarms that wait for somebody.")
    ] = False,
) -> None:
    """Alarms that sources have raised, the most severe first, and who acknowledged them."""
    from goldenbatch.apps.cli.sources import require_known
    from goldenbatch.runtime.alarms import alarms as rows_of

    with session.open_site() as desk:
        rows = list(rows_of(desk.site.ledger, name, is_open=is_open))
        if not rows:
            require_known(session, desk, name)
    session.show(
        {"n_alarms": len(rows), "alarms": rows},
        lambda _: session.output.table(rows, COLUMNS, empty="No alarms."),
    )


def acknowledge(
    session: Session,
    alarm: Annotated[
        str, typer.Argument(help="Condition or name, as `source alarms` shows it; SOURCE/NAME.")
    ],
    comment: Annotated[str, typer.Option(help="What was seen and done; sent to the server.")],
    by: Annotated[str, typer.Option("--by", help="Login of who does it, by password.")],
    *,
    is_confirmed: Annotated[
        bool, typer.Option("--confirm", help="Confirm an acknowledged alarm: it was dealt with.")
    ] = False,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from the first line of stdin."),
    ] = False,
) -> None:
    """Acknowledge an alarm at its server, through the node that reads it; who and why is kept."""
    from goldenbatch.apps.alarms import act_on
    from goldenbatch.runtime.alarms import Act, AlarmAct, find_alarm

    with session.open_site() as desk:
        row = find_alarm(desk.site.ledger, alarm)
        password = session.password(password_stdin)
        act: Act = "confirm" if is_confirmed else "acknowledge"
        wanted = AlarmAct(row["source"], row["condition"], comment, act)
        session.show(act_on(desk, by, password, wanted))
