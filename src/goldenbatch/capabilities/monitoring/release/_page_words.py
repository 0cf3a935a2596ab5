"""Words and times as the page of evidence shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from goldenbatch.core.config import banner
from goldenbatch.core.records import EPOCH, HomeKind

if TYPE_CHECKING:
    from goldenbatch.core.findings import Evidence


class When:
    """Times in the zone of the home, with its offset.

    Args:
        zone: IANA name.
    """

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def __call__(self, micros: int | None) -> str:
        """A time for people; nothing where there is none."""
        if micros is None:
            return ""
        moment = EPOCH + timedelta(microseconds=micros)
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S %z")


def banner_of(kind: HomeKind) -> str:
    """Kind of the home, and that nothing outside production is for GMP use."""
    return banner(kind) or f"{kind.value} home"


def evidence_words(one: Evidence, when: When) -> str:
    """A piece of evidence in a line."""
    if one.kind == "window":
        return (
            f"{one.n_readings} readings of {one.tag}, {when(one.start)} to {when(one.end)}, "
            f"as of frame {one.as_of}, SHA-256 {one.digest}"
        )
    if one.kind == "record":
        return f"{one.stream}@{one.version}, leaf {one.digest}"
    return f"artefact {one.digest}"
