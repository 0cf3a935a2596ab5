"""Rules that read batches and phases off tags: `context/<name>.toml` of a home."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.acquisition import NAME
from goldenbatch.core.batch_context import Boundary, Statement
from goldenbatch.core.settling import Change

__all__ = [
    "FOLDER", "RANKS", "Change", "Running", "TagRule", "as_text", "is_batch", "load_ranks",
    "load_rule", "statements",
]  # fmt: skip

FOLDER = "context"
RANKS = "source-ranks.toml"
"""File beside the rules that says which source prevails: `sources = ["mes", "tank"]`."""
MAX_BATCH = 180
"""Characters of a batch's identifier, as `core.batches.Name` has them."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class TagRule(BaseModel):
    """How batches and phases of a place are read off its tags.

    A batch runs while `batch_tag` has its identifier, a phase while `phase_tag` has the value
    that `phases` names. Readings of bad quality and missing ones say nothing: what was goes on.

    Attributes:
        name: That of the file; also the source of the statements.
        place: Where the batch is made and the phases run.
        batch_tag: Tag with the identifier of the batch, text or number.
        idle: Values of it that mean that there is none.
        phase_tag: Tag with the phase; empty: the batch has one phase, `phase`.
        phases: Value of the phase tag to name of the phase; one that is not named is none.
        phase: Name of the one phase, where there is no tag.
        product: Code of the product, where the batch is made here first.
        product_tag: Tag with it instead.
        aborted: Values of the phase tag by which the batch was aborted.
        lookback_s: How far back it looks for where a late reading belongs.
        settle_s: A value counts once it has held for so long, and from its own time on; faster
            changes are flapping, which is told and makes no boundaries. 0: every change counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME.pattern)
    place: str = Field(min_length=1)
    batch_tag: str = Field(min_length=1)
    idle: tuple[str, ...] = ("", "0")
    phase_tag: str = ""
    phases: dict[str, str] = Field(default_factory=dict)
    phase: str = ""
    product: str = ""
    product_tag: str = ""
    aborted: tuple[str, ...] = ()
    lookback_s: float = Field(default=30 * 86400.0, gt=0)
    settle_s: float = Field(default=2.0, ge=0, le=86400)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that it reads."""
        named = (self.batch_tag, self.phase_tag, self.product_tag)
        return tuple(one for one in named if one)


def load_rule(path: Path) -> TagRule:
    """Read one rule.

    Raises:
        BadInputError: The file is no rule; names file, line and key.
    """
    text = path.read_text(encoding="utf-8")
    data = {"name": path.stem, **read_toml(text, str(path))}
    try:
        return TagRule.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, str(path)) from error


class _Ranks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> _Ranks:
        doubled = [one for one in self.sources if self.sources.count(one) > 1]
        if doubled:
            raise ValueError(f"source {doubled[0]!r} stands twice in the ranks")
        return self


def load_ranks(home: Path) -> tuple[str, ...]:
    """Sources by their rank, the best first; none where a home declares none.

    Raises:
        BadInputError: The file is not well formed; names file, line and key.
    """
    path = home / FOLDER / RANKS
    if not path.exists():
        return ()
    text = path.read_text(encoding="utf-8")
    try:
        return _Ranks.model_validate(read_toml(text, str(path))).sources
    except ValidationError as error:
        raise bad_key(error, text, str(path)) from error


def as_text(value: Any) -> str | None:
    """A value of a tag as rules name it; None: it says nothing.

    >>> as_text(3.0), as_text(" B7 "), as_text(float("nan"))
    ('3', 'B7', None)
    """
    if value is None:
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return str(value).strip()


def is_batch(rule: TagRule, value: str) -> bool:
    """Whether a value of the batch tag is the identifier of a batch.

    One that no record can hold is none: what is read then belongs to no batch.

    >>> rule = TagRule(name="tank", place="site/tank", batch_tag="site/tank/batch")
    >>> is_batch(rule, "B7"), is_batch(rule, "0"), is_batch(rule, "B" * 300)
    (True, False, False)
    """
    is_name = len(value) <= MAX_BATCH and not _CONTROL.search(value)
    return is_name and value not in rule.idle


@dataclass
class Running:
    """What runs by the values that a rule has read so far."""

    batch: str = ""
    phase: str = ""
    product: str = ""
    is_aborted: bool = False


def statements(
    rule: TagRule, changes: Sequence[Change], running: Running | None = None
) -> Iterator[Statement]:
    """Boundaries that the values of the tags tell of, in order.

    Values of one moment are one change: a phase never runs for no time between two of them.

    Args:
        rule: The rule.
        changes: Values of its tags.
        running: What runs before the first of them; it is carried on.
    """
    now = running if running is not None else Running()
    ordered = sorted(changes, key=lambda change: change.at)
    for at, together in groupby(ordered, key=lambda change: change.at):
        before = Running(now.batch, now.phase, now.product)
        for one in together:
            _apply(rule, now, one)
        yield from _changed(rule, before, now, at)
        if before.batch != now.batch:
            now.is_aborted = False


def _apply(rule: TagRule, now: Running, one: Change) -> None:
    if one.tag == rule.product_tag:
        now.product = one.value
    if one.tag == rule.phase_tag:
        now.is_aborted = now.is_aborted or one.value in rule.aborted
        now.phase = rule.phases.get(one.value, "")
    if one.tag == rule.batch_tag:
        now.batch = one.value if is_batch(rule, one.value) else ""
        if not rule.phase_tag:
            now.phase = rule.phase if now.batch else ""


def _changed(rule: TagRule, before: Running, now: Running, at: int) -> Iterator[Statement]:
    is_other = before.batch != now.batch
    if before.batch and before.phase and (is_other or before.phase != now.phase):
        yield _say(rule, Boundary.PHASE_ENDED, before, at)
    if before.batch and is_other:
        outcome = "aborted" if now.is_aborted else "completed"
        yield _say(rule, Boundary.BATCH_ENDED, before, at, {"outcome": outcome})
    if now.batch and is_other:
        product = now.product or rule.product
        yield _say(rule, Boundary.BATCH_STARTED, now, at, {"product": product})
    if now.batch and now.phase and (is_other or before.phase != now.phase):
        yield _say(rule, Boundary.PHASE_STARTED, now, at)


def _say(
    rule: TagRule, what: Boundary, running: Running, at: int, head: dict[str, str] | None = None
) -> Statement:
    phase = running.phase if "phase" in what.value else ""
    return Statement(rule.name, what, running.batch, at, rule.place, phase, head=head or {})
