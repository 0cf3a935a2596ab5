"""Reference blocks and replayed logs: the same bits where it was qualified, digits elsewhere."""

import json

import numpy as np
import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.prediction import PredictionsMade
from goldenbatch.core.records import NewEvent
from goldenbatch.core.reference_blocks import ReferenceBlockKept, block_stream
from goldenbatch.core.series import Frame
from goldenbatch.runtime import _iq_models, reference_blocks
from goldenbatch.runtime.prediction_log import log_records, log_tag, logged_numbers
from goldenbatch.runtime.prediction_replay import replay_log
from goldenbatch.science.predictors import LinearPredictor

USE, START = case.USE, case.START
ROWS = np.random.default_rng(2).uniform([34.5, 6.5], [39.5, 7.5], (20, 2))
STREAM = block_stream(USE, 1)


@pytest.fixture
def logged(site):
    """The home with a reference block and two blocks of logged predictions."""
    site.references.keep()
    for number in range(2):
        times = START + np.arange(20) + number * 1000
        block = site.models.active(USE).predict(ROWS)
        site.models.log(PredictionsMade(block, times, ROWS), f"batch B{number}")
    return site


def drifted(monkeypatch, factor):
    """A platform on which the same artefact gives other numbers."""
    real = LinearPredictor.predict

    def predict(self, X, *, explain=False):
        found = real(self, X, explain=explain)
        found.value[:] *= factor
        return found

    monkeypatch.setattr(LinearPredictor, "predict", predict)


def elsewhere(monkeypatch):
    now = reference_blocks.platform()
    monkeypatch.setattr(reference_blocks, "platform", lambda: {**now, "numpy": "9.9"})


def test_a_block_is_kept_once_with_its_platform(site):
    (event,) = site.references.keep()
    assert site.references.keep() == []
    assert site.references.keep_one(USE, 1) is None
    body = event.decode()
    assert event.stream == STREAM
    assert {"numpy", "cpu", "python", "goldenbatch", "machine"} <= set(body.environment)
    kept = json.loads(site.registry.get(body.block))
    assert len(kept["rows"]) == body.n_rows == 48
    assert None in [one for row in kept["rows"] for one in row]
    assert len(set(kept["outside"])) > 2


def test_the_home_keeps_blocks_when_it_wakes_and_nobody_is_woken_by_that(site):
    site.wake()
    assert site.ledger.version(STREAM) == 1
    head = site.ledger.head()
    site.wake()
    assert site.ledger.head() == head


def outcomes(site):
    return [(row[0], row[3]) for row in _iq_models.model_items(site)]


def test_installation_qualification_predicts_the_block_again(site, monkeypatch):
    assert outcomes(site) == [("Model assay@1", "note")]  # kept now
    assert outcomes(site) == [("Model assay@1", "passed")]
    drifted(monkeypatch, 1 + 1e-12)
    assert outcomes(site) == [("Model assay@1", "failed")]
    elsewhere(monkeypatch)
    ((_, _, found, outcome),) = _iq_models.model_items(site)
    assert outcome == "note"
    assert "equal at 6 digits, not bit by bit" in found
    assert "numpy" in found
    drifted(monkeypatch, 1.001)
    ((_, _, found, outcome),) = _iq_models.model_items(site)
    assert outcome == "failed"
    assert "48 rows are predicted otherwise" in found


def test_a_swapped_artefact_or_block_fails_the_qualification(site):
    (event,) = site.references.keep()
    body = event.decode()
    content = site.registry.get(body.block)
    folder = site.layout.registry / "sha256"
    file = folder / body.block[:2] / body.block[2:]
    file.write_bytes(content.replace(b'"outside":[', b'"outside":[ '))
    assert outcomes(site) == [("Model assay@1", "failed")]
    type_file = file.with_name(f"{file.name}.json")
    kept = type_file.read_bytes()
    for one in (file, type_file):
        one.unlink()
    assert any("the reference block of assay@1" in one.message for one in site.verify().problems)
    file.write_bytes(content)
    type_file.write_bytes(kept)
    other = site.registry.put(b'{"format": "x"}', reference_blocks.MEDIA_TYPE)
    forged = ReferenceBlockKept(**{**body.model_dump(), "block": other})
    site.ledger.append([NewEvent(STREAM, forged, 1, actor="x")])
    assert outcomes(site) == [("Model assay@1", "failed")]


def test_a_retired_version_is_not_qualified_any_more(site):
    site.references.keep()
    case.act(site, "retire", "qa", use=USE, version=1, reason="the line is closed")
    assert outcomes(site) == []


# ---- the log ------------------------------------------------------------------------------------


def test_logged_predictions_are_made_again_bit_by_bit(logged):
    found = replay_log(logged, USE)
    assert found.is_ok, found.problems
    assert (found.n_blocks, found.n_replayed, found.n_rows, found.n_bits) == (2, 2, 40, 40)
    logged.flush()
    assert replay_log(logged, USE) == found
    assert replay_log(logged, USE, newest=1).n_rows == 20
    report = logged.verify()
    assert report.is_ok, report.problems
    assert report.counts["predictions"] == 40


def test_other_bits_are_a_problem_where_it_was_qualified_and_a_note_elsewhere(logged, monkeypatch):
    drifted(monkeypatch, 1 + 1e-12)
    found = replay_log(logged, USE)
    assert len(found.problems) == 2
    assert "not bit by bit, on the platform" in found.problems[0]
    elsewhere(monkeypatch)
    found = replay_log(logged, USE)
    assert found.is_ok
    assert (found.n_digits, found.n_bits) == (40, 0)
    assert "qualified on another platform: numpy" in found.notes[0]
    drifted(monkeypatch, 1.01)
    assert "20 of 20 rows are predicted otherwise" in replay_log(logged, USE).problems[0]
    assert not logged.verify().is_ok


def test_numbers_that_somebody_wrote_into_the_log_are_found(logged):
    """A record of one's own that names another's inputs, and numbers of one's own."""
    (record, _) = log_records(logged.historian, USE)
    numbers = logged_numbers(logged.historian, [record])[0]
    served = logged.models.version(USE, 1)
    block = served.predict(ROWS)
    block.values[3] = 10.0
    logged.models.log(PredictionsMade(block, START + 5000 + np.arange(20), ROWS), "batch B9")
    other = served.predict(ROWS[::-1])
    rows = ROWS.copy()
    logged.models.log(PredictionsMade(other, START + 9000 + np.arange(20), rows), "batch B10")
    found = replay_log(logged, USE)
    assert found.n_bits == 40
    assert "batch B9): 1 of 20 rows are predicted otherwise" in found.problems[0]
    assert "batch B10): the inputs that are there are not those" in found.problems[1]
    assert numbers["value"][3] != 10.0


def test_a_record_that_is_none_is_named(logged):
    from goldenbatch.core.series import frame_table

    tag = log_tag(USE, "record")
    table = frame_table("text", [START], [tag], ["{}"], [0])
    logged.historian.write(Frame(f"model/{USE}", "x", "text", table, START))
    found = replay_log(logged, USE)
    assert "is no record of predictions" in found.problems[0]
    assert found.n_bits == 40


def test_a_home_opened_for_reading_only_is_verified_too(logged, opened):
    logged.close()
    with opened(read_only=True) as again:
        assert again.verify().is_ok
        assert replay_log(again, USE).n_bits == 40
