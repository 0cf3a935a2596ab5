"""Any changed byte of what is stored is found, and named."""

from __future__ import annotations

import random

import pyarrow.parquet as pq
import pytest

from goldenbatch.core.errors import IntegrityError

DAY = 86_400_000_000


@pytest.fixture
def filled(opened, frame, recorder):
    store = opened()
    for number in range(4):
        rows = [(f"x/{i}", number * DAY + i, number + i / 7) for i in range(5)]
        store.write(frame(f"n{number}", rows, source="line"))
        store.write(frame(f"t{number}", [("t", number, f"text {number}")], "text", source="lab"))
        store.write(frame(f"a{number}", [("a", number, [1.0, number])], "array", source="lab"))
        if number % 2:
            store.flush()
    store.write(frame("hot", [("x/0", 9 * DAY, 1.0)], source="line"))
    assert store.verify(recorder.chunks()) == []
    return store


def flipped(path, place):
    data = path.read_bytes()
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    return data


@pytest.mark.parametrize(
    "pattern", ["*/date=*/*.parquet", "log/*.frames", "tags.log", "chunks/*.json"]
)
def test_a_flipped_byte_is_named(filled, recorder, pattern):
    rng, paths = random.Random(5), sorted(filled._folder.glob(pattern))
    assert paths
    for path in paths:
        size = path.stat().st_size
        edges = [0, size - 1] if path in (paths[0], paths[-1]) else []
        for place in [*edges, *rng.sample(range(size), 1 + len(edges))]:
            whole = flipped(path, place)
            problems = filled.verify(recorder.chunks())
            assert any(str(path) in f"{p.where} {p.message}" for p in problems), (path, place)
            path.write_bytes(whole)
    assert filled.verify(recorder.chunks()) == []


@pytest.mark.parametrize("pattern", ["tags.log", "state.json", "latest.bin"])
def test_a_flipped_byte_stops_the_start_or_is_put_right(filled, opened, recorder, pattern):
    filled.close()
    path = filled._folder / pattern
    before = None
    for place in random.Random(3).sample(range(path.stat().st_size), 6):
        whole = flipped(path, place)
        try:
            store = opened()
        except IntegrityError as error:
            assert pattern in str(error) or "dictionary of tags" in str(error)
        else:
            assert pattern == "latest.bin"
            rows = store.latest(["x/0", "x/4"]).table
            assert before in (None, rows)
            before = rows
            store.close()
        path.write_bytes(whole)
    assert opened().verify(recorder.chunks()) == []


def test_a_rewritten_reading_is_named_by_tag_and_chunk(filled, recorder):
    path = next(filled._folder.glob("number/date=1970-01-03/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    values = table.column("value").to_pylist()
    values[2] += 1e-9
    changed = table.set_column(2, table.schema.field("value"), [values])
    pq.write_table(changed, path)
    problems = filled.verify(recorder.chunks())
    assert any("'x/2'" in p.message and "line/2" in p.message for p in problems)
    assert not any("'x/1'" in p.message for p in problems)
    assert any(p.where == str(path) for p in problems)


def test_what_the_ledger_does_not_know_and_what_it_misses(filled, recorder):
    chunks = recorder.chunks()
    found = filled.verify(chunks[1:])
    assert [p.message for p in found] == ["is not recorded in the ledger"]
    other = chunks[0].model_copy(update={"root": "0" * 64})
    found = filled.verify([other, *chunks[1:]])
    assert [p.message for p in found] == ["is not what the ledger has recorded of it"]
    extra = chunks[0].model_copy(update={"chunk": 99})
    found = filled.verify([*chunks, extra])
    assert [p.where for p in found] == [f"chunk {extra.source}/99"]


def test_a_changed_manifest_with_a_new_digest_does_not_match_the_ledger(filled, recorder):
    import hashlib

    path = sorted(filled._folder.glob("chunks/*.json"))[0]
    body = path.read_bytes()[65:].replace(b'"key":"n0"', b'"key":"n9"')
    path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    problems = filled.verify(recorder.chunks())
    assert any("root of chunk line/1 is wrong" in p.message for p in problems)
    assert any("does not follow" in p.message for p in problems)


def test_deleted_files_and_foreign_files(filled, recorder):
    path = next(filled._folder.glob("text/date=*/*.parquet"))
    whole = path.read_bytes()
    path.unlink()
    assert any(str(path) == p.where for p in filled.verify(recorder.chunks()))
    path.write_bytes(whole)
    manifest = sorted(filled._folder.glob("chunks/*.json"))[0]
    whole = manifest.read_bytes()
    manifest.unlink()
    assert filled.verify(recorder.chunks())
    manifest.write_bytes(whole)
    log = sorted(filled._folder.glob("number/_delta_log/*.json"))[-1]
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b'\\"tag\\":4', b'\\"tag\\":3'))
    assert log.read_bytes() != whole
    assert any("Delta log" in p.message for p in filled.verify(recorder.chunks()))
    log.write_bytes(whole)
    assert filled.verify(recorder.chunks()) == []


def test_the_log_cut_at_a_record_is_seen(filled, recorder):
    from goldenbatch.stores.historian._frames import SEGMENT

    path = sorted(filled._folder.glob("log/*.frames"))[-1]
    path.write_bytes(path.read_bytes()[: SEGMENT.size])
    assert any("ends before frame 13" in p.message for p in filled.verify(recorder.chunks()))


def test_a_reader_verifies_beside_the_writer(filled, opened, recorder):
    with opened(recorder=None, read_only=True) as other:
        assert other.verify(recorder.chunks()) == []
        assert other.head() == 13


CHANGES = {
    "partition": (b'"date":"1970-01-03"', b'"date":"1970-01-04"'),
    "null count": (b'\\"quality\\":0', b'\\"quality\\":5'),
    "size": (b'"size":', b'"size":1'),
    "hand-over": (b'"appId":"goldenbatch-historian","version":', b'"appId":"other","version":'),
    "number of hand-over": (b'"version":6}', b'"version":9}'),
    "removed": (b'{"txn"', b'{"remove":{"path":"date=1970-01-01/x","dataChange":true}}\n{"txn"'),
    "twice": (b'"size":', b'"size":7,"size":'),
    "schema": (b'\\"name\\":\\"value\\",', b'\\"name\\":\\"other\\",'),
    "partitioning": (b'"partitionColumns":["date"]', b'"partitionColumns":[]'),
    "protocol": (b'"minReaderVersion":1,"minWriterVersion":2}}', b'"minReaderVersion":1}}'),
    "configuration": (b'"configuration":{}', b'"configuration":{"delta.appendOnly":"true"}'),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_outside_readers_go_by_is_held_against_the_hand_overs(filled, recorder, change):
    old, new = CHANGES[change]
    logs = sorted(filled._folder.glob("number/_delta_log/*.json"))
    changed = [path for path in logs if old in path.read_bytes()]
    assert changed
    for path in changed:
        whole = path.read_bytes()
        path.write_bytes(whole.replace(old, new))
        problems = filled.verify(recorder.chunks())
        assert any(str(path.parent.parent) in p.where for p in problems), path
        path.write_bytes(whole)
    assert filled.verify(recorder.chunks()) == []


def test_a_checkpoint_of_the_delta_log_is_held_against_its_commits(filled, recorder):
    from deltalake import DeltaTable

    folder = filled._folder / "number"
    DeltaTable(str(folder)).create_checkpoint()
    assert filled.verify(recorder.chunks()) == []
    path = next(folder.glob("_delta_log/*.checkpoint.parquet"))
    table, whole = pq.read_table(path), path.read_bytes()
    rows = table.to_pylist()
    add = next(row["add"] for row in rows if row["add"])
    add["partitionValues"] = [("date", "1999-01-01")]
    pq.write_table(type(table).from_pylist(rows, table.schema), path)
    problems = filled.verify(recorder.chunks())
    assert [(p.where, p.message) for p in problems] == [
        (str(path), "does not hold what its commits hold")
    ]
    path.write_bytes(whole)
    last = folder / "_delta_log" / "_last_checkpoint"
    last.write_bytes(last.read_bytes().replace(b'"version":', b'"version":1'))
    assert any(p.where == str(last) for p in filled.verify(recorder.chunks()))
