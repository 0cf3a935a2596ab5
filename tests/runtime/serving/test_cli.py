"""`model predict` and `model replay`, at the home and through a node."""

import json

import numpy as np
import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.apps.cli import run as run_command
from goldenbatch.core.prediction import PredictionsMade

USE = case.USE
ROWS = np.array([[37.0, 7.0], [36.0, 6.9]])


@pytest.fixture
def run(site, capsys):
    """Call the command line with the home closed; gives exit code, JSON and stderr."""
    site.models.log(
        PredictionsMade(site.models.active(USE).predict(ROWS), case.START + np.arange(2), ROWS), "a"
    )
    path = site.path
    site.close()

    def call(*args, code=0):
        capsys.readouterr()
        found = run_command([*args, "--home", str(path), "--json"])
        out, err = capsys.readouterr()
        assert found == code, err
        return json.loads(out) if out else err

    return call


def test_a_row_and_a_table(run, tmp_path):
    one = run("model", "predict", USE, f"{case.TEMP}=37.0", f"{case.PH}=7.0")
    assert one["version"] == 1
    assert one["is_in_domain"]
    assert one["unit"] == "g/L"
    assert set(one["contributions"]) == {case.TEMP, case.PH}
    file = tmp_path / "rows.csv"
    file.write_text(f"id,{case.PH},{case.TEMP}\na,7.0,37.0\nb,,37.0\n")
    rows = run("model", "predict", USE, "--rows", str(file))["rows"]
    assert rows[0] == one
    assert rows[1]["value"] is None
    assert "has no value" in rows[1]["reason"]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("predict", USE), 3),
        (("predict", USE, "warm"), 3),
        (("predict", USE, f"{case.TEMP}=warm", f"{case.PH}=7"), 3),
        (("predict", USE, f"{case.TEMP}=37"), 3),
        (("predict", "other", "a=1"), 4),
    ],
)
def test_what_cannot_be_asked(run, args, code):
    run("model", *args, code=code)


def test_replay(run):
    found = run("model", "replay", USE)
    assert (found["n_rows"], found["n_bits"], found["is_ok"]) == (2, 2, True)
    assert run("model", "replay", "other")["n_blocks"] == 0
