"""Odd input to the endpoints of records: refused in words, never a failure of the server."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATHS = (
    ("/execution/logbook/shift", "area"),
    ("/inspection/reads", "login"),
)
ODD = ("", " ", "%", "site/area/", "../..", "a" * 200, "\x00", "é\u202e", "'; --", "{area}")


def token_of(node):
    """A session of the reviewer."""
    people = node.state.desk.site.people
    anna = people.find("anna")
    return node.state.admit(anna.uid, anna.roles)[0]


def test_odd_names_are_refused_in_words(node):
    token = token_of(node)
    for path, name in PATHS:
        for value in ODD:
            answer = node.call("GET", path, token=token, params={name: value})
            assert answer.status_code in (200, 404, 422), (path, value, answer.text)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["start", "write", "correct", "settle", "prepare", "sign-out", "sign-in"]),
    st.dictionaries(
        st.sampled_from(["area", "text", "entry", "title", "shift", "summary", "is_open",
                         "happened_at", "about", "reason", "category", "comment"]),
        st.none() | st.booleans() | st.integers(-3, 2**70) | st.text(max_size=12)
        | st.sampled_from(["site/area", "logbook/site/area/1@2", "logbook//@", "2026-01-01"])
        | st.lists(st.text(max_size=5), max_size=3),
        max_size=6,
    ),
)  # fmt: skip
def test_odd_values_of_acts_are_refused_in_words(node, act, values):
    path = f"/acts/execution.logbook-{act}"
    answer = node.call("POST", path, token=token_of(node), json={"values": values})
    assert answer.status_code < 500, answer.text
