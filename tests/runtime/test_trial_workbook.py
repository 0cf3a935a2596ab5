"""Workbooks as tables of a trial: sheets by name, joined on a key, refused with a way out."""

import openpyxl
import pytest

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.trial import FileRole
from goldenbatch.runtime._trial_tables import read_role

SHEETS = ("NIR", "Y", "Kind")


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


@pytest.fixture
def folder(tmp_path):
    workbook(
        tmp_path / "tablets.xlsx",
        NIR=[["id", 7398.25, 7400], ["t1", 0.5, 1], ["t2", 0.25, None], [None, None, None]],
        Y=[["id", "active"], ["t2", 5.5], ["t1", 4.5]],
        Kind=[["id", "scale"], ["t1", "Lab"], ["t2", "Pilot"]],
        Other=[["id", "active"], ["t1", 1]],
    )
    return tmp_path


def read(folder, **form):
    return read_role("table", FileRole(glob="*.xlsx", **form), folder).columns


def test_sheets_are_joined_on_their_key_whatever_their_order(folder):
    columns = read(folder, sheet=SHEETS, key="id")
    assert columns["id"] == ["t1", "t2"]
    assert columns["active"] == [4.5, 5.5]
    assert columns["scale"] == ["Lab", "Pilot"]
    assert columns["7398.25"] == [0.5, 0.25]
    assert str(columns["7400"]) == "[1.0, nan]"


def test_one_sheet_by_its_name_and_the_first_without(folder):
    assert read(folder, sheet="Y")["active"] == [5.5, 4.5]
    assert set(read(folder)) == {"id", "7398.25", "7400", "file"}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"sheet": "Z"}, "no sheet 'Z'.*It has: NIR, Y, Kind, Other"),
        ({"sheet": ("NIR", "Y")}, "no common column ''"),
        ({"sheet": ("NIR", "Y"), "key": "number"}, "no common column 'number'"),
        ({"sheet": ("Y", "Other"), "key": "id"}, "'t2' is missing"),
        ({"sheet": ("Other", "Y"), "key": "id"}, "column 'active' stands in two"),
    ],
)
def test_sheets_that_cannot_be_had_are_refused(folder, form, words):
    with pytest.raises(BadInputError, match=words) as caught:
        read(folder, **form)
    assert caught.value.hint


def test_a_key_that_names_two_rows_is_refused(tmp_path):
    workbook(tmp_path / "a.xlsx", A=[["id", "x"], ["t1", 1]], B=[["id", "y"], ["t1", 1], ["t1", 2]])
    with pytest.raises(BadInputError, match="stands there twice"):
        read(tmp_path, sheet=("A", "B"), key="id")
