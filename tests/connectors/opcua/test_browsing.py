"""What a server offers, and what is proposed of it."""

from __future__ import annotations

import asyncio
import tomllib

import pytest

from goldenbatch.connectors.opcua import browse, propose_card, propose_plant
from goldenbatch.connectors.opcua._units import UNECE, ucum_of, unece_code
from goldenbatch.core.plant import parse_plant
from goldenbatch.core.quantities import check_unit
from tests.connectors.opcua.kit import PLACE, PLANT, a_card, context, item, node


@pytest.mark.service("node")
def test_what_a_server_offers_becomes_a_plant_and_a_card(plant, home):
    async def main():
        made = context(a_card(plant, item("Speed")), home.path)
        return await browse(made)

    rows = asyncio.run(asyncio.wait_for(main(), 60))
    found = {row["name"].removeprefix(f"{PLACE}/"): row for row in rows}
    assert all(row["name"].startswith(f"{PLACE}/Press.") for row in rows)
    force = found["Press.Force"]
    assert force["address"].startswith("nsu=")
    assert force["address"].endswith(";s=Press.Force")
    assert (force["unit"], force["low"], force["high"]) == ("kN", 0.0, 40.0)
    assert force["description"] == "main compression force; range 0 to 40 kN"
    assert found["Press.Temperature"]["unit"] == "Cel"
    assert found["Press.Mode"]["description"] == "states 0 Off, 1 Slow, 2 Fast"
    kinds = {name.removeprefix("Press."): row["kind"] for name, row in found.items()}
    assert kinds["Recipe"] == "text"
    assert kinds["Started"] == "text"
    assert kinds["Spectrum"] == "array"
    assert kinds["Image"] == "reference"
    assert kinds["Motor.Speed"] == "number"
    assert kinds["Motor.Maker"] == "text"
    assert kinds["Motor.Bearing.Temperature"] == "number"
    assert not any("Server" in name for name in found)

    text = propose_plant(rows)
    described = parse_plant(PLANT + text)
    assert described.tag("site/press/Press.Force").unit == "kN"
    assert described.tag("site/press/Press.Motor.Maker").kind == "text"
    assert described.tag("site/press/Press.Recipe").unit == ""

    items = tomllib.loads(propose_card(rows))["settings"]["items"]
    assert len([one for one in items if one["node"].endswith("s=Press.Motor")]) == 1
    again = a_card(plant, *items)

    async def read():
        async with home.reading(again):
            await home.connected()
            await home.until(lambda: home.rows("Press.Motor.Speed") and home.rows("Press.Force"))
            assert home.health("items_failed") == 0.0

    asyncio.run(asyncio.wait_for(read(), 60))


def test_every_unit_of_the_table_is_ucum():
    assert [code for code in UNECE.values() if check_unit(code) != code] == []
    assert unece_code(4408652) == "CEL"
    assert unece_code(-1) == unece_code(2**31 - 1 + 1) == ""


@pytest.mark.parametrize(
    ("number", "shown", "described", "unit"),
    [
        (0, "°C", "", "Cel"),
        (0, "rpm", "", "/min"),
        (0, "odd", "mg/L", "mg/L"),
        (0, "", "", "1"),
        (0, "widgets per moon", "", "{widgetspermoon}"),
        (0, "{x}", "", "{x}"),
        (4408652, "anything", "", "Cel"),
    ],
)
def test_units_that_are_shown(number, shown, described, unit):
    assert ucum_of(number, shown, described) == unit
    check_unit(unit)


def test_what_was_browsed_is_a_plant_that_is_read(plant, home, tmp_path, monkeypatch, capsys):
    """Browse, write the plant, make a home of it, check the card, run: as a person would."""
    from goldenbatch.apps.cli import run
    from goldenbatch.runtime.local import LocalSite
    from tests.connectors.opcua.kit import PASSWORD
    from tests.connectors.opcua.test_runtime import write_card

    def cli(*arguments):
        capsys.readouterr()
        code = run([str(one) for one in arguments])
        out, err = capsys.readouterr()
        assert code == 0, err
        return "\n".join(line for line in out.splitlines() if "DEVELOPMENT" not in line)

    monkeypatch.setenv("TEST_PLANT_PASSWORD", PASSWORD)
    write_card(home, plant)
    text = cli("source", "browse", "press", "--plant", "--home", home.path)
    tags = {tag["name"]: tag for tag in tomllib.loads(text)["tags"]}
    assert tags["site/press/Press.Recipe"]["unit"] == ""  # a text, not a pure number
    assert tags["site/press/Press.Image"]["unit"] == ""
    path = tmp_path / "plant.toml"
    path.write_text(PLANT + text)
    described = parse_plant(path.read_text())
    assert {tag.name for tag in described.tags} == tags.keys()
    second = tmp_path / "second"
    cli("init", second, "--plant", path)
    home.path = second
    write_card(home, plant)
    rows = [f"{node(name)},Press.{name}," for name in ("Speed", "Recipe", "Force")]
    (second / "connections" / "press.csv").write_text("\n".join(["node,tag,kind", *rows]) + "\n")
    cli("source", "check", "press", "--home", second)
    plant.set("Recipe", "R-18", "String")
    cli("source", "run", "press", "--seconds", "4", "--home", second)
    with LocalSite.open(second) as site:
        kinds = site.historian.tags()
        assert kinds["site/press/Press.Recipe"] == "text"
        latest = site.historian.latest(["site/press/Press.Recipe"]).rows()
        assert [row["value"] for row in latest] == ["R-18"]
        assert kinds["site/press/Press.Force"] == "number"
        assert site.ledger.select("source_unit", {"is_open": 1}) == []
