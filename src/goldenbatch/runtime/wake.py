"""Waking the analysts: log the tick, assess, append, save; safe to die between any two steps.

1. If something is new, or an analyst asked for this time, `TickTaken` is appended: up to where
   analysts may look.
2. Each analyst assesses every logged tick that it has not seen, in order, from its state.
3. What it computed is written to the historian under a key of the tick.
4. Its transitions are appended to `finding/<uid>`; one that is there already is passed over.
5. Its (state, cursor) is saved.

After a crash anywhere the unfinished tick runs again from the saved state, and since the
same input gives the same output, steps 3 and 4 add nothing twice. A state file is a cache:
without it the analyst starts from the first tick and finds all its findings there.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from goldenbatch.core.analyst import Assessment, Tick, TickTaken, Transition
from goldenbatch.core.chunks import ChunkClosed
from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.findings import FindingClosed, FindingOpened, FindingUpdated
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime._findings import (
    append_transitions,
    write_derived,
    write_predictions,
)
from goldenbatch.runtime._state import Saved, StateFolder, state_text
from goldenbatch.runtime.adoption import STREAM_PREFIX, Adoption, Adoptions, Workshop
from goldenbatch.runtime.events import (
    AccountLocked,
    AccountUnlocked,
    AnalystFailed,
    PasswordRejected,
    TicksSkipped,
)
from goldenbatch.runtime.views import TICK_STREAM, TICK_ZERO, SeenViews, Stores, logged_ticks

if TYPE_CHECKING:
    from goldenbatch.core.analyst import State
    from goldenbatch.core.site import Clock

NODE = "node"
"""Actor of what the node does by itself."""

QUIET_KINDS = frozenset(
    {
        *(one.kind for one in (TickTaken, FindingOpened, FindingUpdated, FindingClosed)),
        *(one.kind for one in (AnalystFailed, TicksSkipped, ChunkClosed)),
        *("ReadingsMoved", "ReadingsTakenOut", "ReferenceBlockKept"),
        *(one.kind for one in (PasswordRejected, AccountLocked, AccountUnlocked)),
        *("UserAdded", "PasswordSet", "RoleGranted", "RoleRevoked"),
        *("UserDisabled", "UserEnabled", "SignatureApplied"),
    }
)
"""Kinds that wake nobody: what the analysts and the node write, and who may sign in."""


@dataclass
class _Turn:
    """What one wake has done so far."""

    appended: list[Transition] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    damage: IntegrityError | None = None


class Runner:
    """Wakes the analysts at work in a home.

    Args:
        stores: Ledger, historian and registry.
        state_dir: Folder of the analysts' states.
        workshop: Builds the analysts.
        on_step: Called after each step with its name; for progress, and for tests that
            die there.
        clock: Present time, for analysts that ask to be woken at one; none: they wait for news.
    """

    def __init__(
        self,
        stores: Stores,
        state_dir: Path,
        workshop: Workshop,
        on_step: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stores, self._clock = stores, clock
        self._states = StateFolder(state_dir)
        self._workshop = workshop
        self._on_step = on_step or (lambda _step: None)
        self._views = SeenViews(stores)
        self._ticks: list[Tick] = []
        self._quiet_upto = 0
        self._at_work = threading.RLock()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """No tick begins or is under way inside: what the analysts wrote is whole."""
        with self._at_work:
            yield

    def wake(self) -> list[Transition]:
        """Take a tick if something is new, and let each analyst catch up.

        Returns:
            The transitions that were appended.

        Raises:
            IntegrityError: An analyst's findings or state are not what was recorded; the
                other analysts have finished by then.
        """
        with self._at_work:
            return self._wake()

    def _wake(self) -> list[Transition]:
        adoptions = Adoptions(self._stores.ledger)
        turn = _Turn()
        # What is unfinished comes first: it also says which frames are the analysts' own.
        self._catch_up(self._known_ticks(), adoptions, turn)
        new = self._new_tick(self._ticks, adoptions)
        if new is not None:
            self._take(new, adoptions)
            self._catch_up(self._known_ticks(), adoptions, turn)
        if turn.damage is not None:
            raise turn.damage
        return turn.appended

    def cursors(self) -> Mapping[str, int]:
        """Number of the last tick that each analyst has assessed."""
        saved = {name: self._states.load(name) for name in self._states.names()}
        return {name: one.cursor for name, one in saved.items() if one is not None}

    def _known_ticks(self) -> list[Tick]:
        self._ticks += logged_ticks(self._stores.ledger, len(self._ticks))
        return self._ticks

    # ---- the tick ---------------------------------------------------------------------------

    def _new_tick(self, ticks: Sequence[Tick], adoptions: Adoptions) -> Tick | None:
        """The tick to take now; None when nobody works or nothing is new."""
        last = ticks[-1] if ticks else TICK_ZERO
        ledger_seq = self._stores.ledger.head()
        historian_seq = self._stores.historian.head()
        if not adoptions.at(ledger_seq):
            return None
        is_new = self._has_frames(last, historian_seq) or self._has_events(last, ledger_seq)
        if not is_new and not self._is_due(last, adoptions.at(ledger_seq)):
            return None
        return Tick(last.number + 1, historian_seq, ledger_seq, at=0)

    def _has_frames(self, last: Tick, head: int) -> bool:
        """Whether frames came that no analyst has written."""
        n_frames = head - last.historian_seq
        if n_frames <= 0:
            return False
        own: set[int] = set()
        for name in self._states.names():
            with suppress(IntegrityError):  # its turn has said so already
                saved = self._states.load(name)
                own.update(saved.derived if saved is not None else ())
        return n_frames > sum(last.historian_seq < seq <= head for seq in own)

    def _has_events(self, last: Tick, head: int) -> bool:
        after = max(last.ledger_seq, self._quiet_upto)
        for event in self._stores.ledger.events(after, head):
            if event.kind not in QUIET_KINDS:
                return True
            self._quiet_upto = event.seq
        return False

    def _is_due(self, last: Tick, at_work: Iterable[str]) -> bool:
        """Whether an analyst has asked for a tick since the last one, and its time has come."""
        asked: list[int] = []
        for name in at_work:
            with suppress(IntegrityError):
                saved = self._states.load(name)
                wake_at = saved.state.get("wake_at") if saved is not None else None
                asked += [wake_at] if isinstance(wake_at, int) else []
        if self._clock is None or not asked:
            return False
        return any(last.at < one for one in asked) and self._clock() >= min(
            one for one in asked if last.at < one
        )

    def _take(self, tick: Tick, adoptions: Adoptions) -> None:
        at_work = adoptions.at(tick.ledger_seq)
        body = TickTaken(
            number=tick.number,
            historian_seq=tick.historian_seq,
            ledger_seq=tick.ledger_seq,
            analysts={name: one.body.version for name, one in at_work.items()},
        )
        self._stores.ledger.append(
            [NewEvent(TICK_STREAM, body, expected_version=tick.number - 1, actor=NODE)]
        )
        self._on_step("tick logged")

    # ---- the analysts -----------------------------------------------------------------------

    def _catch_up(self, ticks: Sequence[Tick], adoptions: Adoptions, turn: _Turn) -> None:
        for place in range(self._first_unseen(ticks, adoptions), len(ticks)):
            tick = ticks[place]
            previous = ticks[place - 1] if place else TICK_ZERO
            for name, adoption in adoptions.at(tick.ledger_seq).items():
                if name in turn.stopped:
                    continue
                try:
                    if self._cursor(name) < tick.number:
                        turn.appended += self._assess(adoption, tick, previous)
                except IntegrityError as error:
                    turn.damage = turn.damage or error
                    turn.stopped.add(name)
                except Exception as error:  # whatever an analyst throws, the others must run
                    self._failed(name, tick, error)
                    if not self._give_up(adoption, tick, ticks, adoptions):
                        turn.stopped.add(name)

    def _cursor(self, name: str) -> int:
        saved = self._states.load(name)
        return 0 if saved is None else saved.cursor

    def _first_unseen(self, ticks: Sequence[Tick], adoptions: Adoptions) -> int:
        """Place of the first tick that some analyst at work has not assessed."""
        head = ticks[-1].ledger_seq if ticks else 0
        at_work = adoptions.at(head)
        return min((self._cursor_or_zero(name) for name in at_work), default=len(ticks))

    def _cursor_or_zero(self, name: str) -> int:
        try:
            return self._cursor(name)
        except IntegrityError:
            return 0  # its turn will say so

    def _assess(self, adoption: Adoption, tick: Tick, previous: Tick) -> list[Transition]:
        saved = self._states.load(adoption.name)
        assessment = assess(self._workshop, adoption, saved, self._views.at(tick, previous))
        self._on_step("assessed")
        seqs = write_derived(self._stores.historian, adoption, tick, assessment.derived)
        seqs += write_predictions(self._stores.historian, adoption, tick, assessment.predictions)
        self._on_step("derived written")
        actor = f"analyst:{adoption.name}"
        appended = append_transitions(self._stores.ledger, adoption, tick, assessment, actor)
        self._on_step("transitions appended")
        last = self._ticks[-1].historian_seq
        kept = (*(saved.derived if saved is not None else ()), *seqs)
        derived = tuple(seq for seq in kept if seq > last)
        after = Saved(tick.number, adoption.version, assessment.state, derived)
        self._states.save(adoption.name, after)
        self._on_step("state saved")
        return appended

    def _failed(self, name: str, tick: Tick, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"[:1000]
        self._note(name, AnalystFailed(name=name, tick=tick.number, error=text))

    def _give_up(
        self, adoption: Adoption, tick: Tick, ticks: Sequence[Tick], adoptions: Adoptions
    ) -> bool:
        """Pass over the ticks of an adoption that a newer one has replaced.

        Else what the newer one was adopted for would never have its turn.
        """
        name = adoption.name
        newest = adoptions.at(self._stores.ledger.head()).get(name)
        if newest is not None and newest.version == adoption.version:
            return False
        last = tick
        for one in ticks[tick.number :]:
            present = adoptions.at(one.ledger_seq).get(name)
            if present is None or present.version != adoption.version:
                break
            last = one
        self._note(name, TicksSkipped(name=name, first=tick.number, last=last.number))
        self._states.save(name, Saved(last.number, adoption.version, {}))
        return True

    def _note(self, name: str, body: AnalystFailed | TicksSkipped) -> None:
        """Record something of an analyst once; the same again at a later wake is no news."""
        stream = STREAM_PREFIX + name
        events = self._stores.ledger.stream(stream)
        known = [event.decode() for event in events if event.kind == body.kind]
        if known and known[-1] == body:
            return
        version = events[-1].envelope.version if events else 0
        self._stores.ledger.append([NewEvent(stream, body, version, actor=NODE)])


def assess(workshop: Workshop, adoption: Adoption, saved: Saved | None, view: object) -> Assessment:
    """One step of an analyst from what was saved, with its next state as JSON gives it back.

    Live and replay both go through here, so that a restart cannot change the outcome.
    """
    analyst = workshop.build(adoption)
    state: State
    if saved is None or saved.adoption != adoption.version:
        state = json.loads(state_text(analyst.start()))
    else:
        state = json.loads(state_text(saved.state))
    outcome = analyst.assess(state, view)  # type: ignore[arg-type]
    return Assessment(
        json.loads(state_text(outcome.state)),
        tuple(outcome.transitions),
        tuple(outcome.derived),
        tuple(outcome.predictions),
    )
