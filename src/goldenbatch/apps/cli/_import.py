"""The work behind `import`: progress on stderr, the report as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.connectors.tabular import SourceCard

COLUMNS = ("file", "n_rows", "n_accepted", "n_unchanged", "n_rejected", "n_conflicts",
           "n_readings", "n_records")  # fmt: skip


N_SHOWN = 8
"""Rows with problems that people are shown at once."""


def folder_of(card: SourceCard, data: Path | None) -> Path:
    """Folder of a card's files: the one given, the card's own, or the working directory.

    Raises:
        NotFoundError: There is no such folder.
    """
    from goldenbatch.connectors.tabular import card_root

    if data is not None and not data.is_dir():
        raise NotFoundError(f"{data} is no folder.", hint="Name the folder with --data DIR.")
    if data is None and card.root:
        return card_root(card, None)
    return (data or Path.cwd()).resolve()


def has_own_data(card: SourceCard) -> bool:
    """Whether the files of a card come with an installed package, or its folder is there."""
    from goldenbatch.connectors.tabular import card_root

    try:
        return bool(card.root) and card_root(card, None).is_dir()
    except NotFoundError:
        return False


def run_preview(path: Path, data: Path | None) -> dict[str, Any]:
    """What an import into an empty home would do; nothing is written."""
    from goldenbatch.connectors.tabular import load_card, preview

    card = load_card(path)
    return preview(card, folder_of(card, data)).as_json()


def run_import(
    session: Session, desk: Desk, path: Path, data: Path | None, *, reason: str, is_live: bool
) -> dict[str, Any]:
    """Import the files of a card; with `is_live` the analysts are woken after each step."""
    from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card
    from goldenbatch.runtime.batch_context import take

    card = load_card(path)
    root = folder_of(card, data)
    n_transitions = 0

    def wake(_: int) -> None:
        nonlocal n_transitions
        n_transitions += len(desk.wake()["transitions"])

    with session.output.progress(f"Importing {card.name}", "files") as step:
        options = ImportOptions(
            correct_reason=reason,
            is_live=is_live,
            on_step=wake if is_live else None,
            take=lambda said: take(desk.site, said),
            progress=lambda _file, done, total: step(done, total),
        )
        report = import_card(desk.site, card, root, options).as_json()
    return {**report, "n_transitions": n_transitions} if is_live else report


def render(session: Session, report: dict[str, Any]) -> None:
    """A report for people: the totals, the files, and the first refused rows."""
    output = session.output
    output.fields({name: value for name, value in report.items() if name != "files"})
    output.line("")
    output.table(report["files"], COLUMNS, empty="The card names no file that is there.")
    render_problems(session, report["files"])
    for file in report["files"]:
        for note in file["notes"]:
            output.line(f"Note on {file['file']}: {note}")


def render_problems(session: Session, files: Sequence[dict[str, Any]]) -> None:
    """The first refused and contradicting rows, and where all of them are."""
    problems = [one for file in files for one in file["problems"]]
    if not problems:
        return
    session.output.line("The first refused and contradicting rows")
    session.output.table(problems[:N_SHOWN], ("file", "line", "kind", "reason"))
    session.output.line("All: `goldenbatch quarantine --rows` and `goldenbatch conflicts`.")
