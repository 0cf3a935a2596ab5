"""Putting a package into force: all records in one append, the files from a staging folder.

The append decides. A crash before it leaves the old configuration, one after it the new one: what
is staged is then thrown away, or copied to its end, when the home is opened again.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import PLANT_FILE, PLANT_STREAM
from goldenbatch.core.procedures import PREFIX as PROCEDURE_STREAM
from goldenbatch.core.procedures import ProcedureIssued, ProcedureWithdrawn
from goldenbatch.core.promotion import ConfigurationPromoted, RecipeRetired
from goldenbatch.core.recipe_use import STREAM as RECIPE_STREAM
from goldenbatch.core.recipe_use import adopted as recipe_adopted
from goldenbatch.core.records import Body, Event, NewEvent
from goldenbatch.runtime import adoption, plants
from goldenbatch.runtime._promotion_content import (
    COPIED,
    MODEL_STREAM,
    entries,
    issued,
    models,
    procedures,
    read_models,
    read_procedures,
    recipes,
)
from goldenbatch.runtime._state import write_durably
from goldenbatch.runtime.events import AnalystRetired

if TYPE_CHECKING:
    from goldenbatch.runtime._promotion_package import Package
    from goldenbatch.runtime.local import LocalSite

log = logging.getLogger("goldenbatch.promotion")
CONFIGURATION: Final = "configuration/"
STAGED: Final = "promotion"
WHOLE: Final = "whole"
"""File that says that all is staged, with the number of the newest event at that time."""

Planned = list[tuple[str, Body]]


def tables_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Bulk tables of a plant among files: name to text."""
    prefix = "tables/"
    return {
        name.removeprefix(prefix): content.decode("utf-8")
        for name, content in files.items()
        if name.startswith(prefix)
    }


def analysts_of(package: Package) -> dict[str, dict[str, Any]]:
    """Analysts of a package by name: analyst, version, settings.

    Raises:
        BadInputError: One is malformed.
    """
    found = {}
    for name, entry in entries(package.files, "analysts"):
        try:
            found[name] = {one: entry[one] for one in ("analyst", "version", "settings")}
        except KeyError as error:
            path = f"analysts/{name}.json"
            raise BadInputError(f"this is no analyst: it lacks {error}.", file=path) from error
    return found


def planned(site: LocalSite, package: Package) -> Planned:
    """What is to be recorded, only where it differs from what is in force; never a policy."""
    texts = package.files
    why = f"package {package.digest}"
    plan: Planned = []
    found = plants.preview(site, texts[PLANT_FILE].decode("utf-8"), tables_of(texts))
    if found.plant.digest != site.plant.digest:
        plan.append((PLANT_STREAM, found.plant.adopted(site.clock())))
    plan += _analysts(site, package, why)
    plan += _recipes(site, texts, why)
    plan += _procedures(site, texts, why)
    present = models(site, analysts_of(package))
    for name, body in read_models(texts).items():
        if present.get(name) != body:
            plan.append((MODEL_STREAM + name, body))
    return plan


def _analysts(site: LocalSite, package: Package, why: str) -> Planned:
    wanted, at_work = analysts_of(package), site.adopted()
    plan: Planned = [
        (adoption.STREAM_PREFIX + name, AnalystRetired(name=name, reason=f"not in {why}"))
        for name in at_work.keys() - wanted.keys()
    ]
    workshop = adoption.Workshop(site.discovery)
    for name, entry in wanted.items():
        body = adoption.adoption_body(workshop, name, entry["analyst"], entry["settings"])
        if name not in at_work or at_work[name].body != body:
            plan.append((adoption.STREAM_PREFIX + name, body))
    return plan


def _recipes(site: LocalSite, texts: Mapping[str, bytes], why: str) -> Planned:
    present = recipes(site)
    wanted = {
        Path(path).name.removesuffix(".toml"): content.decode("utf-8")
        for path, content in texts.items()
        if path.startswith("recipes/")
    }
    plan: Planned = [
        (RECIPE_STREAM + name, RecipeRetired(recipe=name, reason=f"not in {why}"))
        for name in present.keys() - wanted.keys()
    ]
    for name, text in wanted.items():
        if present.get(name) != text:
            plan.append((RECIPE_STREAM + name, recipe_adopted(text, site.clock(), reason=why)))
    return plan


def _procedures(site: LocalSite, texts: Mapping[str, bytes], why: str) -> Planned:
    """Issued here, to be approved here by a signature: training counts on it only then."""
    wanted, plan = read_procedures(texts), Planned()
    for name, entry in wanted.items():
        if entry["version"] not in issued(site, name):
            body = ProcedureIssued(
                procedure=name, version=entry["version"], title=entry["title"],
                digest=entry["digest"], effective_from=site.clock(), reason=why,
            )  # fmt: skip
            plan.append((PROCEDURE_STREAM + name, body))
    rows = {row["procedure"]: row for row in site.ledger.select("procedure")
            if not row["is_withdrawn"]}  # fmt: skip
    for name, entry in procedures(site).items():
        if name not in wanted:
            gone = ProcedureWithdrawn(
                procedure=name, version=entry["version"], issued=rows[name]["issued"],
                reason=f"not in {why}",
            )  # fmt: skip
            plan.append((PROCEDURE_STREAM + name, gone))
    return plan


def put_into_force(site: LocalSite, package: Package, promoted: ConfigurationPromoted) -> Event:
    """Record all of a package in one append, then put its files in place."""
    plan = planned(site, package)
    for entry in read_procedures(package.files).values():
        _put(site, package, entry["digest"], entry["media_type"])
    for model in read_models(package.files).values():
        _put(site, package, model.digest, model.media_type)
    staged = _stage(site, package)
    stream = CONFIGURATION + site.home.uid
    event = site.ledger.append(_placed(site, [*plan, (stream, promoted)]))[-1]
    _install(site, staged)
    return event


def _put(site: LocalSite, package: Package, digest: str, media_type: str) -> None:
    kept = site.registry.put(package.files[f"artefacts/{digest}"], media_type)
    if kept != digest:
        raise BadInputError(f"the artefact {digest} was kept as {kept}.")


def _placed(site: LocalSite, plan: Planned) -> list[NewEvent]:
    """The records, each after the one before it in its stream."""
    heads: dict[str, int] = {}
    placed = []
    for stream, body in plan:
        head = heads.get(stream, site.ledger.version(stream))
        placed.append(NewEvent(stream, body, head, actor=site.actor.uid))
        heads[stream] = head + 1
    return placed


def _stage(site: LocalSite, package: Package) -> Path:
    """Write the files beside the home's own, whole, before anything is recorded."""
    folder = site.layout.state / STAGED / package.digest
    shutil.rmtree(folder, ignore_errors=True)
    folders = ("tables", *(one for one, _ in COPIED))
    for name in folders:
        (folder / name).mkdir(parents=True)
    for path, content in package.files.items():
        if path == PLANT_FILE or path.partition("/")[0] in folders:
            write_durably(folder / path, content)
    write_durably(folder / WHOLE, str(site.ledger.head()).encode())
    return folder


def _install(site: LocalSite, staged: Path) -> None:
    """Copy what is staged over the home's files; what is not staged goes. Repeats do no harm."""
    for folder, pattern in (("tables", "*.csv"), *COPIED):
        (site.path / folder).mkdir(exist_ok=True)
        for old in (site.path / folder).glob(pattern):
            if not (staged / folder / old.name).exists():
                old.unlink()
        for new in sorted((staged / folder).glob(pattern)):
            write_durably(site.path / folder / new.name, new.read_bytes())
    write_durably(site.path / PLANT_FILE, (staged / PLANT_FILE).read_bytes())
    shutil.rmtree(staged.parent)


def newest(site: LocalSite) -> tuple[Event, ConfigurationPromoted] | None:
    """The promotion that is in force; None: the home was never promoted into."""
    for event in reversed(site.ledger.stream(CONFIGURATION + site.home.uid)):
        body = event.decode()
        if isinstance(body, ConfigurationPromoted):
            return event, body
    return None


def finish(site: LocalSite) -> str:
    """Bring a promotion that was cut off to one of its two ends; says which, or nothing.

    Called when a home is opened for work.
    """
    root = site.layout.state / STAGED
    staged = sorted(root.iterdir()) if root.is_dir() else []
    if not staged:
        return ""
    folder = staged[0]
    if _is_recorded(site, folder):
        _install(site, folder)
        words = f"the promotion of package {folder.name} was cut off after it was recorded, and is "
        words += "complete now: the new configuration is in force."
    else:
        shutil.rmtree(root)
        words = f"the promotion of package {folder.name} was cut off before it was recorded: the "
        words += "old configuration is in force. Apply the package again."
    log.warning("%s", words)
    return words


def _is_recorded(site: LocalSite, folder: Path) -> bool:
    """Whether the package was recorded after it was staged, and staged to its end."""
    found, mark = newest(site), folder / WHOLE
    if found is None or found[1].package != folder.name or not mark.exists():
        return False
    return found[0].seq > int(mark.read_text("ascii"))
