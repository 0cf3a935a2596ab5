"""Credibility of the twins (ASME V&V 40): every reference replayed, every error with its limit."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from goldenbatch.capabilities.twin.references import Case, Row, cases
from goldenbatch.core.errors import NotFoundError
from goldenbatch.science.errors import MissingEngineError

Outcome = Literal["within", "outside", "reported", "absent", "failed"]
Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Line:
    """One line of the report.

    Attributes:
        case: Of which reference.
        file: First file of its group; empty where there was none.
        outcome: `reported` has no limit; `absent` had no data; `failed` could not be replayed.
        row: The figures; None where there are none.
        reason: Why there are none.
    """

    case: Case
    file: str
    outcome: Outcome
    row: Row | None = None
    reason: str = ""

    @property
    def kind(self) -> str:
        """Verification, calibration or validation."""
        return (self.row.kind if self.row else None) or self.case.kind


@dataclass(frozen=True)
class Credibility:
    """All lines, and what they cost.

    Attributes:
        lines: In the order of the cases.
        cpu_s: CPU seconds by case and file.
    """

    lines: tuple[Line, ...]
    cpu_s: dict[str, float]

    @property
    def counts(self) -> dict[str, int]:
        """Lines by outcome."""
        return dict(Counter(line.outcome for line in self.lines))

    @property
    def is_good(self) -> bool:
        """Whether nothing is outside its limit or failed."""
        return not {"outside", "failed"} & set(self.counts)

    @property
    def has_rows(self) -> bool:
        """Whether anything was replayed at all: a folder without data proves nothing."""
        return any(line.row is not None for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        rows = [
            {
                "reference": line.case.name, "model": line.case.model, "file": line.file,
                "kind": line.kind, "outcome": line.outcome, "reason": line.reason,
                **(_figures(line.row) if line.row else {}),
            }
            for line in self.lines
        ]  # fmt: skip
        return {"is_good": self.is_good, "counts": self.counts, "rows": rows, "cpu_s": self.cpu_s}


def _figures(row: Row) -> dict[str, Any]:
    return {
        "quantity": row.quantity, "reference_value": row.reference, "found": row.found,
        "error": row.error, "measure": row.measure, "limit": row.limit, "note": row.note,
    }  # fmt: skip


def verify(data: Path, only: Sequence[str] = (), step: Step | None = None) -> Credibility:
    """Replay the references that are found below a folder.

    Args:
        data: With a folder for each source.
        only: Names of cases; empty: all.
        step: Told the progress.

    Raises:
        NotFoundError: There is no such folder, or no case of a name.
    """
    if not data.is_dir():
        raise NotFoundError(f"folder {data} does not exist.", hint="Name it with --data.")
    chosen = _chosen(only)
    work = [(case, group) for case in chosen for group in case.groups(data) or [()]]
    lines: list[Line] = []
    cpu_s: dict[str, float] = {}
    for number, (case, group) in enumerate(work, start=1):
        begun = time.process_time()
        lines += _replayed(case, group)
        if group or not case.pattern:
            cpu_s[f"{case.name}/{group[0].name if group else 'papers'}"] = round(
                time.process_time() - begun, 2
            )
        if step is not None:
            step(number, len(work))
    return Credibility(tuple(lines), cpu_s)


def _chosen(only: Sequence[str]) -> list[Case]:
    known = cases()
    names = {case.name for case in known}
    for name in only:
        if name not in names:
            raise NotFoundError(
                f"there is no reference {name!r}.", hint=f"There are: {', '.join(sorted(names))}."
            )
    return [case for case in known if not only or case.name in only]


def _replayed(case: Case, group: Sequence[Path]) -> list[Line]:
    if not group and case.pattern:
        reason = f"no {case.pattern} in {case.folder}"
        return [Line(case, "", "absent", reason=reason)]
    missing = [one.name for one in group if not one.exists()]
    if missing:
        return [Line(case, group[0].name, "absent", reason=f"{missing[0]} is missing")]
    name = group[0].name if group else "papers"
    try:
        rows = case.run(group)
    except MissingEngineError as error:
        return [Line(case, name, "absent", reason=str(error))]
    except Exception as error:  # damaged data of others must not hide the other references
        return [Line(case, name, "failed", reason=f"{type(error).__name__}: {error}")]
    if not rows:
        return [Line(case, name, "failed", reason="it holds nothing to replay")]
    return [Line(case, name, _outcome(row), row) for row in rows]


def _outcome(row: Row) -> Outcome:
    if row.is_within is None:
        return "reported"
    return "within" if row.is_within else "outside"
