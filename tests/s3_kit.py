"""An empty bucket named `models` at an S3 server, as fixtures for those who ask for them."""

from __future__ import annotations

import pytest

from tests import s3


@pytest.fixture(scope="session")
def s3_server():
    """Address of a server of its own."""
    with s3.serving() as url:
        yield url


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """A client of the bucket; the environment reaches it."""
    for name, value in s3.environment(s3_server).items():
        monkeypatch.setenv(name, value)
    with s3.bucket_at(s3_server, "models") as client:
        yield client
