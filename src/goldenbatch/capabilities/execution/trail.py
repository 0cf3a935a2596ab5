"""Write a copy of the audit trail: PDF and HTML for people, JSON Lines and CSV for machines."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from goldenbatch.core.config import banner
from goldenbatch.core.people import PasswordSet
from goldenbatch.core.site import Site
from goldenbatch.ui.documents import DocumentInfo, build_pdf, paragraph, table, write_whole

FIELDS = (
    "seq", "stream", "version", "kind", "act", "recorded", "performed", "is_late",
    "is_unsigning", "unsigned_since", "actor", "printed_name", "role", "acting_for", "reason",
)  # fmt: skip
"""Columns of the CSV before field, old and new; it has one row a changed field."""

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:80em;padding:0 1em}
.banner{background:#7a4b00;color:#fff;padding:.4em 1em}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #ccc;padding:.3em .5em;text-align:left;vertical-align:top;
overflow-wrap:anywhere}th{background:#eef1f4}.late{color:#8a1f11}</style></head><body>
{% if banner %}<p class="banner">{{ banner }}</p>{% endif %}<h1>{{ title }}</h1>
{% for line in head %}<p>{{ line }}</p>{% endfor %}
<table><thead><tr>{% for name in header %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></body></html>
"""
HEADER = ("No.", "When", "Who", "Record", "What", "Old value -> new value", "Why")


def write_trail(
    site: Site, copy: Mapping[str, Any], out_dir: Path, name: str = "trail"
) -> dict[str, str]:
    """Write a copy of entries of the trail into a folder.

    Args:
        site: Where they come from, for its name and for their proof.
        copy: All entries that fit, as the trail gives them (`TrailPage.as_json`).
        out_dir: Folder; made when it is missing.
        name: Name of the files before their endings.

    Returns:
        Paths: `pdf`, `html`, `jsonl`, `csv`, `proof`.
    """
    entries: Sequence[dict[str, Any]] = copy["entries"]
    lines = "".join(json.dumps(one, ensure_ascii=False, sort_keys=True) + "\n" for one in entries)
    files = {"jsonl": lines.encode(), "csv": as_csv(entries)}
    # The hash of a password stays where it is; all else is proved.
    proved = [one["seq"] for one in entries if one["kind"] != PasswordSet.kind]
    if proved:
        proof = site.ledger.proof_bundle(proved)
        files["proof"] = (json.dumps(proof, sort_keys=True, ensure_ascii=False) + "\n").encode()
    head = _head(site, copy, {key: hashlib.sha256(data).hexdigest() for key, data in files.items()})
    rows = [_row(one) for one in entries]
    files["html"] = _html(site, head, rows)
    files["pdf"] = _pdf(site, head, rows)
    out_dir.mkdir(parents=True, exist_ok=True)
    endings = {"proof": "proof.json"}
    paths = {key: out_dir / f"{name}.{endings.get(key, key)}" for key in files}
    for key, data in files.items():
        write_whole(paths[key], data)
    return {key: str(path) for key, path in sorted(paths.items())}


def as_csv(entries: Sequence[Mapping[str, Any]]) -> bytes:
    """One row a changed field, so that a table program can search and sort it.

    A text that such a program would take for a formula is written after an apostrophe.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([*FIELDS, "field", "old", "new"])
    for one in entries:
        head = [_plain(one[name]) for name in FIELDS]
        for change in one["changes"] or [{"field": "", "old": "", "new": ""}]:
            writer.writerow([*head, *(_plain(change[name]) for name in ("field", "old", "new"))])
    return stream.getvalue().encode("utf-8-sig")


def _plain(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "@", "\t", "\r") else text


def _head(site: Site, copy: Mapping[str, Any], digests: Mapping[str, str]) -> list[str]:
    n_entries, n_shown = copy["n_entries"], len(copy["entries"])
    moment = datetime.fromtimestamp(site.clock() / 1e6, tz=UTC).astimezone(ZoneInfo(site.home.zone))
    person = _name(site)
    whole = "This copy is complete" if n_shown == n_entries else "THIS COPY IS NOT COMPLETE"
    wanted = ", ".join(f"{key}: {value}" for key, value in copy["filter"].items())
    return [
        f"{site.home.site}, {site.home.name}. Asked for: {wanted or 'all entries'}.",
        f"{whole}: {n_shown} of {n_entries} entries, up to event {copy['upto_seq']} of the ledger.",
        f"Printed {moment.strftime('%Y-%m-%d %H:%M:%S %z')} by {person}.",
        *(f"SHA-256 of the {key} copy: {digest}" for key, digest in sorted(digests.items())),
    ]


def _name(site: Site) -> str:
    rows = site.ledger.select("user", {"uid": site.actor.uid}, limit=1)
    return str(rows[0]["printed_name"]) if rows else f"the {site.actor.uid} of this home"


def _row(one: Mapping[str, Any]) -> list[str]:
    when = one["recorded"]
    if one["performed"]:
        when += f"\n{'LATE ENTRY of' if one['is_late'] else 'done'} {one['performed']}"
    who = one["printed_name"] or one["actor"]
    after = one["act"] in ("changed", "corrected")
    values = [
        f"{change['field']}: {change['old'] or '(none)'} -> {change['new'] or '(none)'}"
        if after
        else f"{change['field']}: {change['new']}"
        for change in one["changes"]
    ]
    act = f"{one['kind']} ({one['act']})"
    if one["is_unsigning"]:
        act += "\nUNSIGNED: signatures before this entry no longer hold"
    if one["unsigned_since"]:
        act += f"\nUNSIGNED since version {one['unsigned_since']}"
    record = f"{one['stream']}\nversion {one['version']}"
    who = f"{who}\n{one['role']}"
    return [str(one["seq"]), when, who, record, act, "\n".join(values), one["reason"]]


def _pdf(site: Site, head: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    info = DocumentInfo(
        title=f"Audit trail of {site.home.name}",
        banner=banner(site.home.kind),
        footer=f"Audit trail · {site.home.name}",
        written_at=site.clock(),
    )
    story = [paragraph(info.title, "title"), *(paragraph(line) for line in head)]
    widths = (1, 3, 2.4, 3, 2.6, 5, 2.4)
    story.append(table(HEADER, rows, widths) if rows else paragraph("No entries."))
    return build_pdf(info, story)


def _html(site: Site, head: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.from_string(_PAGE).render(
        title=f"Audit trail of {site.home.name}",
        banner=banner(site.home.kind),
        head=head,
        header=HEADER,
        rows=rows,
    )
    return text.encode()
