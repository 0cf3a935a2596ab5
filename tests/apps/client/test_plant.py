"""What a person at a notebook gets from a node, in its own types, and what they are refused."""

import datetime as dt
import sys

import httpx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import goldenbatch.client as package
from goldenbatch.client import PlantClient, connect
from goldenbatch.client.live import follow
from goldenbatch.client.rows import Batch, Row, micros, moment
from goldenbatch.client.tables import MissingFramesError, Rows
from goldenbatch.core.errors import BadInputError, DeniedError, NotFoundError
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.runtime.remote import NodeClient
from tests.apps.conftest import PASSWORD

TEMP = "site/area/cell/tank/temp"
START = 1_700_000_000_000_000
MINUTE = 60_000_000


@pytest.fixture
def plant(node):
    with connect(node.url, "anna", PASSWORD) as plant:
        yield plant


@given(st.integers(-(2**52), 2**52))
def test_moments_are_exact_both_ways(at):
    assert micros(moment(at)) == at == micros(moment(at).isoformat())


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="says no zone"):
        micros("2026-01-01T00:00:00")


def test_all_public_names_load():
    assert all(getattr(package, name) is not None for name in package.__all__)


def test_batches_with_their_types(plant, node):
    rows = plant.batches()
    assert [one.batch for one in rows] == ["8", "7"]
    at = START + 30 * MINUTE
    assert rows[1].ended_at == dt.datetime.fromtimestamp(at / 1e6, dt.UTC)
    assert plant.batch("7").n_open is None and rows.where(batch="7")[0].n_open == 1
    assert len(rows[:1]) == 1 and isinstance(rows[:1], Rows)
    with pytest.raises(NotFoundError, match="no batch 'none'"):
        plant.batch("none")
    with pytest.raises(BadInputError, match="has no 'colour'"):
        rows.where(colour="red")
    assert plant.phases("7")[0].phase == "make"
    assert plant.results("7")[0].value == "42.0"
    assert plant.findings(is_open=True)[0].severity
    assert "Test home" in repr(plant)


def test_frames_of_rows_keep_times_and_kinds(plant):
    rows = plant.batches()
    pandas, polars = rows.to_pandas(), rows.to_polars()
    assert list(pandas.columns) == polars.columns == list(Batch.model_fields)
    assert str(pandas["ended_at"].dtype) == "datetime64[us, UTC]"
    assert int(pandas["ended_at"][1].timestamp() * 1e6) == START + 30 * MINUTE
    assert polars["ended_at"].dtype.time_zone == "UTC"
    none = Rows(Batch, ())
    assert none.to_arrow().schema == rows.to_arrow().schema and len(none.to_polars()) == 0


def test_readings_as_they_came_and_one_column_a_tag(plant):
    found = plant.readings([TEMP], START, START + 60 * MINUTE)
    assert len(found) == 20
    wide = found.to_pandas(is_wide=True)
    assert wide[TEMP].tolist() == [40.0 + n for n in range(20)]
    assert found.to_polars(is_wide=True)[TEMP].to_list() == wide[TEMP].tolist()
    assert list(found.to_pandas().columns)[:3] == found.to_polars().columns[:3]
    few = plant.readings([TEMP], START, START + 60 * MINUTE, n_points=4).to_pandas()["value"]
    assert {40.0, 59.0} <= set(few)
    assert len(plant.readings_of("7", [TEMP], "make")) == len(plant.readings_of("7", [TEMP]))
    assert plant.latest([TEMP]).to_pandas()["value"].tolist() == [59.0]
    assert plant.tags()[TEMP] == "number"


def test_batches_laid_over_each_other(plant):
    block = plant.aligned(["7"], [TEMP], grid_s=300)
    frame = block.to_pandas()
    assert frame["batch"].unique().tolist() == ["7"]
    assert frame["elapsed_s"].tolist()[:2] == [0.0, 300.0]
    assert np.isclose(frame[TEMP][0], np.mean([40, 41, 42, 43, 44]))
    assert block.to_polars().shape == frame.shape
    with pytest.raises(NotFoundError, match="no batch"):
        plant.aligned(["none"], [TEMP], grid_s=300)


def test_a_decision_is_signed_and_stands_on_the_finding(plant):
    (finding,) = plant.findings(is_open=True)
    with pytest.raises(DeniedError):
        plant.decide(finding.uid, "confirmed", "seen", login="anna", password="wrong one here")
    plant.decide(finding.uid, "confirmed", "seen", login="anna", password=PASSWORD)
    assert len(plant.findings(is_open=True)) == 0
    (signed,) = plant.signatures(f"finding/{finding.uid}")
    assert signed.is_signed and signed.by == "Anna Novak" and signed.unsigned_since is None
    assert plant.finding(finding.uid)["finding"]["verdict"] == "confirmed"


def test_who_may_read_less_gets_less(node):
    with connect(node.url, "bor", PASSWORD) as plant, pytest.raises(DeniedError):
        plant.readings([TEMP], START, START + MINUTE)
    with pytest.raises(DeniedError, match="wrong"):
        connect(node.url, "anna", "not her password")
    with pytest.raises(BadInputError, match="who logs in"):
        connect(node.url)


def test_a_password_need_not_stand_in_the_notebook(node, monkeypatch):
    monkeypatch.setenv("GOLDENBATCH_PASSWORD", PASSWORD)
    with connect(node.url, "anna") as plant:
        token = plant.site.client
        assert isinstance(plant, PlantClient)
    with pytest.raises(Exception, match="closed"):
        token.get("/home")


def test_an_answer_that_was_cut_is_not_taken_as_whole(plant, monkeypatch):
    monkeypatch.setattr("goldenbatch.client.plant.MOST", 2)
    with pytest.raises(BadInputError, match="2 rows or more"):
        plant.batches()


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_without_frames_it_says_what_to_install(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingFramesError, match=f"{name} is not installed"):
        getattr(Rows(Row, ()), f"to_{name}")()


def test_readings_as_they_come_go_on_after_a_broken_line(plant, node, monkeypatch):
    bench = node.state.desk.site
    lines = plant.live([TEMP])
    first = next(lines)
    assert (first.tag, first.value, first.time) == (TEMP, 59.0, moment(START + 19 * MINUTE))

    def write(minute, value):
        rows = pa.table(
            {
                "time": [moment(START + minute * MINUTE)], "tag": [TEMP],
                "value": [value], "quality": [0],
            },
            frame_schema("number"),
        )  # fmt: skip
        bench.historian.write(Frame("plc", f"live {minute}", "number", rows, START))

    write(30, 71.5)
    assert next(lines).value == 71.5
    lines.close()
    real = httpx.Response.iter_lines

    def break_off(self):
        for line in real(self):
            if not line:
                monkeypatch.setattr(httpx.Response, "iter_lines", real)
                raise httpx.ReadError("the line broke")

    monkeypatch.setattr(httpx.Response, "iter_lines", break_off)
    again = follow(plant.site.client, [TEMP], 1, retry_s=0)
    assert next(again).value == 71.5  # the line broke before anything was told: it begins anew
    write(31, 72.5)
    assert next(again).value == 72.5
    again.close()
    stranger = NodeClient(node.url, "no token")
    with pytest.raises(DeniedError):
        next(follow(stranger, [TEMP], 1))
    stranger.close()
