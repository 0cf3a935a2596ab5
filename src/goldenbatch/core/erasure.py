"""Erasure: what is recorded when the payload of an event is taken out of the ledger for good."""

from __future__ import annotations

from pydantic import Field, model_validator

from goldenbatch.core.records import Body, record_type


@record_type
class PayloadErased(Body):
    """The payload of an event was erased; its envelope, digest and proofs stay.

    Attributes:
        seq: Number of the event whose payload was erased.
        digest: Salted digest of what was erased, as its envelope has it.
        requested_by: Opaque uid of who asked for it.
        approved_by: Opaque uid of who agreed, another person.
    """

    seq: int = Field(ge=1)
    erased_stream: str
    erased_version: int = Field(ge=1)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    reason: str = Field(min_length=1)
    requested_by: str = Field(min_length=1)
    approved_by: str = Field(min_length=1)

    @model_validator(mode="after")
    def _two_people(self) -> PayloadErased:
        if self.requested_by == self.approved_by:
            raise ValueError("an erasure takes two people: who asks for it and who agrees")
        return self


def erasure_stream(seq: int) -> str:
    """Stream of an erasure: one of its own, so that nothing is erased twice.

    >>> erasure_stream(7)
    'erasure/7'
    """
    return f"erasure/{seq}"
