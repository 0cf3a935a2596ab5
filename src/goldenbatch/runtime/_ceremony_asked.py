"""What somebody asks to sign: a record, or a decision that is appended with its signature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.findings import DecisionMade, Verdict
from goldenbatch.core.people import Meaning
from goldenbatch.core.records import Body, Event
from goldenbatch.runtime._findings import FINDING_KINDS, FINDING_PREFIX


def nothing() -> None:
    """Nothing more to check."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants to sign.

    Attributes:
        stream: The record.
        meaning: What the signature means.
        reason: Why, where the meaning asks for it.
        version: Version that the signer was shown; 0: whatever is newest.
        body: What is appended before the signature and signed with it; None: nothing.
        actions: Actions that the policy must allow besides the signature.
        check: Raises where it cannot be signed any more; asked again just before it is.
        judged: Record whose people decide who is independent; empty: the one that is signed.
        head: Version of the stream that the body is appended at; None: whatever is newest.
    """

    stream: str
    meaning: Meaning
    reason: str = ""
    version: int = 0
    body: Body | None = None
    actions: tuple[str, ...] = ()
    check: Callable[[], None] = nothing
    judged: str = ""
    head: int | None = None

    @property
    def makes(self) -> bool:
        """Whether the signer makes an entry of their own in the record that is judged."""
        return self.body is not None and self.judged in ("", self.stream)


def decision_asked(
    events: Sequence[Event],
    uid: str,
    *,
    verdict: Verdict | str,
    comment: str,
    meaning: Meaning | str = Meaning.REVIEWED,
    action: str = "",
) -> Asked:
    """A decision on the newest version of a finding, to be signed with it.

    Raises:
        NotFoundError: There is no such finding.
        BadInputError: The comment is empty, or verdict or meaning is unknown.
    """
    meaning, verdict = meaning_named(meaning), verdict_named(verdict)
    if not comment.strip():
        raise BadInputError("a decision says why.", hint="Give a comment.", key="comment")
    body = DecisionMade(
        uid=uid,
        finding_version=_finding(events, uid).envelope.version,
        verdict=verdict,
        comment=comment,
        action=action,
    )
    return Asked(FINDING_PREFIX + uid, meaning, comment, body=body, actions=("decide",))


def _finding(events: Sequence[Event], uid: str) -> Event:
    for event in reversed(events):
        if event.kind in FINDING_KINDS:
            return event
    raise NotFoundError(f"there is no finding {uid!r}.", hint="See `goldenbatch findings`.")


def meaning_named(meaning: Meaning | str) -> Meaning:
    """The meaning of a name.

    Raises:
        BadInputError: There is none.
    """
    try:
        return Meaning(meaning)
    except ValueError as error:
        known = ", ".join(one.value for one in Meaning)
        raise BadInputError(
            f"{meaning!r} is no meaning of a signature.", hint=f"One of: {known}."
        ) from error


def verdict_named(verdict: Verdict | str) -> Verdict:
    """The verdict of a name.

    Raises:
        BadInputError: There is none.
    """
    try:
        return Verdict(verdict)
    except ValueError as error:
        known = ", ".join(one.value for one in Verdict)
        raise BadInputError(f"{verdict!r} is no verdict.", hint=f"One of: {known}.") from error
