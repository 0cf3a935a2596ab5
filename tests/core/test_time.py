from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.core.errors import BadInputError
from goldenbatch.core.time import (
    HOUR,
    SECOND,
    LocalClock,
    LocalTimeError,
    ManufacturingCalendar,
    TimeFormat,
    load_zone,
    local_text,
    parse_local,
    to_micros,
)

ZONE = "Europe/Ljubljana"
ZONES = ["UTC", ZONE, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Havana"]


def utc(*parts: int) -> int:
    return to_micros(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def test_the_summer_and_the_winter_offset() -> None:
    clock = LocalClock(ZONE)
    assert clock.micros("2018-11-18 22:28:52") == utc(2018, 11, 18, 21, 28, 52)
    assert clock.micros("2019-07-01T12:00:00.25") == utc(2019, 7, 1, 10, 0, 0, 250_000)
    assert clock.micros("2019-07-01 12:00:00Z") == utc(2019, 7, 1, 12)
    assert clock.micros("2019-07-01 12:00:00-0530") == utc(2019, 7, 1, 17, 30)


def test_the_repeated_hour_is_resolved_by_the_order_of_rows() -> None:
    clock = LocalClock(ZONE)
    start = utc(2019, 10, 26, 23, 30)
    moments = [start + step * 10 * SECOND for step in range(3 * 360)]
    texts = [local_text(moment, ZONE)[:19] for moment in moments]
    assert len(set(texts)) < len(texts)
    assert [clock.micros(text) for text in texts] == moments


def test_rows_of_one_time_stay_together_in_the_repeated_hour() -> None:
    clock = LocalClock(ZONE)
    clock.micros("2019-10-27 01:59:50")
    assert clock.micros("2019-10-27 02:10:00") == clock.micros("2019-10-27 02:10:00")


@pytest.mark.parametrize(
    "before", [[], ["2019-10-26 12:00:00"], ["2019-10-27 01:59:00", "2019-10-27 02:30:10"]]
)
def test_what_the_order_cannot_tell_is_refused(before: list[str]) -> None:
    clock = LocalClock(ZONE)
    for text in before:
        clock.micros(text)
    with pytest.raises(LocalTimeError, match="occurs twice in Europe/Ljubljana") as caught:
        clock.micros("2019-10-27 02:30:05")
    assert caught.value.reason == "repeated"
    assert clock.micros("2019-10-27 03:00:00") == utc(2019, 10, 27, 2)


def test_a_source_may_say_which_pass_it_means() -> None:
    text = "2019-10-27 02:30:00"
    assert LocalClock(ZONE, repeated="first").micros(text) == utc(2019, 10, 27, 0, 30)
    assert LocalClock(ZONE, repeated="second").micros(text) == utc(2019, 10, 27, 1, 30)
    clock = LocalClock(ZONE, repeated="refuse")
    clock.micros("2019-10-27 01:59:59")
    with pytest.raises(LocalTimeError):
        clock.micros(text)


def test_the_missing_hour_is_refused() -> None:
    clock = LocalClock(ZONE)
    clock.micros("2019-03-31 01:59:59")
    for text in ("2019-03-31 02:00:00", "2019-03-31 02:59:59.999999"):
        with pytest.raises(LocalTimeError, match="does not exist in Europe/Ljubljana") as caught:
            clock.micros(text)
        assert caught.value.reason == "missing"
    assert clock.micros("2019-03-31 03:00:00") == utc(2019, 3, 31, 1)


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2036, 1, 1)),
    st.sampled_from(ZONES),
    st.lists(st.integers(1, 1500), min_size=1, max_size=30),
)
def test_times_that_go_on_by_minutes_come_back_as_they_were(
    start: datetime, zone: str, steps: list[int]
) -> None:
    moment = to_micros(start.replace(tzinfo=UTC))
    clock = LocalClock(zone, repeated="first")
    naive = local_text(moment, zone)
    if clock.micros(naive[:-6]) != moment:
        return
    clock = LocalClock(zone)
    clock.micros(naive)
    for step in steps:
        moment += step * SECOND
        assert clock.micros(local_text(moment, zone)[:-6]) == moment


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("nov.18", "%b.%y", datetime(2018, 11, 1)),
        ("maj.19", "%b.%y", datetime(2019, 5, 1)),
        ("avg.19", "%b.%y", datetime(2019, 8, 1)),
        ("okt.20", "%b.%y", datetime(2020, 10, 1)),
        ("3. März 2021 14:05", "%d. %B %Y %H:%M", datetime(2021, 3, 3, 14, 5)),
        ("1 août 2020", "%d %B %Y", datetime(2020, 8, 1)),
        ("09 févr. 2020", "%d %b %Y", datetime(2020, 2, 9)),
        ("7 gennaio 2020", "%d %B %Y", datetime(2020, 1, 7)),
        ("7-ENE-2020", "%d-%b-%Y", datetime(2020, 1, 7)),
        ("31/12/1999 11:59:59 pm", "%d/%m/%Y %I:%M:%S %p", datetime(1999, 12, 31, 23, 59, 59)),
        ("01.02.70 12:00 AM", "%d.%m.%y %I:%M %p", datetime(1970, 2, 1)),
    ],
)
def test_formats(text: str, pattern: str, expected: datetime) -> None:
    assert parse_local(text, TimeFormat(pattern)).moment == expected


def test_every_start_of_the_real_batches_is_read(real_data) -> None:  # type: ignore[no-untyped-def]
    lines = (real_data("tablets") / "Laboratory.csv").read_text(encoding="utf-8").splitlines()
    column = lines[0].split(";").index("start")
    starts = [line.split(";")[column] for line in lines[1:]]
    found = [parse_local(start, TimeFormat("%b.%y")).moment for start in starts]
    assert (len(found), min(found), max(found)) == (
        794,
        datetime(2018, 11, 1),
        datetime(2020, 10, 1),
    )


def test_a_month_that_two_languages_use_needs_the_language() -> None:
    with pytest.raises(LocalTimeError, match="name the language"):
        parse_local("5 listopad 2020", TimeFormat("%d %B %Y"))
    for language, month in (("hr", 10), ("pl", 11), ("cs", 11)):
        form = TimeFormat("%d %B %Y", language)
        assert parse_local("5 listopad 2020", form).moment.month == month


@pytest.mark.parametrize(
    ("digits", "micros"),
    [
        ("5", 500_000),
        ("1234565", 123_456),
        ("1234575", 123_458),
        ("123456500000001", 123_457),
        ("9999999", 1_000_000),
    ],
)
def test_fractions_are_rounded_once(digits: str, micros: int) -> None:
    found = parse_local(f"2020-01-01 00:00:00.{digits}").moment
    assert found - datetime(2020, 1, 1) == timedelta(microseconds=micros)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2020-13-01", "2020-02-30 00:00:00", "2020-01-01 25:00:00", "1.2.2020"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(LocalTimeError) as caught:
        LocalClock(ZONE).micros(text)
    assert caught.value.reason == "unreadable"
    assert repr(text) in str(caught.value)


@given(st.datetimes(datetime(1975, 1, 1), datetime(2036, 1, 1)), st.sampled_from(ZONES))
def test_the_fast_way_agrees_with_the_thorough_way(moment: datetime, zone: str) -> None:
    plain = moment.replace(microsecond=0)
    iso, dotted = f"{plain:%Y-%m-%d %H:%M:%S}", f"{plain:%d.%m.%Y %H:%M:%S}"
    found: list[int | str] = []
    for text, pattern in ((iso, ""), (dotted, "%d.%m.%Y %H:%M:%S")):
        try:
            found.append(LocalClock(zone, TimeFormat(pattern), "first").micros(text))
        except LocalTimeError as error:
            found.append(error.reason)
    assert found[0] == found[1]
    if isinstance(found[0], int):
        assert found[0] == to_micros(plain.replace(tzinfo=load_zone(zone)))


def test_the_last_day_of_the_calendar_is_read_or_refused() -> None:
    assert LocalClock("UTC").micros("9999-12-31 23:59:59") == utc(9999, 12, 31, 23, 59, 59)
    with pytest.raises(LocalTimeError, match="beyond the calendar"):
        LocalClock("America/New_York").micros("9999-12-31 23:59:59")
    with pytest.raises(LocalTimeError, match=r"beyond the calendar|does not exist"):
        LocalClock("Asia/Kolkata").micros("0001-01-01 00:00:00")


@pytest.mark.parametrize("pattern", ["%q", "%d %d"])
def test_an_impossible_format_is_refused(pattern: str) -> None:
    with pytest.raises(BadInputError, match="time format"):
        parse_local("1", TimeFormat(pattern))


def test_an_unknown_zone_is_refused() -> None:
    for name in ("Europe/Atlantis", "../etc/passwd", ""):
        with pytest.raises(BadInputError, match="no IANA time zone"):
            load_zone(name)


SHIFTS = (("early", clock_time(6)), ("late", clock_time(14)), ("night", clock_time(22)))


def test_days_of_23_and_25_hours() -> None:
    calendar = ManufacturingCalendar(ZONE, shifts=SHIFTS)
    lengths = {
        day: [(s.window[1] - s.window[0]) // HOUR for s in calendar.shifts_of(day)]
        for day in (date(2019, 3, 30), date(2019, 3, 31), date(2019, 10, 26))
    }
    assert list(lengths.values()) == [[8, 8, 7], [8, 8, 8], [8, 8, 9]]


def test_a_day_that_starts_in_the_missing_hour_starts_after_it() -> None:
    calendar = ManufacturingCalendar(ZONE, clock_time(2, 30))
    assert calendar.window(date(2019, 3, 31))[0] == utc(2019, 3, 31, 1)
    half = ManufacturingCalendar("Australia/Lord_Howe", clock_time(2, 15))
    assert half.window(date(2019, 10, 6))[0] == utc(2019, 10, 5, 15, 30)


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2036, 1, 1)),
    st.sampled_from(ZONES),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_each_moment_lies_in_its_day_and_shift(
    moment: datetime, zone: str, start: clock_time
) -> None:
    micros = to_micros(moment.replace(tzinfo=UTC))
    second = clock_time((start.hour + 9) % 24, start.minute)
    calendar = ManufacturingCalendar(zone, start, (("one", start), ("two", second)))
    day = calendar.day_of(micros)
    window = calendar.window(day)
    assert window[0] <= micros < window[1]
    assert calendar.window(day + timedelta(days=1))[0] == window[1]
    shift = calendar.shift_of(micros)
    assert shift is not None
    assert shift.window[0] <= micros < shift.window[1]
    shifts = calendar.shifts_of(day)
    assert (shifts[0].window[0], shifts[-1].window[1]) == window


def test_shifts_must_follow_one_another() -> None:
    for shifts in ((("late", clock_time(14)),), (*SHIFTS, ("again", clock_time(15)))):
        with pytest.raises(BadInputError, match="do not follow"):
            ManufacturingCalendar(ZONE, shifts=shifts)
    assert ManufacturingCalendar(ZONE).shift_of(0) is None
