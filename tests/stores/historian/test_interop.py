"""Other engines read the same Delta table and find the same groups; frames share its memory."""

from __future__ import annotations

import builtins

import numpy as np
import pyarrow as pa
import pytest

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import HistorianSettings

MINUTE, DAY = 60_000_000, 86_400_000_000
N_TAGS, N_TIMES = 6, 1_200


@pytest.fixture
def store(opened):
    """Two hours over midnight, corrections among them, partly compacted."""
    found = opened(settings=HistorianSettings(flush_readings=0, keep_superseded_s=0))
    names = pa.array([f"line/{n}" for n in range(N_TAGS)])
    rng = np.random.default_rng(3)
    for part in range(3):
        start = DAY - N_TIMES * 3_000_000 + part * N_TIMES * 3_000_000
        times = start + np.arange(N_TIMES) * 3_000_000
        columns = [
            pa.array(np.tile(times, N_TAGS)).view(frame_schema("number")[0].type),
            pa.DictionaryArray.from_arrays(
                pa.array(np.repeat(np.arange(N_TAGS, dtype=np.int32), N_TIMES)), names
            ),
            pa.array(np.round(rng.normal(50, 3, N_TAGS * N_TIMES), 2)),
            pa.array(np.zeros(N_TAGS * N_TIMES, dtype=np.int64)),
        ]
        table = pa.Table.from_arrays(columns, schema=frame_schema("number", is_coded=True))
        found.write(Frame("line", f"{part}", "number", table, 1))
        again = table.slice(5, 7)
        found.write(Frame("line", f"{part} again", "number", again, 2, reason="calibrated"))
        found.flush()
    found.compact(DAY + 3_600_000_000)  # the first of two days
    assert len(found.table_files("number")) > 1
    return found


def expected(store):
    """Tag number and minute to number of readings, sum and newest frame, by our own verb."""
    names = [f"line/{n}" for n in range(N_TAGS)]
    series = store.read(names, (0, 2 * DAY))
    tags = np.repeat(np.arange(N_TAGS), len(series) // N_TAGS)
    groups = {}
    for tag, time, value, seq in zip(
        tags, series.times() // MINUTE, series.values(), series.seqs(), strict=True
    ):
        n, total, newest = groups.get((int(tag), int(time)), (0, 0.0, 0))
        groups[int(tag), int(time)] = (n + 1, total + value, max(newest, int(seq)))
    return {key: (n, round(total, 6), newest) for key, (n, total, newest) in groups.items()}


QUERY = """
WITH newest AS (
    SELECT *, row_number() OVER (PARTITION BY tag, time ORDER BY seq DESC) AS place FROM {table}
)
SELECT tag, epoch_us(time) // 60000000, count(*), round(sum(value), 6), max(seq)
FROM newest WHERE place = 1 GROUP BY 1, 2
"""


def test_duckdb_finds_the_same_groups(store):
    import duckdb
    from deltalake import DeltaTable

    files = DeltaTable(str(store._folder / "number")).file_uris()
    rows = duckdb.sql(QUERY.format(table=f"read_parquet({files})")).fetchall()
    assert {(row[0], row[1]): row[2:] for row in rows} == expected(store)


def test_polars_finds_the_same_groups(store):
    import polars as pl

    table = pl.scan_delta(str(store._folder / "number"))
    newest = table.sort("seq").unique(["tag", "time"], keep="last")
    groups = newest.group_by("tag", pl.col("time").dt.epoch("us") // MINUTE).agg(
        pl.len(), pl.col("value").sum().round(6), pl.col("seq").max()
    )
    rows = groups.collect().rows()
    assert {(row[0], row[1]): row[2:] for row in rows} == expected(store)


def test_delta_rs_and_its_engine_find_the_same_groups(store):
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(str(store._folder / "number"))
    n_rows = sum(table.get_add_actions(flatten=True).column("num_records").to_pylist())
    found = (
        QueryBuilder().register("r", table).execute("SELECT tag, count(*) n FROM r GROUP BY tag")
    )
    counts = pa.table(found.read_all()).to_pydict()
    assert sum(counts["n"]) == n_rows == N_TAGS * N_TIMES * 3 + 21


def test_frames_are_the_same_memory(store):
    series = store.read(["line/0"], (0, 2 * DAY))
    values = series.table.column("value").combine_chunks()
    address = values.buffers()[1].address
    one = type(series)(series.kind, series.table.set_column(2, "value", values))
    frame, data = one.to_polars(), one.to_pandas()
    assert frame.shape == (len(one), 6) and list(data.columns) == one.table.column_names
    assert frame["value"].to_numpy(allow_copy=False).__array_interface__["data"][0] == address
    assert data["value"].to_numpy().__array_interface__["data"][0] == address
    assert one.values().__array_interface__["data"][0] == address
    assert data["time"].iloc[0].value // 1000 == one.times()[0]


def test_what_is_not_installed_is_named(store, monkeypatch):
    real = builtins.__import__

    def without(wanted, *args, **more):
        if wanted == "polars":
            raise ImportError(wanted)
        return real(wanted, *args, **more)

    series = store.read(["line/0"], (0, DAY))
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInputError, match=r"goldenbatch\[frames\]"):
        series.to_polars()
