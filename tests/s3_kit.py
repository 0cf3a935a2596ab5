"""A server that speaks S3, and an empty bucket named `models` in it, for those who ask for them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest


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
