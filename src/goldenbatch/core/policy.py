"""The policy: a signed, versioned table of who may do what (meaning x facts x independence).

A rule is a conjunction of conditions of closed kinds (role, no role, fact, state, membership
in a set of people of the record, not about oneself), so that the same table can be evaluated
for one record and compiled to SQL for lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from goldenbatch.core._canonical import canonical_text
from goldenbatch.core._toml import bad_key, read_toml
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.facts import RecordState
from goldenbatch.core.people import HASH_PATTERN, Meaning, SignerClass
from goldenbatch.core.records import Body, DataClass, HomeKind, Micros, record_type

POLICY_STREAM: Final = "master/policy"

People = Literal["performers", "workers", "verifiers", "judges"]
Independence = Literal[
    "none", "performer", "not_judge", "not_worker", "not_worker_nor_verifier", "not_subject"
]

_MEMBERSHIP: Final[Mapping[Independence, tuple[tuple[People, bool], ...]]] = {
    "none": (),
    "performer": (("performers", True), ("judges", False)),
    "not_judge": (("judges", False),),
    "not_worker": (("workers", False),),
    "not_worker_nor_verifier": (("workers", False), ("verifiers", False)),
    "not_subject": (),
}


@dataclass(frozen=True)
class Condition:
    """One condition of a rule; the closed set that SQL can be compiled from.

    Attributes:
        kind: `role` (holds one of `values`), `no_role` (holds none), `fact` (named
            `values[0]`), `state` (of the record, one of `values`), `member` and
            `no_member` (actor is in the record's set of people `values[0]`, or is not),
            `procedure` (trained on each of `values`), `no_subject` (the record is not about
            the actor).
    """

    kind: Literal[
        "role", "no_role", "fact", "state", "member", "no_member", "procedure", "no_subject"
    ]
    values: tuple[str, ...]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


_EVERY_CLASS: Final = (DataClass.OPERATIONAL, DataClass.CONFIDENTIAL, DataClass.PERSONAL)
_ACCOUNT_FACTS: Final = frozenset({"account_active", "roles_granted"})


class Role(_Strict):
    """A role; one without GMP meaning signs nothing.

    Attributes:
        title: For people.
        gmp: Whether it carries GMP meaning.
        reads: Classes of data that it may read, beside what is about its holder.
        time_boxed: It counts only within a window that somebody set for the person.
    """

    title: str = Field(min_length=1)
    gmp: bool
    reads: tuple[DataClass, ...] = _EVERY_CLASS
    time_boxed: bool = False


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
        procedures: Procedures whose version in force the actor must be trained on, whatever
            the record cites.
        persons: 2: one proposes and another one confirms.
        is_delegable: Whether one may let another person do it in one's place.
        minimum_class: Weakest class of signature that will do; for `sign:<meaning>`.
        components: How many a signature by password needs: 2 (login, password) or 3 (and TOTP).
    """

    action: str = Field(pattern=r"^[a-z][a-z_]*(:[a-z_]+)?$")
    roles: tuple[str, ...] = Field(min_length=1)
    facts: tuple[str, ...] = Field(min_length=1)
    independence: Independence = "none"
    states: tuple[RecordState, ...] = ()
    gmp: bool = True
    source: str = ""
    procedures: tuple[str, ...] = ()
    persons: Literal[1, 2] = 1
    is_delegable: bool = False
    minimum_class: SignerClass = SignerClass.SERVER_ATTESTED
    components: Literal[2, 3] = 2

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
        if meaning is Meaning.PERFORMED and self.is_delegable:
            raise ValueError("performed is signed by the performer, never by a delegate")
        missing = _ACCOUNT_FACTS - set(self.facts)
        if missing:
            raise ValueError(f"{meaning.value} needs the fact {sorted(missing)[0]}")
        return self


_INDEPENDENT: Final = ("not_worker", "not_worker_nor_verifier")


class Relaxed(_Strict):
    """Facts that are not asked for in homes that are not for GMP use.

    Attributes:
        kinds: Kinds of homes; never validation or production.
        facts: Names of the facts.
    """

    kinds: tuple[Literal[HomeKind.DEMONSTRATION, HomeKind.DEVELOPMENT], ...] = ()
    facts: tuple[str, ...] = ()


class Policy(_Strict):
    """A versioned table of rules; its digest goes into every signature made under it.

    Attributes:
        judgements: Kinds of events that judge a record and are no work on it.
        shown_with_record: Kinds that whoever may read the record may read, whatever class.
        review_days: Days after which who has which rights must be reviewed again; 0: never.
        overdue_review: What an overdue review does: `finding` says so, `deny` stops signing.
        signed_as: Meaning with which the next policy is signed before it comes into force.
        relaxed: What is not asked for in homes that are not for GMP use.
    """

    schema_: Literal["goldenbatch/policy/1"] = Field(alias="schema")
    version: str = Field(min_length=1)
    title: str = Field(min_length=1)
    judgements: tuple[str, ...] = ()
    shown_with_record: tuple[str, ...] = ("SignatureApplied",)
    review_days: int = Field(default=0, ge=0)
    overdue_review: Literal["finding", "deny"] = "finding"
    signed_as: Meaning = Meaning.APPROVED
    relaxed: Relaxed = Relaxed()
    roles: dict[str, Role]
    rules: tuple[Rule, ...] = Field(min_length=1)
    _digest: str = PrivateAttr("")
    _conditions: dict[str, tuple[tuple[Rule, tuple[Condition, ...]], ...]] = PrivateAttr(
        default_factory=dict
    )

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

    def model_post_init(self, context: Any, /) -> None:
        """Compute what every decision asks for, once."""
        self._digest = _digest(self)
        for action in {rule.action for rule in self.rules}:
            self._conditions[action] = tuple(
                (r, self.conditions(r)) for r in self.rules_for(action)
            )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Policy:
        """A changed copy, checked and digested anew."""
        values = {**self.model_dump(by_alias=True), **(update or {})}
        return Policy.model_validate(values)

    @property
    def roles_without_meaning(self) -> frozenset[str]:
        """Roles that carry no GMP meaning."""
        return frozenset(name for name, role in self.roles.items() if not role.gmp)

    def digest(self) -> str:
        """SHA-256 of the canonical text of the table, hexadecimal; comments do not count."""
        return self._digest

    def cases(self, action: str) -> tuple[tuple[Rule, tuple[Condition, ...]], ...]:
        """Rules of an action with their conditions; any one of them is enough."""
        return self._conditions.get(action, ())

    def n_persons(self, action: str) -> int:
        """How many people an action takes: 2 where any of its rules says so."""
        return max((rule.persons for rule in self.rules_for(action)), default=1)

    def readable(self, roles: Iterable[str]) -> frozenset[DataClass]:
        """Classes of data that a holder of roles may read."""
        known = [self.roles[role] for role in roles if role in self.roles]
        return frozenset(one for role in known for one in role.reads)

    def rules_for(self, action: str) -> tuple[Rule, ...]:
        """The rules of an action; any one of them is enough."""
        return tuple(rule for rule in self.rules if rule.action == action)

    def conditions(self, rule: Rule) -> tuple[Condition, ...]:
        """All conditions of a rule; every one must hold."""
        found = [Condition("role", rule.roles)]
        if rule.gmp:
            found.append(Condition("no_role", tuple(sorted(self.roles_without_meaning))))
        found += [Condition("fact", (name,)) for name in rule.facts]
        if rule.procedures:
            found.append(Condition("procedure", rule.procedures))
        if rule.independence == "not_subject":
            found.append(Condition("no_subject", ()))
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


_LATER: Final[Mapping[str, Any]] = {
    "shown_with_record": ["SignatureApplied"],
    "review_days": 0,
    "overdue_review": "finding",
    "signed_as": Meaning.APPROVED.value,
    "relaxed": {"kinds": [], "facts": []},
}
_LATER_OF_ROLES: Final[Mapping[str, Any]] = {
    "reads": [one.value for one in _EVERY_CLASS],
    "time_boxed": False,
}
_LATER_OF_RULES: Final[Mapping[str, Any]] = {
    "procedures": [],
    "persons": 1,
    "is_delegable": False,
    "minimum_class": SignerClass.SERVER_ATTESTED.value,
    "components": 2,
}


def _digest(policy: Policy) -> str:
    """Digest without the later settings that a table does not use: old tables keep theirs."""
    values = policy.model_dump(mode="json", by_alias=True)
    values = _without(values, _LATER)
    values["roles"] = {name: _without(r, _LATER_OF_ROLES) for name, r in values["roles"].items()}
    values["rules"] = [_without(rule, _LATER_OF_RULES) for rule in values["rules"]]
    return hashlib.sha256(canonical_text(values).encode("ascii")).hexdigest()


def _without(values: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: one for name, one in values.items() if name not in defaults or one != defaults[name]
    }


@lru_cache(maxsize=16)
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

    replaces: ClassVar[tuple[str, ...]] = ("PolicyAdopted",)

    version: str = Field(min_length=1)
    digest: str = Field(pattern=HASH_PATTERN)
    effective_from: Micros
    text: str = Field(min_length=1, description="The policy as TOML, whole.")
    reason: str = ""
    proposal: str = Field(
        default="", description="Event that proposed it, `stream@n`; the signature is the next one."
    )


def adopted(text: str, effective_from: int, reason: str = "", proposal: str = "") -> PolicyAdopted:
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
        proposal=proposal,
    )
