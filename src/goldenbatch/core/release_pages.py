"""Pages of evidence of a batch for a market: kept whole, then reviewed and approved by signature.

References:
    EU GMP Annex 17 (2018), 3; 21 CFR 11.50, 211.192.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final

from pydantic import Field

from goldenbatch.core.model_life import Fault, people_of, signed_steps, sound
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body, DataClass, Event, Micros, record_type
from goldenbatch.core.release_records import quoted

PAGES: Final = "release-evidence/"
Reason = Annotated[str, Field(min_length=3)]


def page_stream(batch: str, market: str) -> str:
    """Stream of the pages of evidence of a batch for a market."""
    return PAGES + quoted(batch, market)


class _OfPage(Body):
    """Base of the events of the pages of evidence of a batch for a market."""

    data_class: ClassVar[DataClass] = DataClass.CONFIDENTIAL

    batch: str = Field(min_length=1)
    market: str = Field(min_length=1)


@record_type
class ReleaseEvidenceKept(_OfPage):
    """The page of evidence of a batch was written and kept.

    Attributes:
        tests: Streams of the release tests that it shows, with their versions.
        files: Kind (`html`, `pdf`, `proof`) to digest in the registry.
        written_at: Time that stands on the page.
    """

    supersedes: ClassVar[tuple[str, ...]] = ("ReleaseEvidenceKept",)

    tests: dict[str, int] = Field(min_length=1)
    files: dict[str, str] = Field(min_length=1)
    written_at: Micros


class _OfKept(_OfPage):
    """Base of what people say of a kept page.

    Attributes:
        page: Version of the kept page in this stream.
    """

    page: int = Field(ge=1)
    reason: Reason


@record_type
class ReleaseEvidenceReviewed(_OfKept):
    """Somebody who did not ask the release tests reviewed the page; signed, as reviewed."""

    signed_as: ClassVar[str] = "reviewed"


@record_type
class ReleaseEvidenceApproved(_OfKept):
    """Quality approved the page; signed with it, as approved. It is no release of the batch."""

    signed_as: ClassVar[str] = "approved"


@dataclass(frozen=True)
class PageState:
    """The newest page of evidence of a batch for a market.

    Attributes:
        kept: The page; None: none was kept.
        at: Version of the keeping in the stream.
        kept_by: Who had it written.
        reviewed: Who reviewed it, with the version of the review.
        approved: Who approved it, with the version of the approval.
        head: Version of the stream.
    """

    stream: str
    kept: ReleaseEvidenceKept | None = None
    at: int = 0
    kept_by: frozenset[str] = frozenset()
    reviewed: tuple[tuple[str, int], ...] = ()
    approved: tuple[tuple[str, int], ...] = ()
    head: int = 0


def page_state(events: Sequence[Event], fault: Fault = sound) -> PageState | None:
    """The newest page, and who signed it; None where there are no events."""
    if not events:
        return None
    signed = signed_steps(events, fault)
    state = PageState(events[0].stream)
    for event in events:
        body, number = event.decode(), event.envelope.version
        if isinstance(body, ReleaseEvidenceKept):
            state = PageState(state.stream, body, number, people_of(event))
        elif isinstance(body, ReleaseEvidenceReviewed | ReleaseEvidenceApproved):
            is_signed = signed.get(number) is Meaning(body.signed_as)
            is_own = bool(people_of(event) & state.kept_by)
            if is_signed and not is_own and body.page == state.at:
                state = _signed(state, body, (event.envelope.actor, number))
    return replace(state, head=events[-1].envelope.version)


def _signed(
    state: PageState,
    body: ReleaseEvidenceReviewed | ReleaseEvidenceApproved,
    who: tuple[str, int],
) -> PageState:
    if isinstance(body, ReleaseEvidenceReviewed):
        return replace(state, reviewed=(*state.reviewed, who))
    return replace(state, approved=(*state.approved, who))
