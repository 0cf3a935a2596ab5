"""Injectors change what they say, and nothing else."""

import sqlite3
import sys

import pytest

from goldenbatch.testing.injectors import flip_byte, flip_cell, kill_when, tear


def test_flip_byte_changes_one_byte(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    flip_byte(path, -1, 0x80)
    assert path.read_bytes() == b"ab\xe3"
    with pytest.raises(ValueError, match="no byte 9"):
        flip_byte(path, 9)
    with pytest.raises(ValueError, match="no byte 0 to change by 0x0"):
        flip_byte(path, 0, 0)


def test_tear_cuts_the_tail(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abcdef")
    tear(path, 2)
    assert path.read_bytes() == b"abcd"
    tear(path, 100)
    assert path.read_bytes() == b""


def test_flip_cell_goes_past_a_trigger_and_puts_it_back(tmp_path):
    path = tmp_path / "a.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE t(k INTEGER PRIMARY KEY, b BLOB, s TEXT, i INTEGER, r REAL);"
        "INSERT INTO t VALUES (7, x'00ff', 'word', 4, 1.5), (8, x'01', 'x', 1, 0.0);"
        "CREATE TRIGGER no_update BEFORE UPDATE ON t BEGIN SELECT RAISE(ABORT, 'no'); END;"
    )
    connection.close()
    for column in "bsir":
        flip_cell(path, "t", column, 0, seed=1)
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM t ORDER BY k").fetchall()
    assert rows[1] == (8, b"\x01", "x", 1, 0.0)
    key, blob, text, whole, real = rows[0]
    assert (key, whole, real) == (7, 5, 2.5)
    assert sum(one != other for one, other in zip(blob, b"\x00\xff", strict=True)) == 1
    assert sum(one != other for one, other in zip(text, "word", strict=True)) == 1
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        connection.execute("UPDATE t SET i = 1")
    connection.close()


def test_kill_when(tmp_path):
    reached = tmp_path / "reached"
    code = "import sys; open(sys.argv[1], 'w').close(); sys.stdin.read()"
    assert kill_when([sys.executable, "-c", code, str(reached)], reached) == -9
    reached.unlink()
    with pytest.raises(TimeoutError):
        kill_when([sys.executable, "-c", "pass"], reached)
