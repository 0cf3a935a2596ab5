"""Windows in which readings count: by the definition, moment by moment."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from goldenbatch.core.gating import FOREVER, Gate, covers, merged, without

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


@settings(max_examples=50, deadline=None)
@given(SPANS, SPANS)
def test_spans_are_sets_of_moments(one, other):
    def moments(spans):
        return {t for t in range(45) if covers(spans, t)}

    a, b = merged(one), merged(other)
    assert moments(a) == moments(one) and moments(without(a, b)) == moments(one) - moments(other)
    assert all(a[i][1] < a[i + 1][0] for i in range(len(a) - 1))
    assert merged(without(a, b)) == without(a, b)


def gate(**more):
    made = Gate("site/a/tank", **more)
    made.batches = {"B": ["site/a/tank", 10, None], "C": ["site/b", 0, 5]}
    made.runs = {
        '["B", "site/a/tank", "heat", 1]': [12, 14],
        '["B", "site/a/tank", "hold", 1]': [20, None],
        '["D", "site/a", "wash", 1]': [2, 4],
    }
    return made


def test_a_batch_a_phase_or_what_runs_around_the_place():
    assert gate().windows() == [(2, 4), (10, FOREVER)]
    assert gate(phases=("heat",)).windows() == [(12, 14)]
    ended = gate(phases=("hold",))
    ended.batches["B"][2] = 30
    assert ended.windows() == [(20, 30)]  # the end of the batch ends what ran of it


def test_a_status_silences_until_the_next_one():
    made = gate(silent=("to be cleaned",))
    made.statuses = [[11, "to be cleaned"], [13, "in use"], [40, "to be cleaned"]]
    assert made.windows() == [(2, 4), (10, 11), (13, 40)]
    assert Gate("site/a/tank", (), made.silent).read(made.to_json()).windows() == made.windows()
