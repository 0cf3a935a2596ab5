"""Authority: who may do what, decided by a table of rules and by facts from the ledger.

Everything here is pure. A rule is a conjunction of conditions of five closed kinds (role,
no role, fact, state, membership in a set of people of the record), so that the same table
can be evaluated for one record and compiled to SQL for lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.facts import Fact, FactProvider, RecordFacts, RecordState
from goldenbatch.core.people import HASH_PATTERN, Meaning
from goldenbatch.core.records import Body, Event, Micros, record_type
from goldenbatch.core.site import Actor

POLICY_STREAM: Final = "master/policy"

People = Literal["performers", "workers", "verifiers", "judges"]
Independence = Literal["none", "performer", "not_judge", "not_worker", "not_worker_nor_verifier"]

_MEMBERSHIP: Final[Mapping[Independence, tuple[tuple[People, bool], ...]]] = {
    "none": (),
    "performer": (("performers", True), ("judges", False)),
    "not_judge": (("judges", False),),
    "not_worker": (("workers", False),),
    "not_worker_nor_verifier": (("workers", False), ("verifiers", False)),
}
_PEOPLE: Final[Mapping[People, str]] = {
    "performers": "those who performed it",
    "workers": "those who did the work",
    "verifiers": "those who verified it",
    "judges": "those who signed a judgement of it",
}


@dataclass(frozen=True)
class Condition:
    """One condition of a rule; the closed set that SQL can be compiled from.

    Attributes:
        kind: `role` (holds one of `values`), `no_role` (holds none), `fact` (named
            `values[0]`), `state` (of the record, one of `values`), `member` and
            `no_member` (actor is in the record's set of people `values[0]`, or is not).
    """

    kind: Literal["role", "no_role", "fact", "state", "member", "no_member"]
    values: tuple[str, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Role(_Strict):
    """A role; one without GMP meaning signs nothing."""

    title: str = Field(min_length=1)
    gmp: bool


class Rule(_Strict):
    """One row of the policy.

    Attributes:
        action: `sign:<meaning>`, or another action such as `record` or `user:add`.
        roles: Holding one of them is enough.
        facts: Names of the facts required.
        independence: How the actor must stand to the record.
        states: States of the record in which it is allowed; empty: all.
        gmp: Whether those with a role without GMP meaning are shut out.
        source: Clause that asks for it.
    """

    action: str = Field(pattern=r"^[a-z][a-z_]*(:[a-z_]+)?$")
    roles: tuple[str, ...] = Field(min_length=1)
    facts: tuple[str, ...] = Field(min_length=1)
    independence: Independence = "none"
    states: tuple[RecordState, ...] = ()
    gmp: bool = True
    source: str = ""

    @model_validator(mode="after")
    def _keeps_independence(self) -> Rule:
        if not self.action.startswith("sign:"):
            return self
        meaning = Meaning(self.action.removeprefix("sign:"))
        if not self.gmp:
            raise ValueError(f"a signature {meaning.value} is always of GMP meaning")
        wanted = ("performer",) if meaning is Meaning.PERFORMED else _INDEPENDENT
        if meaning not in (Meaning.PERFORMED, Meaning.VERIFIED):
            wanted = ("not_worker_nor_verifier",)
        if self.independence not in wanted:
            raise ValueError(f"{meaning.value} needs independence {' or '.join(wanted)}")
        missing = {"account_active", "roles_granted"} - set(self.facts)
        if missing:
            raise ValueError(f"{meaning.value} needs the fact {sorted(missing)[0]}")
        return self


_INDEPENDENT: Final = ("not_worker", "not_worker_nor_verifier")


class Policy(_Strict):
    """A versioned table of rules; its digest goes into every signature made under it."""

    schema_: Literal["goldenbatch/policy/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    judgements: tuple[str, ...] = ()
    roles: dict[str, Role]
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Policy:
        for rule in self.rules:
            for role in rule.roles:
                if role not in self.roles:
                    raise ValueError(f"rule {rule.action} names the unknown role {role!r}")
                if rule.gmp and not self.roles[role].gmp:
                    raise ValueError(f"rule {rule.action}: role {role!r} carries no GMP meaning")
        missing = {f"sign:{meaning.value}" for meaning in Meaning} - {r.action for r in self.rules}
        if missing:
            raise ValueError(f"no rule for {', '.join(sorted(missing))}")
        return self

    @property
    def roles_without_meaning(self) -> frozenset[str]:
        """Roles that carry no GMP meaning."""
        return frozenset(name for name, role in self.roles.items() if not role.gmp)

    def digest(self) -> str:
        """SHA-256 of the canonical text of the table, hexadecimal; comments do not count."""
        text = canonical_text(self.model_dump(mode="json", by_alias=True))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def rules_for(self, action: str) -> tuple[Rule, ...]:
        """The rules of an action; any one of them is enough."""
        return tuple(rule for rule in self.rules if rule.action == action)

    def conditions(self, rule: Rule) -> tuple[Condition, ...]:
        """All conditions of a rule; every one must hold."""
        found = [Condition("role", rule.roles)]
        if rule.gmp:
            found.append(Condition("no_role", tuple(sorted(self.roles_without_meaning))))
        found += [Condition("fact", (name,)) for name in rule.facts]
        if rule.states:
            found.append(Condition("state", rule.states))
        for people, is_member in _MEMBERSHIP[rule.independence]:
            found.append(Condition("member" if is_member else "no_member", (people,)))
        return tuple(found)

    def check_roles(self, roles: Iterable[str]) -> None:
        """Refuse a set of roles that one person may not hold together.

        Raises:
            BadInputError: A role is unknown, or one without GMP meaning is mixed with others.

        References:
            EU GMP Annex 11, draft of July 2025, 11.11.
        """
        held = frozenset(roles)
        for role in sorted(held - self.roles.keys()):
            raise BadInputError(
                f"the policy knows no role {role!r}.", hint=f"Roles: {', '.join(self.roles)}."
            )
        apart = held & self.roles_without_meaning
        if apart and held - apart:
            raise BadInputError(
                f"one person cannot hold {', '.join(sorted(apart))} together with "
                f"{', '.join(sorted(held - apart))}.",
                hint="Give the person a second account, or revoke one of the roles.",
            )


def load_policy(text: str, file: str = "") -> Policy:
    """Read a policy from TOML.

    Raises:
        BadInputError: It is no policy; file, line and key are named.
    """
    data = read_toml(text, file)
    try:
        return Policy.model_validate(data)
    except ValidationError as error:
        raise bad_key(error, text, file) from error


def first_policy_text() -> str:
    """TOML text of the policy that the package ships."""
    return files("goldenbatch.core").joinpath("data", "policy.toml").read_text("utf-8")


@cache
def first_policy() -> Policy:
    """The policy that the package ships."""
    return load_policy(first_policy_text(), "policy.toml")


@record_type
class PolicyAdopted(Body):
    """A version of the policy came into force from a date on."""

    supersedes: ClassVar[tuple[str, ...]] = ("PolicyAdopted",)

    version: str = Field(min_length=1)
    digest: str = Field(pattern=HASH_PATTERN)
    effective_from: Micros
    text: str = Field(min_length=1, description="The policy as TOML, whole.")
    reason: str = ""


def adopted(text: str, effective_from: int, reason: str = "") -> PolicyAdopted:
    """The event that adopts a policy.

    Raises:
        BadInputError: The text is no policy.
    """
    policy = load_policy(text, "policy.toml")
    return PolicyAdopted(
        version=policy.version,
        digest=policy.digest(),
        effective_from=effective_from,
        text=text,
        reason=reason,
    )


def policy_at(events: Iterable[Event], now: int) -> Policy:
    """The policy in force at a time, from the stream `master/policy`.

    Raises:
        NotFoundError: None was in force yet.
    """
    text = ""
    for event in events:
        body = event.decode()
        if isinstance(body, PolicyAdopted) and body.effective_from <= now:
            text = body.text
    if not text:
        raise NotFoundError("no policy is in force.", hint="Adopt one.")
    return load_policy(text, POLICY_STREAM)


@dataclass(frozen=True)
class Allow:
    """The action is allowed.

    Attributes:
        action: What is allowed.
        role: Role under which it is: the first of the rule's that the actor holds.
        policy_hash: Digest of the policy.
        evidence: What it rests on, in words.
        records: Events that show it, as `stream@version`.
    """

    action: str
    role: str
    policy_hash: str
    evidence: tuple[str, ...]
    records: tuple[str, ...] = ()
    is_allowed: Literal[True] = True


@dataclass(frozen=True)
class Deny:
    """The action is denied, and why: all reasons, not only the first."""

    action: str
    policy_hash: str
    reasons: tuple[str, ...]
    is_allowed: Literal[False] = False


Decision = Allow | Deny


def may(
    policy: Policy,
    actor: Actor,
    action: str,
    record: RecordFacts,
    facts: Mapping[str, FactProvider],
    now: int,
) -> Decision:
    """Decide whether an actor may do something to a record; what is not allowed is denied.

    >>> decision = may(first_policy(), Actor("u1"), "sign:verified", RecordFacts("b/1"), {}, 0)
    >>> decision.is_allowed
    False
    """
    rules = policy.rules_for(action)
    if not rules:
        return Deny(action, policy.digest(), (f"the policy has no rule for {action!r}",))
    denials: list[tuple[str, ...]] = []
    for rule in rules:
        grounds = [
            _ground(condition, actor, record, facts, now) for condition in policy.conditions(rule)
        ]
        reasons = tuple(one.statement for one in grounds if not one.holds)
        if not reasons:
            return Allow(
                action=action,
                role=next(role for role in rule.roles if role in actor.roles),
                policy_hash=policy.digest(),
                evidence=tuple(one.statement for one in grounds),
                records=tuple(dict.fromkeys(ref for one in grounds for ref in one.records)),
            )
        denials.append(reasons)
    return Deny(action, policy.digest(), min(denials, key=len))


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


def _ground(
    condition: Condition,
    actor: Actor,
    record: RecordFacts,
    facts: Mapping[str, FactProvider],
    now: int,
) -> Fact:
    values = condition.values
    if condition.kind == "fact":
        provider = facts.get(values[0])
        if provider is None:
            return Fact(False, f"nobody can say whether {values[0]} holds")
        return provider.fact(actor, record, now)
    if condition.kind == "state":
        statement = f"record {record.ref} is {record.state}"
        return Fact(record.state in values, statement, (record.ref,))
    if condition.kind in ("member", "no_member"):
        return _membership(condition, actor, record)
    return _roles(condition, actor)


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
