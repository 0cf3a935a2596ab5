"""Records of tiers: which files went to a cheaper place by URL, chained, one a step.

File `tiers/<number>.json`: the SHA-256 of the rest in hexadecimal, a line feed, and JSON. Each
record is written when the files lie whole and checked in the tier, before they are taken out of
the table at home; what a crash cuts short there is done again from it. The records, and not the
tier's own Delta log, say what lies where: a home opens and reads while the tier is away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import ReadingKind
from goldenbatch.core.tiering import MovedFile, ReadingsMoved, ReadingsTakenOut
from goldenbatch.stores.historian import _files, _manifest
from goldenbatch.stores.historian._manifest import FileEntry

FOLDER = "tiers"
TIER_APP = "goldenbatch-tier"


@dataclass(frozen=True)
class Tier:
    """A place for readings of days long past.

    Attributes:
        name: Short name, as the policy gives it.
        url: Such as `s3://bucket/site-archive`, or a folder: `file:///mnt/archive/site`.
    """

    name: str
    url: str


@dataclass(frozen=True)
class TierStep:
    """Files that came into a tier, or went from it for good.

    Attributes:
        number: From 1, over all kinds and tiers.
        tier: Name of the tier.
        url: Where it was at that time.
        kind: Of the readings.
        at: Microseconds UTC.
        previous: Digest of the record before it.
        added: Files that came, the same bytes as at home.
        removed: Files that went: their readings were deleted, or put elsewhere.
        why: On whose word.
    """

    number: int
    tier: str
    url: str
    kind: ReadingKind
    at: int
    previous: str
    added: tuple[FileEntry, ...] = ()
    removed: tuple[FileEntry, ...] = ()
    why: str = ""

    def body(self) -> ReadingsMoved | ReadingsTakenOut:
        """What is recorded in the ledger."""
        made = ReadingsMoved if self.added else ReadingsTakenOut
        return made(
            step=self.number,
            tier=self.tier,
            url=self.url,
            readings=self.kind,
            files=tuple(_moved(file) for file in (*self.added, *self.removed)),
            why=self.why,
        )


def _moved(file: FileEntry) -> MovedFile:
    n_readings = int(json.loads(file.stats)["numRecords"])
    return MovedFile(
        path=file.path, date=file.date, digest=file.sha256, n_bytes=file.size, n_readings=n_readings
    )


@dataclass(frozen=True)
class Tiers:
    """Where files are that are not at home.

    Attributes:
        records: All steps, by number.
    """

    records: tuple[TierStep, ...] = ()

    @property
    def last(self) -> str:
        """Digest by which the next record names the newest; of none: empty."""
        return digest_of(self.records[-1]) if self.records else ""

    @cached_property
    def ever(self) -> Mapping[tuple[str, str], TierStep]:
        """By kind and path, the step by which a file came, also of those that went."""
        return {(one.kind, file.path): one for one in self.records for file in one.added}

    @cached_property
    def now(self) -> Mapping[tuple[str, str], tuple[TierStep, FileEntry]]:
        """By kind and path, the files that lie in tiers."""
        found: dict[tuple[str, str], tuple[TierStep, FileEntry]] = {}
        for one in self.records:
            found.update({(one.kind, file.path): (one, file) for file in one.added})
            for file in one.removed:
                found.pop((one.kind, file.path), None)
        return found

    def of_kind(self, kind: str) -> dict[str, tuple[TierStep, FileEntry]]:
        """Files of a kind that lie in tiers, by path."""
        return {path: one for (own, path), one in self.now.items() if own == kind}

    def held_by(self, tier: Tier, kind: str) -> dict[str, FileEntry]:
        """Files of a kind that lie in a tier, by path."""
        return {
            path: file
            for path, (step, file) in self.of_kind(kind).items()
            if (step.tier, step.url) == (tier.name, tier.url)
        }

    def has_any(self, kind: str) -> bool:
        """Whether files of a kind have ever been in a tier."""
        return any(own == kind for own, _ in self.ever)

    def urls(self) -> dict[str, str]:
        """Tiers that hold or have held files: name to URL."""
        return {one.tier: one.url for one in self.records}


def _body(one: TierStep) -> bytes:
    return json.dumps(asdict(one), ensure_ascii=False, separators=(",", ":")).encode()


def digest_of(one: TierStep) -> str:
    """Digest of a record."""
    return hashlib.sha256(_body(one)).hexdigest()


def store(folder: Path, one: TierStep) -> None:
    """Write a record, durable on return."""
    _files.make_dir(folder / FOLDER)
    _files.write_atomic(folder / FOLDER / f"{one.number:020d}.json", _manifest.seal(_body(one)))


def load(folder: Path) -> Tiers:
    """All records, each checked to follow the one before it.

    Raises:
        IntegrityError: One was changed or is missing; names it.
    """
    records: list[TierStep] = []
    previous = ""
    for path in sorted((folder / FOLDER).glob("*.json")):
        said = json.loads(_manifest.unseal(path))
        for name in ("added", "removed"):
            said[name] = tuple(FileEntry(**item) for item in said[name])
        one = TierStep(**said)
        if one.number != len(records) + 1 or one.previous != previous:
            raise IntegrityError(
                f"{path} does not follow step {len(records)}.",
                hint="Restore the folder from the home's backup.",
            )
        records.append(one)
        previous = digest_of(one)
    return Tiers(tuple(records))


def next_step(
    known: Tiers, tier: Tier, kind: ReadingKind, at: int, why: str, *,
    added: Iterable[FileEntry] = (), removed: Iterable[FileEntry] = (),
) -> TierStep:  # fmt: skip
    """The record that follows the newest one."""
    return TierStep(
        len(known.records) + 1, tier.name, tier.url, kind, at, known.last, tuple(added),
        tuple(removed), why,
    )  # fmt: skip
