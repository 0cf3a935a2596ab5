"""Allotrope Simple Model: results of samples with unit, analyst's time and digits as written."""

from __future__ import annotations

import json

import pytest

from goldenbatch.connectors.tabular import import_card, parse_card, preview
from goldenbatch.core.batches import BatchCreated, SampleTaken
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import Plant
from goldenbatch.core.records import NewEvent, from_iso

PLANT = Plant.model_validate({"name": "t", "places": [{"path": "site", "level": "site"}]})
CARD = 'name = "lab"\n[[table]]\nname = "asm"\nfiles = ["*.json"]\nformat = "asm"\n'


def quantity(value, unit):
    return {"value": value, "unit": unit}


def measurement(sample, batch="", time="2026-01-02T10:00:00+01:00", **more):
    document = {"sample identifier": sample} | ({"batch identifier": batch} if batch else {})
    control = {"device control document": [{"volume": quantity(3, "mL")}]}
    return {
        "measurement time": time,
        "sample document": document,
        "device control aggregate document": control,
    } | more


def document(*measurements):
    technique = [{
        "analyst": "mk",
        "measurement aggregate document": {"measurement document": list(measurements)},
    }]  # fmt: skip
    return json.dumps(
        {
            "$asm.manifest": "http://purl.allotrope.org/manifests/solution-analyzer",
            "solution analyzer aggregate document": {"solution analyzer document": technique},
        }
    )


ANALYTES = {
    "analyte aggregate document": {
        "analyte document": [
            {"analyte name": "glucose", "mass concentration": quantity(1.50, "g/L")},
            {"analyte name": "lactate", "mass concentration": quantity(0.2, "g/L")},
        ]
    }
}
CELLS = {
    "processed data aggregate document": {
        "processed data document": [
            {
                "viability (cell counter)": quantity(96.9, "%"),
                "viable cell density (cell counter)": quantity(0.75, "10^6 cells/mL"),
                "data processing document": {"dilution": quantity(2.0, "(unitless)")},
            }
        ]
    }
}


@pytest.fixture
def site(new_site):
    made = new_site(PLANT)
    made.ledger.append([NewEvent("batch/B1", BatchCreated(batch="B1", product="p"), 0, "x")])
    return made


def taken(site, folder, text):
    (folder / "a.json").write_text(text)
    (report,) = import_card(site, parse_card(CARD), folder).files
    return report


def results(site, sample):
    rows = site.ledger.select("result", {"sample": sample})
    return {row["test"]: (row["value"], row["unit"], row["kind"]) for row in rows}


def test_results_of_each_sample_with_their_units_and_digits(site, tmp_path):
    text = document(
        measurement("S1", "B1", **ANALYTES, pH=quantity(7.1, "pH")),
        measurement("S1", "B1", **CELLS, turbidity=quantity("clear", None)),
    ).replace("1.5,", "1.50,")
    report = taken(site, tmp_path, text)
    assert results(site, "S1") == {
        "glucose mass concentration": ("1.50", "g/L", "number"),
        "lactate mass concentration": ("0.2", "g/L", "number"),
        "pH": ("7.1", "[pH]", "number"),
        "viability (cell counter)": ("96.9", "%", "number"),
        "viable cell density (cell counter)": ("0.75", "10*6.{cells}/mL", "number"),
        "turbidity": ("clear", "", "text"),
    }
    assert (report.n_rows, report.n_accepted, report.n_rejected) == (6, 6, 0)
    events = [one.decode() for one in site.ledger.stream("sample/S1")]
    assert events[0].taken_at is None and events[0].batch == "B1"
    at = from_iso("2026-01-02T09:00:00Z")
    assert {one.performed_at for body in events[1:] for one in body.results} == {at}
    again = taken(site, tmp_path, text + "\n")
    assert (again.n_accepted, again.n_unchanged) == (0, 6)


def test_results_of_a_sample_that_is_known_find_its_batch(site, tmp_path):
    body = SampleTaken(sample="S7", batch="B1", taken_at=5)
    site.ledger.append([NewEvent("sample/S7", body, 0, "x")])
    report = taken(
        site, tmp_path, document(measurement("S7", **ANALYTES), measurement("S8", **ANALYTES))
    )
    assert {row["batch"] for row in site.ledger.select("result", {"sample": "S7"})} == {"B1"}
    assert (report.n_accepted, report.n_rejected, report.n_conflicts) == (2, 2, 0)
    assert results(site, "S8") == {} and report.problems[0].kind == "empty"


def test_replicates_are_numbered_and_none_is_lost(site, tmp_path):
    reads = [measurement("S1", "B1", absorbance=quantity(v, "mAU")) for v in (10, 12)]
    taken(site, tmp_path, document(*reads))
    assert results(site, "S1") == {
        "absorbance": ("10", "{mAU}", "number"), "absorbance (2)": ("12", "{mAU}", "number"),
    }  # fmt: skip


def test_peaks_and_hyphenated_names_of_older_documents(site, tmp_path):
    peaks = {"peak list": {"peak": [{"written name": "main", "peak area": quantity(5.5, "mAU.s")}]}}
    peaks["peak list"]["peak"][0]["peak area"]["unit"] = "%"
    text = document(measurement("S1", "B1", **peaks)).replace(" document", "-document")
    taken(site, tmp_path, text)
    assert results(site, "S1") == {"main peak area": ("5.5", "%", "number")}


def test_what_names_no_sample_or_an_unknown_unit_is_refused(site, tmp_path):
    bad = measurement("", "B1", **CELLS)
    odd = measurement("S1", "B1", pull=quantity(1, "furlongs per fortnight"))
    report = taken(site, tmp_path, document(bad, odd, measurement("S1", "B1", **CELLS)))
    assert [(one.line, one.kind) for one in report.problems] == [(1, "sample"), (2, "unit")]
    assert len(results(site, "S1")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"^a\.json:1: this is no JSON"),
        ('{"a": NaN}', "NaN is no value"),
        ('{"a": [1]}', "no measurement document"),
        ("[" * 100_000, "no text of JSON|no JSON"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path, text, words):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BadInputError, match=words):
        preview(parse_card(CARD), tmp_path)


# ---- calculated data and data cubes ------------------------------------------------------------
def calculated(name, value, *sources, identifier=""):
    documents = [
        {"data source identifier": one, "data source feature": "absorbance"} for one in sources
    ]
    return {
        "calculated data identifier": identifier or name,
        "calculated data name": name,
        "calculated result": quantity(value, "mg/mL"),
        "data source aggregate document": {"data source document": documents},
    }


def with_calculated(text, *documents):
    root = json.loads(text)
    aggregate = root["solution analyzer aggregate document"]
    aggregate["calculated data aggregate document"] = {"calculated data document": list(documents)}
    return json.dumps(root)


def test_calculated_values_are_results_of_the_one_sample_that_they_are_made_of(site, tmp_path):
    reads = [
        measurement("S1", "B1", absorbance=quantity(1, "mAU")) | {"measurement identifier": "m1"},
        measurement("S1", "B1", absorbance=quantity(3, "mAU")) | {"measurement identifier": "m2"},
        measurement("S2", "B1", absorbance=quantity(5, "mAU")) | {"measurement identifier": "m3"},
    ]
    text = with_calculated(
        document(*reads),
        calculated("concentration", 2.5, "mean"),  # of a value that is calculated itself
        calculated("mean", 2, "m1", "m2"),
        calculated("slope", 7, "m1", "m3"),
        calculated("lost", 7, "nowhere"),
        calculated("half", 7, "m1", "nowhere"),
        calculated("loop", 7, "loop"),
        {"calculated data name": "empty"},
    )
    report = taken(site, tmp_path, text)
    assert results(site, "S1")["concentration"] == ("2.5", "mg/mL", "number")
    assert results(site, "S1")["mean"][0] == "2"
    assert set(results(site, "S2")) == {"absorbance"}
    refused = {one.line: one.reason for one in report.problems}
    assert list(refused) == [6, 7, 8, 9]
    assert "2 samples" in refused[6] and "names no measurement" in refused[7]
    assert "2 samples" in refused[8] and "names no measurement" in refused[9]
    assert (report.n_accepted, report.n_rejected) == (5, 4)


CUBE_CARD = """
name = "uv"
[[table]]
name = "spectra"
files = ["*.json"]
format = "asm"
cube = "absorption spectrum data cube"
[[table.array]]
tag = "site/uv"
axis_unit = "nm"
"""


def cube(axis, values, measures=1):
    part = {"@componentDatatype": "double", "concept": "wavelength", "unit": "nm"}
    of = {"@componentDatatype": "double", "concept": "absorbance", "unit": "mAU"}
    return {
        "label": "spectrum",
        "cube-structure": {"dimensions": [part], "measures": [of] * measures},
        "data": {"dimensions": [axis], "measures": [values] * measures},
    }


def test_data_cubes_are_arrays_with_their_axis(new_site, tmp_path):
    name, axis = "absorption spectrum data cube", [300.0, 310.5, 321]
    times = [f"2026-01-02T10:00:0{second}Z" for second in range(6)]
    reads = [
        measurement("S1", time=times[0], **{name: cube(axis, [0.1, 0.2, 0.3])}),
        measurement("S2", time=times[1], **{name: cube(axis, [1, 2, 3])}),
        measurement("S3", time=times[2], **{name: cube([1, 2, 3], [1, 2, 3])}),
        measurement("S4", time=times[3], **{name: cube(axis, [1, 2, 3], measures=2)}),
        measurement("S5", time=times[4], **{name: cube(axis, [1, None, 3])}),
        measurement("S6", time=times[5], **ANALYTES),
    ]
    plant = {"name": "t", "places": [{"path": "site", "level": "site"}],
             "tags": [{"name": "site/uv", "kind": "array", "unit": "1"}]}  # fmt: skip
    site = new_site(Plant.model_validate(plant))
    (tmp_path / "a.json").write_text(document(*reads))
    (report,) = import_card(site, parse_card(CUBE_CARD), tmp_path).files
    assert {one.line: one.kind for one in report.problems} == {
        3: "cube",
        4: "cube",
        5: "incomplete",
    }
    series = site.historian.read(["site/uv"], (0, 2**62))
    assert [list(one) for one in series.table.column("value").to_pylist()] == [
        [0.1, 0.2, 0.3], [1.0, 2.0, 3.0],
    ]  # fmt: skip
    (row,) = site.ledger.select("array_axis")
    stored = json.loads(site.registry.get(row["artefact"]))
    assert stored == {"axis": [300.0, 310.5, 321.0], "unit": "nm"}


def test_a_document_without_the_cube_says_which_it_has(tmp_path):
    (tmp_path / "a.json").write_text(document(measurement("S", x=1, **{"ir data cube": {}})))
    with pytest.raises(BadInputError, match=r"no measurement has a 'absorption.*There are: ir"):
        preview(parse_card(CUBE_CARD), tmp_path)
