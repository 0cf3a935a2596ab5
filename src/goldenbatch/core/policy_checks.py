"""What a proposed policy may not do, whoever proposes it.

The table itself refuses much by its form (`core.policy`); here is what depends on which policies
the package ships and on the people of the home.

References:
    21 CFR 11.10(g), 11.10(i), 11.100(b), 11.200(a); EU GMP Annex 11 (2011) 12, 15.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from goldenbatch.core.people import Meaning
from goldenbatch.core.policy import Policy, Rule, first_policy

ADOPT: Final = "policy:adopt"
PROPOSE: Final = "policy:propose"
_PROPOSING: Final = (PROPOSE, "procedure:issue", "adopt")
"""What lets one propose; older tables have no rule of its own for it."""
_MANAGING: Final = ("user:add", "user:grant", "user:disable")
_WORK: Final = ("record", "correct", "import")
_GMP: Final = (*_WORK, "decide")
_ABOUT_OTHERS: Final = (
    "user:add",
    "user:grant",
    "user:confirm",
    "user:disable",
    "user:identify",
    "user:window",
    "training:assess",
)
_BEFORE_SIGNING: Final = ("trained", "identity_verified", "accountability_signed")


def proposing(policy: Policy) -> str:
    """Action that lets one propose a policy."""
    return next((one for one in _PROPOSING if policy.rules_for(one)), PROPOSE)


def adopting(policy: Policy) -> tuple[str, ...]:
    """Actions that one needs to adopt a policy."""
    own = (ADOPT,) if policy.rules_for(ADOPT) else ()
    return (*own, f"sign:{policy.signed_as.value}")


def holders_of(
    policy: Policy, actions: tuple[str, ...], people: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Who holds a role for each of some actions, by people with their roles."""

    def holds(roles: frozenset[str], rule: Rule) -> bool:
        apart = roles & policy.roles_without_meaning if rule.gmp else frozenset()
        return bool(roles & set(rule.roles)) and not apart

    return frozenset(
        uid
        for uid, roles in people.items()
        if all(any(holds(roles, rule) for rule in policy.rules_for(name)) for name in actions)
    )


def policy_faults(policy: Policy, people: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Why a policy cannot be adopted in a home, in words; empty when it can.

    Args:
        policy: The proposed table.
        people: Uids of the active accounts, with the roles that they hold.

    >>> policy_faults(first_policy(), {"u1": frozenset({"quality_reviewer"})})
    ('nobody but one person could propose and adopt a policy under it: it takes two',)
    """
    return (*table_faults(policy), *_readiness(policy), *_last_person(policy, people))


def table_faults(policy: Policy) -> tuple[str, ...]:
    """Why a policy cannot be adopted in any home, whoever is in it, and however it came."""
    return (*_administration(policy), *_independence(policy))


def _administration(policy: Policy) -> Iterator[str]:
    """A role that manages people carries no GMP meaning."""
    managing = {role for name in _MANAGING for one in policy.rules_for(name) for role in one.roles}
    for role in sorted((managing | {"administrator"}) & policy.roles.keys()):
        if policy.roles[role].gmp:
            yield f"the role {role} manages people, and would carry GMP meaning"


def _independence(policy: Policy) -> Iterator[str]:
    """Who did the work judges nothing of it, and nobody changes their own rights."""
    for kind in sorted(set(policy.judgements) - set(first_policy().judgements)):
        yield f"{kind} would be no work, so that who recorded it could verify and release it"
    for rule in policy.rules:
        if rule.action in _WORK and rule.independence in ("none", "not_subject"):
            yield f"{rule.action} without independence would let who judged a record change it"
        if rule.action in _GMP and not rule.gmp:
            yield f"{rule.action} would be given to roles that carry no GMP meaning"
        if rule.action in _ABOUT_OTHERS and rule.independence != "not_subject":
            yield f"{rule.action} would let people act on their own account"
    if policy.signed_as in (Meaning.PERFORMED, Meaning.VERIFIED, Meaning.REJECTED):
        yield f"a policy cannot be signed as {policy.signed_as.value}"


def _readiness(policy: Policy) -> Iterator[str]:
    """Nobody signs untrained, unidentified, or without having accepted accountability."""
    for rule in policy.rules:
        if rule.action.startswith("sign:"):
            missing = [name for name in _BEFORE_SIGNING if name not in rule.facts]
            if missing:
                yield f"{rule.action} would ask no more for {', '.join(missing)}"


def _last_person(policy: Policy, people: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Somebody must be left who can adopt the next policy, and another one to propose it."""
    able = holders_of(policy, adopting(policy), people)
    if not able:
        yield "nobody could adopt a policy under it any more: no active person has the roles"
        return
    others = holders_of(policy, (proposing(policy),), people)
    if len(able | others) < 2 or not others:
        yield "nobody but one person could propose and adopt a policy under it: it takes two"
