"""The table of batches: every value where it belongs, with what proves it."""

import math

import pytest

from goldenbatch.capabilities.monitoring.yields.reading import read_book, site_reader
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.capabilities.monitoring.yields.table import batch_table
from goldenbatch.core.batches import BatchCreated, ConsumptionCorrected, SampleCorrected
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.core.results import Result, ResultCorrected
from tests.capabilities.monitoring.yields import plant_home as plant

EVERYTHING = {
    **plant.SETTINGS,
    "tags": ["*/force"],
    "environment": ["*/temperature"],
    "least_present": 0.01,
}


def table(site, **more):
    settings = YieldSettings.model_validate({**EVERYTHING, **more})
    return batch_table(read_book(site, settings), settings, site.plant, site_reader(site))


def row(site, batch="b0", **more):
    return next(one for one in table(site, **more).rows if one.batch == batch)


def test_a_row_holds_materials_process_equipment_environment_and_target(site):
    plant.report(site, plant.made(4))
    at = plant.START
    hour = plant.HOUR
    # 2 kN for one hour, then 4 kN for three: the mean over time is 3.5, over readings 3.
    plant.readings(site, plant.FORCE, [(at + hour, 2.0), (at + 2 * hour, 4.0)], "a")
    plant.readings(site, plant.FORCE, [(at + 7 * hour, 99.0)], "b")
    plant.readings(site, plant.ROOM, [(at, 20.0), (at + 3 * hour, 22.0)], "c")
    for when, status in ((-9, "to be cleaned"), (-8, "clean"), (2, "to be cleaned")):
        plant.status(site, plant.PRESS, at + when * hour, status)
    found = row(site)
    expected = plant.made(4)[0]
    values = found.values
    assert values["material.api.water"] == pytest.approx(expected[5], abs=1e-4)
    assert values["batch.hardness"] == pytest.approx(expected[4], abs=1e-4)
    assert values["phase.compression.duration_h"] == 4.0
    assert values[f"phase.compression.{plant.FORCE}.mean"] == pytest.approx(3.5)
    assert values[f"phase.compression.{plant.FORCE}.max"] == 4.0
    assert values[f"phase.compression.{plant.FORCE}.sd"] == pytest.approx(math.sqrt(0.75))
    assert values[f"environment.{plant.ROOM}.mean"] == pytest.approx(21.0)
    assert values[f"equipment.{plant.PRESS}.since_clean_h"] == 8.0
    assert values[f"equipment.{plant.PRESS}"] == 1.0
    assert found.target == pytest.approx(expected[7], abs=1e-4)
    assert found.lot == "api/L0-0"


def test_missing_stays_missing_and_columns_with_too_few_values_are_named(site):
    plant.report(site, plant.made(4))
    plant.readings(site, plant.FORCE, [(plant.START + plant.HOUR, 2.0)], "a")
    found = table(site, least_present=0.5)
    name = f"phase.compression.{plant.FORCE}.mean"
    assert found.sparse[name] == 1
    assert name not in found.columns
    assert name not in next(one for one in found.rows if one.batch == "b1").values
    assert not any(math.isnan(v) for one in found.rows for v in one.values.values())


def test_every_proof_is_a_leaf_of_the_ledger_or_a_digest_of_readings(site):
    plant.report(site, plant.made(4))
    before = row(site)
    leaves = {event.leaf for event in site.ledger.events()}
    assert set(before.proofs) <= leaves
    assert len(before.proofs) == 8
    plant.readings(site, plant.FORCE, [(plant.START + plant.HOUR, 2.0)], "a")
    after = row(site)
    assert len(set(after.proofs) - leaves) == 1
    assert after.digest != before.digest


def test_corrections_are_what_stands(site):
    plant.report(site, plant.made(4))
    old = Result(
        test="batch_yield", attribute="batch_yield", value=f"{plant.made(4)[0][7]:.4f}", unit="%"
    )
    new = old.model_copy(update={"value": "91.5"})
    plant_lot = ("api", "L0-0", "")
    site.ledger.append([
        NewEvent("sample/b0/yield", ResultCorrected(
            sample="b0/yield", test="batch_yield", old=old, new=new, reason="typed wrongly"
        ), 1, "test"),
        NewEvent("batch/b0", ConsumptionCorrected(
            batch="b0", entry=2, old=plant_lot, new=None, reason="not of this batch"
        ), 5, "test"),
        NewEvent("sample/b1/core", SampleCorrected(
            sample="b1/core", field="batch", old="b1", new="b2", reason="wrong label"
        ), 1, "test"),
    ])  # fmt: skip
    found = {one.batch: one for one in table(site).rows}
    assert found["b0"].target == 91.5
    assert "material.api.water" not in found["b0"].values
    assert found["b0"].lot == "batch/b0"
    assert "batch.hardness" not in found["b1"].values


def test_a_batch_without_any_time_is_left_out_by_name(site):
    plant.report(site, plant.made(4))
    site.ledger.append([NewEvent("batch/late", BatchCreated(batch="late", product="P"), 0, "test")])
    found = table(site)
    assert found.without_time == ("late",)
    assert [one.batch for one in found.rows] == ["b0", "b1", "b2", "b3"]


def test_a_home_without_batches_is_refused_with_what_to_do(site):
    with pytest.raises(BadInputError, match="no batches with a start"):
        table(site).to_rows()


def test_the_target_is_never_one_of_the_columns(site):
    plant.report(site, plant.made(4))
    found = table(site, attributes=["*"])
    assert "batch.batch_yield" not in found.columns
    assert "batch.hardness" in found.columns
