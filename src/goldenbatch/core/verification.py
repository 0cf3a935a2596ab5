"""Verification of a home as an event: who had everything checked, when, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from goldenbatch.core.records import Body, Micros, record_type

VERIFICATION_STREAM: Final = "verification/home"
MAX_TOLD: Final = 100


@record_type
class HomeVerified(Body):
    """Somebody had everything that is stored checked.

    Attributes:
        n_events: Events that the ledger held when it began.
        is_ok: Whether nothing speaks against the home.
        n_problems: How many things are not as they were recorded, notes not among them.
        problems: The first of them, in words.
        counts: What was looked at, and how much of it.
        started_at: When it began.
    """

    n_events: int = Field(ge=0)
    is_ok: bool
    n_problems: int = Field(ge=0)
    problems: tuple[str, ...] = Field(default=(), max_length=MAX_TOLD)
    counts: Mapping[str, int] = Field(default_factory=dict)
    started_at: Micros
