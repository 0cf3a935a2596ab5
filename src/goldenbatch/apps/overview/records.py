"""One record as it stands: its events with their digests, each proved under a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from goldenbatch.apps.signed import signature_rows
from goldenbatch.core.audit import entries
from goldenbatch.core.errors import GoldenbatchError, NotFoundError
from goldenbatch.core.people import PasswordSet
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.proofs import verify_proof

if TYPE_CHECKING:
    from goldenbatch.apps.overview.asking import Looker
    from goldenbatch.core.records import Event

MAX_EVENTS = 200


def record_page(looker: Looker, stream: str) -> dict[str, Any]:
    """The newest events of a record, what each changed, and the signatures on it.

    Raises:
        NotFoundError: There is no such record.
    """
    version = looker.site.ledger.version(stream)
    if not version:
        raise NotFoundError(f"there is no record {stream!r}.", hint="Follow a link to it.")
    first = max(0, version - MAX_EVENTS)
    events = looker.site.ledger.stream(stream, first)
    return {
        "stream": stream,
        "version": version,
        "n_left_out": first,
        "events": [_told(one) for one in events],
        "changes": _changes(events),
        "signatures": signature_rows(looker.site, stream),
    }


def _told(event: Event) -> dict[str, Any]:
    is_hidden = event.kind == PasswordSet.kind
    return {
        "seq": event.seq,
        "version": event.envelope.version,
        "kind": event.kind,
        "recorded_at": event.envelope.recorded_at,
        "performed_at": event.envelope.performed_at,
        "data_class": event.envelope.data_class.value,
        "leaf": event.leaf,
        "body": None if is_hidden else event.body,
    }


def _changes(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Field by field what the events changed."""
    shown = [one for one in events if one.body is not None and one.kind != PasswordSet.kind]
    return [
        {"version": entry.event.envelope.version, "field": one.field, "old": one.old,
         "new": one.new}
        for entry in entries(shown)
        for one in entry.changes
    ]  # fmt: skip


def prove(looker: Looker, seq: int) -> dict[str, Any]:
    """Whether one event is in the ledger as it was recorded, under a signed checkpoint.

    Raises:
        NotFoundError: There is no such event.
    """
    event = next(iter(looker.site.ledger.events(seq - 1, seq)), None) if seq > 0 else None
    if event is None:
        raise NotFoundError(f"there is no event {seq}.", hint="Follow a link to it.")
    ledger = looker.home.ledger
    if not ledger.keys.signers:
        return {"seq": seq, "is_proved": False, "why": "this home holds no key to check with"}
    try:
        proof = ledger.proof(seq)
        made = verify_proof(proof, event.envelope, ledger.keys.signers[0].verifier)
    except (ProofError, GoldenbatchError) as error:
        return {"seq": seq, "is_proved": False, "why": str(error)}
    return {"seq": seq, "is_proved": True, "why": "", "leaf": event.leaf, "size": made.size,
            "root": made.root.hex(), "n_hashes": len(proof.hashes)}  # fmt: skip
