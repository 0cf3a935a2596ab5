"""How records stand as signed: their signatures, and since when they are unsigned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from goldenbatch.core.people import signature_state
from goldenbatch.core.records import Between, Row
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
    streams = [f"{prefix}{row[key]}" for row in rows]
    since = _voided(site, _signed(site, streams, prefix))
    return [
        {**row, "unsigned_since": since.get(name)} for row, name in zip(rows, streams, strict=True)
    ]


def unsigned_since(site: Site, streams: Sequence[str]) -> dict[str, int]:
    """Records whose signatures are all void, with the version that made them so."""
    return _voided(site, _signed(site, streams))


def _signed(site: Site, streams: Sequence[str], prefix: str = "") -> dict[str, int]:
    """Which of some records were ever signed, with the version of their newest signature."""
    few = len(streams) <= _MANY or not prefix
    wanted: Any = list(streams) if few else Between(prefix, f"{prefix}\U0010ffff")
    rows = site.ledger.select("signature", {"stream": wanted}) if streams else ()
    known, found = set(streams), dict[str, int]()
    for row in rows:
        if row["stream"] in known:
            found[row["stream"]] = max(found.get(row["stream"], 0), row["event_version"])
    return found


def _voided(site: Site, signed: Mapping[str, int]) -> dict[str, int]:
    """First change after the newest signature of each record, where there is one."""
    streams, found = list(signed), dict[str, int]()
    for start in range(0, len(streams), _MANY):
        some = {"stream": streams[start : start + _MANY], "is_unsigning": 1}
        for row in site.ledger.select("trail", some, ("version",)):
            if row["version"] > signed[row["stream"]]:
                found.setdefault(row["stream"], row["version"])
    return found
