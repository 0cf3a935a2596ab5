"""Charts: gaps stay gaps, alarms are drawn, SVG is one safe element."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

from goldenbatch.ui.charts import Bars, Chart, Level, Span, Track, draw, draw_bars, to_svg


def chart(**more):
    track = Track("value", [0, 1, 2, 3, 4], [1, 2, math.nan, 4, 9], alarms=frozenset({4}))
    return Chart("Title", "y [g/L]", [track], levels=[Level(8.0, "UCL")], **more)


def shapes(drawing, name):
    return [one for one in drawing.contents if type(one).__name__ == name]


def test_a_missing_value_breaks_the_line():
    lines = shapes(draw(chart()), "PolyLine")
    assert [len(one.points) // 2 for one in lines] == [2, 2]


def test_an_alarm_is_a_square_of_its_own_colour():
    squares = [one for one in shapes(draw(chart()), "Rect") if one.width == 4.4]
    assert len(squares) == 1


def test_an_svg_is_well_formed_and_describes_itself():
    svg = to_svg(draw(chart(spans=[Span(1, 2, "<finding>")])), 'says "what" <it> shows')
    root = ET.fromstring(svg)
    assert root.get("aria-label") == 'says "what" <it> shows'
    assert "&lt;finding&gt;" in svg
    assert "<script" not in svg


def test_two_drawings_on_one_page_do_not_share_a_clip():
    first, second = (to_svg(draw(chart(height=h)), "d") for h in (190.0, 220.0))
    ids = [set(re.findall(r'id="(clip[^"]+)"', one)) for one in (first, second)]
    assert not ids[0] & ids[1]


def test_bars_show_the_largest_first_and_no_more_than_asked():
    bars = Bars("Contributions", [f"v{i}" for i in range(20)], list(range(-10, 10)), n_most=5)
    drawing = draw_bars(bars)
    assert len(shapes(drawing, "Rect")) == 5
    texts = [one.text for one in shapes(drawing, "String")]
    assert texts[1] == "v0"


def test_a_chart_of_one_point_is_drawn():
    assert draw(Chart("t", "y", [Track("v", [1.0], [2.0])])).contents


def test_a_chart_without_values_is_drawn():
    assert draw(Chart("t", "y", [Track("v", [], [])])).contents
