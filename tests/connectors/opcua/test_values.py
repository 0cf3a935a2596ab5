"""Values, frames and structures, without a server."""

from __future__ import annotations

import asyncio
import datetime
import struct
import uuid

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from goldenbatch.connectors.opcua._frames import Batch, TagBook
from goldenbatch.connectors.opcua._items import Feed
from goldenbatch.connectors.opcua._structures import (
    Field,
    Layout,
    StructureError,
    Structures,
    _decode,
)
from goldenbatch.connectors.opcua._values import (
    MismatchError,
    as_text,
    fit,
    flatten,
    is_exact,
    kind_of,
    reading_quality,
)


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        (0, 0),
        (0x00000480, 0),  # overflow
        (0x00000401, 0),  # from history, calculated
        (0x80340000, 0x80340000),
        (0x40900480, 0x40900000),
        (0x00000500, 0x00000500),  # at its low limit: that is of the value
        (0x0000C000, 0x0000C000),  # its meaning or structure changed
    ],
)
def test_status_codes(status, kept):
    assert reading_quality(status) == kept


@given(st.integers(0, 2**32 - 1))
def test_a_status_keeps_its_severity_and_stays_itself(status):
    once = reading_quality(status)
    assert once >> 16 == status >> 16
    assert reading_quality(once) == once


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (True, "number", "true"),
        (7, "number", "7"),
        (float("inf"), "number", "inf"),
        ("x", "text", "x"),
        (ua.LocalizedText("hallo", "de"), "text", "hallo"),
        (ua.QualifiedName("q", 1), "text", "q"),
        (ua.NodeId("A", 2), "text", "ns=2;s=A"),
        (uuid.UUID(int=5), "text", "00000000-0000-0000-0000-000000000005"),
        (datetime.datetime(2026, 1, 2), "text", "2026-01-02T00:00:00.000000Z"),
        ([1, 2.5], "array", "[1, 2.5]"),
        ([[1, 2], [3, 4]], "array", "[[1, 2], [3, 4]]"),
        (["a", "b"], "text", '["a", "b"]'),
        ([], "array", "[]"),
        (b"\x01\x02", "reference", "0102"),
        (ua.StatusCode(0x80340000), "text", "BadNodeIdUnknown"),
    ],
)
def test_kinds_and_texts(value, kind, text):
    assert kind_of(value) == kind
    assert as_text(value) == text


def test_what_fits():
    assert fit([[1, 2], [3]], "array") == [1.0, 2.0, 3.0]
    assert fit(3, "text") == "3"
    assert kind_of(None) is None
    assert kind_of(ua.Range(1, 2)) is None
    for value, kind in (
        ("a", "number"),
        ([1], "number"),
        (1, "array"),
        (["a"], "array"),
        ("a", "reference"),
    ):
        with pytest.raises(MismatchError):
            fit(value, kind)
    assert not is_exact(2**53 + 1)
    assert is_exact(-(2**53))
    named = ua.EUInformation(UnitId=7, DisplayName=ua.LocalizedText("kN"))
    assert dict(flatten(named))["UnitId"] == 7


# ---- frames ---------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), max_size=40))
def test_a_tag_stands_at_a_time_in_a_frame_once_and_the_last_word_comes_last(rows):
    book, batch = TagBook(), Batch()
    for tag, time, value in rows:
        batch.kinds["number"].add(time, book.code(f"t{tag}"), float(value), 0)
    newest, expected = {}, {}
    for frame in batch.frames(book, "s", "k", 1):
        keys = set()
        for row in frame.readings.to_pylist():
            at = (row["tag"], row["time"])
            assert at not in keys
            keys.add(at)
            assert newest.get(at) != row["value"]
            newest[at] = row["value"]
    for tag, time, value in rows:
        moment = datetime.datetime.fromtimestamp(0, datetime.UTC) + datetime.timedelta(
            microseconds=time
        )
        expected[f"t{tag}", moment] = float(value)
    assert newest == expected


# ---- structures -----------------------------------------------------------------------------

SPEED = Field("Speed", 11, None, False, False)
NAME = Field("Name", 12, None, False, True)
LIST = Field("List", 7, None, True, False)
INNER = Layout((SPEED,), False, False)


def decoded(layout, data):
    return _decode(layout, ua.utils.Buffer(data), 0)


def test_structures_by_their_declared_fields():
    plain = Layout((SPEED, LIST, Field("In", 0, INNER, False, False)), False, False)
    data = struct.pack("<di2Id", 1.5, 2, 7, 8, 2.5)
    assert decoded(plain, data) == {"Speed": 1.5, "List": [7, 8], "In": {"Speed": 2.5}}
    optional = Layout((SPEED, NAME), False, True)
    assert decoded(optional, struct.pack("<Id", 0, 1.5)) == {"Speed": 1.5}
    assert decoded(optional, struct.pack("<Idi", 1, 1.5, 2) + b"ab") == {"Speed": 1.5, "Name": "ab"}
    union = Layout((SPEED, NAME), True, False)
    assert decoded(union, struct.pack("<Ii", 2, 2) + b"ab") == {"Name": "ab"}
    assert decoded(union, struct.pack("<I", 0)) == {}
    several = Layout((Field("All", 0, INNER, True, False),), False, False)
    assert decoded(several, struct.pack("<i2d", 2, 1, 2)) == {
        "All": [{"Speed": 1.0}, {"Speed": 2.0}]
    }


def test_a_structure_that_lies_is_refused():
    endless = Layout((Field("All", 0, INNER, True, False),), False, False)
    with pytest.raises(StructureError, match="2000000000 elements"):
        decoded(endless, struct.pack("<i", 2_000_000_000))
    known = Structures(None)
    encoding = ua.NodeId(77, 3)
    known._encodings[encoding] = INNER
    with pytest.raises(StructureError, match="not encoded as declared"):
        asyncio.run(known.take_apart(ua.ExtensionObject(encoding, b"\x01")))
    assert asyncio.run(known.take_apart(ua.ExtensionObject(encoding, None))) == {}
    assert asyncio.run(known.take_apart(5)) == 5


# ---- the feed -------------------------------------------------------------------------------


class Part:
    def __init__(self, n):
        self.MonitoredItems = [None] * n


def result(number, n=1):
    message = ua.NotificationMessage(SequenceNumber=number)
    message.NotificationData = [Part(n)] if n else []
    return ua.PublishResult(NotificationMessage=message, MoreNotifications=False)


def test_a_message_that_never_came_is_asked_for_again():
    asked = []

    async def again(place, number):
        asked.append((place, number))
        if number == 4:
            raise OSError("gone")
        return result(number).NotificationMessage

    async def main():
        feed = Feed(100, again, lambda: 5)
        await feed.put(0, result(1))
        await feed.put(0, result(2, n=0))  # alive; the next one has this number
        await feed.put(0, result(2))
        await feed.put(0, result(5))
        taken = [one.message.SequenceNumber for one in await feed.take()]
        assert taken == [1, 2, 2, 3, 5]
        assert asked == [(0, 3), (0, 4)]
        assert feed.n_lost_messages == 1

    asyncio.run(main())


def test_a_feed_that_is_full_waits():
    async def main():
        feed = Feed(10, None, lambda: 5)
        waiting = asyncio.ensure_future(feed.put(0, result(1, n=10)))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        (one,) = await feed.take()
        assert (one.at, one.is_last) == (5, True)
        await asyncio.wait_for(waiting, 1)

    asyncio.run(main())


def test_the_last_part_of_a_large_backfill_stands_for_all_of_the_source():
    from goldenbatch.connectors.opcua._history import Job, Parts, _is_whole

    job = Job((), (0, 9), parts=Parts(2))
    assert [_is_whole(job, job.window), _is_whole(job, job.window)] == [False, True]
    job = Job((), (0, 9), parts=Parts(2))  # of one part the server knew only the end
    assert [_is_whole(job, (5, 9)), _is_whole(job, job.window)] == [False, False]
