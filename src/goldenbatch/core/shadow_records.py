"""Shadows: a candidate runs beside the version that serves; its outputs are never acted upon.

How the two are compared is fixed when the shadow begins: measure, margin, largest loss that counts
and confidence. What came of it is recorded when it ends.

References:
    EU GMP Annex 22, draft of July 2025, 10.3, 10.4; FDA, Predetermined Change Control Plan
    (December 2024), VIII.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import Field, model_validator

from goldenbatch.core.model_card import DIGEST
from goldenbatch.core.model_records import ModelBody
from goldenbatch.core.records import Event, record_type

DAY_US: Final = 86_400_000_000
_TAG: Final = re.compile(r"_shadow_[1-9][0-9]*_(value|lower|upper)$")


def is_shadow_tag(tag: str) -> bool:
    """Whether a tag is of what a candidate in shadow said: kept, and never acted upon.

    >>> is_shadow_tag("site/tank/glucose_shadow_2_value"), is_shadow_tag("site/tank/glucose_value")
    (True, False)
    """
    return _TAG.search(tag) is not None


class ShadowVerdict(StrEnum):
    """What a paired comparison has shown so far."""

    BETTER = "better"
    NOT_SHOWN = "not shown"
    WORSE = "worse"


@record_type
class ShadowStarted(ModelBody):
    """A trained version began to run beside the one that serves.

    Attributes:
        digest: Artefact that runs in shadow.
        against: Version that serves, and that it is compared with.
        against_digest: Its artefact.
        clause: Part of a change plan that asks for it, `plan@version#update`; empty: none does.
        reason: Why.
        measure: Loss that is compared: absolute or squared error.
        margin: How much more loss is still not worse, in the unit of the loss; 0: none.
        maximum: Largest absolute error that counts, in the unit of the output; larger ones, and
            a missing prediction where the other one has one, count as this.
        confidence: Of each statement, however often somebody looks.
    """

    digest: str = Field(pattern=DIGEST)
    against: int = Field(ge=1)
    against_digest: str = Field(pattern=DIGEST)
    clause: str = ""
    reason: str = Field(min_length=1)
    measure: Literal["mae", "mse"] = "mae"
    margin: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    maximum: float = Field(gt=0, allow_inf_nan=False)
    confidence: float = Field(default=0.95, ge=0.8, lt=1)

    @model_validator(mode="after")
    def _is_a_comparison(self) -> ShadowStarted:
        if self.against == self.version:
            raise ValueError("a version runs beside another one")
        if self.margin >= self.largest_loss:
            raise ValueError("a margin as large as the largest loss shows nothing")
        return self

    @property
    def largest_loss(self) -> float:
        """Largest loss of one row."""
        return self.maximum if self.measure == "mae" else self.maximum**2


@record_type
class ShadowEnded(ModelBody):
    """A shadow was ended; what it has shown stands here.

    Attributes:
        started: Version of its `ShadowStarted` in the stream.
        digest: Artefact that ran.
        against: Version that it ran beside.
        verdict: What was shown by then, at the confidence fixed at the start.
        n_batches: Batches in which it ran.
        n_rows: Rows that it was asked for.
        n_references: Results of the laboratory that were paired.
        n_groups: Batches that the comparison rests on.
        mean: Mean difference of losses, new minus old; None: nothing was compared.
        lower, upper: Interval of it that holds at all times together.
        finding: The finding with the whole comparison; empty: nothing ran.
        finding_version: Its version.
        reason: Why it was ended.
    """

    supersedes: ClassVar[tuple[str, ...]] = ()

    started: int = Field(ge=1)
    digest: str = Field(pattern=DIGEST)
    against: int = Field(ge=1)
    verdict: ShadowVerdict
    n_batches: int = Field(ge=0)
    n_rows: int = Field(ge=0)
    n_references: int = Field(ge=0)
    n_groups: int = Field(ge=0)
    mean: float | None = None
    lower: float | None = None
    upper: float | None = None
    finding: str = ""
    finding_version: int = Field(default=0, ge=0)
    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class ShadowPeriod:
    """One shadow of one version.

    Attributes:
        started: How it began.
        number: Version of that event in the stream.
        seq: Its number in the ledger.
        began_at: When it was recorded.
        ended: How it ended; None: it runs.
        ended_at: When that was recorded; 0: it runs.
    """

    started: ShadowStarted
    number: int
    seq: int
    began_at: int
    ended: ShadowEnded | None = None
    ended_at: int = 0

    @property
    def days(self) -> float:
        """Days from its start to its end; 0 while it runs."""
        return (self.ended_at - self.began_at) / DAY_US if self.ended is not None else 0.0


def shadow_periods(events: Iterable[Event]) -> tuple[ShadowPeriod, ...]:
    """Shadows of a version, folded from its stream; what begins or ends out of turn counts not."""
    found: list[ShadowPeriod] = []
    for event in events:
        body, at = event.decode(), event.envelope.recorded_at
        is_running = bool(found) and found[-1].ended is None
        if isinstance(body, ShadowStarted) and not is_running:
            found.append(ShadowPeriod(body, event.envelope.version, event.seq, at))
        elif isinstance(body, ShadowEnded) and is_running and body.started == found[-1].number:
            found[-1] = replace(found[-1], ended=body, ended_at=at)
    return tuple(found)
