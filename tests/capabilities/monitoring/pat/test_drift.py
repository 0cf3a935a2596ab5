"""Drift of a sensor inside its domain: level of its distances, and bias on verification samples."""

import random

import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.core.errors import BadInputError
from tests.capabilities.monitoring.test_soft_sensor import (
    MINUTE,
    SETTINGS,
    START,
    TAG,
    sample,
    sensor,
    spectrum,
    write,
)

__all__ = ["sensor"]
DRIFT = {"block": 2, "n_reference": 12, "n_verify": 5}


@pytest.fixture
def watched(sensor):
    sensor.site.adopt("glucose", "monitoring.soft_sensor", SETTINGS | {"drift": DRIFT})
    fit(sensor.site, "glucose")
    return sensor.site


def feed(site, first, strays, rng, glucose=10.0):
    """Spectra one minute apart, in one frame; returns the transitions of the tick."""
    at = [START + (first + i) * MINUTE for i in range(len(strays))]
    rows = [(time, spectrum(glucose, rng, one)) for time, one in zip(at, strays, strict=True)]
    write(site, TAG, rows, f"s{first}")
    return site.wake()


def about(transitions, key):
    return [one for one in transitions if one.finding.subject.key == key]


def test_a_level_that_moves_inside_the_domain_is_one_finding_that_ends(watched):
    rng = random.Random(1)
    found = about(feed(watched, 0, [0.0] * 60, rng), "level")
    assert found == []
    moved = feed(watched, 60, [0.022] * 60, rng)
    assert [one.step for one in about(moved, "level")] == ["opened"]
    assert about(moved, "domain") == []
    finding = about(moved, "level")[0].finding
    assert "Each spectrum is still in the domain" in finding.statement
    assert any(one.value > 1.05 for one in finding.measures)
    back = feed(watched, 120, [0.0] * 120, rng)
    assert [one.step for one in about(back, "level")] == ["closed"]


def test_a_bias_against_the_laboratory_is_one_finding_with_the_samples_as_evidence(watched):
    rng = random.Random(2)
    feed(watched, 0, [0.0] * 30, rng)
    found = []
    for i in range(12):
        # The laboratory finds less than the sensor from the fourth sample on.
        truth = 10.0 + rng.gauss(0, 0.005) - (0.5 if i >= 3 else 0.0)
        sample(watched, f"check/{i}", START + 2 * i * MINUTE, truth, batch="F")
        found += about(watched.wake(), "bias")
    assert found[0].step == "opened"
    assert {one.step for one in found[1:]} == {"updated"}
    last = found[-1].finding
    assert last.start == START + 6 * MINUTE
    assert len(last.evidence) == 1 + len(found)
    bias = next(one for one in last.measures if one.name == "bias")
    assert bias.value == pytest.approx(0.5, abs=0.05)
    assert bias.value > bias.upper_limit


def test_a_new_model_ends_what_was_said_of_the_old_one(watched):
    rng = random.Random(3)
    feed(watched, 0, [0.0] * 30, rng)
    for i in range(4):
        sample(watched, f"check/{i}", START + 2 * i * MINUTE, 9.0, batch="F")
    assert [one.step for one in about(watched.wake(), "bias")][:1] == ["opened"]
    sample(watched, "calibration/99", START - 100 * MINUTE, 0.01)
    fit(watched, "glucose")
    ended = about(feed(watched, 30, [0.0] * 3, rng), "bias")
    assert [one.step for one in ended] == ["closed"]
    assert ended[0].finding.statement.endswith("Another model serves now.")


def test_without_the_table_nothing_is_watched_and_a_bad_one_is_named(sensor):
    fit(sensor.site, "glucose")
    rng = random.Random(4)
    found = feed(sensor.site, 0, [0.0] * 60 + [0.022] * 60, rng)
    assert about(found, "level") == []
    with pytest.raises(BadInputError, match="greater than or equal to 10") as caught:
        sensor.site.adopt(
            "glucose", "monitoring.soft_sensor", SETTINGS | {"drift": {"n_reference": 2}}
        )
    assert caught.value.key == "drift.n_reference"
