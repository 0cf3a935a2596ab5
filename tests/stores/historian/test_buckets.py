"""Cold tables in a bucket, by URL, with the same code: held against moto as the S3 peer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from goldenbatch.core.errors import BadInputError, IntegrityError
from goldenbatch.stores.historian import HistorianSettings
from goldenbatch.stores.historian.copies import chunk_copies

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def server():
    """A process of its own: the client holds Python's lock while it waits for an answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest.fixture
def bucket(server, monkeypatch):
    import boto3

    values = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=server)
    client.create_bucket(
        Bucket="readings", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="readings"):
        for one in page.get("Contents", []):
            client.delete_object(Bucket="readings", Key=one["Key"])
    client.delete_bucket(Bucket="readings")


def names(bucket):
    found = bucket.list_objects_v2(Bucket="readings").get("Contents", [])
    return [one["Key"] for one in found]


def settings(**more):
    return HistorianSettings(
        flush_readings=0, tables_url="s3://readings/site1", keep_superseded_s=0, **more
    )


def fill(store, frame):
    for number in range(4):
        rows = [(f"x/{i}", number * DAY // 2 + i, number + i / 7) for i in range(5)]
        store.write(frame(f"n{number}", rows))
        store.write(frame(f"t{number}", [("t", number, f"text {number}")], "text", source="lab"))
        store.flush()
    store.write(frame("hot", [("x/0", 9 * DAY, 1.0)]))


def answers(store, listed):
    tags = [f"x/{i}" for i in range(5)]
    return [listed(store.read(tags, (0, 10 * DAY))), listed(store.read(["t"], (0, DAY))),
            listed(store.since(tags, 2)), store.digest("x/1", (0, 9 * DAY))]  # fmt: skip


def test_tables_in_a_bucket_answer_like_those_in_a_folder(
    bucket, opened, frame, listed, recorder, tmp_path
):
    plain = opened(tmp_path / "plain", recorder=None)
    fill(plain, frame)
    store = opened(settings=settings())
    fill(store, frame)
    assert not [*store._folder.glob("number/**/*.parquet")]
    assert len([name for name in names(bucket) if name.startswith("site1/number/date=")]) == 4
    expected = answers(plain, listed)
    assert answers(store, listed) == expected
    assert store.verify(recorder.chunks()) == []
    store.compact(30 * DAY)
    assert answers(store, listed) == expected
    assert store.vacuum(now=30 * DAY).n_files == 8
    assert len([name for name in names(bucket) if name.startswith("site1/number/date=")]) == 2
    assert store.verify(recorder.chunks()) == []
    assert len([*chunk_copies(store._folder)]) == 8
    store.close()
    with opened(recorder=None, read_only=True) as other:  # the folder knows where they are
        assert answers(other, listed) == expected
    for path in (store._folder / "cache").rglob("*.parquet"):
        path.unlink()
    again = opened(settings=settings(cache_bytes=0))
    assert answers(again, listed) == expected
    assert again.verify(recorder.chunks()) == []
    held = [*(again._folder / "cache" / "number").rglob("*.parquet")]
    for path in held:
        os.utime(path, (1, 1))
    again._cold.place.home._make_room()
    assert held and not any(path.exists() for path in held)


def test_other_engines_read_the_bucket(bucket, opened, frame):
    import polars as pl

    store = opened(settings=settings())
    fill(store, frame)
    store.compact(30 * DAY)
    found = pl.scan_delta("s3://readings/site1/number").group_by("tag").len().collect()
    assert dict(found.iter_rows()) == dict.fromkeys(range(5), 4)


def test_a_lost_or_changed_object_is_named(bucket, opened, frame, recorder):
    store = opened(settings=settings())
    fill(store, frame)
    key = next(name for name in names(bucket) if name.startswith("site1/number/date="))
    whole = bucket.get_object(Bucket="readings", Key=key)["Body"].read()
    cached = store._folder / "cache" / key.removeprefix("site1/")
    cached.unlink()
    bucket.delete_object(Bucket="readings", Key=key)
    assert any(key in problem.where for problem in store.verify(recorder.chunks()))
    with pytest.raises(IntegrityError, match=key):
        store.read(["x/0"], (0, DAY))
    bucket.put_object(Bucket="readings", Key=key, Body=whole[:-9] + bytes(9))
    assert any(key in problem.where for problem in store.verify(recorder.chunks()))
    cached.unlink(missing_ok=True)
    bucket.put_object(Bucket="readings", Key=key, Body=whole)
    assert store.verify(recorder.chunks()) == []


def test_a_bucket_that_cannot_be_reached_loses_nothing(bucket, opened, frame, listed, monkeypatch):
    from goldenbatch.stores.historian._log import WriteRefusedError

    store = opened(settings=settings())
    store.write(frame("1", [("x", 1, 1.0)]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store._cold.place.home._systems.clear()
    with pytest.raises(WriteRefusedError, match="the log is kept"):
        store.flush()
    assert listed(store.read(["x"], (0, 9)))[0][2] == 1.0
    monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.meta.endpoint_url)
    store._cold.place.home._systems.clear()
    assert store.flush()
    assert listed(store.read(["x"], (0, 9)))[0][2] == 1.0


def test_the_place_is_settled_once(opened, frame):
    store = opened()
    store.write(frame("1", [("x", 1, 1.0)]))
    store.flush()
    store.close()
    with pytest.raises(BadInputError, match=r"the tables of .* lie in that folder"):
        opened(settings=HistorianSettings(tables_url="s3://other/place"))
