"""The trail: what each event does to its record, what was and what is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.analyst import AnalystAdopted
from goldenbatch.core.audit import (
    TRAIL,
    Act,
    Change,
    TrailFilter,
    changes,
    entries,
    flat,
    reason_of,
)
from goldenbatch.core.batches import (
    BatchCorrected,
    BatchCreated,
    ConsumptionCorrected,
    MaterialConsumed,
    PhaseStarted,
)
from goldenbatch.core.people import UserAdded
from goldenbatch.core.records import DataClass, Envelope, Event, HomeKind
from goldenbatch.core.results import Result, ResultCorrected, ResultKind, ResultsReported

HOUR = 3_600_000_000
NOW = 1_700_000_000_000_000


def event(body, version=1, stream="batch/7", performed_at=None, seq=None, actor="ann"):
    kind = type(body).__name__
    envelope = Envelope(
        home="h", home_kind=HomeKind.DEVELOPMENT, site="s", owner="",
        data_class=body.data_class, stream=stream, version=version, kind=kind,
        body_version=1, actor=actor, recorded_at=NOW + version, performed_at=performed_at,
        body_digest="0" * 64, previous="",
    )  # fmt: skip
    return Event(seq or version, envelope, body.as_json(), f"{version:064x}")


def rows(*events):
    found = {}
    for one in events:
        for row in TRAIL.fold(one, found.get):
            found[row["stream"], row["version"]] = row
    return list(found.values())


CREATED = BatchCreated(batch="7", product="P", size="10 kg")
RESIZED = BatchCorrected(batch="7", field="size", old="10 kg", new="12 kg", reason="misread")


def test_acts_of_a_batch():
    started = PhaseStarted(batch="7", place="a", phase="mix", at=NOW)
    found = rows(event(CREATED, 1), event(started, 2), event(RESIZED, 3))
    assert [row["act"] for row in found] == [Act.CREATED, Act.ENTERED, Act.CORRECTED]


def test_a_new_version_of_the_same_thing_is_a_change_and_names_what_it_replaces():
    one = AnalystAdopted(name="w", analyst="a.b", version="1", settings={"limit": 50, "tag": "t"})
    two = AnalystAdopted(name="w", analyst="a.b", version="1", settings={"limit": 55, "tag": "t"})
    first, second = event(one, 1, "analyst/w"), event(two, 2, "analyst/w")
    assert [(row["act"], row["replaces"]) for row in rows(first, second)] == [
        ("created", 0), ("changed", 1)
    ]  # fmt: skip
    assert changes(second, first) == (Change("settings.limit", "50", "55"),)


def test_an_entry_after_a_signature_unsigns_and_a_second_signature_does_not():
    events = [event(CREATED, 1)]
    events += [_signed(2), _signed(3)]
    events += [event(RESIZED, 4), event(RESIZED, 5)]
    found = rows(*events)
    assert [row["n_signed"] for row in found] == [0, 1, 2, 0, 0]
    assert [row["is_unsigning"] for row in found] == [0, 0, 0, 1, 0]


def _signed(version):
    made = event(CREATED, version)
    envelope = made.envelope.model_copy(
        update={"kind": "SignatureApplied", "data_class": DataClass.PERSONAL}
    )
    return Event(version, envelope, {"printed_name": "Ann"}, made.leaf)


@pytest.mark.parametrize(("delay", "is_late"), [(None, 0), (0, 0), (15 * 60_000_000, 0), (HOUR, 1)])
def test_late_entries(delay, is_late):
    performed = None if delay is None else NOW + 1 - delay
    assert rows(event(CREATED, 1, performed_at=performed))[0]["is_late"] == is_late


def test_old_and_new_of_corrections():
    assert changes(event(RESIZED, 2)) == (Change("size", "10 kg", "12 kg"),)
    assert reason_of(event(RESIZED, 2)) == "misread"
    used = ConsumptionCorrected(
        batch="7", entry=2, old=("m", "L1", "5 kg"), new=("m", "L2", "5 kg"), reason="x"
    )
    assert changes(event(used, 3)) == (Change("lot", "L1", "L2"),)
    none = ConsumptionCorrected(batch="7", entry=2, old=("m", "L1", "5 kg"), new=None, reason="x")
    assert changes(event(none, 3)) == (
        Change("material", "m", ""), Change("lot", "L1", ""), Change("quantity", "5 kg", "")
    )  # fmt: skip
    old = Result(test="assay", attribute="assay", kind=ResultKind.NUMBER, value="98.1", unit="%")
    new = old.model_copy(update={"value": "98.7"})
    body = ResultCorrected(sample="S", test="assay", old=old, new=new, reason="typing")
    assert changes(event(body, 3)) == (Change("assay.value", "98.1", "98.7"),)


def test_a_first_entry_shows_all_that_was_entered():
    found = {one.field: one for one in changes(event(CREATED))}
    assert found["size"] == Change("size", "", "10 kg")
    assert "recipe" not in found  # empty before and after
    result = Result(test="t1", attribute="assay", kind=ResultKind.NUMBER, value="1", unit="%")
    told = changes(event(ResultsReported(sample="S", results=(result,))))
    assert Change("results[t1].value", "", "1") in told


def test_what_was_erased_is_said():
    made = event(CREATED)
    assert "erased" in changes(Event(1, made.envelope, None, made.leaf))[0].new


def test_entries_of_whole_records():
    found = entries([event(CREATED, 1), _signed(2), event(RESIZED, 3, performed_at=NOW - HOUR)])
    assert [one.act for one in found] == [Act.CREATED, Act.SIGNED, Act.CORRECTED]
    assert found[2].is_unsigning and found[2].is_late
    assert found[2].changes == (Change("size", "10 kg", "12 kg"),)


def test_master_data_in_text_is_compared_by_its_entries():
    one, two = '{"places": [{"path": "a", "x": "1"}]}', '{"places": [{"path": "a", "x": "2"}]}'
    assert flat({"text": one})["text.places[a].x"] == "1"
    assert flat({"text": two})["text.places[a].x"] == "2"
    assert flat({"text": 'a = "1"\n'})["text.a"] == "1"
    assert flat({"text": "just words"}) == {"text": "just words"}


def test_personal_bodies_do_not_go_into_the_search():
    added = UserAdded(uid="u1", login="ann", printed_name="Ann Novak")
    row = rows(event(added, 1, "user/u1"))[0]
    assert "novak" not in row["text"]
    assert "user/u1 useradded" == row["text"]
    assert "12 kg" in rows(event(RESIZED, 1))[0]["text"]


def test_an_erased_personal_body_leaves_its_row_as_it_was():
    added = event(UserAdded(uid="u1", login="ann", printed_name="Ann"), 1, "user/u1")
    assert rows(Event(1, added.envelope, None, added.leaf)) == rows(added)


def test_unknown_kinds_are_in_the_trail():
    made = event(CREATED)
    envelope = made.envelope.model_copy(update={"kind": "FromTomorrow"})
    assert rows(Event(1, envelope, {"x": "1"}, made.leaf))[0]["kind"] == "FromTomorrow"


def test_a_filter_in_words():
    assert TrailFilter().as_words() == "all entries of this home"
    words = TrailFilter(streams=("batch/7",), acts=(Act.CORRECTED,), is_late=True).as_words()
    assert words == "streams batch/7, acts corrected, is late yes"


LEAVES = st.text("ab1.", max_size=3) | st.integers(0, 9) | st.booleans() | st.none()
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=2), inner),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), TREES, max_size=4))
def test_a_body_against_itself_has_no_changes(body):
    made = event(MaterialConsumed(batch="7", material="m", lot="l"))
    one = Event(1, made.envelope, body, made.leaf)
    assert changes(one, one) == () or ("old" in body and "new" in body)
