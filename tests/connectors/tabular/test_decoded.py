"""Numbers decoded while a file is parsed are those of their text, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.tabular._open import read_sheet
from goldenbatch.connectors.tabular._readings import Units, read_tags
from goldenbatch.connectors.tabular.card import TableSpec

ODD = ["", " ", "NA", " NA", "1.5 ", "+2", "1e999", "nan", "inf", "0x10", "ten", "1,5", "-0.0"]
ODD += [".5", "5.", str(2**53), str(2**53 + 1), "1e-400", '"3"', '""', "-999", " -999"]


def spec(**changes: object) -> TableSpec:
    base = {
        "name": "t",
        "files": ["*"],
        "separator": ";",
        "missing": ["", "NA"],
        "time": {"every": "1 s", "base": "2026-01-01T00:00:00Z"},
        "tag": [{"tag": "a", "column": "a"}, {"tag": "b", "column": "b"}],
    }
    return TableSpec.model_validate({**base, **changes})


def found(sheet, one):
    times, problems = np.arange(sheet.n_rows), {}
    readings, _ = read_tags(sheet, one, times, Units(None), problems)
    rows = [
        (read.tag, read.rows.tolist(), read.values.tobytes(), read.gaps.tolist())
        for read in readings
    ]
    return rows, problems, [(refused.line, refused.kind) for refused in sheet.refused]


def both(content: bytes, one: TableSpec):
    """What the sheet says as it was read, and once more by way of its text."""
    decoded, texts = (read_sheet(content, one, "f.csv") for _ in range(2))
    texts.as_text()
    return decoded, found(decoded, one), found(texts, one)


plain = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers().map(str)
cell = plain | st.sampled_from(ODD) | plain.map(lambda text: f" {text}")


@given(
    rows=st.lists(st.tuples(cell, cell), max_size=8),
    missing=st.sampled_from([["", "NA"], [""], [], ["-999"]]),
)
def test_any_cell_is_read_as_its_text_is(rows, missing):
    content = "a;b\n" + "".join(f"{a};{b}\n" for a, b in rows)
    _, fast, exact = both(content.encode(), spec(missing=missing))
    assert fast == exact


@given(st.lists(st.tuples(plain, plain | st.just("")), min_size=1, max_size=20))
def test_clean_numbers_are_decoded_at_once(rows):
    content = "a;b\n" + "".join(f"{a};{b}\n" for a, b in rows)
    decoded, fast, exact = both(content.encode(), spec())
    assert fast == exact
    assert sorted(decoded.decoded) in ([0, 1], [])
    is_exact = all(abs(float(text or 0)) < 2**53 for row in rows for text in row)
    assert not is_exact or sorted(decoded.decoded) == [0, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"decimal": ","},
        {"thousands": " "},
        {"missing": ["-999"]},
        {"check": [{"product": "{a}{b}"}]},
        {"tag": [{"tag": "x/{a}", "column": "b"}, {"tag": "{b}", "column": "a"}]},
        {"tag": [{"tag": "a", "column": "a", "kind": "text"}]},
    ],
)
def test_what_needs_its_text_is_read_as_text(changes):
    sheet = read_sheet(b"a;b\n1;2\n", spec(**changes), "f.csv")
    assert sheet.decoded == {}
    assert sheet.column("a").to_pylist() == ["1"]


def test_the_text_of_a_decoded_column_can_still_be_asked_for():
    sheet = read_sheet(b"a;b\n1.50;2\n;3\n", spec(), "f.csv")
    assert sorted(sheet.decoded) == [0, 1]
    assert sheet.column("a").to_pylist() == ["1.50", ""]
    assert sheet.decoded == {}


@pytest.mark.parametrize("blank", ["", "\r"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_blank_lines_are_no_rows_among_missing_numbers(blank, at):
    lines = ["1;2", ";"]
    lines.insert(at, blank)
    content = "a;b\n" + "".join(f"{line}\n" for line in lines)
    one = spec()
    sheet, fast, exact = both(content.encode(), one)
    assert fast == exact
    assert sheet.n_rows == 2
    assert sheet.lines.tolist() == [line for line in (2, 3, 4) if line != at + 2]
