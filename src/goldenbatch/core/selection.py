"""The policy compiled to SQL: of which records somebody may do something, as one condition.

The condition is over the tables of `record_links`, in the common part of SQLite's and
PostgreSQL's SQL, with `?` for each parameter. A property test holds it equal to `may`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from goldenbatch.core.authority import StandIn
from goldenbatch.core.facts import FactProvider, Scope, own_streams
from goldenbatch.core.policy import Condition, Policy
from goldenbatch.core.records import Clause, DataClass
from goldenbatch.core.site import Actor

_LINK, _STATE = "p_record_link", "p_record_state"
_NOT_IN = "{stream} NOT IN ("


EVERY: Final = Clause("1 = 1")
NONE: Final = Clause("1 = 0")


@dataclass(frozen=True)
class _Outside(Clause):
    """Condition that the record is none of those that a query gives."""


def _outside(query: str, parameters: tuple[str, ...]) -> Clause:
    return _Outside(f"{_NOT_IN}{query})", parameters)


def both(clauses: Iterable[Clause]) -> Clause:
    """All of several conditions."""
    found = list(dict.fromkeys(clauses))
    outside = [one for one in found if isinstance(one, _Outside)]
    if len(outside) > 1:  # one look-up a record among all that are left out, not one for each
        queries = (one.sql.removeprefix(_NOT_IN).removesuffix(")") for one in outside)
        parameters = tuple(value for one in outside for value in one.parameters)
        found = [one for one in found if one not in outside]
        found.append(_outside(" UNION ALL ".join(queries), parameters))
    return _joined(found, " AND ", EVERY, NONE)


def either(clauses: Iterable[Clause]) -> Clause:
    """Any of several conditions."""
    return _joined(list(clauses), " OR ", NONE, EVERY)


def _joined(clauses: list[Clause], word: str, neutral: Clause, final: Clause) -> Clause:
    if final in clauses:
        return final
    kept = list(dict.fromkeys(one for one in clauses if one != neutral))
    if not kept:
        return neutral
    if len(kept) == 1:
        return kept[0]
    sql = word.join(f"({one.sql})" for one in kept)
    return Clause(sql, tuple(value for one in kept for value in one.parameters))


@dataclass(frozen=True)
class Selection:
    """The records of which somebody may do something.

    Attributes:
        clause: The condition; where `is_exact` is False it lets through too many.
        is_exact: Whether no fact is left to be checked record by record with `may`.
    """

    clause: Clause
    is_exact: bool = True


@dataclass(frozen=True)
class _Asker:
    policy: Policy
    facts: Mapping[str, FactProvider]
    now: int


def selection(
    policy: Policy,
    actor: Actor,
    action: str,
    facts: Mapping[str, FactProvider],
    now: int,
    *,
    stand_ins: Sequence[StandIn] = (),
) -> Selection:
    """The records of which `may` allows the action to the actor, as SQL."""
    asker = _Asker(policy, facts, now)
    found: list[Clause] = []
    is_exact = True
    for rule, conditions in policy.cases(action):
        ways = [_all(conditions, actor, asker)]
        for lent in stand_ins:
            if lent.covers(rule) and lent.delegator.uid != actor.uid and _holds(lent):
                own = [one for one in conditions if one.kind != "role"]
                parts = (_all(own, actor, asker), _all(conditions, lent.delegator, asker))
                clause = both(one.clause for one in parts)
                ways.append(Selection(clause, all(one.is_exact for one in parts)))
        for way in ways:
            found.append(way.clause)
            is_exact &= way.is_exact or way.clause == NONE
    return Selection(either(found), is_exact)


def _holds(lent: StandIn) -> bool:
    return lent.role in lent.delegator.roles


def _all(conditions: Iterable[Condition], actor: Actor, asker: _Asker) -> Selection:
    parts = [_condition(one, actor, asker) for one in conditions]
    return Selection(both(one for one in parts if one is not None), None not in parts)


def _condition(condition: Condition, actor: Actor, asker: _Asker) -> Clause | None:
    """One condition as SQL; None for a fact that only Python can tell."""
    values = condition.values
    if condition.kind == "role":
        return EVERY if actor.roles & set(values) else NONE
    if condition.kind == "no_role":
        return NONE if actor.roles & set(values) else EVERY
    if condition.kind == "state":
        return _state(values)
    if condition.kind == "no_subject":
        streams = sorted(own_streams(actor.uid))
        return Clause(f"{{stream}} NOT IN ({_marks(streams)})", tuple(streams))
    if condition.kind in ("member", "no_member"):
        return _member(condition, actor.uid, asker.policy)
    return _fact(condition, actor, asker)


def _fact(condition: Condition, actor: Actor, asker: _Asker) -> Clause | None:
    is_procedure = condition.kind == "procedure"
    provider = asker.facts.get("trained" if is_procedure else condition.values[0])
    if provider is None:
        return NONE
    ask = getattr(provider, "scope", None)
    if ask is None:
        return None
    scope: Scope = ask(actor, asker.now)
    if is_procedure:
        known = scope.only is None or set(condition.values) <= scope.only
        return EVERY if scope.holds and known else NONE
    return _scope(scope)


def _scope(scope: Scope) -> Clause:
    if not scope.holds:
        return NONE
    if scope.relation == "stream":
        return both([_named(scope.only, "IN", NONE), _named(scope.never or None, "NOT IN", EVERY)])
    return both([_only(scope.relation, scope.only), _never(scope.relation, scope.never)])


def _named(streams: frozenset[str] | None, word: str, of_none: Clause) -> Clause:
    """Condition that a record is (not) one of those named; None: any."""
    if streams is None:
        return EVERY
    known = sorted(streams)
    return Clause(f"{{stream}} {word} ({_marks(known)})", tuple(known)) if known else of_none


def _only(relation: str, only: frozenset[str] | None) -> Clause:
    if only is None:
        return EVERY
    known = sorted(only)
    outside = f" AND value NOT IN ({_marks(known)})" if known else ""
    inside = f"SELECT stream FROM {_LINK} WHERE relation = ?{outside}"  # noqa: S608 (own names)
    return _outside(inside, (relation, *known))


def _never(relation: str, never: frozenset[str]) -> Clause:
    if not never:
        return EVERY
    bad = sorted(never)
    inside = f"SELECT stream FROM {_LINK} WHERE relation = ? AND value IN ({_marks(bad)})"  # noqa: S608
    return _outside(inside, (relation, *bad))


def _state(states: tuple[str, ...]) -> Clause:
    # A record without a row was never signed and is open.
    word = "NOT IN" if "open" in states else "IN"
    inside = f"SELECT stream FROM {_STATE} WHERE state {word} ({_marks(states)})"  # noqa: S608
    if "open" in states:
        return _outside(inside, states)
    return Clause(f"{{stream}} IN ({inside})", states)


def _member(condition: Condition, uid: str, policy: Policy) -> Clause:
    relations, parameters = _relations(condition.values[0], policy)
    inside = f"SELECT stream FROM {_LINK} WHERE value = ? AND ({relations})"  # noqa: S608
    if condition.kind == "no_member":
        return _outside(inside, (uid, *parameters))
    return Clause(f"{{stream}} IN ({inside})", (uid, *parameters))


def _relations(people: str, policy: Policy) -> tuple[str, tuple[str, ...]]:
    """Which relations make a person one of the record's people."""
    entry = "substr(relation, 1, 3) = 'by:'"
    if people == "performers":
        return entry, ()
    if people == "verifiers":
        return "relation = 'sign:verified'", ()
    if people == "judges":
        return "substr(relation, 1, 5) = 'sign:' AND relation <> 'sign:performed'", ()
    not_work = tuple(f"by:{kind}" for kind in policy.judgements)
    if not_work:
        entry = f"{entry} AND relation NOT IN ({_marks(not_work)})"
    return f"({entry}) OR relation = 'sign:performed'", not_work


def readable(classes: frozenset[DataClass], uid: str) -> Clause:
    """Condition for records whose every entry is of a class that may be read, or one's own."""
    hidden = sorted(one.value for one in set(DataClass) - classes)
    own = sorted(own_streams(uid))
    theirs = Clause(f"{{stream}} IN ({_marks(own)})", tuple(own))
    if DataClass.OPERATIONAL not in classes:
        return theirs
    return either([_never("class", frozenset(hidden)), theirs])


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)
