"""Write a dossier as HTML and PDF, with the proof file that an outsider can check."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import goldenbatch
from goldenbatch.capabilities.execution.dossier import Dossier, FindingLine, collect
from goldenbatch.core.audit import reason_of
from goldenbatch.core.errors import GoldenbatchError
from goldenbatch.core.records import EPOCH, HomeKind, Row
from goldenbatch.core.site import Site
from goldenbatch.ui.charts import Bars, Chart, draw, draw_bars, to_svg


@dataclass(frozen=True)
class Figure:
    """A drawn chart with the sentence that stands for it where it cannot be seen."""

    drawing: Any
    caption: str

    @property
    def svg(self) -> str:
        """The drawing as an SVG element."""
        return to_svg(self.drawing, self.caption)


@dataclass(frozen=True)
class Report:
    """A dossier with its figures, ready to be laid out.

    Attributes:
        contributions: Figure of each finding that has contributions, by uid.
        proof: Content of the proof file.
        proof_digest: SHA-256 of the proof file's bytes.
    """

    dossier: Dossier
    figures: tuple[Figure, ...]
    contributions: dict[str, Figure]
    proof: dict[str, Any]
    proof_name: str
    proof_digest: str
    written_at: int
    problems: tuple[str, ...]

    @property
    def banner(self) -> str:
        """Kind of the home, and that nothing outside production is for GMP use."""
        kind = self.dossier.home.kind
        note = "" if kind is HomeKind.PRODUCTION else ": not for GMP use"
        return f"{kind.value} home{note}"

    @property
    def changes(self) -> list[tuple[str, ...]]:
        """Rows of what changed after its first entry: when, record, field, old, new, why."""
        return [
            (
                self.when(entry.event.envelope.recorded_at),
                f"{entry.event.stream} version {entry.event.envelope.version}",
                one.field,
                one.old or "(none)",
                one.new or "(none)",
                reason_of(entry.event),
            )
            for entry in self.dossier.changed
            for one in entry.changes
        ]

    @property
    def release_tests(self) -> list[tuple[str, ...]]:
        """Rows of release tests: attribute, market, prediction with its interval, asked, state."""
        return [
            (row["attribute"], row["market"], _prediction(row), self.when(row["tested_at"]),
             row["state"])
            for row in self.dossier.release_tests
        ]  # fmt: skip

    @property
    def changes_in_words(self) -> str:
        """Whether data changed after their first entry, in one sentence."""
        n_changed, n_events = len(self.dossier.changed), len(self.dossier.events)
        if not n_changed:
            return f"None of {n_events} events changed data that had been entered before."
        return f"{n_changed} of {n_events} events changed data that had been entered before."

    def when(self, micros: int | None) -> str:
        """A time in the site's zone, with the zone's offset."""
        if micros is None:
            return "not recorded"
        moment = EPOCH + timedelta(microseconds=micros)
        return moment.astimezone(ZoneInfo(self.dossier.home.zone)).strftime("%Y-%m-%d %H:%M:%S %z")


def _prediction(row: Row) -> str:
    """A prediction with its interval; why there is no valid one."""
    if row["no_prediction"]:
        return f"none: {row['no_prediction'].replace('_', ' ')}"
    ends = [f"{float(row[name]):.6g}" if row[name] else "?" for name in ("value", "lower", "upper")]
    return f"{ends[0]} ({ends[1]} to {ends[2]}) {row['unit']}"


def _file_name(batch: str) -> str:
    """Name of a batch's files: one of its own, also where A/1 and A_1 are two batches.

    >>> _file_name("700"), _file_name("A/1") == _file_name("A_1")
    ('batch-700', False)
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", batch)[:80]
    digest = hashlib.sha256(batch.encode()).hexdigest()[:8]
    return f"batch-{batch}" if plain == batch else f"batch-{plain}-{digest}"


def write_report(site: Site, batch: str, out_dir: Path) -> dict[str, str]:
    """Write the dossier of a batch into a folder.

    Returns:
        Paths of what was written: `html`, `pdf`, `proof`.

    Raises:
        NotFoundError: There is no such batch.
    """
    dossier = collect(site, batch)
    proof = site.ledger.proof_bundle([event.seq for event in dossier.events])
    proof["batch"] = batch
    content = (json.dumps(proof, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
    name = _file_name(batch)
    figures, problems = _figures(site, batch)
    report = Report(
        dossier=dossier,
        figures=figures,
        contributions=_contributions(dossier.findings),
        proof=proof,
        proof_name=f"{name}.proof.json",
        proof_digest=hashlib.sha256(content).hexdigest(),
        written_at=site.clock(),
        problems=problems,
    )
    from goldenbatch.capabilities.execution._pdf import render_pdf

    out_dir.mkdir(parents=True, exist_ok=True)
    files = {
        "html": (out_dir / f"{name}.html", render_html(report).encode()),
        "pdf": (out_dir / f"{name}.pdf", render_pdf(report)),
        "proof": (out_dir / report.proof_name, content),
    }
    for path, data in files.values():
        _replace(path, data)
    return {kind: str(path) for kind, (path, _) in files.items()}


def render_html(report: Report) -> str:
    """The report as one HTML file without scripts or outside links."""
    from importlib.resources import files

    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("goldenbatch.capabilities.execution") / "dossier.html.j2"
    template = environment.from_string(source.read_text(encoding="utf-8"))
    return template.render(
        report=report,
        dossier=report.dossier,
        version=goldenbatch.__version__,
        utc=lambda micros: (EPOCH + timedelta(microseconds=micros or 0)).strftime("%FT%TZ"),
    )


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _figures(site: Site, batch: str) -> tuple[tuple[Figure, ...], tuple[str, ...]]:
    """Charts of all capabilities; one that fails is named in the report, not left out."""
    figures: list[Figure] = []
    problems = []
    for name, offer in site.offers("documents"):
        try:
            figures.extend(_drawn(offer.load()(site, batch)))
        except GoldenbatchError as error:
            problems.append(f"Charts of {name} are missing: {error}")
    return tuple(figures), tuple(problems)


def _drawn(charts: Sequence[Chart | Bars]) -> Iterable[Figure]:
    for one in charts:
        if isinstance(one, Bars):
            yield Figure(draw_bars(one), one.title)
        else:
            n_points = sum(len(track.x) for track in one.tracks)
            yield Figure(draw(one), f"{one.title}: {n_points} points, {one.y_label}")


def _contributions(findings: Sequence[FindingLine]) -> dict[str, Figure]:
    found = {}
    for line in findings:
        parts = line.finding.contributions
        if parts:
            title = f"What contributes to: {line.finding.title}"
            bars = Bars(title, [p.variable for p in parts], [p.value for p in parts])
            found[line.uid] = Figure(draw_bars(bars), title)
    return found


def written_day(report: Report) -> str:
    """Day of writing in UTC, for document properties."""
    moment = datetime.fromtimestamp(report.written_at / 1e6, tz=UTC)
    return moment.strftime("%Y-%m-%d")
