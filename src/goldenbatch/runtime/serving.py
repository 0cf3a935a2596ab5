"""Models of a home that may serve: the version that its line names, and no other.

What serves is folded from the ledger and asked anew at each call, so that an activation, a
suspension or a retirement counts from the next row on, in whoever's hands the model is. Loaded
artefacts are kept by digest; each was held to its approved digest and type when it was loaded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from goldenbatch.core.errors import (
    ConflictError,
    GoldenbatchError,
    IntegrityError,
    NotFoundError,
)
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_life import Fault, VersionState, sound
from goldenbatch.core.model_line import LineState, line_state, serving_fault
from goldenbatch.core.model_records import (
    ModelActivated,
    ModelRetired,
    ModelSuspended,
    line_stream,
    version_stream,
)
from goldenbatch.core.prediction import ModelRef, ServedModel
from goldenbatch.runtime._served import Facts, Served

if TYPE_CHECKING:
    from goldenbatch.core.prediction import PredictionsMade
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import HistorianPort, LedgerPort, RegistryPort
    from goldenbatch.science.predictors import Predictor

N_LOADED: Final = 16
"""Loaded artefacts that are kept."""


@dataclass(frozen=True)
class _Standing:
    """What was found to serve, and up to where it was looked.

    Attributes:
        head: Number of the ledger's last event then.
        versions: Streams that it rests on, and their versions then.
    """

    served: Served
    head: int
    versions: tuple[tuple[str, int], ...]


class Models:
    """Models of a home; satisfies `goldenbatch.core.prediction.ModelsPort`.

    Args:
        ledger: What was approved and activated.
        registry: Where the artefacts are.
        fault: Why the evidence of a signature does not hold; empty where it does.
        historian: Where predictions are logged; None: they cannot be.
        clock: Present time, for the log.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        registry: RegistryPort,
        fault: Fault = sound,
        historian: HistorianPort | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._ledger, self._registry, self._fault = ledger, registry, fault
        self._historian, self._clock = historian, clock
        self._lock = threading.Lock()
        self._loaded: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
        self._standing: dict[str, _Standing] = {}
        self._seen: OrderedDict[tuple[object, ...], Served] = OrderedDict()

    def active(self, use: str) -> Served:
        """The active version of a use; it refuses to predict once it serves no more.

        Raises:
            NotFoundError: No version is active; the hint names the contingency.
            IntegrityError: The artefact is not the approved one, or the approval does not stand.
        """
        served = self._resolved(use)
        return served.guarded(lambda: self._require_still(served.ref))

    def version(self, use: str, version: int) -> Served:
        """A certain version, for a test, a shadow or a replay; never for an act.

        Raises:
            NotFoundError: There is none, or it was never trained.
            IntegrityError: The artefact is not the one that was trained.
        """
        state = load_version(self._ledger, use, version, self._fault)
        if state.trained is None:
            raise NotFoundError(
                f"{state.stream} is {state.stage.value}: nothing was trained.",
                hint="See `goldenbatch model history`.",
            )
        return self._served(state)

    def at(self, use: str, ledger_seq: int) -> Served:
        """The version that was active once an event of the ledger had been recorded.

        Raises:
            NotFoundError: None was.
            IntegrityError: The artefact is not the approved one, or the approval does not stand.
        """
        ledger = _until(self._ledger, ledger_seq)
        events = ledger.stream(line_stream(use))
        line = line_state(use, events)
        heads = self._heads(ledger, use, line.active)
        key = (use, line.head, *heads)
        with self._lock:
            known = self._seen.get(key)
        if known is not None:
            return known
        served = self._folded(ledger, line, events)
        with self._lock:
            self._seen[key] = served
            while len(self._seen) > N_LOADED:
                self._seen.popitem(last=False)
        return served

    def log(self, made: PredictionsMade, key: str) -> tuple[int, ...]:
        """Log predictions that are acted on, with their inputs; the same key again adds nothing.

        Raises:
            BadInputError: The times do not rise, or are not one a row.
        """
        from goldenbatch.runtime.prediction_log import write_log

        if self._historian is None or self._clock is None:
            raise ConflictError("there is no historian to log predictions in.")
        return write_log(self._historian, made, key, self._clock())

    # ---- what serves ----------------------------------------------------------------------------

    def _resolved(self, use: str) -> Served:
        head = self._ledger.head()
        known = self._standing.get(use)
        if known is not None and known.head == head:
            return known.served
        versions = self._versions(use, known)
        if known is not None and known.versions == versions:
            self._standing[use] = _Standing(known.served, head, versions)
            return known.served
        ledger = _until(self._ledger, head)
        events = ledger.stream(line_stream(use))
        line = line_state(use, events)
        served = self._folded(ledger, line, events)
        streams = [line.stream, *self._chain(ledger, use, line.active)]
        kept = tuple((one, len(ledger.stream(one))) for one in streams)
        self._standing[use] = _Standing(served, head, kept)
        return served

    def _versions(self, use: str, known: _Standing | None) -> tuple[tuple[str, int], ...]:
        if known is None:
            return ()
        return tuple((name, self._ledger.version(name)) for name, _ in known.versions)

    def _require_still(self, ref: ModelRef) -> None:
        """Pass if a version serves still.

        Raises:
            ConflictError: Another one does.
            NotFoundError: None does.
        """
        now = self._resolved(ref.use).ref
        if now != ref:
            raise ConflictError(
                f"{ref} serves no more: {now} does.", hint="Ask for the active model again."
            )

    @staticmethod
    def _chain(ledger: LedgerPort, use: str, version: int) -> list[str]:
        """Streams of a version and of those that it follows."""
        found: list[str] = []
        while version and version_stream(use, version) not in found:
            found.append(version_stream(use, version))
            events = ledger.stream(found[-1])
            body: Any = events[0].decode() if events else None
            version = getattr(body, "follows", 0)
        return found

    def _heads(self, ledger: LedgerPort, use: str, version: int) -> list[int]:
        return [len(ledger.stream(one)) for one in self._chain(ledger, use, version)]

    def _folded(self, ledger: LedgerPort, line: LineState, events: Sequence[Event]) -> Served:
        """What the line names, held to its approval.

        Raises:
            NotFoundError: It names none.
            IntegrityError: What it names may not serve.
        """
        serving = line.serving
        if serving is None or not serving.version:
            self._none_serves(ledger, line, events)
        try:
            state = load_version(ledger, line.use, serving.version, self._fault)
        except NotFoundError:
            fault = serving_fault(serving, None)
            raise IntegrityError(f"{line.stream} cannot serve: {fault}.") from None
        fault = serving_fault(serving, state)
        if fault:
            raise IntegrityError(
                f"{line.stream} cannot serve: {fault}.",
                hint=_until_then(state, "See `goldenbatch model history`."),
            )
        return self._served(state)

    def _none_serves(
        self, ledger: LedgerPort, line: LineState, events: Sequence[Event]
    ) -> NoReturn:
        told = [event.decode() for event in events]
        last = next((one for one in reversed(told) if isinstance(one, _OF_LINE)), None)
        if last is None:
            raise NotFoundError(
                f"no version of {line.use!r} was ever activated.",
                hint="See `goldenbatch model list`; approve and activate one.",
            )
        verb = "suspended" if isinstance(last, ModelSuspended) else "retired"
        state = load_version(ledger, line.use, last.version, self._fault)
        raise NotFoundError(
            f"no version of {line.use!r} serves: version {last.version} was {verb} "
            f"({last.reason}).",
            hint=_until_then(state, "See `goldenbatch model history`."),
        )

    # ---- loading --------------------------------------------------------------------------------

    def _served(self, state: VersionState) -> Served:
        trained, intended = state.trained, state.intended
        if trained is None or intended is None:
            raise NotFoundError(f"{state.stream} is {state.stage.value}: nothing was trained.")
        ref = ModelRef(state.draft.use, state.draft.version, trained.digest)
        try:
            predictor = self._predictor(trained.digest, trained.media_type)
        except GoldenbatchError as error:
            raise IntegrityError(
                f"the artefact of {ref} cannot be served: {error}",
                hint=_until_then(state, error.hint),
            ) from error
        return Served(Facts(ref, trained.media_type, intended), predictor)

    def _predictor(self, digest: str, media_type: str) -> Predictor:
        from goldenbatch.science.predictors import load_predictor

        key = (digest, media_type)
        with self._lock:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        predictor = load_predictor(self._registry.get_approved(digest, media_type), media_type)
        with self._lock:
            self._loaded[key] = predictor
            while len(self._loaded) > N_LOADED:
                self._loaded.popitem(last=False)
        return predictor

    def forget(self) -> None:
        """Forget what was loaded: the next prediction reads and checks the artefact anew."""
        with self._lock:
            self._loaded.clear()
            self._seen.clear()
            self._standing.clear()


_OF_LINE: Final = (ModelActivated, ModelSuspended, ModelRetired)


def _until_then(state: VersionState, hint: str) -> str:
    """The contingency first: production waits for nobody who reads a history."""
    intended = state.intended
    if intended is None:
        return hint
    return f"Contingency: {intended.contingency}. {hint}".strip()


class _LedgerUntil:
    """The streams of a ledger as they stood at an event."""

    def __init__(self, ledger: LedgerPort, seq: int) -> None:
        self._ledger, self._seq = ledger, seq

    def stream(self, name: str, after: int = 0) -> Sequence[Event]:
        """Events of a stream after a version, in order."""
        return [one for one in self._ledger.stream(name, after) if one.seq <= self._seq]


def _until(ledger: LedgerPort, seq: int) -> LedgerPort:
    # Folds of versions and lines ask for streams alone.
    return cast("LedgerPort", _LedgerUntil(ledger, seq))


def models_of(stores: Any) -> Models:
    """The models of a site, or of bare stores; one set of loaded artefacts a site."""
    found = getattr(stores, "models", None)
    if isinstance(found, Models):
        return found
    rules = getattr(stores, "signing_rules", None)
    return Models(stores.ledger, stores.registry, rules.fault if rules is not None else sound)


def _is_port(model: Served) -> ServedModel:
    """Say to the checker of types that what is served satisfies the port."""
    return model
