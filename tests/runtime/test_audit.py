"""The trail of a home: searched, shown with who and why, reviewed only by who was shown it."""

import pytest
from gbx_bench import START, make_result

from goldenbatch.core.audit import Act, TrailFilter, TrailOpened, TrailReviewed
from goldenbatch.core.batches import BatchCorrected
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.people import signature_state
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import ResultCorrected
from goldenbatch.runtime.audit import Trail

PASSWORD = "a long password"
HOUR = 3_600_000_000


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    """Argon2id with little memory: the strength is not what is tested here."""
    import argon2

    real = argon2.PasswordHasher
    monkeypatch.setattr(argon2, "PasswordHasher", lambda: real(1, 8, 1))


@pytest.fixture
def ann(site):
    uid = site.people.add("ann", "Ann Novak", PASSWORD)
    site.people.grant("ann", "quality_reviewer", "trained")
    return uid


@pytest.fixture
def trail(bench, site):
    """The trail of a home with two batches, a late entry and two corrections."""
    bench.batch(site, "B1", START, START + HOUR)
    bench.batch(site, "B2", START)
    bench.result(site, "S1", "B1", "98.1", START + HOUR)
    size = BatchCorrected(batch="B1", field="size", old="", new="12 kg", reason="not entered")
    bench.record(site, "batch/B1", size, performed_at=START - 5 * HOUR)
    old, new = make_result("98.1", START + HOUR), make_result("98.7", START + HOUR)
    body = ResultCorrected(sample="S1", test="assay", old=old, new=new, reason="typing slip")
    bench.record(site, "sample/S1", body)
    return Trail(site)


def shown(page):
    return [(line.entry.event.stream, line.entry.event.kind) for line in page.lines]


def test_the_trail_of_the_home_has_every_event(site, trail):
    page = trail.page(TrailFilter(), limit=None)
    assert page.n_entries == site.ledger.head() == len(page.lines)
    assert [line.entry.event.seq for line in page.lines] == list(range(1, page.n_entries + 1))
    assert page.is_whole


def test_paging_joins_up_to_the_whole(trail):
    whole = trail.page(TrailFilter(), limit=None).lines
    parts = []
    for offset in range(0, len(whole), 4):
        page = trail.page(TrailFilter(), offset=offset, limit=4)
        assert page.n_entries == len(whole)
        parts += page.lines
    assert tuple(parts) == whole


@pytest.mark.parametrize("sort", ["-seq", "stream", "-kind", "actor"])
def test_sorting(trail, sort):
    page = trail.page(TrailFilter(), sort=sort, limit=None)
    name = sort.removeprefix("-")
    event_key = {
        "seq": lambda e: e.seq, "stream": lambda e: e.stream, "kind": lambda e: e.kind,
        "actor": lambda e: e.envelope.actor,
    }[name]  # fmt: skip
    keys = [event_key(line.entry.event) for line in page.lines]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    assert len(keys) == page.n_entries


def test_filters(site, trail):
    corrected = trail.page(TrailFilter(acts=(Act.CORRECTED,)))
    assert shown(corrected) == [("batch/B1", "BatchCorrected"), ("sample/S1", "ResultCorrected")]
    assert shown(trail.page(TrailFilter(is_late=True))) == [("batch/B1", "BatchCorrected")]
    assert shown(trail.page(TrailFilter(text="TYPING slip"))) == [("sample/S1", "ResultCorrected")]
    assert shown(trail.page(TrailFilter(text="100%"))) == []
    assert {stream for stream, _ in shown(trail.page(TrailFilter(prefix="batch/")))} == {
        "batch/B1", "batch/B2"
    }  # fmt: skip
    assert len(shown(trail.page(TrailFilter(streams=("batch/B2",))))) == 2
    first = trail.page(TrailFilter(), limit=1).lines[0].entry.event.envelope.recorded_at
    assert trail.page(TrailFilter(until=first + 1)).n_entries == 3  # made in one append
    assert trail.page(TrailFilter(since=first + 1)).n_entries == site.ledger.head() - 3
    assert trail.page(TrailFilter(actor="tester", kinds=("SampleTaken",))).n_entries == 1


def test_of_a_batch(trail):
    wanted = trail.of_batch("B1")
    assert wanted.streams == ("batch/B1", "sample/S1")
    with pytest.raises(NotFoundError, match="no batch 'B9'"):
        trail.of_batch("B9")


def test_bad_pages(trail):
    with pytest.raises(BadInputError, match="no order 'colour'"):
        trail.page(TrailFilter(), sort="colour")
    with pytest.raises(BadInputError, match="0 or more"):
        trail.page(TrailFilter(), offset=-1)


def test_old_new_why_and_when(trail):
    (line,) = trail.page(TrailFilter(kinds=("ResultCorrected",))).lines
    told = line.as_json()
    assert told["changes"] == [{"field": "assay.value", "old": "98.1", "new": "98.7"}]
    assert told["reason"] == "typing slip"
    assert told["recorded"].endswith("+00:00") or "Z" in told["recorded"]


def test_who_with_the_roles_of_that_moment(bench, site, ann):
    site.ledger.append([NewEvent("batch/B7", _batch("B7"), 0, actor=ann)])
    site.people.revoke("ann", "quality_reviewer", "moved")
    site.people.grant("ann", "operator", "moved")
    site.ledger.append([NewEvent("batch/B8", _batch("B8"), 0, actor=ann)])
    lines = Trail(site).page(TrailFilter(prefix="batch/")).lines
    assert [(one.printed_name, one.role) for one in lines] == [
        ("Ann Novak", "quality_reviewer"), ("Ann Novak", "operator")
    ]  # fmt: skip
    hidden = Trail(site).page(TrailFilter(prefix="batch/"), sees_names=False).lines
    assert [(one.printed_name, one.role) for one in hidden] == [
        ("", "quality_reviewer"), ("", "operator")
    ]  # fmt: skip


def _batch(name):
    from goldenbatch.core.batches import BatchCreated

    return BatchCreated(batch=name, product="P")


def test_names_and_secrets_do_not_leak_through_the_values(site, ann):
    seen = str(Trail(site).page(TrailFilter(prefix="user/")).as_json())
    assert "Ann Novak" in seen
    assert "argon2" not in seen
    hidden = str(Trail(site).page(TrailFilter(prefix="user/"), sees_names=False).as_json())
    assert "Novak" not in hidden
    assert "argon2" not in hidden


def test_a_review_needs_the_showing_of_exactly_these_entries_to_this_person(site, trail, ann):
    wanted = trail.of_batch("B1").model_copy(update={"streams": ("batch/B1",)})
    with pytest.raises(NotFoundError, match="shows no entries"):
        trail.review("trail/batch/B1", 1, "ann", PASSWORD, "fine")
    other = trail.open(wanted, "someone-else")
    with pytest.raises(DeniedError, match="shown to another person"):
        trail.review("trail/batch/B1", other.event.envelope.version, "ann", PASSWORD, "fine")
    opened = trail.open(wanted, ann)
    body = opened.event.decode()
    assert isinstance(body, TrailOpened)
    assert (body.from_version, body.to_version, body.n_entries) == (1, 5, 5)
    assert opened.event.envelope.actor == "node"
    version = opened.event.envelope.version
    review, signature = trail.review("trail/batch/B1", version, "ann", PASSWORD, "all as it was")
    reviewed = review.decode()
    assert isinstance(reviewed, TrailReviewed)
    assert (reviewed.reviewer, reviewed.opened, reviewed.n_entries) == (ann, version, 5)
    (state,) = signature_state(site.ledger.stream("trail/batch/B1"))
    assert state.is_signed
    assert state.signature.signer == ann
    assert state.signed_version == review.envelope.version  # recorded and signed in one append
    assert signature.envelope.actor == ann


def test_who_took_part_does_not_review(site, trail, ann):
    change = BatchCorrected(batch="B1", field="size", old="12 kg", new="13 kg", reason="mine")
    version = site.ledger.version("batch/B1")
    site.ledger.append([NewEvent("batch/B1", change, version, actor=ann)])
    before = site.ledger.head()
    for wanted in (TrailFilter(streams=("batch/B1",)), TrailFilter(prefix="batch/")):
        opened = trail.open(wanted, ann).event
        with pytest.raises(DeniedError, match="took part in what is to be reviewed"):
            trail.review(opened.stream, opened.envelope.version, "ann", PASSWORD, "fine")
    assert site.ledger.head() == before + 2
    opened = trail.open(TrailFilter(prefix="sample/"), ann).event
    assert trail.review(opened.stream, opened.envelope.version, "ann", PASSWORD, "fine")


def test_who_may_not_review(site, trail):
    uid = site.people.add("new", "New", PASSWORD)
    opened = trail.open(TrailFilter(streams=("batch/B1",)), uid).event
    with pytest.raises(DeniedError, match="sign:reviewed is denied"):
        trail.review(opened.stream, opened.envelope.version, "new", PASSWORD, "fine")
    with pytest.raises(DeniedError, match="login or password is wrong"):
        trail.review(opened.stream, opened.envelope.version, "new", "not the password", "fine")
    assert not list(site.ledger.events(kinds={"TrailReviewed"}))


def test_an_empty_trail_cannot_be_opened(trail, ann):
    with pytest.raises(NotFoundError, match="no entries for streams batch/none"):
        trail.open(TrailFilter(streams=("batch/none",)), ann)


def test_a_review_stands_in_the_trail_and_the_home_verifies(site, trail, ann):
    opened = trail.open(TrailFilter(acts=(Act.CORRECTED,), prefix="sample/"), ann).event
    trail.review(opened.stream, opened.envelope.version, "ann", PASSWORD, "targeted: corrections")
    acts = [line.entry.act for line in trail.page(TrailFilter(prefix="trail/")).lines]
    assert acts == [Act.REVIEWED, Act.REVIEWED, Act.SIGNED]
    assert site.verify().is_ok
