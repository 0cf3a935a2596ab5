"""Files coming in: `import`, `imports`, `quarantine`, `conflicts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import NotFoundError

LimitOption = Annotated[int, typer.Option(min=1, help="At most so many rows are shown.")]
CardFilter = Annotated[str, typer.Option("--card", help="Only those of this source card.")]


def find_card(home: Path | None, card: str) -> Path:
    """A card by its path, or by its name in the home's `cards/`.

    Raises:
        NotFoundError: There is none; says which there are.
    """
    cards = (home or Path()) / "cards"
    for path in (Path(card), cards / card, cards / f"{card}.toml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in cards.glob("*.toml"))) or "none"
    raise NotFoundError(
        f"there is no source card {card!r}.", hint=f"Give a path, or a card of the home: {known}."
    )


def import_(
    session: Session,
    card: Annotated[str, typer.Argument(help="Path of a source card, or its name in cards/.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder with the files (default: the card's own, or here).")
    ] = None,
    correct: Annotated[
        str, typer.Option(metavar="REASON", help="Take contradicting rows as corrections.")
    ] = "",
    is_preview: Annotated[
        bool, typer.Option("--preview", help="Only say what would be imported.")
    ] = False,
    is_live: Annotated[
        bool, typer.Option("--live", help="In the order of time, analysts woken after each step.")
    ] = False,
) -> None:
    """Import files by a source card; the same files again add nothing."""
    from goldenbatch.apps.cli._import import render, run_import, run_preview

    path = find_card(session.home_or_none(), card)
    if is_preview:
        session.show(run_preview(path, data), lambda report: render(session, report))
        return
    with session.open_site() as desk:
        report = run_import(session, desk, path, data, reason=correct, is_live=is_live)
        session.show(report, lambda _: render(session, report))


def imports(session: Session, card: CardFilter = "", limit: LimitOption = 200) -> None:
    """Files that were imported, and what became of their rows."""
    columns = ("card", "file", "n_rows", "n_accepted", "n_unchanged", "n_rejected", "n_conflicts")
    _rows(session, "import_file", card, limit, (*columns, "n_readings", "n_records"))


def conflicts(session: Session, card: CardFilter = "", limit: LimitOption = 200) -> None:
    """Rows that say something else than the record; the record was left as it is."""
    columns = ("card", "file", "line", "what", "key", "stored", "offered")
    _rows(session, "conflict", card, limit, columns)


def quarantine(
    session: Session,
    card: CardFilter = "",
    has_rows: Annotated[bool, typer.Option("--rows", help="Also the rows themselves.")] = False,
    limit: LimitOption = 200,
) -> None:
    """Rows that were refused, by file and reason; `--rows` shows them word by word."""
    if not has_rows:
        _rows(session, "quarantine", card, limit, ("card", "file", "n_rows", "reasons"))
        return
    with session.open_site() as desk:
        entries = desk.site.ledger.select("quarantine", {"card": card} if card else None)
        kept: list[dict[str, Any]] = []
        for entry in entries:
            text = desk.site.registry.get(entry["artefact"]).decode()
            kept += [json.loads(line) for line in text.splitlines() if line]
        answer = {"n_rows": len(kept), "rows": kept[:limit]}
        session.show(
            answer, lambda _: session.output.table(kept[:limit], ("file", "line", "reason", "raw"))
        )


def _rows(
    session: Session, projection: str, card: str, limit: int, columns: tuple[str, ...]
) -> None:
    with session.open_site() as desk:
        rows = list(desk.site.ledger.select(projection, {"card": card} if card else None))
        answer = {f"n_{projection}s": len(rows), f"{projection}s": rows[:limit]}

        def render(_: Any) -> None:
            session.output.table(rows[:limit], columns)
            if len(rows) > limit:
                session.output.line(f"{limit:,} of {len(rows):,}; see --limit.")

        session.show(answer, render)
