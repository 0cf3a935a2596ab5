"""A day's file goes to a tier, in steps each of which may be done again after a crash.

1. checked at home; 2. copied, durable; 3. read back from there, its digest compared;
4. recorded (`_tiers`); 5. put into the tier's own Delta table, for other engines; 6. taken out of
the table at home; 7. when no reader can need it any more, checked there once more and taken off
the disk at home. Before the record nothing has happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from goldenbatch.core.errors import IntegrityError, UnreachableError
from goldenbatch.core.records import Recorder
from goldenbatch.core.tiering import TIER_STREAM
from goldenbatch.stores.historian import _files, _tiers
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._delta import adds, home_snapshot, remove, transact
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._tiers import Tier, TierStep

if TYPE_CHECKING:
    from goldenbatch.core.series import ReadingKind

SETTLED = "settled.json"


@dataclass(frozen=True)
class Shifter:
    """Brings files to tiers.

    Attributes:
        folder: The historian's folder.
        cold: Its tables.
        recorder: Takes each step; None: recorded later.
        on_step: Told the name of each step that was done.
    """

    folder: Path
    cold: Cold
    recorder: Recorder | None
    on_step: Callable[[str], None]

    def copy(self, tier: Tier, file: FileEntry) -> None:
        """Copy a file and read it back from there; nothing else is touched.

        Raises:
            IntegrityError: It is not what was written, here or there.
            UnreachableError: The tier is away.
        """
        self.cold.require_whole(file)
        source, place = self.cold.local(file), self.cold.place
        self.on_step("tier checked")
        place.require_there(tier)
        words = f"tier {tier.name!r} at {tier.url}"
        place.ask(tier, words, lambda there: there.take(file.kind, file.path, source))
        self.on_step("tier copied")
        self.require_copied(tier, file)
        self.on_step("tier read back")

    def require_copied(self, tier: Tier, file: FileEntry) -> None:
        """Refuse when what lies in the tier is not the file.

        Raises:
            IntegrityError: Names it.
            UnreachableError: The tier is away.
        """
        words = f"tier {tier.name!r} at {tier.url}"
        path = self.cold.place.ask(
            tier, words, lambda there: there.fresh(file.kind, file.path, file.size)
        )
        if _files.file_digest(path) != file.sha256:
            raise IntegrityError(
                f"{tier.url}/{file.kind}/{file.path} is not what was copied there.",
                hint="Nothing was taken away at home: see to the tier, then move it again.",
            )

    def put(
        self, tier: Tier, kind: ReadingKind, files: Sequence[FileEntry], at: int, why: str
    ) -> TierStep:
        """Record copied files as lying in the tier, and bring both tables to it."""
        known = self.cold.place.tiers()
        record = _tiers.next_step(known, tier, kind, at, why, added=files)
        _tiers.store(self.folder, record)
        self.on_step("tier noted")
        self.record()
        self.on_step("tier recorded")
        self.reconcile(tier, kind)
        self._note_listed(record.number)
        self.on_step("tier listed")
        self.cold.leave(record)
        self.on_step("tier left")
        return record

    def record(self) -> None:
        """Let the ledger have the steps that it lacks; the same again does nothing."""
        if self.recorder is None:
            return
        settled = load_settled(self.folder)
        records = self.cold.place.tiers().records
        for one in records[settled.recorded :]:
            self.recorder.record(TIER_STREAM, one.number, one.body())
        if len(records) > settled.recorded:
            store_settled(self.folder, replace(settled, recorded=len(records)))

    def recover(self) -> None:
        """Finish what a crash has cut short; the tier itself need not be there."""
        newest: dict[str, TierStep] = {}
        for one in self.cold.place.tiers().records:
            if one.added:
                newest[one.kind] = one
        self.record()
        for one in newest.values():
            self.cold.leave(one)
        self._list_anew()

    def _list_anew(self) -> None:
        """Let the tables of tiers follow the steps that they missed; of one that is away, later."""
        records = self.cold.place.tiers().records
        missed = records[load_settled(self.folder).listed :]
        is_away = False
        for tier, kind in dict.fromkeys((Tier(one.tier, one.url), one.kind) for one in missed):
            try:
                self.reconcile(tier, kind)
            except (UnreachableError, IntegrityError):  # what is wrong there, verification names
                is_away = True
        if missed and not is_away:
            self.note_all_listed()

    def note_all_listed(self) -> None:
        """Keep that the tables of all tiers follow all steps."""
        n = len(self.cold.place.tiers().records)
        store_settled(self.folder, replace(load_settled(self.folder), listed=n))

    def _note_listed(self, number: int) -> None:
        settled = load_settled(self.folder)
        if settled.listed == number - 1:  # else the tables of others still lack something
            store_settled(self.folder, replace(settled, listed=number))

    def reconcile(self, tier: Tier, kind: ReadingKind) -> None:
        """Let the tier's own Delta table name just the files that the records say are there."""
        there = self.cold.place.require_there(tier)
        wanted = self.cold.place.tiers().held_by(tier, kind)
        held = {file.name: file for file in home_snapshot(there, kind).files}
        gone = [
            FileEntry(kind, name, one.size, "", name[5:15], one.stats)
            for name, one in held.items()
            if name not in wanted
        ]
        actions = [remove(file, at_ms=0, is_new=True) for file in gone]
        actions += adds([wanted[name] for name in wanted.keys() - held.keys()], is_new=True)
        if actions:
            words = f"tier {tier.name!r} at {tier.url}"
            self.cold.place.ask(
                tier, words, lambda place: transact(place, kind, None, actions, is_first=True)
            )

    def _keep_whole(self, tier: Tier, file: FileEntry) -> None:
        """See that a tier has a file whole before its last copy at home goes."""
        try:
            self.require_copied(tier, file)
        except IntegrityError:
            self.copy(tier, file)

    def drop(self, before: int) -> tuple[int, int, int]:
        """Take copies off the disk at home whose tier has had them since a time.

        Returns:
            Files that went, their bytes, and files that stay for now.

        Raises:
            IntegrityError: A tier does not hold a file though it was copied anew; it stays.
            UnreachableError: A tier is away; what it is to hold stays at home.
        """
        done, n_files, n_bytes, n_left = load_settled(self.folder).n, 0, 0, 0
        records = self.cold.place.tiers().records
        now = self.cold.place.tiers().now
        for one in records[done:]:
            if one.at > before:
                n_left += sum(len(later.added) for later in records[one.number - 1 :])
                break
            for file in one.added:
                if (file.kind, file.path) in now and self.cold.place.home.has(one.kind, file.path):
                    self._keep_whole(Tier(one.tier, one.url), file)
                    self.cold.place.home.delete(one.kind, [file.path])
                    n_files, n_bytes = n_files + 1, n_bytes + file.size
            store_settled(self.folder, replace(load_settled(self.folder), n=one.number))
            self.on_step("tier settled")
        return n_files, n_bytes, n_left


@dataclass(frozen=True)
class SettledUpto:
    """How far steps have come; lost, it is found again by doing what was done.

    Attributes:
        n: Last step whose files were taken off the disk at home.
        recorded: Last step that the ledger has.
        listed: Last step that the tiers' own tables follow, and all before it.
    """

    n: int = 0
    recorded: int = 0
    listed: int = 0


def load_settled(folder: Path) -> SettledUpto:
    """How far steps have come."""
    path = folder / SETTLED
    return SettledUpto(**json.loads(path.read_bytes())) if path.exists() else SettledUpto()


def store_settled(folder: Path, settled: SettledUpto) -> None:
    """Keep how far steps have come."""
    _files.write_atomic(folder / SETTLED, json.dumps(asdict(settled)).encode())


def take_out(folder: Path, cold: Cold, files: Iterable[FileEntry], at: int, why: str) -> set[Tier]:
    """Record that files lie in tiers no more; gives the tiers whose tables must follow."""
    found: dict[tuple[Tier, str], list[FileEntry]] = {}
    now = cold.place.tiers().now
    for file in {(one.kind, one.path): one for one in files}.values():
        if (file.kind, file.path) in now:
            step = now[file.kind, file.path][0]
            found.setdefault((Tier(step.tier, step.url), file.kind), []).append(file)
    for (tier, kind), own in found.items():
        known = cold.place.tiers()
        kind_ = cast("ReadingKind", kind)
        record = _tiers.next_step(known, tier, kind_, at, why, removed=own)
        _tiers.store(folder, record)
    return {tier for tier, _ in found}
