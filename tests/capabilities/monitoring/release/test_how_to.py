"""The page on real-time release runs, in a home whose model is active for release."""

import shutil
from pathlib import Path

from goldenbatch.capabilities.monitoring.release.standing import standing_rows
from goldenbatch.runtime.local import LocalSite
from tests.capabilities.monitoring.release import bench
from tests.docs.blocks import blocks, run_block

ROOT = Path(__file__).parents[4]


def test_every_block_of_the_page_runs(tmp_path, _release_home, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shutil.copytree(_release_home, tmp_path / "home")
    with LocalSite.open(tmp_path / "home") as site:
        bench.batch(site, "R1")
        bench.batch(site, "R2", *bench.FAILS, number=1)
        bench.batch(site, "R3", ph=None, number=2)
        bench.result(site, "R2", "59.0")
        bench.result(site, "R3", "59.4")
    names = {"__name__": "docs"}
    for block in blocks(ROOT / "docs" / "how-to" / "real-time-release.md"):
        run_block(block, tmp_path, ROOT, names)
    with LocalSite.open(tmp_path / "home") as site:
        states = [standing_rows(site, name)[0]["state"] for name in ("R1", "R2", "R3")]
    assert states == [
        "passes by real-time release testing", "investigation concluded",
        "passes by the contingency test",
    ]  # fmt: skip
    assert (tmp_path / "evidence" / "release-R1-EU.pdf").read_bytes().startswith(b"%PDF")
