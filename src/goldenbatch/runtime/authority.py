"""Authority in a home: the policy in force, the facts of its ledger, and what one may see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from goldenbatch.core import authority
from goldenbatch.core.access import (
    Accountable,
    IdentityKnown,
    InWindow,
    RightsReviewed,
    Standing,
    standing,
)
from goldenbatch.core.delegation import stand_ins
from goldenbatch.core.errors import DeniedError, NotFoundError
from goldenbatch.core.facts import (
    Calibrated,
    FactProvider,
    NotAsked,
    account_facts,
    overdue_calibrations,
    record_facts,
)
from goldenbatch.core.people import UserState, user_state
from goldenbatch.core.policy import POLICY_STREAM, Policy
from goldenbatch.core.policy_standing import (
    PROPOSALS,
    Fault,
    PolicyStanding,
    in_force,
    sound,
    standings,
)
from goldenbatch.core.records import Clause, DataClass, Event, HomeKind, Row
from goldenbatch.core.selection import Selection, both, either, selection
from goldenbatch.core.site import Actor
from goldenbatch.core.training import Trained
from goldenbatch.core.visibility import STREAM_OF, stream_of, stream_sql, visible

if TYPE_CHECKING:
    from goldenbatch.core.plant import Plant
    from goldenbatch.core.site import Clock, LedgerPort

READ = "read"
POLICIES = (POLICY_STREAM, PROPOSALS)
"""What can be signed in a production home before its policy is: begins of streams."""


@dataclass(frozen=True)
class Asked:
    """One person's question at one moment: the policy and all facts that answer it.

    Attributes:
        policy: The policy in force.
        actor: Who asks, with all roles granted.
        facts: Providers of facts by name.
        stand_ins: Delegations to the person that are in force.
        now: The moment.
        unsigned: Why nothing but a policy can be signed at present; empty: anything can.
    """

    policy: Policy
    actor: Actor
    facts: Mapping[str, FactProvider]
    stand_ins: tuple[authority.StandIn, ...]
    now: int
    unsigned: str = ""

    def may(
        self, action: str, stream: str, events: Sequence[Event], *, makes: bool = False
    ) -> authority.Decision:
        """Whether the person may do something to a record, and why (not).

        Args:
            action: Such as `sign:verified`.
            stream: The record.
            events: All its events.
            makes: The person is about to make an entry in it: they perform what they sign.
        """
        if self._is_held_back(action) and not stream.startswith(POLICIES):
            return authority.Deny(action, self.policy.digest(), (self.unsigned,))
        record = record_facts(stream, events, self.policy.judgements)
        if makes:
            record = replace(record, performers=record.performers | {self.actor.uid})
        return authority.may(
            self.policy, self.actor, action, record, self.facts, self.now, stand_ins=self.stand_ins
        )

    def selection(self, action: str) -> Selection:
        """The records to which the person may do it."""
        found = selection(
            self.policy, self.actor, action, self.facts, self.now, stand_ins=self.stand_ins
        )
        if not self._is_held_back(action):
            return found
        those = [Clause(f"substr({{stream}}, 1, {len(one)}) = ?", (one,)) for one in POLICIES]
        return Selection(both([found.clause, either(those)]), found.is_exact)

    def _is_held_back(self, action: str) -> bool:
        return bool(self.unsigned) and action.startswith("sign:")

    def readable(self) -> frozenset[DataClass]:
        """Classes of data that the person may read; none without leave to read at all."""
        decision = self.may(READ, "none/none", ())
        return self.policy.readable(self.actor.roles) if decision.is_allowed else frozenset()


class Authority:
    """Answers who may do what in a home.

    Args:
        ledger: Where everything stands.
        clock: Present time.
        kind: Kind of the home; those not for GMP use are asked for less.
        plant: The plant in its effective version, for calibrations.
        more_facts: Further fact providers, from capabilities.
    """

    def __init__(
        self,
        ledger: LedgerPort,
        clock: Clock,
        kind: HomeKind = HomeKind.PRODUCTION,
        plant: Callable[[], Plant | None] = lambda: None,
        more_facts: Callable[[], Mapping[str, FactProvider]] = dict,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._kind = kind
        self._plant = plant
        self._more_facts = more_facts
        self._fault: Fault = sound
        self._known: tuple[int, tuple[PolicyStanding, ...]] = (0, ())

    def check_with(self, fault: Fault) -> None:
        """Hold the evidence of signatures on policies to a check from now on."""
        self._fault, self._known = fault, (0, ())

    def policy(self) -> Policy:
        """The policy in force now."""
        return self.policy_standing().policy

    def policy_standing(self) -> PolicyStanding:
        """The policy in force now, and the signature that it rests on."""
        return in_force(self.policies(), self._clock())

    def policies(self) -> tuple[PolicyStanding, ...]:
        """All policies that came or will come into force; what nobody signed is none of them."""
        version = self._ledger.version(POLICY_STREAM)
        if self._known[0] != version:
            events = self._ledger.stream(POLICY_STREAM)
            self._known = (version, standings(events, self._ledger.stream, self._fault))
        return self._known[1]

    def _unsigned(self, standing: PolicyStanding) -> str:
        if self._kind is not HomeKind.PRODUCTION or standing.is_signed:
            return ""
        return (
            f"the policy of this production home is {standing.label()}, and nothing else can be "
            "signed before it (`goldenbatch policy adopt`)"
        )

    def user(self, uid: str) -> UserState:
        """The user of a uid, from the user's own stream."""
        return user_state(self._ledger.stream(f"user/{uid}"))

    def standing(self, uid: str) -> Standing:
        """What stands of a person beside account and roles."""
        return standing(uid, self._ledger.stream(f"user/{uid}"))

    def ask(self, user: UserState) -> Asked:
        """All that a decision about a person rests on, read once."""
        now, stands = self._clock(), self.policy_standing()
        policy = stands.policy
        rows = self._ledger.select("delegation", {"delegate": user.uid})
        uids = {user.uid, *(str(row["delegator"]) for row in rows)}
        streams = {uid: self._ledger.stream(f"user/{uid}") for uid in sorted(uids)}
        users = {uid: user_state(events) for uid, events in streams.items() if events}
        users[user.uid] = user
        standings = {uid: standing(uid, events) for uid, events in streams.items()}
        facts = {**account_facts(users), **self._facts(policy, uids, standings, now)}
        facts |= dict(self._more_facts())
        facts |= {
            name: NotAsked(name, self._kind.value)
            for name in policy.relaxed.facts
            if self._kind in policy.relaxed.kinds
        }
        lent = stand_ins(rows, user.uid, users, now)
        unsigned = self._unsigned(stands)
        return Asked(policy, Actor(user.uid, user.roles), facts, lent, now, unsigned)

    def _facts(
        self, policy: Policy, uids: Iterable[str], standings: Mapping[str, Standing], now: int
    ) -> dict[str, FactProvider]:
        try:
            plant = self._plant()
        except NotFoundError:  # none is in force yet, and with it no calibration
            plant = None
        trainings = self._ledger.select("training", {"uid": sorted(uids)})
        found: tuple[Any, ...] = (
            Trained.of(self._ledger.select("procedure"), trainings),
            IdentityKnown(standings),
            Accountable(standings),
            InWindow(policy, standings),
            RightsReviewed(policy, self.last_review_at()),
            Calibrated(overdue_calibrations(plant, now) if plant is not None else {}),
        )
        return {provider.name: provider for provider in found}

    def is_asked(self, fact: str) -> bool:
        """Whether the policy asks for a fact in a home of this kind."""
        relaxed = self.policy().relaxed
        return fact not in relaxed.facts or self._kind not in relaxed.kinds

    def last_review_at(self) -> int | None:
        """When rights were last reviewed and signed by a second person, or the home was made."""
        for row in self._ledger.select("access_review", order_by=("-at",)):
            if row["signed_by"]:
                return int(row["at"])
        first = next(iter(self._ledger.stream(POLICY_STREAM)), None)
        return first.envelope.recorded_at if first is not None else None

    def decide(
        self, user: UserState, action: str, stream: str, *, makes: bool = False
    ) -> authority.Decision:
        """Whether the policy lets a person do something to a record, and why (not)."""
        return self.ask(user).may(action, stream, self._ledger.stream(stream), makes=makes)

    # ---- reading ----------------------------------------------------------------------------

    def visible(self, user: UserState, projection: str) -> Clause:
        """Condition for the rows of a projection that a person may see."""
        return visible(projection, self.ask(user).readable(), user.uid)

    def rows_for(
        self, user: UserState, action: str, projection: str, where: Mapping[str, Any] | None = None
    ) -> list[Row]:
        """Rows of records that a person may see and to which they may do something.

        Raises:
            DeniedError: Nobody can say which records the rows are of.
        """
        if projection not in STREAM_OF:
            raise DeniedError(
                f"rows of {projection!r} belong to no record that the policy knows.",
                hint=f"Ask for one of {', '.join(sorted(STREAM_OF))}.",
            )
        asked = self.ask(user)
        found = asked.selection(action)
        seen = visible(projection, asked.readable(), user.uid)
        chosen = found.clause.on(stream_sql(projection))
        clause = Clause(f"({seen.sql}) AND ({chosen.sql})", seen.parameters + chosen.parameters)
        rows = list(self._ledger.select(projection, {**(where or {}), "": clause}))
        if found.is_exact:
            return rows
        streams = {stream_of(projection, row) for row in rows}
        kept = {s for s in streams if asked.may(action, s, self._ledger.stream(s)).is_allowed}
        return [row for row in rows if stream_of(projection, row) in kept]

    def may_read(self, user: UserState) -> Callable[[Event], bool]:
        """Whether a person may read the body of an event."""
        asked = self.ask(user)
        classes = asked.readable()
        own = (f"user/{user.uid}", f"training/{user.uid}")
        with_record = asked.policy.shown_with_record if classes else ()

        def readable(event: Event) -> bool:
            is_of_record = event.kind in with_record
            return is_of_record or event.stream in own or event.envelope.data_class in classes

        return readable
