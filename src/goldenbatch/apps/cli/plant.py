"""The plant's master data: `plant show`, `plant preview`, `plant adopt`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.desk import PlantFiles
from goldenbatch.core.plant import PLANT_FILE, Plant

PARTS = ("places", "rooms", "tags", "products", "materials", "equipment")


def show(
    session: Session,
    part: Annotated[str, typer.Option(help="Only one part, such as tags, in full.")] = "",
) -> None:
    """The plant in its effective version."""
    with session.open_site() as desk:
        plant = desk.site.plant
        data = plant.model_dump(mode="json")
        if part:
            _check_part(part)
            session.show({part: data[part]}, lambda _: _render_part(session, data[part]))
            return
        session.show(
            {**data, "digest": plant.digest}, lambda _: session.output.fields(summary(plant))
        )


def summary(plant: Plant) -> dict[str, Any]:
    """Name, version, digest and how many of each part."""
    counts = {f"n_{part}": len(getattr(plant, part)) for part in PARTS}
    return {"name": plant.name, "version": plant.version, "digest": plant.digest, **counts}


def _check_part(part: str) -> None:
    if part not in PARTS:
        raise typer.BadParameter(f"{part!r} is not one of {', '.join(PARTS)}.")


def _render_part(session: Session, rows: list[dict[str, Any]]) -> None:
    if not rows:
        session.output.line("None.")
        return
    columns = [name for name in rows[0] if any(row.get(name) not in ("", None, []) for row in rows)]
    session.output.table(rows, columns)


def preview(session: Session) -> None:
    """What adopting the plant.toml and tables of the home would change."""
    files = PlantFiles.read(session.home / PLANT_FILE)
    with session.open_site() as desk:
        answer = desk.preview_plant(files)
        session.show(answer, lambda _: render_changes(session, answer))


def adopt(
    session: Session,
    effective_from: Annotated[
        str, typer.Option(help="From when, ISO 8601 with offset (default: now).")
    ] = "",
) -> None:
    """Put the plant.toml and tables of the home into force."""
    files = PlantFiles.read(session.home / PLANT_FILE)
    with session.open_site() as desk:
        answer = desk.adopt_plant(files, effective_from)
        session.show(answer, lambda _: render_changes(session, answer))


def render_changes(session: Session, answer: dict[str, Any]) -> None:
    """The changes between two versions of a plant, for people."""
    changes = answer.get("changes", [])
    session.output.fields({name: value for name, value in answer.items() if name != "changes"})
    session.output.table(changes, list(changes[0]) if changes else (), empty="Nothing changes.")
