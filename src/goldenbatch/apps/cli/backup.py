"""What leaves the home: `backup`, `restore`, `archive`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, IntegrityError

KeysOption = Annotated[
    bool, typer.Option("--with-keys", help="The private keys too, under a passphrase.")
]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the passphrase from stdin.")
]
_PROMPT = "Passphrase of the keys: "


def backup(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="Where backups lie, best on another disk.")],
    with_keys: KeysOption = False,
    password_stdin: StdinOption = False,
) -> None:
    """Write a backup of the home, which goes on working; what is there is not written again."""
    passphrase = session.password(password_stdin, prompt=_PROMPT) if with_keys else ""
    with session.open_site() as desk:
        with session.output.progress("Backing up"):
            answer = desk.backup(str(folder.resolve()), passphrase)
        session.show(answer, lambda _: _render_backup(session, answer))


def _render_backup(session: Session, answer: dict[str, Any]) -> None:
    names = ("folder", "snapshot", "n_events", "n_frames", "n_files", "n_bytes", "n_new_bytes")
    session.output.fields({name: answer[name] for name in names})
    if answer["is_same_disk"]:
        session.output.line("\nThis is the disk of the home itself: keep a copy on another one.")
    if not answer["has_keys"]:
        session.output.line("The private keys are not in it: keep them elsewhere, or --with-keys.")


def restore(  # noqa: PLR0913 (one option a place that is restored into)
    session: Session,
    source: Annotated[Path, typer.Argument(help="Folder of the backups.")],
    folder: Annotated[
        Path | None, typer.Argument(help="Where to restore: an empty or new folder.")
    ] = None,
    *,
    snapshot: Annotated[str, typer.Option(help="Which one (default: the newest).")] = "",
    ledger: Annotated[
        str, typer.Option(help="URL of an empty, installed ledger to restore it into.")
    ] = "",
    tables: Annotated[
        str, typer.Option(help="URL of an empty place in a bucket for the tables of readings.")
    ] = "",
    drill: Annotated[
        bool,
        typer.Option("--drill", help="Only for trial: restore, verify, throw away, record it."),
    ] = False,
    with_keys: KeysOption = False,
    password_stdin: StdinOption = False,
) -> None:
    """Restore a home from a backup and verify it; or drill that, recorded in the home."""
    if drill == (folder is not None):
        raise BadInputError(
            "a restore needs a folder, a drill needs none.", hint="Give DIR, or --drill."
        )
    if drill and (ledger or tables):
        raise BadInputError("a drill restores into files.", hint="Leave out --ledger and --tables.")
    if folder is None:
        with session.open_site() as desk:
            with session.output.progress("Drilling"):
                answer = desk.drill(str(source.resolve()), snapshot)
    else:
        from goldenbatch.runtime.backup import restore as restore_home

        passphrase = session.password(password_stdin, prompt=_PROMPT) if with_keys else ""
        with session.output.progress("Restoring"):
            done = restore_home(
                source, folder, name=snapshot, passphrase=passphrase, ledger=ledger, tables=tables
            )
        answer = done.as_json()
    session.show(answer, lambda _: _render(session, answer, is_drill=drill))
    if not answer["is_ok"]:
        session.exit_code = IntegrityError.exit_code


def _render(session: Session, answer: dict[str, Any], *, is_drill: bool) -> None:
    names = ("snapshot", "n_events", "last_recorded", "n_frames", "root")
    session.output.fields({name: answer[name] for name in names})
    for one in (*answer["notes"], *answer["problems"]):
        session.output.line(one)
    if not answer["is_ok"]:
        session.output.line("\nThis is not the home that was backed up.")
    elif is_drill:
        session.output.line("\nThe backup can be restored; the drill is recorded.")
    else:
        session.output.line(f"\nRestored up to event {answer['n_events']}, and verified.")
        if not answer["has_keys"]:
            session.output.line("Put the private keys into its folder keys before you open it.")


def archive(
    session: Session,
    batch: Annotated[str, typer.Argument(help="Identifier of the batch; or an archive's folder.")],
    folder: Annotated[Path | None, typer.Argument(help="A new folder.")] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only check the files of the archive in BATCH.")
    ] = False,
) -> None:
    """Write the whole record of a batch that has ended: PDF/A, CSV, JSON, proof, verifier."""
    if check:
        _check(session, Path(batch))
        return
    if folder is None:
        raise BadInputError("an archive needs a folder.", hint="Name one that is new.")
    with session.open_site() as desk:
        with session.output.progress(f"Archiving batch {batch}"):
            answer = desk.archive(batch, str(folder.resolve()))
        session.show(answer)


def _check(session: Session, folder: Path) -> None:
    from goldenbatch.runtime.archive import check_archive

    problems = check_archive(folder)

    def render(_: Any) -> None:
        for one in problems or [
            "All files are as they were written; its verifier checks the proof."
        ]:
            session.output.line(one)

    session.show({"is_ok": not problems, "problems": problems}, render)
    if problems:
        session.exit_code = IntegrityError.exit_code
