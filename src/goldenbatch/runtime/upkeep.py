"""What a home does once a day for its readings: closed days compacted, superseded files removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.holds import active_holds
from goldenbatch.core.records import DataClass, NewEvent, to_iso
from goldenbatch.core.retention import Item
from goldenbatch.runtime.events import ReadingsRepaired
from goldenbatch.runtime.tiering import TieringRun

if TYPE_CHECKING:
    from pathlib import Path

    from goldenbatch.core.site import Window
    from goldenbatch.runtime.local import LocalSite


@dataclass(frozen=True)
class Day:
    """A day of one kind of readings whose files became one."""

    date: str
    kind: str
    n_files: int
    n_bytes: int


@dataclass(frozen=True)
class Tended:
    """What was done.

    Attributes:
        days: Days that were compacted.
        n_removed: Superseded files that were removed.
        n_bytes_removed: Their size.
        n_kept: Superseded files that stay: too young, under a hold, or in use by a reader.
        tiering: What went to cheaper places.
    """

    days: tuple[Day, ...]
    n_removed: int
    n_bytes_removed: int
    n_kept: int
    tiering: TieringRun = field(default_factory=TieringRun)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)


def compact(site: LocalSite) -> Tended:
    """Compact the closed days of a home, remove what was superseded a week ago, move what is old.

    Nothing is deleted by it: every reading, with all its versions, lies in the new files, whose
    digests were compared before the old ones left the table. Files of a day that a legal hold
    covers stay all the same.

    Raises:
        IntegrityError: A file is not what was written; it is named, nothing was changed.
        WriteRefusedError: The disk is full or broken; nothing was changed.
    """
    done = site.historian.compact()
    removed = site.historian.vacuum(holding(site))
    days = tuple(
        Day(one.date, one.kind, len(one.removed), sum(file.size for file in one.added))
        for one in done
    )
    tiering = site.retention.tiering.run()
    return Tended(days, removed.n_files, removed.n_bytes, removed.n_kept, tiering)


def repair(site: LocalSite, backup: Path | None = None) -> dict[str, Any]:
    """Replace damaged or lost files of readings, from the log or a restored backup; record it.

    Args:
        site: The home.
        backup: Folder of a restored home; None: only from the log, which has the newest ones.

    Raises:
        BadInputError: The folder holds no readings.
    """
    source = backup / "historian" if backup is not None else None
    if source is not None and not source.is_dir():
        raise BadInputError(
            f"{backup} is no restored home.", hint="Restore a backup into an empty folder first."
        )
    found = site.historian.repair(source)
    restored = [one.path for one in found if one.is_restored]
    if restored:
        stream = "backup/home"
        body = ReadingsRepaired(
            files=tuple(restored),
            source=str(backup or "the log"),
            quarantine="historian/quarantine",
        )
        version = site.ledger.version(stream)
        site.ledger.append([NewEvent(stream, body, version, actor=site.actor.uid)])
    missing = [one.path for one in found if not one.is_restored]
    return {"restored": restored, "missing": missing}


def holding(site: LocalSite) -> Callable[[Window], bool]:
    """Says whether a legal hold may cover readings of a window; in doubt it does."""
    holds = active_holds(site.ledger.select("hold", {"is_active": 1}))

    def is_held(window: Window) -> bool:
        item = Item(
            "readings",
            f"readings of {to_iso(window[0])}",
            frozenset({"chunk/"}),
            frozenset(DataClass),
            batches=None,
            places=None,
            tags=None,
            window=window,
        )
        return any(hold.scope.covers(item) for hold in holds)

    return is_held
