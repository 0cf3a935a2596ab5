"""The report on credibility as one sheet: page and PDF."""

from __future__ import annotations

from collections.abc import Sequence

from goldenbatch.capabilities.twin.credibility import Credibility, Line
from goldenbatch.capabilities.twin.references import Case
from goldenbatch.ui.sheets import Block, Facts, Grid, Section, Sheet, Text, Tone

_MEANING = {
    "verification": "the code solves the equations: held against other code or an exact solution",
    "calibration": "parameters were fitted to these data",
    "validation": "held against plant or laboratory data that the fit has not seen",
}
_WORDS = {"within": "within", "outside": "OUTSIDE", "reported": "no limit", "absent": "no data",
          "failed": "FAILED"}  # fmt: skip
_TONES: dict[str, Tone] = {"within": "good", "outside": "bad", "failed": "bad", "absent": "quiet",
                           "reported": ""}  # fmt: skip


def credibility_sheet(found: Credibility, version: str, written_at: int) -> Sheet:
    """The sheet of a report.

    Args:
        found: What was replayed.
        version: Of the platform.
        written_at: Microseconds UTC.
    """
    by_case: dict[str, list[Line]] = {}
    for line in found.lines:
        by_case.setdefault(line.case.name, []).append(line)
    sections = [_overview(found), *(_case(lines[0].case, lines) for lines in by_case.values())]
    return Sheet(
        title="Credibility of the twins",
        banner="Supplier's evidence: it does not validate a twin for a plant",
        lead=(
            f"goldenbatch {version} replayed the third-party references that it found. "
            "Each line says what it is: verification, calibration or validation (ASME V&V 40).",
        ),
        footer="Credibility of the twins",
        written_at=written_at,
        sections=sections,
    )


def _overview(found: Credibility) -> Section:
    counts = ", ".join(f"{n} {_WORDS[o].lower()}" for o, n in found.counts.items())
    rows = list(_MEANING.items())
    blocks: list[Block] = [
        Text(f"{len(found.lines)} lines: {counts}.", "good" if found.is_good else "bad"),
        Facts(rows),
        Text(f"CPU seconds of all replays: {sum(found.cpu_s.values()):.1f}.", "quiet"),
    ]
    return Section("overview", "Overview", blocks)


def _case(case: Case, lines: Sequence[Line]) -> Section:
    facts = Facts([
        ("Model", case.model), ("Against", f"{case.against}: {case.source}"),
        ("Context of use", case.context_of_use),
    ])  # fmt: skip
    grid = Grid(
        ("File", "Kind", "Quantity", "Reference", "Found", "Error", "Limit", "Outcome"),
        [_cells(line) for line in lines],
        (3, 2, 4, 2, 2, 3, 1.5, 1.5),
        [_TONES[line.outcome] for line in lines],
    )
    notes = [
        Text(f"{line.file}, {line.row.quantity}: {line.row.note}", "quiet")
        for line in lines
        if line.row is not None and line.row.note
    ]
    return Section(case.name, case.title, [facts, grid, *notes], label=case.name)


def _cells(line: Line) -> tuple[str, ...]:
    word = _WORDS[line.outcome]
    if line.row is None:
        return line.file, line.kind, line.reason, "", "", "", "", word
    row = line.row
    limit = "" if row.limit is None else f"{row.limit:.4g}"
    error = f"{row.error:.3g} ({row.measure})"
    return line.file, line.kind, row.quantity, row.reference, row.found, error, limit, word
