"""The audit trail: who did what, when and why, and what a value was before, from the events.

One row an event stands in the projection `trail`, so that it can be searched, filtered and
paged. The values themselves stay in the events: `changes` says, field by field, what was and
what is, for the events of the page that is shown.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from goldenbatch.core.batch_state import LATE_AFTER_US
from goldenbatch.core.people import SignatureApplied
from goldenbatch.core.records import (
    Between,
    Body,
    Containing,
    DataClass,
    Event,
    Micros,
    Projection,
    Row,
    record_class,
    record_type,
)

MAX_TEXT: Final = 2_000
CORRECTION: Final = "Corrected"
_SIGNED: Final = (
    "meaning", "version", "printed_name", "role", "reason", "method",
    "acting_for.printed_name", "acting_for.delegation",
)  # fmt: skip
_KEYS: Final = ("uid", "id", "name", "path", "test", "action", "code", "tag")


class Act(StrEnum):
    """What an event does to the record that it stands in."""

    CREATED = "created"
    ENTERED = "entered"
    CHANGED = "changed"
    CORRECTED = "corrected"
    SIGNED = "signed"
    REVIEWED = "reviewed"


AFTER_FIRST_ENTRY: Final = (Act.CHANGED, Act.CORRECTED)
"""Acts that change what had been entered before (EU GMP Annex 11 (2011) 8.2)."""


@dataclass(frozen=True)
class Change:
    """One field of a record: what it was and what it is; empty where there was or is nothing."""

    field: str
    old: str
    new: str


class TrailFilter(BaseModel):
    """Which entries of the trail are wanted; what is empty or None does not restrict.

    Attributes:
        streams: These records; one, or those that belong together.
        prefix: All records whose stream begins so, such as `batch/`.
        actor: Opaque uid of who did it.
        kinds: Kinds of events.
        acts: What was done: created, entered, changed, corrected, signed, reviewed.
        since: Recorded at this time or later.
        until: Recorded before this time.
        text: In the record's name, its kind, or the values and reasons of bodies that are
            not personal; case does not count.
        is_late: Only entries made long after the act (True), or only the others (False).
        is_unsigning: Only entries that made a signature void.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    streams: tuple[str, ...] = ()
    prefix: str = ""
    actor: str = ""
    kinds: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()
    since: Micros | None = None
    until: Micros | None = None
    text: str = ""
    is_late: bool | None = None
    is_unsigning: bool | None = None

    def where(self) -> dict[str, Any]:
        """The conditions on columns of the projection `trail`."""
        found: dict[str, Any] = {}
        if self.streams:
            found["stream"] = list(self.streams)
        elif self.prefix:
            found["stream"] = Between(self.prefix, self.prefix + "\U0010ffff")
        if self.actor:
            found["actor"] = self.actor
        if self.kinds:
            found["kind"] = list(self.kinds)
        if self.acts:
            found["act"] = [act.value for act in self.acts]
        if self.since is not None or self.until is not None:
            found["recorded_at"] = Between(self.since, self.until)
        if self.text:
            found["text"] = Containing(self.text.casefold())
        for name in ("is_late", "is_unsigning"):
            if (value := getattr(self, name)) is not None:
                found[name] = int(value)
        return found

    @property
    def record(self) -> str:
        """The one record that is asked for; empty when it is none or many."""
        return self.streams[0] if len(self.streams) == 1 else ""

    def as_words(self) -> str:
        """What is wanted, in words, for people and prints."""
        given = self.model_dump(mode="json", exclude_defaults=True)
        if not given:
            return "all entries of this home"
        if len(self.streams) > 4:
            given["streams"] = f"{', '.join(self.streams[:3])} and {len(self.streams) - 3} more"
        return ", ".join(f"{name.replace('_', ' ')} {_text(one)}" for name, one in given.items())


class _Review(Body):
    """Which entries of the trail a person was shown or has reviewed."""

    stream: str = Field(description="Record whose trail it is; empty: entries of many records.")
    from_version: int = Field(ge=0, description="First version of the record; of many: 0.")
    to_version: int = Field(ge=0, description="Last version of the record; of many: 0.")
    upto_seq: int = Field(ge=0, description="Last event of the ledger that was looked at.")
    filters: TrailFilter = Field(description="Which of the entries were asked for.")
    n_entries: int = Field(ge=0, description="How many entries fitted.")
    entries_digest: str = Field(
        pattern=r"^[0-9a-f]{64}$", description="SHA-256 of their leaf hashes, in order."
    )


@record_type
class TrailOpened(_Review):
    """A person was shown the whole of these entries; recorded by the server that showed them."""

    reader: str = Field(min_length=1, description="Opaque uid of who was shown them.")


@record_type
class TrailReviewed(_Review):
    """A person reviewed entries of the trail that they had been shown; signed by what follows."""

    opened: int = Field(ge=1, description="Version of the showing in the same stream.")
    reviewer: str = Field(min_length=1, description="Opaque uid of who reviews and signs.")
    is_satisfactory: bool = Field(description="Whether nothing was found that needs action.")
    comment: str = Field(min_length=1, description="What was looked at and found.")


REVIEW_KINDS: Final = (TrailOpened.kind, TrailReviewed.kind)


def act_of(event: Event, replaces: int) -> Act:
    """What an event does; `replaces` is the version that it supersedes, 0 for none."""
    kind = event.envelope.kind
    if kind == SignatureApplied.kind:
        return Act.SIGNED
    if kind in REVIEW_KINDS:
        return Act.REVIEWED
    if kind.endswith(CORRECTION):
        return Act.CORRECTED
    if replaces:
        return Act.CHANGED
    return Act.CREATED if event.envelope.version == 1 else Act.ENTERED


def _replaced(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> int:
    cls = record_class(event.kind)
    kinds = cls.supersedes if cls is not None else ()
    if not kinds:
        return 0
    version = event.envelope.version - 1
    while version > 0:
        row = lookup((event.stream, version))
        if row is None or row["kind"] in kinds:
            return version if row is not None else 0
        version -= 1
    return 0


def _fold(event: Event, lookup: Callable[[tuple[Any, ...]], Row | None]) -> list[Row]:
    envelope = event.envelope
    stream, version, kind = envelope.stream, envelope.version, envelope.kind
    before = lookup((stream, version - 1)) if version > 1 else None
    n_signed = int(before["n_signed"]) if before is not None else 0
    is_signature = kind == SignatureApplied.kind
    replaces = _replaced(event, lookup)
    delay = envelope.recorded_at - (envelope.performed_at or envelope.recorded_at)
    return [
        {
            "stream": stream,
            "version": version,
            "seq": event.seq,
            "kind": kind,
            "act": str.__str__(act_of(event, replaces)),
            "actor": envelope.actor,
            "recorded_at": envelope.recorded_at,
            "performed_at": envelope.performed_at,
            "is_late": int(delay > LATE_AFTER_US),
            "is_unsigning": int(n_signed > 0 and not is_signature),
            "n_signed": n_signed + 1 if is_signature else 0,
            "replaces": replaces,
            "text": _search_text(event),
        }
    ]


def _search_text(event: Event) -> str:
    envelope = event.envelope
    parts = [envelope.stream, envelope.kind]
    if envelope.data_class is not DataClass.PERSONAL and event.body is not None:
        _add_leaves(event.body, parts)
    return " ".join(parts)[:MAX_TEXT].casefold()


def _add_leaves(value: Any, parts: list[str]) -> None:
    """Add all texts and numbers in a value; every append does this, so texts are asked for first.

    Stored bodies have sorted keys, live ones not.
    """
    inside = [value[key] for key in sorted(value)] if isinstance(value, dict) else value
    for one in inside:
        if type(one) is str:
            if one:
                parts.append(one)
        elif isinstance(one, dict | list):
            _add_leaves(one, parts)
        elif one is not None and one != "":
            parts.append(str(one))


TRAIL = Projection(
    name="trail",
    version=1,
    columns={
        "stream": "TEXT",
        "version": "INTEGER",
        "seq": "INTEGER",
        "kind": "TEXT",
        "act": "TEXT",
        "actor": "TEXT",
        "recorded_at": "INTEGER",
        "performed_at": "INTEGER",
        "is_late": "INTEGER",
        "is_unsigning": "INTEGER",
        "n_signed": "INTEGER",
        "replaces": "INTEGER",
        "text": "TEXT",
    },
    key=("stream", "version"),
    kinds=frozenset(),
    fold=_fold,
    indexes=(("seq",), ("actor", "seq"), ("act", "seq")),
)
"""One row an event of whatever kind, unknown ones too. It holds no personal data."""

PROJECTIONS = (TRAIL,)
"""All projections of this module."""


@dataclass(frozen=True)
class Entry:
    """One entry of the trail, with what it changed.

    Attributes:
        event: The event behind it.
        act: What it did to its record.
        is_late: It was made long after the act.
        is_unsigning: It made the signatures before it void.
        changes: Field by field.
    """

    event: Event
    act: Act
    is_late: bool
    is_unsigning: bool
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, row: Row, event: Event, before: Event | None) -> Entry:
        """The entry of a row of the projection, its event, and the one that it supersedes."""
        return cls(
            event=event,
            act=Act(row["act"]),
            is_late=bool(row["is_late"]),
            is_unsigning=bool(row["is_unsigning"]),
            changes=changes(event, before),
        )


def entries(events: Iterable[Event]) -> tuple[Entry, ...]:
    """The trail of whole records, from all their events, in the order of the events."""
    rows: dict[tuple[Any, ...], Row] = {}
    known: dict[tuple[str, int], Event] = {}
    found = []
    for event in events:
        key = (event.stream, event.envelope.version)
        known[key] = event
        (rows[key],) = _fold(event, rows.get)
        found.append(Entry.of(rows[key], event, known.get((event.stream, rows[key]["replaces"]))))
    return tuple(found)


# ---- what was, what is ----------------------------------------------------------------------


def changes(event: Event, before: Event | None = None) -> tuple[Change, ...]:
    """What an event changed, field by field.

    Args:
        event: The event.
        before: The event that it supersedes, where there is one.

    Returns:
        Of a correction: the corrected fields, with the old value that it names. Of a new
        version: the fields that differ. Of a first entry: all its fields.
    """
    if event.body is None:
        return (Change("(content)", "", "withheld or erased; its digest stays in the proof"),)
    body = event.body
    if event.kind == SignatureApplied.kind:
        said = {**body, **flat({"acting_for": body.get("acting_for") or {}})}
        return tuple(Change(one, "", _text(said[one])) for one in _SIGNED if said.get(one))
    if "old" in body and "new" in body:
        return tuple(_corrected(body))
    old = flat(before.body) if before is not None and before.body is not None else {}
    return tuple(_differences(old, flat(body)))


def _corrected(body: Mapping[str, Any]) -> Iterator[Change]:
    name = str(body.get("field") or body.get("test") or "")
    old, new = body["old"], body["new"]
    if isinstance(old, list) and (new is None or isinstance(new, list)):
        labels = ("material", "lot", "quantity") if len(old) == 3 else map(str, range(len(old)))
        after = new or [""] * len(old)
        pairs = zip(labels, old, after, strict=False)
        yield from (Change(label, _text(a), _text(b)) for label, a, b in pairs if a != b)
        return
    if isinstance(old, dict) or isinstance(new, dict):
        found = _differences(flat(old or {}), flat(new or {}))
        yield from (Change(f"{name}.{one.field}".strip("."), one.old, one.new) for one in found)
        return
    yield Change(name, _text(old), _text(new))


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in dict.fromkeys((*new, *old)):
        if old.get(name, "") != new.get(name, ""):
            yield Change(name, old.get(name, ""), new.get(name, ""))


def flat(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested values as one table of texts, by path; master data in text is looked into.

    >>> flat({"a": {"b": 1}, "c": [{"name": "x", "v": "2 kg"}]})
    {'a.b': '1', 'c[x].name': 'x', 'c[x].v': '2 kg'}
    """
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, one in value.items():
            inside = _document(one) if name == "text" else None
            path = f"{prefix}.{name}" if prefix else str(name)
            found |= flat(one if inside is None else inside, path)
        return found
    if isinstance(value, list):
        found = {}
        for label, one in zip(_labels(value), value, strict=True):
            found |= flat(one, f"{prefix}[{label}]")
        return found
    return {prefix: _text(value)}


def _labels(items: list[Any]) -> list[str]:
    """By what its items are told apart: a key that all have and no two share, or their number."""
    if items and all(isinstance(one, dict) for one in items):
        for key in _KEYS:
            names = [str(one[key]) for one in items if key in one]
            if len(names) == len(items) == len(set(names)):
                return names
    return [str(number) for number in range(1, len(items) + 1)]


def _document(text: Any) -> Any:
    """Master data that stands in a body as JSON or TOML text."""
    if not isinstance(text, str) or len(text) < 2:
        return None
    for read in (json.loads, tomllib.loads):
        try:
            found = read(text)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else None
    return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(one) for one in value)
    return value if isinstance(value, str) else str(value)


def reason_of(event: Event) -> str:
    """Why, where the body says it: a reason, a comment or a cause."""
    body = event.body or {}
    return next((str(body[name]) for name in ("reason", "comment", "cause") if body.get(name)), "")
