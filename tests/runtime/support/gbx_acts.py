"""A capability from outside that brings acts: notes on a batch, taken, agreed to and redone."""

from typing import ClassVar

from pydantic import Field

from goldenbatch.core.acts import Intent
from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body, record_type

PREPARED: list[str] = []
"""Names of the acts that were prepared, in order."""


@record_type
class NoteTaken(Body):
    """Somebody noted something."""

    text: str = Field(min_length=1)


@record_type
class NoteAgreed(Body):
    """Somebody else agreed to a note; signed with it, as approved."""

    signed_as: ClassVar[str] = "approved"

    comment: str


@record_type
class NoteCarriedOut(Body):
    """Somebody did what a note asks for; signed with it, as performed."""

    signed_as: ClassVar[str] = "performed"

    result: str


def _note(values):
    if not str(values.get("note", "")).isalnum():
        raise BadInputError("which note?", key="note", hint="Give its name.")
    return f"note/{values['note']}"


def take(site, by, values):
    """Take a note."""
    PREPARED.append("take")
    stream = _note(values)
    body = NoteTaken(text=values["text"])
    return Intent(stream, body, ("decide",), site.ledger.version(stream))


def agree(site, by, values):
    """Agree to a note, which may rest on another record."""
    PREPARED.append("agree")
    stream, rests = _note(values), values.get("rests_on", "")
    # The comment tells how long the other record was: what changes meanwhile is found.
    comment = f"{values.get('comment', '')}{site.ledger.version(rests) if rests else ''}"
    return Intent(
        stream, NoteAgreed(comment=comment), ("decide",), site.ledger.version(stream),
        Meaning.APPROVED, "fits", also={rests: site.ledger.version(rests)} if rests else {},
    )  # fmt: skip


def carry_out(site, by, values):
    """Do what a note asks for: the performer signs, who need not have written the note."""
    PREPARED.append("carry-out")
    stream = _note(values)
    body = NoteCarriedOut(result=str(values.get("result", "done")))
    return Intent(
        stream, body, ("record",), site.ledger.version(stream), Meaning.PERFORMED,
        is_costly=True,
    )  # fmt: skip


def mistaken(site, by, values):
    """Intents that a faulty capability gives."""
    stream = _note(values)
    version = site.ledger.version(stream)
    return {
        "no action": Intent(stream, NoteTaken(text="x"), (), version),
        "unsigned": Intent(stream, NoteAgreed(comment="x"), ("decide",), version),
        "signed": Intent(stream, NoteTaken(text="x"), ("decide",), version, Meaning.REVIEWED),
        "unruled": Intent(stream, NoteTaken(text="x"), ("note:take",), version),
    }[values["fault"]]


CAPABILITY = Capability(
    name="notes",
    title="Notes",
    tier="bronze",
    record_types=(Offer("notes", "gbx_acts:NoteTaken", "Notes"),),
    acts=(
        Offer("take", "gbx_acts:take", "Take a note"),
        Offer("agree", "gbx_acts:agree", "Agree to a note"),
        Offer("carry-out", "gbx_acts:carry_out", "Do what it asks for"),
        Offer("mistaken", "gbx_acts:mistaken", "Go wrong"),
    ),
)
