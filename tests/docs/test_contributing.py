"""The worked example of CONTRIBUTING: found, listed, adopted, run, measured, conforming."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from goldenbatch.runtime.local import LocalSite
from tests.docs import generate
from tests.docs.blocks import blocks, run_block

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """Folder in which every block of the page was run, in order."""
    folder = tmp_path_factory.mktemp("contributing")
    names: dict[str, object] = {}
    for block in blocks(PAGE):
        try:
            run_block(block, folder, ROOT, names)
        except Exception as error:
            raise AssertionError(f"CONTRIBUTING.md:{block.line}: {error}") from error
    return folder


def test_it_lives_outside_the_repository(worked):
    assert not worked.is_relative_to(ROOT)
    assert list((worked / "site").glob("goldenbatch_holdtime-*.dist-info/entry_points.txt"))
    assert not list((ROOT / ".venv").glob("lib/python*/site-packages/goldenbatch_holdtime*"))


def test_it_is_found_and_listed(worked):
    answer = json.loads((worked / "capabilities.json").read_text())
    assert not answer["broken"]
    found = {one["name"]: one for one in answer["capabilities"]}
    assert found["holdtime"]["tier"] == "bronze"
    assert {"monitoring", "execution"} <= set(found)
    offers = {(one["kind"], one["name"]) for one in found["holdtime"]["offers"]}
    assert offers == {("analysts", "holdtime.watch"), ("trials", "holdtime.watch")}


def test_it_found_the_long_hold_and_only_that(worked):
    answer = json.loads((worked / "findings.json").read_text())
    assert [one["batch"] for one in answer["findings"]] == ["B2"]
    assert answer["findings"][0]["state"] == "closed"


def test_it_was_measured_beside_the_present_practice(worked):
    answer = json.loads((worked / "measured.json").read_text())
    measures, baseline = answer["measures"], answer["baseline"]
    assert answer["trial"] == "holdtime.watch"
    assert (measures["detected"]["n"], measures["detected"]["of"]) == (4, 4)
    assert (measures["false_alarms"]["n"], measures["false_alarms"]["of"]) == (0, 6)
    assert (baseline["detected"]["n"], baseline["detected"]["of"]) == (0, 4)
    upper = 100 * measures["false_alarms"]["interval"][1]
    readme = (worked / "holdtime" / "goldenbatch_holdtime" / "README.md").read_text()
    assert "4 of 4" in " ".join(readme.split())
    assert f"exact 95 % interval 0 to {upper:.0f} %" in " ".join(readme.split())


def test_the_documented_streams_are_those_of_the_home(worked):
    with LocalSite.open(worked / "home", read_only=True) as site:
        events = list(site.ledger.events())
    assert len(events) > 15
    for event in events:
        pattern = re.sub(r"<\w+>", r"[^/]+", generate.STREAMS[event.kind])
        if event.kind not in ("EquipmentStatusChanged", "SignatureApplied"):
            assert re.fullmatch(pattern, event.stream), (event.kind, event.stream)
