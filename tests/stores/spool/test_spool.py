"""The spool: in order, whole or not at all, and still there after a death."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import IntegrityError
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.spool import Spool, SpoolFullError

VALUES = {
    "number": [1.5, None, float("inf")],
    "text": ["a", None, "ß"],
    "array": [[1.0, 2.0], None, []],
    "reference": ["ab" * 32, None, "x"],
}


def frame(key="1", kind="number", values=None, coded=False):
    values = VALUES[kind] if values is None else values
    columns = [
        list(range(len(values))),
        ["site/a/t"] * len(values),
        values,
        [0, 1, 2**31][: len(values)] or [],
    ]
    schema = frame_schema(kind, is_coded=coded)
    quality = (columns[3] + [0] * len(values))[: len(values)]
    columns[3] = quality
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=schema)
    return Frame("src", key, kind, table, 7, origin="o", reason="r")


def drained(spool):
    found = []
    while (item := spool.first()) is not None:
        found.append(item[1])
        spool.drop(item[0])
    return found


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("coded", [False, True])
def test_a_frame_comes_back_as_it_was(tmp_path, kind, coded):
    spool = Spool(tmp_path / "s.sqlite", 10**6)
    spool.put([frame(kind=kind, coded=coded)])
    (back,) = drained(spool)
    assert back == frame(kind=kind, coded=coded)
    spool.close()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=3), max_size=6))
def test_first_in_first_out_over_openings(tmp_path_factory, groups):
    path = tmp_path_factory.mktemp("spool") / "s.sqlite"
    keys = []
    for number, group in enumerate(groups):
        spool = Spool(path, 10**7)
        new = [frame(f"{number}.{n}.{size}", values=[1.0] * size) for n, size in enumerate(group)]
        spool.put(new, {"at": str(number)})
        keys += [one.key for one in new]
        assert (len(spool), spool.position("at")) == (len(keys), str(number))
        spool.close()
    spool = Spool(path, 10**7)
    assert [one.key for one in drained(spool)] == keys
    assert (len(spool), spool.n_bytes, spool.n_readings) == (0, 0, 0)
    spool.close()


def test_a_full_spool_keeps_nothing_of_a_group(tmp_path):
    spool = Spool(tmp_path / "s.sqlite", 5000)
    spool.put([frame("1")])
    with pytest.raises(SpoolFullError, match="spool_bytes"):
        spool.put([frame(str(n)) for n in range(2, 9)], {"at": "8"})
    assert [one.key for one in drained(spool)] == ["1"]
    assert spool.position("at") == ""
    spool.put([frame("9")])
    spool.close()


def test_a_damaged_frame_is_named_put_aside_and_the_rest_follows(tmp_path):
    path = tmp_path / "s.sqlite"
    spool = Spool(path, 10**6)
    spool.put([frame("1"), frame("2")])
    spool.close()
    with sqlite3.connect(path) as connection:
        (blob,) = connection.execute("SELECT bytes FROM frame WHERE id = 1").fetchone()
        changed = blob[:-9] + bytes([blob[-9] ^ 1]) + blob[-8:]
        connection.execute("UPDATE frame SET bytes = ? WHERE id = 1", (changed,))
    connection.close()
    spool = Spool(path, 10**6)
    with pytest.raises(IntegrityError, match="frame 1 "):
        spool.first()
    assert [one.key for one in drained(spool)] == ["2"]
    spool.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT id FROM damaged").fetchall() == [(1,)]
    connection.close()


def test_what_was_put_survives_a_kill(tmp_path):
    path, read, write = tmp_path / "s.sqlite", *os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover (dies)
        spool = Spool(path, 10**7)
        for number in range(10_000):
            spool.put([frame(str(number))], {"at": str(number)})
            os.write(write, b"%d\n" % number)
    said = b""
    while said.count(b"\n") < 50:
        said += os.read(read, 4096)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(write)
    while more := os.read(read, 65536):
        said += more
    os.close(read)
    n = said.count(b"\n")
    spool = Spool(path, 10**7)
    keys = [one.key for one in drained(spool)]
    assert keys == [str(number) for number in range(len(keys))]
    assert n <= len(keys) <= n + 1
    assert spool.position("at") == keys[-1]
    spool.close()


def test_what_is_no_spool_is_named(tmp_path):
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(IntegrityError, match=r"s\.sqlite is damaged"):
        Spool(path, 1)


def test_an_empty_position_is_forgotten(tmp_path):
    with contextlib.closing(Spool(tmp_path / "s.sqlite", 10**6)) as spool:
        spool.advance({"file/a": "1", "file/b": "2", "other": "3"})
        assert spool.positions("file/") == {"file/a": "1", "file/b": "2"}
        spool.advance({"file/a": "", "never": ""})
        assert spool.position("file/a") == "" and spool.positions("file/") == {"file/b": "2"}
    with contextlib.closing(Spool(tmp_path / "s.sqlite", 10**6)) as spool:
        assert spool.positions("") == {"file/b": "2", "other": "3"}
