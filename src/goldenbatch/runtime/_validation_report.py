"""The traceability report of a validation: HTML and PDF of the same plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from goldenbatch.core.config import banner
from goldenbatch.core.records import HomeKind
from goldenbatch.ui.documents import DocumentInfo, build_pdf, paragraph, table

CONTROL: Final = {
    "technical": "platform",
    "procedure": "site",
    "both": "platform and site",
    "none": "nothing to do",
}
RESULT: Final = {
    "met": "PASSED",
    "not met": "FAILED",
    "not shown": "NOT TESTED",
    "site": "for the site",
    "nothing": "-",
    "not answered": "NOT ANSWERED",
}
OUTCOME: Final = {
    "passed": "passed",
    "failed": "FAILED",
    "not run": "NOT RUN",
    "not applicable": "not used here",
}
LEGEND: Final = (
    ("platform", "The software meets it, and checks of this report try that it does."),
    ("site", "A procedure of the site meets it; no software can."),
    ("platform and site", "Both are needed: PASSED speaks of the platform's half only."),
    ("nothing to do", "The clause says what applies or what a word means."),
    ("PASSED", "Each check that the requirement cites was run here and passed."),
    ("FAILED", "At least one of them failed: the requirement is not met."),
    ("NOT TESTED", "At least one could not be run here; its line says why."),
    ("not used here", "The check is of something that this home does not use; it counts for none."),
    ("MISSING", "What the platform does not do yet, as far as its makers know."),
    ("Priority of a risk", "From severity, probability and detectability, in the two steps of "
     "GAMP 5: high means tested most."),
    ("Digest", "First 16 digits of the SHA-256 of a check's name, outcome and evidence; whole in "
     "the JSON form of this report, whose own digest the record in the ledger holds."),
)  # fmt: skip
MOST_SHOWN: Final = 500
REPEATED: Final = "Each check works in scratch homes that are deleted; run again it makes new ones."

_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>{{ title }}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:84em;padding:0 1em}
.banner{background:#7a4b00;color:#fff;padding:.4em 1em}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:left;vertical-align:top;
overflow-wrap:anywhere;white-space:pre-line}th{background:#eef1f4}
.bad{color:#8a1f11;font-weight:600}</style></head><body>
{% if banner %}<p class="banner">{{ banner }}</p>{% endif %}<h1>{{ title }}</h1>
{% for line in head %}<p>{{ line }}</p>{% endfor %}
<nav><ol>{% for one in sections %}<li><a href="#s{{ loop.index }}">{{ one.name }}</a></li>
{% endfor %}</ol></nav>
{% for one in sections %}<h2 id="s{{ loop.index }}">{{ loop.index }}. {{ one.name }}</h2>
{% for line in one.words %}<p>{{ line }}</p>{% endfor %}
{% if one.rows %}<table><thead><tr>{% for name in one.header %}<th>{{ name }}</th>{% endfor %}
</tr></thead><tbody>
{% for row in one.rows %}<tr>{% for cell in row %}<td{% if cell in bad %} class="bad"{% endif %}>
{{- cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>{% endif %}{% endfor %}</body></html>
"""


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: Its title, which is numbered.
        words: Paragraphs before the table.
        header: Names of the columns.
        rows: Cells of the table; none: no table.
        widths: Of the columns, in proportion.
    """

    name: str
    words: tuple[str, ...]
    header: tuple[str, ...] = ()
    rows: Sequence[Sequence[str]] = ()
    widths: tuple[float, ...] = ()


def render(report: Mapping[str, Any], written_at: int) -> dict[str, bytes]:
    """The report as `html` and `pdf`.

    Args:
        report: Its plain values (`ValidationReport.as_json`).
        written_at: Microseconds UTC.
    """
    title = f"Validation report {report['run']}"
    words, sections = _head(report), list(_sections(report))
    mark = banner(HomeKind(report["home"]["kind"]))
    return {
        "html": _html(title, mark, words, sections),
        "pdf": _pdf(DocumentInfo(title, mark, f"{title} · {report['home']['name']}", written_at),
                    words, sections),
    }  # fmt: skip


def _head(report: Mapping[str, Any]) -> list[str]:
    home = report["home"]
    conclusion = "No check failed." if report["is_ok"] else "AT LEAST ONE CHECK FAILED."
    lines = [
        f"Installation and operation of {report['software']} in the home {home['name']!r} of "
        f"{home['site']} (kind {home['kind']}, {home['uid']}). {report['note']}",
        f"{conclusion} {report['n_passed']} checks passed, {report['n_failed']} failed, "
        f"{report['n_not_run']} could not be run, {report['n_not_applicable']} are of what this "
        "home does not use.",
        f"Run from {report['started']} to {report['ended']}. Digest of the installation: "
        f"{report['installation_digest']}.",
        "The checks ship with the software and were run by the installed code, under the policy "
        "of this home where people with passwords can sign under it. They are no tests of the "
        "supplier: those are the supplier's evidence, and are not counted here. Performance "
        "qualification, and all that is named as the site's, stays with the site.",
        f"This report says nothing until people have signed its record, validation/"
        f"{report['run']}, in that home; the record holds the digests of this report's forms.",
    ]
    return [line.strip() for line in lines]


def _sections(report: Mapping[str, Any]) -> Iterator[Section]:
    numbers = {one["name"]: one["number"] for one in report["checks"]}
    yield _summary(report)
    yield Section("How to read it", (), ("Word", "What it means"), LEGEND, (1.6, 7))
    yield from _wrong(report)
    for pack in report["packs"]:
        if pack["risks"]:
            yield _risks(pack)
        yield _clauses(pack, numbers)
    yield _left_to_site(report)
    yield _missing(report)
    yield _installation(report)
    yield _checks(report)


def _summary(report: Mapping[str, Any]) -> Section:
    rows = []
    for pack in report["packs"]:
        found = pack["summary"]
        rows.append(
            [f"{pack['title']}\n{pack['status']}, {pack['dated']}",
             *(str(found[name]) for name in (
                "n_requirements", "n_met", "n_not_met", "n_not_shown", "n_site", "n_nothing",
                "n_gaps", "n_sites_open"))]
        )  # fmt: skip
    header = ("Requirements", "All", "PASSED", "FAILED", "NOT TESTED", "for the site alone",
              "nothing to do", "MISSING parts", "site's procedures not named yet")  # fmt: skip
    return Section("Summary", (), header, rows, (4.4, 0.8, 1.2, 1.1, 1.2, 1.1, 1.1, 1.2, 1.6))


def _wrong(report: Mapping[str, Any]) -> Iterator[Section]:
    """What did not pass, before everything else; nothing where all did."""
    rows = [
        [one["number"], one["name"], OUTCOME[one["outcome"]], _cut(one["evidence"]),
         _ids(one["cited_by"])]
        for one in report["checks"] if one["outcome"] in ("failed", "not run")
    ]  # fmt: skip
    rows += [
        ["IQ", one["name"], "FAILED", f"found {one['found']}; expected {one['expected']}", ""]
        for one in report["installation"] if one["outcome"] == "failed"
    ]  # fmt: skip
    if rows:
        header = ("No.", "Check", "Outcome", "What was seen", "Requirements that rest on it")
        yield Section("What did not pass", (), header, rows, (0.8, 2.4, 1.2, 4.4, 2.6))


def _risks(pack: Mapping[str, Any]) -> Section:
    rows = [
        [one["id"], f"{one['hazard']}\n{one['harm']}",
         f"{one['priority']}\nseverity {one['severity']}, probability {one['probability']}, "
         f"detectability {one['detectability']}",
         ", ".join(one["answered_by"]) or "none", RESULT[one["result"]], one["rationale"]]
        for one in pack["risks"]
    ]  # fmt: skip
    words = ("Each risk, the requirements that answer it, and the worst of their results.",)
    header = ("Risk", "What may happen", "Priority", "Requirements", "Result", "Why judged so")
    return Section(f"Risks: {pack['title']}", words, header, rows, (0.7, 3.6, 2, 1.5, 1.3, 3))


def _clauses(pack: Mapping[str, Any], numbers: Mapping[str, str]) -> Section:
    n_compared = sum(bool(one["checked_against"]) for one in pack["requirements"])
    words = [
        f"{pack['source']}. {pack['authority']}; {pack['status']}, dated {pack['dated']}. Pack "
        f"{pack['name']} version {pack['version']}, SHA-256 {pack['digest']}.",
        f"Compared with its source by a person: {pack['reviewed'] or 'not yet'}.",
    ]
    if pack["texts"]:
        words.append(
            f"Numbers and titles of {n_compared} of {len(pack['requirements'])} were compared by "
            "the makers with public texts: " + "; ".join(_text(one) for one in pack["texts"]) + "."
        )
    rows = [_clause(one, numbers, bool(pack["texts"])) for one in pack["requirements"]]
    header = ("Clause", "What it asks, in own words", "Met by", "Checks", "Result",
              "The site's procedure; what is MISSING")  # fmt: skip
    return Section(pack["title"], tuple(words), header, rows, (1.4, 4, 1.5, 3.5, 1.5, 3.6))


def _text(one: Mapping[str, Any]) -> str:
    return f"{one['where']} ({one['extent']}, read {one['seen']})"


def _clause(one: Mapping[str, Any], numbers: Mapping[str, str], has_texts: bool) -> list[str]:
    asked = f"{one['title']}.\n{one['requirement']}"
    if one["risks"]:
        asked += f"\nAnswers the risks {', '.join(one['risks'])}."
    if one["meets"]:
        asked += f"\nAnswers {', '.join(one['meets'])}."
    checks = "\n".join(
        f"{numbers.get(name, '')} {name}: {OUTCOME[outcome]}".strip()
        for name, outcome in one["outcomes"].items()
    )
    left = one["site_procedure"]
    if left:
        left += f"\nDocument: {one['site_document'] or 'not named yet'}."
    if one["gap"]:
        left += f"\nMISSING: {one['gap']}"
    is_open = has_texts and not one["checked_against"]
    parts = (one["clause"], one["id"], "not compared" if is_open else "")
    number = "\n".join(part for part in parts if part)
    return [number, asked, CONTROL[one["control"]], checks, RESULT[one["verdict"]], left.strip()]


def _left_to_site(report: Mapping[str, Any]) -> Section:
    rows = [
        [f"{one['clause']} {one['id']}\n{pack['name']}".strip(), one["site_procedure"],
         one["site_document"]]
        for pack in report["packs"] for one in pack["requirements"] if one["site_procedure"]
    ]  # fmt: skip
    words = (
        "To be filled in by the site: the document in which each procedure stands. Copy a pack "
        "into the home's folder `requirements` and give `site_document`, and it stands here.",
    )
    header = ("Clause", "Procedure of the site", "Document")
    return Section("What is left to the site", words, header, rows, (2, 6, 3))


def _missing(report: Mapping[str, Any]) -> Section:
    rows = [
        [f"{one['clause']} {one['id']}\n{pack['name']}".strip(), one["gap"]]
        for pack in report["packs"] for one in pack["requirements"] if one["gap"]
    ]  # fmt: skip
    words = ("What the platform does not do yet; the site covers it, or does not use that part.",)
    return Section("What is known to be missing", words, ("Clause", "What"), rows, (2, 8))


def _installation(report: Mapping[str, Any]) -> Section:
    rows = [
        [one["name"], one["expected"], one["found"], one["outcome"]]
        for one in report["installation"]
    ]
    header = ("What", "Expected", "Found", "Outcome")
    words = ("A note is worth knowing; nothing is wrong.",)
    return Section("Installation qualification", words, header, rows, (3, 4, 6, 1.4))


def _checks(report: Mapping[str, Any]) -> Section:
    rows = [
        [f"{one['number']}\n{one['name']}", one["title"], OUTCOME[one["outcome"]],
         _cut(one["evidence"]), _ids(one["cited_by"]), one["evidence_digest"][:16]]
        for one in report["checks"]
    ]  # fmt: skip
    header = ("Check", "What it shows", "Outcome", "Evidence", "Cited by", "Digest")
    words = (REPEATED,)
    widths = (3, 3.2, 1.5, 4.4, 2.1, 2.2)
    return Section("Operational qualification", words, header, rows, widths)


def _cut(text: str) -> str:
    """Evidence as the print shows it; the JSON form has all of it."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} ..."


def _ids(cited: Sequence[str]) -> str:
    """Requirements by their identifiers alone; those of the shipped packs are all different."""
    return ", ".join(one.partition(":")[2] for one in cited)


def _html(title: str, mark: str, head: Sequence[str], sections: Sequence[Section]) -> bytes:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(_PAGE)
    bad = ("FAILED", "NOT TESTED", "NOT RUN", "NOT ANSWERED", "failed")
    return page.render(title=title, banner=mark, head=head, sections=sections, bad=bad).encode()


def _pdf(info: DocumentInfo, head: Sequence[str], sections: Sequence[Section]) -> bytes:
    story = [paragraph(info.title, "title"), *(paragraph(line) for line in head)]
    for number, one in enumerate(sections, 1):
        story += [paragraph(f"{number}. {one.name}", "h2")]
        story += [paragraph(line, "quiet") for line in one.words]
        if one.rows:
            story.append(table(one.header, one.rows, one.widths, splits_rows=False))
    return build_pdf(info, story)
