"""Sheets: page and PDF from the same blocks, nothing of what is said can become markup."""

import re
import subprocess
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.ui.charts import Bars, Chart, Track
from goldenbatch.ui.sheets import (
    Bullets,
    Code,
    Facts,
    Figure,
    Grid,
    Heading,
    Section,
    Sheet,
    Text,
    sheet_html,
    sheet_pdf,
)

HOSTILE = '<script>alert("&")</script>'


def sheet(text="said", n_rows=2):
    blocks = (
        Text(text, "bad"),
        Heading(text),
        Bullets((text, text)),
        Code(text),
        Facts(((text, text),)),
        Grid((text, "Outcome"), [(text, "met")] * n_rows, (2, 1), ("good",) * n_rows, text),
        Figure(Chart(text, "g/L", (Track(text, (1.0, 2.0), (3.0, 4.0)),)), text),
        Figure(Bars(text, (text,), (1.0,)), text),
        Grid(("Digest",), [("ab" * 32,)], (1,), ("bad",)),
    )
    sections = (Section("first", text, blocks), Section("last", "Last", ()))
    return Sheet(text, "validation home: not for GMP use", (text,), "foot", 1_790_000_000_000_000,
                 sections)  # fmt: skip


class Page(HTMLParser):
    """Counts elements and finds those that are not closed."""

    VOID = ("meta", "link", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_a_page_is_well_formed_and_has_what_screen_readers_need():
    text = sheet_html(sheet())
    page = Page(text)
    assert not page.open
    assert text.startswith("<!doctype html>")
    assert '<html lang="en">' in text
    assert page.tags.count("h1") == page.tags.count("main") == page.tags.count("nav") == 1
    assert len(set(page.ids)) == len(page.ids)
    sections = [one for one in page.ids if not one.startswith("clip-")]
    assert sections == ["first", "last"]
    assert all(f'aria-labelledby="{one}"' in text for one in sections)
    assert all(f'href="#{one}"' in text for one in sections)
    assert re.findall(r"<th(?! scope|ead)", text) == []
    assert text.count('class="scroll" role="region"') == text.count('tabindex="0"') == 2
    assert "http" not in text.replace("http://www.w3.org", "")
    assert text.count('role="img" aria-label="said"') == text.count("<figcaption") == 2
    assert text.index("not for GMP use") < text.index("<h1>")
    assert '<td class="good">met</td>' in text
    assert f'<td class="bad">{"ab" * 32}</td>' in text


@settings(max_examples=20, deadline=None)
@given(st.text(min_size=1, max_size=30))
def test_nothing_that_is_said_becomes_markup(text):
    plain = Page(sheet_html(sheet()))
    assert Page(sheet_html(sheet(text))).tags == plain.tags


def test_hostile_text_is_shown_and_not_run():
    text = sheet_html(sheet(HOSTILE))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert sheet_pdf(sheet(HOSTILE)).startswith(b"%PDF")


def test_an_empty_table_says_that_it_is_empty():
    empty = Sheet("t", "b", (), "f", 0, [Section("s", "S", (Facts(()), Grid(("A",), (), (1,))))])
    assert sheet_html(empty).count("None recorded.") == 2
    assert sheet_pdf(empty).startswith(b"%PDF")


def test_the_same_sheet_gives_the_same_bytes():
    assert sheet_pdf(sheet()) == sheet_pdf(sheet())
    assert sheet_html(sheet()) == sheet_html(sheet())


def test_a_long_table_goes_on_on_the_next_page_with_its_header(tmp_path):
    import shutil

    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed")
    path = tmp_path / "long.pdf"
    path.write_bytes(sheet_pdf(sheet("cell", 120)))
    done = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
    )
    pages = [one for one in done.stdout.split("\f") if one.strip()]
    assert len(pages) > 2
    assert all("validation home: not for GMP use" in one for one in pages)
    assert sum(one.count("Outcome") for one in pages) >= 2
    assert done.stdout.count("met") == 120
    assert f"page {len(pages)} of {len(pages)}" in pages[-1]
