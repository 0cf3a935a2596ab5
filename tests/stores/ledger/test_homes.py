"""A whole home whose ledger lies in PostgreSQL."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import pytest
from tests.fixtures.legacy.make import PLANT, START

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.config import load_settings
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite
from goldenbatch.runtime.verify import verify


def test_a_home_on_postgresql_is_made_used_and_verified(schema, tmp_path, monkeypatch):
    parts = urlsplit(schema.url)
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{parts.username}@{host}"))
    monkeypatch.setenv("PGPASSWORD", parts.password)
    home = tmp_path / "home"
    clock = lambda: START  # noqa: E731
    given = HomeSettings("Server", "alpha", PLANT, more={"ledger": {"url": url}})
    create_home(home, given, clock=clock)
    assert load_settings(home).ledger.url == url
    assert not (home / "ledger" / "ledger.sqlite").exists()
    with LocalSite.open(home, clock=clock) as site:
        made = BatchCreated(batch="B1", product="tablet")
        site.ledger.append([NewEvent("batch/B1", made, 0, "u-1")])
        assert [row["batch"] for row in site.ledger.select("batch")] == ["B1"]
        assert site.ledger.rebuild("batch") == 1 and site.ledger.check_projections() == []
    report = verify(home)
    assert [p for p in report.problems if not p.is_note] == []
    assert report.counts["events"] == 4


@pytest.mark.parametrize(
    "url", ["postgresql://u:secret@h/db", "postgresql://u@h/db?password=x", "mysql://u@h/db"]
)
def test_a_password_never_stands_in_the_settings(url):
    with pytest.raises(BadInputError, match="ledger"):
        HomeSettings("Server", "alpha", PLANT, more={"ledger": {"url": url}}).settings()
