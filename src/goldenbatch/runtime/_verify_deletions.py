"""What was deleted on two people's word, and whether it is: neither more nor less than that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from goldenbatch.core.deletion import DataDeleted
from goldenbatch.core.erasure import PayloadErased
from goldenbatch.runtime._carry_out import hand_over_number

if TYPE_CHECKING:
    from goldenbatch.core.site import LedgerPort
    from goldenbatch.runtime.local import LocalSite
    from goldenbatch.runtime.verify import Part


class Deletions(NamedTuple):
    """What the ledger says was deleted.

    Attributes:
        readings: Number of the hand-over to deletion and event, in words.
        artefacts: Digest to the same.
    """

    readings: dict[int, str]
    artefacts: dict[str, str]


def recorded_deletions(ledger: LedgerPort) -> Deletions:
    """Readings and artefacts that the ledger says were deleted.

    Raises:
        IntegrityError: An event cannot be read.
    """
    found = Deletions({}, {})
    for event in ledger.events(kinds={DataDeleted.kind}):
        body = event.decode()
        if not isinstance(body, DataDeleted):
            continue
        words = f"deletion {body.deletion} (event {event.seq})"
        for one in body.things:
            if one.what == "readings":
                found.readings[hand_over_number(one.ref)] = words
            elif one.what == "artefact":
                found.artefacts[one.ref] = words
    return found


def check_deletions(site: LocalSite, said: Deletions) -> Iterator[tuple[Part, str, str, bool]]:
    """What is gone without a word, or still there in spite of one: part, where, message, note."""
    for n, words in sorted(said.readings.items()):
        message = f"its readings were deleted under {words}; their digests are there."
        yield "historian", f"hand-over {n}", message, True
    for digest in sorted(site.registry.deleted()):
        words = said.artefacts.get(digest, "")
        message = (
            f"the artefact was deleted under {words}." if words
            else "the artefact was deleted, and no event says so."
        )  # fmt: skip
        yield "registry", digest, message, bool(words)
    yield from _unfounded(site)
    for name in site.retention.unfinished():
        for one in site.retention.left(name):
            if one.what == "readings":
                continue  # the historian's own check says so
            holds = site.retention.held_by(one.ref)
            message = f"deletion {name} says that it was deleted, but it is there" + (
                f", held by {', '.join(holds)}." if holds
                else f"; run `goldenbatch deletion finish {name}`."
            )  # fmt: skip
            yield "links", one.ref, message, bool(holds)


def _unfounded(site: LocalSite) -> Iterator[tuple[Part, str, str, bool]]:
    """Deletions and erasures that no two people have signed."""
    for event, why in site.retention.unfounded():
        body = event.decode()
        is_repeated = isinstance(body, DataDeleted) and bool(body.repeats)
        message = f"event {event.seq} says that things were deleted, but {why}."
        yield "links", event.stream, message, is_repeated
    founded = site.retention.founded()
    for event in site.ledger.events(kinds={PayloadErased.kind}):
        body = event.decode()
        if isinstance(body, PayloadErased) and body.seq not in founded:
            message = f"it was erased by event {event.seq}, and no deletion that two people signed"
            yield "links", f"payload of event seq={body.seq}", f"{message} says so.", False
