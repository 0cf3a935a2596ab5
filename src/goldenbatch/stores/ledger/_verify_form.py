"""The quick way to see that an event is as it was recorded: write its envelope anew, compare.

Most events differ from an earlier one of their kind and actor only in what stands in their
columns. Writing the envelope from the columns proves both at once and costs half of reading
it; whatever is not equal to the byte goes the long way, which says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from goldenbatch.core.records import DataClass, Envelope, HomeKind
from goldenbatch.stores.ledger._events import iso, trusted

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
