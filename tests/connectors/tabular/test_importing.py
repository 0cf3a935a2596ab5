"""Imports into the real stores: nothing lost, nothing doubled, all rows accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.tabular import ImportOptions, import_card, parse_card, preview
from goldenbatch.core.errors import BadInputError, ConflictError, NotFoundError
from goldenbatch.core.intake import array_axis
from goldenbatch.core.plant import Plant
from goldenbatch.core.records import from_iso

PLANT = Plant.model_validate(
    {
        "name": "test",
        "places": [
            {"path": "site", "level": "site"},
            {"path": "site/line", "level": "area"},
            {"path": "site/line/press", "level": "unit"},
        ],
        "tags": [
            {"name": "site/line/press/force", "unit": "N"},
            {"name": "site/line/press/state", "unit": "", "kind": "text"},
            {"name": "site/line/press/spectrum", "kind": "array"},
            {"name": "site/line/t1", "unit": "Cel"},
            {"name": "site/line/t2", "unit": "Cel"},
        ],
    }
)
ALL = (from_iso("1970-01-01T00:00:00Z"), from_iso("2100-01-01T00:00:00Z"))
FORCE = "site/line/press/force"

SERIES = """name = "press"
zone = "Europe/Ljubljana"

[[table]]
name = "press"
files = ["press*.csv"]
separator = ";"
time = { column = "at" }

[[table.tag]]
tag = "site/line/press/force"
column = "force"
unit = "kN"

[[table.tag]]
tag = "site/line/press/state"
column = "state"
kind = "text"
is_on_change = true
"""

RECORDS = """name = "laboratory"

[[table]]
name = "laboratory"
files = ["lab*.csv"]
separator = ";"
below_limit = ["ND"]

[[table.lot]]
material = "api"
lot = "{code}-{lot}"

[[table.batch]]
batch = "{batch}"
product = "{product}"
size = "{size} {{tbl}}"

[[table.material]]
batch = "{batch}"
material = "api"
lot = "{code}-{lot}"
is_single = true

[[table.sample]]
sample = "{batch}/final"
batch = "{batch}"
result = [
    { column = "assay", unit = "%" },
    { column = "impurity", unit = "%", loq = "0.05" },
]
"""
LAB_HEAD = "batch;product;size;code;lot;assay;impurity\n"


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text.encode())
    return folder


def series(*rows: str) -> str:
    return "at;force;state\r\n" + "".join(f"{row}\r\n" for row in rows)


def run(site: Any, card: str, root: Path, **options: Any):
    report = import_card(site, parse_card(card), root, ImportOptions(**options))
    for one in report.files:
        assert one.n_accepted + one.n_unchanged + one.n_rejected + one.n_conflicts == one.n_rows
    return report


def heads(site: Any) -> tuple[int, int]:
    return site.ledger.head(), site.historian.head()


def stored(site: Any, tag: str = FORCE) -> list[tuple[int, Any, int]]:
    table = site.historian.read([tag], ALL).table
    times = table.column("time").cast("int64").to_pylist()
    return list(
        zip(
            times,
            table.column("value").to_pylist(),
            table.column("quality").to_pylist(),
            strict=True,
        )
    )


ROWS = (
    "2020-05-01 08:00:00;1.5;run",
    "2020-05-01 08:00:10;;run",
    "2020-05-01 08:00:20;2;stop",
)


def test_readings_come_in_the_units_of_the_plant_with_gaps_kept(new_site, tmp_path):
    site = new_site(PLANT)
    report = run(site, SERIES, write(tmp_path / "in", "press1.csv", series(*ROWS)))
    start = from_iso("2020-05-01T06:00:00Z")
    assert [(at - start, value) for at, value, _ in stored(site)] == [
        (0, 1500.0),
        (10_000_000, None),
        (20_000_000, 2000.0),
    ]
    assert [quality != 0 for _, _, quality in stored(site)] == [False, True, False]
    assert [value for _, value, _ in stored(site, "site/line/press/state")] == ["run", "stop"]
    assert (report.total("n_rows"), report.total("n_readings")) == (3, 5)
    imported = [event.decode() for event in site.ledger.stream("import/press")]
    assert imported[0].n_accepted == 3
    assert site.registry.get(imported[0].digest) == series(*ROWS).encode()


def test_the_same_import_again_adds_nothing(new_site, tmp_path):
    site = new_site(PLANT)
    root = write(tmp_path / "in", "press1.csv", series(*ROWS, "never;1;run"))
    write(root, "lab.csv", LAB_HEAD + "1;P;100;5;2;99.5;<0.05\n")
    first = run(site, SERIES, root)
    run(site, RECORDS, root)
    before = heads(site)
    again = run(site, SERIES, root)
    run(site, RECORDS, root)
    assert heads(site) == before
    assert again.files[0].is_repeated
    assert (again.total("n_unchanged"), again.total("n_rejected")) == (3, 1)
    assert again.files[0].artefact == first.files[0].artefact
    # Another card text reads the file again, and finds nothing new.
    run(site, SERIES.replace('name = "press"\nfiles', 'name = "again"\nfiles'), root)
    assert site.historian.head() == before[1]


def test_overlapping_rows_are_unchanged_and_other_values_are_conflicts(new_site, tmp_path):
    site = new_site(PLANT)
    run(site, SERIES, write(tmp_path / "in", "press1.csv", series(*ROWS)))
    (tmp_path / "in" / "press1.csv").unlink()
    rows = (ROWS[0], "2020-05-01 08:00:10;7;run", ROWS[2], "2020-05-01 08:00:30;3;stop")
    report = run(site, SERIES, write(tmp_path / "in", "press2.csv", series(*rows)))
    one = report.files[0]
    assert (one.n_accepted, one.n_unchanged, one.n_conflicts) == (1, 2, 1)
    assert [value for _, value, _ in stored(site)] == [1500.0, None, 2000.0, 3000.0]
    found = site.ledger.select("conflict", {"card": "press"})
    assert [(row["line"], row["stored"], row["offered"]) for row in found] == [
        (3, "no value", "7000.0")
    ]
    assert FORCE in found[0]["key"]


def test_a_correction_needs_a_reason_and_keeps_what_was(new_site, tmp_path):
    site = new_site(PLANT)
    root = write(tmp_path / "in", "press1.csv", series(*ROWS))
    run(site, SERIES, root)
    before = site.historian.head()
    write(root, "press1.csv", series("2020-05-01 08:00:00;9;run"))
    assert run(site, SERIES, root).total("n_conflicts") == 1
    report = run(site, SERIES, root, correct_reason="scale was off")
    assert (report.total("n_accepted"), report.total("n_conflicts")) == (1, 0)
    assert stored(site)[0][1] == 9000.0
    old = site.historian.read([FORCE], ALL, as_of=before)
    assert old.table.column("value").to_pylist()[0] == 1500.0
    after = heads(site)
    run(site, SERIES, root, correct_reason="scale was off")
    assert heads(site) == after
    write(root, "press1.csv", series(*ROWS))  # and back again
    assert run(site, SERIES, root, correct_reason="it was not").total("n_accepted") == 1
    assert stored(site)[0][1] == 1500.0


def test_duplicates_inside_one_file(new_site, tmp_path):
    site = new_site(PLANT)
    rows = (ROWS[2], ROWS[0], ROWS[0], "2020-05-01 08:00:20;5;stop")
    report = run(
        site,
        SERIES,
        write(tmp_path / "in", "press1.csv", series(*rows)),
        correct_reason="a file cannot correct itself",
    )
    one = report.files[0]
    assert (one.n_accepted, one.n_unchanged, one.n_conflicts) == (2, 1, 1)
    assert [value for _, value, _ in stored(site)] == [1500.0, 2000.0]


def test_refused_rows_are_kept_word_by_word(new_site, tmp_path):
    site = new_site(PLANT)
    rows = (*ROWS, "2020-05-01 08:00:40;x;run", "soon;1;run", "2020-03-29 02:30:00;1;run", "1;2")
    report = run(site, SERIES, write(tmp_path / "in", "press1.csv", series(*rows)))
    one = report.files[0]
    assert (one.n_rows, one.n_accepted, one.n_rejected) == (7, 3, 4)
    assert one.reasons == {"number": 1, "time": 2, "ragged": 1}
    kept = [json.loads(line) for line in site.registry.get(one.artefact).splitlines()]
    assert [(row["line"], row["raw"]) for row in kept] == list(
        zip([5, 6, 7, 8], rows[3:], strict=True)
    )
    assert "does not exist" in kept[2]["reason"]
    quarantined = site.ledger.select("quarantine", {"card": "press"})
    assert [(row["n_rows"], row["artefact"]) for row in quarantined] == [(4, one.artefact)]


CELL = st.sampled_from(
    ["2020-05-01 08:00:00", "2020-05-01 08:00:10", "2020-10-25 02:30:00", "x", ""]
)
VALUE = st.sampled_from(["1", "2", "", "y", "nan", "1,5"])


@given(st.lists(st.lists(st.tuples(CELL, VALUE), max_size=6), min_size=1, max_size=3))
def test_all_rows_of_any_files_are_accounted_for(tmp_path_factory, files):
    from tests.connectors.conftest import open_site

    folder = tmp_path_factory.mktemp("any")
    for number, rows in enumerate(files):
        text = series(*(f"{at};{value};run" for at, value in rows))
        write(folder / "in", f"press{number}.csv", text)
    site = open_site(folder / "home", PLANT)
    try:
        report = run(site, SERIES, folder / "in")
        assert report.total("n_rows") == sum(map(len, files))
        before = heads(site)
        again = run(site, SERIES, folder / "in")
        assert heads(site) == before
        assert again.total("n_rejected") == report.total("n_rejected")
    finally:
        site.close()


def test_long_tables_name_their_tags_in_the_rows(new_site, tmp_path):
    card = """name = "long"
[[table]]
name = "long"
files = ["long.csv"]
time = { column = "at", formats = ["epoch_s"] }
[[table.tag]]
tag = "site/line/{sensor}"
column = "value"
unit = "K"
"""
    text = "at,sensor,value\n0,t1,273.15\n0,t2,283.15\n1,t9,1\n1,t1,274.15\n0,,5\n"
    site = new_site(PLANT)
    report = run(site, card, write(tmp_path / "in", "long.csv", text))
    assert report.files[0].reasons == {"tag": 1, "empty": 1}
    assert [value for _, value, _ in stored(site, "site/line/t1")] == pytest.approx([0.0, 1.0])
    assert [value for _, value, _ in stored(site, "site/line/t2")] == pytest.approx([10.0])


SPECTRA = """name = "ir"
[[table]]
name = "ir"
files = ["ir.csv"]
time = { base = "2020-01-01T00:00:00", every = "1.25 min" }
[[table.array]]
tag = "site/line/press/spectrum"
axis_unit = "cm-1"
"""


def test_arrays_have_the_axis_of_their_headers_and_keep_it(new_site, tmp_path):
    site = new_site(PLANT)
    root = write(tmp_path / "in", "ir.csv", "428.0,429.5\n0.1,0.2\nx,0\n0.3,0.4\n")
    report = run(site, SPECTRA, root)
    assert (report.total("n_accepted"), report.total("n_rejected")) == (2, 1)
    rows = stored(site, "site/line/press/spectrum")
    # The refused row leaves a gap: the rows after it keep their times.
    assert [at - rows[0][0] for at, _, _ in rows] == [0, 150_000_000]
    assert rows[1][1] == [0.3, 0.4]
    axis = array_axis(site, "site/line/press/spectrum")
    assert (axis.values, axis.unit) == ((428.0, 429.5), "cm-1")
    write(root, "ir.csv", "428.0,430.0\n0.1,0.2\n")
    before = heads(site)
    with pytest.raises(ConflictError, match="axis"):
        run(site, SPECTRA, root)
    assert heads(site) == before


def test_records_are_taken_once_and_contradictions_shown_once(new_site, tmp_path):
    site = new_site(PLANT)
    root = write(tmp_path / "in", "lab1.csv", LAB_HEAD + "1;P;100;5;2;99.5;ND\n2;P;100;5;2;98;\n")
    first = run(site, RECORDS, root)
    assert first.total("n_records") == 9
    rows = site.ledger.select("result", {"sample": "1/final"}, order_by=("test",))
    assert [(row["operator"], row["value"]) for row in rows] == [("", "99.5"), ("<", "0.05")]
    assert len(site.ledger.select("result", {"sample": "2/final"})) == 1
    write(root, "lab1.csv", LAB_HEAD + "1;P;100;5;3;99.50;ND\n2;Q;100;5;2;97;0.1\n3;P;1;1;1;1;1\n")
    second = run(site, RECORDS, root)
    one = second.files[0]
    assert (one.n_accepted, one.n_unchanged, one.n_conflicts) == (1, 0, 2)
    found = site.ledger.select("conflict", {"card": "laboratory"}, order_by=("what",))
    assert [(row["what"], row["stored"], row["offered"]) for row in found] == [
        ("batch", "product=P", "product=Q"),
        ("material", "lot 5-2", "lot 5-3"),
        ("result", "98 %", "97 %"),
    ]
    assert site.ledger.select("result", {"sample": "2/final", "test": "impurity"})
    before = heads(site)
    run(site, RECORDS.replace('zone = "UTC"', ""), root)
    assert heads(site) == before


def test_results_are_corrected_with_a_reason_master_data_is_not(new_site, tmp_path):
    site = new_site(PLANT)
    root = write(tmp_path / "in", "lab1.csv", LAB_HEAD + "1;P;100;5;2;99.5;ND\n")
    run(site, RECORDS, root)
    write(root, "lab1.csv", LAB_HEAD + "1;Q;100;5;2;99.7;ND\n")
    report = run(site, RECORDS, root, correct_reason="typing error")
    assert report.total("n_conflicts") == 1
    row = site.ledger.select("result", {"sample": "1/final", "test": "assay"})[0]
    assert (row["value"], row["n_corrections"]) == ("99.7", 1)
    body = site.ledger.stream("sample/1/final")[-1].decode()
    assert (body.old.value, body.new.value, body.reason) == ("99.5", "99.7", "typing error")
    assert site.ledger.select("batch", {"batch": "1"})[0]["product"] == "P"


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (";P;100;5;2;1;1", "empty"),
        ("1;P;100;5;;1;1", "empty"),
        ("1;P;100;5;2;1;x", "number"),
        ("1;P;much;5;2;1;1", "record"),
    ],
)
def test_a_row_of_records_is_taken_whole_or_not_at_all(new_site, tmp_path, row, kind):
    site = new_site(PLANT)
    report = run(site, RECORDS, write(tmp_path / "in", "lab1.csv", LAB_HEAD + row + "\n"))
    assert report.files[0].reasons == {kind: 1}
    assert not site.ledger.select("batch")
    assert not site.ledger.select("lot")


PHASES = (
    SERIES
    + """
[[table.phase]]
batch = "{state}"
place = "site/line/press"
phase = "compression"
sampling = "10 s"
"""
)


def test_phases_are_runs_of_rows_and_need_their_batch(new_site, tmp_path):
    site = new_site(PLANT)
    root = write(
        tmp_path / "in",
        "press1.csv",
        series(*(row.replace("run", "1").replace("stop", "2") for row in ROWS)),
    )
    with pytest.raises(BadInputError, match="batch '1' is not known") as caught:
        run(site, PHASES, root)
    assert (caught.value.line, heads(site)) == (2, (0, 0))
    lab = LAB_HEAD + "1;P;100;5;2;1;1\n2;P;100;5;2;1;1\n"
    run(site, RECORDS, write(root, "lab.csv", lab))
    run(site, PHASES, root)
    start = from_iso("2020-05-01T06:00:00Z")
    rows = site.ledger.select("phase", order_by=("batch",))
    assert [(row["batch"], row["started_at"] - start, row["ended_at"] - start) for row in rows] == [
        ("1", 0, 20_000_000),
        ("2", 20_000_000, 30_000_000),
    ]


@pytest.mark.parametrize(
    ("old", "new", "error", "what"),
    [
        ('unit = "kN"', 'unit = "mg"', BadInputError, "does not convert"),
        ('unit = "kN"', 'unit = "kiloN"', BadInputError, "no UCUM"),
        ("press/force", "press/farce", NotFoundError, "farce"),
        ('column = "force"', 'column = "farce"', BadInputError, "column 'farce'"),
        ('kind = "text"', 'kind = "number"', BadInputError, "holds text"),
        ('"press*.csv"', '"none*.csv"', BadInputError, "no file matches"),
        ('column = "at"', 'column = "at", formats = ["%Q"]', BadInputError, "%Q"),
    ],
)
def test_errors_of_the_card_stop_before_anything_is_written(
    new_site, tmp_path, old, new, error, what
):
    site = new_site(PLANT)
    root = write(tmp_path / "in", "press1.csv", series(*ROWS))
    with pytest.raises(error, match=what):
        run(site, SERIES.replace(old, new, 1), root)
    assert heads(site) == (0, 0)
    with pytest.raises(NotFoundError, match="no folder"):
        run(site, SERIES, root / "nowhere")


def test_a_preview_writes_nothing_and_says_the_same(new_site, tmp_path):
    root = write(tmp_path / "in", "press1.csv", series(*ROWS, ROWS[0], "x;1;run"))
    seen = preview(parse_card(SERIES), root, PLANT)
    report = run(new_site(PLANT), SERIES, root)
    for name in ("n_rows", "n_accepted", "n_unchanged", "n_rejected", "n_readings"):
        assert seen.total(name) == report.total(name)
    assert seen.files[0].problems[0].line == 6


class Faulty:
    """A store whose nth durable step fails, as a full disk does."""

    def __init__(self, store: Any, step: str, n_good: int) -> None:
        self._store, self._step, self._n_left = store, step, n_good

    def __getattr__(self, name: str) -> Any:
        if name != self._step:
            return getattr(self._store, name)
        if self._n_left == 0:
            raise OSError(28, "No space left on device")
        self._n_left -= 1
        return getattr(self._store, name)


@pytest.mark.parametrize("what", ["ledger", "historian", "registry"])
@pytest.mark.parametrize("n_good", [0, 1, 2, 3])
def test_a_full_disk_in_the_middle_is_completed_by_the_same_import(
    new_site, tmp_path, what, n_good, monkeypatch
):
    from goldenbatch.connectors.tabular import _settle

    monkeypatch.setattr(_settle, "N_FRAME", 2)
    rows = [f"2020-05-01 08:00:{second:02d};{second};s{second % 3}" for second in range(8)]
    root = write(tmp_path / "in", "press1.csv", series(*rows, "x;1;run"))
    write(root, "lab.csv", LAB_HEAD + "s0;P;1;1;1;1;1\ns1;P;1;1;1;1;1\ns2;P;1;1;1;1;1\n")
    broken, whole = new_site(PLANT, "broken"), new_site(PLANT, "whole")
    step = {"ledger": "append", "historian": "write", "registry": "put"}[what]
    for card in (RECORDS, PHASES):
        run(whole, card, root)
        good = getattr(broken, what)
        setattr(broken, what, Faulty(good, step, n_good))
        try:
            run(broken, card, root)
        except OSError:
            pass
        finally:
            setattr(broken, what, good)
        run(broken, card, root)
    assert stored(broken) == stored(whole)
    for table in ("batch", "phase", "result", "genealogy", "lot"):
        left, right = broken.ledger.select(table), whole.ledger.select(table)
        assert len(left) == len(right) > 0
    assert len(broken.ledger.select("import_file")) == 2
    before = heads(broken)
    run(broken, RECORDS, root)
    run(broken, PHASES, root)
    assert heads(broken) == before


def test_times_that_no_store_holds_are_refused_row_by_row(new_site, tmp_path):
    site = new_site(PLANT)
    rows = (*ROWS, "1600-01-01 00:00:00;1;run", "9999-01-01 00:00:00;1;run")
    report = run(site, SERIES, write(tmp_path / "in", "press1.csv", series(*rows)))
    assert (report.total("n_accepted"), report.files[0].reasons) == (3, {"time": 2})
    epoch = SERIES.replace('column = "at"', 'column = "at", formats = ["epoch_s"]')
    text = series("1588320000;1;run", "999999999999;1;run")
    report = run(new_site(PLANT, "epoch"), epoch, write(tmp_path / "e", "press1.csv", text))
    assert (report.total("n_accepted"), report.files[0].reasons) == (1, {"time": 1})
    base = '{ base = "2020-01-01T00:00:00", elapsed = "at", elapsed_unit = "d" }'
    elapsed = SERIES.replace('{ column = "at" }', base)
    text = series("1;1;run", "1e300;1;run", "-1e9;1;run", "2;1;run")
    report = run(new_site(PLANT, "base"), elapsed, write(tmp_path / "b", "press1.csv", text))
    assert (report.total("n_accepted"), report.files[0].reasons) == (2, {"time": 2})
