"""Records are held against the plant, and a bad cell of a phase costs its row, not the file."""

from __future__ import annotations

import pytest

from goldenbatch.connectors.tabular import ImportOptions, import_card, parse_card
from goldenbatch.core.plant import Plant

PLANT = Plant.model_validate(
    {
        "name": "test",
        "places": [{"path": "site", "level": "site"}, {"path": "site/u", "level": "unit"}],
        "tags": [{"name": "site/u/x", "unit": "1"}],
        "products": [{"code": "G7"}],
    }
)
MAKING = """
name = "making"
[[table]]
name = "making"
files = ["*.csv"]
separator = ";"
decimal = ","
missing = ["", "NA"]
time = { column = "t" }
[[table.phase]]
batch = "{b}"
product = "{p}"
place = "{place}"
phase = "making"
size = "{size} kg"
is_whole_batch = true
[[table.tag]]
tag = "site/u/x"
column = "x"
"""
HEAD = "t;b;p;place;size;x\n"


def run(site, folder, card, *rows):
    text = HEAD + "".join(f"2020-01-01T00:00:{n:02d};{row}\n" for n, row in enumerate(rows))
    (folder / "a.csv").write_bytes(text.encode())
    report = import_card(site, parse_card(card), folder, ImportOptions())
    return report.files[0]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (";G7;site/u;1;1", "empty"),
        ("NA;G7;site/u;1;1", "empty"),
        ("B;G8;site/u;1;1", "plant"),
        ("B;G7;site/v;1;1", "plant"),
        ("B;G7;site/u;some;1", "record"),
        ("B;G7;site/u;1.5;1", "number"),
        ("B\x1f;G7;site/u;1;1", "binary"),
    ],
)
def test_a_bad_cell_of_a_phase_costs_its_row(new_site, tmp_path, row, kind):
    site = new_site(PLANT)
    good = "A;G7;site/u;1,5;1"
    found = run(site, tmp_path, MAKING, good, good, row)
    assert (found.n_accepted, found.n_rejected, dict(found.reasons)) == (2, 1, {kind: 1})
    assert found.n_readings == 2
    rows = site.ledger.select("batch")
    assert [(one["batch"], one["size"]) for one in rows] == [("A", "1.5 kg")]


BATCHES = """
name = "batches"
[[table]]
name = "batches"
files = ["*.csv"]
separator = ";"
decimal = ","
[[table.batch]]
batch = "{b}"
product = "{p}"
place = "{place}"
size = "{size} kg"
"""


def test_a_batch_of_an_unknown_product_or_place_is_quarantined(new_site, tmp_path):
    rows = ("A;G7;site/u;1,5;", "B;G8;site/u;1;", "C;G7;site/w;1;", "D;G7;;1;", "E;G7;;1.5;")
    found = run(site := new_site(PLANT), tmp_path, BATCHES, *rows)
    assert dict(found.reasons) == {"plant": 2, "number": 1}
    assert [row["batch"] for row in site.ledger.select("batch")] == ["A", "D"]
    assert "has no product 'G8'" in found.problems[0].reason


def test_a_plant_that_lists_no_products_knows_all(new_site, tmp_path):
    plant = PLANT.model_copy(update={"products": ()})
    found = run(new_site(plant), tmp_path, BATCHES, "A;any;site/u;1,5;")
    assert found.n_accepted == 1
