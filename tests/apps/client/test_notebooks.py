"""The example notebooks run from top to bottom against a node, and are kept without outputs."""

import json
from pathlib import Path

import pytest

from tests.apps.conftest import PASSWORD

FOLDER = Path(__file__).resolve().parents[3] / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_some():
    assert len(NOTEBOOKS) >= 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda one: one.stem)
def test_a_notebook_runs(path, node, monkeypatch, capsys):
    monkeypatch.setenv("GOLDENBATCH_NODE", node.url)
    monkeypatch.setenv("GOLDENBATCH_LOGIN", "anna")
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "notebook"}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [] and cell["execution_count"] is None, "keep it without outputs"
        code = compile("".join(cell["source"]), f"{path.name} cell {number}", "exec")
        exec(code, names)
    told = capsys.readouterr().out
    if path.stem == "first-look":  # the tests' threshold states a digest of nothing: that is seen
        assert "what is stored now is not what was read then" in told
    assert names["plant"].site.client is not None
