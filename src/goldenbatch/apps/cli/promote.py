"""Promotion of a configuration: `promote pack`, `promote diff`, `apply` and `status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session

FileArgument = Annotated[Path, typer.Argument(help="File of the package.")]
KeyOption = Annotated[
    str, typer.Option(help="Public key of the home that made it, as you got it by another way.")
]


def pack(
    session: Session,
    file: Annotated[Path, typer.Argument(help="File to write, such as plant-7.gbpack.")],
    target: Annotated[
        str, typer.Option("--for", help="Uid of the one home that may apply it (default: any).")
    ] = "",
) -> None:
    """Pack plant, policy, analysts, models, recipes, procedures and cards, signed by this home.

    People then sign the record that it names; packing again takes their signatures along.
    """
    from goldenbatch.runtime import promotion
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(session.home) as site:
        session.output.home = site.home
        session.show(promotion.pack(site, file, target))


def diff(session: Session, file: FileArgument, key: KeyOption) -> None:
    """Check a package, and show file by file what applying it would change in this home."""
    from goldenbatch.runtime import promotion
    from goldenbatch.runtime.local import LocalSite

    package = promotion.load(file, key)
    with LocalSite.open(session.home) as site:
        session.output.home = site.home
        changes = [one.as_json() for one in promotion.compare(site, package)]
    answer = {**_facts(package), "changes": changes}
    session.show(answer, lambda _: _render(session, answer, has_lines=True))


def apply(
    session: Session,
    file: FileArgument,
    key: KeyOption,
    user: Annotated[
        str, typer.Option(help="Login of who approves it; empty: it was signed before.")
    ] = "",
    *,
    replaces_key: Annotated[
        str,
        typer.Option(
            "--replaces-key",
            help="Key of the package before, where --key is another; who approves signs that too.",
        ),
    ] = "",
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from the first line of stdin."),
    ] = False,
) -> None:
    """Put a package into force here, from development to validation to production only.

    It must be approved by signature in the home that made it and, by you, in this one. Its policy
    must be in force here already: `policy propose` and, by another person, `policy adopt`.
    """
    from goldenbatch.runtime import promotion
    from goldenbatch.runtime.local import LocalSite

    package = promotion.load(file, key)
    with LocalSite.open(session.home) as site:
        session.output.home = site.home
        password = session.password(password_stdin) if user else ""
        event, changes = promotion.apply(site, package, user, password, replaces_key=replaces_key)
    answer = {**_facts(package), "stream": event.stream, "seq": event.seq,
              "changes": [one.as_json() for one in changes]}  # fmt: skip
    session.show(answer, lambda _: _render(session, answer, has_lines=False))


def status(session: Session) -> None:
    """Which package is in force here, and whether the configuration is still that of it."""
    from goldenbatch.runtime import promotion
    from goldenbatch.runtime.local import LocalSite

    with LocalSite.open(session.home) as site:
        session.output.home = site.home
        session.show(promotion.status(site))


def _facts(package: Any) -> dict[str, Any]:
    return {
        "package": package.digest,
        "source_home": package.home,
        "source_kind": package.kind.value,
        "n_approvals": len(package.approvals),
        "validation": package.validation,
        "n_files": len(package.files),
    }


def _render(session: Session, answer: dict[str, Any], *, has_lines: bool) -> None:
    output = session.output
    output.fields({name: value for name, value in answer.items() if name != "changes"})
    if not answer["changes"]:
        output.line("Nothing changes.")
    for one in answer["changes"]:
        output.line(f"\n{one['sign']} {one['path']}")
        for line in one["lines"] if has_lines else ():
            output.line(f"  {line}")
