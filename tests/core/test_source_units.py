"""Units that sources state: which are the same, and what becomes of one that changes."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.acquisition import ConnectionCard, GapCause
from goldenbatch.core.errors import VersionConflictError
from goldenbatch.core.plant import parse_plant
from goldenbatch.core.source_units import UnitBook, as_ucum, is_same_unit, plant_unit

PLANT = """
name = "P"
version = "1"
[[places]]
path = "site"
level = "site"
[[tags]]
name = "site/force"
unit = "kN"
[[tags]]
name = "site/count"
[[tags]]
name = "site/odd"
unit = "{widgets}"
"""


class Kept:
    """An outlet on lists, whose store fails as often as it is told to."""

    def __init__(self):
        self.events, self.gaps, self.positions, self.told, self.n_failures = [], [], {}, {}, 0

    async def deliver(self, frames, positions=None):
        self.positions |= positions or {}

    def position(self, key):
        return self.positions.get(key, "")

    def version(self, stream):
        return len(self.events)

    async def record(self, events):
        if self.n_failures:
            self.n_failures -= 1
            raise VersionConflictError(events[0].stream, 0, 1)
        self.events += events

    async def gap(self, gap):
        self.gaps.append(gap)

    def health(self, signal, value):
        self.told[signal] = value

    def select(self, projection, where):
        return []


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("kN", "kN", True), ("kN", "N", False), ("°C", "Cel", True), ("Cel", "K", False),
        ("1/min", "/min", True), ("Pa", "N/m2", True), ("bar", "kPa", False), ("m", "kg", False),
        ("widgets", "widgets", True), ("widgets", "gadgets", False), ("widgets", "kN", False),
    ],
)  # fmt: skip
def test_units_are_the_same_if_no_value_changes(one, other, is_same):
    assert is_same_unit(one, other) is is_same
    assert is_same_unit(other, one) is is_same


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_text_makes_a_unit_that_a_plant_takes(text):
    made = plant_unit(text)
    assert made == "" or as_ucum(made) == made


def test_the_plant_says_what_a_unit_is_unless_it_says_nothing():
    book = UnitBook("press", parse_plant(PLANT), {}, lambda _: "", {})
    assert book.tag_of("site/force", "N", 1).startswith("quarantine/press/site/force/")
    assert book.tag_of("site/force", "", 2).startswith("quarantine/")
    assert book.tag_of("site/force", "kN", 3) == "site/force"
    for tag in ("site/count", "site/odd", "site/none"):  # nothing is said: the source may say it
        assert book.tag_of(tag, "bar", 4) == tag
        assert book.tag_of(tag, "Pa", 5) != tag


def test_what_changed_is_recorded_once_and_remembered():
    card = ConnectionCard(name="press", connector="x")
    outlet = Kept()
    book = UnitBook.of(card, None, outlet)
    book.tag_of("t", "kN", 10)
    asyncio.run(book.tell(outlet))
    assert outlet.positions == {"unit/t": "kN"} and outlet.events == []
    again = UnitBook.of(card, None, outlet)  # after a restart
    again.tag_of("t", "N", 20)
    again.tag_of("t", "N", 30)
    outlet.n_failures = 2  # somebody else appends in between
    asyncio.run(again.tell(outlet))
    (event,) = outlet.events
    assert (event.stream, event.actor, event.body.at) == ("unit/press", "source/press", 20)
    assert outlet.told["tags_in_other_units"] == 1.0
    again.tag_of("t", "kN", 40)
    asyncio.run(again.tell(outlet))
    assert [gap.window for gap in outlet.gaps] == [(20, 21), (20, 40)]
    assert {gap.cause for gap in outlet.gaps} == {GapCause.REJECTED}


def test_what_the_store_does_not_take_is_told_again():
    outlet = Kept()
    book = UnitBook("press", None, {"t": "kN"}, lambda _: "", {})
    book.tag_of("t", "N", 20)

    async def fails(events):
        raise OSError("disk")

    whole, outlet.record = outlet.record, fails
    with pytest.raises(OSError, match="disk"):
        asyncio.run(book.tell(outlet))
    outlet.record = whole
    asyncio.run(book.tell(outlet))
    assert len(outlet.events) == 1 and book.events == []
