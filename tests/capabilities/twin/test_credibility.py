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
    with pytest.raises(NotFoundError, match="no reference 'line'"):
        verify(tmp_path, ["line"])
    with pytest.raises(NotFoundError, match="does not exist"):
        verify(tmp_path / "nowhere")


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
