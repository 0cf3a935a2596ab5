"""Findings and what people say of them: `findings`, `show`, `decide`, `sign`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._ceremony import MethodOption, sign_by
from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.listing import list_findings
from goldenbatch.apps.signed import SIGNATURE_COLUMNS, signature_rows, with_standing
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.findings import Severity, Verdict
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Row
from goldenbatch.core.site import Site

COLUMNS = ("uid", "state", "severity", "batch", "attribute", "title", "started_at", "verdict")
LoginOption = Annotated[str, typer.Option("--user", help="Login of the person who signs.")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


def findings(
    session: Session,
    batch: Annotated[str, typer.Option(help="Only findings that touch this batch.")] = "",
    is_open: Annotated[
        bool, typer.Option("--open", help="Only findings without a decision.")
    ] = False,
    severity: Annotated[Severity | None, typer.Option(help="Only findings so severe.")] = None,
    analyst: Annotated[str, typer.Option(help="Only findings of this analyst.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """Findings, newest first."""
    wanted = {"severity": severity.value if severity else "", "analyst": analyst}
    with session.open_site() as desk:
        rows = list_findings(desk.site, batch, is_open=is_open or None, **wanted)
        answer = {"n_findings": len(rows), "findings": rows[:limit]}
        session.show(answer, lambda _: _render_findings(session, rows, limit))


def _render_findings(session: Session, rows: Sequence[Row], limit: int) -> None:
    short = [{**row, "uid": row["uid"][:8]} for row in rows[:limit]]
    session.output.table(short, COLUMNS, empty="No findings.")
    if rows:
        session.output.line(f"{len(short):,} of {len(rows):,} findings.")
        session.output.line("`goldenbatch show UID` tells one; its first digits are enough.")


def find_uid(site: Site, start: str) -> Row:
    """The finding whose uid starts so.

    Raises:
        NotFoundError: There is none.
        BadInputError: There are several.
    """
    exact = site.ledger.select("finding", {"uid": start}, limit=1)
    if exact:
        return exact[0]
    rows = [row for row in site.ledger.select("finding") if row["uid"].startswith(start)]
    if not rows or not start:
        raise NotFoundError(
            f"no finding has a uid that starts with {start!r}.", hint="See `goldenbatch findings`."
        )
    if len(rows) > 1:
        raise BadInputError(
            f"{len(rows)} findings have a uid that starts with {start!r}.",
            hint="Give more of its digits.",
        )
    return rows[0]


def show(session: Session, uid: Annotated[str, typer.Argument(help="Its first digits.")]) -> None:
    """A finding: what was seen, on what evidence, and what people said of it."""
    with session.open_site() as desk:
        row = find_uid(desk.site, uid)
        events = desk.site.ledger.stream(f"finding/{row['uid']}")
        latest: dict[str, Any] = next(
            (one.body["finding"] for one in reversed(events) if one.body and "finding" in one.body),
            {},
        )
        history = [
            {
                "version": one.envelope.version,
                "what": one.kind,
                "actor": one.envelope.actor,
                "recorded_at": one.envelope.recorded_at,
                "says": _says(one.body or {}),
            }
            for one in events
        ]
        signed = signature_rows(desk.site, f"finding/{row['uid']}")
        row = with_standing(desk.site, "finding/", "uid", [row])[0]
        answer = {**row, "finding": latest, "history": history, "signatures": signed}
        session.show(answer, lambda _: _render(session, row, answer))


def _says(body: dict[str, Any]) -> str:
    if "verdict" in body:
        return f"{body['verdict']}: {body['comment']}"
    if "meaning" in body:
        lent = (body.get("acting_for") or {}).get("printed_name", "")
        who = f"{body['printed_name']} for {lent}" if lent else body["printed_name"]
        return f"{body['meaning']} by {who} ({body['role']})"
    return str(body.get("finding", {}).get("statement", ""))


def _render(session: Session, row: Row, answer: dict[str, Any]) -> None:
    output, finding = session.output, answer["finding"]
    output.line(str(finding.get("title", "")))
    output.line(str(finding.get("statement", "")))
    output.line("")
    names = ("uid", "state", "severity", "batch", "place", "attribute", "started_at", "ended_at")
    output.fields({name: row.get(name) for name in names})
    output.fields(
        {
            "analyst": f"{finding.get('analyst')} {finding.get('analyst_version')}",
            "in domain": finding.get("in_domain"),
            "suggested": finding.get("suggested_action"),
        }
    )
    for name, columns in (
        ("measures", ("name", "value", "unit", "lower_limit", "upper_limit")),
        ("contributions", ("variable", "value")),
        ("evidence", ("kind", "tag", "start", "end", "n_readings", "stream", "version", "digest")),
    ):
        if finding.get(name):
            output.line(f"\n{name.capitalize()}")
            output.table(finding[name], columns)
    if answer["signatures"]:
        output.line("\nSignatures")
        output.table(answer["signatures"], SIGNATURE_COLUMNS)
    if row["unsigned_since"]:
        output.line(f"UNSIGNED since version {row['unsigned_since']}: the record has changed.")
    output.line("\nHistory")
    output.table(answer["history"], ("version", "what", "actor", "recorded_at", "says"))


def decide(
    session: Session,
    uid: Annotated[str, typer.Argument(help="Its first digits.")],
    verdict: Annotated[Verdict, typer.Option(help="What you say of it.")],
    comment: Annotated[str, typer.Option(help="Why.")],
    user: LoginOption,
    *,
    action: Annotated[str, typer.Option(help="What is to be done.")] = "",
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Decide on the newest version of a finding and sign the decision, in one act."""
    with session.open_site() as desk:
        row = find_uid(desk.site, uid)
        decision = {"verdict": verdict.value, "comment": comment, "action": action}
        form = {"login": user, "finding": row["uid"], **decision}
        answer = sign_by(session, desk, form, method, from_stdin=password_stdin)
        session.show({"uid": row["uid"], "verdict": verdict.value, **answer})


def sign(
    session: Session,
    stream: Annotated[str, typer.Argument(help="Stream of the record, such as batch/7.")],
    meaning: Annotated[Meaning, typer.Option(help="What the signature means.")],
    user: LoginOption,
    *,
    reason: Annotated[str, typer.Option(help="Why, where the meaning needs it.")] = "",
    version: Annotated[int, typer.Option(min=0, help="Version signed; 0: the newest.")] = 0,
    method: MethodOption = "password",
    password_stdin: StdinOption = False,
) -> None:
    """Sign one version of a record: the statement is shown, then you prove who you are."""
    with session.open_site() as desk:
        form: dict[str, Any] = {
            "stream": stream,
            "meaning": meaning.value,
            "reason": reason,
            "version": version,
        }
        form["login"] = user
        answer = sign_by(session, desk, form, method, from_stdin=password_stdin)
        session.show(answer)
