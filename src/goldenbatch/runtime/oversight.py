"""The home's watch over itself: what is overdue becomes a finding, like what an analyst sees.

An alert that nobody has looked at in time, an overdue review of rights, and gaps in rights that
nobody closes are opened, updated and closed as findings of `goldenbatch.oversight`. They hang on
the clock and on the ledger, not on ticks: a replay leaves them out.

References:
    21 CFR 11.300(b), (d); EU GMP Annex 11, draft of July 2025, 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from goldenbatch.core.alerts import SECURITY
from goldenbatch.core.analyst import Transition
from goldenbatch.core.findings import (
    Evidence,
    Finding,
    FindingClosed,
    FindingOpened,
    FindingUpdated,
    Severity,
    Subject,
    finding_uid,
    newest_finding,
)
from goldenbatch.core.records import Event, NewEvent, to_iso
from goldenbatch.core.source_units import unit_stream
from goldenbatch.runtime._findings import FINDING_KINDS, FINDING_PREFIX

if TYPE_CHECKING:
    from goldenbatch.core.config import SigningSettings
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.rights import Rights

OVERSIGHT: Final = "goldenbatch.oversight"
VERSION: Final = "1"
LOOK_US: Final = 60_000_000
"""It looks at most so often by the home's clock."""
SECOND_US: Final = 1_000_000


@dataclass(frozen=True)
class Concern:
    """Something that is not as it should be, now.

    Attributes:
        key: Tells it apart from all others.
        start: Since when.
        stream: Record that shows it.
        version: Version of that record.
        tag: Which tag it is about; empty: none.
    """

    key: str
    title: str
    statement: str
    severity: Severity
    start: int
    stream: str
    version: int
    action: str
    tag: str = ""


class Oversight:
    """Opens, updates and closes findings about a home itself.

    Args:
        ledger: Where they are recorded.
        rights: Says what is overdue.
        settings: In which time somebody must have looked.
        clock: Present time.
    """

    def __init__(
        self, ledger: LedgerPort, rights: Rights, settings: SigningSettings, clock: Clock
    ) -> None:
        self._ledger, self._rights = ledger, rights
        self._settings, self._clock = settings, clock
        self._last = -LOOK_US

    def look(self) -> list[Transition]:
        """Look at most once a minute; gives the transitions that were appended."""
        now = self._clock()
        if 0 <= now - self._last < LOOK_US:
            return []
        self._last = now
        found = {one.key: one for one in self.concerns(now)}
        known = self._open()
        made = [self._opened(one) for key, one in found.items() if key not in known]
        for key, (uid, finding) in known.items():
            concern = found.get(key)
            if concern is None:
                made.append(self._closed(uid, finding, now))
            elif concern.statement != finding.statement:
                made.append(self._updated(uid, concern))
        return made

    def concerns(self, now: int) -> Iterator[Concern]:
        """All that is not as it should be at a time."""
        yield from self._alerts(now)
        yield from self._review(now)
        yield from self._gaps(now)
        yield from self._units()

    def _units(self) -> Iterator[Concern]:
        for row in self._ledger.select("source_unit", {"is_open": 1}):
            yield Concern(
                key=f"unit/{row['source']}/{row['tag']}",
                title="A source states another unit than its tag has",
                statement=f"The source {row['source']} states {row['stated']!r} of "
                f"{row['tag']}, whose unit is {row['expected']!r}, since "
                f"{to_iso(row['changed_at'])}; its readings are kept as {row['kept_as']}.",
                severity=Severity.MAJOR,
                start=row["changed_at"],
                stream=unit_stream(row["source"]),
                version=row["stream_version"],
                action="Mend the source; or say in the plant, or under units in the source's card, "
                "which unit is right.",
                tag=row["tag"],
            )

    def _alerts(self, now: int) -> Iterator[Concern]:
        until = now - self._settings.alert_s * SECOND_US
        for row in self._ledger.select("security_alert", {"acknowledged_by": ""}):
            if row["raised_at"] > until:
                continue
            stream, number = f"{SECURITY}{row['uid']}", row["stream_version"]
            yield Concern(
                key=f"alert/{row['uid']}/{number}",
                title="Nobody has looked at a security alert",
                statement=f"The alert of {to_iso(row['raised_at'])} about the account "
                f"{row['uid']} ({row['what']}) was not acknowledged within "
                f"{self._settings.alert_s} s by anybody who may ({row['role']}).",
                severity=Severity.MAJOR,
                start=row["raised_at"] + self._settings.alert_s * SECOND_US,
                stream=stream,
                version=number,
                action="Find out what happened, then `goldenbatch alerts acknowledge`.",
            )

    def _review(self, now: int) -> Iterator[Concern]:
        due = self._rights.review_due_at()
        if due is None or now < due:
            return
        stream, version = self._rights.last_review()
        yield Concern(
            key="access-review",
            title="The review of rights is overdue",
            statement=f"Who has which rights was to be reviewed by {to_iso(due)[:10]}; since then "
            "no review has been signed by a second person.",
            severity=Severity.MAJOR,
            start=due,
            stream=stream,
            version=version,
            action="`goldenbatch access review`, then let another person sign it.",
        )

    def _gaps(self, now: int) -> Iterator[Concern]:
        until = now - self._settings.gap_s * SECOND_US
        for gap in self._rights.access_gaps():
            # What has a due date of its own is late from then on, all else after a while.
            since = gap.due_at if gap.due_at is not None else gap.since
            if since > (now if gap.due_at is not None else until):
                continue
            yield Concern(
                key=f"gap/{gap.uid}/{gap.what}",
                title="A gap in somebody's rights was not closed",
                statement=f"The account {gap.uid}: {gap.words}, since {to_iso(since)[:10]}.",
                severity=Severity.MINOR,
                start=since,
                stream=gap.stream,
                version=gap.version,
                action="Close the gap, or take the role away: `goldenbatch access report`.",
            )

    # ---- findings ---------------------------------------------------------------------------

    def _open(self) -> dict[str, tuple[str, Finding]]:
        """Findings of the watch that are open: key to uid and finding."""
        found = {}
        for row in self._ledger.select("finding", {"analyst": OVERSIGHT, "state": "open"}):
            finding = newest_finding(self._ledger.stream(FINDING_PREFIX + row["uid"]))
            if finding is not None:
                found[finding.subject.key] = (str(row["uid"]), finding)
        return found

    def _finding(self, concern: Concern) -> Finding:
        record = self._event(concern)
        evidence = Evidence(
            kind="record", digest=record.leaf, stream=record.stream, version=concern.version
        )
        return Finding(
            subject=Subject(
                tag=concern.tag, attribute="" if concern.tag else "rights", key=concern.key
            ),
            title=concern.title,
            statement=concern.statement,
            severity=concern.severity,
            start=concern.start,
            evidence=(evidence,),
            analyst=OVERSIGHT,
            analyst_version=VERSION,
            suggested_action=concern.action,
        )

    def _event(self, concern: Concern) -> Event:
        return self._ledger.stream(concern.stream, concern.version - 1)[0]

    def _opened(self, concern: Concern) -> Transition:
        finding = self._finding(concern)
        uid = finding_uid(OVERSIGHT, VERSION, finding.subject, self._ledger.head())
        return self._append(uid, "opened", finding)

    def _updated(self, uid: str, concern: Concern) -> Transition:
        return self._append(uid, "updated", self._finding(concern))

    def _closed(self, uid: str, finding: Finding, now: int) -> Transition:
        return self._append(uid, "closed", finding.model_copy(update={"end": now}))

    def _append(self, uid: str, step: str, finding: Finding) -> Transition:
        bodies = {"opened": FindingOpened, "updated": FindingUpdated, "closed": FindingClosed}
        stream = FINDING_PREFIX + uid
        events = self._ledger.stream(stream)
        body = bodies[step](uid=uid, tick=0, finding=finding)
        self._ledger.append([NewEvent(stream, body, len(events), actor="node")])
        number = sum(one.kind in FINDING_KINDS for one in events) + 1
        return Transition(uid, step, number, finding)  # type: ignore[arg-type]
