"""Strangers: so many tries, no telling which logins there are, and no memory without bound."""

import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.apps.node.throttle import Buckets, Throttle, TooManyTriesError, address_of

PASSWORD = "long enough a password"


def post(node, path, **form):
    return node.call("POST", path, json=form, token="")


def test_unknown_and_known_logins_get_the_same_answers_at_every_door(node):
    def told(login, n):
        found = []
        for _ in range(n):
            for path, form in (
                ("/login", {"password": "not the password"}),
                ("/enrolment/begin", {"token": "guessed"}),
                ("/enrolment/finish", {"token": "guessed", "enrolment": "x", "answer": {}}),
            ):
                answer = post(node, path, login=login, **form)
                found.append((answer.status_code, answer.json()["message"].partition("Wait")[0]))
        return found

    known, unknown = told("bor", 4), told("nobody-at-all", 4)
    assert known == unknown  # bor is locked by now, and nobody sees it
    assert {status for status, _ in known} == {403, 429}
    node.state.throttle.logins._kept.clear()
    right = post(node, "/login", login="bor", password=PASSWORD)
    assert (right.status_code, right.json()["message"]) == known[0]


def test_each_try_is_one_record_and_the_login_is_not_kept(node):
    ledger = node.state.desk.site.ledger
    for login in ("anna", "a-password-typed-as-login"):
        before = ledger.head()
        post(node, "/login", login=login, password="not the password")
        assert ledger.head() == before + 1
    assert "a-password-typed-as-login" not in str([one.body for one in ledger.events()])


def test_many_unknown_logins_raise_one_alert(node):
    node.state.throttle = Throttle(10_000, 10_000)
    for number in range(25):
        post(node, "/enrolment/begin", login=f"guess-{number}", token="guessed")
    (row,) = node.call("GET", "/rights/alerts").json()["alerts"]
    assert (row["uid"], row["what"]) == ("unknown", "20 tries of logins that nobody has")


def test_too_many_tries_are_told_when_to_come_back(node):
    node.state.throttle = Throttle(3, 10)
    for number in range(3):
        assert post(node, "/login", login=f"x{number}", password="p").status_code == 403
    head = node.state.desk.site.ledger.head()
    answer = post(node, "/login", login="anna", password=PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 21
    assert answer.json()["error"] == "DeniedError"
    assert node.state.desk.site.ledger.head() == head  # nothing was tried, nothing is written


def test_who_gets_in_is_never_held_back(node):
    node.state.throttle = Throttle(2, 2)
    for _ in range(6):
        assert post(node, "/login", login="anna", password=PASSWORD).status_code == 200


def test_sessions_that_ended_are_forgotten(node):
    now = [0.0]
    node.state.timer = lambda: now[0]
    for _ in range(5):
        node.state.admit("u1", frozenset())
    now[0] = 16 * 60.0
    node.state.admit("u1", frozenset())
    assert len(node.state._sessions) == 1


tries = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "x", "y"]), st.booleans(),
        st.floats(0, 30),
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(tries)
def test_no_more_wrong_tries_than_there_are_tokens(steps):
    now = [0.0]
    throttle = Throttle(4, 3, lambda: now[0])
    wrong: list[tuple[float, str, str]] = []
    for address, login, is_right, later in steps:
        now[0] += later
        try:
            with throttle.trying(address, login):
                if not is_right:
                    raise ValueError
        except TooManyTriesError:
            continue
        except ValueError:
            wrong.append((now[0], address, login))
    for at, address, login in wrong:
        recent = [one for one in wrong if at - 60 < one[0] <= at]
        # Full buckets at the start of the minute, and what comes back within it.
        assert sum(one[1] == address for one in recent) <= 8
        if login:
            assert sum(one[2] == login for one in recent) <= 6


@pytest.mark.parametrize("n", [10_000])
def test_what_is_remembered_is_bounded(n):
    now = [0.0]
    throttle = Throttle(5, 5, lambda: now[0])
    for number in range(n):
        with (
            pytest.raises(ValueError, match="wrong"),
            throttle.trying(f"10.0.{number // 250}.{number % 250}", secrets.token_hex(500)),
        ):
            raise ValueError("wrong")
    assert len(throttle.addresses) == len(throttle.logins) == 4096
    assert all(len(key) == 32 for key in throttle.logins._kept)


def test_tokens_come_back_with_time():
    now = [0.0]
    buckets = Buckets(6, lambda: now[0])
    assert [buckets.take(b"k") for _ in range(6)] == [0.0] * 6
    assert buckets.take(b"k") == pytest.approx(10.0)
    now[0] = 10.0
    assert buckets.take(b"k") == 0.0
    assert buckets.take(b"k") > 0
    now[0] = 3600.0
    assert [buckets.take(b"k") for _ in range(7)][:6] == [0.0] * 6


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_addresses(host, address):
    class Call:
        client = type("Client", (), {"host": host})

    assert address_of(Call()) == address
    Call.client = None
    assert address_of(Call()) == ""
