"""What analysts see: the present, a replay as seen, and a replay as known now.

**Present and as seen** are one class. Tick k with (historian_seq h_k, ledger_seq l_k) shows

- `new_events`: events with l_(k-1) < seq <= l_k; `events`: those with seq <= l_k;
- `new_readings`: readings of frames h_(k-1) < seq <= h_k in order of arrival;
- `read`: the newest version of each reading in the window among frames <= h_k;
- `plant`: the newest version adopted at or before l_k and effective at the tick's time.

The stores only grow, so a replay gets exactly what live got: a tag without readings at the
tick is an empty series of numbers, never an error, since a later replay knows more tags.

**As known now** runs the same ticks over source time, with all that is known at the replay:
`goldenbatch.runtime.known` says how.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from goldenbatch.core.analyst import Tick, TickTaken, TickView
from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.core.plant import PLANT_STREAM, Plant, PlantAdopted
from goldenbatch.core.series import ReadingKind, Series, series_schema
from goldenbatch.runtime._ahead import Ahead
from goldenbatch.runtime._occupancy import KINDS as OCCUPANCY_KINDS
from goldenbatch.runtime._occupancy import Occupancy
from goldenbatch.runtime.serving import Models, models_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from goldenbatch.core.prediction import ServedModel
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import HistorianPort, LedgerPort, RegistryPort

TICK_STREAM = "tick/analysts"
"""Stream of `TickTaken`; the number of a tick is its version."""

TICK_ZERO = Tick(number=0, historian_seq=0, ledger_seq=0, at=0)


class Stores(Protocol):
    """The three stores of a site."""

    @property
    def ledger(self) -> LedgerPort:
        """What was done."""

    @property
    def historian(self) -> HistorianPort:
        """What was measured."""

    @property
    def registry(self) -> RegistryPort:
        """What was learnt."""


class Views(Protocol):
    """Makes the view of each tick; ticks are asked for in rising order."""

    def at(self, tick: Tick, previous: Tick) -> TickView:
        """View of a tick whose predecessor is given."""


def logged_ticks(ledger: LedgerPort, after: int = 0) -> list[Tick]:
    """The ticks that the ledger holds with a number above `after`, in order.

    Raises:
        IntegrityError: A tick's number is not its version.
    """
    ticks: list[Tick] = []
    for event in ledger.stream(TICK_STREAM, after):
        body = event.decode()
        if not isinstance(body, TickTaken) or body.number != event.envelope.version:
            raise IntegrityError(
                f"event {event.seq} of {TICK_STREAM} is not tick {event.envelope.version}.",
                hint="Run `goldenbatch verify`; restore the home from its backup.",
            )
        at = event.envelope.recorded_at
        ticks.append(Tick(body.number, body.historian_seq, body.ledger_seq, at))
    return ticks


class PlantHistory:
    """The versions of the plant that the ledger holds."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._ledger = ledger
        self._adopted: list[tuple[int, int, PlantAdopted]] = []
        self._plants: dict[str, Plant] = {}

    def at(self, ledger_seq: int, time: int) -> Plant:
        """Newest version adopted at or before an event and effective at a time.

        Raises:
            NotFoundError: No plant had been adopted.
        """
        known = self._known(ledger_seq)
        if not known:
            raise NotFoundError("the home has no plant.", hint="Adopt a plant.toml first.")
        # Before the first version is effective there is nothing else to go by.
        chosen = next((one for one in reversed(known) if one.effective_from <= time), known[0])
        if chosen.digest not in self._plants:
            self._plants[chosen.digest] = chosen.plant()
        return self._plants[chosen.digest]

    def _known(self, ledger_seq: int) -> list[PlantAdopted]:
        last = self._adopted[-1][1] if self._adopted else 0
        if self._ledger.version(PLANT_STREAM) > last:
            for event in self._ledger.stream(PLANT_STREAM, last):
                body = event.decode()
                if isinstance(body, PlantAdopted):
                    self._adopted.append((event.seq, event.envelope.version, body))
        return [body for seq, _, body in self._adopted if seq <= ledger_seq]


def empty_series(kind: ReadingKind = "number") -> Series:
    """A series without readings."""
    return Series(kind, series_schema(kind).empty_table())


def read_by_kind(
    historian: HistorianPort, tags: Sequence[str], read: Callable[[list[str]], Series]
) -> Series:
    """Read tags that may be unknown or of several kinds, of which one has readings.

    Raises:
        BadInputError: Tags of several kinds have readings here.
    """
    known = historian.tags()
    by_kind: dict[ReadingKind, list[str]] = {}
    for tag in tags:
        if tag in known:
            by_kind.setdefault(known[tag], []).append(tag)
    found = [series for names in by_kind.values() if len(series := read(names))]
    if len(found) > 1:
        raise BadInputError(
            f"tags {', '.join(tags)} are of several kinds: "
            f"{', '.join(sorted(series.kind for series in found))}.",
            hint="Read the tags of each kind by themselves.",
        )
    return found[0] if found else empty_series()


@dataclass(frozen=True)
class SeenView:
    """The plant as it was known at a tick; see the module."""

    stores: Stores
    tick: Tick
    previous: Tick
    plant: Plant
    occupancy: Occupancy
    since: Callable[[list[str], int, int], Series]
    models: Models

    def new_events(self, kinds: Collection[str]) -> Sequence[Event]:
        """Events of these kinds since the last tick, in ledger order."""
        return self._events(self.previous.ledger_seq, kinds, "")

    def events(self, kinds: Collection[str], stream_prefix: str = "") -> Sequence[Event]:
        """All events of these kinds up to the tick, in ledger order."""
        return self._events(0, kinds, stream_prefix)

    def _events(self, after: int, kinds: Collection[str], prefix: str) -> Sequence[Event]:
        if not kinds or after >= self.tick.ledger_seq:
            return ()
        return tuple(self.stores.ledger.events(after, self.tick.ledger_seq, kinds, prefix))

    def new_readings(self, tags: Sequence[str]) -> Series:
        """Readings of these tags that arrived since the last tick, in order of arrival."""
        after, upto = self.previous.historian_seq, self.tick.historian_seq
        if after >= upto:
            return empty_series()
        historian = self.stores.historian
        return read_by_kind(historian, tags, lambda names: self.since(names, after, upto))

    def read(self, tags: Sequence[str], window: tuple[int, int]) -> Series:
        """Readings of a half-open window as they were known at the tick."""
        historian, upto = self.stores.historian, self.tick.historian_seq
        return read_by_kind(historian, tags, lambda names: historian.read(names, window, upto))

    def artefact(self, digest: str) -> bytes:
        """Content of the registry, checked against its digest."""
        return self.stores.registry.get(digest)

    def model(self, use: str) -> ServedModel:
        """The model that was active for a use at the tick."""
        return self.models.at(use, self.tick.ledger_seq)

    def batch_at(self, place: str, time: int) -> str:
        """Batch that occupied a place at a time; empty when none did."""
        return self.occupancy.at(place, time)


class SeenViews:
    """Views of the present and of replays as seen; made for rising ticks.

    Args:
        stores: Ledger, historian and registry.
        ticks: All ticks of a replay, for reading ahead; none for the present.
    """

    def __init__(self, stores: Stores, ticks: Sequence[Tick] = ()) -> None:
        self._stores = stores
        self._since: Callable[[list[str], int, int], Series] = stores.historian.since
        if ticks:
            bounds = [tick.historian_seq for tick in ticks]
            self._since = Ahead(bounds, stores.historian.since, lambda one: one.seqs()).between
        self._models = models_of(stores)
        self._plants = PlantHistory(stores.ledger)
        self._occupancy = Occupancy()
        self._folded = 0

    def at(self, tick: Tick, previous: Tick) -> SeenView:
        """View of a tick whose predecessor is given."""
        if tick.ledger_seq < self._folded:
            self._occupancy, self._folded = Occupancy(), 0
        if tick.ledger_seq > self._folded:
            fresh: Iterable[Event] = self._stores.ledger.events(
                self._folded, tick.ledger_seq, OCCUPANCY_KINDS
            )
            self._occupancy.add(fresh)
            self._folded = tick.ledger_seq
        plant = self._plants.at(tick.ledger_seq, tick.at)
        return SeenView(
            self._stores, tick, previous, plant, self._occupancy, self._since, self._models
        )
