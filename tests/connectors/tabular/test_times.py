"""Times of columns: formats, languages, zones, the repeated and the missing hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.tabular._times import (
    duration_us,
    parse_local,
    parse_times,
    to_utc,
)
from goldenbatch.core.errors import BadInputError
from goldenbatch.core.records import from_iso, to_iso

ZONE = "Europe/Ljubljana"


def parsed(texts: list[str], *formats: str, months: str = "en", zone: str = ZONE):
    found = parse_times(pa.array(texts), formats, months, zone)
    return [to_iso(int(at)) for at in found.micros], found.problems


def test_iso_in_its_forms_is_read_to_the_microsecond():
    texts = ["2018-11-18 22:28:52", "2018-11-18T22:28:52.1234567Z", "2018-11-18T22:28+0530"]
    found, problems = parsed([*texts, "2018-11-18", "2018-11"], "iso")
    assert not problems
    assert found == [
        "2018-11-18T21:28:52.000000Z",
        "2018-11-18T22:28:52.123457Z",
        "2018-11-18T16:58:00.000000Z",
        "2018-11-17T23:00:00.000000Z",
        "2018-10-31T23:00:00.000000Z",
    ]


@pytest.mark.parametrize(
    ("text", "form", "months", "expected"),
    [
        ("maj.19", "%b.%y", "sl", "2019-05-01"),
        ("avg.20", "%b.%y", "sl", "2020-08-01"),
        ("okt.20", "%b.%y", "sl", "2020-10-01"),
        ("3. März 2021", "%d. %B %Y", "de", "2021-03-03"),
        ("07-DÉC-1999", "%d-%b-%Y", "fr", "1999-12-07"),
        ("31/12/99", "%d/%m/%y", "en", "1999-12-31"),
    ],
)
def test_foreign_months_and_local_formats(text, form, months, expected):
    found, problems = parsed([text], form, months=months, zone="UTC")
    assert not problems
    assert found == [f"{expected}T00:00:00.000000Z"]


@pytest.mark.parametrize("text", ["2019-02-29", "2019-13-01", "2019-01-32", "", "soon", "1.2.2019"])
def test_what_is_no_day_is_refused(text):
    _, problems = parsed([text], "iso")
    assert repr(text) in problems[0]


def test_formats_are_tried_in_their_order_and_epochs_are_utc():
    found, problems = parsed(
        ["2020-01-01T12:00:00", "1577880000", "01.01.2020 13:00"],
        "iso",
        "epoch_s",
        "%d.%m.%Y %H:%M",
    )
    assert not problems
    assert found[0] == "2020-01-01T11:00:00.000000Z"
    assert found[1] == found[2] == "2020-01-01T12:00:00.000000Z"


def test_milliseconds_of_today_are_an_epoch_too():
    found, problems = parsed(["1600000100000", "1600000100000.5", "-5"], "epoch_ms")
    assert not problems
    assert found[0] == "2020-09-13T12:28:20.000000Z"
    assert found[1] == "2020-09-13T12:28:20.000500Z"
    assert found[2] == "1969-12-31T23:59:59.995000Z"


def test_clocks_of_twelve_hours():
    texts = ["1/2/20 12:05 AM", "1/2/20 12:05 pm", "1/2/20 1:05 p.m.", "1/2/20 13:05 PM"]
    found, problems = parsed(texts, "%m/%d/%y %I:%M %p", zone="UTC")
    assert [one[:16] for one in found[:3]] == [
        "2020-01-02T00:05",
        "2020-01-02T12:05",
        "2020-01-02T13:05",
    ]
    assert set(problems) == {3}


@pytest.mark.parametrize("form", ["%d.%m. %H:%M", "%Y-%m-%d %I:%M", "%Y-%m-%d %H:%M %p"])
def test_a_format_that_leaves_the_time_open_is_an_error_of_the_card(form):
    with pytest.raises(BadInputError, match="leaves the time open"):
        parsed(["x"], form)


def test_offsets_that_no_zone_has_are_refused():
    _, problems = parsed(["2020-01-01T00:00+05:30", "2020-01-01T00:00+05:99"], "iso")
    assert set(problems) == {1}


def test_unknown_format_letter_is_an_error_of_the_card():
    with pytest.raises(BadInputError, match="%q"):
        parsed(["x"], "%q")


def test_repeated_hour_is_resolved_by_the_order_of_rows():
    texts = [
        "2019-10-27 01:50:00",
        "2019-10-27 02:30:00",
        "2019-10-27 02:10:00",
        "2019-10-27 03:10:00",
    ]
    found, problems = parsed(texts, "iso")
    assert not problems
    assert [text[11:16] for text in found] == ["23:50", "00:30", "01:10", "02:10"]


def test_repeated_hour_without_order_is_refused():
    _, problems = parsed(["2019-10-27 02:10:00", "2019-10-27 02:30:00"], "iso")
    assert set(problems) == {0, 1}
    assert "repeated hour" in problems[0]


def test_missing_hour_is_refused_and_its_neighbours_are_not():
    texts = [
        "2019-03-31 01:59:59",
        "2019-03-31 02:00:00",
        "2019-03-31 02:59:59",
        "2019-03-31 03:00:00",
    ]
    found, problems = parsed(texts, "iso")
    assert set(problems) == {1, 2}
    assert "does not exist" in problems[1]
    assert from_iso(found[3]) - from_iso(found[0]) == 1_000_000


@given(
    st.lists(st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1)), min_size=1, max_size=30),
    st.sampled_from([ZONE, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_local_times_agree_with_the_standard_library(moments, zone):
    moments = [moment.replace(microsecond=0, fold=0) for moment in moments]
    epoch = datetime(1970, 1, 1)
    local = np.asarray([(m - epoch) // timedelta(microseconds=1) for m in moments])
    utc, problems = to_utc(local, zone)
    for row, moment in enumerate(moments):
        aware = moment.replace(tzinfo=ZoneInfo(zone))
        expected = aware.astimezone(UTC)
        is_there = expected.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment
        is_twice = aware.utcoffset() != aware.replace(fold=1).utcoffset() and is_there
        if row in problems:
            assert not is_there or is_twice
            continue
        assert is_there
        if not is_twice:
            assert int(utc[row]) == from_iso(expected.isoformat())


def test_base_time_in_a_time_change_is_refused():
    assert to_iso(parse_local("2020-01-06T08:00:00", "Europe/Copenhagen")).startswith(
        "2020-01-06T07"
    )
    with pytest.raises(BadInputError, match="offset"):
        parse_local("2019-10-27T02:30:00", ZONE)


@pytest.mark.parametrize("text", ["", "75", "-1 s", "1 week"])
def test_durations_need_number_and_unit(text):
    with pytest.raises(ValueError, match="duration"):
        duration_us(text)
