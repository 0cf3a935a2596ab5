"""Authority: who may do what, decided by a table of rules and by facts from the ledger.

Everything here is pure: `may` decides for one record; `goldenbatch.core.selection` compiles the
same rules to SQL for lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from goldenbatch.core.errors import DeniedError
from goldenbatch.core.facts import Fact, FactProvider, RecordFacts
from goldenbatch.core.people import SignerClass
from goldenbatch.core.policy import (
    POLICY_STREAM,
    Condition,
    People,
    Policy,
    PolicyAdopted,
    Role,
    Rule,
    adopted,
    first_policy,
    first_policy_text,
    load_policy,
)
from goldenbatch.core.policy_standing import policy_at
from goldenbatch.core.site import Actor

__all__ = [
    "POLICY_STREAM",
    "Allow",
    "Condition",
    "Decision",
    "Deny",
    "Policy",
    "PolicyAdopted",
    "Role",
    "Rule",
    "StandIn",
    "adopted",
    "first_policy",
    "first_policy_text",
    "load_policy",
    "may",
    "policy_at",
    "require",
]

_PEOPLE: Final[Mapping[People, str]] = {
    "performers": "those who performed it",
    "workers": "those who did the work",
    "verifiers": "those who verified it",
    "judges": "those who signed a judgement of it",
}


@dataclass(frozen=True)
class StandIn:
    """A delegation in force, as a decision needs it.

    Attributes:
        delegator: In whose place the actor may act, with all roles held at present.
        role: The delegator's role that is lent; no other.
        actions: Actions that it is lent for; empty: all that may be delegated.
        ref: The event that approved it, as `stream@version`.
    """

    delegator: Actor
    role: str
    actions: tuple[str, ...] = ()
    ref: str = ""

    def covers(self, rule: Rule) -> bool:
        """Whether it can stand for the role that a rule asks for."""
        is_named = not self.actions or rule.action in self.actions
        return rule.is_delegable and is_named and self.role in rule.roles


@dataclass(frozen=True)
class Allow:
    """The action is allowed.

    Attributes:
        action: What is allowed.
        role: Role under which it is: the first of the rule's that the actor holds, or the
            one that was lent.
        policy_hash: Digest of the policy.
        evidence: What it rests on, in words.
        records: Events that show it, as `stream@version`.
        minimum_class: Weakest class of signature that the rule takes.
        components: Components that a signature by password needs.
        acting_for: Uid of the delegator; empty: the actor acts in their own right.
        delegation: The event that lends the role, as `stream@version`; empty: none.
    """

    action: str
    role: str
    policy_hash: str
    evidence: tuple[str, ...]
    records: tuple[str, ...] = ()
    minimum_class: SignerClass = SignerClass.SERVER_ATTESTED
    components: int = 2
    acting_for: str = ""
    delegation: str = ""
    is_allowed: Literal[True] = True


@dataclass(frozen=True)
class Deny:
    """The action is denied, and why: all reasons, not only the first."""

    action: str
    policy_hash: str
    reasons: tuple[str, ...]
    is_allowed: Literal[False] = False


Decision = Allow | Deny


@dataclass(frozen=True)
class _Question:
    actor: Actor
    record: RecordFacts
    facts: Mapping[str, FactProvider]
    now: int


def may(
    policy: Policy,
    actor: Actor,
    action: str,
    record: RecordFacts,
    facts: Mapping[str, FactProvider],
    now: int,
    *,
    stand_ins: Sequence[StandIn] = (),
) -> Decision:
    """Decide whether an actor may do something to a record; what is not allowed is denied.

    With a delegation the actor may do what the delegator may do at that moment, by the role
    that was lent, if everything else (training, independence, account) holds for the actor
    too: a delegation never widens anything.

    Args:
        policy: The table in force.
        actor: Who acts.
        action: Such as `sign:verified`.
        record: What is known of the record.
        facts: Providers by name; one that a rule asks for and that is missing denies.
        now: Present time.
        stand_ins: Delegations to the actor that are in force.

    >>> decision = may(first_policy(), Actor("u1"), "sign:verified", RecordFacts("b/1"), {}, 0)
    >>> decision.is_allowed
    False
    """
    cases = policy.cases(action)
    if not cases:
        return Deny(action, policy.digest(), (f"the policy has no rule for {action!r}",))
    question = _Question(actor, record, facts, now)
    denials: list[tuple[str, ...]] = []
    for rule, conditions in cases:
        grounds = [_ground(condition, question) for condition in conditions]
        reasons = tuple(one.statement for one in grounds if not one.holds)
        if not reasons:
            role = next(role for role in rule.roles if role in actor.roles)
            return _allow(policy, rule, grounds, role)
        denials.append(reasons)
        for lent in stand_ins:
            grounds = _lent_grounds(lent, rule, conditions, question)
            if grounds and all(one.holds for one in grounds):
                return _allow(policy, rule, grounds, lent.role, lent)
    return Deny(action, policy.digest(), min(denials, key=len))


def _allow(
    policy: Policy, rule: Rule, grounds: Sequence[Fact], role: str, lent: StandIn | None = None
) -> Allow:
    return Allow(
        action=rule.action,
        role=role,
        policy_hash=policy.digest(),
        evidence=tuple(one.statement for one in grounds),
        records=tuple(dict.fromkeys(ref for one in grounds for ref in one.records)),
        minimum_class=rule.minimum_class,
        components=rule.components,
        acting_for=lent.delegator.uid if lent is not None else "",
        delegation=lent.ref if lent is not None else "",
    )


def _lent_grounds(
    lent: StandIn, rule: Rule, conditions: Sequence[Condition], question: _Question
) -> list[Fact]:
    """Grounds of acting in another's place; none where the delegation is for something else."""
    delegator, uid = lent.delegator, question.actor.uid
    if not lent.covers(rule) or delegator.uid == uid:
        return []
    holds_it = lent.role in delegator.roles
    words = f"acts for {delegator.uid} as {lent.role} by delegation"
    grounds = [Fact(holds_it, words, (lent.ref,) if lent.ref else ())]
    grounds += [_ground(one, question) for one in conditions if one.kind != "role"]
    theirs = _Question(delegator, question.record, question.facts, question.now)
    return grounds + [_ground(one, theirs) for one in conditions]


def require(decision: Decision) -> Allow:
    """Pass an allowance on.

    Raises:
        DeniedError: The action was denied; all reasons are named.
    """
    if isinstance(decision, Allow):
        return decision
    raise DeniedError(
        f"{decision.action} is denied: {'; '.join(decision.reasons)}.",
        hint="Ask somebody who may do it, or have the facts put right.",
    )


def _ground(condition: Condition, question: _Question) -> Fact:
    values, record, actor = condition.values, question.record, question.actor
    if condition.kind == "fact":
        return _fact(values[0], question)
    if condition.kind == "procedure":
        return _procedures(values, question)
    if condition.kind == "state":
        statement = f"record {record.ref} is {record.state}"
        return Fact(record.state in values, statement, (record.ref,))
    if condition.kind == "no_subject":
        is_own = record.is_about(actor.uid)
        return Fact(not is_own, f"{record.stream} is {'' if is_own else 'not '}about {actor.uid}")
    if condition.kind in ("member", "no_member"):
        return _membership(condition, actor, record)
    return _roles(condition, actor)


def _fact(name: str, question: _Question) -> Fact:
    provider = question.facts.get(name)
    if provider is None:
        return Fact(False, f"nobody can say whether {name} holds")
    return provider.fact(question.actor, question.record, question.now)


def _procedures(names: tuple[str, ...], question: _Question) -> Fact:
    """Training on procedures that the rule itself names, by the provider of `trained`."""
    provider = question.facts.get("trained")
    if provider is None:
        return Fact(False, "nobody can say whether trained holds")
    cited = RecordFacts(question.record.stream, cites=frozenset(names))
    return provider.fact(question.actor, cited, question.now)


def _roles(condition: Condition, actor: Actor) -> Fact:
    held = [role for role in condition.values if role in actor.roles]
    if condition.kind == "role":
        wanted = " or ".join(condition.values)
        return Fact(bool(held), f"role {held[0]}" if held else f"needs role {wanted}")
    if held:
        return Fact(False, f"role {held[0]} carries no GMP meaning")
    return Fact(True, "no role without GMP meaning")


def _membership(condition: Condition, actor: Actor, record: RecordFacts) -> Fact:
    people: frozenset[str] = getattr(record, condition.values[0])
    is_member = actor.uid in people
    words = _PEOPLE[condition.values[0]]  # type: ignore[index]
    statement = f"{actor.uid} is {'' if is_member else 'not '}among {words} ({record.ref})"
    return Fact(is_member == (condition.kind == "member"), statement, (record.ref,))
