"""Retention: how long what must be kept, by a signed, versioned schedule.

A schedule is a table of rules. Each says for which things it counts (records by the first part
of their stream, artefacts, readings; by class of data; of a batch or of none) and until when
they are kept: the latest of its terms, each a start and a period. A term whose start is not
known never ends, and what no rule names is kept: retention fails closed.

References:
    21 CFR 211.180(a), 11.10(c); EU GMP Part I, 4.11, 4.12; Regulation (EU) 2016/679, 17(3)(b).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import ClassVar, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._periods import Period
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.put_forward import PutForward, TextPutForward, in_force, put_forward
from goldenbatch.core.records import DataClass, Event, record_type, to_iso

RETENTION_STREAM: Final = "master/retention"

What = Literal["record", "artefact", "readings"]
OfBatch = Literal["any", "with", "without"]
BATCH_STARTS: Final = ("ended", "expiry", "certified", "released", "rejected")
OWN_STARTS: Final = ("recorded", "account closed")
FOREVER: Final = "forever"
_ALL: Final[tuple[What, ...]] = ("record", "artefact", "readings")


@dataclass(frozen=True)
class BatchDates:
    """The dated facts of a batch that start a clock.

    Attributes:
        dates: Name of a start (`BATCH_STARTS`) to microseconds UTC; what is not known is absent.
    """

    batch: str
    dates: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Item:
    """Something that may once be deleted, with all that the decision must know of it.

    None in `batches`, `places`, `tags` or `window` means that nobody can say: the item is then
    taken to be concerned. Empty means none.

    Attributes:
        what: A record's content, an artefact of the registry, or readings of a hand-over.
        ref: Its name for people and in the proposal, such as `batch/B7`.
        streams: Streams that it belongs to; of a record its own.
        classes: Classes of its data.
        dates: Its own starts: `recorded` (by the ledger's clock), `account closed`.
        batches: Batches that it documents.
        places: Places that it is about.
        tags: Tags whose readings are in it.
        window: What time it is about, half-open.
        named_in: Records that cannot be attributed without it, such as those that a person
            has signed.
        fixed: Why it is never deleted; empty: it may be.
    """

    what: What
    ref: str
    streams: frozenset[str]
    classes: frozenset[DataClass]
    dates: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    batches: tuple[BatchDates, ...] | None = ()
    places: frozenset[str] | None = frozenset()
    tags: frozenset[str] | None = frozenset()
    window: tuple[int, int] | None = None
    named_in: tuple[Item, ...] = ()
    fixed: str = ""

    @property
    def kinds(self) -> frozenset[str]:
        """First parts of its streams."""
        return frozenset(stream.partition("/")[0] for stream in self.streams)


@dataclass(frozen=True)
class Term:
    """One term of a rule: a period after the latest of its starts that are known.

    Attributes:
        starts: Names of starts; any of them is enough, the latest counts.
        is_of_batch: Whether they are facts of each batch, and not of the item.
    """

    starts: tuple[str, ...]
    is_of_batch: bool
    period: Period
    text: str

    @classmethod
    def parse(cls, text: str) -> Term:
        """A term such as `batch expiry + P1Y`, `batch certified or rejected + P5Y` or `P10Y`.

        Raises:
            ValueError: It is none.

        >>> Term.parse("batch certified or rejected + P5Y").starts
        ('certified', 'rejected')
        """
        head, plus, period = text.strip().rpartition("+")
        head = head.strip() if plus else "recorded"
        names = head.removeprefix("batch ")
        starts = tuple(re.split(r"\s+or\s+", names.strip()))
        is_of_batch = head.startswith("batch ")
        known = BATCH_STARTS if is_of_batch else OWN_STARTS
        if wrong := [one for one in starts if one not in known]:
            choice = ", ".join((*OWN_STARTS, *(f"batch {one}" for one in BATCH_STARTS)))
            raise ValueError(f"{wrong[0]!r} starts no clock in {text!r}; there are {choice}")
        return cls(starts, is_of_batch, Period.parse(period.strip()), text.strip())

    def end(self, dates: Mapping[str, int], of: str) -> tuple[int | None, str]:
        """When it ends, and on what it rests in words; None: never, or nobody knows."""
        known = {name: dates[name] for name in self.starts if name in dates}
        if not known:
            return None, f"{' or '.join(self.starts)} of {of} is not known ({self.text})"
        name = max(known, key=lambda one: known[one])
        end = self.period.after(known[name])
        if end is None:
            return None, f"{self.text} ends beyond the calendar"
        return end, f"{name} of {of} {day(known[name])} + {self.period.text} = {day(end)}"


def day(micros: int) -> str:
    """The date of a moment, in UTC."""
    return to_iso(micros)[:10]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class RetentionRule(_Strict):
    """One row of a schedule.

    Attributes:
        name: Short name, named in every decision.
        title: What it is about.
        what: Kinds of things it counts for.
        streams: First parts of streams (`batch` for `batch/7`); empty: all.
        data_classes: Classes of data that it counts for.
        batch: Only things `with` a batch, only those `without`, or `any`.
        keep: Terms; the latest end counts. `forever` never ends.
        source: Clause that asks for it, or whose decision it is.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,59}$")
    title: str = Field(min_length=1)
    what: tuple[What, ...] = _ALL
    streams: tuple[str, ...] = ()
    data_classes: tuple[DataClass, ...] = Field(min_length=1)
    batch: OfBatch = "any"
    keep: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1)

    @field_validator("keep")
    @classmethod
    def _can_be_read(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        for text in keep:
            if text != FOREVER:
                Term.parse(text)
        return keep

    def terms(self) -> tuple[Term, ...]:
        """Its terms, without `forever`."""
        return tuple(_term(text) for text in self.keep if text != FOREVER)

    def counts_for(self, item: Item, data_class: DataClass) -> bool:
        """Whether it is about the part of an item that is of a class of data."""
        is_kind = item.what in self.what and (
            not self.streams or bool(item.kinds & set(self.streams))
        )
        return is_kind and data_class in self.data_classes and self._fits_batch(item)

    def _fits_batch(self, item: Item) -> bool:
        # An item of which nobody can say so is taken to be of a batch.
        has_batch = item.batches is None or bool(item.batches)
        return self.batch == "any" or has_batch == (self.batch == "with")

    def end(self, item: Item) -> tuple[int | None, str]:
        """When its latest term ends for an item, and why, in words; None: not to be said."""
        if FOREVER in self.keep:
            return None, "it is kept for ever"
        ends = [end for term in self.terms() for end in _ends(term, item)]
        if not ends:
            return None, "nothing has started its clock"
        unknown = [words for end, words in ends if end is None]
        if unknown:
            return None, "; ".join(dict.fromkeys(unknown))
        return max(cast("list[tuple[int, str]]", ends), key=lambda one: one[0])


@cache
def _term(text: str) -> Term:
    return Term.parse(text)


def _ends(term: Term, item: Item) -> Iterable[tuple[int | None, str]]:
    if not term.is_of_batch:
        return [term.end(item.dates, item.ref)]
    if item.batches is None:
        return [(None, f"nobody can say of which batches {item.ref} is ({term.text})")]
    if not item.batches:
        return [(None, f"{item.ref} is of no batch ({term.text})")]
    return [term.end(one.dates, f"batch {one.batch}") for one in item.batches]


class Schedule(_Strict):
    """A versioned table of rules of retention.

    Attributes:
        expiry_attributes: Names under which a batch's attributes hold its date of expiry.
    """

    schema_: Literal["goldenbatch/retention/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    expiry_attributes: tuple[str, ...] = ("expiry", "expiry_date")
    rules: tuple[RetentionRule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _are_told_apart(cls, rules: tuple[RetentionRule, ...]) -> tuple[RetentionRule, ...]:
        names = [rule.name for rule in rules]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two rules have the name {doubled[0]!r}")
        return rules

    def digest(self) -> str:
        """SHA-256 of the canonical text of the table; comments do not count."""
        values = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(canonical_text(values).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class Kept:
    """How long something is kept.

    Attributes:
        until: When the last duty to keep it ends; None: not to be said, it is kept.
        rules: Names of the rules that count for it.
        grounds: On what it rests, in words.
    """

    until: int | None
    rules: tuple[str, ...]
    grounds: tuple[str, ...]


def kept(item: Item, schedule: Schedule | None) -> Kept:
    """How long an item is kept: by each rule that counts for it, the longest of all."""
    if item.fixed:
        return Kept(None, (), (item.fixed,))
    if schedule is None:
        return Kept(None, (), ("no schedule of retention is in force",))
    found: dict[str, RetentionRule] = {}
    for data_class in sorted(item.classes):
        own = [rule for rule in schedule.rules if rule.counts_for(item, data_class)]
        if not own:
            words = f"no rule says how long {data_class.value} data of {item.ref} are kept"
            return Kept(None, (), (words,))
        found |= {rule.name: rule for rule in own}
    if not found:
        return Kept(None, (), (f"nobody can say what class of data {item.ref} is",))
    ends = {name: rule.end(item) for name, rule in found.items()}
    grounds = tuple(
        f"rule {name}: {words} [{found[name].source}]" for name, (_, words) in ends.items()
    )
    known = [end for end, _ in ends.values() if end is not None]
    until = max(known) if len(known) == len(ends) else None
    return Kept(until, tuple(found), grounds)


# ---- in the ledger --------------------------------------------------------------------------


@record_type
class RetentionAdopted(TextPutForward):
    """A schedule of retention was put forward; it counts once another person approves it.

    Attributes:
        text: The schedule as TOML, whole.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("RetentionAdopted",)


def load_schedule(text: str, file: str = "") -> Schedule:
    """Read a schedule from TOML.

    Raises:
        BadInputError: It is none; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return Schedule.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def first_schedule_text() -> str:
    """TOML text of the schedule that the package ships, for a site to start from."""
    return files("goldenbatch.core").joinpath("data", "retention.toml").read_text("utf-8")


def retention_adopted(text: str, effective_from: int, reason: str) -> RetentionAdopted:
    """The event that puts a schedule forward.

    Raises:
        BadInputError: The text is no schedule, or no reason is given.
    """
    schedule = load_schedule(text, "retention.toml")
    if not reason.strip():
        raise BadInputError("a schedule is adopted for a reason.", key="reason")
    return RetentionAdopted(
        version=schedule.version,
        digest=schedule.digest(),
        effective_from=effective_from,
        text=text,
        reason=reason,
    )


def adopted_schedules(events: Sequence[Event]) -> tuple[PutForward[RetentionAdopted], ...]:
    """All schedules in the stream `master/retention`, in their order."""
    return put_forward(events, RetentionAdopted)


def schedule_at(events: Sequence[Event], now: int) -> Schedule | None:
    """The schedule in force at a time: of the approved ones the one effective last."""
    best = in_force(adopted_schedules(events), now)
    return _loaded(best.body.text) if best is not None else None


@lru_cache(maxsize=4)
def _loaded(text: str) -> Schedule:
    return load_schedule(text, RETENTION_STREAM)
