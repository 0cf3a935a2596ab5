"""Acquisition: what a connector to a running source is, and the outlet it delivers into.

A connector is an asynchronous task of the node. It reads a server, broker, device or folder and
delivers frames into its outlet, which makes them durable: in the historian, or in a spool on
disk while the historian is slow. Awaiting a delivery is the back-pressure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, GoldenbatchError

if TYPE_CHECKING:
    from goldenbatch.core.batch_context import BoundaryStated, Statement
    from goldenbatch.core.capability import Offer, Tier
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.records import NewEvent, Row
    from goldenbatch.core.series import Frame
    from goldenbatch.core.site import Clock, Site, Window

ENTRY_POINT_GROUP = "goldenbatch.connectors"
FOLDER = "connections"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
SECRET = re.compile(r"(env|keyring):\S+")


class SourceError(GoldenbatchError):
    """A source that cannot be used as its card says; trying again alone does not help."""

    exit_code = 3


class GapCause(StrEnum):
    """Why readings are missing."""

    SOURCE_OFF = "source off"
    LINK_DOWN = "link down"
    OVERRUN = "buffer overrun"
    REJECTED = "rejected"
    NODE_DOWN = "node down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Gap:
    """A window in which readings of a source are missing or may be.

    Attributes:
        window: Half-open [start, end) in source time, microseconds UTC.
        cause: Why.
        tags: Which tags; none means all of the source.
        note: What was seen, in words (a status code, a sequence number).
        n_lost: How many readings are known to be lost; -1 when not known.
    """

    window: Window
    cause: GapCause
    tags: tuple[str, ...] = ()
    note: str = ""
    n_lost: int = -1


class ConnectionCard(BaseModel):
    """One file `connections/<name>.toml`: a source and how it is read.

    Secrets are never written here: a string `env:NAME` or `keyring:SERVICE/NAME` names where
    one lies, and the connector resolves it with `SourceContext.secret`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME.pattern)
    connector: str = Field(min_length=1, description="opcua, sparkplug, mqtt, modbus, folder ...")
    title: str = ""
    place: str = Field(default="", description="place under which tags are that name none")
    is_enabled: bool = True
    cadence_s: float = Field(default=0.0, ge=0, description="expected seconds between readings")
    queue_readings: int = Field(default=200_000, ge=1, description="readings held in memory")
    spool_bytes: int = Field(default=2**30, ge=0, description="disk for what cannot be stored yet")
    settings: dict[str, Any] = Field(default_factory=dict, description="of the connector")
    units: dict[str, str] = Field(
        default_factory=dict, description="units of tags where the source states another one"
    )

    @property
    def health_prefix(self) -> str:
        """Under which the source's own health stands as tags."""
        return f"sources/{self.name}"


def load_connection(path: Path) -> ConnectionCard:
    """Read one card; its name is that of the file.

    Raises:
        BadInputError: The file is no card; names file, line and key.
    """
    text = path.read_text(encoding="utf-8")
    data = {"name": path.stem, **read_toml(text, str(path))}
    try:
        card = ConnectionCard.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, str(path)) from error
    if card.name != path.stem:
        raise BadInputError(
            f"the card calls itself {card.name!r}.",
            hint=f"Name the file {card.name}.toml, or leave the name out.",
            file=str(path),
        )
    return card


class Outlet(Protocol):
    """What a connector delivers into; bound to one card by the node."""

    async def deliver(
        self, frames: Sequence[Frame], positions: Mapping[str, str] | None = None
    ) -> None:
        """Make frames durable, then the positions; returns when both are.

        A frame whose source and key were delivered before adds nothing, so a connector that
        restarts may deliver its last frames again. Positions become durable after the frames
        they belong to, never before.

        Raises:
            SourceError: The outlet is closed.
        """

    def position(self, key: str) -> str:
        """What was last delivered as a position; empty when nothing was.

        A position that is delivered empty is forgotten.
        """

    def positions(self, prefix: str) -> Mapping[str, str]:
        """All that was delivered as positions whose keys begin so, such as files taken."""

    async def unseen(self, frame: Frame) -> Frame | None:
        """The readings of a frame that are not stored with the same value and quality yet.

        For backfill: a history read overlaps what a subscription brought.
        """

    async def gap(self, gap: Gap) -> None:
        """Record that readings are missing."""

    async def backfilled(self, window: Window, tags: Sequence[str], n_readings: int) -> None:
        """Record that a window was asked for again and what came is stored."""

    async def record(self, events: Sequence[NewEvent]) -> None:
        """Append what was done (alarms, batch context) to the ledger.

        Raises:
            VersionConflictError: A stream is not at the expected version.
        """

    def version(self, stream: str) -> int:
        """Version of a stream of the ledger."""

    def select(self, projection: str, where: Mapping[str, Any]) -> Sequence[Row]:
        """Rows of a projection of the ledger: what a restart must know again (open alarms)."""

    async def keep(self, content: bytes, media_type: str = "") -> str:
        """Keep an image or a file in the registry; its SHA-256 is the value of a reference.

        Args:
            content: Its bytes.
            media_type: Empty: what its first bytes say (`media_type_of`).

        Raises:
            BadInputError: It is one that is never kept, such as a pickle.
        """

    def health(self, signal: str, value: float | str) -> None:
        """Set a signal of the source's health; written as tags below the card's prefix."""

    @property
    def is_congested(self) -> bool:
        """Whether the spool is in use: a source that can be asked later should be."""


_MAGIC: Final = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF", "application/pdf"),
)


def media_type_of(content: bytes) -> str:
    """Media type of an image or file by its first bytes.

    >>> media_type_of(bytes.fromhex("89504e47")), media_type_of(b"anything")
    ('image/png', 'application/vnd.goldenbatch.bytes')
    """
    for start, found in _MAGIC:
        if content.startswith(start):
            return found
    return "application/vnd.goldenbatch.bytes"


@dataclass(frozen=True)
class SourceContext:
    """What a connector may know of the plant it works in.

    Attributes:
        card: Its card.
        plant: The plant in its effective version.
        clock: Present time, microseconds UTC.
        secret: Resolves `env:NAME` and `keyring:SERVICE/NAME`; a plain text is refused.
        folder: A folder of its own for keys and certificates, made when asked for.
        base: The home's folder, to which relative paths of the card refer.
        site: Where files are imported to, for a connector that reads whole files.
        take: Takes statements of when batches and phases ran into the record.
    """

    card: ConnectionCard
    plant: Plant
    clock: Clock
    secret: Callable[[str], str]
    folder: Path
    base: Path = field(default_factory=Path)
    site: Site | None = None
    take: Callable[[Iterable[Statement]], Sequence[BoundaryStated]] | None = None


class Connector(Protocol):
    """A running connection; made by a factory, run by the node."""

    async def run(self, outlet: Outlet) -> None:
        """Read and deliver until cancelled; connects again by itself.

        It returns only when its source has ended for good (a folder that was read to its end),
        and raises `SourceError` for what a person must mend; anything else it meets, it
        reports through `outlet.health` and `outlet.gap` and goes on.
        """


@runtime_checkable
class AlarmSource(Protocol):
    """A connector whose source has alarms that people act on; who may was checked before.

    Both acts take the condition as in the stream and the projection of alarms, what the person
    says, and the person's opaque uid; both return the status that the source answered with, and
    record the act, or that the source refused it.

    Raises:
        NotFoundError: No such alarm was raised.
        ConflictError: It does not wait for this act.
        SourceError: The source is not connected, has no alarms, or refuses.
    """

    async def acknowledge(self, condition: str, comment: str, actor: str) -> str:
        """Acknowledge an alarm at its source."""

    async def confirm(self, condition: str, comment: str, actor: str) -> str:
        """Confirm that what an acknowledged alarm asked for was done."""


ConnectorFactory = Callable[[SourceContext], Connector]
"""Makes a connector; checks `card.settings` and raises BadInputError naming the key."""


@dataclass(frozen=True)
class ConnectorManifest:
    """What a connector brings, as pure data, found by the entry point group of connectors.

    Attributes:
        name: As cards name it.
        title: For people.
        tier: Maturity (see CONTRIBUTING).
        factory: Target is a `ConnectorFactory`.
        browse: Target is `async (SourceContext) -> Sequence[Mapping[str, Any]]`: what the source
            offers, a mapping a tag with `address`, `name`, `unit`, `kind`; none when it cannot.
        commands: Targets are Typer applications or functions for the command line.
        extra: The optional dependency that it needs.
    """

    name: str
    title: str
    tier: Tier
    factory: Offer
    browse: Offer | None = None
    commands: tuple[Offer, ...] = ()
    extra: str = ""
