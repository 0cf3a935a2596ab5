"""The registry keeps what was put, or says that it does not."""

from __future__ import annotations

import hashlib
import pickle
import resource
import subprocess
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError, IntegrityError, NotFoundError
from goldenbatch.stores.registry import MEDIA_TYPES, Registry


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry")


def file_of(registry, digest):
    return registry._path(digest)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=2000), media_type=st.sampled_from(sorted(MEDIA_TYPES)))
def test_what_was_put_comes_back(registry, content, media_type):
    digest = registry.put(content, media_type)
    assert digest == hashlib.sha256(content).hexdigest()
    assert registry.get(digest) == content
    assert registry.check() == []


def test_layout_and_same_content_again(registry, tmp_path):
    digest = registry.put(b"abc", "text/plain")
    path = tmp_path / "registry" / "sha256" / digest[:2] / digest[2:]
    assert path.read_bytes() == b"abc"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    assert registry.put(b"abc", "text/plain") == digest
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert registry.media_type(digest) == "text/plain"
    assert not list(path.parent.glob(".*"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_no_pickle_under_any_name(registry, protocol):
    data = pickle.dumps({"a": 1}, protocol=protocol)
    with pytest.raises(BadInputError, match="pickle"):
        registry.put(data, "application/json")


@pytest.mark.parametrize("media_type", ["application/x-pickle", "application/octet-stream", ""])
def test_unknown_media_types_are_refused(registry, media_type):
    with pytest.raises(BadInputError, match="not kept"):
        registry.put(b"1", media_type)
    assert list(registry.digests()) == []


def test_own_json_types_are_kept(registry):
    digest = registry.put(b"{}", "application/vnd.goldenbatch.pls+json")
    assert registry.media_type(digest) == "application/vnd.goldenbatch.pls+json"


def test_any_changed_byte_is_named(registry):
    digest = registry.put(b"content", "text/csv")
    whole = registry.put(b"other", "text/csv")
    content = file_of(registry, digest)
    sidecar = registry._sidecar(content)
    for path in (content, sidecar):
        data = path.read_bytes()
        for place in range(len(data)):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            assert registry.check() == [digest], (path, place)
        path.write_bytes(data)
    content.write_bytes(b"Content")
    with pytest.raises(IntegrityError, match=digest):
        registry.get(digest)
    with pytest.raises(IntegrityError, match=digest):
        registry.put(b"content", "text/csv")
    assert registry.get(whole) == b"other"


def test_missing_parts_are_named(registry):
    first, second = registry.put(b"1", "text/csv"), registry.put(b"2", "text/csv")
    file_of(registry, first).unlink()
    registry._sidecar(file_of(registry, second)).unlink()
    assert registry.check() == sorted([first, second])
    with pytest.raises(NotFoundError, match=first):
        registry.get(first)
    with pytest.raises(IntegrityError, match="media type"):
        registry.media_type(second)
    # A crash between content and type leaves just this; the same put again completes it.
    registry.put(b"2", "text/csv")
    assert registry.check() == [first]


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "AB" * 32, "a" * 63])
def test_what_is_no_digest_is_refused(registry, digest):
    with pytest.raises(BadInputError, match="SHA-256"):
        registry.get(digest)


def test_many_writers_of_the_same_content(registry):
    contents = [bytes([i % 5]) * 1000 for i in range(40)]
    threads = [threading.Thread(target=registry.put, args=(c, "text/plain")) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.check() == []
    assert len(list(registry.digests())) == 5


def test_full_disk_keeps_nothing_of_it(tmp_path):
    code = f"""
import resource, sys
from goldenbatch.stores.registry import Registry
from goldenbatch.stores.registry.registry import ArtefactRefusedError
registry = Registry({str(tmp_path)!r})
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
try:
    registry.put(b"x" * 100_000, "text/plain")
except ArtefactRefusedError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert list(registry.digests()) == [] and registry.check() == []
registry.put(b"x" * 100_000, "text/plain")
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "nothing of it was kept" in done.stdout
    assert Registry(tmp_path).check() == []


def test_what_was_deleted_says_on_whose_word(registry, tmp_path):
    digest = registry.put(b"a list of patients", "text/plain")
    kept = registry.put(b"a list of tablets", "text/plain")
    assert registry.delete(digest, "deletion D-7") == len(b"a list of patients")
    assert registry.delete(digest, "deletion D-8") == 0
    with pytest.raises(NotFoundError, match="was deleted under deletion D-7"):
        registry.get(digest)
    assert registry.deleted() == {digest: "deletion D-7"}
    assert list(registry.digests()) == [kept]
    assert registry.check() == []
    found = [path.read_bytes() for path in (tmp_path / "registry").rglob("*") if path.is_file()]
    assert not any(b"patients" in data for data in found)
    with pytest.raises(NotFoundError, match="is not in the registry"):
        registry.delete("0" * 64, "x")


def test_what_is_put_again_after_its_deletion_is_there_again(registry):
    digest = registry.put(b"abc", "text/plain")
    registry.delete(digest, "deletion D-7")
    assert registry.put(b"abc", "text/plain") == digest
    assert registry.get(digest) == b"abc"
    assert registry.deleted() == {}


def test_a_deletion_that_was_cut_short_is_finished(registry, monkeypatch):
    digest = registry.put(b"abc", "text/plain")
    path = file_of(registry, digest)
    registry._tombstone(path).write_bytes(b'{"why": "deletion D-7"}\n')
    assert registry.get(digest) == b"abc"
    assert registry.delete(digest, "deletion D-7") == 3
    with pytest.raises(NotFoundError, match="D-7"):
        registry.get(digest)
