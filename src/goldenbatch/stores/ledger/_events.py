"""Events as they are written and as they are read back, each read checked against its hashes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.core.records import (
    STREAM_PATTERN,
    DataClass,
    Envelope,
    Event,
    HomeKind,
    NewEvent,
    to_iso,
)
from goldenbatch.core.site import HomeInfo
from goldenbatch.stores.ledger._sql import EventRow
from goldenbatch.stores.ledger.canonical import body_digest, canonical, plainly
from goldenbatch.stores.ledger.tree import leaf_hash

SALT_SIZE = 16
SCHEMA = "goldenbatch/envelope/1"
_STREAM = re.compile(STREAM_PATTERN)
_FIELDS = frozenset(Envelope.model_fields)
_quoted = json.encoder.encode_basestring
_HOLE, _N_PIECES = "\ufdd0hole\ufdd0", 7
_HINT = "Run `goldenbatch verify`; restore the home from its backup."


class Prepared(NamedTuple):
    """A new event whose payload is ready; only its place in the ledger is open."""

    event: NewEvent
    kind: str
    body: dict[str, Any]
    salt: bytes
    data: bytes
    digest: bytes


class Placed(NamedTuple):
    """An event at its place, with the rows that it gives."""

    event: Event
    leaf: bytes
    event_row: tuple[Any, ...]
    payload_row: tuple[int, bytes, bytes, bytes]


def prepare(event: NewEvent, salt: bytes) -> Prepared:
    """Canonicalise and digest the payload.

    Raises:
        BadInputError: The body is of no registered kind or has no canonical form.
    """
    kind = getattr(type(event.body), "kind", None)
    if not isinstance(kind, str):
        raise BadInputError(
            f"{type(event.body).__name__} is no registered kind of event.",
            hint="Register it with @record_type.",
        )
    body = event.body.as_json()
    plain = plainly(body)
    data = canonical(body) if plain is None else plain
    if plain is None:
        body = json.loads(data)  # live folds must see what a rebuild will see
    return Prepared(event, kind, body, salt, data, body_digest(salt, data))


def prepare_all(events: Sequence[NewEvent]) -> list[Prepared]:
    """Canonicalise, salt and digest the payloads of an append.

    Raises:
        BadInputError: A body is of no registered kind or has no canonical form.
    """
    salts = os.urandom(SALT_SIZE * len(events))
    cuts = range(0, len(salts), SALT_SIZE)
    return [
        prepare(event, salts[at : at + SALT_SIZE]) for event, at in zip(events, cuts, strict=True)
    ]


class Placer:
    """Gives prepared events their places in the ledger of a home.

    What an event has in common with the one before it, most of an envelope, is neither checked
    nor written again.
    """

    def __init__(self, home: HomeInfo) -> None:
        self._home = home
        self._common: tuple[Any, ...] = ()
        self._fields: dict[str, Any] = {}
        self._pieces: list[str] = []

    def place(self, prepared: Prepared, seq: int, recorded_at: int, previous: bytes) -> Placed:
        """Give a prepared event its place.

        Raises:
            BadInputError: A field of the envelope is not allowed.
        """
        event, kind, body, salt, content, digest = prepared
        if self._is_like_last(prepared):
            stream, version, performed_at = (
                event.stream,
                event.expected_version + 1,
                event.performed_at,
            )
            fields = self._fields.copy()
            fields["stream"], fields["version"] = stream, version
            fields["performed_at"], fields["recorded_at"] = performed_at, recorded_at
            fields["body_digest"], fields["previous"] = digest.hex(), previous.hex()
            envelope = trusted(fields)
            text = self._text(fields)
        else:
            fields = _fields(prepared, self._home, recorded_at, previous)
            is_good = _is_plainly_good(fields)
            envelope = trusted(fields) if is_good else _checked(prepared, fields)
            fields = envelope.__dict__
            stream, version, performed_at = envelope.stream, envelope.version, envelope.performed_at
            text = _text_of(fields, kind)
            self._learn(prepared, fields if is_good else None)
        data = _encoded(text, kind, stream)
        leaf = leaf_hash(data)
        row = (
            *(seq, stream, version, kind, fields["actor"], None, performed_at, recorded_at),
            *(digest, previous, data),
        )
        made = Event(seq, envelope, body, leaf.hex())
        return Placed(made, leaf, row, (seq, digest, salt, content))

    def _is_like_last(self, prepared: Prepared) -> bool:
        event = prepared.event
        return (
            _common(prepared) == self._common
            and type(event.stream) is str
            and _is_stream(event.stream)
            and type(event.expected_version) is int
            and event.expected_version >= 0
            and (event.performed_at is None or type(event.performed_at) is int)
        )

    def _learn(self, prepared: Prepared, fields: dict[str, Any] | None) -> None:
        """Keep what the next event may have in common with this one."""
        self._common = ()
        if fields is None:
            return
        names = ("body_digest", "previous", "stream", "version")
        text = _text_of({**fields, **dict.fromkeys(names, _HOLE)}, prepared.kind, (_HOLE, _HOLE))
        pieces = text.split(_HOLE)
        if len(pieces) == _N_PIECES:  # a field could hold what marks a hole
            self._common, self._fields, self._pieces = _common(prepared), fields, pieces

    def _text(self, fields: dict[str, Any]) -> str:
        a, b, c, d, e, f, g = self._pieces
        return (
            f"{a}{fields['body_digest']}{b}{_time(fields['performed_at'])}{c}{fields['previous']}"
            f"{d}{_time(fields['recorded_at'])}{e}{_quoted(fields['stream'])[1:-1]}"
            f"{f}{fields['version']}{g}"
        )


def _common(prepared: Prepared) -> tuple[Any, ...]:
    event, kind = prepared.event, prepared.kind
    body = event.body
    return (
        *(kind, body.body_version, body.data_class),
        *(event.data_class, event.actor, event.acting_for, event.owner),
    )


def _fields(
    prepared: Prepared, home: HomeInfo, recorded_at: int, previous: bytes
) -> dict[str, Any]:
    event, body = prepared.event, prepared.event.body
    return {
        "schema_": SCHEMA,
        "home": home.uid,
        "home_kind": home.kind,
        "site": home.site,
        "owner": event.owner,
        "data_class": event.data_class or body.data_class,
        "stream": event.stream,
        "version": event.expected_version + 1,
        "kind": prepared.kind,
        "body_version": body.body_version,
        "actor": event.actor,
        "acting_for": event.acting_for,
        "recorded_at": recorded_at,
        "performed_at": event.performed_at,
        "body_digest": prepared.digest.hex(),
        "previous": previous.hex(),
    }


def _is_plainly_good(fields: dict[str, Any]) -> bool:
    """Whether the envelope's own checks would pass these fields unchanged.

    They are the most costly step of an append; what is not seen at once is left to them.
    """
    return (
        type(fields["stream"]) is str
        and _is_stream(fields["stream"])
        and type(fields["actor"]) is str
        and fields["actor"] != ""
        and type(fields["owner"]) is str
        and type(fields["acting_for"]) is str
        and type(fields["data_class"]) is DataClass
        and type(fields["home_kind"]) is HomeKind
        and type(fields["home"]) is str
        and fields["home"] != ""
        and type(fields["site"]) is str
        and type(fields["version"]) is int
        and fields["version"] >= 1
        and (fields["performed_at"] is None or type(fields["performed_at"]) is int)
    )


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return to_iso(seconds * 1_000_000)[: -len("000000Z")]


@lru_cache(maxsize=1024)
def iso(micros: int) -> str:
    """The same as `to_iso`, quicker where many times are equal or fall into one second."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second(seconds)}{rest:06d}Z"


@lru_cache(maxsize=4096)
def _is_stream(name: str) -> bool:
    return _STREAM.fullmatch(name) is not None


def trusted(fields: dict[str, Any]) -> Envelope:
    """An envelope of fields that are known to be good; checks nothing."""
    envelope = object.__new__(Envelope)
    object.__setattr__(envelope, "__dict__", fields)
    object.__setattr__(envelope, "__pydantic_fields_set__", _FIELDS)
    object.__setattr__(envelope, "__pydantic_extra__", None)
    object.__setattr__(envelope, "__pydantic_private__", None)
    return envelope


def _checked(prepared: Prepared, fields: dict[str, Any]) -> Envelope:
    try:
        return Envelope(**fields)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadInputError(
            f"{prepared.kind} of {prepared.event.stream!r}: {key}: {first['msg']}.",
            hint="Correct the event and append it again.",
        ) from error


def envelope_bytes(envelope: Envelope) -> bytes:
    """Canonical JSON of an envelope, `canonical(envelope.as_json())` written out.

    Every append needs it once; a test holds the two equal, whatever stands in the fields.
    """
    return _encoded(_text_of(envelope.__dict__, envelope.kind), envelope.kind, envelope.stream)


def _time(micros: int | None) -> str:
    return "null" if micros is None else f'"{iso(micros)}"'


def _text_of(e: dict[str, Any], kind: str, times: tuple[str, str] | None = None) -> str:
    performed_at, recorded_at = times or (_time(e["performed_at"]), _time(e["recorded_at"]))
    return (
        f'{{"acting_for":{_quoted(e["acting_for"])},"actor":{_quoted(e["actor"])},'
        f'"body_digest":"{e["body_digest"]}","body_version":{e["body_version"]},'
        f'"data_class":"{e["data_class"]}","home":{_quoted(e["home"])},'
        f'"home_kind":"{e["home_kind"]}","kind":{_quoted(kind)},"owner":{_quoted(e["owner"])},'
        f'"performed_at":{performed_at},"previous":"{e["previous"]}",'
        f'"recorded_at":{recorded_at},"schema":"{e["schema_"]}",'
        f'"site":{_quoted(e["site"])},"stream":{_quoted(e["stream"])},"version":{e["version"]}}}'
    )


def _encoded(text: str, kind: str, stream: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadInputError(
            f"{kind} of {stream!r} holds text that cannot be written as UTF-8.",
            hint="Correct the event and append it again.",
        ) from error


def read(row: EventRow) -> Event:
    """An event from its row; nobody acts on an event that is not what was recorded.

    Raises:
        IntegrityError: The envelope or the payload is not what was hashed.
    """
    seq, data, leaf, salt, body = row
    # SQLite keeps any type in any column, so that even the types may have been changed.
    if not (isinstance(data, bytes) and isinstance(leaf, bytes) and leaf_hash(data) == leaf):
        raise IntegrityError(f"event {seq} is not what was recorded in the tree.", hint=_HINT)
    try:
        envelope = Envelope.model_validate_json(data)
    except ValidationError as error:
        raise IntegrityError(f"event {seq} has an unreadable envelope.", hint=_HINT) from error
    if salt is None:
        raise IntegrityError(f"the payload of event {seq} is missing.", hint=_HINT)
    if body is None:
        return Event(seq, envelope, None, leaf.hex())
    is_bytes = isinstance(salt, bytes) and isinstance(body, bytes)
    if not is_bytes or body_digest(salt, body).hex() != envelope.body_digest:
        raise IntegrityError(
            f"the payload of event {seq} ({envelope.kind} of {envelope.stream}) "
            "is not what was recorded.",
            hint=_HINT,
        )
    return Event(seq, envelope, json.loads(body.decode()), leaf.hex())
