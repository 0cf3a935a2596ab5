"""Tiering of readings: which days go to which cheaper place when, by a signed, versioned policy.

A policy names places by URL, and rules by class of data and tag. A day's readings of one kind lie
in one file; it goes when all its tags fall under rules that send them to the same place and the
longest of their times at home is over. A place off the site takes operational data only. What no
rule names stays: tiering fails closed. Nothing is thinned or deleted by it.

References:
    21 CFR 211.180(c), 11.10(c); EU GMP Annex 11 (2011), 7.1, 17.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._periods import Period
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.holds import Hold
from goldenbatch.core.people import HASH_PATTERN
from goldenbatch.core.put_forward import PutForward, TextPutForward, in_force, put_forward
from goldenbatch.core.records import Body, DataClass, Event, record_type
from goldenbatch.core.retention import Item, day

TIERING_STREAM: Final = "master/tiering"
TIER_STREAM: Final = "tier/home"
ON_SITE: Final = frozenset({DataClass.CONFIDENTIAL, DataClass.PERSONAL})
"""Classes of data that never leave the site."""
MAX_NAMED: Final = 3


@dataclass(frozen=True)
class DayFile:
    """A file with readings of one kind and day, as the historian keeps them.

    Attributes:
        kind: Of its readings.
        path: Its name in the table.
        date: The day in UTC, ISO 8601.
        window: The day, half-open, microseconds.
        n_readings: Readings in it, all versions.
        n_bytes: Its size.
        digest: SHA-256 of its bytes.
        tags: Tags that have readings in it, or may have.
        is_compacted: Whether it is the one file of its day.
        tier: Where it lies; empty: at home.
    """

    kind: str
    path: str
    date: str
    window: tuple[int, int]
    n_readings: int
    n_bytes: int
    digest: str
    tags: frozenset[str]
    is_compacted: bool
    tier: str = ""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class TierPlace(_Strict):
    """A cheaper place.

    Attributes:
        name: Short name, recorded with every move.
        url: `s3://bucket/site`, `abfss://...`, `gs://...` or `file:///folder`. Keys and endpoint
            come from the environment, and never stand here.
        is_on_site: Whether it lies on the site, so that confidential data may go there.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    url: str = Field(pattern=r"^[a-z0-9]+://[^@?\s]+$")
    is_on_site: bool = False


class TieringRule(_Strict):
    """One row of a policy.

    Attributes:
        data_classes: Classes of data that it counts for.
        tags: Patterns of tags, such as `site/offices/*`; empty: all.
        stay: Period (ISO 8601) for which a day stays at home after it ended.
        tier: Where it goes then.
        hold_stops_moving: Whether a legal hold keeps it at home; it always stops deletion.
        source: Whose decision it is, or the clause that asks for it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1)
    data_classes: tuple[DataClass, ...] = Field(min_length=1)
    tags: tuple[str, ...] = ()
    stay: str
    tier: str
    hold_stops_moving: bool = False
    source: str = Field(min_length=1)

    @field_validator("stay")
    @classmethod
    def _is_period(cls, stay: str) -> str:
        Period.parse(stay)
        return stay

    def counts_for(self, tag: str, data_class: DataClass) -> bool:
        """Whether it is about readings of a tag."""
        is_named = not self.tags or any(fnmatchcase(tag, one) for one in self.tags)
        return is_named and data_class in self.data_classes


class TieringPolicy(_Strict):
    """A versioned table of tiers and rules; the first rule that counts for a tag is its own."""

    schema_: Literal["goldenbatch/tiering/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    tiers: tuple[TierPlace, ...] = Field(min_length=1)
    rules: tuple[TieringRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> TieringPolicy:
        for names in ([one.name for one in self.tiers], [one.name for one in self.rules]):
            if doubled := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"two have the name {doubled[0]!r}")
        known = {one.name: one for one in self.tiers}
        for rule in self.rules:
            if rule.tier not in known:
                raise ValueError(f"rule {rule.name!r} names tier {rule.tier!r}, which is not there")
            held = ON_SITE & set(rule.data_classes)
            if held and not known[rule.tier].is_on_site:
                words = " and ".join(sorted(one.value for one in held))
                raise ValueError(
                    f"rule {rule.name!r} sends {words} data to {rule.tier!r}, which is off the site"
                )
        return self

    def place(self, name: str) -> TierPlace:
        """The tier of a name."""
        return next(one for one in self.tiers if one.name == name)

    def may_end(self, end: int, now: int) -> bool:
        """Whether any rule lets a day go by now that ended at a moment: a first look."""
        ends = [Period.parse(rule.stay).after(end) for rule in self.rules]
        return any(one is not None and one <= now for one in ends)

    def digest(self) -> str:
        """SHA-256 of the canonical text of the table; comments do not count."""
        values = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(canonical_text(values).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class Goes:
    """A day's file goes to a tier.

    Attributes:
        rules: Rules that say so.
        since: Since when its time at home is over.
    """

    tier: TierPlace
    rules: tuple[str, ...]
    since: int


@dataclass(frozen=True)
class Stays:
    """A day's file stays where it is, and why: all reasons."""

    reasons: tuple[str, ...]


def may_move(
    file: DayFile,
    item: Item,
    classes: Mapping[str, DataClass],
    policy: TieringPolicy | None,
    holds: Iterable[Hold],
    now: int,
) -> Goes | Stays:
    """Decide whether a day's file goes to a tier; what cannot be shown to be free stays.

    Args:
        file: The file.
        item: The same for legal holds: its batches, places, tags, window.
        classes: Class of data of each tag of the plant; one that it lacks counts as confidential.
        policy: The one in force; None: none is.
        holds: Holds that count.
        now: Present time.

    >>> file = DayFile("number", "a", "2026-01-01", (0, 1), 1, 1, "", frozenset({"x"}), True)
    >>> item = Item("readings", "a", frozenset(), frozenset())
    >>> may_move(file, item, {}, None, (), 0).reasons
    ('no policy of tiering is in force',)
    """
    if file.tier:
        return Stays((f"it lies in tier {file.tier!r}",))
    if policy is None:
        return Stays(("no policy of tiering is in force",))
    reasons = [] if file.is_compacted else ["its day has not been compacted yet"]
    rules, unruled = _rules_of(file, classes, policy)
    reasons += unruled
    tiers = {rule.tier for rule in rules}
    if len(tiers) > 1:
        reasons.append(f"its tags go to different tiers: {', '.join(sorted(tiers))}")
    if not file.tags:
        reasons.append("nobody can say which tags are in it")
    ends = [Period.parse(rule.stay).after(file.window[1]) for rule in rules]
    end = max((one for one in ends if one is not None), default=0)
    if None in ends or now < end:
        until = "for ever" if None in ends else f"until {day(end)}"
        reasons.append(f"it stays at home {until} (rule {', '.join(one.name for one in rules)})")
    stopping = [rule.name for rule in rules if rule.hold_stops_moving]
    for one in holds if stopping else ():
        if one.scope.covers(item):
            reasons.append(f"hold {one.hold} covers it, and rule {stopping[0]} heeds it")
    if reasons:
        return Stays(tuple(dict.fromkeys(reasons)))
    return Goes(policy.place(rules[0].tier), tuple(rule.name for rule in rules), end)


def _rules_of(
    file: DayFile, classes: Mapping[str, DataClass], policy: TieringPolicy
) -> tuple[list[TieringRule], list[str]]:
    """Rules that count for a file's tags, and why some have none."""
    found: dict[str, TieringRule] = {}
    without: list[str] = []
    for tag in sorted(file.tags):
        own = classes.get(tag, DataClass.CONFIDENTIAL)
        rule = next((one for one in policy.rules if one.counts_for(tag, own)), None)
        if rule is not None:
            found.setdefault(rule.name, rule)
        else:
            known = own.value if tag in classes else "of no class that the plant names"
            without.append(f"no rule sends tag {tag!r} ({known}) anywhere")
    more = len(without) - MAX_NAMED
    return list(found.values()), without[:MAX_NAMED] + (
        [f"nor {more} more tags"] if more > 0 else []
    )


# ---- in the ledger --------------------------------------------------------------------------


@record_type
class TieringAdopted(TextPutForward):
    """A policy of tiering was put forward; it counts once another person approves it.

    Attributes:
        text: The policy as TOML, whole.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("TieringAdopted",)


class MovedFile(_Strict):
    """A file of readings that was moved."""

    path: str = Field(min_length=1, description="Its name in the table of its kind.")
    date: str = Field(description="The day of its readings, in UTC.")
    digest: str = Field(pattern=HASH_PATTERN, description="SHA-256 of its bytes, here and there.")
    n_bytes: int = Field(ge=0, description="Its size.")
    n_readings: int = Field(ge=0, description="Readings in it, all versions.")


class _OfTier(Body):
    """A step of a tier."""

    step: int = Field(ge=1, description="Number of the step, and version of the stream.")
    tier: str = Field(description="Name of the tier.")
    url: str = Field(description="Where it is.")
    readings: str = Field(description="Kind of the readings.")
    files: tuple[MovedFile, ...] = Field(min_length=1, description="Which files.")
    why: str = Field(min_length=1, description="On whose word.")


@record_type
class ReadingsMoved(_OfTier):
    """Readings of days long past were moved to a tier: copied, checked there, then let go here."""


@record_type
class ReadingsTakenOut(_OfTier):
    """Files went from a tier: their readings were deleted, or those that stay are at home again."""


def load_policy(text: str, file: str = "") -> TieringPolicy:
    """Read a policy from TOML.

    Raises:
        BadInputError: It is none; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return TieringPolicy.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def first_tiering_text() -> str:
    """TOML text of a policy for a site to start from: its URL must be put in."""
    return files("goldenbatch.core").joinpath("data", "tiering.toml").read_text("utf-8")


def tiering_adopted(text: str, effective_from: int, reason: str) -> TieringAdopted:
    """The event that puts a policy forward.

    Raises:
        BadInputError: The text is no policy, or no reason is given.
    """
    policy = load_policy(text, "tiering.toml")
    if not reason.strip():
        raise BadInputError("a policy is adopted for a reason.", key="reason")
    return TieringAdopted(
        version=policy.version,
        digest=policy.digest(),
        effective_from=effective_from,
        text=text,
        reason=reason,
    )


def adopted_policies(events: Sequence[Event]) -> tuple[PutForward[TieringAdopted], ...]:
    """All policies in the stream `master/tiering`, in their order."""
    return put_forward(events, TieringAdopted)


def policy_at(events: Sequence[Event], now: int) -> TieringPolicy | None:
    """The policy in force at a time: of the approved ones the one effective last."""
    best = in_force(adopted_policies(events), now)
    return _loaded(best.body.text) if best is not None else None


@lru_cache(maxsize=4)
def _loaded(text: str) -> TieringPolicy:
    return load_policy(text, TIERING_STREAM)
