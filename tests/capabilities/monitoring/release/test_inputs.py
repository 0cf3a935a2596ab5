"""Inputs of a release model as they are read: what is not certain is no value."""

from types import SimpleNamespace

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring.release.inputs import _good_time, read_inputs
from goldenbatch.core.release_parts import InputSource

ROW = {"batch": "R1"}
RESULT = {
    "sample": "S1", "test": "water", "attribute": "water", "kind": "number", "value": "2.0",
    "operator": "", "unit": "%", "status": "valid", "stream_version": 1,
}  # fmt: skip


def read(*rows):
    event = SimpleNamespace(leaf="0" * 64)
    ledger = SimpleNamespace(select=lambda *_: rows, stream=lambda *_: [event])
    source = InputSource(name="water", kind="result", of="water")
    return read_inputs(SimpleNamespace(ledger=ledger), ROW, [source], {"water": "%"})[0]


def test_a_result_that_stands_as_a_failure_is_not_left_out_of_the_mean():
    two = read(RESULT, {**RESULT, "sample": "S2", "value": "4.0"})
    assert (two.value, len(two.evidence)) == ("3.0", 2)
    for status in ("oos", "oot"):
        told = read(RESULT, {**RESULT, "sample": "S2", "status": status})
        assert (told.value, told.fault) == ("", "missing_input") and status in told.why
    told = read(RESULT, {**RESULT, "sample": "S2", "status": "invalidated", "value": "9"})
    assert told.value == "2.0"


@pytest.mark.parametrize(
    ("times", "known", "cadence", "expected"),
    [
        (range(0, 100, 10), 90, np.inf, 100),  # the last gap is as long as those before
        (range(0, 50, 10), 40, np.inf, 50),  # silent in the second half
        ((0, 10, 90), 100, np.inf, 100),  # it reports when something changes
        ((0, 10, 90), 100, 10, 50),  # it should have reported every 10
        ((5,), 5, np.inf, 5),
    ],
)
def test_a_reading_does_not_stand_for_ever(times, known, cadence, expected):
    series = SimpleNamespace(times=lambda: np.array(list(times)))
    assert _good_time((0, 100), series, (1.0, known), cadence) == pytest.approx(expected)
