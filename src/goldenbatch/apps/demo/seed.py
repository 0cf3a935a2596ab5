"""The home of the demonstration plant at its first start: people, archive, analysts, decisions."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.demo.archive import write_archive
from goldenbatch.apps.demo.plant import SITE, PlantSettings
from goldenbatch.apps.demo.schedule import FIRST_REACTOR, units
from goldenbatch.apps.examples import find_example
from goldenbatch.core.records import HomeKind

if TYPE_CHECKING:
    from goldenbatch.core.analyst import Transition
    from goldenbatch.runtime.local import LocalSite

EXAMPLE, NAME = "demo_plant", "Helix Aarhus"
PASSWORD = "demonstration-only"  # noqa: S105 - printed when the demonstration starts
REVIEWER = "rita"
YEAR_US = 365 * 86_400_000_000
Tell = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and of how much (0: not known)."""


@dataclass(frozen=True)
class DemoPerson:
    """Somebody who works at the plant."""

    login: str
    name: str
    roles: tuple[str, ...]
    does: str


def people() -> tuple[DemoPerson, ...]:
    """Who works at the plant."""
    text = (find_example(EXAMPLE) / "people.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["people"]
    return tuple(DemoPerson(**{**one, "roles": tuple(one["roles"])}) for one in rows)


def seed_home(home: Path, plant: PlantSettings, tell: Tell) -> None:
    """Make the home and let it live through what lies before the page opens.

    Args:
        home: Empty or missing folder.
        plant: How the plant will be run; its earlier batches are simulated here.
        tell: Hears of the progress.
    """
    from goldenbatch.runtime.local import LocalSite

    archive = home.parent / "archive"
    tell("Simulating earlier batches", 0, 0)
    write_archive(
        archive, plant.epoch, units(SITE, plant.seed),
        lambda n, of: tell("Simulating earlier batches", n, of),
    )  # fmt: skip
    tell("Making the home", 0, 0)
    _make(home, plant)
    with LocalSite.open(home) as site:
        _people(site)
        tell("Importing the archive", 0, 0)
        _import(site, archive)
        tell("Fitting and waking the analysts", 0, 0)
        found = _analysts(site, home)
        _decide(site, found)
        tell("Writing the dossiers of the finished batches", 0, 0)
        _dossiers(site, home)
        site.flush()


def _make(home: Path, plant: PlantSettings) -> None:
    from goldenbatch.runtime.home import HomeSettings, create_home

    example = find_example(EXAMPLE)
    create_home(
        home,
        HomeSettings(
            name=NAME, site="Aarhus", zone="Europe/Copenhagen", kind=HomeKind.DEMONSTRATION,
            plant=(example / "plant.toml").read_text(encoding="utf-8"),
        ),
    )  # fmt: skip
    for folder in ("cards", "analysts", "context"):
        shutil.copytree(example / folder, home / folder, dirs_exist_ok=True)


def connect_home(home: Path, plant: PlantSettings) -> None:
    """Point the connections of the home to where the plant listens."""
    folder = find_example(EXAMPLE) / "connections"
    (home / "connections").mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        text = text.replace(":8772/", f":{plant.opcua_port}/")
        text = text.replace("port = 8773", f"port = {plant.modbus_port}")
        text = text.replace("../plant/laboratory", plant.folder.as_posix())
        there = home / "connections" / path.name
        if not there.exists() or there.read_text(encoding="utf-8") != text:
            there.write_text(text, encoding="utf-8")


def _people(site: LocalSite) -> None:
    """Accounts and roles; an inspector's counts in a window only, which an administrator sets."""
    for one in people():
        site.people.add(one.login, one.name, PASSWORD)
        for role in one.roles:
            site.people.grant(one.login, role, "demonstration")
    admin = next(one.login for one in people() if "administrator" in one.roles)
    now = site.clock()
    for one in people():
        if "inspector" in one.roles:
            site.rights.set_window(
                site.people.find(admin), one.login, role="inspector", start=now,
                end=now + YEAR_US, reason="demonstration",
            )  # fmt: skip


def _import(site: LocalSite, archive: Path) -> None:
    from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card

    cards = site.path / "cards"
    import_card(site, load_card(cards / "archive.toml"), archive)
    options = ImportOptions(tables=("weighing", "daily", "harvest", "cake"))
    import_card(site, load_card(cards / "laboratory.toml"), archive / "laboratory", options)


def _analysts(site: LocalSite, home: Path) -> list[Transition]:
    """Those that judge the archive first; those that follow what runs come after it."""
    found: list[Transition] = []
    for names in (("weighing", "quality"), ("freeze-drying", "bioreactor-twin", "context")):
        for name in names:
            path = home / "analysts" / f"{name}.toml"
            chosen: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            site.adopt(name, chosen["analyst"], chosen["settings"])
            if chosen["analyst"] == "monitoring.batch_runs":
                site.fit(name)
        found += site.wake()
    return found


def _decide(site: LocalSite, found: list[Transition]) -> None:
    """What the analysts found of the finished batches is decided, each signed."""
    for uid in dict.fromkeys(one.uid for one in found if one.finding.subject.batch):
        site.decide(
            uid, "confirmed",
            "Weighing record and scale printout compared: the batch got less than its recipe says.",
            REVIEWER, PASSWORD,
            action="Second person verifies the weighing; scale W-12 is checked with weights.",
        )  # fmt: skip


def _dossiers(site: LocalSite, home: Path) -> None:
    from goldenbatch.capabilities.execution import write_report

    for number in (FIRST_REACTOR - 2, FIRST_REACTOR - 1):
        write_report(site, f"GB-{number:03d}", home / "reports")
