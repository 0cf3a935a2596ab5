"""What became of the files of an import, for people and for `--json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from goldenbatch.connectors.tabular._plan import FilePlan
from goldenbatch.core.errors import BadInputError

MAX_CONFLICT_EVENTS = 1000
"""Contradictions of one file that get events of their own; all stand in its artefact."""

_N_SHOWN = 20


@dataclass(frozen=True)
class Problem:
    """A row that was refused, or that contradicts the record."""

    file: str
    line: int
    kind: str
    reason: str


@dataclass(frozen=True)
class FileReport:
    """What became of one file; the four counts of rows add up to `n_rows`.

    Attributes:
        is_repeated: The file was imported before by the same card; nothing was done.
        artefact: Digest of the refused and conflicting rows in the registry; empty: none.
        problems: The first refused and conflicting rows.
        n_contradictions: Distinct contradictions; one may stand in many rows.
    """

    file: str
    table: str
    digest: str
    n_rows: int
    n_accepted: int
    n_unchanged: int
    n_rejected: int
    n_conflicts: int
    n_readings: int
    n_records: int
    n_contradictions: int = 0
    is_repeated: bool = False
    artefact: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to report rows that are not accounted for."""
        total = self.n_accepted + self.n_unchanged + self.n_rejected + self.n_conflicts
        if total != self.n_rows:
            raise BadInputError(
                f"{self.file}: {self.n_rows} rows were read, but {total} are accounted for.",
                hint="This is a defect of goldenbatch: report it with the file.",
            )


@dataclass(frozen=True)
class ImportReport:
    """What became of all files of a card."""

    card: str
    files: tuple[FileReport, ...]

    def total(self, name: str) -> int:
        """Sum of a count over the files, such as `n_rows`."""
        return sum(int(getattr(one, name)) for one in self.files)

    def as_json(self) -> dict[str, Any]:
        """Totals and files, for `--json`."""
        totals = {name: self.total(name) for name in _COUNTS}
        return {"card": self.card, **totals, "files": [asdict(one) for one in self.files]}


Preview = ImportReport
"""What an import would do, as far as it can be said without doing it."""

_COUNTS = (
    "n_rows",
    "n_accepted",
    "n_unchanged",
    "n_rejected",
    "n_conflicts",
    "n_contradictions",
    "n_readings",
    "n_records",
)


def report_of(plan: FilePlan, artefact: str) -> FileReport:
    """What became of the rows of a plan."""
    problems = [
        Problem(plan.file, one.line, one.kind, one.reason)
        for one in (*plan.refused[:_N_SHOWN], *plan.conflict_rows[:_N_SHOWN])
    ]
    notes = list(plan.notes)
    if len(plan.conflicts) > MAX_CONFLICT_EVENTS:
        notes.append(
            f"{len(plan.conflicts)} contradictions: the first {MAX_CONFLICT_EVENTS} have events, "
            "all stand in the artefact"
        )
    return FileReport(
        file=plan.file,
        table=plan.table,
        digest=plan.digest,
        **plan.counts,  # type: ignore[arg-type]
        n_readings=plan.n_readings,
        n_records=len(plan.drafts) + len(plan.stated),
        n_contradictions=len(plan.conflicts),
        artefact=artefact,
        reasons=plan.reasons,
        problems=tuple(problems),
        notes=tuple(notes),
    )
