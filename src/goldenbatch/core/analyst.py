"""Analysts: a rule, a statistic or a model that reads evidence and writes findings.

Live and history are one path: an analyst sees the plant only through a `TickView`, which
the runtime builds for the present, for a replay *as seen*, or for one *as known now*.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from goldenbatch.core.findings import Finding, Subject, finding_uid
from goldenbatch.core.records import Body, Event, record_type

if TYPE_CHECKING:
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.prediction import PredictionsMade, ServedModel
    from goldenbatch.core.series import Series

State = dict[str, Any]
"""What an analyst remembers between ticks: plain JSON, so that it survives a restart.

Its entry `wake_at`, microseconds UTC, asks for a tick at that time though nothing is new: what
does not come, such as a sample, is seen by nothing but the time.
"""


@dataclass(frozen=True)
class Tick:
    """Up to where an analyst may look.

    Attributes:
        number: From 1; ticks are logged in the ledger.
        historian_seq: Number of the last frame that may be read.
        ledger_seq: Number of the last event that may be read.
        at: Microseconds UTC when it was taken.
    """

    number: int
    historian_seq: int
    ledger_seq: int
    at: int


@record_type
class TickTaken(Body):
    """The analysts were woken up to this place of historian and ledger."""

    number: int
    historian_seq: int
    ledger_seq: int
    analysts: dict[str, str]


@record_type
class AnalystAdopted(Body):
    """An analyst with its settings was put to work from the next tick on."""

    supersedes: ClassVar[tuple[str, ...]] = ("AnalystAdopted",)

    name: str
    analyst: str
    version: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Transition:
    """One step in the life of a finding, to be appended to its stream.

    Attributes:
        uid: Uid of the finding.
        step: What happens to it.
        version: Version that the event takes in the stream `finding/<uid>`.
        finding: The finding as it now stands.
    """

    uid: str
    step: Literal["opened", "updated", "closed"]
    version: int
    finding: Finding


@dataclass(frozen=True)
class Derived:
    """A number that an analyst computed at a time: a prediction, a statistic, a limit.

    It is logged in the historian under a tag of the analyst's own and remains the record;
    a replay compares with it and never writes.
    """

    tag: str
    time: int
    value: float | None
    quality: int = 0


@dataclass(frozen=True)
class Assessment:
    """What an analyst returns: next state, what changed in its findings, what it computed.

    Attributes:
        predictions: What models under control said that the analyst acts on; they are logged.
    """

    state: State
    transitions: Sequence[Transition] = ()
    derived: Sequence[Derived] = ()
    predictions: Sequence[PredictionsMade] = ()


class TickView(Protocol):
    """What an analyst may see at one tick; equal on every replay as seen."""

    @property
    def tick(self) -> Tick:
        """The tick itself."""

    @property
    def plant(self) -> Plant:
        """The plant in the version that was effective at the tick."""

    def new_events(self, kinds: Collection[str]) -> Sequence[Event]:
        """Events of these kinds since the last tick, in ledger order."""

    def events(self, kinds: Collection[str], stream_prefix: str = "") -> Sequence[Event]:
        """All events of these kinds up to the tick, in ledger order."""

    def new_readings(self, tags: Sequence[str]) -> Series:
        """Readings of these tags that arrived since the last tick, in order of arrival."""

    def read(self, tags: Sequence[str], window: tuple[int, int]) -> Series:
        """Readings of a half-open window as they were known at the tick."""

    def artefact(self, digest: str) -> bytes:
        """Content of the registry, checked against its digest."""

    def model(self, use: str) -> ServedModel:
        """The model that was active for a use at the tick.

        Raises:
            NotFoundError: None was; the hint names the contingency.
            IntegrityError: Its artefact is not the approved one, or its approval does not stand.
        """

    def batch_at(self, place: str, time: int) -> str:
        """Batch that occupied a place at a time; empty when none did."""


@runtime_checkable
class Analyst(Protocol):
    """A pure step from state and view to state and transitions."""

    name: str
    version: str

    def start(self) -> State:
        """State before the first tick."""

    def assess(self, state: State, view: TickView) -> Assessment:
        """Read what is new, return the next state and the transitions of findings.

        Must depend on nothing but its arguments: no clock, no I/O, no randomness.
        """


class AnalystFactory(Protocol):
    """What a capability offers: builds an analyst from its settings (one TOML table)."""

    def __call__(self, name: str, settings: Mapping[str, Any]) -> Analyst:
        """Build the analyst.

        Raises:
            BadInputError: A setting is missing, unknown or impossible.
        """


@dataclass
class OpenFindings:
    """Bookkeeping of an analyst's open findings, kept inside its state.

    Attributes:
        analyst: Name of the analyst.
        version: Its version.
        entries: Open findings: key to `[uid, number of transitions so far]`.
    """

    analyst: str
    version: str
    entries: dict[str, list[Any]] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)

    def is_open(self, subject: Subject) -> bool:
        """Whether a finding on the subject is open."""
        return _key(subject) in self.entries

    def put(self, finding: Finding, tick: Tick) -> None:
        """Open a finding on its subject, or update the one that is open."""
        key = _key(finding.subject)
        if key not in self.entries:
            uid = self._new_uid(finding.subject, tick)
            self.entries[key] = [uid, 1]
            self.transitions.append(Transition(uid, "opened", 1, finding))
            return
        uid, n_transitions = self.entries[key]
        self.entries[key] = [uid, n_transitions + 1]
        self.transitions.append(Transition(uid, "updated", n_transitions + 1, finding))

    def _new_uid(self, subject: Subject, tick: Tick) -> str:
        """Uid of a finding that opens; a second one on a subject in one tick has its own."""
        taken = {one.uid for one in self.transitions}
        uid, n_before = finding_uid(self.analyst, self.version, subject, tick.number), 0
        while uid in taken:
            n_before += 1
            again = f"{self.version}#{n_before}"
            uid = finding_uid(self.analyst, again, subject, tick.number)
        return uid

    def close(self, finding: Finding) -> None:
        """Close the open finding on the subject with its last words.

        Raises:
            KeyError: No finding on the subject is open.
        """
        uid, n_transitions = self.entries.pop(_key(finding.subject))
        self.transitions.append(Transition(uid, "closed", n_transitions + 1, finding))


def _key(subject: Subject) -> str:
    # JSON quotes what separates: names with any character stay apart.
    return json.dumps(list(subject.model_dump().values()), ensure_ascii=False)
