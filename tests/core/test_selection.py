"""Lists and single records are decided alike, whatever people, policies and records there are."""

from __future__ import annotations

import dataclasses
import itertools
import random
import sqlite3
import time
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.access import Accountable, IdentityKnown, InWindow, RightsReviewed, Standing
from goldenbatch.core.authority import StandIn, first_policy, may
from goldenbatch.core.batches import BatchCreated, MaterialConsumed, PhaseStarted
from goldenbatch.core.facts import Calibrated, Fact, Scope, account_facts, record_facts
from goldenbatch.core.findings import DecisionMade, Verdict
from goldenbatch.core.people import Meaning, UserState, statement_for
from goldenbatch.core.record_links import PROJECTIONS, RECORD_LINKS, RECORD_STATES
from goldenbatch.core.records import DataClass
from goldenbatch.core.selection import EVERY, NONE, Clause, both, either, readable, selection
from goldenbatch.core.signatures import proposal_digest
from goldenbatch.core.site import Actor
from goldenbatch.core.training import Trained
from tests.core.log import Log

POLICY = first_policy()
UIDS = ("ana", "bor", "cene", "dana")
RECORDS = ("batch/1", "batch/2", "user/ana")
ROLES = list(POLICY.roles)
MEANINGS = [one.value for one in Meaning]
ACTIONS = [rule.action for rule in POLICY.rules]

uids, records = st.sampled_from(UIDS), st.sampled_from(RECORDS)
classes = st.sampled_from([None, DataClass.CONFIDENTIAL, DataClass.PERSONAL])
cites = st.lists(st.sampled_from(["P", "Q", "P@1", "P@2", "R"]), max_size=1)
creates = st.tuples(st.just("create"), records, uids, cites, classes)
works = st.tuples(st.just("work"), records, uids, st.sampled_from(["", "bor"]))
phases = st.tuples(st.just("phase"), records, uids, st.sampled_from(["tank", "mill"]))
decisions = st.tuples(st.just("decide"), records, uids)
signs = st.tuples(
    st.just("sign"), records, uids, st.sampled_from(MEANINGS), st.integers(0, 2), st.booleans()
)
proposals = st.tuples(st.just("propose"), records, uids, st.sampled_from(MEANINGS), st.booleans())
histories = st.lists(
    creates | works | phases | decisions | signs | proposals | signs, min_size=3, max_size=14
)


class World:
    """A ledger in memory with its two tables in SQLite."""

    def __init__(self, history):
        self.log = Log()
        for step in history:
            getattr(self, step[0])(*step[1:])
        self.database = sqlite3.connect(":memory:")
        weakref.finalize(self, self.database.close)
        for projection in PROJECTIONS:
            names = ", ".join(projection.columns)
            self.database.execute(f"CREATE TABLE p_{projection.name}({names})")
            marks = ", ".join("?" for _ in projection.columns)
            rows = [
                tuple(row[c] for c in projection.columns)
                for row in self.log.table(projection).values()
            ]
            self.database.executemany(f"INSERT INTO p_{projection.name} VALUES({marks})", rows)
        self.streams = sorted({event.stream for event in self.log.events})
        self.database.execute("CREATE TABLE t(s)")
        self.database.executemany("INSERT INTO t VALUES(?)", [(one,) for one in self.streams])
        self.facts = {
            one: record_facts(one, self.log.stream(one), POLICY.judgements) for one in self.streams
        }

    def create(self, stream, uid, procedures, data_class):
        pinned = {f"procedure/{one.partition('@')[0]}": one.partition("@")[2] for one in procedures}
        event = self.log.add(stream, BatchCreated(batch="1", product="p", pinned=pinned), actor=uid)
        if data_class is not None:
            changed = event.envelope.model_copy(update={"data_class": data_class})
            self.log.events[-1] = dataclasses.replace(event, envelope=changed)

    def work(self, stream, uid, acting_for):
        body = MaterialConsumed(batch="1", material="a", lot="L")
        self.log.add(stream, body, actor=uid, acting_for=acting_for)

    def phase(self, stream, uid, place):
        self.log.add(
            stream, PhaseStarted(batch="1", place=place, phase="x", run=1, at=0), actor=uid
        )

    def decide(self, stream, uid):
        body = DecisionMade(uid="f", finding_version=1, verdict=Verdict.CONFIRMED, comment="c")
        return self.log.add(stream, body, actor=uid)

    def sign(self, stream, uid, meaning, back, is_forged, proposal="", of=None):
        events = self.log.stream(stream)
        if not events:
            return
        event = of or events[max(0, len(events) - 1 - back)]
        made = statement_for(
            event, POLICY.digest(), meaning=meaning, signer=uid, printed_name=uid, role="operator",
            at=0, proposal=proposal,
        )  # fmt: skip
        body = made.signed("password+home-key")
        if is_forged:
            body = body.model_copy(update={"record_hash": "0" * 64})
        self.log.add(stream, body, actor=uid)

    def propose(self, stream, uid, meaning, is_disturbed):
        events = self.log.stream(stream)
        if not events:
            return
        of = events[-1]
        if is_disturbed:
            self.work(stream, "bor", "")
        event = self.decide(stream, uid)
        digest = proposal_digest(event.kind, event.body)
        self.sign(stream, uid, meaning, 0, False, digest, of)

    def chosen(self, clause):
        where = clause.on("s")
        rows = self.database.execute(f"SELECT s FROM t WHERE {where.sql}", where.parameters)
        return sorted(row[0] for row in rows)


def population(chance):
    """Users with roles, trainings, standings, procedures and calibrations, and delegations."""
    users, standings, trainings = {}, {}, []
    for uid in UIDS:
        held = sorted(chance.sample(ROLES, chance.choice([0, 1, 1, 1, 2])))
        roles = tuple((role, n + 2) for n, role in enumerate(held))
        users[uid] = UserState(uid, uid, uid, roles, is_active=chance.random() < 0.85)
        proven = chance.choice(["x@1", "x@1", "x@1", ""])
        windows = {"inspector": (0, chance.choice([5, 50]), "w@1")}
        standings[uid] = Standing(uid, proven, proven, windows)
        trainings += [
            {"uid": uid, "procedure": procedure, "version": version, "completed_at": 0,
             "expires_at": chance.choice([None, 5, 50]), "stream_version": 1}
            for procedure, version in itertools.product("PQ", "12")
            if chance.random() < 0.7
        ]  # fmt: skip
    procedures = [
        {"procedure": procedure, "issued": n, "version": str(n), "effective_from": 10 * (n - 1),
         "approved_by": chance.choice(["u", "u", ""]), "is_withdrawn": int(chance.random() < 0.1)}
        for procedure, n in itertools.product("PQ", (1, 2))
    ]  # fmt: skip
    facts = facts_of(users, standings, Trained.of(procedures, trainings))
    facts["equipment_calibrated"] = Calibrated(chance.choice([{}, {"mill": "late"}]))
    if chance.random() < 0.3:
        facts["access_reviewed"] = Opaque()
    for name in ("model_test_independent", "model_training_independent"):
        facts[name] = Named(
            chance.choice([None, frozenset(), frozenset(RECORDS[:2])]),
            chance.choice([frozenset(), frozenset(RECORDS[1:])]),
        )
    lends = {uid: [] for uid in UIDS}
    for _ in range(chance.randrange(4)):
        delegator, delegate = chance.choice(UIDS), chance.choice(UIDS)
        lent = StandIn(Actor(delegator, users[delegator].roles), chance.choice(ROLES))
        lends[delegate].append(lent)
    return users, facts, lends


def facts_of(users, standings, trained):
    return {
        **account_facts(users),
        "trained": trained,
        "identity_verified": IdentityKnown(standings),
        "accountability_signed": Accountable(standings),
        "in_window": InWindow(POLICY, standings),
        "equipment_calibrated": Calibrated(),
        "access_reviewed": RightsReviewed(POLICY, 0),
    }


class Opaque:
    """A fact of another package that cannot say for which records it holds."""

    name = "access_reviewed"

    def fact(self, actor, record, now):
        return Fact(len(record.stream) + record.version != 9, "opaque")


@dataclasses.dataclass(frozen=True)
class Named:
    """A fact that holds for some records by their names."""

    only: frozenset[str] | None
    never: frozenset[str]
    name: str = "named"

    def scope(self, actor, now):
        return Scope(True, "stream", self.only, self.never)

    def fact(self, actor, record, now):
        is_in = self.only is None or record.stream in self.only
        return Fact(is_in and record.stream not in self.never, "named")


def changed_policy(chance):
    """The first policy with rules that ask for more or less, and other judgements."""
    rules = []
    for rule in POLICY.rules:
        extra = {}
        if chance.random() < 0.2:
            extra["procedures"] = ("P",)
        if chance.random() < 0.2:
            extra["states"] = tuple(chance.sample(["open", "approved", "released"], 2))
        rules.append({**rule.model_dump(), **extra})
    judgements = chance.choice([POLICY.judgements, ()])
    return POLICY.model_copy(update={"rules": rules, "judgements": judgements})


@settings(max_examples=50, deadline=None)
@given(histories, st.integers(0, 2**32), st.integers(0, 20))
def test_a_list_and_its_records_are_decided_alike(history, seed, now):
    world, chance = World(history), random.Random(seed)
    users, facts, lends = population(chance)
    policy = changed_policy(chance)
    records = [record_facts(one, world.log.stream(one), policy.judgements) for one in world.streams]
    for uid, action in itertools.product(UIDS, sorted(set(ACTIONS))):
        actor = Actor(uid, users[uid].roles)
        found = selection(policy, actor, action, facts, now, stand_ins=lends[uid])
        listed = world.chosen(found.clause)
        allowed = [
            one.stream
            for one in records
            if may(policy, actor, action, one, facts, now, stand_ins=lends[uid]).is_allowed
        ]
        if found.is_exact:
            assert listed == allowed, (uid, action, found)
        else:
            assert set(allowed) <= set(listed)


@settings(max_examples=50, deadline=None)
@given(histories, st.sets(st.sampled_from(list(DataClass))))
def test_what_may_be_read_is_listed_by_class(history, may_read):
    world = World(history)
    listed = world.chosen(readable(frozenset(may_read), "ana"))
    names = {one.value for one in may_read}
    wanted = [
        stream
        for stream in world.streams
        if stream == "user/ana" or ("operational" in names and world.facts[stream].classes <= names)
    ]
    assert listed == wanted


@settings(max_examples=50, deadline=None)
@given(histories)
def test_the_table_of_states_is_that_of_the_folds(history):
    world = World(history)
    rows = {row["stream"]: row["state"] for row in world.log.table(RECORD_STATES).values()}
    for stream in world.streams:
        assert rows.get(stream, "open") == world.facts[stream].state


def test_lists_are_not_all_empty_or_full():
    """The equality above is not one of nothing with nothing."""
    history = [
        ("create", "batch/1", "ana", ["P"], None),
        ("create", "batch/2", "ana", [], DataClass.CONFIDENTIAL),
        ("sign", "batch/2", "cene", "approved", 0, False),
    ]
    world = World(history)
    users = {"cene": UserState("cene", "c", "c", (("quality_reviewer", 2),))}
    standings = {"cene": Standing("cene", "a@1", "b@1")}
    facts = facts_of(users, standings, Trained())
    actor = Actor("cene", users["cene"].roles)
    chosen = [
        world.chosen(selection(POLICY, actor, action, facts, 0).clause)
        for action in ("sign:reviewed", "sign:released", "sign:approved", "record", "user:add")
    ]
    assert chosen == [["batch/2"], ["batch/2"], [], [], []]
    assert world.chosen(readable(frozenset({DataClass.OPERATIONAL}), "x")) == ["batch/1"]
    assert world.log.table(RECORD_LINKS)["batch/1", "cites", "P"]


def test_clauses_are_simplified():
    one = Clause("a = ?", (1,))
    assert both([one, EVERY, one]) == one
    two = both([one, Clause("b = ?", (2,))])
    assert two == Clause("(a = ?) AND (b = ?)", (1, 2))
    assert both([one, NONE]) == NONE
    assert either([one, EVERY]) == EVERY
    assert either([]) == NONE


def test_all_that_is_left_out_is_looked_up_once():
    users = {"u": UserState("u", "u", "u", (("quality_reviewer", 2),))}
    standings = {"u": Standing("u", "a@1", "b@1")}
    facts = facts_of(users, standings, Trained())
    clause = selection(POLICY, Actor("u", users["u"].roles), "sign:reviewed", facts, 0).clause
    assert clause.sql.count("{stream}") == 1 and clause.sql.count("UNION ALL") >= 2
    assert clause.sql.count("?") == len(clause.parameters)


def test_a_decision_takes_less_than_a_fifth_of_a_millisecond_and_a_list_of_many_records_is_fast():
    users = {"u": UserState("u", "u", "u", (("quality_reviewer", 2),))}
    standings = {"u": Standing("u", "a@1", "b@1")}
    facts = facts_of(users, standings, Trained())
    actor, record = Actor("u", users["u"].roles), record_facts("batch/1", ())
    start = time.perf_counter()
    for _ in range(1000):
        assert may(POLICY, actor, "sign:reviewed", record, facts, 0).is_allowed
    # Reported by `benchmarks`; here only that nothing slow has crept in.
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("action", ["fly", "sign:blessed"])
def test_what_no_rule_names_selects_nothing(action):
    found = selection(POLICY, Actor("u"), action, {}, 0)
    assert found.clause == NONE
