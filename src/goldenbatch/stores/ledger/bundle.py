"""A bundle of proofs: some events of a ledger under one checkpoint, for an outsider.

The bundle is one JSON document. Envelopes and bodies stand in it as the exact texts that
were hashed, so that a verifier needs no canonicaliser, only SHA-256 and Ed25519.

References:
    RFC 6962, section 2.1 (tree, inclusion proofs); C2SP signed-note and checkpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from goldenbatch.core.errors import NotFoundError
from goldenbatch.core.records import Envelope, Event
from goldenbatch.stores.ledger import _sql, tree
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.notes import Checkpoint, VerifierKey, parse_checkpoint
from goldenbatch.stores.ledger.tree import leaf_hash, verify_inclusion

SCHEMA = "goldenbatch/proof-bundle/1"


def make_bundle(
    connection: Any, checkpoint: Checkpoint, key: VerifierKey, seqs: Iterable[int]
) -> dict[str, Any]:
    """Bundle the proofs of some events under a checkpoint.

    Args:
        connection: Reading connection of the ledger, in a transaction.
        checkpoint: Covers all of the events.
        key: Public key that signed it.
        seqs: Numbers of the events.

    Raises:
        NotFoundError: The checkpoint does not cover one of the events.
    """
    events = []
    for seq in sorted(set(seqs)):
        rows = _sql.event_rows(connection, seq - 1, seq)
        if not rows or seq > checkpoint.size:
            raise NotFoundError(f"no checkpoint covers event {seq}.", hint="Make a checkpoint.")
        _, envelope, leaf, salt, body = rows[0]
        hashes = tree.inclusion_proof(
            seq - 1, checkpoint.size, lambda keys: _sql.nodes(connection, keys)
        )
        events.append(
            {
                "seq": seq,
                "envelope": envelope.decode(),
                "body": None if body is None else body.decode(),
                "salt": (salt or b"").hex(),
                "leaf": (leaf or b"").hex(),
                "inclusion": [one.hex() for one in hashes],
            }
        )
    return {
        "schema": SCHEMA,
        "checkpoint": checkpoint.note,
        "public_key": str(key),
        "events": events,
    }


@dataclass(frozen=True)
class BundleCheck:
    """What a bundle proves.

    Attributes:
        checkpoint: Signed size and root.
        events: Events that hold, in ledger order; a withheld body is None.
        problems: What does not hold, in words; empty if all is well.
    """

    checkpoint: Checkpoint
    events: tuple[Event, ...]
    problems: tuple[str, ...]


def check_bundle(bundle: Mapping[str, Any], key: str = "") -> BundleCheck:
    """Check a bundle without the ledger.

    Args:
        bundle: The JSON document.
        key: Public key that the verifier got by another way; empty: the bundle's own, which
            proves only that the bundle is consistent.

    Raises:
        ProofError: It is no bundle, or its checkpoint is not signed by the key.
    """
    try:
        form, note = bundle["schema"], bundle["checkpoint"]
        entries, own = bundle["events"], bundle["public_key"]
    except (KeyError, TypeError) as error:
        raise ProofError(f"this is no proof bundle: it lacks {error}.") from error
    if form != SCHEMA:
        raise ProofError(f"this is a {form!r}, not a {SCHEMA!r}.")
    checkpoint = parse_checkpoint(note, [VerifierKey.parse(key or own)])
    problems: list[str] = []
    if key and key != own:
        problems.append("The bundle names another public key than the one given.")
    events = []
    for entry in entries:
        try:
            events.append(_checked(entry, checkpoint))
        except (ProofError, KeyError, ValueError, TypeError, AttributeError) as error:
            seq = entry.get("seq", "?") if isinstance(entry, Mapping) else "?"
            problems.append(f"Event {seq}: {error}")
    return BundleCheck(checkpoint, tuple(events), tuple(problems))


def _checked(entry: Mapping[str, Any], checkpoint: Checkpoint) -> Event:
    data = entry["envelope"].encode()
    leaf = leaf_hash(data)
    if leaf.hex() != entry["leaf"]:
        raise ProofError("its envelope is not the one that was recorded.")
    hashes: Sequence[bytes] = [bytes.fromhex(one) for one in entry["inclusion"]]
    if not verify_inclusion(entry["seq"] - 1, checkpoint.size, leaf, hashes, checkpoint.root):
        raise ProofError("it is not in the tree that the checkpoint signs.")
    try:
        envelope = Envelope.model_validate_json(data)
    except ValidationError as error:
        raise ProofError("its envelope cannot be read.") from error
    if entry["body"] is None:
        return Event(entry["seq"], envelope, None, leaf.hex())
    body = entry["body"].encode()
    digest = hashlib.sha256(bytes.fromhex(entry["salt"]) + body).hexdigest()
    if digest != envelope.body_digest:
        raise ProofError(f"its content ({envelope.kind}) is not what was recorded.")
    return Event(entry["seq"], envelope, _json(body), leaf.hex())


def _json(body: bytes) -> dict[str, Any]:
    import json

    found = json.loads(body)
    if not isinstance(found, dict):
        raise ProofError("its content is no record.")
    return found
