"""Validation of an installation: `validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.requirements import USER_PACK


def validate(
    session: Session,
    pack: Annotated[
        list[str] | None, typer.Option(help="Pack of requirements (default: all that there are).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report (default: the home's reports/).")
    ] = None,
    *,
    scratch: Annotated[
        str,
        typer.Option(help="Database for trials, as its administrator, of a home on PostgreSQL."),
    ] = "",
    is_start: Annotated[
        bool,
        typer.Option(
            "--start",
            help="Copy the starter set first, or the packs named: the home's own from then on.",
        ),
    ] = False,
    is_list: Annotated[
        bool, typer.Option("--list", help="Only list packs and checks; nothing is run.")
    ] = False,
) -> None:
    """Qualify installation and operation here, traced to requirements, and record the run.

    The checks are run by the installed code in scratch homes beside the home, which must be one
    of kind validation; others are taken as a trial, one of production is refused.
    """
    from goldenbatch.runtime import validation
    from goldenbatch.runtime.local import LocalSite

    if is_list:
        _list(session, session.home)
        return
    if is_start:
        for name in pack or (USER_PACK,):
            path = validation.start_requirements(session.home, name)
            session.output.note(f"Yours to change: {path}")
    packs = validation.packs_of(session.home, pack or ())
    with LocalSite.open(session.home) as site:
        session.output.home = site.home
        with session.output.progress("Qualifying", "checks") as step:
            report, paths, event = validation.validate(
                site, packs, out or session.home / "reports", progress=step, scratch=scratch
            )
    recorded = {"stream": event.stream, "version": event.envelope.version, "seq": event.seq}
    answer = {**report.as_json(), "files": paths, **recorded}
    session.show(answer, lambda _: _render(session, answer))
    if not report.is_ok:
        session.exit_code = IntegrityError.exit_code


def _list(session: Session, home: Path) -> None:
    from goldenbatch.runtime import validation

    packs = [
        {"pack": one.name, "status": one.status, "n_requirements": len(one.requirements),
         "title": one.title}
        for one in validation.packs_of(home)
    ]  # fmt: skip
    answer = {"packs": packs, "checks": validation.list_checks()}
    session.show(answer)


def _render(session: Session, answer: dict[str, Any]) -> None:
    output = session.output
    for pack in answer["packs"]:
        output.line(f"\n{pack['title']} ({pack['status']}, {pack['dated']})")
        rows = [
            {**one, "checks": ", ".join(f"{k}: {v}" for k, v in one["outcomes"].items()),
             "site": one["site_procedure"] + (f" MISSING: {one['gap']}" if one["gap"] else "")}
            for one in pack["requirements"]
        ]  # fmt: skip
        output.table(rows, ("id", "clause", "title", "control", "verdict", "checks", "site"))
    wrong = [one for one in answer["installation"] if one["outcome"] != "passed"]
    if wrong:
        output.line("\nInstallation: what is not as expected, or worth knowing")
        output.table(wrong, ("name", "expected", "found", "outcome"))
    bad = [one for one in answer["checks"] if one["outcome"] in ("failed", "not run")]
    unused = [one for one in answer["checks"] if one["outcome"] == "not applicable"]
    for title, rows in (("Checks that did not pass", bad), ("Not used in this home", unused)):
        if rows:
            output.line(f"\n{title}")
            output.table(rows, ("number", "name", "outcome", "evidence"))
    output.line("")
    counts = ("n_passed", "n_failed", "n_not_run", "n_not_applicable", "note")
    output.fields({name: answer[name] for name in counts})
    output.fields(answer["files"])
    output.line(f"Sign it: goldenbatch sign {answer['stream']} --meaning approved --user LOGIN")
