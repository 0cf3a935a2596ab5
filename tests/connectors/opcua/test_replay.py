"""The same series by a file and by a server: what lands is identical."""

from __future__ import annotations

import asyncio
import csv
import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card
from goldenbatch.core.plant import load_plant
from tests.connectors.opcua.kit import a_card

EXAMPLE = Path(__file__).parents[3] / "examples" / "tablets"
PLACE = "site/tabletting/press"
TAGS = ("tbl_speed", "main_comp", "tbl_fill", "produced", "waste", "campaign")
N_ROWS = 300
ALL = (0, 2**62)


def rows_of(table):
    """Time, tag, value and quality of each reading, in their order."""
    columns = [table.column(name).to_pylist() for name in ("time", "tag", "value", "quality")]
    return list(zip(*columns, strict=True))


def served(lines, previous):
    """What a server gives for some lines of the file; a text only where it changes."""
    for line in lines:
        local = datetime.datetime.fromisoformat(line["timestamp"])
        at = int(local.replace(tzinfo=ZoneInfo("Europe/Ljubljana")).timestamp() * 1000)
        for tag in TAGS:
            text = line[tag]
            if tag == "campaign":
                if text != previous.get(tag):
                    yield {"name": tag, "type": "String", "value": text, "at": at}
                previous[tag] = text
            elif text:
                yield {"name": tag, "value": float(text), "at": at}


@pytest.mark.service("node")
def test_a_slice_of_the_press_series_lands_as_the_file_does(
    plant, home, new_site, real_data, tmp_path
):
    source = sorted((real_data("tablets") / "press").glob("*.csv"))[0]
    with source.open() as file:
        head = [next(file) for _ in range(N_ROWS + 1)]
    (tmp_path / "slice" / "press").mkdir(parents=True)
    (tmp_path / "slice" / "press" / source.name).write_text("".join(head))
    by_file = new_site(load_plant(EXAMPLE / "plant.toml"), "by-file")
    lines = list(csv.DictReader(head, delimiter=";"))
    with (real_data("tablets") / "Laboratory.csv").open() as file:
        results = [
            line for i, line in enumerate(file) if i == 0 or line.split(";")[0] == lines[0]["batch"]
        ]
    (tmp_path / "slice" / "Laboratory.csv").write_text("".join(results))
    import_card(by_file, load_card(EXAMPLE / "cards" / "laboratory.toml"), tmp_path / "slice")
    report = import_card(by_file, load_card(EXAMPLE / "cards" / "press.toml"), tmp_path / "slice")
    assert report.total("n_accepted") == N_ROWS
    tags = [f"{PLACE}/{tag}" for tag in TAGS]
    numbers = by_file.historian.read(tags[:-1], ALL).table
    assert numbers.num_rows > 1000
    texts = by_file.historian.read(tags[-1:], ALL).table

    for tag in TAGS:
        kind = (
            {"type": "String", "value": ""} if tag == "campaign" else {"type": "Double", "value": 0}
        )
        plant.do("add", name=tag, **kind)

    async def main():
        items = [{"node": f"ns=1;s=Press.{tag}", "tag": f"{PLACE}/{tag}"} for tag in TAGS]
        async with home.reading(a_card(plant, *items, subscription={"queue_size": 1000})):
            await home.connected()
            before = home.outlet.counts.n_readings
            previous: dict[str, str] = {}
            for first in range(0, N_ROWS, 50):
                plant.do("many", rows=list(served(lines[first : first + 50], previous)))
                await asyncio.sleep(0.05)
            wanted = before + numbers.num_rows + texts.num_rows
            await home.until(lambda: home.outlet.counts.n_readings >= wanted)
            last = max(row["time"] for row in numbers.to_pylist())
            window = (0, round(last.timestamp() * 1e6) + 1)
            historian = home.site.historian
            assert rows_of(historian.read(tags[:-1], window).table) == rows_of(numbers)
            assert rows_of(historian.read(tags[-1:], window).table) == rows_of(texts)
            assert home.gaps() == []

    try:
        asyncio.run(asyncio.wait_for(main(), 60))
    finally:
        for tag in TAGS:
            plant.do("remove", name=tag)


@pytest.mark.service("node")
def test_spectra_of_the_fermentation_land_as_the_file_does(plant, home, new_site):
    folder = EXAMPLE.parent / "fermentation"
    by_file = new_site(load_plant(folder / "plant.toml"), "by-file")
    card = load_card(folder / "cards" / "fermentation.toml")
    import_card(by_file, card, None, ImportOptions(tables=("spectra",)))
    tag = "site/fermentation/bioreactor/ir_spectrum"
    expected = by_file.historian.read([tag], ALL).table.slice(0, 25)
    spectra = [
        {"name": "ir", "value": row["value"], "at": round(row["time"].timestamp() * 1000)}
        for row in expected.to_pylist()
    ]
    plant.do("add", name="ir", type="Double", value=[0], valueRank=1)

    async def main():
        items = [{"node": "ns=1;s=Press.ir", "tag": tag}]
        async with home.reading(a_card(plant, *items, subscription={"queue_size": 100})):
            await home.connected()
            plant.do("many", rows=spectra)
            await home.until(lambda: home.outlet.counts.n_readings >= len(spectra) + 1)
            window = (0, spectra[-1]["at"] * 1000 + 1)
            assert rows_of(home.site.historian.read([tag], window).table) == rows_of(expected)
            assert home.site.historian.tags()[tag] == "array"
            assert home.gaps() == []

    try:
        asyncio.run(asyncio.wait_for(main(), 60))
    finally:
        plant.do("remove", name="ir")
