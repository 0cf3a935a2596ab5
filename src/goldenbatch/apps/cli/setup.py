"""Making a home: `init`."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from goldenbatch.apps.cli._session import Session
from goldenbatch.apps.desk import PlantFiles
from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import HomeKind

EMPTY_PLANT = """# The plant: places, tags, products and their limits. Fill it in, then
# `goldenbatch plant preview` and `goldenbatch plant adopt`.
name = {name}
version = "1"

[[places]]
path = "site"
level = "site"
"""
COPIED = ("cards", "analysts", "trials")
"""Folders of an example that go into the home as they are."""


def init(  # noqa: PLR0913 - the options of a command
    session: Session,
    directory: Annotated[Path, typer.Argument(help="New or empty folder.")],
    *,
    example: Annotated[str, typer.Option(help="Start from an example, such as tablets.")] = "",
    data: Annotated[Path | None, typer.Option(help="Folder with the example's data.")] = None,
    has_data: Annotated[
        bool, typer.Option("--import/--no-import", help="Import the example's data if found.")
    ] = True,
    name: Annotated[str, typer.Option(help="Name for people (default: the folder's).")] = "",
    site_name: Annotated[str, typer.Option("--site", help="Name of the site.")] = "",
    kind: Annotated[HomeKind | None, typer.Option(help="What the home is for.")] = None,
    zone: Annotated[str, typer.Option(help="IANA zone of local times.")] = "",
    owner: Annotated[str, typer.Option(help="Organisation that owns the data.")] = "",
    plant: Annotated[
        Path | None, typer.Option(help="A plant.toml to start from, with tables/ beside it.")
    ] = None,
) -> None:
    """Make a home, empty or from an example; an example's data are imported if they are there."""
    from goldenbatch.apps.examples import find_example
    from goldenbatch.runtime.home import HomeSettings, create_home

    source = find_example(example) if example else None
    more = _example_settings(source)
    given = {"name": name, "site": site_name, "zone": zone, "owner": owner}
    chosen = {**more, **{key: value for key, value in given.items() if value}}
    chosen.setdefault("name", directory.resolve().name)
    chosen.setdefault("site", str(chosen["name"]))
    chosen["kind"] = kind or _kind(more) or (
        HomeKind.DEMONSTRATION if example else HomeKind.DEVELOPMENT
    )  # fmt: skip
    files = _plant_files(source, plant, str(chosen["name"]))
    fields = {key: chosen.pop(key) for key in ("name", "site", "zone", "owner") if key in chosen}
    settings = HomeSettings(
        **fields, kind=chosen.pop("kind"), plant=files.text, tables=files.tables, more=chosen
    )
    info = create_home(directory, settings)
    session.configure(home=directory, is_json=False)
    session.output.home = info
    answer: dict[str, Any] = {"home": str(directory.resolve()), "uid": info.uid,
                              "name": info.name, "kind": info.kind.value}  # fmt: skip
    if source is not None:
        answer |= _furnish(session, source, data, has_data)
    session.show(answer, lambda _: _render(session, answer))


def _render(session: Session, answer: dict[str, Any]) -> None:
    from goldenbatch.apps.cli._import import render_problems

    output = session.output
    counts = ("n_rows", "n_accepted", "n_unchanged", "n_rejected", "n_conflicts", "n_readings",
              "n_records")  # fmt: skip
    output.fields({key: value for key, value in answer.items() if key != "imports"})
    if "imports" not in answer:  # an empty home
        return
    output.line("")
    output.table(answer["imports"], ("card", *counts), empty="No data were imported.")
    render_problems(session, [file for one in answer["imports"] for file in one["files"]])


def _example_settings(source: Path | None) -> dict[str, Any]:
    if source is None or not (source / "home.toml").is_file():
        return {}
    return tomllib.loads((source / "home.toml").read_text(encoding="utf-8"))


def _kind(more: dict[str, Any]) -> HomeKind | None:
    return HomeKind(more["kind"]) if more.get("kind") else None


def _plant_files(source: Path | None, plant: Path | None, name: str) -> PlantFiles:
    """The plant's files: those given, the example's, or an empty plant."""
    import json

    path = plant or (source / "plant.toml" if source else None)
    if path is None:
        return PlantFiles(EMPTY_PLANT.format(name=json.dumps(name, ensure_ascii=False)), {})
    return PlantFiles.read(path)


def _furnish(session: Session, source: Path, data: Path | None, has_data: bool) -> dict[str, Any]:
    """Cards, analysts and, if they are there, the data of an example."""
    from goldenbatch.apps.cli._import import has_own_data, run_import
    from goldenbatch.apps.cli.analysts import read_analyst
    from goldenbatch.apps.examples import find_data
    from goldenbatch.connectors.tabular import load_card
    from goldenbatch.runtime.discovery import discover
    from goldenbatch.runtime.fitting import fit_models

    home = session.home
    for folder in COPIED:
        if (source / folder).is_dir():
            shutil.copytree(source / folder, home / folder, dirs_exist_ok=True)
    cards = sorted((home / "cards").glob("*.toml"))
    analysts = sorted((home / "analysts").glob("*.toml"))
    if data is not None and not data.is_dir():
        raise NotFoundError(f"{data} is no folder.", hint="Name the folder with --data DIR.")
    root = (data or find_data(source.name)) if has_data else None
    answer: dict[str, Any] = {"cards": [one.stem for one in cards], "n_models": 0}
    chosen = [one for one in cards if has_data and (root or has_own_data(load_card(one)))]
    with session.open_site() as desk:
        answer["imports"] = [
            run_import(session, desk, one, root, reason="", is_live=False) for one in chosen
        ]
        fits = dict(discover().offers("fits"))
        for path in analysts:
            analyst, settings = read_analyst(path)
            desk.adopt(path.stem, analyst, settings)
            if chosen and analyst in fits:
                with session.output.progress(f"Fitting {path.stem}"):
                    answer["n_models"] += len(fit_models(desk.site, path.stem))
        answer["analysts"] = [one.stem for one in analysts]
        answer["n_transitions"] = len(desk.wake()["transitions"])
    return answer
