"""Parquet: the same rows as of a CSV file, whatever types its writer chose."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from goldenbatch.connectors.tabular import import_card, parse_card, preview
from goldenbatch.connectors.tabular._parquet import read_parquet
from goldenbatch.connectors.tabular.card import TableSpec
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.plant import Plant

PLACE = "site/dryer"
PLANT = Plant.model_validate(
    {
        "name": "test",
        "places": [{"path": "site", "level": "site"}, {"path": PLACE, "level": "unit"}],
        "tags": [
            {"name": f"{PLACE}/outlet", "unit": "Cel"},
            {"name": f"{PLACE}/inlet", "unit": "Cel"},
            {"name": f"{PLACE}/state", "unit": "", "kind": "text"},
        ],
    }
)
CARD = """name = "dryer"
zone = "Europe/Ljubljana"

[[table]]
name = "dryer"
files = ["*.{form}"]
format = "{form}"
time = { column = "at" }

[[table.tag]]
tag = "site/dryer/{which}"
column = "value"
unit = "Cel"

[[table.tag]]
tag = "site/dryer/state"
column = "state"
kind = "text"
"""


def spec(**more):
    data = {
        "name": "t", "files": ["*"], "format": "parquet", "time": {"column": "at"},
        "tag": [{"tag": "x", "column": "value"}],
    } | more  # fmt: skip
    return TableSpec.model_validate(data)


def written(table, **options):
    target = io.BytesIO()
    pq.write_table(table, target, **options)
    return target.getvalue()


def sheet_of(columns, names=None, **more):
    table = pa.table(columns, names=names)
    return read_parquet(written(table), spec(**more), "a.parquet")


def test_rows_end_as_those_of_the_same_csv(tmp_path, new_site):
    rng = np.random.default_rng(7)
    n = 500
    local = [dt.datetime(2026, 6, 25) + dt.timedelta(seconds=30 * k) for k in range(n)]
    which = rng.choice(["inlet", "outlet"], n).tolist()
    values = [
        None if k % 50 == 3 else round(float(v), 3) for k, v in enumerate(rng.normal(60, 9, n))
    ]
    which[77] = "other"  # no tag of the plant: refused, with its line
    states = rng.choice(["dry", "idle"], n).tolist()
    table = pa.table(
        {
            "at": pa.array(local, pa.timestamp("ns")),
            "which": pa.array(which).dictionary_encode(),
            "value": pa.array(values, pa.float64()),
            "state": pa.array(states).dictionary_encode(),
            "more": pa.array([[1]] * n),
        }
    )
    rows = zip(local, which, values, states, strict=True)
    lines = [f"{a},{w},{'' if v is None else v},{s}" for a, w, v, s in rows]
    reports, stored = {}, {}
    for form in ("csv", "parquet"):
        folder = tmp_path / form
        folder.mkdir()
        (folder / "a.csv").write_text("\n".join(["at,which,value,state", *lines]) + "\n")
        (folder / "a.parquet").write_bytes(written(table, row_group_size=64))
        site = new_site(PLANT, form)
        card = parse_card(CARD.replace("{form}", form))
        (reports[form],) = import_card(site, card, folder).files
        tags = sorted(site.historian.tags())
        stored[form] = [site.historian.read([tag], (0, 2**62)).table.to_pylist() for tag in tags]
        (again,) = import_card(site, card, folder).files
        assert again.is_repeated
        (refused,) = site.ledger.select("quarantine")
        (raw,) = [json.loads(one) for one in site.registry.get(refused["artefact"]).splitlines()]
        assert raw["line"] == (79 if form == "csv" else 78) and "other" in raw["raw"]
    assert stored["csv"] == stored["parquet"]
    names = ("n_rows", "n_accepted", "n_rejected", "n_conflicts", "n_readings", "reasons")
    assert [getattr(reports["csv"], one) for one in names] == [
        getattr(reports["parquet"], one) for one in names
    ]
    assert reports["parquet"].n_rejected == 1 and reports["parquet"].n_rows == n
    assert "more" in reports["parquet"].notes[0]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_stamp_with_a_zone_is_a_moment_and_one_without_is_local(tmp_path, unit):
    at = [dt.datetime(2026, 7, 1, 12, 0, 0)]
    for zone, expected in (("America/New_York", "2026-07-01T12:00:00"), (None, "2026-07-01T12")):
        column = pa.array(at, pa.timestamp(unit, zone))
        text = sheet_of({"at": column, "value": [1.0]}).column("at")[0].as_py()
        assert text.startswith(expected) and text.endswith("Z") == bool(zone)


def test_each_type_of_a_writer_has_one_text():
    kinds = {
        "f32": (pa.array([0.1, None], pa.float32()), ["0.1", ""]),
        "f64": (pa.array([1 / 3, 2.0]), [repr(1 / 3), "2"]),
        "i64": (pa.array([2**60, None]), [str(2**60), ""]),
        "u8": (pa.array([7, 8], pa.uint8()), ["7", "8"]),
        "dec": (pa.array([decimal.Decimal("1.50"), None]), ["1.50", ""]),
        "bool": (pa.array([True, None]), ["true", ""]),
        "date": (pa.array([dt.date(2026, 1, 2), None]), ["2026-01-02", ""]),
        "large": (pa.array(["é", None], pa.large_string()), ["é", ""]),
        "dict": (pa.array(["a", None]).dictionary_encode(), ["a", ""]),
        "null": (pa.nulls(2), ["", ""]),
    }
    for name, (column, expected) in kinds.items():
        sheet = sheet_of({"at": column, "value": [1.0, 2.0]})
        assert sheet.column("at").to_pylist() == expected, name


def test_numbers_are_not_made_texts_and_keep_their_digits():
    short = pa.array([0.1, None, 3.25], pa.float32())
    whole = pa.array([1, 2, None], pa.int32()).dictionary_encode()
    flags = pa.array([True, False, None])
    for column, expected in (
        (short, [0.1, None, 3.25]), (whole, [1, 2, None]), (flags, [1, 0, None]),
    ):  # fmt: skip
        sheet = sheet_of({"at": ["a", "b", "c"], "value": column})
        assert sheet.decoded[1].to_pylist() == expected
    big = sheet_of({"at": ["a"], "value": pa.array([2**53 + 1])})
    assert not big.decoded and big.column("value").to_pylist() == [str(2**53 + 1)]
    marked = sheet_of({"at": ["a"], "value": [-9999.0]}, missing=["-9999"])
    assert not marked.decoded and marked.column("value").to_pylist() == ["-9999"]


def test_nan_is_no_number_unless_the_card_says_that_it_is_none(tmp_path):
    table = pa.table({"at": ["2026-01-01T00:00:00Z"] * 2, "value": [1.0, float("nan")]})
    (tmp_path / "a.parquet").write_bytes(written(table.set_column(0, "at", pa.array(
        ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]))))  # fmt: skip
    card = """name = "x"
[[table]]
name = "x"
files = ["*.parquet"]
format = "parquet"
time = { column = "at" }
missing = [MARKS]
[[table.tag]]
tag = "x"
column = "value"
"""
    (refused,) = preview(parse_card(card.replace("MARKS", '""')), tmp_path).files
    assert refused.n_rejected == 1 and "nan" in refused.problems[0].reason
    (taken,) = preview(parse_card(card.replace("MARKS", '"", "nan"')), tmp_path).files
    assert taken.n_rejected == 0 and taken.n_readings == 2


def test_only_the_columns_of_the_card_are_read():
    n = 20_000
    table = pa.table({"at": ["t"] * n, "value": np.arange(n, dtype=float), "wide": ["x" * 100] * n})
    sheet = read_parquet(written(table, row_group_size=1000), spec(), "a")
    assert sheet.columns[2].null_count == n and len(sheet.columns[1].chunks) == 20
    assert json.loads(sheet.raw(12_346))["wide"].startswith("xx")
    assert json.loads(sheet.raw(12_346))["value"] == 12_345


def test_a_nested_column_is_refused_only_where_the_card_names_it():
    with pytest.raises(BadInputError, match=r"value.*list<"):
        sheet_of({"at": ["t"], "value": [[1.0, 2.0]]})
    assert sheet_of({"at": ["t"], "value": [1.0], "b": [{"c": 1}]}).n_rows == 1


def test_a_damaged_file_is_named():
    whole = written(pa.table({"at": ["t"] * 900, "value": np.arange(900.0)}), row_group_size=300)
    for damaged in (
        whole[:-20],
        b"PAR1" + whole[:50],
        b"no",
        whole[:60] + bytes(400) + whole[460:],
    ):
        with pytest.raises(BadInputError, match=r"^a\.parquet: "):
            read_parquet(damaged, spec(), "a.parquet").column("at")


def test_an_empty_table_has_no_rows():
    empty = pa.table({"at": pa.array([], pa.timestamp("us")), "value": pa.array([], pa.float64())})
    assert read_parquet(written(empty), spec(), "a").n_rows == 0
