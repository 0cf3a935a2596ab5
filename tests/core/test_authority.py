"""Authority: the policy as a table, facts of a record, and what no sequence can bring about."""

from __future__ import annotations

import itertools
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.access import Accountable, IdentityKnown, InWindow, RightsReviewed, Standing
from goldenbatch.core.authority import (
    Allow,
    Deny,
    adopted,
    first_policy,
    first_policy_text,
    load_policy,
    may,
    policy_at,
    require,
)
from goldenbatch.core.batches import BatchCreated, MaterialConsumed
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.facts import Calibrated, Fact, RecordFacts, account_facts, record_facts
from goldenbatch.core.findings import DecisionMade, Verdict
from goldenbatch.core.people import Meaning, RoleGranted, UserAdded, UserState, statement_for
from goldenbatch.core.policy_standing import PolicyProposed
from goldenbatch.core.signatures import proposal_digest
from goldenbatch.core.site import Actor
from goldenbatch.core.training import Trained
from tests.core.log import Log

S = "batch/7"
POLICY = first_policy()
NOW = f'version = "{POLICY.version}"'
ROLES = tuple(POLICY.roles)


def people(**roles):
    users = {
        uid: UserState(uid, uid, uid, tuple((role, n + 2) for n, role in enumerate(sorted(held))))
        for uid, held in roles.items()
    }
    actors = {uid: Actor(uid, user.roles) for uid, user in users.items()}
    return actors, facts_of(users)


def facts_of(users, trained=None):
    """All facts that the first policy asks for, of people who lack nothing else."""
    standings = {uid: Standing(uid, f"user/{uid}@90", f"user/{uid}@91") for uid in users}
    more = (
        trained or Trained(), IdentityKnown(standings), Accountable(standings), Calibrated(),
        InWindow(POLICY, standings), RightsReviewed(POLICY, 0),
    )  # fmt: skip
    return {**account_facts(users), **{one.name: one for one in more}}


ACTORS, FACTS = people(
    ana=["operator"],
    bor=["operator"],
    cene=["quality_reviewer"],
    dana=["qualified_person"],
    eva=["administrator"],
    fran=["inspector"],
    gal=["administrator", "quality_reviewer", "operator"],
)


class Record:
    """A record on which people do only what the policy lets them do."""

    def __init__(self, facts=FACTS, actors=ACTORS):
        self.log, self.facts, self.actors = Log(), facts, actors

    @property
    def events(self):
        return self.log.stream(S)

    @property
    def now(self):
        return record_facts(S, self.events, POLICY.judgements)

    def ask(self, uid, action):
        return may(POLICY, self.actors[uid], action, self.now, self.facts, 0)

    def work(self, uid):
        if self.ask(uid, "record").is_allowed:
            self.log.add(S, MaterialConsumed(batch="7", material="a", lot="L"), actor=uid)

    def decide(self, uid):
        if self.ask(uid, "decide").is_allowed:
            body = DecisionMade(uid="f", finding_version=1, verdict=Verdict.CONFIRMED, comment="c")
            self.log.add(S, body, actor=uid)

    def sign(self, uid, meaning):
        decision = self.ask(uid, f"sign:{meaning}")
        if decision.is_allowed and self.events:
            newest = [one for one in self.events if one.kind != "SignatureApplied"][-1]
            made = statement_for(
                newest,
                decision.policy_hash,
                meaning=meaning,
                signer=uid,
                printed_name=uid,
                role=decision.role,
                at=0,
            )
            self.log.add(S, made.signed("password"), actor=uid)
        return decision


def test_the_shipped_policy_is_whole():
    assert set(ROLES) == {
        "operator",
        "process_engineer",
        "quality_reviewer",
        "qualified_person",
        "administrator",
        "inspector",
    }
    for meaning in Meaning:
        assert POLICY.rules_for(f"sign:{meaning.value}")
    assert all(rule.source for rule in POLICY.rules)
    assert POLICY.roles_without_meaning == {"administrator", "inspector"}


def test_digest_follows_the_table_not_its_comments():
    text = first_policy_text()
    assert load_policy(text + "\n# a comment\n").digest() == POLICY.digest()
    changed = text.replace(NOW, 'version = "next"', 1)
    assert load_policy(changed).digest() != POLICY.digest()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('independence = "performer"', 'independence = "none"', "performed needs independence"),
        ('independence = "not_worker"', 'independence = "none"', "verified needs independence"),
        (
            'independence = "not_worker_nor_verifier"',
            'independence = "not_worker"',
            "reviewed needs independence",
        ),
        ('roles = ["qualified_person"]', 'roles = ["administrator"]', "carries no GMP meaning"),
        ('roles = ["qualified_person"]', 'roles = ["boss"]', "unknown role 'boss'"),
        ('action = "sign:released"', 'action = "sign:rejected"', "no rule for sign:released"),
        ('action = "sign:released"', 'action = "sign:blessed"', "blessed"),
        ('  "account_active", "roles_granted", "identity_verified"', '"trained"', "needs the fact"),
        ("is_delegable = true", "persons = 3", "persons"),
        (
            'independence = "performer"',
            'independence = "performer"\nis_delegable = true',
            "never by a delegate",
        ),
        ('kinds = ["demonstration", "development"]', 'kinds = ["production"]', "kinds"),
        ('action = "sign:verified"', 'action = "sign:verified"\ngmp = false', "always of GMP"),
        ('title = "First policy"', "title = 3", "title"),
        (NOW, "version = 1 1", "not TOML"),
    ],
)
def test_a_policy_that_breaks_the_rules_is_refused(old, new, words):
    text = first_policy_text()
    assert old in text
    with pytest.raises(BadInputError, match=words) as caught:
        load_policy(text.replace(old, new, 1), "site.toml")
    assert caught.value.file == "site.toml"
    assert caught.value.line > 0


def test_performed_and_verified_by_two():
    record = Record()
    record.work("ana")
    assert isinstance(record.sign("bor", "performed"), Deny)
    allowed = record.sign("ana", "performed")
    assert isinstance(allowed, Allow)
    assert allowed.role == "operator"
    assert allowed.policy_hash == POLICY.digest()
    assert "user/ana@2" in allowed.records
    denied = record.sign("ana", "verified")
    assert denied.reasons == (f"ana is among those who did the work ({S}@2)",)
    assert record.sign("bor", "verified").is_allowed
    assert "verified" in str(record.sign("bor", "reviewed").reasons)
    assert not record.ask("bor", "record").is_allowed


def test_release_needs_approval_or_certificate_and_locks():
    record = Record()
    record.work("ana")
    assert not record.sign("cene", "released").is_allowed
    assert record.sign("dana", "certified").is_allowed
    assert record.now.state == "certified"
    assert record.sign("cene", "released").is_allowed
    assert record.now.state == "released"
    for uid, action in (("ana", "record"), ("ana", "correct"), ("cene", "sign:rejected")):
        decision = record.ask(uid, action)
        assert not decision.is_allowed
        assert any("is released" in reason for reason in decision.reasons)


def test_a_change_reopens_what_was_approved():
    record = Record()
    record.work("ana")
    record.sign("cene", "approved")
    assert record.now.state == "approved"
    record.work("bor")
    assert record.now.state == "open"


def test_who_decides_may_sign_the_decision():
    record = Record()
    record.work("ana")
    record.decide("cene")
    assert record.now.workers == {"ana"}
    assert record.sign("cene", "reviewed").is_allowed
    assert not record.ask("cene", "sign:performed").is_allowed


def test_acting_for_another_is_work_of_both():
    log = Log()
    log.add(S, BatchCreated(batch="7", product="P"), actor="ana", acting_for="bor")
    assert record_facts(S, log.events).workers == {"ana", "bor"}


def test_denials_name_all_reasons():
    decision = may(POLICY, Actor("zed", frozenset({"inspector"})), "sign:approved",
                   RecordFacts(S, workers=frozenset({"zed"})), FACTS, 0)  # fmt: skip
    text = "; ".join(decision.reasons)
    for words in ("needs role", "no GMP meaning", "no account", "not granted", "did the work"):
        assert words in text
    with pytest.raises(DeniedError, match="sign:approved is denied"):
        require(decision)


def test_what_nobody_knows_and_what_no_rule_names_is_denied():
    record = RecordFacts(S, performers=frozenset({"ana"}))
    denied = may(POLICY, ACTORS["ana"], "sign:performed", record, {}, 0)
    assert "nobody can say whether account_active holds" in denied.reasons
    assert not may(POLICY, ACTORS["ana"], "delete", record, FACTS, 0).is_allowed
    allowed = may(POLICY, ACTORS["ana"], "sign:performed", record, FACTS, 0)
    assert require(allowed) is allowed


def test_a_disabled_account_and_a_hidden_role_are_denied():
    user = UserState("u", "u", "u", (("administrator", 2), ("operator", 3)))
    facts = facts_of({"u": user})
    record = RecordFacts(S, performers=frozenset({"u"}))
    hidden = may(POLICY, Actor("u", frozenset({"operator"})), "sign:performed", record, facts, 0)
    assert hidden.reasons == ("u left out their role administrator",)
    off = facts_of({"u": UserState("u", "u", "u", (("operator", 2),), is_active=False)})
    gone = may(POLICY, Actor("u", frozenset({"operator"})), "sign:performed", record, off, 0)
    assert "disabled" in gone.reasons[0]


def test_a_further_fact_can_be_required():
    class Rested:
        name = "rested"

        def fact(self, actor, record, now):
            return Fact(now < 10, f"training of {actor.uid}", (f"training/{actor.uid}@1",))

    wanted = '"account_active", "roles_granted"'
    text = first_policy_text().replace(wanted, f'{wanted}, "rested"', 1)
    policy, facts = load_policy(text), {**FACTS, "rested": Rested()}
    record = RecordFacts(S, performers=frozenset({"ana"}))
    allowed = may(policy, ACTORS["ana"], "sign:performed", record, facts, 0)
    assert "training/ana@1" in allowed.records
    late = may(policy, ACTORS["ana"], "sign:performed", record, facts, 10)
    assert late.reasons == ("training of ana",)


def test_roles_that_one_person_may_not_hold_together():
    POLICY.check_roles({"operator", "quality_reviewer"})
    POLICY.check_roles({"administrator", "inspector"})
    with pytest.raises(BadInputError, match="administrator together with operator"):
        POLICY.check_roles({"operator", "administrator"})
    with pytest.raises(BadInputError, match="no role 'king'"):
        POLICY.check_roles({"king"})


def proposed(old, new, reason="r"):
    policy = load_policy(new)
    return PolicyProposed(
        version=policy.version, digest=policy.digest(), replaces=load_policy(old).digest(),
        text=new, reason=reason,
    )  # fmt: skip


def sign_adoption(log, by, old, role="quality_reviewer", meaning="approved"):
    """Sign the newest adoption together with itself, under an older policy."""
    before, body = log.stream("master/policy")[-2:]
    made = statement_for(
        before, load_policy(old).digest(), meaning=meaning, signer=by, printed_name=by, role=role,
        proposal=proposal_digest(body.kind, body.body), at=15,
    )  # fmt: skip
    log.add("master/policy", made.signed("password+home-key"), actor=by)


def test_the_policy_in_force_is_the_last_that_is_effective():
    log = Log()
    text = first_policy_text()
    log.add("master/policy", adopted(text, 10))
    changed = text.replace(NOW, 'version = "next"', 1)
    log.add("user/bor", UserAdded(uid="bor", login="bor", printed_name="bor"))
    log.add("user/bor", RoleGranted(uid="bor", role="quality_reviewer", reason="r"))
    log.add("policy/x", proposed(text, changed), actor="ana")
    log.add("master/policy", adopted(changed, 20, "", "policy/x@1"), actor="bor")
    unsigned = log.stream("master/policy")
    assert policy_at(unsigned, 20, log.stream) == POLICY
    sign_adoption(log, "bor", text)
    with pytest.raises(NotFoundError):
        policy_at(log.events, 9)
    own = log.stream("master/policy")
    assert policy_at(own, 19, log.stream).version == POLICY.version
    assert policy_at(own, 20, log.stream).version == "next"
    with pytest.raises(BadInputError):
        adopted("version = 1", 0)


meanings = st.sampled_from([meaning.value for meaning in Meaning])
uids = st.sampled_from(["cene", "ana", "gal"])
signing = st.tuples(st.just("sign"), uids, st.sampled_from(["performed", "verified", "reviewed"]))
steps = st.tuples(st.sampled_from(["work", "decide"]), uids) | signing | signing


def check_independence(record):
    """No one both did work and judged it; no one judged further what they had verified."""
    signed = {m: set() for m in Meaning}
    for event in record.events:
        if event.kind == "SignatureApplied":
            signed[event.decode().meaning].add(event.envelope.actor)
    workers = {e.envelope.actor for e in record.events if e.kind == "MaterialConsumed"}
    judges = set().union(*(who for m, who in signed.items() if m is not Meaning.PERFORMED))
    assert not (workers | signed[Meaning.PERFORMED]) & judges
    for who in signed[Meaning.VERIFIED]:
        assert not later_than_verified(record, who)
    assert "gal" not in workers | set().union(*signed.values())


@settings(max_examples=50)
@given(st.lists(steps, min_size=6, max_size=25))
def test_no_sequence_lets_one_person_perform_and_judge(sequence):
    record = Record()
    record.work("bor")
    for step in sequence:
        getattr(record, step[0])(*step[1:])
    check_independence(record)


def test_no_four_steps_of_one_person_perform_and_judge():
    moves = [("work",), ("decide",), ("performed",), ("verified",), ("reviewed",)]
    n_signed = 0
    for sequence in itertools.product(moves, repeat=4):
        record = Record()
        record.work("bor")
        for (move,) in sequence:
            if move in ("work", "decide"):
                getattr(record, move)("cene")
            else:
                n_signed += record.sign("cene", move).is_allowed
        check_independence(record)
    assert n_signed > 100


def later_than_verified(record, who):
    """Whether someone signed a further judgement after they had verified."""
    own = [e for e in record.events if e.kind == "SignatureApplied" and e.envelope.actor == who]
    kinds = [e.decode().meaning for e in own]
    after = kinds[kinds.index(Meaning.VERIFIED) :]
    return any(kind not in (Meaning.VERIFIED,) for kind in after)


@given(
    st.sets(st.sampled_from(ROLES)).map(lambda roles: roles | {"administrator"}),
    st.sets(st.sampled_from(ROLES)),
    meanings,
    st.sampled_from(["open", "approved", "certified", "released", "rejected"]),
    st.booleans(),
)
def test_an_administrator_never_signs(held, claimed, meaning, state, is_performer):
    user = UserState("u", "u", "u", tuple((role, 2) for role in sorted(held)))
    record = RecordFacts(S, performers=frozenset({"u"} if is_performer else ()), state=state)
    for roles in (held, claimed):
        decision = may(
            POLICY, Actor("u", frozenset(roles)), f"sign:{meaning}", record,
            facts_of({"u": user}), 0,
        )  # fmt: skip
        assert not decision.is_allowed


def test_the_policy_text_is_plain_toml():
    assert tomllib.loads(first_policy_text())["schema"] == "goldenbatch/policy/1"
