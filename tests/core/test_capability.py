"""Capabilities: pure data whose targets are imported only when they are used."""

from __future__ import annotations

import sys

import pytest

from goldenbatch.core.capability import Capability, Offer
from goldenbatch.core.errors import NotFoundError

CAPABILITY = Capability(
    name="demo",
    title="Demo",
    tier="bronze",
    analysts=(
        Offer("dumps", "json:dumps", "Writes JSON."),
        Offer("nowhere", "no_such_module_at_all:x", "Points nowhere."),
        Offer("gone", "json:no_such_name", "Points to a name that is gone."),
    ),
)


def test_an_offer_is_found_by_name_and_loaded():
    import json

    assert CAPABILITY.offer("analysts", "dumps").load() is json.dumps


def test_a_manifest_imports_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    Capability("lazy", "Lazy", "bronze", analysts=(Offer("zen", "this:s", "Not imported."),))
    assert "this" not in sys.modules


@pytest.mark.parametrize("name", ["nowhere", "gone"])
def test_a_target_that_cannot_be_loaded_names_the_offer(name):
    with pytest.raises(NotFoundError, match=f"'{name}' points to"):
        CAPABILITY.offer("analysts", name).load()


def test_an_unknown_offer_lists_what_there_is():
    with pytest.raises(NotFoundError, match=r"demo\.dumps, demo\.nowhere"):
        CAPABILITY.offer("analysts", "other")
    with pytest.raises(NotFoundError, match="It has: none"):
        CAPABILITY.offer("trials", "other")
