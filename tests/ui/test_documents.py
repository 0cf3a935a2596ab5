"""Documents: numbered pages, embedded fonts, and what PDF/A-2b asks for, read from the bytes."""

import re
import zlib
from xml.etree import ElementTree

import pytest

from goldenbatch.ui.charts import Bars, draw_bars
from goldenbatch.ui.documents import DocumentInfo, build_pdf, paragraph, printable, table

NOW = 1_700_000_000_000_000
INFO = DocumentInfo(
    title="Batch Č7 & <co>", banner="DEMONSTRATION home", footer="Site", written_at=NOW
)
LATIN = "Ljubljana Čačak Žižek Øre Łódź Ğ İ ß Ŧ ẞ ế ơ"


def streams(data):
    """All streams of a PDF, decoded."""
    found = []
    for head, raw in re.findall(
        rb"<<([^>]*(?:>(?!>)[^>]*)*)>>\s*stream\r?\n(.*?)endstream", data, re.S
    ):
        if b"ASCII85Decode" in head:
            import base64

            plain = base64.a85decode(raw.strip().removesuffix(b"~>"))
        else:
            plain = raw
        found.append((head, zlib.decompress(plain) if b"FlateDecode" in head else plain))
    return found


@pytest.fixture(scope="module")
def pdf():
    rows = [[str(number), LATIN] for number in range(120)]
    bars = draw_bars(Bars("Parts", ["a", "b"], [1.0, 2.0]))
    return build_pdf(INFO, [paragraph(LATIN, "title"), bars, table(("n", "text"), rows, (1, 5))])


def test_the_same_input_gives_the_same_bytes():
    assert build_pdf(INFO, [paragraph("x")]) == build_pdf(INFO, [paragraph("x")])


def test_every_font_that_is_used_is_embedded(pdf):
    used = set()
    for head, raw in streams(pdf):
        if b"/Type" not in head:
            used |= set(re.findall(rb"(/F\d+(?:\+\d+)?) [\d.]+ Tf", raw))
    assert used
    assert re.findall(rb"/BaseFont /(\S+)", pdf)
    assert all(b"+DejaVu" in name for name in re.findall(rb"/BaseFont /(\S+)", pdf))
    n_descriptors = len(re.findall(rb"/Type /FontDescriptor", pdf))
    assert len(re.findall(rb"/FontFile2 ", pdf)) == n_descriptors > 0
    assert len(re.findall(rb"/ToUnicode ", pdf)) >= n_descriptors


def test_metadata_and_output_intent_of_pdf_a(pdf):
    assert pdf.startswith(b"%PDF-1.7\n%")
    assert all(byte > 127 for byte in pdf.split(b"\n")[1][1:5])
    (xmp,) = [raw for head, raw in streams(pdf) if b"/Metadata" in head]
    tree = ElementTree.fromstring(xmp.decode().strip())
    text = {one.tag.rpartition("}")[2]: one.text for one in tree.iter() if one.text}
    assert (text["part"], text["conformance"]) == ("2", "B")
    assert text["CreateDate"] == text["ModifyDate"] == "2023-11-14T22:13:20+00:00"
    assert b"(D:20231114221320+00'00')" in pdf
    assert next(one.text for one in tree.iter() if one.tag.endswith("}li")) == INFO.title
    assert b"/S /GTS_PDFA1" in pdf
    (profile,) = [raw for _, raw in streams(pdf) if raw[36:40] == b"acsp"]
    assert profile[16:20] == b"RGB "
    assert int.from_bytes(profile[:4]) == len(profile.rstrip(b"\r\n")) or len(profile) >= 588


@pytest.mark.parametrize(
    "forbidden", [b"/Encrypt", b"/JavaScript", b"/LZWDecode", b"/EmbeddedFiles", b"/AA", b"/Launch"]
)
def test_nothing_that_an_archive_forbids(pdf, forbidden):
    assert not re.search(re.escape(forbidden) + rb"\b", pdf)


def test_pages_are_numbered_and_carry_the_banner(pdf, tmp_path, program):
    import subprocess

    path = tmp_path / "a.pdf"
    path.write_bytes(pdf)
    done = subprocess.run(
        [program("pdftotext"), "-layout", path, "-"], capture_output=True, text=True, check=True
    )
    pages = done.stdout.split("\f")[:-1]
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in page
        assert INFO.banner in page
    assert LATIN in pages[0]


def test_characters_that_no_font_has_are_named():
    assert printable(LATIN) == LATIN
    assert printable("a\N{AIRPLANE}") == "aU+2708"


def test_a_text_longer_than_a_page_is_not_lost(tmp_path, program):
    import subprocess

    words = [f"word{number}" for number in range(3000)]
    path = tmp_path / "a.pdf"
    path.write_bytes(build_pdf(INFO, [table(("a", "b"), [["x", " ".join(words)]], (1, 4))]))
    done = subprocess.run(
        [program("pdftotext"), path, "-"], capture_output=True, text=True, check=True
    )
    assert set(words) <= set(done.stdout.split())
