"""A registry in a bucket: what serves is held to its approval there too."""

import pytest
from tests.capabilities.governance import sealed_case as case
from tests.s3_kit import bucket, s3_server

from goldenbatch.core.errors import IntegrityError
from goldenbatch.runtime.moving_registry import move_registry

__all__ = ["bucket", "s3_server"]

USE, ROW = case.USE, {case.TEMP: 37.0, case.PH: 7.0}


@pytest.fixture
def moved(opened, bucket):
    """The home with its artefacts in the bucket, open; and what the model said before."""
    site = opened()
    before, path = site.models.active(USE).predict_one(ROW), site.path
    site.close()
    assert move_registry(path, "s3://models/site1")["to_place"] == "s3://models/site1"
    return opened(), before


def test_the_same_bits_from_a_bucket(moved):
    site, before = moved
    assert site.models.active(USE).predict_one(ROW) == before


@pytest.mark.parametrize("what", ["content", "type", "gone"])
def test_what_was_swapped_in_the_bucket_is_refused(moved, bucket, what):
    site, before = moved
    digest = before.model.digest
    key = f"site1/sha256/{digest[:2]}/{digest[2:]}"
    if what == "content":
        other = site.registry.get(digest).replace(b'"coverage":0.9', b'"coverage":0.8')
        bucket.put_object(Bucket="models", Key=key, Body=other)
    elif what == "type":
        body = b'{"media_type": "application/json", "seal": "0", "size": 1}\n'
        bucket.put_object(Bucket="models", Key=f"{key}.json", Body=body)
    else:
        bucket.delete_object(Bucket="models", Key=key)
    with pytest.raises(IntegrityError, match="the artefact of assay@1") as caught:
        site.models.active(USE)
    assert "Contingency: sample and assay in the laboratory" in caught.value.hint
