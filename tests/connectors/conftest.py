"""A small site on the real stores, for tests of connectors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from goldenbatch.core import batches, intake, sampling
from goldenbatch.core.plant import Plant
from goldenbatch.core.records import HomeKind
from goldenbatch.core.results import RESULTS
from goldenbatch.core.site import Actor, HomeInfo

PROJECTIONS = (*batches.PROJECTIONS, RESULTS, *intake.PROJECTIONS, *sampling.PROJECTIONS)


@dataclass
class StoreSite:
    """What an import needs of a site: real ledger, historian and registry in a folder."""

    home: HomeInfo
    plant: Plant
    ledger: Any
    historian: Any
    registry: Any
    actor: Actor
    clock: Callable[[], int]

    def close(self) -> None:
        self.historian.close()
        self.ledger.close()


def open_site(folder: Path, plant: Plant) -> StoreSite:
    """Open or make the stores of a folder."""
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger
    from goldenbatch.stores.registry import Registry

    folder.mkdir(parents=True, exist_ok=True)
    ticks = itertools.count(1_600_000_000_000_000, 1000)

    def clock() -> int:
        return next(ticks)

    home = HomeInfo("home-1", "test", HomeKind.DEVELOPMENT, "site", "Europe/Ljubljana")
    ledger = Ledger.open(folder / "ledger.sqlite", home, clock, PROJECTIONS)
    historian = Historian.open(folder / "historian", recorder=None, clock=clock)
    registry = Registry(folder / "registry")
    return StoreSite(home, plant, ledger, historian, registry, Actor("importer"), clock)


@pytest.fixture()
def new_site(tmp_path: Path) -> Iterator[Callable[..., StoreSite]]:
    """Make sites on real stores; they are closed at the end."""
    made: list[StoreSite] = []

    def make(plant: Plant, name: str = "home") -> StoreSite:
        site = open_site(tmp_path / name, plant)
        made.append(site)
        return site

    yield make
    for site in made:
        site.close()
