"""The checks of pages pass what conforms and name what does not."""

from __future__ import annotations

import types

import pytest

from goldenbatch.core.capability import Capability, Offer
from goldenbatch.testing import NonConformityError, page_checks
from goldenbatch.testing._page_checks import require_plain
from goldenbatch.ui.web.pages import Group, Page


def nothing(*_):
    """Load or show nothing."""


def capability(monkeypatch, *pages):
    module = types.ModuleType("gbx_some_pages")
    for at, one in enumerate(pages):
        setattr(module, f"P{at}", one)
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    offers = tuple(Offer(f"p{at}", f"gbx_some_pages:P{at}", "x") for at in range(len(pages)))
    return Capability("partner", "Partner", "bronze", pages=offers)


def faults(made):
    found = []
    for check in page_checks(made):
        if "light to import" in check.name:
            continue  # the module is made here and lies nowhere
        try:
            check.run()
        except NonConformityError as error:
            found.append(str(error))
    return " ".join(found)


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([Page("/partner/a", "A", Group.QUALITY, nothing, nothing)], ""),
        ([Page("/other/a", "A", Group.QUALITY, nothing, nothing)], "does not begin"),
        ([Page("/partnership", "A", Group.QUALITY, nothing, nothing)], "does not begin"),
        ([Page("/partner/a", "A", Group.QUALITY, nothing, nothing)] * 2, "stands twice"),
        ([Page("/partner/{of}", "A", Group.QUALITY, nothing, nothing)], "in the menu"),
        ([Page("/partner/A b", "A", Group.QUALITY, nothing, nothing)], "is no path"),
        ([Page("/partner/a", "", Group.QUALITY, nothing, nothing)], "no title"),
        (["no page"], "is no Page"),
    ],
)
def test_pages_conform_or_are_told_why_not(monkeypatch, pages, told):
    made = capability(monkeypatch, *pages)
    if pages == ["no page"]:
        with pytest.raises(NonConformityError, match=told):
            next(one for one in page_checks(made) if "is one" in one.name).run()
        return
    assert (told in faults(made)) if told else faults(made) == ""


def test_data_must_be_plain():
    require_plain({"a": [1, 2.0, None, ("x",)]}, "here")
    with pytest.raises(NonConformityError, match="no plain data"):
        require_plain({"a": object()}, "here")
    with pytest.raises(NonConformityError, match="no plain data"):
        require_plain([nothing], "here")
