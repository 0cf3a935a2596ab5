"""Clauses of guidance: every named test is there, nothing is called met without one."""

from __future__ import annotations

import pytest

from goldenbatch.core.requirements import shipped_pack
from tests.docs import clauses

DATA = clauses.load()


@pytest.mark.parametrize("clause", DATA.clause, ids=lambda one: one.id)
def test_every_named_test_is_there(clause):
    assert clause.tests, f"{clause.id} names no test"
    for name in clause.tests:
        file, _, test = name.partition("::")
        assert test in clauses.tests_in(file), f"{clause.id}: {name} is not there"


@pytest.mark.parametrize("clause", DATA.clause, ids=lambda one: one.id)
def test_what_is_met_in_part_says_what_is_not(clause):
    assert clause.gap or clause.met == "yes", f"{clause.id} is {clause.met} and says no gap"


def test_sources_and_clauses_are_named_once():
    sources = [one.id for one in DATA.source]
    assert len(set(sources)) == len(sources)
    assert {one.source for one in DATA.clause} == set(sources)
    ids = [one.id for one in DATA.clause]
    assert len(set(ids)) == len(ids)


def test_annex_22_is_that_of_the_pack():
    """The same clauses under the same numbers and date: one cannot change without the other."""
    pack = shipped_pack("annex22-draft-2025")
    ours = {one.id: one.clause for one in DATA.of("annex22")}
    assert ours == {one.id: one.clause for one in pack.requirements}
    (source,) = [one for one in DATA.source if one.id == "annex22"]
    assert source.dated == pack.dated
    assert source.status.startswith(pack.status)


def test_a_test_that_is_gone_is_seen():
    assert "test_a_test_that_is_gone_is_seen" in clauses.tests_in("tests/docs/test_clauses.py")
    assert "test_nothing" not in clauses.tests_in("tests/docs/test_clauses.py")
    assert not clauses.tests_in("tests/docs/test_nothing.py")
