"""What a verification found, in plain words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was recorded.

    Attributes:
        where: Table and key, such as `event seq=5` or `node level=0 idx=4`.
        message: What is wrong, in plain words.
        seq: Number of the event that it concerns, if known.
        stream: Stream of that event, if known.
        is_note: True when it is worth knowing but does not speak against the ledger.
    """

    where: str
    message: str
    seq: int | None = None
    stream: str | None = None
    is_note: bool = False

    def __str__(self) -> str:
        """Place and message on one line."""
        return f"{self.where}: {self.message}"
