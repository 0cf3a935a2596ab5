"""The site: the ports through which analysts, commands and pages meet the stores."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from goldenbatch.core.records import Event, HomeKind, NewEvent, Row

if TYPE_CHECKING:
    from goldenbatch.core.aggregates import AggregateKind, AggregateSettings
    from goldenbatch.core.capability import Offer
    from goldenbatch.core.chunks import HandOver
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.prediction import ModelsPort
    from goldenbatch.core.series import Aggregated, Aligned, Frame, ReadingKind, Series

Clock = Callable[[], int]
"""Present time in microseconds UTC."""

Window = tuple[int, int]
"""Half-open [start, end) in microseconds UTC."""


@dataclass(frozen=True)
class Actor:
    """Who acts: an opaque uid of a person, an analyst or the node itself."""

    uid: str
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HomeInfo:
    """Identity of a home, shown everywhere."""

    uid: str
    name: str
    kind: HomeKind
    site: str
    zone: str


@dataclass(frozen=True)
class Written:
    """What became of a frame.

    Attributes:
        seq: Its number; that of the earlier one if it was there already.
        n_readings: How many readings became durable.
        is_new: False when a frame of the same source and key was there already.
    """

    seq: int
    n_readings: int
    is_new: bool


class LedgerPort(Protocol):
    """What was done: append-only events, provable."""

    def append(self, events: Sequence[NewEvent]) -> Sequence[Event]:
        """Append all or nothing, durable on return.

        Raises:
            VersionConflictError: A stream is not at the expected version.
        """

    def head(self) -> int:
        """Number of the last event; 0 when empty."""

    def version(self, stream: str) -> int:
        """Version of a stream; 0 when it does not exist."""

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream after a version, in order."""

    def events(
        self,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] = (),
        stream_prefix: str = "",
    ) -> Iterator[Event]:
        """Events with `after < seq <= upto`, in order; no kinds means all."""

    def select(
        self,
        projection: str,
        where: Mapping[str, Any] | None = None,
        order_by: Sequence[str] = (),
        limit: int | None = None,
    ) -> Sequence[Row]:
        """Rows of a projection whose columns equal `where` (a list means any of them)."""

    def proof_bundle(self, seqs: Sequence[int]) -> dict[str, Any]:
        """Self-contained proof of some events under a signed checkpoint, as JSON.

        It holds the checkpoint's note, the public key, and for each event its envelope,
        body, salt, leaf and inclusion proof, so that an outsider needs nothing else.
        """


class HistorianPort(Protocol):
    """What was measured: readings of tags, durable and bitemporal."""

    def write(self, frame: Frame) -> Written:
        """Make a frame durable; the same source and key again adds nothing."""

    def head(self) -> int:
        """Number of the last frame; 0 when empty."""

    def tags(self) -> Mapping[str, ReadingKind]:
        """Names and kinds of all tags that have readings."""

    def read(self, tags: Sequence[str], window: Window, as_of: int | None = None) -> Series:
        """Newest version of each reading in the window, known at `as_of`, by tag and time.

        Raises:
            NotFoundError: A tag has never had a reading.
            BadInputError: The tags are of different kinds.
        """

    def since(self, tags: Sequence[str], after: int, upto: int | None = None) -> Series:
        """Readings in frames `after < seq <= upto`, in order of arrival (cursor)."""

    def latest(self, tags: Sequence[str]) -> Series:
        """Newest reading by time of each tag, from memory."""

    def downsample(self, tags: Sequence[str], window: Window, n_points: int) -> Series:
        """About `n_points` readings a tag: extremes, changes of quality and gaps survive."""

    def aligned(
        self,
        tags: Sequence[str],
        windows: Sequence[Window],
        grid_us: int,
        as_of: int | None = None,
    ) -> Aligned:
        """Means of tags on a grid of elapsed time since each window's start; gaps NaN."""

    def aggregate(
        self,
        tags: Sequence[str],
        windows: Sequence[Window],
        kind: AggregateKind,
        settings: AggregateSettings | None = None,
        as_of: int | None = None,
    ) -> Aggregated:
        """One value a tag and window, weighted by time as OPC UA Part 13 defines it.

        With the windows of a batch or a phase (`Site.windows`) it is their aggregate.
        """

    def digest(self, tag: str, window: Window, as_of: int | None = None) -> tuple[str, int]:
        """Digest of the canonical bytes of a window's readings, and their number."""


class ReadingsKeeper(Protocol):
    """What the historian of a home does besides: readings that were closed, and their end."""

    def closed(self, window: Window | None = None) -> Iterator[HandOver]:
        """Hand-overs, oldest first, those deleted among them."""

    def delete(
        self, numbers: Sequence[int], why: str, guard: Callable[[HandOver], Sequence[str]]
    ) -> int:
        """Delete the readings of hand-overs; their digests stay.

        The guard is asked for each before anything goes, and says why it must stay.

        Raises:
            DeniedError: One must stay; nothing was deleted.
            NotFoundError: There is no such hand-over.
        """


class RegistryPort(Protocol):
    """What was learnt: artefacts by the digest of their content."""

    def put(self, content: bytes, media_type: str) -> str:
        """Store and return the SHA-256; the same content again does nothing."""

    def get(self, digest: str) -> bytes:
        """Content of a digest.

        Raises:
            NotFoundError: Nothing is stored under it.
            IntegrityError: What is stored is not what was put.
        """

    def get_approved(self, digest: str, media_type: str) -> bytes:
        """Content that is to be loaded: of the approved digest, of the approved type, no code.

        Raises:
            NotFoundError: Nothing is stored under the digest.
            IntegrityError: Content or type is not the approved one.
            BadInputError: Loading it would run code, or it is no such model.
        """

    def media_type(self, digest: str) -> str:
        """Media type of an artefact."""

    def check(self) -> Sequence[str]:
        """Digests of all artefacts that are damaged or missing their type."""


class Site(Protocol):
    """A site: handed to every analyst, command and page."""

    @property
    def home(self) -> HomeInfo:
        """Identity and kind of the home."""

    @property
    def plant(self) -> Plant:
        """The plant in its effective version."""

    @property
    def ledger(self) -> LedgerPort:
        """What was done."""

    @property
    def historian(self) -> HistorianPort:
        """What was measured."""

    @property
    def registry(self) -> RegistryPort:
        """What was learnt."""

    @property
    def models(self) -> ModelsPort:
        """Models that may serve, by their use."""

    @property
    def actor(self) -> Actor:
        """Who acts."""

    @property
    def clock(self) -> Clock:
        """Present time."""

    def windows(self, batch: str, phase: str = "") -> Sequence[Window]:
        """Windows of a batch, or of each run of a phase in it."""

    def offers(self, kind: str) -> Sequence[tuple[str, Offer]]:
        """What all capabilities offer of a kind, as (full name, offer)."""
