"""The whole press series and the whole fermentation over the wire, held against their files.

The press goes over OPC UA as history of node-opcua that the connector reads (HistoryRead), and over
Sparkplug row by row from the npm sparkplug-client through Mosquitto; both peers read the CSV files
themselves. The spectra go over OPC UA as live values of a subscription, and over Sparkplug from a
publisher that shares no code with the host. `GOLDENBATCH_WIRE_ROWS` cuts each file to so many rows.
"""

from __future__ import annotations

import asyncio
import csv
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card
from goldenbatch.core.acquisition import ConnectionCard
from goldenbatch.runtime.acquisition import Acquisition, Sources
from goldenbatch.runtime.local import LocalSite
from tests.campaign.report import Part
from tests.connectors.mqtt.conftest import Broker
from tests.connectors.opcua.kit import PASSWORD, PEERS, PlantServer, a_card
from tests.integration import test_over_the_wire as slices

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("GOLDENBATCH_DATA", ROOT.parent / "shared" / "data"))
N_ROWS = int(os.environ.get("GOLDENBATCH_WIRE_ROWS", "0"))
TEXT = "campaign"
TAGS = {name: f"{slices.PRESS}/{name}" for name in (*slices.SIGNALS, TEXT)}
ZONE = ZoneInfo("Europe/Ljubljana")
WAIT_S = 600.0
N_AT_ONCE = 900
"""Rows that are under way: Mosquitto holds a thousand messages for a slow reader."""
SPECTRA_AT_ONCE = 50


def parts(folder: Path) -> list[Part]:
    """Each series over each protocol."""
    folder.mkdir()
    root, spectra = folder / "files", folder / "spectra"
    _cut(DATA / "tablets", root)
    with slices.new_home(folder / "tablets", "tablets") as site:
        for card in ("laboratory", "press"):
            import_card(site, load_card(slices.EXAMPLES / f"tablets/cards/{card}.toml"), root)
        press = digests(site, list(TAGS.values()))
    with slices.new_home(folder / "fermentation", "fermentation") as site:
        card = load_card(slices.EXAMPLES / "fermentation" / "cards" / "fermentation.toml")
        _cut_spectra(spectra)
        import_card(site, card, spectra, ImportOptions())
        series = site.historian.read([slices.SPECTRUM], (0, 2**62))
        grown = digests(site, [slices.SPECTRUM])
    files = sorted((root / "press").glob("*.csv"))
    works: list[tuple[str, str, dict[str, str], Callable[[Path], Any], int]] = [
        ("the press over OPC UA, by HistoryRead", "tablets", press,
         lambda home: press_over_opcua(home, files), 0),
        ("the press over Sparkplug, row by row", "tablets", press,
         lambda home: press_over_sparkplug(home, files), len(files) - 1),
        ("the spectra over OPC UA, by subscription", "fermentation", grown,
         lambda home: spectra_over_opcua(home, series), 0),
        ("the spectra over Sparkplug, one by one", "fermentation", grown,
         lambda home: spectra_over_sparkplug(home, series), 0),
    ]  # fmt: skip
    return [_held(folder / f"wire{number}", *one) for number, one in enumerate(works)]


def _held(
    home: Path, name: str, example: str, wanted: dict[str, str],
    work: Callable[[Path], list[str]], n_ends: int,
) -> Part:  # fmt: skip
    """Have a series sent into a home of its own and compare what landed there."""
    part = Part(name, "a tag that is not what the import of the file is", has_bound=False)
    part.n = len(wanted)
    with slices.new_home(home, example):
        pass
    began = time.monotonic()
    try:
        part.details = work(home)
        part.seconds = time.monotonic() - began
        with LocalSite.open(home) as site:
            found = digests(site, list(wanted), past_only=True)
            part.failures += _gaps(site, n_ends)
    except Exception as error:
        part.failures.append(f"{type(error).__name__}: {str(error)[:300]}".replace(str(home), ""))
        return part
    part.failures += [
        f"{tag}: {found[tag]} is not {wanted[tag]}" for tag in wanted if found[tag] != wanted[tag]
    ]
    part.details += [
        f"{_count(wanted)} readings of {len(wanted)} tags in {part.seconds:.0f} s; digests equal:"
        f" {sum(found[tag] == wanted[tag] for tag in wanted)} of {len(wanted)}",
        *(f"`{tag}`: {found[tag]}" for tag in wanted),
    ]
    return part


def _gaps(site: LocalSite, n_ends: int) -> list[str]:
    """Gaps that should not be: an edge node that ended and came again leaves one each time."""
    causes = [row["cause"] for row in site.ledger.select("gap", {"is_backfill": 0})]
    wanted = ["link down"] * n_ends
    return [] if causes == wanted else [f"gaps {causes} are on record and not {wanted}"]


def _count(digest_of: dict[str, str]) -> str:
    return f"{sum(int(one.split()[0]) for one in digest_of.values()):,}"


# ---- what is compared -----------------------------------------------------------------------


def digests(site: LocalSite, tags: Sequence[str], *, past_only: bool = False) -> dict[str, str]:
    """Count and SHA-256 of the times, values and qualities of each tag, in the order of time.

    Over the wire a tag also has what its source says of itself today: its first value, its end,
    and the values of a Sparkplug birth (that of the peer is of 1970); these are no part of it.
    """
    window = (10**9, (time.time_ns() // 1000) - 30 * 86_400 * 10**6) if past_only else (0, 2**62)
    found = {}
    for tag in tags:
        series = site.historian.read([tag], window)
        made = hashlib.sha256(series.times().astype("<i8").tobytes())
        made.update(series.qualities().astype("<i8").tobytes())
        for value in series.table.column("value").to_pylist():
            # Each double is written as the shortest text that gives it back.
            made.update(f"{value!r}\n".encode())
        found[tag] = f"{len(series)} sha256:{made.hexdigest()}"
    return found


def _cut(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    for path in (target / "press").glob("*.csv"):
        path.chmod(0o644)
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(lines[: N_ROWS + 1 if N_ROWS else None]))


def _cut_spectra(target: Path) -> None:
    import chemotools.datasets

    shutil.copytree(Path(chemotools.datasets.__file__).parent / "data", target)
    path = target / "fermentation_spectra.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[: N_ROWS + 1 if N_ROWS else None]))


def _times(file: Path, folder: Path) -> tuple[Path, list[int]]:
    """The times of a file in milliseconds UTC, for its peer."""
    with file.open() as lines:
        found = [
            int(datetime.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=ZONE).timestamp())
            * 1000
            for row in csv.DictReader(lines, delimiter=";")
        ]
    path = folder / f"times-{file.stem}.json"
    path.write_text(json.dumps(found))
    return path, found


# ---- the wire -------------------------------------------------------------------------------


@contextmanager
def _running(home: Path, card: ConnectionCard, word: str) -> Iterator[LocalSite]:
    """A home that reads a source, connected, while the block runs."""
    with LocalSite.open(home) as site:
        acquisition = Acquisition(Sources(site, site.path), [card])
        acquisition.start()
        try:
            _until(lambda: acquisition.status()[0]["health"].get(word))
            yield site
        finally:
            acquisition.stop()


def _until(what: Callable[[], Any], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError("not all of it came")
        time.sleep(0.05)


def _is_there(site: LocalSite, tag: str, at: int) -> bool:
    """Whether the reading of a time in microseconds is stored."""
    return tag in site.historian.tags() and len(site.historian.read([tag], (at, at + 1))) > 0


def _node() -> str:
    node = shutil.which("node")
    if node is None or not (PEERS / "node_modules").is_dir():
        raise FileNotFoundError("node is not installed, or not `npm ci` in tests/peers")
    return node


@contextmanager
def _plant(folder: Path) -> Iterator[PlantServer]:
    os.environ["TEST_PLANT_PASSWORD"] = PASSWORD
    server = PlantServer(_node(), folder, history="", acceptUnknown=True)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def _broker(folder: Path) -> Iterator[Broker]:
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise FileNotFoundError("Mosquitto is not installed")
    broker = Broker(program, folder)
    try:
        yield broker
    finally:
        broker.kill()


def _opcua_card(plant: PlantServer, name: str, nodes: dict[str, str], **more: Any) -> Any:
    items = [{"node": f"ns=1;s=Press.{node}", "tag": tag} for node, tag in nodes.items()]
    card = a_card(plant, *items, retry={"timeout_s": 120}, **more)
    return card.model_copy(update={"name": name, "place": ""})


def press_over_opcua(home: Path, files: Sequence[Path]) -> list[str]:
    """A server for each file: it has all rows as history, and a source that never read asks."""
    said = []
    columns = dict.fromkeys(slices.SIGNALS, "Double") | {TEXT: "String"}
    for file in files:
        times_file, times = _times(file, home.parent)
        with _plant(home.parent / f"{home.name}-{file.stem}") as plant:
            plant.do("load", file=str(file), times=str(times_file), columns=columns)
            since = {"first_s": time.time() - times[0] / 1000 + 60, "values_per_call": 2000}
            name = f"press-{file.stem}"
            began = time.monotonic()
            card = _opcua_card(plant, name, TAGS, history=since)
            with _running(home, card, "connected") as site:
                _until(
                    lambda name=name, site=site: site.ledger.select(
                        "gap", {"is_backfill": 1, "source": name}
                    )
                )
            seconds = time.monotonic() - began
        said.append(f"{file.name}: {len(times):,} rows in {seconds:.0f} s")
    return said


def press_over_sparkplug(home: Path, files: Sequence[Path]) -> list[str]:
    """A birth, a message for each row of each file, and the end of the edge node."""
    said = []
    folder = home.parent / f"{home.name}-mosquitto"
    folder.mkdir()
    renames = [{"name": f"G/E1/press/{name}", "tag": tag} for name, tag in TAGS.items()]
    with _broker(folder) as broker:
        with _running(home, slices.card_of(broker, renames), "is_connected") as site:
            for file in files:
                began = time.monotonic()
                n_rows = _replay(site, broker, file)
                seconds = time.monotonic() - began
                said.append(f"{file.name}: {n_rows:,} rows in {seconds:.0f} s")
    return said


def _replay(site: LocalSite, broker: Broker, file: Path) -> int:
    times_file, times = _times(file, site.path.parent)
    columns = [*slices.SIGNALS, f"{TEXT}:String"]
    process = subprocess.Popen(
        [_node(), str(PEERS / "sparkplug_replay.mjs"), str(broker.port), str(file),
         str(times_file), "press", f"--at-once={N_AT_ONCE}", *columns],
        stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=PEERS, bufsize=1,
    )  # fmt: skip
    last = TAGS[slices.SIGNALS[-1]]
    with process:
        try:
            while (line := process.stdout.readline().strip()) != "done":  # type: ignore[union-attr]
                word, number = line.split()
                at = times[int(number) - 1] * 1000
                assert word == "at"
                _until(lambda at=at: _is_there(site, last, at), 60)
                process.stdin.write("go\n")  # type: ignore[union-attr]
            _until(lambda: _is_there(site, last, times[-1] * 1000), 60)
            process.stdin.write("end\n")  # type: ignore[union-attr]
        except BaseException:
            process.kill()
            raise
    return len(times)


def spectra_over_opcua(home: Path, series: Any) -> list[str]:
    """The value of a node that changes; the next fifty when these are stored."""
    rows = [
        {"name": "ir", "value": values.tolist(), "at": at // 1000}
        for at, values in zip(series.times().tolist(), series.values(), strict=True)
    ]
    with _plant(home.parent / f"{home.name}-plant") as plant:
        plant.do("add", name="ir", type="Double", value=[0], valueRank=1)
        card = _opcua_card(
            plant, "ir", {"ir": slices.SPECTRUM}, subscription={"queue_size": 2 * SPECTRA_AT_ONCE}
        )
        with _running(home, card, "connected") as site:
            for first in range(0, len(rows), SPECTRA_AT_ONCE):
                some = rows[first : first + SPECTRA_AT_ONCE]
                plant.do("many", rows=some)
                at = some[-1]["at"] * 1000
                _until(lambda at=at, site=site: _is_there(site, slices.SPECTRUM, at), 60)
    return [f"{len(rows):,} spectra of {len(rows[0]['value']):,} channels"]


def spectra_over_sparkplug(home: Path, series: Any) -> list[str]:
    """Arrays of doubles as the specification prints their schema."""
    folder = home.parent / f"{home.name}-mosquitto"
    folder.mkdir()
    rename = [{"name": "G/E1/spectrum", "tag": slices.SPECTRUM}]
    with _broker(folder) as broker:
        with _running(home, slices.card_of(broker, rename), "is_connected") as site:

            async def landed(at: int) -> None:
                wait = lambda: _until(lambda: _is_there(site, slices.SPECTRUM, at), 60)  # noqa: E731
                await asyncio.to_thread(wait)

            asyncio.run(slices.publish(broker.port, series, SPECTRA_AT_ONCE, landed))
            _until(lambda: _is_there(site, slices.SPECTRUM, int(series.times()[-1])), 60)
    return [f"{len(series):,} spectra of {series.values().shape[1]:,} channels"]
