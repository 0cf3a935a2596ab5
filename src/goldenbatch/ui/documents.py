"""Documents: A4 pages with banner, footer and "page x of y", written as PDF/A-2b by reportlab."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import goldenbatch

MARGIN: Final = 48.0
WIDTH: Final = 595.0 - 2 * MARGIN
FONT, FONT_BOLD, FONT_CODE = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"
_EMBEDDED: Final = {
    "Helvetica": FONT,
    "Helvetica-Bold": FONT_BOLD,
    "Helvetica-Oblique": FONT,
    "Times-Roman": FONT,
    "Courier": FONT_CODE,
}


@dataclass(frozen=True)
class DocumentInfo:
    """What stands on every page and in the properties of a document.

    Attributes:
        title: Title of the document.
        banner: At the top of every page; empty: no banner.
        footer: At the foot of every page, beside the number of the page.
        written_at: Microseconds UTC.
        subject: One line for the properties.
    """

    title: str
    banner: str
    footer: str
    written_at: int
    subject: str = ""

    @property
    def moment(self) -> datetime:
        """When it was written, in whole seconds."""
        return datetime.fromtimestamp(self.written_at // 1_000_000, tz=UTC)


def build_pdf(info: DocumentInfo, story: Sequence[Any]) -> bytes:
    """Lay out flowables on A4 pages; the same input gives the same bytes.

    All fonts are embedded and the metadata is that of PDF/A-2b (ISO 19005-2), so that every
    document can be archived.
    """
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    register_fonts()
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        title=info.title,
        author=_producer(),
        creator=_producer(),
        producer=_producer(),
        subject=info.subject or info.title,
        lang="en",
        invariant=1,
    )
    frame = Frame(MARGIN, 54, WIDTH, A4[1] - 120, id="body", leftPadding=0, rightPadding=0)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=_page(info)))
    document.build([embedded(one) for one in story], canvasmaker=_canvas_class(info))
    return buffer.getvalue()


def _producer() -> str:
    return f"goldenbatch {goldenbatch.__version__}"


@cache
def register_fonts() -> None:
    """Make the embedded fonts known to reportlab."""
    from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
    from reportlab.pdfbase.ttfonts import TTFont

    folder = files("goldenbatch.ui") / "fonts"
    for name in (FONT, FONT_BOLD, FONT_CODE):
        registerFont(TTFont(name, io.BytesIO((folder / f"{name}.ttf").read_bytes())))
    registerFontFamily(FONT, normal=FONT, bold=FONT_BOLD, italic=FONT, boldItalic=FONT_BOLD)


def embedded(flowable: Any) -> Any:
    """A drawing with the embedded fonts in place of the standard ones; others pass."""
    from reportlab.graphics.shapes import Drawing

    if isinstance(flowable, Drawing):
        _replace_fonts(flowable)
    return flowable


def _replace_fonts(group: Any) -> None:
    for shape in getattr(group, "contents", ()):
        name = getattr(shape, "fontName", None)
        if name in _EMBEDDED:
            shape.fontName = _EMBEDDED[name]
        _replace_fonts(shape)


def _page(info: DocumentInfo) -> Callable[[Any, Any], None]:
    from reportlab.lib.colors import HexColor

    def paint(canvas: Any, document: Any) -> None:
        width, height = document.pagesize
        canvas.saveState()
        if info.banner:
            canvas.setFillColor(HexColor("#7a4b00"))
            canvas.rect(0, height - 30, width, 30, stroke=0, fill=1)
            canvas.setFillColor(HexColor("#ffffff"))
            canvas.setFont(FONT_BOLD, 9)
            canvas.drawString(MARGIN, height - 19, info.banner)
        canvas.setFillColor(HexColor("#555555"))
        canvas.setFont(FONT, 8)
        canvas.drawString(MARGIN, 30, info.footer[:90])
        canvas.restoreState()

    return paint


def _canvas_class(info: DocumentInfo) -> type[Any]:
    """A canvas that knows how many pages there are, and writes what PDF/A asks for."""
    from reportlab.lib.colors import HexColor
    from reportlab.pdfgen.canvas import Canvas

    class ArchivalCanvas(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **settings: Any) -> None:
            settings |= {"initialFontName": FONT, "pdfVersion": (1, 7)}
            super().__init__(*args, **settings)
            self._pages: list[dict[str, Any]] = []

        def setFont(self, psfontname: str, *args: Any, **settings: Any) -> None:  # noqa: N802
            """Set a font, the embedded one where a standard one is asked for."""
            super().setFont(_EMBEDDED.get(psfontname, psfontname), *args, **settings)

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            """Keep the page until the number of pages is known."""
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            """Number the pages and write the file."""
            for number, state in enumerate(self._pages, 1):
                pages = self._pages
                self.__dict__.update(state)
                self._pages = pages
                self.setFillColor(HexColor("#555555"))
                self.setFont(FONT, 8)
                label = f"page {number} of {len(pages)}"
                self.drawRightString(self._pagesize[0] - MARGIN, 30, label)
                super().showPage()
            _make_archival(self._doc, info)
            super().save()

    return ArchivalCanvas


def _make_archival(document: Any, info: DocumentInfo) -> None:
    from reportlab.pdfbase import pdfdoc

    stamp, moment = document._timeStamp, info.moment  # noqa: SLF001 - reportlab has no setter
    stamp.t, stamp.lt = moment.timestamp(), moment.timetuple()
    stamp.YMDhms, stamp.dhh, stamp.dmm = tuple(moment.timetuple())[:6], 0, 0
    metadata = pdfdoc.PDFStream(content=_xmp(info))
    metadata.dictionary["Type"] = pdfdoc.PDFName("Metadata")
    metadata.dictionary["Subtype"] = pdfdoc.PDFName("XML")
    metadata.filters = []
    profile = pdfdoc.PDFStream(content=(files("goldenbatch.ui") / "fonts/srgb.icc").read_bytes())
    profile.dictionary["N"] = 3
    profile.filters = []
    intent = pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("OutputIntent"),
            "S": pdfdoc.PDFName("GTS_PDFA1"),
            "OutputConditionIdentifier": pdfdoc.PDFString("sRGB"),
            "Info": pdfdoc.PDFString("sRGB IEC61966-2.1"),
            "DestOutputProfile": document.Reference(profile),
        }
    )
    catalog = document.Catalog
    catalog.Metadata = metadata
    catalog.OutputIntents = pdfdoc.PDFArray([intent])
    catalog.__NoDefault__ = [*catalog.__NoDefault__, "OutputIntents"]
    catalog.__Refs__ = [name for name in catalog.__Refs__ if name != "OutputIntents"]


def _xmp(info: DocumentInfo) -> bytes:
    """Metadata as XMP, the same as in the document's properties."""
    when = info.moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    title, subject = escape(info.title), escape(info.subject or info.title)
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{escape(_producer())}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<xmp:CreateDate>{when}</xmp:CreateDate><xmp:ModifyDate>{when}</xmp:ModifyDate>
<xmp:CreatorTool>{escape(_producer())}</xmp:CreatorTool>
<pdf:Producer>{escape(_producer())}</pdf:Producer>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>""".encode()


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all."""
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


@cache
def styles() -> dict[str, Any]:
    """Styles of text by name: text, cell, quiet, code, title, h2, h3."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    register_fonts()
    base = ParagraphStyle("text", fontName=FONT, fontSize=8.6, leading=12.5)
    grey = HexColor("#555555")
    head = {"fontName": FONT_BOLD, "keepWithNext": 1}

    def style(name: str, **settings: Any) -> Any:
        return ParagraphStyle(name, parent=base, **settings)

    return {
        "text": base,
        "cell": style("cell", fontSize=7.2, leading=9.6, splitLongWords=1),
        "quiet": style("quiet", fontSize=7.2, leading=10, textColor=grey),
        "code": style("code", fontName=FONT_CODE, fontSize=6.6, leading=9, wordWrap="CJK"),
        "title": style("title", fontName=FONT_BOLD, fontSize=16, leading=24),
        "h2": style("h2", fontSize=11, leading=16, spaceBefore=12, spaceAfter=4, **head),
        "h3": style("h3", fontSize=9.4, leading=13, spaceBefore=8, spaceAfter=2, **head),
    }


def paragraph(text: str, style: str = "text") -> Any:
    """Plain text as a paragraph; lines stay lines."""
    from reportlab.platypus import Paragraph

    chosen = styles()[style]
    shown = escape(printable(text, chosen.fontName)).replace("\n", "<br/>")
    return Paragraph(shown, chosen)


def printable(text: str, font: str = FONT) -> str:
    """Text whose characters a font has; others are written as their code point.

    >>> printable("Čas ✈")
    'Čas U+2708'
    """
    known = _known(font)
    return "".join(one if ord(one) in known or one == "\n" else _named(one) for one in text)


@cache
def _known(font: str) -> frozenset[int]:
    from reportlab.pdfbase.pdfmetrics import getFont

    register_fonts()
    return frozenset(getFont(font).face.charToGlyph)


def _named(one: str) -> str:
    return " " if one in "\t\r" else f"U+{ord(one):04X}"


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    *,
    splits_rows: bool = True,
) -> Any:
    """A table over the width of the page; its header stands again on each page.

    Args:
        header: Names of the columns; none: no header.
        rows: Cells.
        widths: Of the columns, in proportion.
        splits_rows: Whether a row may go on on the next page; one that is longer than a page must.
    """
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import LongTable

    total = sum(widths)
    cells = [
        [paragraph(text, "cell") for text in row] for row in ([header, *rows] if header else rows)
    ]
    return LongTable(
        cells,
        colWidths=[WIDTH * width / total for width in widths],
        repeatRows=1 if header else 0,
        splitInRow=int(splits_rows),
        style=[
            ("FONT", (0, 0), (-1, -1), FONT, 7),
            ("LINEBELOW", (0, 0), (-1, -1), 0.3, HexColor("#bbbbbb")),
            ("BACKGROUND", (0, 0), (-1, 0), HexColor("#eef1f4" if header else "#ffffff")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 4),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ],
    )
