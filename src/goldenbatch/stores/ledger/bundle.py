"""A bundle of proofs: some events of a ledger under one checkpoint, for an outsider.

The bundle is one JSON document. Envelopes and bodies stand in it as the exact texts that
were hashed, so that a verifier needs no canonicaliser, only SHA-256 and Ed25519.

A tree proves that an event is in it, not that an event is missing from the document. So the
home lists what it puts into a bundle, with the newest version of each record, and signs the
list's digest as a line of the bundle's own checkpoint. That an event was taken out again is
then seen; that the home itself left nothing out stands on its word, until the whole ledger is
at hand. A bundle of before there were lists is read as it was.

References:
    RFC 6962, section 2.1 (tree, inclusion proofs); C2SP signed-note and tlog-checkpoint, whose
    further lines are extensions that those who do not know them leave alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import Envelope, Event
from goldenbatch.stores.ledger import _sql, tree
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.notes import (
    Checkpoint,
    Signer,
    VerifierKey,
    checkpoint_note,
    parse_checkpoint,
)
from goldenbatch.stores.ledger.tree import leaf_hash, verify_inclusion

SCHEMA = "goldenbatch/proof-bundle/1"
LIST = "goldenbatch/event-list/1 "


def make_bundle(
    connection: Any, checkpoint: Checkpoint, signers: Sequence[Signer], seqs: Iterable[int]
) -> dict[str, Any]:
    """Bundle the proofs of some events under a checkpoint.

    Args:
        connection: Reading connection of the ledger, in a transaction.
        checkpoint: Covers all of the events.
        signers: Keys that sign it; the first one's public key goes along.
        seqs: Numbers of the events.

    Raises:
        NotFoundError: The checkpoint does not cover one of the events.
    """
    wanted = sorted(set(seqs))
    events, streams = _entries(connection, checkpoint, wanted)
    heads = {one: _sql.version_at(connection, one, checkpoint.size) for one in sorted(streams)}
    listed = {"seqs": wanted, "heads": heads}
    made = checkpoint_note(
        checkpoint.origin, checkpoint.size, checkpoint.root, signers, (_mark(listed),)
    )
    return {
        "schema": SCHEMA,
        "checkpoint": made.note,
        "public_key": str(signers[0].verifier),
        "list": listed,
        "events": events,
    }


def _mark(listed: Any) -> str:
    """The line of a checkpoint that binds a list of events."""
    return LIST + hashlib.sha256(canonical_text(listed).encode("ascii")).hexdigest()


def _entries(
    connection: Any, checkpoint: Checkpoint, seqs: Sequence[int]
) -> tuple[list[dict[str, Any]], set[str]]:
    """The events with their proofs, and the streams that they are of."""
    events, streams = [], set()
    for seq in seqs:
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
        streams.add(json.loads(envelope)["stream"])
    return events, streams


@dataclass(frozen=True)
class BundleCheck:
    """What a bundle proves.

    Attributes:
        checkpoint: Signed size and root.
        events: Events that hold, in ledger order; a withheld body is None.
        problems: What does not hold, in words; empty if all is well.
        heads: Newest version of each record at the checkpoint, as the home has signed; None in
            a bundle that does not say it.
    """

    checkpoint: Checkpoint
    events: tuple[Event, ...]
    problems: tuple[str, ...]
    heads: Mapping[str, int] | None = None

    def n_missing(self, stream: str) -> int:
        """How many events of a record are not in the bundle, by the home's own word."""
        n_here = sum(event.stream == stream for event in self.events)
        return max((self.heads or {}).get(stream, 0) - n_here, 0)


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
    heads = _heads(bundle, checkpoint, problems)
    return BundleCheck(checkpoint, tuple(events), tuple(problems), heads)


def _heads(
    bundle: Mapping[str, Any], checkpoint: Checkpoint, problems: list[str]
) -> Mapping[str, int] | None:
    """What the list of events says, if it is the one that was signed."""
    listed = bundle.get("list")
    marks = [one for one in checkpoint.extensions if one.startswith(LIST)]
    try:
        is_signed = marks == ([_mark(listed)] if listed else [])
    except BadInputError:  # no home puts a float into it
        is_signed = False
    if not is_signed:
        problems.append("The list of its events was altered, removed, or is of another bundle.")
        return None
    if not listed:
        return None
    seqs = [one.get("seq") if isinstance(one, Mapping) else None for one in bundle["events"]]
    if seqs != listed["seqs"]:
        n_listed = len(listed["seqs"])
        message = (
            f"Events are missing or were added: it was made with {n_listed}, {len(seqs)} are here."
        )
        problems.append(message)
    return {str(stream): int(version) for stream, version in listed["heads"].items()}


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
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ProofError("its content is no record.")
    return found
