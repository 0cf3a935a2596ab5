"""The page on serving runs, in a home whose model is active."""

import shutil
from pathlib import Path

from tests.docs.blocks import blocks, run_block

from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.prediction_log import log_records

ROOT = Path(__file__).resolve().parents[3]


def test_every_block_of_the_page_runs(tmp_path, active_home, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(active_home, tmp_path / "home")
    names = {"__name__": "docs"}
    for block in blocks(ROOT / "docs" / "how-to" / "serving.md"):
        run_block(block, tmp_path, ROOT, names)
    out = capsys.readouterr().out
    assert "Outside.MISSING" in out
    with LocalSite.open(tmp_path / "home") as site:
        assert [one.n for one in log_records(site.historian, "assay")] == [4]
