"""A registry in a folder and one in a bucket, held to the same tests."""

from __future__ import annotations

import pytest
from tests.s3_kit import bucket, s3_server

from goldenbatch.stores.registry import Registry

__all__ = ["bucket", "s3_server"]


class InFolder:
    """Bytes of a registry as they lie in a folder."""

    def __init__(self, root):
        self.root = root
        self.registry = Registry(root)

    def names(self):
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.is_file()
        )

    def read(self, name):
        return (self.root / name).read_bytes()

    def write(self, name, data):
        (self.root / name).write_bytes(data)

    def remove(self, name):
        (self.root / name).unlink()


class InBucket:
    """Bytes of a registry as they lie in a bucket."""

    def __init__(self, client, root):
        self.client = client
        self.registry = Registry(root, "s3://models/site1")

    def names(self):
        found = self.client.list_objects_v2(Bucket="models").get("Contents", [])
        return sorted(one["Key"].removeprefix("site1/") for one in found)

    def read(self, name):
        return self.client.get_object(Bucket="models", Key=f"site1/{name}")["Body"].read()

    def write(self, name, data):
        self.client.put_object(Bucket="models", Key=f"site1/{name}", Body=data)

    def remove(self, name):
        self.client.delete_object(Bucket="models", Key=f"site1/{name}")


@pytest.fixture(params=["folder", "bucket"])
def stored(request, tmp_path):
    """The registry and what of it lies in the store."""
    if request.param == "folder":
        return InFolder(tmp_path / "registry")
    return InBucket(request.getfixturevalue("bucket"), tmp_path / "registry")


@pytest.fixture
def registry(stored):
    return stored.registry
