"""Which rows are taken for a test, by time, lot, equipment or chance, from the home or a file."""

import base64
import io

import pyarrow as pa
import pytest
from pyarrow import parquet
from tests.capabilities.governance import sealed_case as case

from goldenbatch.capabilities.governance.row_files import FileAsked, file_rows, file_values
from goldenbatch.capabilities.governance.rows import Rows
from goldenbatch.capabilities.governance.selecting import HomeRows, RowsAsked
from goldenbatch.core.errors import BadInputError, ConflictError, DeniedError
from goldenbatch.core.model_access import load_test_set


def selected(site, **more):
    return case.select(site, **more)[0].decode()


def test_rows_of_the_home_are_what_was_measured_and_found(governed):
    rows = HomeRows(governed, RowsAsked.model_validate(case.DATA)).rows
    assert (len(rows), rows.n_independent) == (72, 24)
    assert rows.names == (case.TEMP, case.PH)
    error = rows.reference - (20 + 2 * rows.inputs[:, 0] - 5 * rows.inputs[:, 1])
    assert abs(error).max() < 2
    assert rows.groups[0] == "batch B00"
    assert rows.strata[:1] == (("line 2",),)
    again = Rows.from_bytes(rows.to_bytes())
    assert again.to_bytes() == rows.to_bytes()
    assert again.inputs.tobytes() == rows.inputs.tobytes()


@pytest.mark.parametrize(
    ("cut", "n_rows"),
    [
        ({"split": "time", "at": case.CUT_AT}, 36),
        ({"split": "time", "at": case.CUT_AT, "until": case.CUT_AT + 2 * case.DAY}, 6),
        ({"split": "lot", "lots": ["batch/B03", "batch/B04"]}, 6),
        ({"split": "equipment", "places": [case.PLACE]}, 72),
        ({"split": "random", "share": 0.25, "seed": 3}, 18),
    ],
)
def test_cuts(governed, cut, n_rows):
    body = selected(governed, cut=cut)
    assert body.n_rows == n_rows
    assert body.n_independent == n_rows // case.N_SAMPLES  # whole batches, also by chance
    assert sum(one.n for one in body.strata) == n_rows


def test_a_random_split_is_the_same_for_a_seed_and_needs_its_reason(governed):
    site = governed
    cut = {"split": "random", "share": 0.5, "seed": 3}
    first, again = (selected(site, test_set=name, cut=cut) for name in ("R1", "R2"))
    assert first.data == again.data
    assert first.digest != again.digest  # equal rows do not look equal under lock
    with pytest.raises(BadInputError, match="a random split needs a signed reason"):
        case.act(site, "seal", "sel", test_set="R1")
    case.act(site, "seal", "sel", test_set="R1", random_reason="one campaign on one line")
    assert load_test_set(site.ledger, "R1").sealed.random_reason


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"origin": "generated"}, "test data are measured, not generated"),
        ({"origin": ""}, "origin"),
        ({"labels": {"by": "QC"}}, r"labels\.how"),
        ({"why": "x"}, "at least 10 characters|why"),
        ({"cut": {"split": "time"}}, "says `at`"),
        ({"cut": {"split": "time", "at": case.START + 99 * case.DAY}}, "leaves no rows"),
        ({"data": {**case.DATA, "inputs": []}}, "inputs"),
        ({"data": {**case.DATA, "attribute": "colour"}}, "no sample"),
        ({"data": {**case.DATA, "samples": "X*"}}, "no sample"),
        ({"data": {**case.DATA, "colour": 1}}, "data.colour"),
        ({"data": {**case.DATA, "exclude": [{"what": "B01/0", "reason": "bad"}]}}, "10 char"),
        ({"data": {**case.DATA, "exclude": [{"what": "?", "reason": "it is not"}]}}, "char"),
        ({"test_set": "a/b"}, "no name of a test set"),
        ({"surprise": 1}, "no such value"),
    ],
)
def test_what_is_refused(governed, more, match):
    from pydantic import ValidationError

    with pytest.raises((BadInputError, ValidationError), match=match):
        case.select(governed, **more)
    assert not governed.ledger.version("test-set/T1")


def test_an_operator_seals_nothing_and_a_name_is_taken_once(governed):
    case.select(governed)
    with pytest.raises(ConflictError, match="was selected before"):
        case.select(governed)
    governed.people.add("op", "Op", case.PASSWORD)
    governed.people.grant("op", "operator", "test")
    with pytest.raises(DeniedError, match="needs role"):
        case.select(governed, "T9", "op")


def test_rows_that_lack_something_are_named_and_excluded_with_a_reason(governed):
    from goldenbatch.core.batches import SampleTaken
    from goldenbatch.core.records import NewEvent
    from goldenbatch.core.results import Result, ResultsReported

    site = governed
    taken = SampleTaken(sample="late", batch="B23", taken_at=case.START + 30 * case.DAY)
    result = Result(test="assay", attribute="assay", value="61.0", unit="g/L")
    reported = ResultsReported(sample="late", batch="B23", results=(result,))
    site.ledger.append(
        [NewEvent("sample/late", taken, 0, "t"), NewEvent("sample/late", reported, 1, "t")]
    )
    with pytest.raises(BadInputError, match=r"1 of 73 rows lack an input.*late"):
        case.select(site)
    reason = "the probe was out for cleaning at that time"
    data = {**case.DATA, "exclude": [{"what": "late", "reason": reason}]}
    body = selected(site, data=data)
    assert [one.reason for one in body.exclusions] == [reason]
    near = {**case.DATA, "max_gap_s": 40 * 86400}
    assert selected(site, test_set="T2", data=near).n_rows == 37


def test_results_by_two_tests_or_in_two_units_are_ambiguous(governed):
    from goldenbatch.core.batches import SampleTaken
    from goldenbatch.core.records import NewEvent
    from goldenbatch.core.results import Result, ResultsReported

    site = governed
    second = Result(test="assay2", attribute="assay", value="60", unit="mg/L")
    body = ResultsReported(sample="B00/0", batch="B00", results=(second,))
    site.ledger.append([NewEvent("sample/B00/0", body, 2, "t")])
    with pytest.raises(BadInputError, match="by two tests: assay and assay2"):
        case.select(site)
    asked = RowsAsked.model_validate({**case.DATA, "test": "assay"})
    assert len(HomeRows(site, asked).rows) == 72
    late = SampleTaken(sample="S", batch="B00", taken_at=case.START + 1)
    body = ResultsReported(
        sample="S", batch="B00", results=(second.model_copy(update={"test": "assay"}),)
    )
    site.ledger.append([NewEvent("sample/S", late, 0, "t"), NewEvent("sample/S", body, 1, "t")])
    with pytest.raises(BadInputError, match="are in g/L, mg/L"):
        case.select(site, data={**case.DATA, "test": "assay"})


# ---- files ----------------------------------------------------------------------------------

CSV = """id,x1,x2,y,lot,taken,line,naive
a,1.5,2.25,10.1,api/L1,2026-01-01T10:00:00Z,l1,9
b,1.6,2.35,10.2,api/L1,2026-01-01T11:00:00Z,l2,9
c,1.7,2.45,10.3,api/L2,2026-01-02T10:00:00Z,l1,9
"""
FILE = {
    "name": "lab.csv", "content": CSV, "output": "assay", "unit": "%", "id": "id",
    "reference": "y", "lot": "lot", "time": "taken", "strata": ["line"], "baseline": "naive",
}  # fmt: skip


def rows_of(**more):
    return file_rows(FileAsked.model_validate({**FILE, **more}))


def test_a_file_gives_rows_with_what_it_says_of_them():
    rows = rows_of()
    assert rows.names == ("x1", "x2")
    assert rows.inputs.tolist()[1] == [1.6, 2.35]
    assert rows.groups == ("lot api/L1", "lot api/L1", "lot api/L2")
    assert rows.strata == (("l1",), ("l2",), ("l1",))
    assert rows.baseline.tolist() == [9, 9, 9]
    assert len(rows_of(exclude=[{"what": "b", "reason": "vial broken in transit"}])) == 2
    assert rows_of(group="id").n_independent == 3


def test_parquet_gives_the_same_rows(tmp_path):
    from pyarrow import csv

    table = csv.read_csv(io.BytesIO(CSV.encode()))
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    path = tmp_path / "lab.parquet"
    path.write_bytes(sink.getvalue().to_pybytes())
    values = {**FILE, **file_values(path)}
    del values["content"]
    rows = file_rows(FileAsked.model_validate(values))
    assert rows.inputs.tolist() == rows_of().inputs.tolist()
    assert rows.times == rows_of().times


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"content": CSV.replace("1.6", "one")}, "lab.csv:3:x1: 'one' is no number"),
        ({"content": CSV.replace("11:00:00Z", "11:00:00")}, "no time with an offset"),
        ({"content": CSV.replace("2.35", "")}, "1 of 3 rows lack an input.*: b"),
        ({"content": CSV.replace("b,1.6", "a,1.6")}, "rows a stand there twice"),
        ({"content": CSV.replace("1.6", "nan")}, "1 of 3 rows lack"),
        ({"content": "id,x1\n"}, "no column"),
        ({"content": ""}, "has 0 bytes"),
        ({"content": "a,b\n1,2,3\n"}, "cannot be read"),
        ({"content_base64": "%%%"}, "no base64"),
        ({"content": "", "content_base64": base64.b64encode(b"PAR1junk").decode()}, "cannot be"),
        ({"reference": "z"}, "no column z"),
        ({"exclude": [{"what": "zz", "reason": "it is not there"}]}, "no row 'zz'"),
    ],
)
def test_a_file_that_cannot_be_taken_says_where(more, match):
    with pytest.raises(BadInputError, match=match):
        rows_of(**more)


def test_a_file_of_an_outside_laboratory_is_sealed_without_being_kept(governed):
    site = governed
    body = selected(site, file=FILE, use="assay", cut={"split": "lot", "lots": ["api/L1"]})
    assert (body.n_rows, body.n_independent) == (2, 1)
    assert body.source.startswith("file lab.csv (SHA-256 ")
    assert body.baseline == "column naive"
    folder = site.layout.registry
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(b"2.25" in one and b"api/L1" in one for one in kept)
