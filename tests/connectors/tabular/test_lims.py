"""Orders out, answers in: nothing lost or doubled, corrections as versions, strangers kept."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.connectors.tabular import import_card, parse_card, preview
from goldenbatch.connectors.tabular._lims import read_lims
from goldenbatch.connectors.tabular.lims import HEADER, ORDER, orders_csv, orders_json
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import Plant
from goldenbatch.core.records import NewEvent, from_iso
from goldenbatch.core.sampling import OrderedTest, SampleOrdered

PLANT = Plant.model_validate({"name": "t", "places": [{"path": "site", "level": "site"}]})
CARD = 'name = "lims"\n[[table]]\nname = "answers"\nfiles = ["*"]\nformat = "lims"\n'
SPEC = parse_card(CARD).tables[0]
AT = 1_700_000_000_000_000


def ordered(sample, *tests, batch="B1"):
    return SampleOrdered(
        sample=sample, batch=batch, due_at=AT, plan="routine@1", point="valve",
        tests=tuple(OrderedTest(test=one, attribute=one, unit="%") for one in tests),
    )  # fmt: skip


@pytest.fixture
def site(new_site):
    made = new_site(PLANT)
    events = [NewEvent("batch/B1", BatchCreated(batch="B1", product="p"), 0, "x")]
    orders = (ordered("B1/a", "assay", "water"), ordered("B1/b", "assay"))
    events += [NewEvent(f"sample/{one.sample}", one, 0, "x") for one in orders]
    made.ledger.append(events)
    return made


def answer(*rows, header=("sample", "test", "attribute", "value", "unit", "version", "reason")):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerows([header, *rows])
    return out.getvalue()


def taken(site, folder, text, name="a.csv"):
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    (folder / name).write_text(text, newline="")
    (report,) = import_card(site, parse_card(CARD), folder).files
    return report.n_accepted, report.n_unchanged, report.n_rejected, report.n_conflicts


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "answers"
    made.mkdir()
    return made


def results(site):
    rows = site.ledger.select("result")
    return {(r["sample"], r["test"]): (r["value"], r["unit"], r["status"]) for r in rows}


def kinds(site, sample):
    return [event.kind for event in site.ledger.stream(f"sample/{sample}")]


def test_partial_answers_arrive_one_by_one_and_the_same_again_adds_nothing(site, folder):
    first = answer(("B1/a", "assay", "assay", "99.10", "%", "", ""))
    assert taken(site, folder, first) == (1, 0, 0, 0)
    assert taken(site, folder, first, "again.csv") == (0, 1, 0, 0)
    both = answer(
        ("B1/a", "assay", "assay", "99.10", "%", "", ""),
        ("B1/a", "water", "", "<0.05", "%", "", ""),
    )
    assert taken(site, folder, both) == (1, 1, 0, 0)
    assert results(site) == {
        ("B1/a", "assay"): ("99.10", "%", "valid"), ("B1/a", "water"): ("0.05", "%", "valid"),
    }  # fmt: skip
    assert kinds(site, "B1/a") == ["SampleOrdered", "SampleTaken", *["ResultsReported"] * 2]
    (row,) = site.ledger.select("sample")
    assert (row["batch"], row["taken_at"]) == ("B1", None)


def test_a_corrected_result_is_a_new_version_and_an_old_file_does_not_take_it_back(site, folder):
    v1 = ("B1/a", "assay", "assay", "99.1", "%", "1", "")
    v2 = ("B1/a", "assay", "assay", "97.3", "%", "2", "wrong dilution, LIR 12")
    assert taken(site, folder, answer(v1)) == (1, 0, 0, 0)
    assert taken(site, folder, answer(v2)) == (1, 0, 0, 0)
    assert results(site)["B1/a", "assay"][0] == "97.3"
    assert taken(site, folder, answer(v1), "late.csv") == (0, 1, 0, 0)  # superseded, and known
    assert taken(site, folder, answer(v2), "more.csv") == (0, 1, 0, 0)
    body = site.ledger.stream("sample/B1/a")[-1].decode()
    assert (body.old.value, body.new.value, body.reason) == ("99.1", "97.3", v2[-1])
    lied = ("B1/a", "assay", "assay", "99.9", "%", "1", "")
    assert taken(site, folder, answer(lied)) == (0, 0, 0, 1)
    silent = ("B1/a", "assay", "assay", "96.0", "%", "3", "")
    assert taken(site, folder, answer(silent)) == (0, 0, 0, 1)  # no reason, no correction
    assert results(site)["B1/a", "assay"][0] == "97.3"


def test_versions_of_one_file_follow_each_other(site, folder):
    v1 = ("B1/a", "assay", "assay", "99.1", "%", "1", "")
    v2 = ("B1/a", "assay", "assay", "97.3", "%", "2", "typing error")
    assert taken(site, folder, answer(v1, v2)) == (2, 0, 0, 0)
    assert kinds(site, "B1/a")[-2:] == ["ResultsReported", "ResultCorrected"]


def test_a_result_may_be_invalidated_with_its_cause(site, folder):
    header = ("sample", "test", "value", "unit", "status", "cause", "reason")
    one = ("B1/a", "assay", "99.1", "%", "valid", "", "")
    assert taken(site, folder, answer(one, header=header)) == (1, 0, 0, 0)
    bad = ("B1/a", "assay", "99.1", "%", "invalidated", "system suitability", "LIR 13")
    assert taken(site, folder, answer(bad, header=header)) == (1, 0, 0, 0)
    assert results(site)["B1/a", "assay"][2] == "invalidated"
    no_cause = ("B1/b", "assay", "99.1", "%", "invalidated", "", "")
    odd = ("B1/b", "assay", "99.1", "%", "fine", "", "")
    assert taken(site, folder, answer(no_cause, odd, header=header)) == (0, 0, 2, 0)


def test_strangers_go_to_quarantine_word_by_word(site, folder):
    rows = [("NONE/1", "assay", "", "1", "%", "", ""), ("B1/b", "assay", "", "2", "%", "", "")]
    assert taken(site, folder, answer(*rows)) == (1, 0, 1, 0)
    assert ("NONE/1", "assay") not in results(site)
    (row,) = site.ledger.select("quarantine")
    kept = json.loads(site.registry.get(row["artefact"]))
    assert kept["kind"] == "sample" and kept["raw"].startswith("NONE/1,assay")
    assert "neither recorded nor ordered" in kept["reason"]


def test_times_are_optional_and_read_with_their_offset(site, folder):
    header = ("sample", "taken_at", "test", "value", "unit", "performed_at")
    rows = [
        ("B1/a", "2026-01-02T10:00:00+01:00", "assay", "1", "%", ""),
        ("B1/b", "", "assay", "2", "%", "2026-01-03T10:00:00Z"),
        ("B1/b", "tomorrow", "water", "2", "%", ""),
    ]
    assert taken(site, folder, answer(*rows, header=header)) == (2, 0, 1, 0)
    a, b = site.ledger.select("sample", order_by=("sample",))
    assert (a["taken_at"], b["taken_at"]) == (from_iso("2026-01-02T09:00:00Z"), None)
    performed = {row["sample"]: row["performed_at"] for row in site.ledger.select("result")}
    assert performed == {"B1/a": None, "B1/b": from_iso("2026-01-03T10:00:00Z")}


def test_json_is_read_like_csv(site, folder):
    document = {"form": "goldenbatch/sample-results/1", "samples": [
        {"sample": "B1/a", "taken_at": "2026-01-02T09:00:00Z", "results": [
            {"test": "assay", "value": 99.10, "unit": "%"}, {"test": "water", "value": "ok"}]},
        {"sample": "B1/b"}, 7, {"sample": "B1/b", "results": [3]},
    ]}  # fmt: skip
    text = json.dumps(document).replace("99.1,", "99.10,")
    assert taken(site, folder, text, "a.json") == (3, 0, 2, 0)
    assert results(site) == {
        ("B1/a", "assay"): ("99.10", "%", "valid"), ("B1/a", "water"): ("ok", "", "valid"),
    }  # fmt: skip
    assert {row["sample"] for row in site.ledger.select("sample")} == {"B1/a", "B1/b"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "no column `sample`"),
        ("sample,test,test\n1,2,3\n", "stands twice"),
        ("{", "no JSON"),
        ('{"x": []}', "no list `samples`"),
        ('{"samples": [], "n": NaN}', "NaN is no value"),
    ],
)
def test_what_is_no_answer_is_refused(tmp_path, text, words):
    (tmp_path / "a").write_text(text)
    with pytest.raises(BadInputError, match=words):
        preview(parse_card(CARD), tmp_path)


TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=12
)
ORDERS = st.lists(
    st.builds(
        lambda name, tests, point: ordered(name, *tests).model_copy(update={"point": point}),
        TEXT, st.lists(TEXT, max_size=3, unique=True), TEXT,
    ),
    max_size=5, unique_by=lambda one: one.sample,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(ORDERS)
def test_what_is_ordered_comes_back_whole_from_either_form(orders):
    wanted = [
        (one.sample, one.batch, one.point, test) for one in orders
        for test in ([two.test for two in one.tests] or [""])
    ]  # fmt: skip
    for content in (orders_csv(orders), orders_json(orders)):
        sheet = read_lims(content, SPEC, "orders")
        columns = [sheet.column(name).to_pylist() for name in ("sample", "batch", "point", "test")]
        assert list(zip(*columns, strict=True)) == wanted and sheet.refused == []


VALUE = st.decimals(-1000, 1000, places=3).map(str)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_however_the_answer_is_cut_and_ordered_the_record_is_the_same(data, tmp_path_factory):
    from tests.connectors.conftest import open_site

    names = data.draw(st.lists(TEXT, min_size=1, max_size=3, unique=True))
    orders = [ordered(name, "assay", "water") for name in names]
    rows = [[one.sample, test, data.draw(VALUE)] for one in orders for test in ("assay", "water")]
    cuts = data.draw(st.lists(st.integers(0, 2), min_size=len(rows), max_size=len(rows)))
    order = data.draw(st.permutations(range(len(rows))))
    base = tmp_path_factory.mktemp("lims")
    site = open_site(base / "home", PLANT)
    try:
        events = [NewEvent("batch/B1", BatchCreated(batch="B1", product="p"), 0, "x")]
        events += [NewEvent(f"sample/{one.sample}", one, 0, "x") for one in orders]
        site.ledger.append(events)
        folder = base / "answers"
        folder.mkdir()
        for part in (0, 1, 2, 2, 0):  # parts again, too
            mine = [[*rows[at], "%"] for at in order if cuts[at] == part]
            if mine:
                text = answer(*mine, header=("sample", "test", "value", "unit"))
                assert taken(site, folder, text, f"{part}.csv")[2:] == (0, 0)
        found = {key: value[0] for key, value in results(site).items()}
        assert found == {(one[0], one[1]): one[2] for one in rows}
        n_events = sum(len(kinds(site, name)) for name in names)
        assert n_events <= len(names) * 2 + len(rows)
        assert {row["n_corrections"] for row in site.ledger.select("result")} == {0}
    finally:
        site.close()


def test_the_columns_that_go_out_come_back(site, folder):
    content = orders_csv([ordered("B1/a", "assay"), ordered("B1/b")])
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert tuple(rows[0]) == ORDER and {"test", "unit", "method", "sample"} <= {*ORDER} & {*HEADER}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [*ORDER, "value", "performed_at"])
    writer.writeheader()
    writer.writerows([{**row, "value": "99.0" if row["test"] else ""} for row in rows])
    assert taken(site, folder, out.getvalue()) == (2, 0, 0, 0)
    assert results(site) == {("B1/a", "assay"): ("99.0", "%", "valid")}


@pytest.mark.parametrize("value", ["1,5", "NaN", "inf", "1 000", "99.1 %", "n.d.", "pass"])
def test_what_has_a_unit_and_is_no_number_is_no_text_but_refused(site, folder, value):
    assert taken(site, folder, answer(("B1/a", "assay", "assay", value, "%", "", ""))) == (
        0, 0, 1, 0,
    )  # fmt: skip
    assert results(site) == {}
    without_unit = answer(("B1/a", "look", "look", value, "", "", ""))
    assert taken(site, folder, without_unit, "b.csv") == (1, 0, 0, 0)
