"""Inspection: what of the records was taken away, by whom, and by what it can be known again."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from goldenbatch.core.people import UID_PATTERN
from goldenbatch.core.records import Body, DataClass, Micros, record_type

PREFIX: Final = "inspection/"
DIGEST: Final = r"^[0-9a-f]{64}$"


@record_type
class CopyTaken(Body):
    """A copy of records was made for somebody to take away."""

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    copy_id: str = Field(min_length=1, description="Identifier of the copy, in its README too.")
    handed_by: str = Field(pattern=UID_PATTERN, description="Who made it, by password.")
    recipient: str = Field(min_length=1, description="Who takes it, as a name.")
    reason: str = Field(min_length=1, description="For what.")
    batches: tuple[str, ...] = Field(default=(), description="These batches; empty: all records.")
    since: Micros | None = Field(default=None, description="Only records from this time on.")
    withheld: tuple[str, ...] = Field(default=(), description="Classes of data left out.")
    upto_seq: int = Field(ge=1, description="Newest event that the copy proves.")
    n_events: int = Field(ge=0, description="Events in its exports.")
    n_files: int = Field(ge=1, description="Files in its list of digests.")
    sums_digest: str = Field(pattern=DIGEST, description="SHA-256 of its list of digests.")


@record_type
class RecordsRead(Body):
    """An inspector, who reads for a limited time, asked for something and may have been shown it.

    The same question asked again within a minute is recorded once.
    """

    data_class: ClassVar[DataClass] = DataClass.PERSONAL

    uid: str = Field(pattern=UID_PATTERN, description="Who read.")
    method: str = Field(max_length=10, description="Of the call.")
    path: str = Field(max_length=500, description="What was asked for, below the API.")
    query: str = Field(default="", max_length=2000, description="Filters in the address.")
    body: str = Field(default="", max_length=2000, description="Filters in the call, cut off.")


def reads_stream(uid: str) -> str:
    """Stream of what an inspector has read."""
    return f"{PREFIX}read/{uid}"
