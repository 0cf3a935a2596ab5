"""A home whose artefacts lie in a bucket: proved, backed up and cleared like any other."""

from __future__ import annotations

import shutil

import pytest
from gbx_bench import Bench
from gbx_retention import YEAR, approve, faults, imported, notes, propose
from tests.s3_kit import bucket, s3_server

from goldenbatch.core.errors import BadInputError, ConflictError, LockedError, NotFoundError
from goldenbatch.runtime.backup import backup, drill, restore
from goldenbatch.runtime.home import load_home
from goldenbatch.runtime.moving_registry import move_registry
from goldenbatch.runtime.verify import verify
from goldenbatch.stores.registry import ArtefactRefusedError, Registry

__all__ = ["bucket", "s3_server"]

URL = "s3://models/site1"


def keys(client):
    return {one["Key"] for one in client.list_objects_v2(Bucket="models").get("Contents", [])}


@pytest.fixture
def moved(bench, old, bucket):
    """A home with an imported file, moved into the bucket, and open."""
    digest = imported(bench, old)
    old.close()
    assert move_registry(bench.path, URL)["to_place"] == URL
    with bench.open() as site:
        yield site, digest


def test_what_was_deleted_by_two_people_is_gone_from_the_bucket(bench, moved, bucket):
    site, digest = moved
    key = f"site1/sha256/{digest[:2]}/{digest[2:]}"
    assert key in keys(bucket)
    assert not list((bench.path / "registry").glob("*/*/*"))
    assert faults(site) == []
    bench.clock.now += 6 * YEAR
    propose(site, [digest])
    approve(site)
    assert key not in keys(bucket)
    assert faults(site) == []
    assert f"artefact {digest}, was deleted under deletion D-1" in notes(site)


def test_a_backup_holds_what_lies_in_the_bucket_and_never_writes_there(
    bench, moved, bucket, tmp_path
):
    site, digest = moved
    content, before = site.registry.get(digest), keys(bucket)
    said = backup(site, tmp_path / "backups")
    assert any(URL in note for note in said["notes"])
    found = restore(tmp_path / "backups", tmp_path / "again")
    assert found.is_ok, found.problems
    again = Registry(tmp_path / "again" / "registry")
    assert (again.url, again.get(digest)) == ("", content)
    assert load_home(tmp_path / "again").registry.url == ""
    # Deleted after the backup: a drill deletes it again from the copy, and from the copy only.
    bench.clock.now += 6 * YEAR
    propose(site, [digest])
    approve(site)
    kept = site.registry.put(b"later", "text/plain")
    backup(site, tmp_path / "backups")
    after = keys(bucket)
    drilled = drill(site, tmp_path / "backups", name=found.snapshot.name)
    assert drilled.is_ok, drilled.problems
    assert keys(bucket) == after != before
    assert site.registry.get(kept) == b"later"
    other = restore(tmp_path / "backups", tmp_path / "third", name=found.snapshot.name)
    with pytest.raises(NotFoundError, match="D-1"):
        Registry(tmp_path / "third" / "registry").get(digest)
    assert other.is_ok


def test_a_lost_or_changed_object_is_named(bench, moved, bucket, monkeypatch):
    site, digest = moved
    key = f"site1/sha256/{digest[:2]}/{digest[2:]}"
    whole = bucket.get_object(Bucket="models", Key=key)["Body"].read()
    bucket.put_object(Bucket="models", Key=key, Body=whole + b" ")
    assert any(digest in one for one in faults(site))
    bucket.delete_object(Bucket="models", Key=key)
    assert any(digest in one for one in faults(site))
    bucket.put_object(Bucket="models", Key=key, Body=whole)
    assert faults(site) == []
    site.close()
    (bench.path / "registry" / "place.json").write_text('{"url": "s3://nobodys/site1"}')
    with pytest.raises(BadInputError, match="not in s3://models/site1"):
        bench.open()
    report = verify(bench.path)
    assert any("s3://nobodys" in one.message for one in report.problems if not one.is_note)


def test_a_home_begins_in_a_bucket_by_its_settings(bench, bucket):
    path = bench.path / "home.toml"
    path.write_text(path.read_text().replace('[registry]\nurl = ""', f'[registry]\nurl = "{URL}"'))
    assert load_home(bench.path).registry.url == URL
    with bench.open(read_only=True) as site:
        assert site.registry.url == URL
    assert not (bench.path / "registry" / "place.json").exists()
    with bench.open() as site:
        site.registry.put(b"abc", "text/plain")
        assert site.verify().is_ok
    assert len(keys(bucket)) == 2


def test_moves_are_refused_finished_and_undone(bench, old, bucket):
    imported(bench, old)
    with pytest.raises(LockedError):
        move_registry(bench.path, URL)
    old.close()
    with pytest.raises(BadInputError, match="holds a password") as caught:
        move_registry(bench.path, "s3://user:secret@models/x")
    assert "secret" not in str(caught.value)
    with pytest.raises(ArtefactRefusedError):
        move_registry(bench.path, "s3://nobodys/site1")
    assert load_home(bench.path).registry.url == ""
    # Killed when all was copied and the new place settled, and nothing else was done.
    shutil.copytree(bench.path / "registry", bench.path / "kept")
    move_registry(bench.path, URL)
    before = (bench.path / "home.toml").read_text()
    (bench.path / "home.toml").write_text(before.replace(URL, ""))
    shutil.copytree(bench.path / "kept", bench.path / "registry", dirs_exist_ok=True)
    shutil.rmtree(bench.path / "kept")
    with bench.open() as site:
        assert site.registry.url == URL
    assert move_registry(bench.path, URL)["n_objects"] == len(keys(bucket)) > 0
    assert load_home(bench.path).registry.url == URL
    assert not list((bench.path / "registry").glob("*/*/*"))
    bucket.put_object(Bucket="models", Key="site2/sha256/ab/" + "c" * 62, Body=b"x")
    with pytest.raises(ConflictError, match="artefacts of others"):
        move_registry(bench.path, "s3://models/site2")
    assert move_registry(bench.path, "folder")["to_place"] == "folder"
    assert not any(key.startswith("site1/") for key in keys(bucket))
    assert verify(bench.path).is_ok
    assert Bench(bench.path, bench.clock).open().registry.url == ""


def test_a_promotion_goes_from_bucket_to_bucket(chain, bucket):
    from tests.runtime.test_promotion_whole import MODEL, SOP, filled

    filled(chain)
    for kind in ("development", "validation"):
        chain.open(kind).close()
        move_registry(chain.folder / kind, f"s3://models/{kind}")
    path, found = chain.pack("development")
    chain.apply("validation", path, found["public_key"])
    with chain.open("validation") as site:
        held = {site.registry.get(digest) for digest in site.registry.digests()}
        assert {MODEL, SOP} <= held
        assert site.verify().is_ok
    assert any(key.startswith("validation/sha256/") for key in keys(bucket))
