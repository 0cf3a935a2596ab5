"""How records stand as signed: their signatures, and since when they are unsigned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goldenbatch.core.people import signature_state
from goldenbatch.core.records import Row
from goldenbatch.core.site import Site

SIGNATURE_COLUMNS = ("version", "meaning", "by", "role", "at", "class", "standing")
"""What people see of a signature in a list."""
_MANY = 500


def signature_rows(site: Site, stream: str) -> list[dict[str, Any]]:
    """Signatures of a record as they stand now, with the version since which it is unsigned."""
    return [
        {
            "version": state.signature.version,
            "event_version": state.event_version,
            "meaning": state.signature.meaning.value,
            "by": state.signature.by,
            "role": state.signature.role,
            "reason": state.signature.reason,
            "at": state.signature.at,
            "class": state.signer_class.value,
            "method": state.signature.method,
            "standing": state.label(),
            "is_signed": state.is_signed,
            "unsigned_since": state.unsigned_since,
            "acting_for": state.signature.acting_for.model_dump(mode="json")
            if state.signature.acting_for
            else None,
        }
        for state in signature_state(site.ledger.stream(stream))
    ]


def with_standing(site: Site, prefix: str, key: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows of records with `unsigned_since`: the version that voided all their signatures.

    It is None for a record that was never signed, and for one that stands as it was signed.

    Args:
        site: The site.
        prefix: Of the records' streams, such as `batch/`.
        key: Column that names the record in its stream.
        rows: Rows of a projection, one a record.
    """
    since = unsigned_since(site, [f"{prefix}{row[key]}" for row in rows])
    return [{**row, "unsigned_since": since.get(f"{prefix}{row[key]}")} for row in rows]


def unsigned_since(site: Site, streams: Sequence[str]) -> dict[str, int]:
    """Records whose signatures are all void, with the version that made them so."""
    select, found = site.ledger.select, dict[str, int]()
    for start in range(0, len(streams), _MANY):
        some = list(streams[start : start + _MANY])
        signed: dict[str, int] = {}
        for row in select("signature", {"stream": some}):
            signed[row["stream"]] = max(signed.get(row["stream"], 0), row["event_version"])
        if not signed:
            continue
        voided = select("trail", {"stream": list(signed), "is_unsigning": 1}, ("version",))
        for row in voided:
            if row["version"] > signed[row["stream"]]:
                found.setdefault(row["stream"], row["version"])
    return found
