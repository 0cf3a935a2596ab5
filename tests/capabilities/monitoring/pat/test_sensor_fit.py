"""Models of soft sensors from a home: chosen among candidates, in groups, or taken over."""

import numpy as np
import pytest

from goldenbatch.capabilities.monitoring import fit
from goldenbatch.capabilities.monitoring.pat.calibration import CalibrationSettings
from goldenbatch.capabilities.monitoring.pat.soft_sensor import SoftSensorSettings
from goldenbatch.core.batches import SampleTaken
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.records import NewEvent
from goldenbatch.science.latent import ScoringPlan
from tests.capabilities.monitoring.test_soft_sensor import (
    CALIBRATION,
    SETTINGS,
    START,
    live,
    sample,
    sensor,
    spectrum,
    write,
)

__all__ = ["sensor"]
MINUTE = 60_000_000
OTHER = "site/line2/spectrum"
CHOICE = {"orders": [["savitzky-golay"], []], "windows": [7], "n_folds": 4, "n_repeats": 1}


def table(**more):
    return SETTINGS | {"calibration": SETTINGS["calibration"] | more}


def test_settings_from_before_the_choice_have_the_digest_that_they_had():
    plain = {"tag": "site/f/spectrum", "attribute": "glucose", "calibration": {"samples": "c/*"}}
    assert SoftSensorSettings.model_validate(plain).digest() == "5753f570"
    assert SoftSensorSettings(tag="a/b", attribute="x").digest() == "a76f5216"
    other = CalibrationSettings(samples="c/*", reference_error=0.5)
    assert other.model_dump()["reference_error"] == 0.5
    assert CalibrationSettings.model_validate(other.model_dump()) == other


def test_a_chosen_treatment_serves_and_says_what_it_was_chosen_from(sensor):
    sensor.site.adopt("glucose", "monitoring.soft_sensor", table(choice=CHOICE))
    (body,) = fit(sensor.site, "glucose")
    assert body.measures["n_candidates"] == 3 * 4
    assert body.measures["n_set_aside"] == 0
    assert live(sensor.site, [0.0] * 3) == []
    window = (START, START + 100 * MINUTE)
    series = sensor.site.historian.read(["site/fermentation/glucose_value"], window)
    assert series.values() == pytest.approx([10.0] * 3, abs=0.5)


def test_batches_are_left_out_whole(sensor):
    site = sensor.site
    chosen = {"choice": CHOICE | {"group_by": "batch"}}
    site.adopt("glucose", "monitoring.soft_sensor", table(**chosen))
    with pytest.raises(BadInputError, match="all 16 samples are of one batch"):
        fit(site, "glucose")
    for i in range(16):
        at = START - 100 * MINUTE + i * MINUTE
        sample(site, f"grouped/{i:02d}", at, 2.0 * i, batch=f"B{i % 4}")
    site.adopt("glucose", "monitoring.soft_sensor", table(**chosen, samples="grouped/*"))
    (body,) = fit(site, "glucose")
    assert body.measures["n_reference"] == 16
    assert body.measures["rmse_left_out"] < 0.5


def test_the_error_of_the_laboratory_widens_the_interval(sensor):
    halves = []
    for error in (0.0, 2.0):
        settings = table(choice=CHOICE, reference_error=error)
        sensor.site.adopt("glucose", "monitoring.soft_sensor", settings)
        (body,) = fit(sensor.site, "glucose")
        plan = ScoringPlan.from_bytes(sensor.site.registry.get(body.digest), body.digest)
        halves.append(float(plan.targets.quantile[0] * np.sqrt(plan.targets.variance[0])))
    assert halves[0] < 1.0
    assert halves[1] >= 1.95 * 2.0


def standards(site, n, rng):
    """The same standards on both instruments, at two times."""
    for i in range(n):
        seen = spectrum(3.0 * i, rng)
        # The second instrument has another gain and a floor.
        there = [0.8 * v + 0.2 for v in seen]
        pairs = ((CALIBRATION, "first", seen), (OTHER, "second", there))
        for k, (tag, word, values) in enumerate(pairs):
            at = START - (50 - 20 * k - i) * MINUTE
            write(site, tag, [(at, values)], f"{word}{i}")
            taken = SampleTaken(sample=f"{word}/{i}", taken_at=at)
            site.ledger.append([NewEvent(f"sample/{word}/{i}", taken, 0, "test")])


TRANSFER = {"model": "glucose", "samples": "first/*", "tag": CALIBRATION}


def test_a_second_instrument_takes_the_model_over_with_a_few_standards(sensor):
    import random

    site = sensor.site
    fit(site, "glucose")
    standards(site, 6, random.Random(3))
    settings = {
        "tag": OTHER,
        "attribute": "glucose",
        "calibration": {"samples": "second/*", "transfer": TRANSFER},
    }
    site.adopt("glucose2", "monitoring.soft_sensor", settings)
    (body,) = fit(site, "glucose2")
    assert body.measures["n_standards"] == 6
    left_out, untreated = (
        body.measures[f"rmse_{one}_standards"] for one in ("left_out", "untreated")
    )
    assert left_out < 0.3 * untreated
    assert [one.what for one in body.training] == [CALIBRATION, OTHER]
    plan = ScoringPlan.from_bytes(site.registry.get(body.digest), body.digest)
    rng = random.Random(4)
    new = [[0.8 * v + 0.2 for v in spectrum(10.0, rng)] for _ in range(5)]
    assert plan.score(new).values[:, 0] == pytest.approx([10.0] * 5, abs=0.5)
    assert plan.score(new).in_domain.all()


def test_a_transfer_without_model_or_standards_is_refused(sensor):
    site = sensor.site
    settings = {"tag": OTHER, "attribute": "glucose"}
    for transfer, samples, error, words in (
        (TRANSFER | {"model": "nobody"}, "second/*", NotFoundError, "no model of 'nobody'"),
        (TRANSFER, "second/*", BadInputError, "no standard was measured on both"),
        (TRANSFER, "second", BadInputError, "does not hold one `\\*`"),
    ):
        chosen = settings | {"calibration": {"samples": samples, "transfer": transfer}}
        site.adopt("glucose2", "monitoring.soft_sensor", chosen)
        if error is BadInputError:
            fit(site, "glucose")
        with pytest.raises(error, match=words):
            fit(site, "glucose2")
