"""Which analyst is at work, with which settings, at a tick; and building it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goldenbatch.core.analyst import Analyst, AnalystAdopted, Tick
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.shadow_records import is_shadow_tag
from goldenbatch.runtime import discovery as capabilities
from goldenbatch.runtime.events import AnalystRetired

if TYPE_CHECKING:
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import LedgerPort
    from goldenbatch.runtime.discovery import Discovery

STREAM_PREFIX = "analyst/"
KINDS = frozenset({AnalystAdopted.kind, AnalystRetired.kind})


@dataclass(frozen=True)
class Adoption:
    """An analyst as it was put to work.

    Attributes:
        version: Version of the adoption's event in `analyst/<name>`; a newer adoption of
            the same name starts from an empty state.
        seq: Number of that event in the ledger.
    """

    body: AnalystAdopted
    version: int
    seq: int

    @property
    def name(self) -> str:
        """Name under which the analyst works."""
        return self.body.name


def adopt(
    ledger: LedgerPort,
    body: AnalystAdopted,
    actor: str,
) -> Event | None:
    """Put an analyst to work from the next tick on; the same again does nothing."""
    stream = STREAM_PREFIX + body.name
    present = adopted(ledger).get(body.name)
    if present is not None and present.body == body:
        return None
    new = NewEvent(stream, body, expected_version=ledger.version(stream), actor=actor)
    return ledger.append([new])[0]


def retire(ledger: LedgerPort, name: str, reason: str, actor: str) -> Event:
    """Take an analyst from its work from the next tick on.

    Raises:
        NotFoundError: None of that name is at work.
    """
    at_work = adopted(ledger)
    if name not in at_work:
        raise NotFoundError(
            f"no analyst {name!r} is at work.",
            hint=f"At work: {', '.join(sorted(at_work)) or 'none'}.",
        )
    stream = STREAM_PREFIX + name
    body = AnalystRetired(name=name, reason=reason)
    new = NewEvent(stream, body, expected_version=ledger.version(stream), actor=actor)
    return ledger.append([new])[0]


def adopted(ledger: LedgerPort, upto: int | None = None) -> dict[str, Adoption]:
    """Analysts at work at an event of the ledger, by name, in order of their names."""
    return Adoptions(ledger).at(ledger.head() if upto is None else upto)


class Adoptions:
    """All adoptions that a ledger holds, to be asked for any tick."""

    def __init__(self, ledger: LedgerPort) -> None:
        self._events = list(ledger.events(kinds=KINDS, stream_prefix=STREAM_PREFIX))

    def at(self, ledger_seq: int) -> dict[str, Adoption]:
        """Analysts at work once the event of a number had been recorded."""
        at_work: dict[str, Adoption] = {}
        for event in self._events:
            if event.seq > ledger_seq:
                break
            body = event.decode()
            if isinstance(body, AnalystAdopted):
                at_work[body.name] = Adoption(body, event.envelope.version, event.seq)
            elif isinstance(body, AnalystRetired):
                at_work.pop(body.name, None)
        return dict(sorted(at_work.items()))


class Workshop:
    """Builds analysts of adoptions, each once."""

    def __init__(self, discovery: Discovery | None = None) -> None:
        self._discovery = capabilities.discover() if discovery is None else discovery
        self._built: dict[tuple[str, int], Analyst] = {}

    def build(self, adoption: Adoption) -> Analyst:
        """The analyst of an adoption.

        Raises:
            BadInputError: The installed version is not the one that was adopted.
            NotFoundError: The capability is not installed.
        """
        key = (adoption.name, adoption.version)
        if key not in self._built:
            body = adoption.body
            analyst = self.make(body.name, body.analyst, body.settings)
            if analyst.version != body.version:
                raise BadInputError(
                    f"analyst {body.name!r}: version {body.version} of {body.analyst} was "
                    f"adopted, version {analyst.version} is installed.",
                    hint="Install that version, or adopt the new one.",
                )
            self._built[key] = analyst
        return self._built[key]

    def make(self, name: str, factory: str, settings: Mapping[str, Any]) -> Analyst:
        """An analyst of a factory's full name, with a name and settings of its own."""
        analyst = capabilities.analyst_factory(factory, self._discovery)(name, settings)
        if analyst.name != name:
            raise BadInputError(
                f"{factory} made an analyst named {analyst.name!r}, not {name!r}.",
                hint="An analyst bears the name that it is given.",
            )
        return analyst


def _texts(value: Any) -> Iterator[str]:
    """All texts of settings, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _as_recorded(value: Any) -> Any:
    """Settings as they are read back from the ledger: canonical JSON knows no 2.0, only 2."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _as_recorded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_as_recorded(one) for one in value]
    return value


def artefacts(analyst: Analyst) -> tuple[tuple[bytes, str], ...]:
    """What findings of an analyst will name by digest, as (content, media type); often nothing."""
    kept: tuple[tuple[bytes, str], ...] = getattr(analyst, "artefacts", ())
    return kept


def adoption_body(
    workshop: Workshop, name: str, factory: str, settings: Mapping[str, Any]
) -> AnalystAdopted:
    """Check settings by building the analyst, and make the event that adopts it.

    Raises:
        BadInputError: A setting is missing, unknown or impossible.
        NotFoundError: No capability offers the factory.
    """
    for text in _texts(settings):
        if is_shadow_tag(text):
            raise BadInputError(
                f"{text} is of a candidate in shadow: nothing is acted upon that it says.",
                hint="Have the version activated, and name the tag of what serves.",
                file=f"analyst {name}",
            )
    recorded = _as_recorded(settings)
    analyst = workshop.make(name, factory, recorded)
    return AnalystAdopted(name=name, analyst=factory, version=analyst.version, settings=recorded)


def first_tick(adoption: Adoption, ticks: list[Tick]) -> int:
    """Number of the first tick at which an adoption is in force; 0 when there is none yet."""
    return next((tick.number for tick in ticks if tick.ledger_seq >= adoption.seq), 0)
