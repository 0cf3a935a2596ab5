"""The cards that ship: the real fermentation and the real tablets, whole and counted."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from goldenbatch.connectors.tabular import ImportOptions, import_card, load_card
from goldenbatch.core.intake import array_axis
from goldenbatch.core.plant import load_plant
from goldenbatch.core.records import from_iso

EXAMPLES = Path(__file__).parents[3] / "examples"
ALL = (from_iso("1970-01-01T00:00:00Z"), from_iso("2100-01-01T00:00:00Z"))
PRESS = "site/tabletting/press"


def card(example: str, name: str):
    return load_card(EXAMPLES / example / "cards" / f"{name}.toml")


def test_every_card_that_ships_is_a_card():
    paths = sorted(EXAMPLES.glob("*/cards/*.toml"))
    assert len(paths) >= 5
    for path in paths:
        assert load_card(path).name == path.stem
        assert load_card(path).attribution


def test_the_fermentation_is_there_and_counted(new_site):
    site = new_site(load_plant(EXAMPLES / "fermentation" / "plant.toml"))
    report = import_card(site, card("fermentation", "fermentation"))
    assert report.total("n_rows") == report.total("n_accepted") == 1629 + 34 + 21 + 21
    assert report.total("n_readings") == 1629 + 21
    spectra = site.historian.read(["site/fermentation/bioreactor/ir_spectrum"], ALL)
    assert spectra.values().shape == (1629, 1047)
    assert set(Counter((spectra.times()[1:] - spectra.times()[:-1]).tolist())) == {75_000_000}
    axis = array_axis(site, "site/fermentation/bioreactor/ir_spectrum")
    assert (axis.values[0], axis.values[-1], axis.unit) == (428.0, 1833.0, "cm-1")
    results = site.ledger.select("result", {"batch": "F1"})
    assert (len(results), len({row["sample"] for row in results})) == (34 * 5, 34)
    calibration = site.historian.read(["site/laboratory/ir/calibration_spectrum"], ALL)
    samples = site.ledger.select("sample", {"material": "calibration-set"}, order_by=("sample",))
    assert [row["taken_at"] for row in samples] == calibration.times().tolist()
    glucose = site.ledger.select("result", {"sample": "calibration/01", "test": "glucose"})
    assert glucose[0]["value"] == "1.664707074"
    batch = site.ledger.select("batch")[0]
    assert batch["started_at"] == from_iso("2020-01-06T07:00:00Z")  # winter time in Copenhagen
    assert batch["ended_at"] - batch["started_at"] == 1629 * 75_000_000


@pytest.mark.slow()
def test_the_fermentation_lives_step_by_step(new_site):
    site = new_site(load_plant(EXAMPLES / "fermentation" / "plant.toml"))
    seen: list[int] = []

    def look(at: int) -> None:
        seen.append(at)

    options = ImportOptions(is_live=True, on_step=look, tables=("spectra", "hplc"))
    import_card(site, card("fermentation", "fermentation"), None, options)
    assert seen == sorted(seen)
    assert 1629 < len(seen) <= 1629 + 34 + 1
    assert site.historian.head() == 1629
    kinds = [event.kind for event in site.ledger.events()]
    assert kinds.index("BatchEnded") > kinds.index("ResultsReported")


@pytest.fixture()
def tablets(new_site, real_data):
    return new_site(load_plant(EXAMPLES / "tablets" / "plant.toml")), real_data("tablets")


def expected_contradictions(path: Path) -> set[tuple[str, str, str]]:
    """(lot, column, value) that differ from the first one of the lot, counted independently."""
    first: dict[tuple[str, str], str] = {}
    found = set()
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            for name, text in row.items():
                material = name.partition("_")[0]
                if material not in ("api", "smcc", "lactose", "starch"):
                    continue
                if name.endswith(("_batch", "_code")) or not text.strip():
                    continue
                lot = row[f"{material}_batch"]
                lot = f"{row['api_code']}-{lot}" if material == "api" else lot
                stored = first.setdefault((f"{material}/{lot}", name), text.strip())
                if float(stored) != float(text):
                    found.add((f"{material}/{lot}", name, text.strip()))
    return found


def test_tablets_laboratory_and_process(tablets):
    site, root = tablets
    report = import_card(site, card("tablets", "laboratory"), root)
    assert report.total("n_rows") == 794
    assert (report.total("n_rejected"), report.total("n_conflicts")) == (0, 185)
    assert len(site.ledger.select("batch")) == 794
    lots = Counter(row["material"] for row in site.ledger.select("lot"))
    assert lots == {"api": 198, "lactose": 18, "smcc": 14, "starch": 14}
    assert len(site.ledger.select("genealogy")) == 794 * 4
    found = site.ledger.select("conflict", {"card": "laboratory"})
    shown = {(*row["key"].rsplit("/", 1), row["offered"].split(" ")[0]) for row in found}
    assert shown == expected_contradictions(root / "Laboratory.csv")
    assert len({lot for lot, _, _ in shown}) == 40
    may = site.ledger.select("batch", {"batch": "200"})[0]
    assert '"started_at_precision":"month"' in may["attributes"]
    process = import_card(site, card("tablets", "process"), root)
    assert (process.total("n_accepted"), process.total("n_conflicts")) == (794, 0)
    assert len(site.ledger.select("sample")) == 244 + 5 * 794
    sizes = import_card(site, card("tablets", "normalization"), root)
    assert (sizes.total("n_unchanged"), sizes.total("n_conflicts")) == (23, 2)
    found = site.ledger.select("conflict", {"card": "normalization"}, order_by=("line",))
    assert [row["offered"] for row in found] == ["size=480000 {tbl}"] * 2


def test_tablets_press_rows_are_all_there(tablets):
    site, root = tablets
    import_card(site, card("tablets", "laboratory"), root)
    report = import_card(site, card("tablets", "press"), root)
    assert report.total("n_rows") == report.total("n_accepted") == 134_213
    signals = site.historian.tags()
    numbers = [tag for tag, kind in signals.items() if kind == "number"]
    assert len(numbers) == 12
    force = site.historian.read([f"{PRESS}/main_comp"], ALL)
    assert len(force) == 134_213
    assert int((force.qualities() != 0).sum()) == 57
    expected: dict[str, list[float]] = defaultdict(list)
    for path in sorted((root / "press").glob("*.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                if row["main_comp"]:
                    expected[row["batch"]].append(float(row["main_comp"]))
    phases = site.ledger.select("phase")
    assert {row["batch"] for row in phases} == set(expected)
    assert len(phases) == 21
    for row in phases:
        part = site.historian.read([f"{PRESS}/main_comp"], (row["started_at"], row["ended_at"]))
        values = part.values()[part.qualities() == 0]
        assert values.tolist() == expected[row["batch"]]
