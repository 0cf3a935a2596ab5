"""Replaying references: outcomes, what is absent or broken, the report."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from goldenbatch.capabilities.twin._credibility_sheet import credibility_sheet
from goldenbatch.capabilities.twin.credibility import verify
from goldenbatch.capabilities.twin.references import Row, cases
from goldenbatch.core.errors import NotFoundError
from goldenbatch.science.process import library
from goldenbatch.ui.sheets import sheet_html, sheet_pdf

HEAD = "r1,p1,r2,p2,buffer,throughput\n"


@pytest.fixture
def data(tmp_path: Path):
    (tmp_path / "line").mkdir()

    def _data(text: str) -> Path:
        (tmp_path / "line" / "two_machine_x.csv").write_text(HEAD + text, encoding="utf-8")
        return tmp_path

    return _data


def test_a_true_figure_is_within_and_a_false_one_outside(data) -> None:
    found = verify(data("0.1,0.01,0.1,0.01,4,0.8409361364537852\n"), ["lines"])
    assert [line.outcome for line in found.lines] == ["within", "within"]
    assert found.is_good
    found = verify(data("0.1,0.01,0.1,0.01,4,0.86\n"), ["lines"])
    assert [line.outcome for line in found.lines] == ["outside", "outside"]
    assert not found.is_good


def test_what_cannot_be_replayed_is_said_not_hidden(data, tmp_path: Path) -> None:
    found = verify(data("0.1,0.01,0.1,0.01,,0.84\n"), ["lines"])
    assert found.lines[0].outcome == "failed"
    assert "two_machine_x.csv:2" in found.lines[0].reason
    assert not found.is_good
    (tmp_path / "line" / "two_machine_x.csv").unlink()
    found = verify(tmp_path, ["lines"])
    assert found.counts == {"absent": 1}
    assert found.is_good
    assert not found.has_rows
    with pytest.raises(NotFoundError, match="no reference 'line'"):
        verify(tmp_path, ["line"])
    with pytest.raises(NotFoundError, match="does not exist"):
        verify(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content", [b"", b"r1,p1,r2,p2,buffer,throughput\n", b"\xff\xfe1", b"a\n1\n"]
)
def test_a_file_that_holds_nothing_is_no_pass(data, content: bytes) -> None:
    folder = data("")
    (folder / "line" / "two_machine_x.csv").write_bytes(content)
    assert not verify(folder, ["lines"]).is_good


@pytest.mark.parametrize("content", [b"", b"t,V\n", b"t\n1\n", b"\xff\xfe1", b"a,b\n1,x\n"])
def test_a_damaged_run_of_cells_is_told_not_raised(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cho").mkdir()
    for case in (one for one in cases() if one.folder == "cho" and one.pattern):
        (tmp_path / "cho" / case.pattern.replace("*", "x")).write_bytes(content)
    found = verify(tmp_path, [one.name for one in cases() if one.folder == "cho"])
    assert not found.is_good
    assert all(line.reason for line in found.lines if line.outcome == "failed")


def test_the_report_shows_each_line_on_page_and_paper(data) -> None:
    found = verify(data("0.1,0.01,0.1,0.01,4,0.86\n"), ["lines"])
    sheet = credibility_sheet(found, "1.0", 0)
    page = sheet_html(sheet)
    assert "OUTSIDE" in page
    assert "verification" in page
    assert sheet_pdf(sheet).startswith(b"%PDF")
    rows = json.loads(json.dumps(found.to_dict()))["rows"]
    assert rows[0]["limit"] == 1e-8


def test_a_row_without_a_limit_is_reported_not_judged() -> None:
    assert Row("q", "1", "2", 1.0, "difference").is_within is None
    assert Row("q", "1", "2", float("nan"), "difference", 1.0).is_within is False


def test_every_reference_names_its_model_kind_and_source() -> None:
    known = {one.name for one in library.ENTRIES}
    for case in cases():
        assert case.model.startswith(("lines.", "chromatography.")) or case.model in known, (
            case.name
        )
        assert case.source
        assert case.context_of_use
    assert len({case.name for case in cases()}) == len(cases())


def test_the_command_leaves_with_a_code_when_something_is_outside(data, tmp_path: Path) -> None:
    from contextlib import contextmanager

    from goldenbatch.capabilities.twin.commands import verify_command

    @contextmanager
    def progress(_title):
        yield lambda _done, _total: None

    session = SimpleNamespace(
        exit_code=0, output=SimpleNamespace(progress=progress), show=lambda *_: None
    )
    verify_command(session, data("0.1,0.01,0.1,0.01,4,0.86\n"), tmp_path / "out", ["lines"])
    assert session.exit_code == 1
    written = {one.name for one in (tmp_path / "out").iterdir()}
    assert written == {"credibility.json", "credibility.html", "credibility.pdf"}
