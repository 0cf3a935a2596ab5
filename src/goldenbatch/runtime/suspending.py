"""Suspensions that the home carries out itself, under a clause that people signed beforehand.

After each wake it looks at the alarms of `governance.watch` that stand open. An alarm over the
version that serves, for which an approved plan in force has a clause, leads to one `ModelSuspended`
that names clause and finding. Without a clause nothing happens: the finding asks a person.

It is one append at the version of the line that was read, and each finding suspends once: after a
crash, or when somebody else was quicker, the next look finds what is so and does what is left.

References:
    EU GMP Annex 22, draft of July 2025, 10.3, 10.4; 21 CFR 11.10(e).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.change_plans import PREFIX as PLANS
from goldenbatch.core.change_plans import (
    ChangePlanProposed,
    ChangePlanWithdrawn,
    PlanStanding,
    plan_standings,
    plan_stream,
)
from goldenbatch.core.errors import GoldenbatchError, VersionConflictError
from goldenbatch.core.findings import newest_finding
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_line import LineState, Serving, line_state, serving_fault
from goldenbatch.core.model_records import ModelApproved, ModelSuspended, line_stream
from goldenbatch.core.records import NewEvent
from goldenbatch.core.suspension import WATCH, Alarm, alarm_of, clause_for, suspension
from goldenbatch.runtime._findings import FINDING_KINDS, FINDING_PREFIX
from goldenbatch.runtime.adoption import STREAM_PREFIX
from goldenbatch.runtime.wake import NODE

if TYPE_CHECKING:
    from collections.abc import Callable

    from goldenbatch.core.model_life import Fault
    from goldenbatch.core.records import Event
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.views import Stores


class Suspending:
    """Suspends what alarms, where people have signed that it shall.

    Args:
        stores: Ledger and registry of the home.
        fault: Why the evidence of a signature does not hold; empty where it does.
        now: Present time, never before what is on record.
        on_step: Called before and after each append, for tests that die there.
    """

    def __init__(
        self,
        stores: Stores,
        fault: Fault,
        now: Clock,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self._ledger: LedgerPort = stores.ledger
        self._registry, self._fault, self._now = stores.registry, fault, now
        self._on_step = on_step or (lambda _step: None)

    def look(self) -> list[Event]:
        """Suspend what is to be suspended now; gives what was appended."""
        appended: list[Event] = []
        for alarm in self.alarms():
            event = self._suspend(alarm)
            if event is not None:
                appended.append(event)
        return appended

    def alarms(self) -> Iterator[Alarm]:
        """Alarms of the watch that stand open, oldest first."""
        rows = self._ledger.select("finding", {"state": "open"}, ("opened_seq",))
        is_watch: dict[str, bool] = {}
        for row in rows:
            name = str(row["analyst"])
            if name not in is_watch:
                is_watch[name] = self._is_watch(name)
            if not is_watch[name]:
                continue
            uid = str(row["uid"])
            events = self._ledger.stream(FINDING_PREFIX + uid)
            own = [one for one in events if one.kind in FINDING_KINDS]
            # Nobody but the analyst itself, woken by the node, speaks in its name.
            if any(one.envelope.actor != f"analyst:{name}" for one in own):
                continue
            finding = newest_finding(own)
            alarm = alarm_of(uid, finding) if finding is not None else None
            if alarm is not None:
                yield alarm

    # ---- inside -----------------------------------------------------------------------------

    def _is_watch(self, name: str) -> bool:
        for event in reversed(self._ledger.stream(STREAM_PREFIX + name)):
            body = event.decode()
            if isinstance(body, AnalystAdopted):
                return body.analyst == WATCH
        return False

    def _suspend(self, alarm: Alarm) -> Event | None:
        events = self._ledger.stream(line_stream(alarm.use))
        if any(_is_of(event, alarm) for event in events):
            return None  # a person has brought it back since: it is theirs to decide
        line = line_state(alarm.use, events)
        clause = clause_for(alarm, self._standings(alarm.use), self._now())
        if clause is None:
            return None
        body = suspension(alarm, line, clause, lambda number: self._serving(line, number))
        if body is None:
            return None
        self._on_step("to suspend")
        try:
            new = NewEvent(line.stream, body, line.head, actor=NODE)
            return self._ledger.append([new])[0]
        except VersionConflictError:
            return None  # somebody was quicker; the next look sees what they did
        finally:
            self._on_step("suspended")

    def _standings(self, use: str) -> list[PlanStanding]:
        kinds = (ChangePlanProposed.kind, ChangePlanWithdrawn.kind)
        names = {
            one.stream for one in self._ledger.events(kinds=kinds, stream_prefix=PLANS)
        }  # fmt: skip
        events = [one for name in sorted(names) for one in self._ledger.stream(name)]
        found = plan_standings(events, self._fault)
        return [
            one for one in found
            if one.plan.use == use and plan_stream(one.plan.id) in names
        ]  # fmt: skip

    def _serving(self, line: LineState, number: int) -> Serving | None:
        """Artefact and approval of a version that may serve; None where it may not."""
        try:
            state = load_version(self._ledger, line.use, number, self._fault)
            trained = state.trained
            if trained is None or not line.may_serve(number):
                return None
            self._registry.get_approved(trained.digest, trained.media_type)
        except GoldenbatchError:
            return None  # the contingency is what is left
        approval = state.ref(ModelApproved)
        serving = Serving(number, trained.digest, trained.media_type, approval)
        return None if serving_fault(serving, state) else serving


def _is_of(event: Event, alarm: Alarm) -> bool:
    body = event.decode()
    return isinstance(body, ModelSuspended) and body.watch == alarm.uid
