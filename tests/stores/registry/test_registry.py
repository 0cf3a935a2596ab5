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

from goldenbatch.core.artefacts import DOCUMENT_TYPES
from goldenbatch.core.errors import BadInputError, ConflictError, IntegrityError, NotFoundError
from goldenbatch.stores.registry import ArtefactRefusedError, Registry

LINEAR = "application/vnd.goldenbatch.linear+json"


def name_of(digest):
    return f"sha256/{digest[:2]}/{digest[2:]}"


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=2000), media_type=st.sampled_from(sorted(DOCUMENT_TYPES)))
def test_what_was_put_comes_back(registry, content, media_type):
    digest = registry.put(content, media_type)
    assert digest == hashlib.sha256(content).hexdigest()
    assert registry.get(digest) == content
    assert registry.check() == []


def test_layout_and_same_content_again(stored):
    digest = stored.registry.put(b"abc", "text/plain")
    name = name_of(digest)
    assert stored.names() == [name, f"{name}.json"] or stored.names()[1:] == [name, f"{name}.json"]
    assert stored.read(name) == b"abc"
    stored.write(f"{name}.gone", b"left by a crash")
    assert stored.registry.put(b"abc", "text/plain") == digest
    assert stored.read(f"{name}.gone") == b"left by a crash"  # nothing was written again
    assert stored.registry.media_type(digest) == "text/plain"


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


def test_any_changed_byte_is_named(stored):
    registry = stored.registry
    digest = registry.put(b"content", "text/csv")
    whole = registry.put(b"other", "text/csv")
    for name in (name_of(digest), f"{name_of(digest)}.json"):
        data = stored.read(name)
        for place in range(0, len(data), 1 if not registry.url else 29):
            stored.write(name, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            assert registry.check() == [digest], (name, place)
        stored.write(name, data)
    stored.write(name_of(digest), b"Content")
    with pytest.raises(IntegrityError, match=digest[2:]):
        registry.get(digest)
    with pytest.raises(IntegrityError, match=digest):
        registry.put(b"content", "text/csv")
    assert registry.get(whole) == b"other"


def test_missing_parts_are_named(stored):
    registry = stored.registry
    first, second = registry.put(b"1", "text/csv"), registry.put(b"2", "text/csv")
    stored.remove(name_of(first))
    stored.remove(f"{name_of(second)}.json")
    assert registry.check() == sorted([first, second])
    with pytest.raises(NotFoundError, match=first):
        registry.get(first)
    with pytest.raises(IntegrityError, match="media type"):
        registry.media_type(second)
    # A crash between content and type leaves just this; the same put again completes it.
    registry.put(b"2", "text/csv")
    assert registry.check() == [first]


def test_what_is_approved_is_loaded_and_nothing_else(stored):
    registry = stored.registry
    content = b'{"intercept": [1.0]}'
    digest = registry.put(content, LINEAR)
    assert registry.get_approved(digest, LINEAR) == content
    with pytest.raises(IntegrityError, match="what was approved is application/onnx"):
        registry.get_approved(digest, "application/onnx")
    other = registry.put(b'{"intercept": [2.0]}', LINEAR)
    # Swapped on the disk, together with its own type and seal.
    stored.write(name_of(digest), stored.read(name_of(other)))
    with pytest.raises(IntegrityError, match="is not what was put"):
        registry.get_approved(digest, LINEAR)
    stored.write(name_of(digest), content)
    stored.write(f"{name_of(digest)}.json", stored.read(f"{name_of(other)}.json"))
    with pytest.raises(IntegrityError, match="media type"):
        registry.get_approved(digest, LINEAR)
    with pytest.raises(NotFoundError):
        registry.get_approved("0" * 64, LINEAR)


def test_a_document_becomes_a_model_and_a_model_stays_what_it_is(registry):
    digest = registry.put(b'{"a": 1}', "application/json")
    registry.put(b'{"a": 1}', LINEAR)
    assert registry.media_type(digest) == LINEAR
    registry.put(b'{"a": 1}', "application/json")
    assert registry.media_type(digest) == LINEAR
    with pytest.raises(ConflictError, match="stored already"):
        registry.put(b'{"a": 1}', "application/vnd.goldenbatch.other+json")
    assert registry.check() == []


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


def test_what_was_deleted_says_on_whose_word(stored):
    registry = stored.registry
    digest = registry.put(b"a list of patients", "text/plain")
    kept = registry.put(b"a list of tablets", "text/plain")
    assert registry.delete(digest, "deletion D-7") == len(b"a list of patients")
    assert registry.delete(digest, "deletion D-8") == 0
    with pytest.raises(NotFoundError, match="was deleted under deletion D-7"):
        registry.get(digest)
    assert registry.deleted() == {digest: "deletion D-7"}
    assert list(registry.digests()) == [kept]
    assert registry.check() == []
    assert not any(b"patients" in stored.read(name) for name in stored.names())
    with pytest.raises(NotFoundError, match="is not in the registry"):
        registry.delete("0" * 64, "x")


def test_what_is_put_again_after_its_deletion_is_there_again(registry):
    digest = registry.put(b"abc", "text/plain")
    registry.delete(digest, "deletion D-7")
    assert registry.put(b"abc", "text/plain") == digest
    assert registry.get(digest) == b"abc"
    assert registry.deleted() == {}


def test_a_deletion_that_was_cut_short_is_finished(stored):
    registry = stored.registry
    digest = registry.put(b"abc", "text/plain")
    stored.write(f"{name_of(digest)}.gone", b'{"why": "deletion D-7"}\n')
    assert registry.get(digest) == b"abc"
    assert registry.delete(digest, "deletion D-7") == 3
    with pytest.raises(NotFoundError, match="D-7"):
        registry.get(digest)


# ---- places -----------------------------------------------------------------------------------


def test_the_place_is_settled_once(bucket, tmp_path):
    folder = tmp_path / "registry"
    digest = Registry(folder, "s3://models/site1/").put(b"abc", "text/plain")
    assert not (folder / "sha256").exists()
    assert Registry(folder).get(digest) == b"abc"  # the folder knows where they are
    assert Registry(folder).url == "s3://models/site1"
    assert Registry.open("s3://models/site1").get(digest) == b"abc"
    with pytest.raises(BadInputError, match=r"lie in s3://models/site1, not in s3://models/other"):
        Registry(folder, "s3://models/other")
    (folder / "place.json").write_bytes(b"{")
    with pytest.raises(IntegrityError, match=r"place\.json"):
        Registry(folder)


def test_artefacts_are_moved_and_never_left_behind(bucket, tmp_path):
    registry = Registry(tmp_path)
    kept, gone = registry.put(b"abc", "text/plain"), registry.put(b"def", "text/plain")
    registry.delete(gone, "deletion D-7")
    with pytest.raises(BadInputError, match="lie in that folder"):
        Registry(tmp_path, "s3://models/site1")
    assert registry.move("s3://models/site1") == 3
    assert registry.url == "s3://models/site1"
    again = Registry(tmp_path, "s3://models/site1")
    assert again.get(kept) == b"abc"
    assert again.deleted() == {gone: "deletion D-7"}
    assert not list(tmp_path.glob("sha256/*/*"))  # a later deletion would not reach them
    assert again.move("s3://models/site1/") == 3
    with pytest.raises(ConflictError, match="without a folder"):
        Registry.open("s3://models/site1").move("")
    digest = again.put(b"later", "text/plain")
    assert again.move("") == 5
    assert Registry(tmp_path).get(digest) == b"later"
    assert Registry(tmp_path).url == ""


def test_a_bucket_that_is_not_there_is_said_and_keeps_nothing(bucket, tmp_path):
    registry = Registry(tmp_path, "s3://nobodys/site1")
    with pytest.raises(ArtefactRefusedError, match="s3://nobodys/site1"):
        registry.put(b"abc", "text/plain")


def test_a_server_that_does_not_answer_is_said_in_one_line(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ArtefactRefusedError, match="cannot be reached") as caught:
        Registry(tmp_path, "s3://models/site1").get("0" * 64)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_objects_of_others_in_the_bucket_are_no_artefacts(bucket, tmp_path):
    registry = Registry(tmp_path, "s3://models/site1")
    digest = registry.put(b"abc", "text/plain")
    for key in ("site1/readme.txt", "site1/sha256/readme.txt", "site10/sha256/ab/" + "c" * 62):
        bucket.put_object(Bucket="models", Key=key, Body=b"x")
    assert list(registry.digests()) == [digest]
    assert registry.check() == []


def test_large_artefacts_come_back_from_a_bucket_whole(bucket, tmp_path):
    registry = Registry(tmp_path, "s3://models/site1")
    content = bytes(range(256)) * (80 << 10)  # 20 MiB: more than one part
    assert registry.get(registry.put(content, "image/tiff")) == content
