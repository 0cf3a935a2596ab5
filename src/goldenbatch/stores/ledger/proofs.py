"""Self-contained proofs that an event is in the ledger, and their verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.core.records import Envelope
from goldenbatch.stores.ledger.canonical import canonical
from goldenbatch.stores.ledger.errors import ProofError
from goldenbatch.stores.ledger.notes import Checkpoint, VerifierKey, parse_checkpoint
from goldenbatch.stores.ledger.tree import leaf_hash, verify_inclusion


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    schema_: Literal["goldenbatch/proof/1"] = Field(default="goldenbatch/proof/1", alias="schema")
    leaf: str = Field(pattern=r"^[0-9a-f]{64}$")
    index: int = Field(ge=0)
    size: int = Field(ge=1)
    hashes: list[str] = Field(max_length=64)
    checkpoint: str


@dataclass(frozen=True)
class Proof:
    """That one event is in the ledger whose root a checkpoint signs.

    Attributes:
        leaf: Leaf hash of the event's envelope.
        index: Place of the leaf, from 0; the event's seq is one more.
        size: Number of leaves of the tree that the checkpoint signs.
        hashes: Inclusion path, from the leaf upwards.
        checkpoint: Signed note.
    """

    leaf: bytes
    index: int
    size: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def to_json(self) -> str:
        """The proof as JSON text."""
        form = _Form(
            leaf=self.leaf.hex(),
            index=self.index,
            size=self.size,
            hashes=[h.hex() for h in self.hashes],
            checkpoint=self.checkpoint,
        )
        return form.model_dump_json(by_alias=True, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Proof:
        """Read a proof.

        Raises:
            ProofError: The text is no proof.
        """
        try:
            form = _Form.model_validate_json(text)
            hashes = tuple(bytes.fromhex(h) for h in form.hashes)
        except (ValidationError, ValueError) as error:
            raise ProofError(f"this is no proof: {str(error).splitlines()[0]}.") from error
        return cls(bytes.fromhex(form.leaf), form.index, form.size, hashes, form.checkpoint)


def verify_proof(
    proof: Proof, envelope: Envelope | dict[str, Any] | bytes, verifier_key: VerifierKey | str
) -> Checkpoint:
    """Check that an event is in the ledger, trusting only the verifier key.

    Args:
        proof: What the ledger handed out.
        envelope: The event's envelope, or its exact canonical bytes.
        verifier_key: Public key of the ledger, held since before.

    Returns:
        The checkpoint that the proof ends in.

    Raises:
        ProofError: In plain words, what does not hold.
    """
    key = VerifierKey.parse(verifier_key) if isinstance(verifier_key, str) else verifier_key
    checkpoint = parse_checkpoint(proof.checkpoint, [key])
    if isinstance(envelope, bytes):
        data = envelope
    else:
        data = canonical(envelope.as_json() if isinstance(envelope, Envelope) else envelope)
    if leaf_hash(data) != proof.leaf:
        raise ProofError("the envelope is not the one that the proof was made for.")
    if checkpoint.size != proof.size:
        raise ProofError(
            f"the proof is for {proof.size} events, its checkpoint for {checkpoint.size}."
        )
    if not verify_inclusion(proof.index, proof.size, proof.leaf, proof.hashes, checkpoint.root):
        raise ProofError("the hashes of the proof do not lead to the root of its checkpoint.")
    return checkpoint
