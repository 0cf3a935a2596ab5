"""Cold tables in a bucket, by URL, with the same code: held against moto as the S3 peer."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest
from tests import s3

from goldenbatch.core.errors import BadInputError, IntegrityError, UnreachableError
from goldenbatch.core.series import Frame, frame_schema
from goldenbatch.stores.historian import HistorianSettings, Tier, put_tables
from goldenbatch.stores.historian.copies import chunk_copies

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def server():
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(server, monkeypatch):
    for name, value in s3.environment(server).items():
        monkeypatch.setenv(name, value)
    with s3.bucket_at(server) as client:
        yield client


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


def test_only_the_row_groups_that_a_question_needs_are_fetched(bucket, opened):
    draw, n_tags, n_rows = np.random.default_rng(1), 24, 12_000
    store = opened(settings=settings(), recorder=None)
    times = np.tile(np.arange(n_rows, dtype=np.int64) * 1_000, n_tags)
    table = pa.table(
        {
            "time": pa.array(times).cast(pa.timestamp("us", "UTC")),
            "tag": pa.array(np.repeat([f"x/{i}" for i in range(n_tags)], n_rows)),
            "value": pa.array(draw.normal(size=len(times))),
            "quality": pa.array(np.zeros(len(times), dtype=np.int64)),
        },
        schema=frame_schema("number"),
    )
    store.write(Frame("line", "1", "number", table, 5))
    store.flush()
    store.compact(30 * DAY)
    expected = store.read(["x/7"], (0, DAY)).values()
    (file,) = store.table_files("number")
    (store._folder / "cache" / "number" / file.path).unlink()
    fresh = opened(settings=settings(), recorder=None, read_only=True)
    place = fresh._cold.place.home
    found = fresh.read(["x/7"], (0, DAY)).values()
    assert np.array_equal(found, expected)
    assert file.size > 2_000_000
    assert 0 < place.n_bytes_fetched < file.size / 10
    assert not (fresh._folder / "cache" / "number" / file.path).exists()
    first = place.n_bytes_fetched
    fresh.read(["x/7"], (0, DAY))
    assert place.n_bytes_fetched - first < first  # the footer is known by now


def test_verification_looks_at_the_bucket_and_not_at_what_was_fetched(
    bucket, opened, frame, recorder
):
    store = opened(settings=settings())
    fill(store, frame)
    assert store.verify(recorder.chunks()) == []
    key = next(name for name in names(bucket) if name.startswith("site1/number/date="))
    assert (store._folder / "cache" / key.removeprefix("site1/")).exists()
    whole = bucket.get_object(Bucket="readings", Key=key)["Body"].read()
    bucket.put_object(Bucket="readings", Key=key, Body=whole[:-9] + bytes(9))
    assert any(key in problem.where for problem in store.verify(recorder.chunks()))


@pytest.mark.parametrize("is_home_bucket", [False, True])
def test_a_bucket_as_a_tier(bucket, opened, frame, listed, recorder, monkeypatch, is_home_bucket):
    tier = Tier("cold-one", "s3://readings/archive")
    own = settings() if is_home_bucket else HistorianSettings(flush_readings=0, keep_superseded_s=0)
    store = opened(settings=own)
    fill(store, frame)
    store.compact(30 * DAY)
    store.vacuum(now=2**60)
    expected = answers(store, listed)
    old = [one for one in store.days() if one.window[1] <= DAY]
    assert store.move(tier, old, lambda _: ()) and store.settle(2**60).n_files == len(old)
    assert answers(store, listed) == expected
    assert store.verify(recorder.chunks(), steps=recorder.steps()) == []
    at = [name for name in names(bucket) if "1970-01-01" in name]
    assert len(at) == 2 and all(name.startswith("archive/") for name in at)
    store.close()
    for path in (store._folder / "cache").rglob("*.parquet"):
        path.unlink()
    monkeypatch.setenv("GOLDENBATCH_TIER_COLD_ONE_AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = opened(settings=own)
    assert listed(store.read(["x/1"], (DAY, 2 * DAY)))
    with pytest.raises(UnreachableError, match="1970-01-01 lie in tier 'cold-one' at s3://"):
        store.read(["x/1"], (0, DAY))
    assert any("tier 'cold-one'" in one.message for one in store.verify(recorder.chunks()))
    monkeypatch.delenv("GOLDENBATCH_TIER_COLD_ONE_AWS_ENDPOINT_URL")
    store.close()
    store = opened(settings=own)
    assert answers(store, listed) == expected
    key = next(name for name in at if "number" in name)
    whole = bucket.get_object(Bucket="readings", Key=key)["Body"].read()
    bucket.put_object(Bucket="readings", Key=key, Body=whole[:-1] + b"!")
    assert any(key in one.where for one in store.verify(recorder.chunks()))


def test_tables_of_a_folder_go_into_an_empty_bucket_only(bucket, opened, frame, listed, recorder):
    store = opened()
    fill(store, frame)
    expected = answers(store, listed)
    store.close()
    n_put = put_tables(store._folder, "s3://readings/site2")
    assert n_put == len([name for name in names(bucket) if name.startswith("site2/")]) > 8
    store = opened()
    assert answers(store, listed) == expected
    assert store.verify(recorder.chunks()) == []
    other = opened(store._folder.with_name("other"), recorder=None)
    fill(other, frame)
    other.close()
    from goldenbatch.core.errors import ConflictError

    with pytest.raises(ConflictError, match="holds a table already"):
        put_tables(other._folder, "s3://readings/site2")
    assert list((other._folder / "number").rglob("*.parquet"))
