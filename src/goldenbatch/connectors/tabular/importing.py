"""Import of files by a source card: what is new is written, all else is accounted for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.connectors.tabular._ahead import read_ahead
from goldenbatch.connectors.tabular._appender import Appender
from goldenbatch.connectors.tabular._events import Take
from goldenbatch.connectors.tabular._files import Original, card_root, files_of, original_of
from goldenbatch.connectors.tabular._known import Draft, Known
from goldenbatch.connectors.tabular._live import run_live
from goldenbatch.connectors.tabular._plan import FilePlan, Planner, as_json_lines
from goldenbatch.connectors.tabular._readings import Axis, Units
from goldenbatch.connectors.tabular._report import (
    MAX_CONFLICT_EVENTS,
    FileReport,
    ImportReport,
    Preview,
    Problem,
    report_of,
)
from goldenbatch.connectors.tabular._settle import Source, frames_of
from goldenbatch.connectors.tabular.card import SourceCard, TableSpec
from goldenbatch.core.errors import BadInputError, ConflictError, GoldenbatchError
from goldenbatch.core.intake import ConflictFound, FileImported, RowsQuarantined, import_stream
from goldenbatch.core.records import Body

__all__ = [
    "MAX_CONFLICT_EVENTS", "FileReport", "ImportOptions", "ImportReport", "Preview", "Problem",
    "import_card", "import_original", "preview",
]  # fmt: skip

if TYPE_CHECKING:
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.site import Site


_MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
    "influx_lines": "text/plain",
    "batchml": "application/xml",
    "asm": "application/json",
}


@dataclass(frozen=True)
class ImportOptions:
    """How to import.

    Attributes:
        correct_reason: Write readings and results that differ from the record as
            corrections, with this reason; without it they are conflicts.
        is_live: Feed readings and records in the order of their times, one step a frame.
        before_step: Called with the time of each step before it is written.
        on_step: Called with the time of each step after it was written.
        progress: Called with (file, files done, files in all).
        tables: Names of the tables to import; empty: all.
        take: Takes what journals state into the record (`runtime.batch_context.take`).
    """

    correct_reason: str = ""
    is_live: bool = False
    before_step: Callable[[int], None] | None = None
    on_step: Callable[[int], None] | None = None
    progress: Callable[[str, int, int], None] | None = None
    tables: tuple[str, ...] = ()
    take: Take | None = None


class _NoLedger:
    """A ledger with nothing in it, for previews without a site."""

    def select(self, *_: object, **__: object) -> Sequence[Any]:
        return ()

    def stream(self, *_: object) -> Sequence[Any]:
        return ()


def preview(
    card: SourceCard, root: Path | str | None = None, plant: Plant | None = None
) -> Preview:
    """Read all files of a card and say what an import into an empty home would do.

    Raises:
        BadInputError: A file as a whole, or the card, cannot be taken.
        NotFoundError: There is no such folder.
    """
    known = Known(_NoLedger(), is_any_batch_known=True)  # type: ignore[arg-type]
    planner = Planner(card, known, Units(plant), None)
    reports = []
    for table, path, file in files_of(card, card_root(card, root), ()):
        read = planner.read(table, original_of(path, file))
        reports.append(report_of(planner.plan(table, read), ""))
    return Preview(card.name, tuple(reports))


def import_card(
    site: Site,
    card: SourceCard,
    root: Path | str | None = None,
    options: ImportOptions | None = None,
) -> ImportReport:
    """Import all files of a card; the same again adds nothing.

    A file is planned to its end before anything of it is written. A fault in the middle
    leaves what was durable; the same import again completes it and doubles nothing.

    Raises:
        BadInputError: A file as a whole, or the card, cannot be taken; it names the place.
        NotFoundError: There is no such folder, or the plant has no such tag.
        ConflictError: The headers of an array are another axis than the recorded one.
    """
    return _Import(site, card, options or ImportOptions()).run(card_root(card, root))


def import_original(
    site: Site,
    card: SourceCard,
    table: TableSpec,
    original: Original,
    options: ImportOptions | None = None,
) -> FileReport:
    """Import one file whose bytes are here; the same again adds nothing.

    Raises:
        BadInputError: The file as a whole, or the card, cannot be taken; it names the place.
        NotFoundError: The plant has no such tag.
        ConflictError: The headers of an array are another axis than the recorded one.
    """
    return _Import(site, card, options or ImportOptions()).one(table, original)


class _Import:
    """One run of an import."""

    def __init__(self, site: Site, card: SourceCard, options: ImportOptions) -> None:
        self.site, self.card, self.options = site, card, options
        self.known = Known(site.ledger, options.correct_reason)
        units = Units(site.plant)
        self.planner = Planner(card, self.known, units, site.historian, options.correct_reason)
        self.appender = Appender(site.ledger, site.actor.uid)

    def run(self, root: Path) -> ImportReport:
        files = list(files_of(self.card, root, self.options.tables))
        reports: list[FileReport] = []
        plans: list[FilePlan] = []
        seen = set() if self.options.correct_reason else self._seen()
        coming = read_ahead(files, self.planner, lambda *one: one in seen)
        for at, (table, original, read) in enumerate(coming):
            if self.options.progress:
                self.options.progress(original.file, at, len(files))
            repeated = self._repeated(table, original)
            if repeated:
                reports.append(repeated)
                continue
            plan = self.planner.plan(table, read or self.planner.read(table, original))
            self._keep(plan, table)
            if self.options.is_live:
                plans.append(plan)
                continue
            self._write(plan)
            reports.append(self._finish(plan))
        if plans:
            run_live(self.site, self.card.name, plans, self.appender, self.options)
            reports += [self._finish(plan) for plan in plans]
        if self.options.progress and files:
            self.options.progress(files[-1][2], len(files), len(files))
        return ImportReport(self.card.name, tuple(reports))

    def one(self, table: TableSpec, original: Original) -> FileReport:
        """Import a single file."""
        repeated = self._repeated(table, original)
        if repeated:
            return repeated
        try:
            read = self.planner.read(table, original)
        except (GoldenbatchError, OSError):
            raise
        except Exception as error:  # what a reader of damaged bytes throws is not to be listed
            raise BadInputError(
                f"it cannot be read ({type(error).__name__}: {error}).",
                hint="Write it again; if it is as it should be, report it with the file.",
                file=original.file,
            ) from error
        plan = self.planner.plan(table, read)
        self._keep(plan, table)
        self._write(plan)
        return self._finish(plan)

    def _seen(self) -> set[tuple[str, str]]:
        """Name and digest of all files that the card has imported before, in whatever form."""
        rows = self.site.ledger.select("import_file", {"card": self.card.name})
        return {(row["file"], row["digest"]) for row in rows}

    def _repeated(self, table: TableSpec, original: Original) -> FileReport | None:
        """Report of a file that the same card has imported to its end already."""
        file, digest = original.file, original.digest
        row = self._row(file, digest)
        if row is None or self.options.correct_reason:
            return None
        n_unchanged = row["n_rows"] - row["n_rejected"] - row["n_conflicts"]
        return FileReport(
            file=file,
            table=table.name,
            digest=digest,
            n_rows=row["n_rows"],
            n_accepted=0,
            n_unchanged=n_unchanged,
            n_rejected=row["n_rejected"],
            n_conflicts=row["n_conflicts"],
            n_readings=0,
            n_records=0,
            is_repeated=True,
            artefact=row["artefact"],
        )

    def _row(self, file: str, digest: str) -> dict[str, Any] | None:
        where = {"card": self.card.name, "file": file, "digest": digest}
        rows = self.site.ledger.select("import_file", where)
        fitting = [row for row in rows if row["card_digest"] == self.card.digest]
        return fitting[0] if fitting else None

    def _keep(self, plan: FilePlan, table: TableSpec) -> None:
        """Keep the original before anything of it is used; refuse another axis."""
        self._check_events(plan)
        self.site.registry.put(plan.content, _MEDIA.get(table.format, "text/csv"))
        for axis in plan.axes:
            digest = self._put_axis(axis)
            rows = self.site.ledger.select("array_axis", {"tag": axis.tag})
            if rows and rows[0]["artefact"] != digest:
                raise ConflictError(
                    f"{plan.file}: the headers of array {axis.tag!r} are another axis than "
                    "the recorded one.",
                    hint="Import it under a tag of its own.",
                )

    def _put_axis(self, axis: Axis) -> str:
        import json

        text = json.dumps({"axis": axis.values, "unit": axis.unit}, sort_keys=True)
        return self.site.registry.put(text.encode(), "application/json")

    def _check_events(self, plan: FilePlan) -> None:
        """Refuse statements that could not be taken, before anything is written."""
        if plan.stated and self.options.take is None:
            raise BadInputError(
                "it states when batches and phases ran, which cannot be taken here.",
                hint="Import it by `goldenbatch import`.",
                file=plan.file,
            )

    def _write(self, plan: FilePlan) -> None:
        if plan.stated and self.options.take is not None:
            # First, so that what went into a batch finds it.
            plan.note_disagreements(self.options.take([one.said for one in plan.stated]))
            self.appender.forget()
        source = Source(self.card.name, plan.digest, plan.table)
        now = self.site.clock()
        for frame in frames_of(plan.settled.new, source, now):
            self.site.historian.write(frame)
        reason = self.options.correct_reason
        for frame in frames_of(plan.settled.corrections, source, now, reason):
            self.site.historian.write(frame)
        self.appender.append(plan.drafts)

    def _finish(self, plan: FilePlan) -> FileReport:
        """Record that the file was read to its end, unless that says nothing new."""
        lines = as_json_lines(plan)
        artefact = self.site.registry.put(lines, "application/x-ndjson") if lines else ""
        report = report_of(plan, artefact)
        is_new = report.n_accepted or self._row(plan.file, plan.digest) is None
        conflicts = self._new_conflicts(plan)
        bodies: list[Body] = []
        if plan.refused and is_new:
            bodies.append(
                RowsQuarantined(
                    card=self.card.name,
                    file=plan.file,
                    digest=plan.digest,
                    artefact=artefact,
                    n_rows=len(plan.refused),
                    reasons=plan.reasons,
                )
            )
        bodies += conflicts
        if is_new or conflicts:
            bodies.append(self._imported(plan, report))
        self.appender.forget()
        stream = import_stream(self.card.name)
        self.appender.append([Draft(stream, body) for body in bodies])
        return report

    def _imported(self, plan: FilePlan, report: FileReport) -> FileImported:
        return FileImported(
            card=self.card.name,
            card_digest=self.card.digest,
            card_table=plan.table,
            file=plan.file,
            digest=plan.digest,
            **plan.counts,
            n_readings=report.n_readings,
            n_records=report.n_records,
            artefact=report.artefact,
            reason=self.options.correct_reason,
            axes={axis.tag: self._put_axis(axis) for axis in plan.axes},
            notes=report.notes,
        )

    def _new_conflicts(self, plan: FilePlan) -> list[ConflictFound]:
        """Events of the contradictions that were not shown before."""
        if not plan.conflicts:
            return []
        where = {"card": self.card.name, "what": sorted({one.what for one in plan.conflicts})}
        shown = {
            (row["what"], row["key"], row["stored"], row["offered"])
            for row in self.site.ledger.select("conflict", where)
        }
        fresh = [
            one
            for one in plan.conflicts
            if (one.what, one.key, one.stored, one.offered) not in shown
        ]
        return [
            ConflictFound(card=self.card.name, file=plan.file, **asdict(one))
            for one in fresh[:MAX_CONFLICT_EVENTS]
        ]
