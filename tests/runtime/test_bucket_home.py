"""A home whose tables of readings lie in a bucket: backed up, drilled, restored, archived."""

from __future__ import annotations

import pytest
from gbx_bench import TEMP
from gbx_retention import faults, made
from tests import s3

from goldenbatch.core.config import load_settings, save_settings
from goldenbatch.core.errors import IntegrityError
from goldenbatch.runtime.archive import archive, check_archive
from goldenbatch.runtime.backup import backup, drill, restore
from goldenbatch.runtime.local import LocalSite

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


def keys(bucket, prefix):
    found = bucket.list_objects_v2(Bucket="readings", Prefix=prefix).get("Contents", [])
    return [one["Key"] for one in found]


@pytest.fixture
def in_bucket(bench, bucket):
    """An open home with a batch, its tables in a bucket."""
    settings = load_settings(bench.path)
    where = settings.historian.model_copy(update={"tables_url": "s3://readings/plant"})
    save_settings(bench.path, settings.model_copy(update={"historian": where}))
    with bench.open() as site:
        made(bench, site, "B1")
        start = site.windows("B1")[0][0]
        for n in range(3):
            bench.write(site, [(start + n, 20.0 + n), (start + 3 * DAY + n, 5.0)])
            site.flush()
        yield site


def read(site):
    start = site.windows("B1")[0][0]
    return site.historian.read([TEMP], (start, start + 4 * DAY)).values().tolist()


def test_backup_drill_restore_into_a_folder_and_into_another_bucket(in_bucket, bucket, tmp_path):
    expected, vault = read(in_bucket), tmp_path / "backups"
    assert len(expected) == 6 and faults(in_bucket) == []
    answer = backup(in_bucket, vault)
    assert any("lay in s3://readings/plant" in one for one in answer["notes"])
    found = drill(in_bucket, vault)
    assert found.problems == ()
    for key in keys(bucket, "plant/number/date="):  # the bucket is lost
        bucket.delete_object(Bucket="readings", Key=key)
    done = restore(vault, tmp_path / "again")
    assert done.problems == ()
    assert load_settings(tmp_path / "again").historian.tables_url == ""
    assert not (tmp_path / "again" / "historian" / "tables.json").exists()
    done = restore(vault, tmp_path / "other", tables="s3://readings/new")
    assert done.problems == () and len(keys(bucket, "new/number/date=")) == 6
    assert load_settings(tmp_path / "other").historian.tables_url == "s3://readings/new"
    assert not list((tmp_path / "other" / "historian" / "number").rglob("*.parquet"))
    for name in ("again", "other"):
        home = tmp_path / name
        for path in (in_bucket.path / "keys").iterdir():
            (home / "keys" / path.name).write_bytes(path.read_bytes())
        (home / "keys" / "home.pem").chmod(0o600)
        with LocalSite.open(home, clock=in_bucket.clock) as site:
            assert read(site) == expected and faults(site) == []


def test_a_changed_object_is_neither_verified_nor_backed_up(in_bucket, bucket, tmp_path):
    read(in_bucket)  # it is in the cache as it was
    key = keys(bucket, "plant/number/date=")[0]
    whole = bucket.get_object(Bucket="readings", Key=key)["Body"].read()
    bucket.put_object(Bucket="readings", Key=key, Body=whole[:-1] + b"!")
    assert any(key in one for one in faults(in_bucket))
    with pytest.raises(IntegrityError, match="is not what was written"):
        backup(in_bucket, tmp_path / "backups")
    assert not (tmp_path / "backups" / "snapshots").exists()


def test_the_archive_of_a_batch_from_a_bucket(in_bucket, tmp_path):
    done = archive(in_bucket, "B1", tmp_path / "archive")
    assert done.n_readings > 0 and check_archive(tmp_path / "archive") == []
