"""The dossier as a PDF of A4 pages, laid out with reportlab."""

from __future__ import annotations

from typing import Any

from goldenbatch.capabilities.execution._documents import Report
from goldenbatch.capabilities.execution.dossier import FindingLine
from goldenbatch.core.people import SignatureState
from goldenbatch.ui.documents import DocumentInfo, build_pdf
from goldenbatch.ui.documents import paragraph as _p
from goldenbatch.ui.documents import table as _table


def render_pdf(report: Report) -> bytes:
    """Lay out the report; every page carries the banner, the batch and its number."""
    batch = report.dossier.batch["batch"]
    info = DocumentInfo(
        title=f"Batch {batch}",
        banner=report.banner,
        footer=f"Batch {batch} · {report.dossier.home.name}",
        written_at=report.written_at,
        subject=report.banner,
    )
    story: list[Any] = []
    for part in (_head, _findings, _charts, _results, _release, _materials, _changed, _proof):
        story.extend(part(report))
    return build_pdf(info, story)


def _head(report: Report) -> list[Any]:
    dossier = report.dossier
    batch = dossier.batch
    rows = [
        ["Product", str(batch["product"])],
        ["Started", report.when(batch["started_at"])],
        ["Ended", f"{report.when(batch['ended_at'])} {batch['outcome']}"],
    ]
    rows += [[key.capitalize(), batch[key]] for key in ("size", "place", "recipe") if batch[key]]
    rows += [[key, value] for key, value in sorted(dossier.attributes.items())]
    rows += [["Site, home", f"{dossier.home.site}, {dossier.home.name}"]]
    rows += [["Written", report.when(report.written_at)]]
    story = [_p(f"Batch {batch['batch']}", "title"), _table((), rows, (1, 4))]
    story.append(_p("To be looked at first", "h2"))
    gaps = [*dossier.gaps, *report.problems]
    if not gaps:
        gaps = [f"No gap was found among {len(dossier.events)} events."]
    story += [_p(f"- {gap}") for gap in gaps]
    if dossier.phases:
        story.append(_p("Phases", "h2"))
        phases = [
            [p["phase"], str(p["run"]), p["place"], report.when(p["started_at"]),
             report.when(p["ended_at"])]
            for p in dossier.phases
        ]  # fmt: skip
        header = ("Phase", "Run", "Place", "Start", "End")
        story.append(_table(header, phases, (2, 1, 4, 3, 3)))
    story.append(_p("Signatures on the batch", "h2"))
    signed = [_p(_signature(report, one)) for one in dossier.signatures]
    return story + (signed or [_p("Nobody has signed the record of this batch.")])


def _findings(report: Report) -> list[Any]:
    story = [_p("Findings and decisions", "h2")]
    if not report.dossier.findings:
        story.append(_p("No analyst found anything in this batch."))
    for line in report.dossier.findings:
        story.extend(_finding(report, line))
    return story


def _finding(report: Report, line: FindingLine) -> list[Any]:
    from reportlab.platypus import KeepTogether

    finding = line.finding
    end = f" to {report.when(finding.end)}" if finding.end else ""
    domain = "in its domain" if finding.in_domain else "outside its domain"
    facts = (
        f"{finding.severity.value} · {line.state} · from {report.when(finding.start)}{end} · "
        f"{finding.analyst} {finding.analyst_version} · {domain} · {line.uid}"
    )
    story: list[Any] = [
        KeepTogether([_p(finding.title, "h3"), _p(finding.statement), _p(facts, "quiet")])
    ]
    if finding.measures:
        rows = [
            [m.name, f"{m.value:.4g} {'' if m.unit == '1' else m.unit}",
             _limit(m.lower_limit), _limit(m.upper_limit)]
            for m in finding.measures
        ]  # fmt: skip
        story.append(_table(("Measure", "Value", "Lower", "Upper"), rows, (4, 2, 2, 2)))
    if line.uid in report.contributions:
        story.append(report.contributions[line.uid].drawing)
    if finding.suggested_action:
        story.append(_p(f"Suggested: {finding.suggested_action}"))
    for one in line.decisions:
        verdict = one.decision.verdict.value.replace("_", " ")
        when = report.when(one.recorded_at)
        story.append(_p(f"Decision: {verdict}, {when}: {one.decision.comment}"))
    if not line.decisions:
        story.append(_p("No decision yet."))
    story += [_p(_signature(report, one)) for one in line.signatures]
    return story


def _signature(report: Report, state: SignatureState) -> str:
    one = state.signature
    reason = f": {one.reason}" if one.reason else ""
    return (
        f"Signed by {one.by} ({one.role}), {report.when(one.at)}, meaning "
        f"{one.meaning.value}{reason} · {state.label()} · {state.signer_class.value} ({one.method})"
    )


def _limit(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _results(report: Report) -> list[Any]:
    rows = []
    for line in report.dossier.results:
        limits = "\n".join(f"{check.kind}: {check.limit}" for check in line.checks)
        row = line.row
        rows.append(
            [row["attribute"], row["sample"], line.text, limits, line.outcome, row["status"]]
        )
    header = ("Attribute", "Sample", "Result", "Limits", "Outcome", "Status")
    story = [_p("Results against limits", "h2")]
    return [*story, _table(header, rows, (4, 3, 3, 4, 2, 2)) if rows else _p("None recorded.")]


def _release(report: Report) -> list[Any]:
    rows = [list(row) for row in report.release_tests]
    header = ("Attribute", "Market", "Prediction, interval", "Asked", "State")
    table = _table(header, rows, (3, 2, 4, 3, 4)) if rows else None
    return [_p("Real-time release tests", "h2"), table] if rows else []


def _materials(report: Report) -> list[Any]:
    rows = []
    for one in report.dossier.materials:
        tests = ", ".join(f"{line.row['attribute']} {line.text}" for line in one.results)
        rows.append([one.material, one.lot, one.quantity or "not recorded", tests or "none"])
    header = ("Material", "Lot", "Quantity", "Results of the lot")
    story = [_p("Materials and genealogy", "h2")]
    return [*story, _table(header, rows, (2, 2, 2, 6)) if rows else _p("None recorded.")]


def _changed(report: Report) -> list[Any]:
    """Whether data changed since their first entry (EU GMP Annex 11 (2011) 8.2)."""
    story = [_p("Changes since the first entry", "h2"), _p(report.changes_in_words)]
    rows = [list(row) for row in report.changes]
    header = ("When", "Record", "Field", "Old value", "New value", "Why")
    return [*story, _table(header, rows, (3, 3, 2, 2, 2, 4))] if rows else story


def _charts(report: Report) -> list[Any]:
    story = [_p("Charts", "h2")]
    for figure in report.figures:
        story += [figure.drawing, _p(figure.caption, "quiet")]
    return story if report.figures else [*story, _p("No capability draws charts for this batch.")]


def _proof(report: Report) -> list[Any]:
    n_events = len(report.dossier.events)
    return [
        _p("The proof, and how to check it", "h2"),
        _p(
            f"This dossier rests on {n_events} events of the ledger. The file {report.proof_name} "
            "holds each of them with its place in the Merkle tree under this signed checkpoint. "
            "Its SHA-256 is:"
        ),
        _p(report.proof_digest, "code"),
        _p(str(report.proof["checkpoint"]), "code"),
        _p("Check it on any machine that has goldenbatch, without access to this home:"),
        _p(f"goldenbatch verify --proof {report.proof_name}", "code"),
        _p("Compare this public key with the one that the site gave you by another way:"),
        _p(str(report.proof["public_key"]), "code"),
    ]
