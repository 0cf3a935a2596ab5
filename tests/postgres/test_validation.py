"""A home on PostgreSQL is qualified on PostgreSQL: installation, and operation in scratch homes."""

from __future__ import annotations

import os

import psycopg
import pytest
from gbx_bench import PLANT

from goldenbatch.core.records import HomeKind
from goldenbatch.runtime._iq_database import database_items
from goldenbatch.runtime._oq_checks import CHECKS, run_checks
from goldenbatch.runtime._validation_iq import qualify_installation
from goldenbatch.runtime.home import HomeSettings, create_home
from goldenbatch.runtime.local import LocalSite

OF_THE_DATABASE = (
    "altered-record-named", "deleted-tail-named", "ledger-only-adds", "concurrent-append-one-wins",
)  # fmt: skip
CHOSEN = tuple(CHECKS) if "GOLDENBATCH_EXAMPLES" in os.environ else OF_THE_DATABASE


@pytest.fixture
def site(tmp_path, cheap_hashes):
    given = HomeSettings("V", "site", PLANT, kind=HomeKind.VALIDATION)
    create_home(tmp_path / "home", given)
    with LocalSite.open(tmp_path / "home") as opened:
        yield opened


def n_schemas(admin):
    with psycopg.connect(admin) as connection:
        sql = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'gb_oq_%'"
        return connection.execute(sql).fetchone()[0]


@pytest.mark.timeout(600)
def test_operation_is_qualified_in_scratch_homes_on_the_server(site, postgres):
    assert set(OF_THE_DATABASE) <= set(CHECKS)
    found = run_checks(site, CHOSEN, scratch=postgres)
    bad = [(one.name, one.evidence) for one in found if one.outcome == "failed"]
    assert not bad
    assert sum(one.outcome == "passed" for one in found) >= len(CHOSEN) - 3
    (only_adds,) = (one for one in found if one.name == "ledger-only-adds")
    assert (
        "permission denied" in only_adds.evidence and "the ledger only adds" in only_adds.evidence
    )
    assert n_schemas(postgres) == 0


def test_the_server_is_qualified(site, schemas):
    rows = list(database_items(site, has_scratch=True))
    assert [row for row in rows if not row[3]] == []
    names = [row[0] for row in rows]
    assert "PostgreSQL, fsync" in names and "PostgreSQL, synchronous_commit" in names
    with schemas.owner(site.settings.ledger.url) as owner:
        owner.execute("GRANT UPDATE ON event TO goldenbatch_test_app")
    (bad,) = (row for row in database_items(site, has_scratch=True) if not row[3])
    assert "table event" in bad[2]


def test_checks_on_files_do_not_qualify_a_home_on_the_server(site):
    installation = qualify_installation(site)
    failed = [one for one in installation.items if one.outcome == "failed"]
    assert [one.name for one in failed] == ["PostgreSQL, scratch homes of the checks"]
    assert "--scratch" in failed[0].found
