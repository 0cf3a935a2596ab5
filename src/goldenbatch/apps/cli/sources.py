"""Running sources: `source list`, `check`, `browse`, `run`, `gaps`."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.source_units import plant_unit

if TYPE_CHECKING:
    from goldenbatch.apps.desk import Desk
    from goldenbatch.core.acquisition import ConnectionCard
    from goldenbatch.runtime.acquisition import Sources

NameArgument = Annotated[str, typer.Argument(help="Name of a card in connections/.")]
_SIGNALS = ("n_readings", "n_gaps", "n_rejected", "spool_frames", "problem")


def list_(session: Session) -> None:
    """Sources of the home: their connector, when they were read, and their health."""
    from goldenbatch.runtime.acquisition import readable_connections

    cards, problems = readable_connections(session.home)
    with session.open_site() as desk:
        known = {row["source"]: row for row in desk.site.ledger.select("source")}
        rows = [_row(desk, card, known.get(card.name)) for card in cards]
    columns = ("name", "connector", "state", "n_readings", "n_gaps", "spool_frames", "problem")

    def render(_: Any) -> None:
        session.output.table(rows, columns)
        for problem in problems:
            session.output.note(problem)

    session.show({"n_sources": len(rows), "sources": rows, "problems": problems}, render)


def _row(desk: Desk, card: ConnectionCard, known: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"name": card.name, "connector": card.connector, "title": card.title}
    if not card.is_enabled:
        state = "disabled"
    elif known is None:
        state = "never read"
    else:
        state = "running" if known["stopped_at"] is None else f"stopped: {known['reason']}"
    stored = desk.site.historian.tags()
    for name in _SIGNALS:
        tag = f"{card.health_prefix}/{name}"
        latest = desk.site.historian.latest([tag]) if tag in stored else None
        row[name] = None if latest is None or not len(latest) else latest.values().tolist()[0]
    return {**row, "state": state}


def _chosen(session: Session, name: str) -> ConnectionCard:
    from goldenbatch.core.acquisition import FOLDER, load_connection

    path = session.home / FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in path.parent.glob("*.toml"))) or "none"
        raise NotFoundError(f"there is no connection {name!r}.", hint=f"The home has: {known}.")
    return load_connection(path)


def require_known(session: Session, desk: Desk, name: str) -> None:
    """Refuse the name of a source that the home neither has nor ever had.

    Raises:
        NotFoundError: It is a slip of the pen: that nothing is known of it is no good news.
    """
    if name and not desk.site.ledger.select("source", {"source": name}, limit=1):
        _chosen(session, name)


def _sources(session: Session, desk: Desk) -> Sources:
    from goldenbatch.runtime.acquisition import Sources

    return Sources(desk.site, session.home)


def check(session: Session, name: NameArgument) -> None:
    """Check a card without connecting: every setting, and whether its extra is installed."""
    card = _chosen(session, name)
    with session.open_site() as desk:
        _sources(session, desk).make(card)
    session.show({"name": card.name, "connector": card.connector, "is_well_formed": True})


def browse(
    session: Session,
    name: NameArgument,
    is_plant: Annotated[
        bool, typer.Option("--plant", help="As tags for plant.toml, to be looked over by a person.")
    ] = False,
) -> None:
    """Ask a source what it offers; with `--plant`, as tags to put into `plant.toml`."""
    card = _chosen(session, name)
    with session.open_site() as desk:
        sources = _sources(session, desk)
        manifest = sources.manifest(card)
        if manifest.browse is None:
            raise BadInputError(
                f"a source of connector {card.connector!r} cannot be asked what it offers.",
                hint="Write its tags into plant.toml by hand.",
            )
        found = asyncio.run(manifest.browse.load()(sources.context(card)))
    rows = [dict(one) for one in found]

    def render(_: Any) -> None:
        if is_plant:
            session.output.line(_as_tags(rows))
        else:
            session.output.table(rows, ("address", "name", "unit", "kind"))

    session.show({"n_tags": len(rows), "tags": rows}, render)


def _as_tags(rows: list[dict[str, Any]]) -> str:
    """Entries of `plant.toml`; a JSON text is a TOML text too."""
    lines = []
    for row in rows:
        lines.append("[[tags]]")
        for key in ("name", "unit", "kind", "description"):
            # A text has no unit, and must say so: without the key it would be a pure number.
            if row.get(key) or (key == "unit" and _is_without_unit(row)):
                text = str(row[key] if key != "unit" else plant_unit(str(row[key] or "")))
                lines.append(f"{key} = {json.dumps(text, ensure_ascii=False)}")
        lines.append("")
    return "\n".join(lines)


def _is_without_unit(row: dict[str, Any]) -> bool:
    return row.get("unit") == "" and row.get("kind") in ("text", "reference")


def run_(
    session: Session,
    name: NameArgument,
    seconds: Annotated[
        float, typer.Option(min=0, help="End after so long; 0: when the source does, or Ctrl-C.")
    ] = 0,
) -> None:
    """Read one source in the foreground, where no node runs; Ctrl-C ends it in good order."""
    from goldenbatch.runtime.acquisition import Acquisition
    from goldenbatch.runtime.local import LocalSite

    card = _chosen(session, name)
    with session.open_site() as desk:
        if not isinstance(desk.site, LocalSite):
            raise BadInputError(
                "the home's node is running, and reads its sources.",
                hint="See `goldenbatch source list`; or stop the node first.",
            )
        acquisition = Acquisition(_sources(session, desk), [card], session.output.note)
        asyncio.run(_until(acquisition.run(), seconds))
        (answer,) = acquisition.status()
        session.show(answer)
        session.exit_code = 3 if answer["needs_person"] else 0


async def _until(work: Any, seconds: float) -> None:
    """Run to the end, to a signal, or for so many seconds."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    if seconds:
        loop.call_later(seconds, task.cancel)
    await asyncio.gather(task, return_exceptions=False)


def gaps(
    session: Session,
    name: Annotated[str, typer.Argument(help="Only of this source.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many rows are shown.")] = 200,
) -> None:
    """Windows in which readings are missing and why, and windows that were filled later."""
    with session.open_site() as desk:
        rows = list(desk.site.ledger.select("gap", {"source": name} if name else None, ("seq",)))
        if not rows:
            require_known(session, desk, name)
    columns = ("source", "start", "end", "cause", "tags", "n_lost", "n_readings", "note")
    session.show(
        {"n_gaps": len(rows), "gaps": rows[-limit:]},
        lambda _: session.output.table(rows[-limit:], columns, empty="No gaps are on record."),
    )
