"""Files as they come: encodings, ragged rows, quotes, binary, Excel, Parquet."""

from __future__ import annotations

import io
from datetime import datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.tabular._open import read_sheet
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError


def spec(**changes: object) -> TableSpec:
    base = {
        "name": "t",
        "files": ["*"],
        "separator": ";",
        "check": [{"product": "{a}", "size": "{b}"}],
    }
    return TableSpec.model_validate({**base, **changes})


def read(content: bytes, **changes: object):
    return read_sheet(content, spec(**changes), "f.csv")


def cells(sheet) -> list[tuple[str, ...]]:
    return list(zip(*(column.to_pylist() for column in sheet.columns), strict=True))


def test_columns_are_found_by_their_header_in_any_order():
    sheet = read(b"b;extra;a\r\n1;2;3\r\n")
    assert sheet.column("a").to_pylist() == ["3"]
    assert sheet.column("b").to_pylist() == ["1"]
    assert "extra" in sheet.notes[0]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"PK\x03\x04abc", "Excel or ZIP"),
        (b"PAR1....", "Parquet"),
        (b"\x00\x01\x02" * 50, "binary"),
        (b"a;c\n1;2\n", "column 'b'"),
        (b"a;b;b\n1;2;3\n", "2 times"),
        (b"\xe4;b\n1;2\n", "not utf-8"),
        (b"\n", "no header"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content, what):
    with pytest.raises(BadInputError, match=what) as caught:
        read(content)
    assert caught.value.file == "f.csv"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_a_byte_order_mark_tells_the_encoding(encoding):
    sheet = read("a;b\nžolto;2\n".encode(encoding))
    assert cells(sheet) == [("žolto", "2")]


def test_a_declared_encoding_is_used():
    assert cells(read("a;b\nčas;2\n".encode("cp1250"), encoding="cp1250")) == [("čas", "2")]
    with pytest.raises(BadInputError, match="encoding 'cp0'"):
        read(b"a;b\n1;2\n", encoding="cp0")


def test_rows_in_another_encoding_are_refused_one_by_one():
    sheet = read(b"a;b\n1;2\n\xe8as;3\n4;5\n6;7\n")
    assert cells(sheet) == [("1", "2"), ("4", "5"), ("6", "7")]
    assert [(one.line, one.kind, one.raw) for one in sheet.refused] == [
        (3, "encoding", "čas;3".encode("cp1250").decode("latin-1"))
    ]
    assert sheet.lines.tolist() == [2, 4, 5]


def test_ragged_rows_are_refused_with_their_line_and_blank_lines_are_no_rows():
    sheet = read(b"junk\na;b\n1;2\n\n3\n4;5\n6;7;8\n;\n9;", header=2)
    assert cells(sheet) == [("1", "2"), ("4", "5"), ("", ""), ("9", "")]
    assert sheet.lines.tolist() == [3, 6, 8, 9]
    assert [(one.line, one.raw) for one in sheet.refused] == [(5, "3"), (7, "6;7;8")]
    assert any("cut off" in note for note in sheet.notes)


def test_quoted_cells_may_hold_separators_and_line_ends():
    sheet = read(b'a;b\n"1;x";2\n3;"two\nlines"\n4;5\n6\n')
    assert cells(sheet) == [("1;x", "2"), ("3", "two\nlines"), ("4", "5")]
    assert sheet.lines.tolist() == [2, 3, 5]
    assert [one.line for one in sheet.refused] == [6]


def test_an_open_quote_refuses_what_it_swallows():
    sheet = read(b'a;b\n1;2\n3;"4\n5;6\n')
    assert cells(sheet) == [("1", "2")]
    assert [one.line for one in sheet.refused] == [3, 4]


def test_rows_with_nul_bytes_are_refused():
    sheet = read(b"a;b\n1;2\n3;\x004\n5;6\n")
    assert cells(sheet) == [("1", "2"), ("5", "6")]
    assert [(one.line, one.kind) for one in sheet.refused] == [(3, "binary")]


@given(st.lists(st.lists(st.text('01;x"\n é', max_size=4), min_size=1, max_size=3), max_size=8))
def test_every_line_of_any_text_is_a_row_or_refused(rows):
    text = "a;b\n" + "\n".join(";".join(row) for row in rows)
    sheet = read(text.encode())
    lines = sheet.lines.tolist() + [one.line for one in sheet.refused]
    assert len(lines) == len(set(lines))
    body = text.split("\n")[1:]
    if '"' not in text:
        assert len(lines) == sum(1 for line in body if line.strip())


def excel(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_excel_with_dates_numbers_and_gaps():
    content = excel(
        [["a", "b"], [datetime(2020, 5, 1, 8, 30), 1.5], [None, None], [12, 2**53 + 2.0]]
    )
    sheet = read(content, format="xlsx")
    assert cells(sheet) == [("2020-05-01 08:30:00", "1.5"), ("12", "9007199254740994")]
    assert sheet.lines.tolist() == [2, 4]
    assert sheet.raw(2).startswith("[")


def test_excel_cells_beside_the_headers_are_refused_and_other_files_are_no_excel():
    sheet = read(excel([["a", "b"], [1, 2, 3], [4, 5]]), format="xlsx")
    assert cells(sheet) == [("4", "5")]
    assert [one.line for one in sheet.refused] == [2]
    with pytest.raises(BadInputError, match="Excel"):
        read(b"a;b\n", format="xlsx")
    with pytest.raises(BadInputError, match="no sheet 'x'"):
        read(excel([["a", "b"]]), format="xlsx", sheet="x")


def test_parquet_keeps_floats_times_and_gaps():
    table = pa.table(
        {
            "a": pa.array(
                [datetime(2020, 5, 1, 8, 30, 0, 250000), None], pa.timestamp("us", "UTC")
            ),
            "b": [0.1, None],
        }
    )
    target = io.BytesIO()
    pq.write_table(table, target)
    sheet = read(target.getvalue(), format="parquet")
    assert cells(sheet) == [("2020-05-01T08:30:00.250000Z", "0.1"), ("", "")]
    with pytest.raises(BadInputError, match="Parquet"):
        read(target.getvalue()[:-20], format="parquet")
