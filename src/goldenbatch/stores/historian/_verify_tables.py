"""Whether the cold tables hold what the hand-overs wrote, wherever compactions have put it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from goldenbatch.core.errors import IntegrityError, UnreachableError
from goldenbatch.core.series import KINDS, ReadingKind
from goldenbatch.stores.historian import _compactions, _files, _tiers
from goldenbatch.stores.historian._cold import Cold
from goldenbatch.stores.historian._compactions import Lineage
from goldenbatch.stores.historian._delta import ColdFile, home_snapshot
from goldenbatch.stores.historian._delta_log import Made, check_delta_log
from goldenbatch.stores.historian._groups import groups_of
from goldenbatch.stores.historian._handover import Name, differences
from goldenbatch.stores.historian._manifest import FileEntry, Manifest
from goldenbatch.stores.historian._merge import Tally, tally_file
from goldenbatch.stores.historian._places import Place
from goldenbatch.stores.historian._shifting import load_settled
from goldenbatch.stores.historian._tiers import Tier

Found = Iterator[tuple[str, str]]
"""Where, and what is wrong there."""


@dataclass(frozen=True)
class HandOvers:
    """Hand-overs that are finished or begun, and those whose readings were deleted."""

    finished: tuple[Manifest, ...]
    begun: tuple[Manifest, ...]
    gone: Collection[int]

    @property
    def kept(self) -> tuple[Manifest, ...]:
        """Those whose readings must be there."""
        return tuple(one for one in (*self.finished, *self.begun) if one.n not in self.gone)


@dataclass(frozen=True)
class Both:
    """Records of what was compacted and of what went to tiers."""

    lineage: Lineage
    tiers: _tiers.Tiers


@dataclass(frozen=True)
class Tables:
    """The cold tables, looked at from the bytes on the disk."""

    folder: Path
    cold: Cold
    name: Name

    def check(self, held: HandOvers) -> Found:
        """All that is wrong with the tables."""
        try:
            lineage = _compactions.load(self.folder)
        except (IntegrityError, ValueError, TypeError, KeyError) as error:
            yield str(self.folder / _compactions.FOLDER), str(error)
            lineage = Lineage()
        try:
            self.cold.place.forget_away()
            tiers = self.cold.place.tiers()
        except (IntegrityError, ValueError, TypeError, KeyError) as error:
            yield str(self.folder / _tiers.FOLDER), str(error)
            return
        yield from self._check_tiers(tiers)
        done = self._done(lineage)
        yield from self._check_own(held, done)
        for kind in KINDS:
            yield from self._check_moved(held, done, kind)
            yield from self._check_table(held, Both(lineage, tiers), done, kind)

    def _check_tiers(self, tiers: _tiers.Tiers) -> Found:
        """Each tier is there, and its own Delta table names what the records say lies in it."""
        for name, url in tiers.urls().items():
            try:
                tier = Tier(name, url)
                place = self.cold.place.require_there(tier)
                for kind in KINDS:
                    own = tiers.held_by(tier, kind)
                    held = home_snapshot(place, kind).files if tiers.has_any(kind) else ()
                    if not self._is_listed(tiers, tier, kind, held):
                        yield (
                            f"{url}/{kind}",
                            "the table of the tier does not name what lies in it; "
                            "`goldenbatch tiering run` puts it right",
                        )
                    for file in own.values():
                        yield from self._check_copy(place, file)
            except (UnreachableError, IntegrityError) as error:
                yield url, str(error)

    def _is_listed(
        self, tiers: _tiers.Tiers, tier: Tier, kind: ReadingKind, held: Iterable[ColdFile]
    ) -> bool:
        """Whether a tier's table names what lies there, or lay there before a step under way.

        A step counts once it is sealed at home; the tier's table follows, after a death at the
        next opening.
        """
        said = {one.name: (one.size, one.stats) for one in held}
        listed = min(load_settled(self.folder).listed, len(tiers.records))
        for n in range(len(tiers.records), listed - 1, -1):
            own = _tiers.Tiers(tiers.records[:n]).held_by(tier, kind)
            if said == {path: (file.size, file.stats) for path, file in own.items()}:
                return True
        return False

    def _check_copy(self, place: Place, file: FileEntry) -> Found:
        """What a tier has of a file whose copy at home is read until it is settled."""
        if not self.cold.place.home.has(file.kind, file.path):
            return  # it is read from the tier, and checked as what it is
        where = place.path(file.kind, file.path)
        try:
            path = place.fresh(file.kind, file.path, file.size)
        except IntegrityError as error:
            yield where, str(error)
            return
        if _files.file_digest(path) != file.sha256:
            yield where, "the tier's copy was changed; that at home is whole until it is settled"

    def _done(self, lineage: Lineage) -> Lineage:
        """Compactions that are in the tables; the newest may just be on its way."""
        if not lineage.records:
            return lineage
        newest = lineage.records[-1]
        try:
            seen = self.cold.snapshot(newest.kind).compaction
        except (IntegrityError, TypeError, KeyError, AttributeError):
            return lineage
        return lineage if seen >= newest.number else Lineage.of(lineage.records[:-1])

    def _check_own(self, held: HandOvers, done: Lineage) -> Found:
        """Hand-overs whose rows lie where they were written."""
        for manifest in held.kept:
            if done.has_moved(manifest):
                continue
            for file in manifest.files:
                yield from self._check_file(file, f"the file of hand-over {manifest.n} was changed")
            for message in differences(manifest, self.cold, self.name):
                yield f"hand-over {manifest.n}", message

    def _check_file(self, file: FileEntry, message: str) -> Found:
        where = self.cold.place.path(file.kind, file.path)
        try:
            path = self.cold.place.fresh(file.kind, file.path, file.size)
        except UnreachableError as error:
            yield where, f"cannot be checked: {error}"
            return
        except IntegrityError as error:
            yield where, "the file is missing" if "missing" in str(error) else str(error)
            return
        if _files.file_digest(path) != file.sha256:
            yield where, message

    def _check_moved(self, held: HandOvers, done: Lineage, kind: ReadingKind) -> Found:
        """Hand-overs whose rows lie in compacted files, by the digests in their manifests."""
        moved = [one for one in held.kept if done.has_moved(one)]
        own = [file for one in moved for file in one.files if file.kind == kind]
        files = sorted(done.living(own), key=lambda file: (file.date, file.path))
        away: list[FileEntry] = []
        tally = Tally(groups_of((*held.finished, *held.begun), kind), kind, self.name)
        for file in files:
            yield from self._check_file(file, "the compacted file was changed")
            try:
                tally_file(self.cold.local(file), tally)
            except UnreachableError:
                away.append(file)  # said already
            except (IntegrityError, IndexError) as error:
                yield self.cold.place.path(kind, file.path), str(error)
            tally.settle()
        hidden = {one.n for one in moved if set(done.living(one.files)) & set(away)}
        yield from _wrong(tally, {one.n for one in moved} - hidden)

    def _check_table(self, held: HandOvers, both: Both, done: Lineage, kind: ReadingKind) -> Found:
        """The Delta table must hold just the living files, with their bounds."""
        all_ = (*held.finished, *held.begun)
        files = [file for one in held.finished if one.n not in held.gone
                 for file in one.files if file.kind == kind]  # fmt: skip
        allowed = {file.path for one in held.begun for file in one.files if file.kind == kind}
        allowed |= {path for path, _ in both.lineage.added(kind).items()}
        known = {
            file.path: (one.n, file) for one in all_ for file in one.files if file.kind == kind
        }
        made = Made(known, held.gone, both.lineage, both.tiers)
        if not self.cold.place.has_table(kind):
            if files:
                yield self.cold.place.uri(kind), "the Delta table is missing"
            return
        yield from check_delta_log(self.cold.place.log_folder(kind), kind, made)
        try:
            there = {file.name: file for file in self.cold.snapshot(kind).files}
        except (IntegrityError, TypeError, KeyError, AttributeError) as error:
            yield self.cold.place.uri(kind), str(error)
            return
        for file in done.living(files):
            own, where = there.pop(file.path, None), self.cold.place.path(kind, file.path)
            if own is None:
                yield where, "is not in the Delta table"
            elif own.size != file.size or own.stats != file.stats:
                yield where, "its entry in the Delta log was changed"
        for name in there.keys() - allowed:
            yield self.cold.place.path(kind, name), "no hand-over has written it"


def _wrong(tally: Tally, numbers: Collection[int]) -> Found:
    """Leaves of hand-overs that the rows do not give, and rows that are of none of them."""
    found = tally.digests()
    groups = tally.groups
    for (group, label), leaf in groups.leaves.items():
        n, source = groups.names[group]
        if n not in numbers or (group, label) in tally.right:
            continue
        n_held, digest = found.pop(_key(tally, group, label), (0, ""))
        if (n_held, digest) != (leaf.n_readings, leaf.digest):
            yield (
                f"hand-over {n}",
                (
                    f"tag {label!r} of chunk {source}/{groups.chunks[group]}: its {n_held} stored "
                    f"readings are not the {leaf.n_readings} that were written"
                ),
            )
    for group, tag in found:
        n, source = groups.names[group] if group >= 0 else (0, "")
        yield (
            f"hand-over {n}",
            (
                f"tag {tally.name(tag)!r} has readings in hand-over {n} that no frame of "
                f"{source!r} brought"
            ),
        )


def _key(tally: Tally, group: int, label: str) -> tuple[int, int]:
    tags = {tally.name(tag): tag for own, tag in tally.counts if own == group}
    return group, tags.get(label, -1)
