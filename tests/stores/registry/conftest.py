"""A registry in a folder and one in a bucket, held to the same tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from goldenbatch.stores.registry import Registry


@pytest.fixture(scope="session")
def s3_server():
    """moto as the S3 peer, in a process of its own: the client holds Python's lock as it waits."""
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
def bucket(s3_server, monkeypatch):
    import boto3

    values = {
        "AWS_ENDPOINT_URL": s3_server, "AWS_ALLOW_HTTP": "true", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_server)
    client.create_bucket(
        Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="models"):
        for one in page.get("Contents", []):
            client.delete_object(Bucket="models", Key=one["Key"])
    client.delete_bucket(Bucket="models")


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
