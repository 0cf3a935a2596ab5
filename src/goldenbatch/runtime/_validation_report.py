"""The traceability report of a validation: HTML and PDF of the same plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.core.config import banner
from goldenbatch.core.records import HomeKind
from goldenbatch.ui.documents import DocumentInfo, build_pdf, paragraph, table

CONTROL = {
    "technical": "technical control",
    "procedure": "site procedure",
    "both": "technical control and site procedure",
    "none": "scope or definition",
}
WORDS = {
    "met": "tested, passed",
    "not met": "TESTED, FAILED",
    "not shown": "NOT TESTED",
    "site": "the site's",
    "nothing": "nothing to do",
}
CLAUSES = ("Clause", "What it asks", "Control", "Checks", "The site's procedure; what is missing")
CHECKED = ("Check", "What it shows", "Outcome", "Evidence", "Digest of the evidence")
INSTALLED = ("What", "Expected", "Found", "Outcome")
RISKS = ("Risk", "Hazard and harm", "Priority", "Why")
Section = tuple[str, Sequence[str], tuple[str, ...], list[list[str]], tuple[float, ...]]

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:84em;padding:0 1em}
.banner{background:#7a4b00;color:#fff;padding:.4em 1em}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:left;vertical-align:top;
overflow-wrap:anywhere;white-space:pre-line}th{background:#eef1f4}</style></head><body>
{% if banner %}<p class="banner">{{ banner }}</p>{% endif %}<h1>{{ title }}</h1>
{% for line in head %}<p>{{ line }}</p>{% endfor %}
{% for name, words, header, rows, widths in sections %}<h2>{{ name }}</h2>
{% for line in words %}<p>{{ line }}</p>{% endfor %}
<table><thead><tr>{% for one in header %}<th>{{ one }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>{% endfor %}</body></html>
"""


def render(report: Mapping[str, Any], written_at: int) -> dict[str, bytes]:
    """The report as `html` and `pdf`.

    Args:
        report: Its plain values (`ValidationReport.as_json`).
        written_at: Microseconds UTC.
    """
    title = f"Validation report {report['run']}"
    words, sections = _head(report), _sections(report)
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
        f"{home['site']}, home {home['name']} ({home['kind']}, {home['uid']}). {report['note']}",
        f"{report['software']}, installation {report['installation_digest']}.",
        f"From {report['started']} to {report['ended']}.",
        f"{conclusion} {report['n_passed']} passed, {report['n_failed']} failed, "
        f"{report['n_not_run']} were not run.",
        "Each check was run by the installed code in scratch homes beside this home, under its "
        "policy where passwords suffice for it. The supplier's own tests are not counted here. "
        "Performance qualification, and all that is named as the site's procedure, stays with "
        "the site. This report says nothing until a person has signed its record.",
    ]
    return [line.strip() for line in lines]


def _sections(report: Mapping[str, Any]) -> list[Section]:
    found: list[Section] = []
    for pack in report["packs"]:
        state = f"{pack['authority']}; {pack['status']}, dated {pack['dated']}"
        reviewed = pack["reviewed"] or "nobody yet"
        words = (
            f"{pack['source']}.",
            f"{state}; pack {pack['name']} version {pack['version']}, {pack['digest']}. "
            f"Compared with its source by: {reviewed}.",
        )
        lines = [_clause(one) for one in pack["requirements"]]
        found.append((pack["title"], words, CLAUSES, lines, (1.8, 4.2, 1.6, 3.4, 4.2)))
        if pack["risks"]:
            risks = [_risk(one) for one in pack["risks"]]
            found.append((f"Risks of {pack['name']}", (), RISKS, risks, (1, 4, 2, 4)))
    installed = [
        [one["name"], one["expected"], one["found"], one["outcome"]]
        for one in report["installation"]
    ]
    found.append(("Installation qualification", (), INSTALLED, installed, (3, 4, 6, 1.4)))
    checked = [
        [one["name"], one["title"], one["outcome"], one["evidence"], one["evidence_digest"]]
        for one in report["checks"]
    ]
    found.append(("Operational qualification", (), CHECKED, checked, (2.6, 3.6, 1.2, 5, 2.4)))
    return found


def _clause(one: Mapping[str, Any]) -> list[str]:
    asked = f"{one['title']}\n{one['requirement']}"
    if one["meets"]:
        asked += f"\nAnswers {', '.join(one['meets'])}"
    if one["risks"]:
        asked += f"\nRisks {', '.join(one['risks'])}"
    checks = "\n".join(f"{name}: {outcome}" for name, outcome in one["outcomes"].items())
    left = one["site_procedure"]
    if one["gap"]:
        left += f"\nMISSING: {one['gap']}"
    control = f"{CONTROL[one['control']]}\n{WORDS[one['verdict']]}"
    number = "\n".join(part for part in (one["clause"], one["id"]) if part)
    return [number, asked, control, checks, left.strip()]


def _risk(one: Mapping[str, Any]) -> list[str]:
    judged = (
        f"{one['priority']} (severity {one['severity']}, probability {one['probability']}, "
        f"detectability {one['detectability']})"
    )
    return [one["id"], f"{one['hazard']}\n{one['harm']}", judged, one["rationale"]]


def _html(title: str, mark: str, head: Sequence[str], sections: Sequence[Section]) -> bytes:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(_PAGE)
    return page.render(title=title, banner=mark, head=head, sections=sections).encode()


def _pdf(info: DocumentInfo, head: Sequence[str], sections: Sequence[Section]) -> bytes:
    story = [paragraph(info.title, "title"), *(paragraph(line) for line in head)]
    for name, words, header, rows, widths in sections:
        story += [paragraph(name, "h2"), *(paragraph(line, "quiet") for line in words)]
        story.append(table(header, rows, widths))
    return build_pdf(info, story)
