"""Homes of older forms still open, verify and go on; see tests/fixtures/legacy/make.py."""

from __future__ import annotations

import shutil

import pytest
from tests.fixtures.legacy.make import HERE, START, unpack

from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.records import NewEvent
from goldenbatch.runtime.local import LocalSite

FORMS = sorted(folder.name for folder in HERE.iterdir() if (folder / "home.json").exists())


def test_there_is_a_fixture_of_each_form_and_it_is_small():
    assert {"form1", "form2"} <= set(FORMS)
    assert all((HERE / form / "home.json").stat().st_size < 200_000 for form in FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_an_old_home_opens_verifies_and_goes_on(form, tmp_path):
    home = tmp_path / "home"
    unpack(form, home)
    untouched = tmp_path / "untouched"
    shutil.copytree(home, untouched)
    clock = lambda: START + 1_000_000_000  # noqa: E731
    with LocalSite.open(untouched, clock=clock, read_only=True) as site:
        before = [(event.seq, event.leaf, event.body) for event in site.ledger.events()]
        # Projections that are younger than the home are not stored in it yet.
        found = [p for p in site.ledger.verify() if not p.is_note]
        assert [p for p in found if "opening the home rebuilds it" not in p.message] == []
    with LocalSite.open(home, clock=clock) as site:
        now = [(event.seq, event.leaf, event.body) for event in site.ledger.events()]
        assert now[: len(before)] == before
        # Its signing settings were on no record yet; the first opening takes them down.
        (found_settings,) = list(site.ledger.events(len(before)))
        assert found_settings.kind == "SigningSettingsAdopted"
        assert [row["batch"] for row in site.ledger.select("batch")] == [f"B{i}" for i in range(5)]
        old = site.ledger.checkpoints()[-1]
        made = BatchCreated(batch="B9", product="tablet")
        site.ledger.append([NewEvent("batch/B9", made, 0, "u-1")])
        site.ledger.append([NewEvent("batch/B0", BatchCreated(batch="B0", product="x"), 2, "u-1")])
        assert site.ledger.consistency(old.size)
        assert site.ledger.root(old.size) == old.root
        assert [p for p in site.ledger.verify() if not p.is_note] == []
    with LocalSite.open(home, clock=clock, read_only=True) as site:
        assert site.ledger.head() == len(before) + 3
        assert [p for p in site.ledger.verify() if not p.is_note] == []
