"""Port to the rows of sealed test sets: they come out by an opening of two people only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from goldenbatch.core.errors import NotFoundError

if TYPE_CHECKING:
    from goldenbatch.core.site import Actor, Site

SEALED_TYPE: Final = "application/vnd.goldenbatch.sealed-rows"
"""Media type of sealed rows in the registry: nobody reads them without the home's key."""


@dataclass(frozen=True)
class SealedRows:
    """Rows as they lie sealed.

    Attributes:
        digest: SHA-256 of them in the registry.
        media_type: Of them.
        key: Id of the key that they are sealed with.
    """

    digest: str
    media_type: str
    key: str


@dataclass(frozen=True)
class OpenedRows:
    """Rows that an opening gave.

    Attributes:
        content: As they were sealed.
        opening: The approval that allowed it, `stream@version`.
        read: The event that says who got them, `stream@version`.
    """

    content: bytes
    opening: str
    read: str


class SealingPort(Protocol):
    """Keeps rows that nobody may see who trains."""

    def seal(self, test_set: str, content: bytes) -> SealedRows:
        """Encrypt rows with the home's key for this set and put them into the registry.

        Raises:
            IntegrityError: The home's key for it is damaged or gone.
        """

    def marks(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Keyed digests of texts that identify rows: equal rows have equal marks.

        Nobody without the home's key can try out what a row may be.
        """

    def open(self, test_set: str, use: str, version: int, by: Actor) -> OpenedRows:
        """Give the rows for the test of a version; who got them is recorded before.

        Args:
            test_set: Id of the set.
            use: Use of the version that is tested.
            version: The version.
            by: The person who tests.

        Raises:
            DeniedError: There is no opening by two people, or a trainer has a part in it.
            ConflictError: The set or the version is not so far.
            IntegrityError: The rows are not those that were sealed, or the key is gone.
        """


def sealing_of(site: Site) -> SealingPort:
    """The port of a home that this process holds.

    Raises:
        NotFoundError: It is somebody else's home, seen through a node: rows never leave it.
    """
    port = getattr(site, "sealing", None)
    if port is None:
        raise NotFoundError(
            "sealed rows can be had only where the home lies.",
            hint="Do it as an act of the node: `goldenbatch model test`.",
        )
    return cast("SealingPort", port)
