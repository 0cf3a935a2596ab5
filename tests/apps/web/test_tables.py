"""Long tables: the first rows at once, the rest when they are asked for."""

import pytest
from nicegui import ui

from goldenbatch.testing.pages import shown, view_of
from goldenbatch.ui.web import elements
from goldenbatch.ui.web.elements import FIRST_ROWS, Column
from goldenbatch.ui.web.pages import Asked
from goldenbatch.ui.web.view import Person

VIEW = view_of(Asked(None, None), Person("u", "rita", "Rita"))


def presses() -> list:
    """What the buttons of the page do."""
    found = ui.context.client.elements.values()
    return [
        listener.handler
        for one in found
        if one.tag == "button"
        for listener in one._event_listeners.values()
    ]


@pytest.mark.parametrize("n", [0, 1, FIRST_ROWS, FIRST_ROWS + 1, 500])
def test_all_rows_are_there_once_in_their_order_when_asked_for(n):
    rows = [{"n": f"row {number}"} for number in range(n)]

    def show(_view, is_whole):
        elements.table("Numbers", [Column("n", "Number")], rows)
        for press in presses() if is_whole else ():
            press()

    first = [one for one in shown(show, False, VIEW).texts if one.startswith("row ")]
    whole = [one for one in shown(show, True, VIEW).texts if one.startswith("row ")]
    assert first == [one["n"] for one in rows[:FIRST_ROWS]]
    assert whole == [one["n"] for one in rows]


def test_the_button_says_how_many_are_left():
    def show(_view, rows):
        elements.table("Numbers", [Column("n", "Number")], rows)

    rows = [{"n": number} for number in range(FIRST_ROWS + 7)]
    assert "Show 7 more rows" in shown(show, rows, VIEW).text
    assert "more row" not in shown(show, rows[:FIRST_ROWS], VIEW).text
