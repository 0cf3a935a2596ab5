from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from goldenbatch.stores.ledger._inbox import Inbox, Request, answer
from goldenbatch.stores.ledger.errors import StorageError


def waiting(request, found):
    """A thread that waits for a request and keeps what it got."""

    def work():
        try:
            found[request] = request.wait()
        except ValueError as error:
            found[request] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_each_caller_gets_its_own_answer():
    requests, found = [Request(()) for _ in range(20)], {}
    threads = [waiting(request, found) for request in requests]
    error = ValueError("no")
    answer([(r, n, error if n % 3 == 0 else None) for n, r in enumerate(requests)])
    for thread in threads:
        thread.join(10)
    assert found == {r: error if n % 3 == 0 else n for n, r in enumerate(requests)}


@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_caller_who_is_interrupted_keeps_no_other_waiting(place):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    try:
        interrupted(place)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_caller_whose_turn_never_comes_looks_for_its_answer():
    requests, found = [Request(()) for _ in range(3)], {}
    threads = [waiting(request, found) for request in requests[1:]]
    answer([(request, "done", None) for request in requests])  # the first never goes on
    for thread in threads:
        thread.join(10)
    assert list(found.values()) == ["done"] * 2


def interrupted(place):
    requests, found = [Request(()) for _ in range(5)], {}
    threads = [waiting(r, found) for n, r in enumerate(requests) if n != place]

    def interrupt():
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        requests[place].wait()
    answer([(request, "done", None) for request in requests])
    for thread in threads:
        thread.join(10)
    assert list(found.values()) == ["done"] * 4


def test_callers_who_come_again_are_waited_for_and_taken_together():
    inbox, groups, n_rounds = Inbox(), [], 30

    def serve():
        while taken := inbox.take(1_000):
            groups.append(len(taken))
            time.sleep(0.002)
            answer([(request, None, None) for request in taken])

    def call():
        for _ in range(n_rounds):
            request = Request(())
            inbox.put(request)
            request.wait()

    server = threading.Thread(target=serve)
    callers = [threading.Thread(target=call) for _ in range(8)]
    for thread in (server, *callers):
        thread.start()
    for thread in callers:
        thread.join(30)
    assert inbox.close() and not inbox.close()
    server.join(10)
    assert sum(groups) == 8 * n_rounds and not server.is_alive()
    assert sum(groups) / len(groups) > 4, groups  # without waiting it is half of them at most


def test_a_caller_alone_is_not_kept_waiting():
    inbox = Inbox()
    for _ in range(3):
        inbox.put(Request(()))
        start = time.perf_counter()
        assert len(inbox.take(10)) == 1
        assert time.perf_counter() - start < 1


def test_requests_are_taken_up_to_a_number_of_events_and_up_to_a_job():
    inbox = Inbox()
    made = [Request((None,) * 3), Request((None,) * 3), Request((), print), Request((None,))]
    for request in made:
        inbox.put(request)
    assert inbox.take(4) == made[:2]
    assert inbox.take(4) == made[2:3]
    assert inbox.take(4) == made[3:]


def test_what_was_left_before_closing_is_served_and_nothing_is_left_after():
    inbox = Inbox()
    last = Request(())
    inbox.put(last)
    inbox.close()
    with pytest.raises(StorageError, match="closed"):
        inbox.put(Request(()))
    assert inbox.take(10) == [last]
    assert inbox.take(10) == []
