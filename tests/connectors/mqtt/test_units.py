"""Units that Sparkplug births and data state: a tag never holds two of them."""

from __future__ import annotations

import pytest
from tests.connectors.mqtt.test_host import Plant, double, rows

from goldenbatch.connectors.mqtt._proto import DataType
from goldenbatch.connectors.mqtt._values import UNIT_NAMES
from goldenbatch.core.source_units import Open, UnitBook, UnitChanged, UnitRestored

TAG, APART = "site/E1/force", "quarantine/press/site/E1/force/N"


def unit(text, name="engUnit"):
    return {"keys": [name], "values": [{"type": DataType.STRING, "string_value": text}]}


def force(value, stated="", **more):
    properties = {"properties": unit(stated)} if stated else {}
    return double("force", value, alias=3, **properties, **more)


@pytest.fixture
def plant():
    made = Plant()
    made.known = {}
    made.book = UnitBook("press", None, {}, lambda tag: made.known.get(tag, ""), {})
    made.host.know_units(made.book)
    return made


def said(plant):
    plant.known |= plant.book.news
    plant.book.news = {}
    events, plant.book.events = plant.book.events, []
    return events


def tags(out):
    return {tag: value for tag, _, value, _ in rows(out)}


def test_a_rebirth_in_another_unit_goes_apart(plant):
    assert tags(plant.birth(metrics=[force(5.0, "kN")])) == {TAG: 5.0}
    assert said(plant) == []
    assert tags(plant.birth(metrics=[force(5000.0, "N")])) == {APART: 5000.0}
    (event,) = said(plant)
    assert isinstance(event, UnitChanged)
    assert (event.tag, event.expected, event.stated, event.kept_as) == (TAG, "kN", "N", APART)
    out = plant.say("NDATA", 1, [double(alias=3, value=5100.0)])
    assert tags(out) == {APART: 5100.0} and said(plant) == []
    assert tags(plant.birth(metrics=[force(5.2, "kN")])) == {TAG: 5.2}
    (event,) = said(plant)
    assert isinstance(event, UnitRestored)


def test_a_birth_that_states_no_unit_changes_nothing(plant):
    plant.birth(metrics=[force(5.0, "kN")])
    assert tags(plant.birth(metrics=[force(5.1)])) == {TAG: 5.1}
    plant.birth(metrics=[force(5.0, "N")])
    assert tags(plant.birth(metrics=[force(5.1)])) == {APART: 5.1}


@pytest.mark.parametrize("name", UNIT_NAMES)
def test_data_may_state_another_unit(plant, name):
    plant.birth(metrics=[force(5.0, "kN")])
    out = plant.say("NDATA", 1, [double(alias=3, value=5000.0, properties=unit("N", name))])
    assert tags(out) == {APART: 5000.0}
    assert tags(plant.say("NDATA", 2, [double(alias=3, value=5001.0)])) == {APART: 5001.0}
    out = plant.say("NDATA", 3, [double(alias=3, value=5.0, properties=unit("kN", name))])
    assert tags(out) == {TAG: 5.0}
    assert [type(one) for one in said(plant)] == [UnitChanged, UnitRestored]


def test_another_word_for_the_same_unit_is_no_change(plant):
    plant.birth(metrics=[force(5.0, "Cel")])
    assert tags(plant.birth(metrics=[force(6.0, "°C")])) == {TAG: 6.0}
    assert said(plant) == []


def test_units_that_nobody_knows_are_compared_as_they_are_shown(plant):
    plant.birth(metrics=[force(5.0, "widgets")])
    assert tags(plant.birth(metrics=[force(6.0, "gadgets")])) == {
        "quarantine/press/site/E1/force/gadgets": 6.0
    }


def test_what_a_person_says_in_the_card_comes_first():
    book = UnitBook("press", None, {TAG: "N"}, lambda _: "kN", {TAG: Open("N", APART, 5)})
    assert book.tag_of(TAG, "N", 9) == TAG
    assert [type(one) for one in book.events] == [UnitRestored]
    assert book.tag_of(TAG, "kN", 10) == APART.replace("/N", "/kN")
