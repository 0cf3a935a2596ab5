"""Tables of runs: units, gaps, dates and faults, each named by file and line."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from tests.science.process.fitting.models import decay

from goldenbatch.capabilities.twin._run_tables import TableForm, read_run_table
from goldenbatch.core.errors import BadInputError


@pytest.fixture
def table(tmp_path: Path):
    def _table(text: str, form: TableForm | None = None):
        path = tmp_path / "run.csv"
        path.write_text(text, encoding="utf-8")
        return read_run_table(path, form)

    return _table


def book(path: Path, rows, sheet="run") -> Path:
    one = openpyxl.Workbook()
    one.active.title = sheet
    for row in rows:
        one.active.append(row)
    one.create_sheet("notes")
    one.save(path)
    return path


def test_columns_come_in_the_unit_that_is_asked_for(table) -> None:
    read = table("# a run\ntime [min],c [mg/L],V\n0,500,1.5\n\n30,,1.6\n90,nan,1.7\n")
    assert read.times("h") == pytest.approx([0.0, 0.5, 1.5])
    assert read.column("c", "g/L")[0] == 0.5
    assert np.isnan(read.column("c", "g/L")[1:]).all()
    assert read.column("V", "L", is_complete=True).tolist() == [1.5, 1.6, 1.7]
    assert read.lines == (3, 5, 6)


def test_measurements_of_a_model_are_picked_by_column(table) -> None:
    data = table("t [min];y [mg/L]\n0;1000\n60;n.a.\n120;370,5\n").data(decay(), {"y": "y"})
    assert data["y"].times == pytest.approx([0.0, 1.0, 2.0])
    assert data["y"].values[[0, 2]] == pytest.approx([1.0, 0.3705])
    assert np.isnan(data["y"].values[1])


def test_a_workbook_with_dates_is_read_too(tmp_path: Path) -> None:
    rows = [
        ("when", "c [g/L]"),
        (datetime(2026, 1, 1, 23, 30), 1.0),
        (datetime(2026, 1, 2, 0, 30), None),
        (datetime(2026, 1, 2, 1, 0), 0.5),
    ]
    path = book(tmp_path / "run.xlsx", rows)
    read = read_run_table(path, TableForm(sheet="run"))
    assert read.times("h") == pytest.approx([0.0, 1.0, 1.5])
    with pytest.raises(BadInputError, match="no sheet 'other'"):
        read_run_table(path, TableForm(sheet="other"))
    texts = "when,c\n2026-01-01T23:30:00,1\n2026-01-02 00:30:00,2\n"
    (tmp_path / "t.csv").write_text(texts, encoding="utf-8")
    assert read_run_table(tmp_path / "t.csv").times("h") == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("t [h],c\n0,1\n1,high\n", 3, "'high' is no number"),
        ("t [h],c\n0,1\n1,<0.5\n", 3, "'<0.5' is no number"),
        ("t [h],c\n0,1\n2,1\n2,1\n", 4, "does not come after"),
        ("t [h],c\n0,1\n1,1\n9,1\n", 4, "nothing was recorded for 8"),
        ("t [h],c\n0,1\n,1\n2,1\n", 3, "no time"),
        ("t [h],c,c\n0,1,2\n1,1,2\n", 0, "two columns"),
        ("t [h],c\n0,1\n", 0, "fewer than two rows"),
        ("t [h],c\n0,1,5\n1,2\n", 2, "'5' beyond its 2 columns"),
        ("t [h],c\n0,1_0\n1,2\n", 2, "'1_0' is no number"),
    ],
)
def test_a_fault_is_named_with_its_place(table, text: str, line: int, words: str) -> None:
    with pytest.raises(BadInputError, match=words) as caught:
        table(text, TableForm(longest_gap=5.0))
    assert caught.value.line == line
    assert caught.value.file.endswith("run.csv")


def test_what_is_missing_or_does_not_convert_is_named(table, tmp_path: Path) -> None:
    read = table("t [h],c [g/L],q\n0,1,\n1,,5\n2,3,5\n")
    with pytest.raises(BadInputError, match="no column 'V'"):
        read.column("V", "L")
    with pytest.raises(BadInputError, match="does not convert"):
        read.column("c", "mol")
    with pytest.raises(BadInputError, match="has a gap: 1 of 3") as caught:
        read.column("c", "g/L", is_complete=True)
    assert caught.value.line == 3
    with pytest.raises(BadInputError, match="no output 'z'"):
        read.data(decay(), {"z": "c"})
    with pytest.raises(BadInputError, match="no column of times 'x'"):
        table("t,c\n0,1\n1,2\n", TableForm(time="x"))
    with pytest.raises(BadInputError, match="is no column"):
        table("t,c\n0,1\n1,2\n", TableForm(units={"x": "h"}))
    with pytest.raises(BadInputError, match="cannot be read"):
        read_run_table(tmp_path / "none.csv")
    (tmp_path / "bad.xlsx").write_text("no book", encoding="utf-8")
    with pytest.raises(BadInputError, match="workbook"):
        read_run_table(tmp_path / "bad.xlsx")
