"""Events that the runtime itself records, beside those of core."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from goldenbatch.core.people import UID_PATTERN
from goldenbatch.core.records import Body, DataClass, Micros, record_type


@record_type
class AnalystRetired(Body):
    """An analyst was taken from its work; its findings stay."""

    name: str
    reason: str = Field(min_length=1)


@record_type
class AnalystFailed(Body):
    """An analyst could not assess a tick; it is tried again at the next wake."""

    name: str
    tick: int = Field(ge=1)
    error: str = Field(min_length=1, max_length=1000)


@record_type
class TicksSkipped(Body):
    """Ticks that an analyst could not assess were given up, since it was adopted anew."""

    name: str
    first: int = Field(ge=1, description="Number of the first tick that was given up.")
    last: int = Field(ge=1, description="Number of the last one.")


@record_type
class PasswordRejected(Body):
    """A wrong password was given for an account, when signing or signing in."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN)


@record_type
class AccountLocked(Body):
    """An account was locked after too many wrong passwords."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN)
    n_attempts: int = Field(ge=1)
    since: Micros


@record_type
class AccountUnlocked(Body):
    """A locked account was opened again by an administrator."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN)
    reason: str = Field(min_length=1)


class _OfBackup(Body):
    """Which backup of the home, and what it holds."""

    snapshot: str = Field(min_length=1, description="Name of the snapshot in its folder.")
    manifest_digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its manifest.")
    n_events: int = Field(ge=0, description="Events that it holds.")
    root: str = Field(pattern=r"^[0-9a-f]{64}$", description="Root of the tree over them.")
    n_frames: int = Field(ge=0, description="Number of the last frame that it holds.")


@record_type
class BackupMade(_OfBackup):
    """A backup of the home was written and read back."""

    n_files: int = Field(ge=0, description="Files that it holds.")
    n_bytes: int = Field(ge=0, description="Bytes that it holds.")
    n_new_bytes: int = Field(ge=0, description="Bytes that were not there from one before.")
    has_keys: bool = Field(description="Whether it holds the keys, encrypted.")
    is_same_disk: bool = Field(description="Whether it lies on the disk of the home itself.")


@record_type
class RestoreDrilled(_OfBackup):
    """A backup was restored for trial, into a folder that was thrown away, and verified."""

    is_ok: bool = Field(description="Whether all was restored and verified.")
    n_problems: int = Field(ge=0, description="What did not verify.")
    problems: tuple[str, ...] = Field(default=(), description="The first ten, in words.")


@record_type
class ReadingsRepaired(Body):
    """Damaged or lost files of readings were replaced by the same ones from a backup."""

    files: tuple[str, ...] = Field(min_length=1, description="Paths in the historian's folder.")
    source: str = Field(min_length=1, description="Where the good files came from.")
    quarantine: str = Field(default="", description="Where the damaged ones were put.")


@record_type
class BatchArchived(Body):
    """The whole record of a batch was written into an archive."""

    batch: str = Field(min_length=1)
    sums_digest: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the archive's list of digests."
    )
    n_files: int = Field(ge=1, description="Files in the list.")
    n_events: int = Field(ge=1, description="Events in its proof.")
    n_readings: int = Field(ge=0, description="Readings in its table.")


class _OfMove(Body):
    """From where to where a ledger goes."""

    from_place: str = Field(min_length=1, description="`file`, or the database, no password.")
    to_place: str = Field(min_length=1, description="`file`, or the database, no password.")
    n_events: int = Field(ge=0, description="Events before this one.")
    root: str = Field(pattern=r"^[0-9a-f]{64}$", description="Root of the tree over them.")


@record_type
class LedgerMoved(_OfMove):
    """The ledger leaves for another database: nothing more is appended where it was."""


@record_type
class LedgerArrived(_OfMove):
    """The ledger goes on here, copied and verified row by row."""


@record_type
class LedgerMoveCancelled(Body):
    """A move of the ledger was given up before it was finished; it goes on where it was."""

    to_place: str = Field(min_length=1, description="Where it was to go.")
    reason: str = Field(min_length=1, max_length=1000)
