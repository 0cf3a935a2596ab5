"""The verbs of tiers: what lies where, and days long past that go to a cheaper place."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from goldenbatch.core.errors import DeniedError, NotFoundError, UnreachableError
from goldenbatch.core.records import Recorder
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.core.site import Window
from goldenbatch.core.tiering import DayFile
from goldenbatch.stores.historian import _manifest, _tiers
from goldenbatch.stores.historian._compaction import Compactor
from goldenbatch.stores.historian._delta import cold_file
from goldenbatch.stores.historian._manifest import FileEntry
from goldenbatch.stores.historian._shifting import Shifter
from goldenbatch.stores.historian._tiers import Tier
from goldenbatch.stores.historian._upkeep import Upkeep, _window

Guard = Callable[[DayFile], Sequence[str]]
"""Why a file must stay where it is, in words; nothing: it may go."""

Wanted = Callable[[Window, str], bool]


@dataclass(frozen=True)
class Settled:
    """What was taken off the disk at home, since tiers have it.

    Attributes:
        n_files: Files that went.
        n_bytes: Their size.
        n_left: Files that are in a tier and stay at home for now.
        away: Tiers that could not be reached, in words.
    """

    n_files: int
    n_bytes: int
    n_left: int
    away: tuple[str, ...] = ()


@dataclass(frozen=True)
class TierHeld:
    """What a tier holds, by the records of the home.

    Attributes:
        n_files: Files.
        n_bytes: Their size.
        first: First day of them, ISO 8601; empty: none.
        last: Last day.
        away: Why it cannot be reached, in words; empty: it can.
    """

    name: str
    url: str
    n_files: int
    n_bytes: int
    first: str
    last: str
    away: str


class Tiering(Upkeep):
    """Part of `Historian`: tiers."""

    _recorder: Recorder | None

    def _shifter(self) -> Shifter:
        return Shifter(self._folder, self._cold, self._recorder, self._on_step)

    def days(self, wanted: Wanted | None = None) -> Iterator[DayFile]:
        """Files that hold the readings now, by kind and day, wherever they lie.

        Args:
            wanted: Only files of whose day and tier (empty: at home) it is true; None: all.
        """
        for kind in KINDS:
            now = self._cold.place.tiers().of_kind(kind)
            for file in self.table_files(kind):
                tier = now[file.path][0].tier if file.path in now else ""
                if wanted is None or wanted(_window(file.date), tier):
                    yield self._day(kind, file)

    def _day(self, kind: ReadingKind, file: FileEntry) -> DayFile:
        bounds = cold_file(file.path, file)
        step = self._cold.place.tiers().now.get((kind, file.path))
        # All tags of the hand-overs that may have rows in it: rather one too many than too few.
        manifests = self._manifests_of(file)
        tags = {
            leaf.tag
            for one in manifests
            for chunk in one.chunks
            for leaf in chunk.leaves
            if leaf.kind == kind
        }
        return DayFile(
            kind=kind,
            path=file.path,
            date=file.date,
            window=_window(file.date),
            n_readings=bounds.n_rows,
            n_bytes=file.size,
            digest=file.sha256,
            tags=frozenset(tags),
            is_compacted=file.path in self._lineage.added(kind),
            tier=step[0].tier if step is not None else "",
        )

    def _manifests_of(self, file: FileEntry) -> list[_manifest.Manifest]:
        own: Compactor = self._compactor()
        return own.manifests([file])

    def move(
        self, tier: Tier, chosen: Sequence[DayFile], guard: Guard, why: str = "by hand"
    ) -> tuple[DayFile, ...]:
        """Bring files of days to a tier: copied, checked there, recorded, then out of the table.

        Reads go on over both. The copies at home stay until `settle`. A crash leaves a file at
        home or in the tier, never in neither.

        Args:
            tier: Where to.
            chosen: Files, as `days` gives them.
            guard: Asked for each just before it is recorded: why it must stay.
            why: On whose word, such as the policy and its rules.

        Returns:
            What went.

        Raises:
            DeniedError: One must stay; nothing of its kind went.
            IntegrityError: A file is not what was written, here or there; nothing was changed.
            UnreachableError: The tier is away; nothing was changed.
            WriteRefusedError: The disk is full or broken.
        """
        self._writer()
        done: list[DayFile] = []
        with self._upkeep_lock:
            self._cold.place.forget_away()
            self._cold.place.claim(tier)
            for kind, group in itertools.groupby(
                sorted(chosen, key=lambda one: (one.kind, one.path)), key=lambda one: one.kind
            ):
                done += self._move_kind(tier, cast("ReadingKind", kind), list(group), guard, why)
        return tuple(done)

    def _move_kind(
        self, tier: Tier, kind: ReadingKind, days: Sequence[DayFile], guard: Guard, why: str
    ) -> list[DayFile]:
        files = [self._living(kind, one) for one in days]
        for file in files:
            self._shifter().copy(tier, file)
        log = self._writer()
        with self._flush_lock, self._refusing():
            for day in days:
                self._living(kind, day)  # deleted or moved meanwhile?
                if reasons := guard(day):
                    raise DeniedError(
                        f"the readings ({kind}) of {day.date} must stay: {'; '.join(reasons)}.",
                        hint="Nothing was moved.",
                    )
            self._shifter().put(tier, kind, files, self._clock(), why)
            snapshot = self._cold.snapshot(kind)
            with log.lock:
                self._loaded.cold = {**self._loaded.cold, kind: snapshot}
        return list(days)

    def _living(self, kind: ReadingKind, day: DayFile) -> FileEntry:
        now = self._cold.place.tiers().now
        for file in self.table_files(kind):
            if file.path == day.path and (kind, file.path) not in now:
                return file
        raise NotFoundError(
            f"{kind}/{day.path} holds no readings at home any more.", hint="See what there is."
        )

    def settle(self, now: int | None = None) -> Settled:
        """Take copies off the disk at home whose tier has had them for `keep_superseded_s`.

        Each is read in its tier once more before; tables of tiers that were away are brought
        up to date.

        Raises:
            IntegrityError: A tier holds something else than was brought there.
            WriteRefusedError: The disk is full or broken.
        """
        self._writer()
        moment = self._clock() if now is None else now
        before = moment - self._settings.keep_superseded_s * 1_000_000
        away: list[str] = []
        with self._upkeep_lock, self._flush_lock, self._refusing():
            self._cold.place.forget_away()
            for name, url in self._cold.place.tiers().urls().items():
                for kind in KINDS:
                    try:
                        if self._cold.place.tiers().has_any(kind):
                            self._shifter().reconcile(Tier(name, url), kind)
                    except UnreachableError as error:
                        away.append(str(error))
                        break
            if away:
                return Settled(0, 0, 0, tuple(away))
            self._shifter().note_all_listed()
            return Settled(*self._shifter().drop(before))

    def tiers(self) -> tuple[TierHeld, ...]:
        """Tiers that hold readings, and whether they can be reached."""
        self._cold.place.forget_away()
        known = self._cold.place.tiers()
        return tuple(self._held(known, Tier(name, url)) for name, url in known.urls().items())

    def _held(self, known: _tiers.Tiers, tier: Tier) -> TierHeld:
        own = [file for step, file in known.now.values() if step.tier == tier.name]
        away = ""
        try:
            self._cold.place.require_there(tier)
        except UnreachableError as error:
            away = error.message
        dates = sorted(file.date for file in own)
        return TierHeld(
            tier.name,
            tier.url,
            len(own),
            sum(file.size for file in own),
            dates[0] if dates else "",
            dates[-1] if dates else "",
            away,
        )
