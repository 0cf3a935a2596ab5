"""Suspension by the home itself: only under a clause that people signed beforehand.

An alarm of the watch over a version that serves leads to its suspension if an approved change plan
in force for its use has a clause for that alarm. The event names the clause and the finding.

References:
    EU GMP Annex 22, draft of July 2025, 10.3, 10.4; FDA, Predetermined Change Control Plan
    (December 2024), VIII.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from goldenbatch.core.change_plan_parts import Suspension
from goldenbatch.core.change_plans import PlanStanding
from goldenbatch.core.findings import Finding
from goldenbatch.core.model_line import LineState, Serving
from goldenbatch.core.model_records import ModelSuspended

WATCH: Final = "governance.watch"
"""Full name of the analyst whose alarms count."""
_KEY: Final = re.compile(r"^([1-9][0-9]*)/(.+)$")


def watch_key(version: int, alarm: str) -> str:
    """Key of the subject of an alarm's finding.

    >>> watch_key(3, "residual drift")
    '3/residual drift'
    """
    return f"{version}/{alarm}"


@dataclass(frozen=True)
class Alarm:
    """An alarm of the watch that stands open.

    Attributes:
        uid: The finding.
        version: Version that it is about.
        name: Which alarm.
    """

    uid: str
    use: str
    version: int
    name: str


def alarm_of(uid: str, finding: Finding) -> Alarm | None:
    """The alarm that a finding of the watch is; None where it is none.

    >>> from goldenbatch.core.findings import Subject
    >>> _KEY.match("0/residual drift") is None
    True
    """
    found = _KEY.match(finding.subject.key)
    if found is None or not finding.subject.attribute:
        return None
    return Alarm(uid, finding.subject.attribute, int(found[1]), found[2])


def clause_for(
    alarm: Alarm, standings: Iterable[PlanStanding], now: int
) -> tuple[PlanStanding, Suspension] | None:
    """The signed clause under which an alarm suspends; of several plans the one by name first."""
    for standing in sorted(standings, key=lambda one: one.plan.label):
        if standing.plan.use != alarm.use or standing.state(now) != "in force":
            continue
        for clause in standing.plan.suspension:
            if clause.alarm == alarm.name:
                return standing, clause
    return None


def fallback_of(line: LineState) -> int:
    """The version that served before and may serve again; 0: none, the contingency."""
    earlier = [n for n in line.activated if n != line.active and line.may_serve(n)]
    return earlier[-1] if earlier else 0


def suspension(
    alarm: Alarm,
    line: LineState,
    clause: tuple[PlanStanding, Suspension],
    serving: Callable[[int], Serving | None],
) -> ModelSuspended | None:
    """What is appended for an alarm; None where the version does not serve (any more).

    Args:
        alarm: The alarm.
        line: Which version serves.
        clause: What people signed.
        serving: Artefact and approval of a version that may serve; None where it may not.
    """
    if line.use != alarm.use or line.active != alarm.version:
        return None
    standing, signed = clause
    number = fallback_of(line) if signed.fallback == "previous" else 0
    found = serving(number) if number else None
    label = f"{standing.plan.label}#{signed.clause}"
    what = f"version {found.version} serves" if found is not None else "the contingency holds"
    entries = {} if found is None else {
        "digest": found.digest, "media_type": found.media_type, "approval": found.approval,
    }  # fmt: skip
    return ModelSuspended(
        use=alarm.use,
        version=alarm.version,
        fallback=found.version if found is not None else 0,
        clause=label,
        watch=alarm.uid,
        reason=f"{alarm.name}: by {label}, {what}",
        **entries,
    )
