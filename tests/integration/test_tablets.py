"""The main job on 794 real commercial batches, counted beside an independent reading."""

from __future__ import annotations

import csv
import html
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration import mill
from tests.integration.browser import Browser, n_colours, pages_of

PRESS = "site/tabletting/press"
N_PRESS_ROWS = 134_213
SIGNALS = (
    "tbl_speed", "fom", "main_comp", "tbl_fill", "SREL", "pre_comp", "produced", "waste",
    "cyl_main", "cyl_pre", "stiffness", "ejection",
)  # fmt: skip
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def tablets(real_data: Any, made_once: Any) -> Any:
    """The home of the example, its report of the imports, and where the files are."""
    root = real_data("tablets")

    def build(folder: Path) -> None:
        done = mill.program("init", folder / "home", "--example", "tablets", "--data", root)
        (folder / "report.json").write_text(done.out)

    folder = made_once("tablets", build)
    return folder / "home", json.loads((folder / "report.json").read_text()), root


@pytest.fixture(scope="module")
def laboratory(real_data: Any) -> list[dict[str, str]]:
    """The laboratory's file, read by nothing but the standard library."""
    with (real_data("tablets") / "Laboratory.csv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_every_batch_and_every_lot_is_there(tablets: Any, laboratory: Any) -> None:
    home, report, _ = tablets
    assert report["kind"] == "demonstration"
    assert mill.here("batch", "list", home=home).json["n_batches"] == len(laboratory) == 794
    lots = {
        "api": {f"{row['api_code']}-{row['api_batch']}" for row in laboratory},
        **{name: {row[f"{name}_batch"] for row in laboratory}
           for name in ("smcc", "lactose", "starch")},
    }  # fmt: skip
    with mill.opened(home) as site:
        stored = {(row["material"], row["lot"]) for row in site.ledger.select("lot")}
        assert stored == {(name, lot) for name, found in lots.items() for lot in found}
        used = {(row["batch"], row["material"], row["lot"])
                for row in site.ledger.select("genealogy")}  # fmt: skip
        products = {row["batch"]: row["product"] for row in site.ledger.select("batch")}
    assert products == {row["batch"]: row["code"] for row in laboratory}
    assert len(used) == 4 * 794
    assert {(row["batch"], "starch", row["starch_batch"]) for row in laboratory} <= used
    assert {
        (row["batch"], "api", f"{row['api_code']}-{row['api_batch']}") for row in laboratory
    } <= used


def test_every_row_of_the_press_is_there(tablets: Any) -> None:
    home, report, root = tablets
    (press,) = (one for one in report["imports"] if one["card"] == "press")
    assert press["n_rows"] == press["n_accepted"] == N_PRESS_ROWS
    assert press["n_rejected"] == press["n_conflicts"] == 0
    gaps: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    n_campaigns, last = 0, {}
    for path in sorted((root / "press").glob("*.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file, delimiter=";"):
                n_campaigns += last.get(path) != row["campaign"]
                last[path] = row["campaign"]
                for name in SIGNALS:
                    gaps[name] += not row[name]
                    sums[name] += float(row[name] or 0)
    # Twelve numbers a row, each kept; the campaign, a text, is kept where it changes.
    assert press["n_readings"] == len(SIGNALS) * N_PRESS_ROWS + n_campaigns
    with mill.opened(home) as site:
        for name in SIGNALS:
            series = site.historian.read([f"{PRESS}/{name}"], (0, 2**61))
            is_good = series.qualities() == 0
            assert len(series) == N_PRESS_ROWS, name
            assert int((~is_good).sum()) == gaps[name], name
            assert float(series.values()[is_good].sum()) == pytest.approx(sums[name]), name


def test_the_same_data_again_add_nothing(tablets: Any) -> None:
    home, _, root = tablets
    before = mill.here("status", home=home).json
    again = mill.here("import", "laboratory", "--data", root, home=home).json
    assert again["files"][0]["is_repeated"]
    assert mill.here("status", home=home).json == before


def test_charts_per_product(tablets: Any, laboratory: Any) -> None:
    home, _, _ = tablets
    rows = mill.here("monitoring", "limits", "quality", home=home).json
    batches = Counter(row["code"] for row in laboratory)
    large = {code for code, n in batches.items() if n > 2 * 25}
    watched = {row["product"] for row in rows if row["state"] in ("watching", "residuals")}
    assert large and large <= watched
    for product in large:
        found = {row["attribute"] for row in rows if row["product"] == product}
        assert {"batch_yield", "dissolution_av", "impurities_total"} <= found, product
    for row in rows:
        if row["state"] not in ("watching", "residuals"):
            continue
        assert row["lower"] < row["centre"] < row["upper"]
        # The false-alarm rate is that of later batches, with its exact interval.
        assert row["n_reference"] + row["n_later"] <= batches[row["product"]]
        if row["n_later"]:
            assert row["false_alarm_rate"] == pytest.approx(row["n_alarms"] / row["n_later"])
            assert row["interval"][0] <= row["false_alarm_rate"] <= row["interval"][1]


def test_findings_with_evidence(tablets: Any) -> None:
    home, report, _ = tablets
    rows = mill.here("findings", "--limit", 10_000, home=home).json["findings"]
    assert {row["analyst"] for row in rows} == {"hardness", "press", "quality"}
    assert report["n_transitions"] > len(rows) > 100
    with mill.opened(home) as site:
        batches = {row["batch"] for row in site.ledger.select("batch")}
        for row in rows:
            finding = site.ledger.stream(f"finding/{row['uid']}")[0].body["finding"]
            assert row["batch"] in batches
            assert finding["evidence"], row
            for one in finding["evidence"]:
                if one["kind"] == "record":
                    (event,) = site.ledger.stream(one["stream"], one["version"] - 1)[:1]
                    assert event.leaf == one["digest"]
                elif one["kind"] == "artefact":
                    assert site.registry.get(one["digest"])


def test_verification_passes(tablets: Any) -> None:
    home, *_ = tablets
    answer = mill.here("verify", home=home).json
    assert answer["is_ok"]
    assert answer["counts"]["events"] > 13_000
    assert answer["counts"]["findings"] > 100


@pytest.fixture(scope="module")
def dossier(tablets: Any) -> Any:
    """Dossier of a batch with findings, after a person has decided on one of them."""
    home, *_ = tablets
    rows = mill.here("findings", "--limit", 10_000, home=home).json["findings"]
    (batch, n_findings), *_ = Counter(row["batch"] for row in rows).most_common(1)
    own = [row for row in rows if row["batch"] == batch]
    assert n_findings >= 2
    with mill.opened(home) as site:
        site.people.add("ann", "Ann Kos", mill.PASSWORD)
        site.people.grant("ann", "quality_reviewer", "trained")
        site.decide(own[0]["uid"], "confirmed", "Seen on the line as well", "ann", mill.PASSWORD)
    paths = mill.here("batch", "report", batch, home=home).json
    return batch, own, {name: Path(paths[name]) for name in ("html", "pdf", "proof")}


def test_the_dossier_in_a_real_browser(dossier: Any, program: Any, tmp_path: Path) -> None:
    batch, own, paths = dossier
    browser = Browser(program("chromium", "chromium-browser", "google-chrome"), tmp_path)
    text = html.unescape(browser.text(paths["html"]))
    assert f"{batch}" in text and "not for GMP use" in text
    for row in own:
        assert row["title"] in text, row["title"]
    assert "Ann Kos" in text and "Seen on the line as well" in text
    assert "<svg" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    picture = browser.picture(paths["html"], tmp_path / "page.png")
    assert picture.stat().st_size > 20_000
    for third in range(3):  # words and charts all the way down the window
        assert n_colours(picture, (0, third / 3, 1, (third + 1) / 3)) > 8


def test_the_dossier_as_pictures_of_pages(dossier: Any, program: Any, tmp_path: Path) -> None:
    _, own, paths = dossier
    pages = pages_of(program("pdftoppm"), paths["pdf"], tmp_path / "pages")
    assert len(pages) >= 2
    assert all(n_colours(page) > 8 for page in pages)
    done = subprocess.run(
        [program("pdftotext"), str(paths["pdf"]), "-"], capture_output=True, text=True, check=True
    )
    words = " ".join(done.stdout.split())
    assert "Ann Kos" in words
    assert words.count("not for GMP use") >= len(pages)
    for row in own:
        assert row["title"] in words, row["title"]


def test_an_outsider_checks_the_proof(tablets: Any, dossier: Any, tmp_path: Path) -> None:
    home, *_ = tablets
    *_, paths = dossier
    key, proof = (home / "keys" / "home.pub").read_text().strip(), tmp_path / "proof.json"
    proof.write_bytes(paths["proof"].read_bytes())
    assert mill.here("verify", "--proof", proof, "--key", key).json["is_ok"]
    stated = json.loads(proof.read_text())
    event, *_ = (one for one in stated["events"] if one["body"])
    place, text = len(event["body"]) // 2, event["body"]
    event["body"] = text[:place] + ("b" if text[place] == "a" else "a") + text[place + 1 :]
    proof.write_text(json.dumps(stated))
    mill.here("verify", "--proof", proof, "--key", key, expect=7)
