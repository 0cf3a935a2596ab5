"""Retention, holds and deletion: nothing goes that is held, unexpired, or one person's word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goldenbatch.core._periods import Period, last_moment
from goldenbatch.core.deletion import (
    DELETED,
    DELETIONS,
    DataDeleted,
    Deleted,
    DeletionApproved,
    DeletionProposed,
    DeletionRefused,
    deletion_state,
    readings_digest,
    records_digest,
)
from goldenbatch.core.deletion_rules import MayGo, MustStay, may_carry_out, may_delete
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.holds import HOLDS, HoldScope, LegalHoldLifted, LegalHoldPlaced, active_holds
from goldenbatch.core.people import statement_for
from goldenbatch.core.records import DataClass, from_iso, to_iso
from goldenbatch.core.retention import (
    RETENTION_STREAM,
    BatchDates,
    Item,
    Term,
    adopted_schedules,
    first_schedule_text,
    kept,
    load_schedule,
    retention_adopted,
    schedule_at,
)
from goldenbatch.core.signatures import proposal_digest
from tests.core.log import Log

SCHEDULE = load_schedule(first_schedule_text(), "retention.toml")
OPERATIONAL = frozenset({DataClass.OPERATIONAL})
HASH = "0" * 64
EXPIRY, CERTIFIED = from_iso("2020-06-30T00:00:00Z"), from_iso("2018-07-01T00:00:00Z")
OVER = from_iso("2023-07-01T00:00:00Z")
"""Five years after certification, later than one year after expiry."""


def batch_item(**more):
    dates = {"ended": CERTIFIED - 10, "expiry": EXPIRY, "certified": CERTIFIED}
    item = Item(
        "record", "batch/B7", frozenset({"batch/B7"}), OPERATIONAL,
        dates={"recorded": CERTIFIED}, batches=(BatchDates("B7", dates),),
        places=frozenset({"site/press"}), window=(1000, 2000),
    )  # fmt: skip
    return replace(item, **more)


def hold(**scope):
    table = Log()
    body = LegalHoldPlaced(hold="H1", scope=HoldScope(**scope), reason="r", basis="court")
    table.add("hold/H1", body)
    return active_holds(table.table(HOLDS).values())


# ---- how long -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("P5Y", "2018-07-01", "2023-07-01"),
        ("P1Y", "2020-02-29", "2021-03-01"),
        ("P1M", "2021-01-31", "2021-03-01"),
        ("P2W1D", "2021-12-20", "2022-01-04"),
        ("P0D", "2021-12-20", "2021-12-20"),
    ],
)
def test_a_period_is_one_of_the_calendar_and_never_too_short(text, start, end):
    got = Period.parse(text).after(from_iso(f"{start}T00:00:00Z"))
    assert to_iso(got)[:10] == end


def test_a_period_beyond_the_calendar_never_ends():
    assert Period.parse("P9000Y").after(EXPIRY) is None
    for wrong in ("P", "PT5H", "5Y", "P-1Y", "P1D1Y", ""):
        with pytest.raises(ValueError, match="no period"):
            Period.parse(wrong)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2027-03-31", "2027-04-01T12"),
        ("2027-12", "2028-01-01T12"),
        ("2027-03-31T10:00:00+02:00", "2027-03-31T08"),
    ],
)
def test_a_date_is_over_when_it_is_over_everywhere(text, end):
    assert to_iso(last_moment(text))[:13] == end


def test_what_is_no_date_says_nothing():
    for wrong in ("", "soon", "2027", "31.03.2027", "2027-13", "2027-02-30", "2027-03-31T10:00"):
        assert last_moment(wrong) is None


def test_the_longest_duty_counts_and_is_explained():
    found = kept(batch_item(), SCHEDULE)
    assert to_iso(found.until)[:10] == "2023-07-01"
    assert found.rules == ("batch-record",)
    assert "certified of batch B7 2018-07-01 + P5Y = 2023-07-01" in found.grounds[0]
    assert "EU GMP Part I, 4.11" in found.grounds[0]
    verdict = may_delete(batch_item(), SCHEDULE, (), OVER - 1)
    assert isinstance(verdict, MustStay)
    assert "batch/B7 must be kept until 2023-07-01" in verdict.reasons[0]
    assert may_delete(batch_item(), SCHEDULE, (), OVER) == MayGo(OVER, found.rules, found.grounds)


@pytest.mark.parametrize("missing", ["expiry", "certified"])
def test_a_fact_that_is_missing_keeps(missing):
    dates = {name: at for name, at in batch_item().batches[0].dates.items() if name != missing}
    item = batch_item(batches=(BatchDates("B7", dates),))
    verdict = may_delete(item, SCHEDULE, (), OVER * 2)
    assert f"{missing}" in verdict.reasons[0]
    assert "is not known" in verdict.reasons[0]


def test_every_batch_of_a_thing_must_be_over():
    late = BatchDates("B8", {"expiry": EXPIRY, "certified": OVER})
    item = batch_item(batches=(*batch_item().batches, late))
    assert "2028-07-01" in may_delete(item, SCHEDULE, (), OVER).reasons[0]
    unknown = batch_item(batches=(*batch_item().batches, BatchDates("B9")))
    assert "of batch B9 is not known" in may_delete(unknown, SCHEDULE, (), OVER * 2).reasons[0]


def test_what_no_rule_names_is_kept():
    master = Item("record", "master/plant", frozenset({"master/plant"}), OPERATIONAL)
    assert "no rule says how long operational data" in kept(master, SCHEDULE).grounds[0]
    assert kept(batch_item(), None).grounds == ("no schedule of retention is in force",)
    assert kept(batch_item(fixed="the proof rests on it"), SCHEDULE).until is None
    assert "what class of data" in kept(batch_item(classes=frozenset()), SCHEDULE).grounds[0]


def test_readings_of_an_unknown_batch_are_never_taken_for_readings_of_none():
    readings = batch_item(what="readings", ref="hand-over/3", streams=frozenset({"chunk/line"}))
    nobody_knows = replace(readings, batches=None)
    assert "nobody can say of which batches" in kept(nobody_knows, SCHEDULE).grounds[0]
    of_none = replace(readings, batches=())
    assert kept(of_none, SCHEDULE).rules == ("other-readings",)


def test_a_name_stays_while_a_record_that_it_signed_must():
    user = Item(
        "record", "user/u1", frozenset({"user/u1"}), frozenset({DataClass.PERSONAL}),
        dates={"account closed": CERTIFIED}, named_in=(batch_item(),),
    )  # fmt: skip
    verdict = may_delete(user, SCHEDULE, (), OVER - 1)
    assert "batch/B7 could not be attributed without it" in verdict.reasons[0]
    assert may_delete(user, SCHEDULE, (), OVER).is_allowed
    held = may_delete(user, SCHEDULE, hold(batches=("B7",)), OVER)
    assert "hold H1 covers batch/B7" in held.reasons[0]
    is_open = replace(user, dates={})
    assert "account closed of user/u1 is not known" in kept(is_open, SCHEDULE).grounds[0]
    many = tuple(batch_item(ref=f"batch/{n}") for n in range(9))
    reasons = may_delete(replace(user, named_in=many), SCHEDULE, (), 0).reasons
    assert reasons[-1] == "and so for 4 more records"


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("keep", '["when we like + P1Y"]'),
        ("keep", '["batch expiry + 1 year"]'),
        ("keep", '["batch recorded + P1Y"]'),
        ("keep", "[]"),
        ("data_classes", '["secret"]'),
        ("batch", '"some"'),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused_with_its_line(entry, wrong):
    lines = first_schedule_text().splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith(f"{entry} ="))
    lines[place] = f"{entry} = {wrong}"
    with pytest.raises(BadInputError) as caught:
        load_schedule("\n".join(lines), "r.toml")
    assert "r.toml" in str(caught.value)
    with pytest.raises(BadInputError, match="two rules"):
        load_schedule(first_schedule_text().replace("other-files", "other-readings"), "r.toml")


def test_terms_say_what_starts_them():
    assert Term.parse("P3Y").starts == ("recorded",)
    assert Term.parse("batch released or certified + P3Y").is_of_batch
    either = Term.parse("batch certified or rejected + P5Y")
    assert either.end({"rejected": EXPIRY}, "batch B")[0] == from_iso("2025-06-30T00:00:00Z")
    assert load_schedule(
        first_schedule_text().replace('["recorded + P10Y"]', '["forever"]')
    ).rules[1].end(batch_item()) == (None, "it is kept for ever")  # fmt: skip


# ---- a schedule counts when two have signed it ----------------------------------------------


def sign(log, record, meaning, by, proposal=None):
    made = statement_for(
        record, HASH, meaning=meaning, signer=by, printed_name=by, role="x", at=0,
        proposal=proposal_digest(proposal.kind, proposal.as_json()) if proposal else "",
    )  # fmt: skip
    return log.add(record.stream, made.signed("password+home-key"), actor=by)


def test_nobody_approves_in_the_place_of_who_put_it_forward():
    log = Log()
    body = retention_adopted(first_schedule_text(), 100, "new")
    event = log.add(RETENTION_STREAM, body, actor="ana", acting_for="bor")
    sign(log, event, "approved", "bor")
    assert schedule_at(log.events, 200) is None
    sign(log, event, "approved", "eva")
    assert schedule_at(log.events, 200) == SCHEDULE


def test_a_schedule_counts_from_its_date_once_another_person_approved_it():
    log = Log()
    event = log.add(RETENTION_STREAM, retention_adopted(first_schedule_text(), 100, "new"), "ana")
    sign(log, event, "approved", "ana")
    assert schedule_at(log.events, 200) is None
    sign(log, event, "reviewed", "bor")
    assert schedule_at(log.events, 200) is None
    sign(log, event, "approved", "bor")
    assert schedule_at(log.events, 99) is None
    assert schedule_at(log.events, 100) == SCHEDULE
    longer = first_schedule_text().replace('version = "1"', 'version = "2"')
    log.add(RETENTION_STREAM, retention_adopted(longer, 150, "longer"), "ana")
    assert schedule_at(log.events, 200) == SCHEDULE
    sign(log, log.events[-1], "approved", "bor")
    assert schedule_at(log.events, 200).version == "2"
    assert [one.approved_by for one in adopted_schedules(log.events)] == ["bor", "bor"]
    with pytest.raises(BadInputError, match="for a reason"):
        retention_adopted(first_schedule_text(), 0, " ")


# ---- holds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "is_held"),
    [
        ({}, True),
        ({"batches": ("B7",)}, True),
        ({"batches": ("B8",)}, False),
        ({"streams": ("batch/B7",)}, True),
        ({"streams": ("batch/",)}, True),
        ({"streams": ("batch/B",)}, False),
        ({"places": ("site",)}, True),
        ({"places": ("site/press",)}, True),
        ({"places": ("site/pre",)}, False),
        ({"tags": ("site/press/force",)}, False),
        ({"start": 1999}, True),
        ({"start": 2000}, False),
        ({"end": 1000}, False),
        ({"end": 1001}, True),
        ({"data_classes": ("operational",)}, True),
        ({"data_classes": ("personal",)}, False),
        ({"batches": ("B7",), "start": 2000}, False),
    ],
)
def test_a_hold_covers_what_fits_all_its_parts(scope, is_held):
    verdict = may_delete(batch_item(), SCHEDULE, hold(**scope), OVER)
    assert verdict.is_allowed != is_held


def test_what_cannot_be_excluded_is_held():
    item = batch_item(what="artefact", batches=None, places=None, tags=None, window=None)
    for scope in (
        {"batches": ("B8",)}, {"places": ("x",)}, {"tags": ("t",)}, {"start": 10**15}, {"end": 1},
    ):  # fmt: skip
        assert HoldScope(**scope).covers(item)
    with pytest.raises(ValidationError, match="ends before it starts"):
        HoldScope(start=2, end=1)
    with pytest.raises(ValidationError, match="is empty"):
        HoldScope(batches=("",))


def test_a_hold_ends_by_the_signature_of_another_person_only():
    log = Log()
    body = LegalHoldPlaced(hold="H1", scope=HoldScope(batches=("B7",)), reason="r", basis="court")
    placed = log.add("hold/H1", body, "ana")

    def is_active():
        return bool(active_holds(log.table(HOLDS).values()))

    lifted = LegalHoldLifted(hold="H1", reason="over")
    log.add("hold/H1", lifted, "ana")
    sign(log, placed, "approved", "ana", lifted)
    assert is_active()
    log.add("hold/H1", lifted, "bor")
    assert is_active()
    sign(log, placed, "reviewed", "bor", lifted)
    assert is_active()
    narrower = body.model_copy(update={"scope": HoldScope(batches=("B9",))})
    log.add("hold/H1", narrower, "bor")
    assert active_holds(log.table(HOLDS).values())[0].scope.batches == ("B7",)
    log.add("hold/H1", lifted, "bor")
    sign(log, placed, "approved", "bor", lifted)
    assert not is_active()
    row = log.table(HOLDS)["H1",]
    assert (row["placed_by"], row["lifted_by"], row["words"]) == ("ana", "bor", "batches B7")


# ---- no sequence of events ------------------------------------------------------------------

THING = Deleted(what="record", ref="batch/B7", seqs=(1,), digest=HASH, n=1, rules=("r",), until=0)
PEOPLE = ("ana", "bor")
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["propose", "perform", "approve", "approve", "refuse", "place", "lift", "wait", "wait",
             "expire", "certify", "agree", "perform"]
        ),
        st.sampled_from(PEOPLE),
        st.booleans(),
    ),
    min_size=3,
    max_size=25,
)  # fmt: skip


class Site:
    """A batch, holds and a deletion; whoever records what, whether they may or not."""

    def __init__(self):
        self.log, self.now = Log(), CERTIFIED
        self.dates, self.held = {"expiry": EXPIRY}, {}
        self.proposer, self.signed, self.approver, self.is_refused = "", False, "", False

    def do(self, step, by, is_sound):
        getattr(self, step)(by, is_sound)

    def _first(self):
        events = self.log.stream("deletion/D1")
        return events[0] if events else None

    def propose(self, by, _):
        body = DeletionProposed(deletion="D1", schedule=HASH, things=(THING,), reason="r")
        if self._first() is None:
            self.log.add("deletion/D1", body, by)
            self.proposer = by

    def perform(self, by, _):
        if self._first() is not None:
            sign(self.log, self._first(), "performed", by)
            self.signed |= by == self.proposer

    def approve(self, by, is_sound):
        """With and without the event before the signature that it proposes."""
        body = DeletionApproved(deletion="D1", reason="agreed")
        if self._first() is not None:
            if is_sound:
                self.log.add("deletion/D1", body, by)
            sign(self.log, self._first(), "approved", by, body)
            if is_sound and by != self.proposer:
                self.approver = by

    def agree(self, by, _):
        """An approval that nobody has signed."""
        if self._first() is not None:
            self.log.add("deletion/D1", DeletionApproved(deletion="D1", reason="x"), by)

    def refuse(self, by, is_sound):
        if self._first() is not None and is_sound:
            self.log.add("deletion/D1", DeletionRefused(deletion="D1", reason="no"), by)
            self.is_refused = True

    def place(self, by, is_sound):
        scope = HoldScope(batches=("B7",)) if is_sound else HoldScope(batches=("B8",))
        name = "H1" if is_sound else "H2"
        body = LegalHoldPlaced(hold=name, scope=scope, reason="r", basis="b")
        self.log.add(f"hold/{name}", body, by)
        if is_sound:
            self.held.setdefault("H1", by)

    def lift(self, by, is_sound):
        body = LegalHoldLifted(hold="H1", reason="over")
        events = self.log.stream("hold/H1")
        if events:
            self.log.add("hold/H1", body, by)
            if is_sound:
                sign(self.log, events[0], "approved", by, body)
                if self.held.get("H1", by) != by:
                    del self.held["H1"]

    def wait(self, _, is_sound):
        self.now += (OVER - CERTIFIED) // (2 if is_sound else 3)

    def expire(self, _, is_sound):
        self.dates.pop("expiry", None) if not is_sound else self.dates.update(expiry=EXPIRY)

    def certify(self, _, is_sound):
        self.dates.update(certified=CERTIFIED) if is_sound else self.dates.pop("certified", None)

    def verdict(self):
        state = deletion_state(self.log.stream("deletion/D1"))
        if state is None:
            return MustStay(("nothing was proposed",))
        item = batch_item(batches=(BatchDates("B7", dict(self.dates)),))
        holds = active_holds(self.log.table(HOLDS).values())
        return may_carry_out(state, {"batch/B7": item}, SCHEDULE, holds, self.now)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_no_sequence_of_events_deletes_what_is_held_or_unexpired_or_on_one_persons_word(some):
    site = Site()
    for step in some:
        site.do(*step)
        may_go = (
            site.signed
            and site.approver not in ("", site.proposer)
            and not site.is_refused
            and not site.held
            and {"expiry", "certified"} <= site.dates.keys()
            and site.now >= OVER
        )
        assert site.verdict().is_allowed == may_go


def test_the_right_sequence_does_let_it_go():
    site = Site()
    for step in (
        ("certify", "ana", True), ("propose", "ana", True), ("perform", "ana", True),
        ("approve", "bor", True), ("place", "bor", True), ("wait", "ana", True),
        ("wait", "ana", True),
    ):  # fmt: skip
        site.do(*step)
        assert not site.verdict().is_allowed
    site.do("lift", "bor", True)
    assert "hold H1 covers batch/B7" in site.verdict().reasons[0]
    site.do("lift", "ana", True)
    assert site.verdict().is_allowed
    missing = may_carry_out(deletion_state(site.log.stream("deletion/D1")), {}, SCHEDULE, (), OVER)
    assert "batch/B7 is not there" in missing.reasons[0]


def test_a_deletion_is_told_as_it_stands():
    log = Log()
    assert deletion_state([]) is None
    proposal = DeletionProposed(deletion="D1", schedule=HASH, things=(THING,), reason="r")
    first = log.add("deletion/D1", proposal, "ana")
    assert deletion_state(log.events).label == "unsigned"
    sign(log, first, "performed", "ana")
    assert deletion_state(log.events).label == "proposed"
    approved = DeletionApproved(deletion="D1", reason="r")
    log.add("deletion/D1", approved, "bor")
    sign(log, first, "approved", "bor", approved)
    assert deletion_state(log.events).label == "approved"
    more = {"things": (THING,), "proposed_by": "ana", "approved_by": "bor", "schedule": HASH}
    log.add("deletion/D1", DataDeleted(deletion="D1", **more), "node")
    state = deletion_state(log.events)
    assert (state.label, state.done_seq, state.lacks()[0]) == (
        "deleted", 5, "it was carried out by event 5",
    )  # fmt: skip
    assert log.table(DELETIONS)["D1",]["state"] == "deleted"
    assert list(log.table(DELETED)) == [("record", "batch/B7", "D1")]
    with pytest.raises(ValidationError, match="takes two people"):
        DataDeleted(deletion="D1", **{**more, "approved_by": "ana"})
    with pytest.raises(ValidationError, match="named twice"):
        DeletionProposed(deletion="D1", schedule=HASH, things=(THING, THING), reason="r")
    with pytest.raises(ValidationError, match="numbered"):
        Deleted(what="artefact", ref="x", seqs=(1,), digest=HASH, n=1, rules=(), until=0)


def test_digests_of_what_went_can_be_made_of_what_stays():
    log = Log()
    log.add("batch/B7", DeletionRefused(deletion="x", reason="any body"))
    whole = records_digest(log.events)
    erased = [replace(event, body=None) for event in log.events]
    assert records_digest(erased) == whole != records_digest([])
    assert readings_digest(["b", "a"]) == readings_digest(["a", "b"])
