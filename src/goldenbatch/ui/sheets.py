"""Sheets: a document of sections as one HTML file and as PDF, from the same blocks.

Each block says what it is, never how it looks, so that page and PDF cannot say different things.
No page needs scripts or anything from elsewhere; what is good or bad is said in words, and the
colour only repeats it (WCAG 2.2, 1.4.1).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

import goldenbatch
from goldenbatch.ui.charts import Bars, Chart, draw, draw_bars, to_svg
from goldenbatch.ui.documents import DocumentInfo, build_pdf
from goldenbatch.ui.documents import paragraph as _p
from goldenbatch.ui.documents import table as _table

NOTHING = "None recorded."
_DIGEST = re.compile(r"^[0-9a-f]{40,}$")

Tone = Literal["", "good", "bad", "quiet"]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short lines."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Code:
    """Text to be copied letter by letter."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names with their values."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        header: Names of the columns.
        rows: Cells.
        widths: Of the columns on paper, in proportion.
        tones: Of each row, for its last column; none: all are plain.
        caption: What stands in it, for those who cannot see it.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float]
    tones: Sequence[Tone] = ()
    caption: str = ""


@dataclass(frozen=True)
class Figure:
    """A chart with the sentence that stands for it where it cannot be seen."""

    chart: Chart | Bars
    caption: str

    @property
    def drawing(self) -> Any:
        """As reportlab draws it."""
        return draw_bars(self.chart) if isinstance(self.chart, Bars) else draw(self.chart)


Block = Text | Heading | Bullets | Code | Facts | Grid | Figure


@dataclass(frozen=True)
class Section:
    """A part of a sheet.

    Attributes:
        key: Anchor of the section within the page.
        label: Short title for the list of sections; the title where empty.
    """

    key: str
    title: str
    blocks: Sequence[Block]
    label: str = ""


@dataclass(frozen=True)
class Sheet:
    """A document.

    Attributes:
        banner: Stands on every page: kind of the home, and whether it is for GMP use.
        lead: Lines below the title.
        footer: At the foot of every page of the PDF.
        written_at: Microseconds UTC.
    """

    title: str
    banner: str
    lead: Sequence[str]
    footer: str
    written_at: int
    sections: Sequence[Section] = field(default=())


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --ink: #1b1b1b; --bad: #b00020; --good: #1f6b2c;
 --quiet: #5c5c5c; --paper: #fff; --soft: #f3f5f7; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
 max-width: 62rem; margin: 0 auto; padding: 0 1.2rem 4rem; box-sizing: border-box; }
.banner { background: #7a4b00; color: #fff; padding: .35rem 1.2rem; margin: 0 -1.2rem;
 font-weight: 600; }
h1 { margin: 1.2rem 0 .2rem; line-height: 1.2; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); } h3 { margin: 1.3rem 0 .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92em; }
caption { text-align: left; color: var(--quiet); }
th, td { text-align: left; padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line);
 vertical-align: top; overflow-wrap: break-word; }
td { font-variant-numeric: tabular-nums; white-space: pre-line; }
.digest { overflow-wrap: anywhere; min-width: 16rem; font: .8em/1.6 ui-monospace, monospace; }
.facts th { width: 12rem; font-weight: 600; } .facts td { overflow-wrap: anywhere; }
.bad { color: var(--bad); font-weight: 600; } .good { color: var(--good); }
.quiet { color: var(--quiet); }
pre { overflow-x: auto; background: var(--soft); padding: .5rem .8rem; } code { font-size: .86em; }
figure { margin: 1rem 0; } svg { background: #fff; width: 100%; max-width: 46rem; height: auto; }
svg text { font-family: system-ui, sans-serif !important; }
nav a { margin-right: 1rem; display: inline-block; } a { color: inherit; }
@media print { .banner { print-color-adjust: exact; } tr, pre { break-inside: avoid; } }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #16181b; --soft: #22262b;
 --bad: #ff8a8f; --good: #7fd18c; --quiet: #aaa; } }
"""


def sheet_html(sheet: Sheet) -> str:
    """The sheet as one HTML file without scripts or outside links.

    >>> page = sheet_html(Sheet("A < B", "test home", (), "", 0, (Section("s", "S", ()),)))
    >>> "<h1>A &lt; B</h1>" in page, '<h2 id="s">S</h2>' in page
    (True, True)
    """
    links = "".join(
        f'<a href="#{escape(one.key)}">{escape(one.label or one.title)}</a>'
        for one in sheet.sections
    )
    lead = "".join(f"<p>{escape(line)}</p>\n" for line in sheet.lead)
    body = "\n".join(_section(one) for one in sheet.sections)
    foot = f"goldenbatch {goldenbatch.__version__} · {sheet.banner}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(sheet.title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<div class="banner" role="note">{escape(sheet.banner)}</div>
<header>
<h1>{escape(sheet.title)}</h1>
{lead}<nav aria-label="Sections">{links}</nav>
</header>
<main>
{body}
</main>
<footer class="quiet"><p>{escape(foot)}</p></footer>
</body>
</html>
"""


def _section(section: Section) -> str:
    key = escape(section.key)
    blocks = "\n".join(_block(one) for one in section.blocks)
    head = f'<h2 id="{key}">{escape(section.title)}</h2>'
    return f'<section aria-labelledby="{key}">\n{head}\n{blocks}\n</section>'


def _block(block: Block) -> str:
    if isinstance(block, Text):
        mark = f' class="{block.tone}"' if block.tone else ""
        return f"<p{mark}>{escape(block.text)}</p>"
    if isinstance(block, Heading):
        return f"<h3>{escape(block.text)}</h3>"
    if isinstance(block, Bullets):
        return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in block.lines) + "</ul>"
    if isinstance(block, Code):
        return f"<pre><code>{escape(block.text)}</code></pre>"
    return _figure(block) if isinstance(block, Figure) else _rows(block)


def _figure(figure: Figure) -> str:
    caption = f'<figcaption class="quiet">{escape(figure.caption)}</figcaption>'
    return f"<figure>{to_svg(figure.drawing, figure.caption)}{caption}</figure>"


def _rows(block: Facts | Grid) -> str:
    if not block.rows:
        return f'<p class="quiet">{NOTHING}</p>'
    return _facts(block) if isinstance(block, Facts) else _grid(block)


def _facts(facts: Facts) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in facts.rows
    )
    return f'<table class="facts"><tbody>\n{rows}</tbody></table>'


def _grid(grid: Grid) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in grid.header)
    rows = []
    for number, row in enumerate(grid.rows):
        tone = grid.tones[number] if grid.tones else ""
        cells = [_cell(one) for one in row]
        if tone and cells:
            cells[-1] = f'<td class="{tone}">{escape(row[-1])}</td>'
        rows.append(f"<tr>{''.join(cells)}</tr>\n")
    caption = f"<caption>{escape(grid.caption)}</caption>" if grid.caption else ""
    label = escape(grid.caption or ", ".join(grid.header))
    return (  # a region that scrolls is reached by keyboard too (WCAG 2.2, 2.1.1)
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">'
        f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>\n"
        f"{''.join(rows)}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """A cell; a digest may break anywhere, as nobody reads it word by word."""
    mark = ' class="digest"' if _DIGEST.match(text) else ""
    return f"<td{mark}>{escape(text)}</td>"


# ---- on paper -------------------------------------------------------------------------------


def sheet_pdf(sheet: Sheet) -> bytes:
    """The sheet as PDF/A-2b of A4 pages; the same sheet gives the same bytes."""
    info = DocumentInfo(sheet.title, sheet.banner, sheet.footer, sheet.written_at, sheet.banner)
    story: list[Any] = [_p(sheet.title, "title"), *(_p(line) for line in sheet.lead)]
    for section in sheet.sections:
        story.append(_p(section.title, "h2"))
        for block in section.blocks:
            story.extend(_flowables(block))
    return build_pdf(info, story)


def _flowables(block: Block) -> list[Any]:
    from reportlab.platypus import Spacer

    if isinstance(block, Text):
        return [_p(block.text, "quiet" if block.tone == "quiet" else "text")]
    if isinstance(block, Heading):
        return [_p(block.text, "h3")]
    if isinstance(block, Bullets):
        return [_p(f"- {one}") for one in block.lines]
    if isinstance(block, Code):
        return [_p(block.text, "code")]
    if isinstance(block, Figure):
        return [Spacer(1, 8), block.drawing, _p(block.caption, "quiet")]
    return _tables(block)


def _tables(block: Facts | Grid) -> list[Any]:
    if not block.rows:
        return [_p(NOTHING, "quiet")]
    if isinstance(block, Facts):
        return [_table((), [list(row) for row in block.rows], (1, 4))]
    caption = [_p(block.caption, "quiet")] if block.caption else []
    return [*caption, _table(list(block.header), [list(row) for row in block.rows], block.widths)]
