"""Live data: nothing lost, nothing doubled, nobody watches longer than they may."""

import asyncio
import json
import threading
from contextlib import contextmanager

import pytest

from goldenbatch.apps.node.live_values import Newest, ValueFeed, Watched
from goldenbatch.core.batches import BatchCreated
from goldenbatch.core.people import RoleGranted, UserAdded
from goldenbatch.core.records import DataClass, NewEvent

PASSWORD = "long enough a password"
TEMP = "site/area/cell/tank/temp"
START = 1_700_000_000_000_000
SECOND = 1_000_000
LATER = START + 3600 * SECOND


@pytest.fixture
def live(node):
    node.state.live.period_s = 0.05
    return node


def login(node, name="anna"):
    form = {"login": name, "password": PASSWORD}
    return node.call("POST", "/login", token="", json=form).json()["token"]


def write(node, *rows, tag=TEMP):
    from gbx_bench import frame

    historian = node.state.desk.site.historian
    return historian.write(frame(list(rows), f"live-{historian.head()}", tag)).seq


class Messages:
    """What comes over a stream, message by message; comments and retry left out."""

    def __init__(self, response):
        self._lines = response.iter_lines()

    def __next__(self):
        found = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name:
                found[name] = value
            elif "data" in found:
                return found | {"data": json.loads(found["data"])}
            else:
                found = {}
        raise StopIteration

    def __iter__(self):
        return self


@contextmanager
def stream(node, path, *, token=None, headers=(), **params):
    headers = {"Authorization": f"Bearer {node.token if token is None else token}"} | dict(headers)
    url = f"{node.url}/api/v1/live{path}"
    with node.client.stream("GET", url, params=params, headers=headers) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Messages(response)


def values(one):
    return [row["value"] for row in one["data"]["readings"]]


def test_the_newest_values_then_what_changes(live):
    with stream(live, "", tag=[TEMP, "no/such/tag"]) as messages:
        first = next(messages)
        assert first["event"] == "readings"
        assert first["data"]["readings"] == [
            {"tag": TEMP, "time": START + 19 * 60 * SECOND, "value": 59.0, "quality": 0}
        ]
        seq = write(live, (LATER, 61.0))
        one = next(messages)
        assert (values(one), int(one["id"])) == ([61.0], seq)
        write(live, (LATER - SECOND, 1.0))  # late: the newest by time stands
        seq = write(live, (LATER + SECOND, 62.0))
        one = next(messages)
        assert (values(one), int(one["id"])) == ([62.0], seq)


def test_who_comes_back_gets_all_that_was_missed_and_nothing_twice(live):
    with stream(live, "", tag=[TEMP]) as messages:
        last = next(messages)["id"]
    missed = [write(live, (LATER + n * SECOND, float(n))) for n in range(7)]
    with stream(live, "", tag=[TEMP], headers={"Last-Event-ID": last}) as messages:
        one = next(messages)
        assert (values(one), int(one["id"])) == ([float(n) for n in range(7)], missed[-1])
        seq = write(live, (LATER + 10 * SECOND, 10.0))
        one = next(messages)
        assert (values(one), int(one["id"])) == ([10.0], seq)
    with stream(live, "", tag=[TEMP], after=10**9) as messages:
        assert next(messages)["event"] == "gap"
        assert values(next(messages)) == [10.0]


def test_all_who_watch_a_set_share_one_encoding(live):
    with stream(live, "", tag=[TEMP]) as one, stream(live, "", tag=[TEMP, TEMP]) as two:
        next(one), next(two)
        feeds = live.state.live._values
        assert [len(feed.listeners) for feed in feeds.values()] == [2]
        write(live, (LATER, 5.0))
        assert next(one) == next(two)


def test_it_forgets_who_leaves(live):
    with stream(live, "", tag=[TEMP]) as messages, stream(live, "/events") as news:
        next(messages), next(news)
        assert len(live.state.live) == 2
    deadline = threading.Event()
    for _ in range(200):
        write(live, (LATER, 1.0))
        if not len(live.state.live):
            break
        deadline.wait(0.02)
    assert len(live.state.live) == 0
    assert not live.state.live._values


def test_it_keeps_no_idle_session_alive_and_ends_with_it(live):
    now = [0.0]
    live.state.timer = lambda: now[0]
    token = login(live)
    with stream(live, "", token=token, tag=[TEMP]) as messages:
        next(messages)
        now[0] = 800.0
        headers = {"Goldenbatch-Background": "1"}
        assert live.call("GET", "/home", token=token, headers=headers).status_code == 200
        now[0] = 901.0
        assert next(messages)["data"] == {"reason": "the session has ended"}
        assert next(messages, None) is None
    assert live.call("GET", "/home", token=token).status_code == 401


def test_it_ends_with_the_log_out_and_with_the_role(live):
    people = live.state.desk.site.people
    for name, act in (
        ("anna", lambda token: live.call("POST", "/logout", token=token)),
        ("anna", lambda _: people.revoke("anna", "quality_reviewer", "moved")),
    ):
        token = login(live, name)
        with stream(live, "", token=token, tag=[TEMP]) as messages:
            next(messages)
            act(token)
            assert next(messages)["event"] == "end"
            assert next(messages, None) is None


def test_who_may_not_read_watches_nothing(live):
    token = login(live, "bor")
    for path in ("?tag=x", "/events"):
        assert live.call("GET", f"/live{path}", token=token).status_code == 403
    assert live.call("GET", "/live?tag=x", token="").status_code == 401


def test_news_of_records_that_one_may_read(live):
    site = live.state.desk.site
    for one in (
        UserAdded(uid="u-op", login="op", printed_name="Op"),
        RoleGranted(uid="u-op", role="operator", reason="test"),
    ):
        site.ledger.append([NewEvent("user/u-op", one, site.ledger.version("user/u-op"), "x")])
    token, _ = live.state.admit("u-op", frozenset())
    with stream(live, "/events", token=token, stream_prefix=["batch/"]) as messages:
        last = next(messages)
        assert last["event"] == "ready"
        for batch, of_class in (("A", "operational"), ("B", "personal"), ("C", "operational")):
            body = BatchCreated(batch=batch, product="P")
            site.ledger.append(
                [NewEvent(f"batch/{batch}", body, 0, "x", data_class=DataClass(of_class))]
            )
        site.ledger.append([NewEvent("sample/A", BatchCreated(batch="A", product="P"), 0, "x")])
        told, one = [], last
        while len(told) < 2:
            one = next(messages)
            told += one["data"]["events"]
    assert [row["stream"] for row in told] == ["batch/A", "batch/C"]
    assert set(told[0]) == {"seq", "stream", "version", "kind", "data_class", "recorded_at"}
    with stream(live, "/events", token=token, after=int(last["id"])) as messages:
        next(messages)
        again = next(messages)["data"]["events"]
    assert [row["stream"] for row in again] == ["batch/A", "batch/C", "sample/A"]


def test_streams_a_person_are_bounded(live, monkeypatch):
    site = live.state.desk.site
    service = site.settings.service.model_copy(update={"streams_per_person": 2})
    monkeypatch.setattr(site, "settings", site.settings.model_copy(update={"service": service}))
    token = login(live)
    with stream(live, "", token=token, tag=[TEMP]), stream(live, "/events", token=token):
        answer = live.call("GET", "/live", token=token, params={"tag": TEMP})
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) >= 1
        assert live.call("GET", "/live/events", token=token).status_code == 429


def test_one_who_does_not_keep_up_is_let_go_and_loses_nothing(live):
    """The queue is bounded; what was not sent is sent to who comes back."""
    state = live.state

    async def scenario():
        stream = await state.live.watch(state.principal(live.token), Watched((TEMP,)), None)
        seqs = [stream.listener.queue.maxsize]
        for n in range(stream.listener.queue.maxsize + 5):
            seqs.append(write(live, (LATER + n * SECOND, float(n))))
            await state.live._look_at_values()
        got = [one async for one in aiter(stream)]
        state.live._task.cancel()
        return got, seqs

    got, seqs = asyncio.run(scenario())
    assert len(got) <= seqs[0] + 1
    last = (
        int(got[-2].split(b"\n")[0][4:] or 0) if not got[-1] else int(got[-1].split(b"\n")[0][4:])
    )
    newest = Newest(state.desk.site.historian)
    again = newest.caught_up([TEMP], (last, seqs[-1]), b"")
    assert again.count(b'"tag"') == seqs[-1] - last
    assert len(state.live) == 0


def test_a_message_is_never_numbered_lower_than_what_is_in_it(live):
    """What arrives between the look at the head and the look at the values waits for the next."""
    historian = live.state.desk.site.historian

    class Racing:
        def __getattr__(self, name):
            return getattr(historian, name)

        def latest(self, tags):
            write(live, (LATER + historian.head() * SECOND, float(historian.head())))
            return historian.latest(tags)

    newest = Newest(Racing())
    head, found = newest.all_of([TEMP])
    feed = ValueFeed(Watched((TEMP,)), head, found)
    assert not found
    newest = Newest(historian)
    head, found = newest.changed([TEMP], feed.cursor)
    assert b'"seq":%d' % head in feed.advance(found, head)
    assert feed.cursor == head
    assert feed.advance(found, head) == b""
