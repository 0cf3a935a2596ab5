"""The study of a home: command, report, advice inside proven ranges and design space."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenbatch.capabilities.monitoring.yields.commands import yields_command
from goldenbatch.capabilities.monitoring.yields.ranges import (
    design_space_holds,
    kept_design_space,
    proven_ranges,
)
from goldenbatch.capabilities.monitoring.yields.reading import load_settings, study_site
from goldenbatch.capabilities.monitoring.yields.settings import YieldSettings
from goldenbatch.core.errors import BadInputError, NotFoundError
from goldenbatch.core.recipe_use import RecipeAdopted, adopted
from goldenbatch.core.records import NewEvent
from goldenbatch.core.twin_records import TwinResultKept
from tests.capabilities.monitoring.yields import plant_home as plant

FILE = """analyst = "monitoring.yields"
[settings]
target = "batch_yield"
whole = "api"
attributes = ["hardness", "idle"]
block = "week"
[[settings.adjustable]]
column = "batch.hardness"
lower = 8.0
upper = 17.0
"""
RECIPE = """schema = "goldenbatch/recipe/1"
recipe = "tablets"
version = "1"
level = "master"
product = "P"
process_cell = "site/tabletting"
[[equipment]]
unit = "press"
equipment_class = "press"
[[parameters]]
name = "force"
unit = "kN"
proven = [9.5, 12.0]
[[parameters]]
name = "speed"
unit = "1/min"
[[procedure]]
unit_procedure = "make"
unit = "press"
[[procedure.operations]]
operation = "press"
[[procedure.operations.phases]]
phase = "compression"
"""


def recipes(recipe=RECIPE, at=10):
    class Event:
        def decode(self):
            return adopted(recipe, at)

    assert isinstance(Event().decode(), RecipeAdopted)
    return [Event()]


def ask(**more):
    return YieldSettings.model_validate({**plant.SETTINGS, **more})


def test_the_command_names_the_true_causes_and_writes_what_it_rests_on(full, tmp_path):
    file = tmp_path / "yields.toml"
    file.write_text(FILE)
    found = yields_command(full, file, tmp_path / "out")
    assert sorted(found["named causes"]) == ["batch.hardness", "material.api.water"]
    assert "times that of the mean of the product" in found["verdict"]
    advice = {one["product"]: one for one in found["advice"]}
    assert advice["P"]["expected_gain"] > 0.5
    assert advice["P"]["proposed"] < 10.0
    whole = json.loads((tmp_path / "out" / "yields.json").read_text())
    hardness = next(one for one in whole["causes"] if one["cause"] == "batch.hardness")
    assert hardness["pooling_reverses_sign"]
    assert hardness["slope_within_product"] == pytest.approx(-1.5, abs=0.3)
    page = (tmp_path / "out" / "yields.html").read_text()
    assert "only a trial in which the variable is set on purpose" in page
    assert "nothing is written to equipment" in page
    assert (tmp_path / "out" / "yields.pdf").read_bytes().startswith(b"%PDF")
    lines = (tmp_path / "out" / "yields-batches.csv").read_text().splitlines()
    assert len(lines) == 161
    proofs = set(lines[1].rsplit(",", 1)[1].split())
    assert proofs <= {event.leaf for event in full.ledger.events()}


def test_too_few_batches_are_refused_with_what_to_do(site):
    plant.report(site, plant.made(8))
    with pytest.raises(BadInputError, match="8 batches in 2 blocks of a week"):
        study_site(site, ask())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("analyst = 3\n[[", "not TOML"),
        ('analyst = "monitoring.charts"', "not 'monitoring.yields'"),
        ('analyst = "monitoring.yields"\n[settings]\ntarget = "y"\nblock = "year"', "should be"),
        (FILE.replace("upper = 17.0", ""), "give both ends"),
        (FILE.replace("lower = 8.0\nupper = 17.0", ""), "give lower and upper"),
        (FILE.replace("lower = 8.0", "lower = 18.0"), "is empty"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, words):
    file = tmp_path / "a.toml"
    file.write_text(text)
    with pytest.raises(BadInputError, match=words) as error:
        load_settings(file)
    assert str(file) in str(error.value)
    with pytest.raises(NotFoundError):
        load_settings(tmp_path / "none.toml")


def test_proven_ranges_come_from_the_recipe_in_force(site):
    asked = ask(adjustable=[{"column": "batch.hardness", "parameter": "force"}])
    found = proven_ranges(asked, ["P", "Q"], recipes(), 20)
    assert (found["P"]["batch.hardness"].lower, found["P"]["batch.hardness"].upper) == (9.5, 12.0)
    assert found["Q"] == {}
    assert proven_ranges(asked, ["P"], recipes(at=30), 20) == {"P": {}}
    wrong = ask(adjustable=[{"column": "x", "parameter": "speed"}])
    with pytest.raises(BadInputError, match="no proven range with two ends of parameter 'speed'"):
        proven_ranges(wrong, ["P"], recipes(), 20)


def space(probability):
    values = np.arange(9.0, 13.0)
    table = pa.table({"force": values, "probability": probability})
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"units": json.dumps({"force": "kN"})}), out)
    return out.getvalue()


def test_a_design_space_holds_only_what_was_computed_all_around():
    asked = ask(adjustable=[{"column": "h", "parameter": "force", "lower": 0, "upper": 99}])
    holds = design_space_holds(space([0.5, 0.96, 0.99, 0.99]), asked)
    assert holds({"h": 11.5})
    assert not holds({"h": 9.5})
    assert not holds({"h": 10.0})
    assert not holds({"h": 14.5})
    with pytest.raises(BadInputError, match="factor 'force'"):
        design_space_holds(space([1.0] * 4), ask())


def test_the_newest_kept_design_space_holds(site):
    asked = ask(
        adjustable=[{"column": "h", "parameter": "force", "lower": 0, "upper": 99}],
        design_space="press",
    )
    for version, probability in enumerate(([0.99] * 4, [0.5, 0.5, 0.99, 0.99])):
        digest = site.registry.put(space(probability), "application/vnd.apache.parquet")
        kept = TwinResultKept(
            study="press", work="design-space", status="complete",
            files={"design-space.parquet": digest}, reason="approved",
        )  # fmt: skip
        site.ledger.append([NewEvent("twin/press", kept, version, "test")])
    holds, found = kept_design_space(site, asked)
    assert found == digest
    assert holds({"h": 11.5}) and not holds({"h": 9.5})


def test_a_design_space_that_was_not_kept_is_named(site):
    with pytest.raises(NotFoundError, match="no kept design space"):
        kept_design_space(site, ask(design_space="granulation"))
    assert kept_design_space(site, ask()) == (None, "")
