"""What no sequence of events and no set of rights can bring about."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.authority import Actor, first_policy, may
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.delegation import (
    DELEGATIONS,
    DelegationApproved,
    DelegationProposed,
    DelegationRevoked,
    stand_ins,
)
from goldenbatch.core.facts import RecordFacts, record_facts
from goldenbatch.core.people import Meaning, UserState, statement_for
from goldenbatch.core.policy import Policy
from goldenbatch.core.policy_checks import policy_faults
from goldenbatch.core.procedures import PROCEDURES, ProcedureIssued, ProcedureWithdrawn
from goldenbatch.core.training import (
    TRAININGS,
    Trained,
    TrainingAssigned,
    TrainingCompleted,
    TrainingWithdrawn,
)
from tests.core.log import Log
from tests.core.test_authority import facts_of
from tests.core.test_selection import UIDS, changed_policy, population

POLICY = first_policy()
ROLES = list(POLICY.roles)
PEOPLE = ("ana", "bor", "cene")
steps = st.lists(
    st.tuples(
        st.sampled_from(["issue", "approve", "withdraw", "assign", "train", "untrain"]),
        st.sampled_from(PEOPLE),
        st.sampled_from(PEOPLE),
        st.sampled_from("12"),
        st.sampled_from([None, 3, 100]),
    ),
    min_size=4,
    max_size=25,
)


class School:
    """A procedure and trainings on it, whoever records what, whether they may or not."""

    def __init__(self) -> None:
        self.log, self.now = Log(), 0
        self.good: dict[str, int | None] = {}
        self.force: dict[str, bool] = {}

    def do(self, step, by, whom, version, expires):
        self.now += 1
        getattr(self, step)(by, whom, version, expires)

    def issue(self, by, _whom, version, _expires):
        body = ProcedureIssued(
            procedure="P", version=version, title="t", digest="0" * 64, effective_from=0, reason="r"
        )
        self.log.add("procedure/P", body, actor=by)

    def approve(self, by, whom, _version, _expires):
        events = [e for e in self.log.stream("procedure/P") if e.kind == "ProcedureIssued"]
        if events:
            made = statement_for(
                events[-1], "0" * 64, meaning="approved", signer=by, printed_name=by, role="x", at=0
            )
            self.log.add("procedure/P", made.signed("password+home-key"), actor=by)

    def withdraw(self, by, _whom, version, _expires):
        body = ProcedureWithdrawn(procedure="P", version=version, issued=1, reason="r")
        if self.log.stream("procedure/P"):
            self.log.add("procedure/P", body, actor=by)

    def assign(self, by, whom, version, _expires):
        body = TrainingAssigned(uid=whom, procedure="P", version=version, due_at=9, reason="r")
        self.log.add(f"training/{whom}", body, actor=by)

    def train(self, by, whom, version, expires):
        body = TrainingCompleted(
            uid=whom, procedure="P", version=version, assessor=by, method="m",
            completed_at=self.now, expires_at=expires,
        )  # fmt: skip
        self.log.add(f"training/{whom}", body, actor=by)

    def untrain(self, by, whom, version, _expires):
        body = TrainingWithdrawn(uid=whom, procedure="P", version=version, reason="r")
        self.log.add(f"training/{whom}", body, actor=by)

    def in_force(self):
        """Version in force by another way than the module's: the last one approved by another."""
        issued = {}
        for event in self.log.stream("procedure/P"):
            body, number = event.decode(), event.envelope.version
            if event.kind == "ProcedureIssued":
                issued[number] = [body.version, event.envelope.actor, False, False]
            elif event.kind == "ProcedureWithdrawn" and body.issued in issued:
                issued[body.issued][3] = True
            elif event.kind == "SignatureApplied" and body.version in issued:
                issued[body.version][2] |= body.signer != issued[body.version][1]
        good = [one[0] for _, one in sorted(issued.items()) if one[2] and not one[3]]
        return good[-1] if good else ""

    def is_trained(self, uid):
        """Whether the last word on the version in force is a training by another that counts."""
        version, last = self.in_force(), False
        for event in self.log.stream(f"training/{uid}"):
            body = event.decode()
            if body.version != version:
                continue
            if event.kind == "TrainingCompleted" and body.assessor != uid:
                last = body.expires_at is None or self.now < body.expires_at
            elif event.kind == "TrainingWithdrawn":
                last = False
        return bool(version) and last


@settings(max_examples=50, deadline=None)
@given(steps)
def test_no_sequence_of_events_lets_an_untrained_person_sign(sequence):
    school = School()
    users = {uid: UserState(uid, uid, uid, (("quality_reviewer", 2),)) for uid in PEOPLE}
    for step in sequence:
        school.do(*step)
        trained = Trained.of(
            school.log.table(PROCEDURES).values(), school.log.table(TRAININGS).values()
        )
        facts = facts_of(users, trained)
        for uid in PEOPLE:
            for meaning in Meaning:
                record = RecordFacts(
                    "batch/1", cites=frozenset({"P"}),
                    state="approved" if meaning is Meaning.RELEASED else "open",
                    performers=frozenset({uid} if meaning is Meaning.PERFORMED else ()),
                )  # fmt: skip
                asked = Actor(uid, users[uid].roles), f"sign:{meaning.value}", record
                allowed = may(POLICY, *asked, facts, school.now).is_allowed
                may_else = meaning is not Meaning.CERTIFIED
                assert allowed == (school.is_trained(uid) and may_else), (uid, meaning)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 20))
def test_a_delegation_never_widens(seed, now):
    chance = random.Random(seed)
    users, facts, lends = population(chance)
    policy = changed_policy(chance)
    some = [frozenset(chance.sample(UIDS, chance.randrange(3))) for _ in range(3)]
    record = RecordFacts("batch/1", 3, *some, frozenset(), chance.choice(["open", "approved"]))
    for uid in UIDS:
        actor = Actor(uid, users[uid].roles)
        for action in sorted({rule.action for rule in policy.rules}):
            decision = may(policy, actor, action, record, facts, now, stand_ins=lends[uid])
            if not decision.is_allowed:
                continue
            if decision.acting_for:
                lender = users[decision.acting_for]
                own = may(policy, Actor(lender.uid, lender.roles), action, record, facts, now)
                assert own.is_allowed, "more than the delegator may"
                assert not actor.roles & policy.roles_without_meaning
                assert action != "sign:performed"
                assert uid not in record.workers
            else:
                assert may(policy, actor, action, record, facts, now).is_allowed


def bent_policy(chance):
    """The first policy with a few changes as a proposal could make them; None: no table."""
    values = first_policy().model_dump(by_alias=True)
    for _ in range(chance.randrange(1, 4)):
        rule = chance.choice([one for one in values["rules"] if one["action"] != "read"])
        way = chance.randrange(6)
        if way == 0:
            role = chance.choice(sorted(values["roles"]))
            values["roles"][role]["gmp"] = not values["roles"][role]["gmp"]
        elif way == 1:
            rule["independence"] = chance.choice(
                ["none", "not_judge", "not_worker", "not_worker_nor_verifier", "not_subject"]
            )
        elif way == 2:
            rule["facts"] = chance.sample(
                rule["facts"], chance.randrange(1, len(rule["facts"]) + 1)
            )
        elif way == 3:
            rule["roles"] = (*rule["roles"], chance.choice(ROLES))
        elif way == 4:
            values["judgements"] = (*values["judgements"], "BatchCreated")
        else:
            rule["states"] = ("open", "approved", "certified", "released")
    try:
        return Policy.model_validate(values)
    except ValueError:
        return None


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_no_policy_that_may_be_adopted_breaks_what_must_hold(seed):
    """Nobody judges their own work, no administrator signs, nobody signs untrained."""
    chance = random.Random(seed)
    crew = {"qa": frozenset({"quality_reviewer"}), "eng": frozenset({"process_engineer"})}
    for _ in range(3):
        policy = bent_policy(chance)
        if policy is None or policy_faults(policy, crew):
            continue
        held = chance.choice([role for role in policy.roles if policy.roles[role].gmp])
        users = {
            uid: UserState(uid, uid, uid, ((role, 2),))
            for uid, role in (("ana", held), ("root", "administrator"))
        }
        facts = facts_of(users)
        log = Log()
        body = BatchCreated(batch="7", product="P")
        log.add("batch/7", body, actor="ana")
        own = record_facts("batch/7", log.events, policy.judgements)
        strange = RecordFacts("batch/8", 1, frozenset({"root"}), state=chance.choice(
            ["open", "approved"]
        ))  # fmt: skip
        cited = RecordFacts("batch/9", cites=frozenset({"P"}), performers=frozenset({"ana"}))
        for meaning in Meaning:
            action = f"sign:{meaning.value}"
            ana, root = (Actor(uid, users[uid].roles) for uid in ("ana", "root"))
            if meaning is not Meaning.PERFORMED:
                assert not may(policy, ana, action, own, facts, 5).is_allowed
            assert not may(policy, root, action, strange, facts, 5).is_allowed
            assert not may(policy, ana, action, cited, facts, 5).is_allowed


acts = st.lists(
    st.tuples(st.sampled_from(["propose", "approve", "revoke"]), st.sampled_from(PEOPLE)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(acts)
def test_no_delegation_without_two_others_than_who_gets_it(sequence):
    log = Log()
    users = {uid: UserState(uid, uid, uid, (("quality_reviewer", 2),)) for uid in PEOPLE}
    for act, by in sequence:
        if act == "propose":
            body = DelegationProposed(
                delegation="D", delegator="ana", delegate="bor", role="quality_reviewer",
                start=0, end=9, reason="r",
            )  # fmt: skip
        elif act == "approve":
            body = DelegationApproved(delegation="D")
        else:
            body = DelegationRevoked(delegation="D", reason="r")
        log.add("delegation/D", body, actor=by)
        found = stand_ins(log.table(DELEGATIONS).values(), "bor", users, 5)
        done = sequence[: len(log.events)]
        first = next((n for n, one in enumerate(done) if one[0] == "propose"), len(done))
        proposer = done[first][1] if first < len(done) else ""
        seconds = {who for what, who in done[first:] if what == "approve"} - {"bor", proposer}
        is_revoked = any(what == "revoke" for what, _ in done[first:])
        assert bool(found) == (bool(seconds) and not is_revoked)
        assert stand_ins(log.table(DELEGATIONS).values(), "bor", users, 9) == ()
