"""Acts: what a person is about to record, prepared by a capability and carried out by the home.

A capability says what an act would record and what the policy must allow; the home proves who
acts, asks the policy, and appends: one entry, with the person's signature where the act has a
meaning. Here, at a node and in a page it is the same act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from goldenbatch.core.people import Meaning
    from goldenbatch.core.records import Body, Event
    from goldenbatch.core.site import Actor, Site


@dataclass(frozen=True)
class Intent:
    """What an act would record; nothing is recorded yet.

    Attributes:
        stream: Record that it belongs to.
        body: What is appended.
        actions: What the policy must allow, such as `model:train`; at least one.
        version: Version of the stream that it was prepared on; another one by then refuses it.
        meaning: It is appended together with the actor's signature of this meaning; None: the
            actor proves who they are, and it is an entry.
        reason: Why; a signature states it.
        judged: Record whose people decide who is independent; empty: the stream itself.
        also: Streams whose versions it rests on; where one has moved on, it is refused.
        is_costly: Preparing it is long work: it is not prepared once more before it is appended,
            and `version` and `also` alone say whether it still holds.
        followed_by: What an entry leads to at once, of the same record: appended with it, all or
            nothing. A signed act has none, as its signature covers one entry.
        performed_at: When it happened, as who enters it says; None: as it is recorded.
    """

    stream: str
    body: Body
    actions: tuple[str, ...]
    version: int
    meaning: Meaning | None = None
    reason: str = ""
    judged: str = ""
    also: Mapping[str, int] = field(default_factory=dict)
    is_costly: bool = False
    followed_by: tuple[Body, ...] = ()
    performed_at: int | None = None


class ActFunction(Protocol):
    """What a capability offers as an act: prepares, checks, and changes nothing of the ledger.

    It may put artefacts into the registry: they are named by their digest and prove nothing by
    themselves. It is called again just before what it gave is appended, and must then give the
    same: no present time, no random number.
    """

    def __call__(self, site: Site, by: Actor, values: Mapping[str, Any]) -> Intent:
        """Prepare what the act would record.

        Args:
            site: The site.
            by: The person who acts, already proved.
            values: Plain values, as a form or a command line gives them.

        Raises:
            BadInputError: A value is missing, unknown or impossible.
            ConflictError: The record is not in a state that allows the act.
            DeniedError: Somebody else must do it.
        """


class ActsPort(Protocol):
    """Carries acts out; satisfied by a home on this machine and by a node's client."""

    def names(self) -> Sequence[str]:
        """Full names of all acts that capabilities offer, such as `governance.draft`."""

    def act(
        self,
        name: str,
        values: Mapping[str, Any],
        login: str,
        password: str,
        *,
        code: str = "",
    ) -> Sequence[Event]:
        """Prepare an act and carry it out at once, proved by the password (and a code).

        Returns:
            What was appended; the signature, where the act has a meaning, comes last.

        Raises:
            NotFoundError: No capability offers it.
            DeniedError: The proof does not hold, or the policy forbids it; all reasons named.
            ConflictError: What it rests on has changed in between.
        """
