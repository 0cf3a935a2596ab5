"""Training and test data that share anything are refused, however it is disguised."""

import csv
import io

import pytest
from tests.capabilities.governance import sealed_case as case

from goldenbatch.core.errors import BadInputError, ConflictError
from goldenbatch.core.model_access import load_version
from goldenbatch.core.model_records import ModelTrained, version_stream
from goldenbatch.core.records import NewEvent


@pytest.fixture
def sealed(governed):
    """Version 1 waits for its training; the last 12 batches are sealed as T1."""
    case.seal(governed)
    return governed, case.to_sealed(governed)


def table(site, batches, rename=None, shape="{!r}", turned=False):
    """What an outside laboratory might send: rows of some batches of the home, as CSV."""
    readings = {}
    for tag in (case.TEMP, case.PH):
        series = site.historian.read([tag], (case.START, case.START + 40 * case.DAY))
        readings[tag] = dict(zip(series.times().tolist(), series.values().tolist(), strict=True))
    taken = {row["sample"]: row["taken_at"] for row in site.ledger.select("sample")}
    results = site.ledger.select("result", {"attribute": "assay"}, ("sample",))
    rows = []
    for row in results:
        if row["batch"] in batches:
            at = taken[row["sample"]]
            numbers = [readings[tag][at] for tag in (case.TEMP, case.PH)]
            name = rename(row["sample"]) if rename else row["sample"]
            rows.append([name, *(shape.format(n) for n in numbers), row["value"]])
    rows = rows[::-1] if turned else rows
    out = io.StringIO()
    csv.writer(out).writerows([["name", case.TEMP, case.PH, "assay"], *rows])
    return {
        "name": "contract-lab.csv",
        "content": out.getvalue(),
        "output": "assay",
        "unit": "g/L",
        "id": "name",
        "sample": "name",
        "reference": "assay",
    }


OUTSIDE, INSIDE = ({f"B{n:02d}" for n in chosen} for chosen in (range(12), range(8, 14)))


def renamed(sample):
    return f"LAB-{sample[::-1]}"


def train_file(site, at, file, **more):
    values = {"trainer": "governance.linear", "settings": {}, "file": file, **more}
    return case.act(site, "train", "dev", **at, **values)


def test_a_file_of_other_rows_may_be_trained_on(sealed):
    site, at = sealed
    body = train_file(site, at, table(site, OUTSIDE, renamed))[0].decode()
    assert body.measures["n_rows"] == 36
    assert body.data.ranges[0].what == "contract-lab.csv"
    assert len(body.data.rows) > 36  # marks of whole rows, and of most at four digits


@pytest.mark.parametrize(
    "disguise",
    [
        {"rename": renamed},
        {"rename": renamed, "turned": True},
        {"rename": renamed, "shape": "{:.5f}"},
        {"rename": renamed, "shape": "{:.3f}", "turned": True},
    ],
    ids=["renamed", "turned round", "fewer digits", "all of it"],
)
def test_rows_of_the_test_set_are_found_whatever_they_are_called(sealed, disguise):
    site, at = sealed
    with pytest.raises(ConflictError, match=r"overlap: \d+ rows? of the same content"):
        train_file(site, at, table(site, INSIDE, **disguise), leave_out=False)
    with pytest.raises(ConflictError, match=r"overlap: \d+ rows? of the same content"):
        train_file(site, at, table(site, INSIDE, **disguise))
    assert load_version(site.ledger, case.USE, 1).trained is None


def test_the_home_itself_shares_time_batch_sample_and_rows(sealed):
    site, at = sealed
    with pytest.raises(ConflictError) as found:
        case.train(site, at, leave_out=False)
    for what in ("stretch", "batch", "sample", "row"):
        assert what in str(found.value)
    assert "range of the same content" not in str(found.value)
    after = {**case.DATA, "since": case.CUT_AT}
    with pytest.raises(ConflictError, match="3 ranges of the same content"):
        case.train(site, at, leave_out=False, data=after)
    with pytest.raises(BadInputError, match="none is left to train on"):
        case.train(site, at, data=after)


def test_another_tag_of_the_same_place_and_time_is_the_same_material(sealed):
    site, at = sealed
    alias = f"{case.PLACE}/temp2"
    series = site.historian.read([case.TEMP], (case.START, case.START + 40 * case.DAY))
    rows = list(zip(series.times().tolist(), (series.values() + 0.7).tolist(), strict=True))
    site.historian.write(case.frame(alias, rows))
    data = {**case.DATA, "inputs": [alias], "samples": "B1[2-9]/*"}
    with pytest.raises(ConflictError, match="2 stretches of time at the same place"):
        case.train(site, at, data=data, leave_out=False)


def test_a_lot_that_the_set_was_cut_along_may_not_go_into_a_training_batch(governed):
    from goldenbatch.core.batches import MaterialConsumed

    site = governed
    for batch, lot in (("B01", "L1"), ("B02", "L2"), *((f"B{n:02d}", "L9") for n in range(3, 10))):
        body = MaterialConsumed(batch=batch, material="yeast", lot=lot)
        stream = f"batch/{batch}"
        site.ledger.append([NewEvent(stream, body, site.ledger.version(stream), "test")])
    case.select(site, cut={"split": "lot", "lots": ["yeast/L9"]})
    case.act(site, "seal", "sel", test_set="T1")
    at = case.to_sealed(site)
    late = MaterialConsumed(batch="B20", material="yeast", lot="L9")
    site.ledger.append([NewEvent("batch/B20", late, site.ledger.version("batch/B20"), "test")])
    with pytest.raises(ConflictError, match="overlap: 1 lot"):
        case.train(site, at, data={**case.DATA, "samples": "B[12][0-9]/*"}, leave_out=False)
    body = case.train(site, at)[0].decode()
    assert "B20" not in body.data.batches
    assert {"B01", "B02"} <= set(body.data.batches)


def test_no_set_is_bound_that_a_version_before_was_trained_on(sealed):
    site, at = sealed
    case.train(site, at)
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    checked = site.registry.put(b"the kernel solves its equations", "text/plain")
    evidence = [{"side": "verification", "what": "unit tests", "digest": checked}]
    case.act(site, "validate", "quinn", **at, evidence=evidence, statement="fit for its use")
    case.act(site, "approve", "qa", **at, reason="first version")
    early = {"split": "time", "at": case.START, "until": case.START + 8 * case.DAY}
    case.select(site, "T2", cut=early)
    case.act(site, "seal", "sel", test_set="T2")
    case.act(site, "draft", "dev", use=case.USE, follows=1, trigger="new batches")
    with pytest.raises(ConflictError, match="T2 and the training of model/assay/1 overlap"):
        case.act(site, "bind", "qa", use=case.USE, version=2, test_set="T2")
    # The set of before may be used again: its criteria are those of before, and uses are counted.
    bound = case.act(site, "bind", "qa", use=case.USE, version=2, test_set="T1")[0].decode()
    assert bound.n_openings == 1


def test_the_same_rows_under_another_name_are_as_seen_as_they_were(sealed):
    site, at = sealed
    case.train(site, at)
    case.unseal(site, at)
    case.act(site, "test", "tess", **at)
    file = table(site, {f"B{n}" for n in range(12, 24)}, renamed, "{:.5f}")
    case.select(site, "T2", "qa", file=file, cut={"split": "random", "share": 0.99, "seed": 1})
    case.act(site, "seal", "qa", test_set="T2", random_reason="all that the laboratory sent")
    again = case.to_criteria(site, 2, [{"measure": "rmse", "relation": "at_most", "limit": 9}])
    with pytest.raises(ConflictError, match="criteria were fixed after test-set/T1 had been"):
        case.act(site, "bind", "quinn", **again, test_set="T2")


def test_who_has_seen_the_rows_in_another_set_does_not_train(governed):
    from goldenbatch.core.errors import DeniedError

    site = governed
    case.select(site, "T0", "dev")
    case.seal(site)  # the same rows, by somebody else
    at = case.to_criteria(site)
    bound = case.act(site, "bind", "qa", **at, test_set="T1")[0].decode()
    assert bound.n_openings == 0
    with pytest.raises(DeniedError, match="has seen test-set/T1"):
        case.train(site, at, "dev")


def test_an_artefact_that_was_trained_on_the_rows_elsewhere_is_found(sealed):
    site, _ = sealed
    linear = site.registry.put(LINEAR, "application/vnd.goldenbatch.linear+json")
    early = {"split": "time", "at": case.START, "until": case.START + 8 * case.DAY}
    case.select(site, "T3", cut=early)
    case.act(site, "seal", "sel", test_set="T3")
    known = {"origin": "imported", "known": {"framework": "x"}}
    honest = case.to_sealed(site, 2, "T3", **known)
    rows = {"artefact": linear, "code_version": "theirs 1"}
    case.act(site, "train", "dev", **honest, **rows, file=table(site, INSIDE - OUTSIDE))
    lying = case.to_sealed(site, 3, "T1", **known)
    with pytest.raises(ConflictError, match="T1 and the training of model/assay/2 overlap"):
        case.act(site, "train", "dev", **lying, **rows, file=table(site, {"B00", "B01"}, renamed))


def test_a_training_that_was_put_in_beside_the_acts_stops_the_test(sealed):
    site, at = sealed
    case.train(site, at)
    case.unseal(site, at)
    state = load_version(site.ledger, case.USE, 1)
    seen = site.ledger.stream("test-set/T1")[0].decode().data
    body = ModelTrained.model_validate({**state.trained.model_dump(), "data": seen.model_dump()})
    stream = version_stream(case.USE, 1)
    site.ledger.append([NewEvent(stream, body, state.head, case.uid(site, "dev"))])
    before = site.ledger.version("test-set/T1")
    with pytest.raises(ConflictError, match="overlap"):
        case.act(site, "test", "tess", **at)
    assert site.ledger.version("test-set/T1") == before


def test_an_imported_model_says_what_it_was_trained_on(sealed):
    site, _ = sealed
    at = case.to_sealed(site, 2, origin="imported", known={"framework": "x"})
    linear = site.registry.put(LINEAR, "application/vnd.goldenbatch.linear+json")
    own = {**at, "artefact": linear, "code_version": "theirs 1"}
    with pytest.raises(BadInputError, match="rows come either from"):
        case.act(site, "train", "dev", **own)
    with pytest.raises(ConflictError, match="overlap"):
        case.act(site, "train", "dev", **own, file=table(site, INSIDE, renamed))
    body = case.act(site, "train", "dev", **own, file=table(site, OUTSIDE, renamed))[0].decode()
    assert (body.digest, body.code_version) == (linear, "theirs 1")
    assert body.measures["rmse_training"] < 1.0
    with pytest.raises(ConflictError, match="was not drafted as imported"):
        case.act(site, "train", "dev", use=case.USE, version=1, artefact=linear, data=case.DATA)


LINEAR = (
    b'{"format":"goldenbatch linear model 1","inputs":["site/fermentation/temp",'
    b'"site/fermentation/ph"],"outputs":["assay"],"coefficients":[[2.0,-5.0]],"intercept":[20.0],'
    b'"centre":[0.0,0.0]}'
)
