"""The log of predictions: columns with a record a block; twice is once, and a crash loses none."""

import numpy as np
import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.prediction import Outside, PredictionsMade
from goldenbatch.core.series import Quality
from goldenbatch.runtime.prediction_log import (
    log_records,
    log_tag,
    logged_inputs,
    logged_numbers,
    logged_uses,
)

USE, START = case.USE, case.START
ROWS = np.array([[37.0, 7.0], [50.0, 7.0], [np.nan, 7.0], [36.0, np.inf], [38.0, 6.9]])
TIMES = START + np.arange(5) * 1_000_000


def made(site, rows=ROWS, times=TIMES):
    return PredictionsMade(site.models.active(USE).predict(rows), times, rows)


def test_what_was_acted_on_stands_in_columns(site):
    before = site.ledger.head()
    one = made(site)
    seqs = site.models.log(one, "batch B7")
    assert len(seqs) == 3
    assert site.ledger.head() == before  # no event for a number
    assert logged_uses(site.historian) == [USE]
    (record,) = log_records(site.historian, USE)
    assert (record.version, record.key, record.n, record.seq) == (1, "batch B7", 5, seqs[-1])
    assert record.model == one.block.model.digest
    assert record.inputs == one.block.input_digest
    numbers = logged_numbers(site.historian, [record])[0]
    assert numbers["value"].tobytes() == one.block.values.tobytes()
    assert numbers["lower"].tobytes() == one.block.lower.tobytes()
    assert numbers["outside"].tolist() == one.block.outside.tolist()
    assert np.array_equal(logged_inputs(site.historian, [record], 2)[0], ROWS, equal_nan=True)
    series = site.historian.read([log_tag(USE, "value")], (START, START + 10_000_000))
    assert series.qualities().tolist() == [
        Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD, Quality.GOOD,
    ]  # fmt: skip
    assert numbers["outside"][2] == Outside.MISSING | Outside.NO_VALUE


def test_twice_is_once_and_the_digest_is_in_the_ledger(site):
    first = site.models.log(made(site), "batch B7")
    assert site.models.log(made(site), "batch B7") == first
    site.flush()
    closed = [event.decode() for event in site.ledger.events(kinds={"ChunkClosed"})]
    (chunk,) = [one for one in closed if one.source == f"model/{USE}"]
    assert chunk.n_readings == 5 + 4 * 5 + 1
    assert len(list(log_records(site.historian, USE))) == 1
    assert site.verify().is_ok


def test_blocks_of_the_same_times_stay_apart(site):
    site.models.log(made(site), "a")
    site.models.log(made(site, ROWS[::-1]), "b")
    one, two = log_records(site.historian, USE)
    assert logged_numbers(site.historian, [one])[0]["outside"].tolist() == [0, 6, 17, 24, 0]
    assert logged_numbers(site.historian, [two])[0]["outside"].tolist() == [0, 24, 17, 6, 0]


def test_a_crash_between_the_frames_is_made_whole_by_its_writer(site, monkeypatch):
    """The record comes last: without it there is no block, and the same call makes it whole."""
    write, n_written = site.historian.write, []

    def dying(frame):
        if len(n_written) == 2:
            raise KeyboardInterrupt
        n_written.append(frame.key)
        return write(frame)

    monkeypatch.setattr(site.historian, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        site.models.log(made(site), "batch B7")
    monkeypatch.undo()
    assert n_written == ["1/batch B7/inputs", "1/batch B7/numbers"]
    assert list(log_records(site.historian, USE)) == []
    assert len(site.models.log(made(site), "batch B7")) == 3
    (record,) = log_records(site.historian, USE)
    assert logged_numbers(site.historian, [record])[0]["outside"].shape == (5,)
    head = site.historian.head()
    site.models.log(made(site), "batch B7")
    assert site.historian.head() == head


@pytest.mark.parametrize(
    ("times", "rows", "why"),
    [
        (TIMES[::-1], ROWS, "do not rise"),
        (np.repeat(TIMES[:1], 5), ROWS, "do not rise"),
        (TIMES[:4], ROWS, "come with"),
        (TIMES, ROWS[:4], "come with"),
        (TIMES, None, "with the tag of them"),
    ],
)
def test_what_cannot_be_logged(site, times, rows, why):
    block = site.models.active(USE).predict(ROWS)
    with pytest.raises(BadInputError, match=why):
        site.models.log(PredictionsMade(block, times, rows), "x")


def test_an_empty_block_logs_nothing(site):
    head = site.historian.head()
    assert site.models.log(made(site, ROWS[:0], TIMES[:0]), "x") == ()
    assert site.historian.head() == head
