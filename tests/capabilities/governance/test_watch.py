"""The watch over a model that serves, in a real home: opens, goes on, closes, is replayed."""

import pytest
from tests.capabilities.governance import sealed_case as case
from tests.capabilities.governance import watch_home as home

from goldenbatch.core.batches import EquipmentStatusChanged, SampleTaken
from goldenbatch.core.equipment import EquipmentStatus
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultCorrected

INPUT, OUTPUT, INVALID, RESIDUAL = (
    f"1/{one}" for one in ("input drift", "output drift", "share out of domain", "residual drift")
)
QUICK = {"arl0": 60, "n_reference": 8}


def no_failure(site):
    assert not [one.body for one in site.ledger.events(kinds={"AnalystFailed"})]


def test_a_drift_is_one_finding_with_its_rate_and_is_seen_again_on_replay(original):
    site = original
    home.adopt(site, **QUICK)
    home.run(site, 24, 5, bias=0.0)
    assert home.findings(site) == {}
    home.run(site, 29, 11, temp=3.5, bias=0.0, seed=1)
    found = home.findings(site)
    no_failure(site)
    state, drift = found[INPUT]
    assert state == "open"
    assert "no more than one event in 60 batches on average" in drift.statement
    assert drift.contributions[0].variable == case.TEMP
    assert drift.contributions[0].value > 2
    assert {one.name: one.value for one in drift.measures}["units to a false event, at least"] == 60
    assert {one.kind for one in drift.evidence} == {"artefact", "record", "window"}
    assert any(one.tag == case.TEMP for one in drift.evidence)
    # The model extrapolates well: it is outside its domain, and not wrong.
    assert {OUTPUT, INVALID} <= found.keys()
    assert not found[INVALID][1].in_domain
    assert RESIDUAL not in found
    home.run(site, 40, 30, bias=0.0, seed=2, wake=False)
    site.wake()
    assert {one: state for one, (state, _) in home.findings(site).items()}[INPUT] == "closed"
    uids = site.ledger.select("finding", {"analyst": "watch"})
    assert len(uids) == len(home.findings(site))  # one an event, whatever came and went
    assert site.replay("as-seen").is_equal


@pytest.fixture
def biased(original):
    """Eight batches whose late results all say that the model tells too little."""
    site = original
    home.adopt(site, **QUICK)
    home.run(site, 24, 8, bias=2.2, wake=False)
    site.wake()
    no_failure(site)
    return site


def test_late_results_show_that_the_model_errs_and_corrections_take_it_back(biased):
    site = biased
    state, found = home.findings(site)[RESIDUAL]
    assert state == "open"
    assert found.severity == "major"
    mean = next(one for one in found.measures if one.name == "mean residual")
    assert 1.5 < mean.value < 3
    assert [one.stream for one in found.evidence if one.note == "laboratory"]
    for number in range(24, 32):
        for k in range(3):
            sample = f"B{number}/{k}"
            known = site.ledger.stream(f"sample/{sample}")[-1].decode().results[0]
            better = known.model_copy(update={"value": f"{float(known.value) - 2.2:.3f}"})
            body = ResultCorrected(
                sample=sample, test="assay", old=known, new=better, reason="wrong standard"
            )
            site.ledger.append([NewEvent(f"sample/{sample}", body, 2, "test")])
    site.wake()
    state, found = home.findings(site)[RESIDUAL]
    assert state == "closed"
    assert "It has come back" in found.statement
    no_failure(site)
    assert site.replay("as-seen").is_equal


def test_another_version_begins_anew_and_what_was_open_is_closed(biased):
    site = biased
    case.act(site, "suspend", "sme", use=case.USE, reason="errs")
    site.wake()
    state, found = home.findings(site)[RESIDUAL]
    assert state == "closed"
    assert "serves no more" in found.statement
    case.act(site, "activate", "sme", use=case.USE, version=1, reason="the standard was wrong")
    site.wake()
    home.run(site, 32, 3, bias=0.0, wake=False)
    site.wake()
    assert home.findings(site)[RESIDUAL][0] == "closed"
    no_failure(site)


def test_results_of_unknown_samples_wait_and_those_of_other_units_are_counted(original):
    site = original
    home.adopt(site, **QUICK)
    site.wake()
    for number in range(24, 32):
        batch, start, rows = f"B{number}", case.START + number * case.DAY, home.rows_of(number)
        home.take(site, batch, start, rows, samples=False)
        for k, row in enumerate(rows):
            home.report(site, batch, k, home.truth(row, 3.0), version=0)
    home.report(site, "B31", 9, 1.0, unit="mg/L", version=0)
    site.wake()
    assert RESIDUAL not in home.findings(site)
    for number in range(24, 32):
        for k in range(3):
            sample, at = f"B{number}/{k}", case.START + number * case.DAY + k * home.HOUR
            body = SampleTaken(sample=sample, batch=f"B{number}", taken_at=at)
            site.ledger.append([NewEvent(f"sample/{sample}", body, 1, "test")])
    site.wake()
    no_failure(site)
    state, found = home.findings(site)[RESIDUAL]
    assert state == "open"
    refused = next(one for one in found.measures if one.name.startswith("results that are no"))
    assert refused.value == 1


def test_it_is_silent_outside_the_context_of_use(original):
    site = original
    home.adopt(site, **QUICK)
    site.wake()
    for number in range(24, 36):
        start = case.START + number * case.DAY
        home.take(site, f"B{number}", start, home.rows_of(number, temp=9.0), product="Q")
    body = EquipmentStatusChanged(
        place=case.PLACE, status=EquipmentStatus.TO_BE_CLEANED, at=case.START + 36 * case.DAY
    )
    site.ledger.append([NewEvent(f"equipment/{case.PLACE}", body, 0, "test")])
    for number in range(36, 48):
        start = case.START + number * case.DAY
        home.take(site, f"B{number}", start, home.rows_of(number, temp=9.0))
    home.write(site, case.TEMP, [(case.START + 60 * case.DAY + k, 90.0) for k in range(30)], "x")
    site.wake()
    assert home.findings(site) == {}
    no_failure(site)


def test_missing_inputs_are_no_valid_prediction_and_come_late_without_harm(original):
    site = original
    home.adopt(site, **QUICK)
    site.wake()
    for number in range(24, 32):
        start, rows = case.START + number * case.DAY, home.rows_of(number)
        home.take(site, f"B{number}", start, [(temp, None) for temp, _ in rows])
    site.wake()
    state, found = home.findings(site)[INVALID]
    assert state == "open"
    assert INPUT not in home.findings(site)
    share = next(one for one in found.measures if one.name.startswith("share of rows"))
    assert share.value > 0.25
    # Inputs of the same row in two ticks are one whole row.
    for number in range(32, 60):
        start, rows = case.START + number * case.DAY, home.rows_of(number)
        home.take(site, f"B{number}", start, [(temp, None) for temp, _ in rows], end=False)
        late = [(start + k * home.HOUR, ph) for k, (_, ph) in enumerate(rows)]
        if number % 4 == 0:
            site.wake()
        home.write(site, case.PH, late, f"late {number}")
    site.wake()
    no_failure(site)
    assert home.findings(site)[INVALID][0] == "closed"


def test_settings_that_make_no_watch_are_refused(governed):
    with pytest.raises(BadInputError, match="detected"):
        governed.adopt("watch", "governance.watch", {"allowed": 0.3, "detected": 0.2})
    with pytest.raises(BadInputError, match="arl0"):
        governed.adopt("watch", "governance.watch", {"arl0": 1})


def test_a_result_that_is_invalidated_is_no_reference_any_more(biased):
    site = biased
    for number in range(24, 32):
        for k in range(3):
            sample = f"B{number}/{k}"
            known = site.ledger.stream(f"sample/{sample}")[-1].decode().results[0]
            new = Result.model_validate(
                {**known.model_dump(), "status": "invalidated", "cause": "column broke"}
            )
            body = ResultCorrected(
                sample=sample, test="assay", old=known, new=new, reason="column broke"
            )
            site.ledger.append([NewEvent(f"sample/{sample}", body, 2, "test")])
    site.wake()
    no_failure(site)
    assert home.findings(site)[RESIDUAL][0] == "closed"


def test_ranges_of_the_intended_use_are_part_of_the_domain(original):
    """The artefact alone would take 34.5 degrees; the use states 34 to 40, and no more."""
    from goldenbatch.capabilities.governance.watched import Models, version_at, watched_at

    site = original
    home.adopt(site, **QUICK)
    site.wake()
    views = site.runner._views
    tick = site.runner._ticks[-1]
    view, models = views.at(tick, tick), Models()
    model = watched_at(view, version_at(view, case.USE, 1), 1, models)
    assert (model.lower, model.upper) == ((34.0, None), (40.0, None))
    import numpy as np

    told = models.predict(view, model, np.array([[37.0, 7.0], [41.0, 7.0], [np.nan, 7.0]]))
    assert told.in_domain.tolist() == [True, False, False]


def test_blocks_of_rows_are_units_too_and_what_is_known_now_is_another_replay(original):
    site = original
    home.adopt(site, arl0=60, n_reference=8, block_rows=4)
    site.wake()
    for number in range(24, 27):
        start = case.START + number * case.DAY
        home.take(site, f"B{number}", start, home.rows_of(number, n=16, temp=4.0), samples=False)
        site.wake()
    no_failure(site)
    state, found = home.findings(site)[INPUT]
    assert state == "open"
    assert "blocks" in found.statement
    assert site.replay("as-seen").is_equal
    known = site.replay("as-known")
    assert not known.failures
