"""Following tags through lines that break: nothing is lost and nothing is told twice."""

from __future__ import annotations

import asyncio
import json

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.apps.web.live import Follower, points_of


class Broken(httpx.AsyncByteStream):
    """Messages after a number, cut off in the midst of their bytes."""

    def __init__(self, content: bytes, is_cut: bool) -> None:
        self.content, self.is_cut = content, is_cut

    async def __aiter__(self):
        yield self.content
        if self.is_cut:
            raise httpx.ReadError("cut")


def answer(number: int) -> bytes:
    rows = [{"tag": "a", "time": number, "value": float(number), "quality": 0}]
    data = json.dumps({"seq": number, "readings": rows})
    return f"id: {number}\nevent: readings\ndata: {data}\n\n".encode()


async def followed(n_messages: int, cuts: list[int]) -> list[int]:
    cuts = list(cuts)

    def node(request: httpx.Request) -> httpx.Response:
        after = int(request.headers.get("last-event-id", "0"))
        content = b":\n\n" + b"".join(answer(one) for one in range(after + 1, n_messages + 1))
        if cuts:
            return httpx.Response(200, stream=Broken(content[: cuts.pop()], is_cut=True))
        content += b'event: end\ndata: {"reason":"over"}\n\n'
        return httpx.Response(200, stream=Broken(content, is_cut=False))

    async with httpx.AsyncClient(transport=httpx.MockTransport(node)) as client:
        follower = Follower("http://node", {}, ["a"], client=client, waits=(0.0,))
        found = []
        async for message in follower.messages():
            if message is not None and message.name == "readings":
                found += [row[0] for row in points_of(json.loads(message.data))["a"]]
        assert follower.why == "over"
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(0, 3000), max_size=8))
def test_each_reading_arrives_once_wherever_the_line_is_cut(n_messages, cuts):
    assert asyncio.run(followed(n_messages, cuts)) == list(range(1, n_messages + 1))


def test_a_session_that_ended_is_not_asked_for_again():
    n_asked = 0

    def node(request: httpx.Request) -> httpx.Response:
        nonlocal n_asked
        n_asked += 1
        return httpx.Response(401, json={})

    async def follow() -> Follower:
        async with httpx.AsyncClient(transport=httpx.MockTransport(node)) as client:
            follower = Follower("http://node", {}, ["a"], client=client, waits=(0.0,))
            assert [one async for one in follower.messages()] == []
        return follower

    assert asyncio.run(follow()).is_over
    assert n_asked == 1
