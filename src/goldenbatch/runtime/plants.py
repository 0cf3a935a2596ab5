"""Putting a version of the plant into force: first shown, then recorded, then written out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import PLANT_FILE, PLANT_STREAM, Plant, load_plant
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.home import write_plant

if TYPE_CHECKING:
    from goldenbatch.core._plant_diff import Change
    from goldenbatch.runtime.local import LocalSite


@dataclass(frozen=True)
class PlantPreview:
    """What adopting a plant would change; nothing has been done yet."""

    plant: Plant
    changes: tuple[Change, ...]


def preview(site: LocalSite, text: str, tables: Mapping[str, str]) -> PlantPreview:
    """What a `plant.toml` and bulk tables would change.

    Raises:
        BadInputError: They are not well formed; file, line and key are named.
    """
    from goldenbatch.core._plant_diff import diff

    with tempfile.TemporaryDirectory(prefix="plant-", dir=site.layout.state) as folder:
        root = Path(folder)
        (root / "tables").mkdir()
        write_plant(root, text, tables)
        plant = load_plant(root / PLANT_FILE)
    return PlantPreview(plant, diff(site.plant, plant))


def adopt(
    site: LocalSite, text: str, tables: Mapping[str, str], effective_from: int = 0
) -> PlantPreview:
    """Put a version of the plant into force; one without a change is not recorded.

    Raises:
        BadInputError: It is not well formed, or changed without a new version.
    """
    shown = preview(site, text, tables)
    if shown.plant.digest == site.plant.digest:
        return shown
    if shown.plant.version == site.plant.version:
        raise BadInputError(
            f"the plant differs from version {site.plant.version} and bears its number.",
            hint="Give it a new version.",
            file=PLANT_FILE,
            key="version",
        )
    body = shown.plant.adopted(effective_from or site.clock())
    head = site.ledger.version(PLANT_STREAM)
    site.ledger.append([NewEvent(PLANT_STREAM, body, head, actor=site.actor.uid)])
    for old in (site.path / "tables").glob("*.csv"):
        old.unlink()
    write_plant(site.path, text, tables)
    return shown
