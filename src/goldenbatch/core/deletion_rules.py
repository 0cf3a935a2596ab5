"""Whether data may be deleted: one pure decision, explained in words.

References:
    21 CFR 11.10(c), 211.180; EU GMP Part I, 4.11; Regulation (EU) 2016/679, 17(3)(b).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from goldenbatch.core.deletion import DeletionState
from goldenbatch.core.holds import Hold
from goldenbatch.core.retention import Item, Schedule, day, kept

MAX_NAMED: Final = 5


@dataclass(frozen=True)
class MayGo:
    """It may be deleted.

    Attributes:
        until: When the last duty to keep it ended.
        rules: The rules that say so.
        evidence: On what it rests, in words.
    """

    until: int
    rules: tuple[str, ...]
    evidence: tuple[str, ...]
    is_allowed: Literal[True] = True


@dataclass(frozen=True)
class MustStay:
    """It must be kept, and why: all reasons, not only the first."""

    reasons: tuple[str, ...]
    is_allowed: Literal[False] = False


Verdict = MayGo | MustStay


def may_delete(
    item: Item, rules: Schedule | None, holds: Iterable[Hold], now: int
) -> MayGo | MustStay:
    """Decide whether something may be deleted; what cannot be shown to be free stays.

    It must be kept while a hold covers it, until every rule that counts for it has ended, and
    while any record must be kept that cannot be attributed without it.

    Args:
        item: What would go.
        rules: The schedule of retention in force; None: none is, and everything is kept.
        holds: Holds that count.
        now: Present time, by the ledger's clock.

    >>> from goldenbatch.core.records import DataClass
    >>> item = Item("record", "user/u1", frozenset({"user/u1"}), frozenset(DataClass))
    >>> may_delete(item, None, (), 0).reasons
    ('no schedule of retention is in force',)
    """
    active = tuple(holds)
    reasons = [
        f"hold {one.hold} covers {item.ref} ({one.scope.words()}; {one.basis})"
        for one in active
        if one.scope.covers(item)
    ]
    found = kept(item, rules)
    if found.until is None:
        reasons += found.grounds
    elif now < found.until:
        grounds = "; ".join(found.grounds)
        reasons.append(f"{item.ref} must be kept until {day(found.until)}: {grounds}")
    reasons += _attributions(item, rules, active, now)
    if reasons or found.until is None:
        return MustStay(tuple(dict.fromkeys(reasons)))
    return MayGo(found.until, found.rules, found.grounds)


def _attributions(item: Item, rules: Schedule | None, holds: Sequence[Hold], now: int) -> list[str]:
    """Records that must be kept and could not be attributed without the item."""
    bound: dict[str, str] = {}
    for record in item.named_in:
        verdict = may_delete(record, rules, holds, now)
        if isinstance(verdict, MustStay):
            bound[record.ref] = verdict.reasons[0]
    named = [f"{ref} could not be attributed without it: {why}" for ref, why in bound.items()]
    more = len(named) - MAX_NAMED
    return named[:MAX_NAMED] + ([f"and so for {more} more records"] if more > 0 else [])


def may_carry_out(
    state: DeletionState,
    items: Mapping[str, Item],
    rules: Schedule | None,
    holds: Iterable[Hold],
    now: int,
) -> MayGo | MustStay:
    """Whether a deletion may be carried out at this moment: two people, no hold, time over.

    Args:
        state: The deletion.
        items: Everything that it names, by ref, as it stands now.
        rules: The schedule in force.
        holds: Holds that count.
        now: Present time, by the ledger's clock.
    """
    reasons, held = list(state.lacks()), tuple(holds)
    until = 0
    names: list[str] = []
    evidence: list[str] = []
    for thing in state.proposal.things:
        item = items.get(thing.ref)
        if item is None:
            reasons.append(f"{thing.ref} is not there, or is not what was proposed")
            continue
        verdict = may_delete(item, rules, held, now)
        if isinstance(verdict, MustStay):
            reasons += verdict.reasons
        else:
            until = max(until, verdict.until)
            names += verdict.rules
            evidence += verdict.evidence
    if reasons:
        return MustStay(tuple(dict.fromkeys(reasons)))
    return MayGo(until, tuple(dict.fromkeys(names)), tuple(evidence))
