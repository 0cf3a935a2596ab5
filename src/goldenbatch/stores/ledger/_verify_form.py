"""The quick way to see that an event is as it was recorded: write its envelope anew, compare.

Most events differ from an earlier one of their kind and actor only in what stands in their
columns. Writing the envelope from the columns proves both at once and costs half of reading
it; whatever is not equal to the byte goes the long way, which says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.core.records import DataClass, Envelope, HomeKind, from_iso
from goldenbatch.stores.ledger._events import iso, trusted

COLUMNS = (
    "stream",
    "version",
    "kind",
    "actor",
    "role",
    "performed_at",
    "recorded_at",
    "body_digest",
    "prev_in_stream",
)
"""Columns of an event that its envelope gives, too."""

NAMES = ", ".join(f"e.{column}" for column in COLUMNS)
ENVELOPE_KEYS = {field.alias or name for name, field in Envelope.model_fields.items()}
_MAX_FORMS = 10_000
_quoted = json.encoder.encode_basestring
_Form = tuple[str, str, str, str, str, dict[str, Any]]


class Forms:
    """What envelopes of one kind and actor have in common."""

    def __init__(self) -> None:
        self._forms: dict[tuple[str, str], _Form] = {}

    def learn(self, envelope: Mapping[str, Any]) -> None:
        """Take an envelope that was read and found good."""
        e = envelope
        if len(self._forms) >= _MAX_FORMS:
            self._forms.clear()
        self._forms[e["kind"], e["actor"]] = (
            f'{{"acting_for":{_quoted(e["acting_for"])},"actor":{_quoted(e["actor"])},'
            '"body_digest":"',
            f'","body_version":{e["body_version"]},"data_class":"{e["data_class"]}",'
            f'"home":{_quoted(e["home"])},"home_kind":"{e["home_kind"]}",'
            f'"kind":{_quoted(e["kind"])},"owner":{_quoted(e["owner"])},"performed_at":',
            ',"previous":"',
            '","recorded_at":"',
            f'","schema":"{e["schema"]}","site":{_quoted(e["site"])},"stream":',
            {
                **{("schema_" if key == "schema" else key): value for key, value in e.items()},
                "home_kind": HomeKind(e["home_kind"]),
                "data_class": DataClass(e["data_class"]),
            },
        )

    def are_columns(
        self, columns: Sequence[tuple[Any, ...]], data: Sequence[bytes], home: str
    ) -> bool:
        """Whether the envelopes of many events of a home are what their columns give.

        Args:
            columns: Those of `COLUMNS`, each with one value an event.
            data: The envelopes.
            home: The home that all must belong to.
        """
        streams, versions, kinds, actors, roles, performed, recorded, digests, previous = columns
        if set(roles) != {None} or set(map(type, versions)) != {int}:
            return False
        if len(self._forms) > _MAX_FORMS // 2:
            self._forms.clear()
        get, place = self._forms.get, -1
        for stream, version, kind, actor, done, at, digest, before, given in zip(
            streams, versions, kinds, actors, performed, recorded, digests, previous, data,
            strict=True,
        ):  # fmt: skip
            place += 1
            form = get((kind, actor))
            if form is not None:
                done_at = "null" if done is None else f'"{iso(done)}"'
                text = (
                    f"{form[0]}{digest.hex()}{form[1]}{done_at}{form[2]}{before.hex()}{form[3]}"
                    f'{iso(at)}{form[4]}{_quoted(stream)},"version":{version}}}'
                )
                if text.encode() == given:
                    continue
            envelope = json.loads(given.decode())
            if given_columns(envelope) != tuple(column[place] for column in columns):
                return False
            if envelope.get("home") != home:
                return False
            if form is None and envelope.keys() == ENVELOPE_KEYS:
                self.learn(envelope)
        return True

    def match(self, columns: tuple[Any, ...], data: bytes) -> dict[str, Any] | None:
        """The fields of the envelope when it is, to the byte, what its columns give."""
        stream, version, kind, actor, role, performed_at, recorded_at, digest, previous = columns
        form = self._forms.get((kind, actor))
        if form is None or role is not None or type(version) is not int:
            return None
        try:
            performed = "null" if performed_at is None else f'"{iso(performed_at)}"'
            digest_hex, previous_hex = digest.hex(), previous.hex()
            text = (
                f"{form[0]}{digest_hex}{form[1]}{performed}{form[2]}{previous_hex}{form[3]}"
                f'{iso(recorded_at)}{form[4]}{_quoted(stream)},"version":{version}}}'
            )
            if text.encode() != data:
                return None
        except (TypeError, ValueError, AttributeError, OverflowError):
            return None
        return {
            **form[5],
            "stream": stream,
            "version": version,
            "performed_at": performed_at,
            "recorded_at": recorded_at,
            "body_digest": digest_hex,
            "previous": previous_hex,
        }


def envelope_of(fields: dict[str, Any]) -> Envelope:
    """The envelope of fields that were matched."""
    return trusted(fields)


def given_columns(envelope: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the columns of an event must hold, from its envelope."""
    performed_at = envelope["performed_at"]
    return (
        envelope["stream"],
        envelope["version"],
        envelope["kind"],
        envelope["actor"],
        envelope.get("role"),
        None if performed_at is None else from_iso(performed_at),
        from_iso(envelope["recorded_at"]),
        bytes.fromhex(envelope["body_digest"]),
        bytes.fromhex(envelope["previous"]),
    )
