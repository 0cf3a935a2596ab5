"""Tiering in a home: a policy of two people says which days go where, the node moves them.

What went is an event of its own (`ReadingsMoved`), recorded by the historian as it does it. Legal
holds are asked again just before a file is recorded as moved.

References:
    21 CFR 211.180(c); EU GMP Annex 11 (2011), 7.1, 17.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from goldenbatch.core import authority
from goldenbatch.core.errors import GoldenbatchError, UnreachableError
from goldenbatch.core.holds import Hold, active_holds
from goldenbatch.core.plant import PLANT_STREAM, Plant, PlantAdopted
from goldenbatch.core.records import DataClass, Event, NewEvent
from goldenbatch.core.retention import BatchDates, Item
from goldenbatch.core.tiering import (
    TIERING_STREAM,
    DayFile,
    Goes,
    Stays,
    TieringPolicy,
    adopted_policies,
    may_move,
    policy_at,
    tiering_adopted,
)
from goldenbatch.runtime._batch_facts import BatchFacts

if TYPE_CHECKING:
    from goldenbatch.core.people import UserState
    from goldenbatch.core.site import Clock, LedgerPort
    from goldenbatch.runtime.people import People
    from goldenbatch.stores.historian import Historian
    from goldenbatch.stores.ledger import Ledger

_STRICTNESS = (DataClass.PERSONAL, DataClass.CONFIDENTIAL, DataClass.OPERATIONAL)
_MAX_FILES = 64
"""Files copied in one step: a crash does no more over again."""


@dataclass(frozen=True)
class TieringRun:
    """What a run did.

    Attributes:
        n_moved: Files that went to a tier.
        n_bytes_moved: Their size.
        n_settled: Copies at home that were taken off the disk.
        n_bytes_settled: Their size.
        n_left: Files in a tier whose copies at home stay for now.
        away: Tiers that could not be reached, in words; nothing is lost by it.
    """

    n_moved: int = 0
    n_bytes_moved: int = 0
    n_settled: int = 0
    n_bytes_settled: int = 0
    n_left: int = 0
    away: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)


@lru_cache(maxsize=8)
def _classes_of(text: str) -> Mapping[str, DataClass]:
    return {tag.name: tag.data_class for tag in Plant.from_text(text).tags}


def tag_classes(ledger: LedgerPort) -> dict[str, DataClass]:
    """Class of data of each tag; of several versions of the plant the strictest counts."""
    found: dict[str, DataClass] = {}
    for event in ledger.stream(PLANT_STREAM):
        body = event.decode()
        if not isinstance(body, PlantAdopted):
            continue
        for name, own in _classes_of(body.text).items():
            known = found.get(name, own)
            found[name] = min(known, own, key=_STRICTNESS.index)
    return found


class Tiering:
    """Which readings lie where, and how they go there.

    Args:
        ledger: What was done.
        historian: What was measured.
        people: Who may.
        clock: Present time, the ledger's.
    """

    def __init__(self, ledger: Ledger, historian: Historian, people: People, clock: Clock) -> None:
        self._ledger, self._historian = ledger, historian
        self._people, self._clock = people, clock

    def adopt(self, by: UserState, text: str, reason: str, effective_from: int = 0) -> Event:
        """Put a policy forward; it counts once another person signs it as approved.

        Args:
            by: Who does.
            text: The policy as TOML.
            reason: Why.
            effective_from: From when on; 0: now.

        Raises:
            BadInputError: It is no policy; file, line and key are named.
            DeniedError: The policy of the home forbids it.
        """
        authority.require(self._people.decide_may(by, "retention:adopt", TIERING_STREAM))
        body = tiering_adopted(text, effective_from or self._clock(), reason)
        head = self._ledger.version(TIERING_STREAM)
        return self._ledger.append([NewEvent(TIERING_STREAM, body, head, actor=by.uid)])[0]

    def policy(self) -> TieringPolicy | None:
        """The policy in force; None: none is, and everything stays at home."""
        return policy_at(self._ledger.stream(TIERING_STREAM), self._clock())

    def show(self) -> dict[str, Any]:
        """The policy in force, those that were put forward, and what the tiers hold."""
        policy = self.policy()
        digest = policy.digest() if policy is not None else ""
        return {
            "is_in_force": policy is not None,
            "rules": []
            if policy is None
            else [one.model_dump(mode="json") for one in policy.rules],
            "places": [] if policy is None else [one.model_dump() for one in policy.tiers],
            "policies": [
                {
                    "version": one.body.version,
                    "digest": one.body.digest,
                    "effective_from": one.body.effective_from,
                    "reason": one.body.reason,
                    "proposed_by": one.event.envelope.actor,
                    "approved_by": one.approved_by,
                    "is_in_force": bool(one.approved_by) and one.body.digest == digest,
                }
                for one in adopted_policies(self._ledger.stream(TIERING_STREAM))
            ],
            "tiers": [asdict(one) for one in self._historian.tiers()],
        }

    def plan(self) -> list[dict[str, Any]]:
        """Each file of readings: where it lies, whether it goes, and why (not)."""
        files = self._historian.days()
        return [_explained(file, verdict) for file, verdict in self._verdicts(files)]

    def _verdicts(self, files: Iterable[DayFile]) -> list[tuple[DayFile, Goes | Stays]]:
        policy, holds, now = self.policy(), self._holds(), self._clock()
        classes, facts = tag_classes(self._ledger), BatchFacts(self._ledger, ())
        return [
            (file, may_move(file, _item(file, classes, facts), classes, policy, holds, now))
            for file in files
        ]

    def _old(self, policy: TieringPolicy) -> Iterable[DayFile]:
        """Files at home of days that are old enough to look at their tags."""
        now = self._clock()
        return self._historian.days(
            lambda window, tier: not tier and policy.may_end(window[1], now)
        )

    def _holds(self) -> tuple[Hold, ...]:
        return active_holds(self._ledger.select("hold", {"is_active": 1}))

    def run(self) -> TieringRun:
        """Move what goes now, and take off the disk what tiers have had long enough.

        A tier that is away is told and stops no other.

        Raises:
            IntegrityError: A file is not what was written, here or in its tier.
            WriteRefusedError: The disk is full or broken.
        """
        policy = self.policy()
        away: list[str] = []
        moved: list[DayFile] = []
        by_tier: dict[str, list[tuple[DayFile, Goes]]] = {}
        for file, verdict in self._verdicts(self._old(policy)) if policy is not None else ():
            if isinstance(verdict, Goes):
                by_tier.setdefault(verdict.tier.name, []).append((file, verdict))
        for own in by_tier.values():
            try:
                moved += self._move(own, policy)
            except UnreachableError as error:
                away.append(str(error))
        settled = self._historian.settle()
        return TieringRun(
            n_moved=len(moved),
            n_bytes_moved=sum(one.n_bytes for one in moved),
            n_settled=settled.n_files,
            n_bytes_settled=settled.n_bytes,
            n_left=settled.n_left,
            away=tuple(dict.fromkeys([*away, *settled.away])),
        )

    def _move(
        self, own: Sequence[tuple[DayFile, Goes]], policy: TieringPolicy | None
    ) -> list[DayFile]:
        from goldenbatch.stores.historian import Tier

        if policy is None:
            return []
        place = own[0][1].tier
        moved: list[DayFile] = []
        for start in range(0, len(own), _MAX_FILES):
            part = own[start : start + _MAX_FILES]
            rules = sorted({name for _, verdict in part for name in verdict.rules})
            why = f"policy {policy.version} ({policy.digest()[:12]}), rule {', '.join(rules)}"
            files = [file for file, _ in part]
            tier = Tier(place.name, place.url)
            moved += self._historian.move(tier, files, self._guard(), why)
        return moved

    def _guard(self) -> Callable[[DayFile], Sequence[str]]:
        """Asked for each file just before it is recorded: a hold may have been placed since."""
        classes, facts = tag_classes(self._ledger), BatchFacts(self._ledger, ())

        def reasons(file: DayFile) -> Sequence[str]:
            verdict = may_move(
                file, _item(file, classes, facts), classes, self.policy(), self._holds(),
                self._clock(),
            )  # fmt: skip
            return verdict.reasons if isinstance(verdict, Stays) else ()

        return reasons


def _item(file: DayFile, classes: Mapping[str, DataClass], facts: BatchFacts) -> Item:
    """A file as legal holds see it; what nobody can say of it is held."""
    try:
        names = sorted(name for name, span in facts.spans.items() if span.overlaps(file.window))
    except GoldenbatchError:
        names = None
    return Item(
        what="readings",
        ref=f"{file.kind} readings of {file.date}",
        streams=frozenset({"chunk/"}),
        classes=frozenset(classes.get(tag, DataClass.CONFIDENTIAL) for tag in file.tags),
        batches=None if names is None else tuple(BatchDates(name) for name in names),
        places=frozenset(tag.rpartition("/")[0] for tag in file.tags),
        tags=file.tags,
        window=file.window,
    )


def _explained(file: DayFile, verdict: Goes | Stays) -> dict[str, Any]:
    """A file and what was decided on it, as plain values."""
    return {
        "date": file.date,
        "kind": file.kind,
        "tier": file.tier or "home",
        "n_readings": file.n_readings,
        "n_bytes": file.n_bytes,
        "digest": file.digest,
        "goes_to": verdict.tier.name if isinstance(verdict, Goes) else "",
        "reasons": [f"rule {one}" for one in verdict.rules]
        if isinstance(verdict, Goes)
        else list(verdict.reasons),
    }
