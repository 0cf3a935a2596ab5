"""Replay as seen equals live; as known says what would have been different; neither appends."""

import pytest
from gbx_bench import TEMP, make_result

from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.results import ResultCorrected

SETTINGS = {"tag": TEMP, "limit": 30.0}


@pytest.fixture
def lived(bench, site):
    """Two days, the second of which corrects the first."""
    site.adopt("hot", "test.threshold", SETTINGS)
    bench.batch(site, "B1", 0, 100)
    bench.batch(site, "B2", 100)
    bench.write(site, [(10, 40.0), (20, 10.0)])
    bench.result(site, "S1", "B1", "35.5", 25)
    site.wake()
    bench.write(site, [(110, 50.0)])
    site.wake()
    bench.write(site, [(10, 20.0)], reason="sensor was read wrongly")
    bench.write(site, [(15, 31.0), (120, 10.0)])
    old, new = make_result("35.5", 25), make_result("25.5", 25)
    correction = ResultCorrected(sample="S1", test="assay", old=old, new=new, reason="dilution")
    bench.record(site, "sample/S1", correction)
    site.wake()
    return site


def test_as_seen_equals_live_and_appends_nothing(lived):
    heads = (lived.ledger.head(), lived.historian.head())
    report = lived.replay("as-seen")
    assert report.is_equal, report.differences
    assert (report.n_ticks, report.n_live, report.n_replayed) == (3, 6, 6)
    assert report.n_derived == 6
    assert report.failures == {}
    assert (lived.ledger.head(), lived.historian.head()) == heads
    assert report.as_json()["transitions"][0]["finding"]["analyst"] == "hot"


def test_one_batch_alone(lived):
    report = lived.replay("as-seen", "B2")
    assert report.is_equal
    assert (report.n_live, report.n_replayed) == (2, 2)
    assert {one.finding.subject.batch for one in report.transitions} == {"B2"}


def test_as_known_says_what_would_have_been_different(lived):
    head = lived.ledger.head()
    report = lived.replay("as-known")
    assert lived.ledger.head() == head
    words = [(one.what, one.batch, one.words) for one in report.differences]
    # The reading at 10 was wrong, the one at 15 came late; the result was corrected away.
    assert any(what == "changed" and batch == "B1" and "31.0 at 15" in text
               for what, batch, text in words)  # fmt: skip
    assert ("only live", "B1", "opened: Above the limit") in words
    assert not any(batch == "B2" and what != "changed" for what, batch, _ in words)
    steps = [(one.step, one.finding.subject.attribute) for one in report.transitions]
    assert ("opened", "assay") not in steps


def test_a_change_in_the_analyst_shows(lived, monkeypatch):
    import gbx_threshold

    real = gbx_threshold.Threshold._finding
    monkeypatch.setattr(
        gbx_threshold.Threshold,
        "_finding",
        lambda self, subject, statement, *rest: real(self, subject, f"{statement}!", *rest),
    )
    report = lived.replay("as-seen")
    assert len(report.differences) == 6
    assert {one.what for one in report.differences} == {"changed"}
    assert report.differences[0].words.startswith("statement: 40.0 at 10 live, 40.0 at 10! repl")


def test_another_version_of_the_code_is_a_failure_that_is_named(lived, monkeypatch):
    import gbx_threshold

    monkeypatch.setattr(gbx_threshold.Threshold, "version", "2")
    report = lived.replay("as-seen")
    assert (
        "version 1 of test.threshold was adopted, version 2 is installed"
        in (report.failures["hot"])
    )
    assert {one.what for one in report.differences} == {"only live"}


def test_derived_numbers_are_compared(lived, monkeypatch):
    import gbx_threshold

    monkeypatch.setattr(gbx_threshold.Threshold, "start", lambda self: {"entries": {}, "n": 5})
    report = lived.replay("as-seen")
    (only,) = report.differences
    assert only.what == "derived"
    assert only.words == "hot/count: 6 numbers live, 6 replayed; number 1 is the first that differs"


@pytest.mark.parametrize("mode", ["as-seen", "as-known"])
def test_a_batch_that_is_not_there_is_not_found_equal(site, mode):
    with pytest.raises(NotFoundError, match="no batch 'nope'"):
        site.replay(mode, "nope")


def test_unknown_mode(site):
    with pytest.raises(BadInputError, match="no mode of replay"):
        site.replay("sideways")


def test_progress_and_nothing_to_replay(lived):
    from goldenbatch.runtime.replay import replay

    seen = []
    replay(lived, "as-seen", on_tick=lambda done, n_all: seen.append((done, n_all)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
