"""Whatever is done in whatever order, the historian answers like a dictionary."""

from __future__ import annotations

import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldenbatch.stores.historian import _query, _scan

TAGS = ("a/x", "a/y", "b/z")
values = st.none() | st.floats(-100, 100)
rows = st.lists(
    st.tuples(
        st.sampled_from(TAGS),
        st.integers(0, 12).map(lambda day: day * 40_000_000_000),
        values,
        st.sampled_from([0, 0x40000000, 0x80000000]),
    ),
    max_size=6,
    unique_by=lambda row: row[:2],
)
operation = st.one_of(
    st.tuples(st.just("write"), rows, st.sampled_from(["line", "lab"])),
    st.tuples(st.just("write"), rows, st.sampled_from(["line", "lab"])),
    st.just(("flush",)),
    st.just(("reopen",)),
    st.just(("again",)),
    st.tuples(st.just("compact"), st.integers(0, 14).map(lambda day: day * 40_000_000_000)),
    st.just(("vacuum",)),
)
END = 10**12


class Oracle:
    """All versions of all readings, as a list."""

    def __init__(self):
        self.rows = []
        self.seq = 0

    def write(self, new):
        self.seq += 1
        self.rows += [(tag, time, value, quality, self.seq) for tag, time, value, quality in new]

    def read(self, tags, window, as_of=None):
        newest = {}
        for row in self.rows:
            if window[0] <= row[1] < window[1] and (as_of is None or row[4] <= as_of):
                newest[row[:2]] = row
        return [newest[key] for key in sorted(newest, key=lambda k: (tags.index(k[0]), k[1]))]

    def since(self, tags, after, upto=None):
        found = [r for r in self.rows if r[4] > after and (upto is None or r[4] <= upto)]
        return sorted(found, key=lambda r: (r[4], r[1], tags.index(r[0])))

    def latest(self, tags):
        newest = {}
        for row in self.rows:
            if row[0] not in newest or row[1] >= newest[row[0]][1]:
                newest[row[0]] = row
        return [newest[tag] for tag in tags if tag in newest]


def compare(store, oracle, listed, data):
    known = {row[0] for row in oracle.rows}
    assert set(store.tags()) == known
    assert store.head() == oracle.seq
    tags = data.draw(st.permutations(sorted(known)))
    first = data.draw(st.integers(0, 10)) * 40_000_000_000
    last = first + data.draw(st.integers(0, 10)) * 40_000_000_000
    as_of = data.draw(st.none() | st.integers(0, oracle.seq))
    after = data.draw(st.integers(0, oracle.seq))
    if known:
        assert listed(store.read(tags, (first, last), as_of)) == oracle.read(
            tags, (first, last), as_of
        )
        assert listed(store.read(tags, (0, END))) == oracle.read(tags, (0, END))
    assert listed(store.since(tags, after, as_of)) == oracle.since(tags, after, as_of)
    assert listed(store.since(tags, after)) == oracle.since(tags, after)
    assert listed(store.latest(tags)) == oracle.latest(tags)


@pytest.fixture(params=["row groups", "duckdb"], autouse=True)
def engine(request, monkeypatch):
    """Small questions read row groups, great ones are DuckDB's: both must say the same."""
    if request.param == "duckdb":
        monkeypatch.setattr(_scan, "MAX_ROWS", -1)
        monkeypatch.setattr(_query, "FEW_ROWS", -1)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(operations=st.lists(operation, min_size=1, max_size=12), data=st.data())
def test_interleavings_answer_like_the_oracle(opened, frame, listed, recorder, operations, data):
    own = type(recorder)()
    with tempfile.TemporaryDirectory() as folder:
        store, oracle, last = opened(folder, recorder=own), Oracle(), None
        for number, step in enumerate(operations):
            if step[0] == "write":
                last = frame(str(number), step[1], source=step[2])
                assert store.write(last).is_new
                oracle.write(step[1])
            elif step[0] == "flush":
                store.flush()
            elif step[0] == "compact":
                store.compact(step[1])
            elif step[0] == "vacuum":
                store.vacuum(now=2**60)
            elif step[0] == "reopen":
                store.close()
                store = opened(folder, recorder=own)
            elif last is not None:
                assert not store.write(last).is_new
        compare(store, oracle, listed, data)
        before = {tag: store.digest(tag, (0, END)) for tag in store.tags()}
        store.flush()
        compare(store, oracle, listed, data)
        assert {tag: store.digest(tag, (0, END)) for tag in store.tags()} == before
        assert store.verify(own.chunks()) == []
        with opened(folder, recorder=None, read_only=True) as other:
            compare(other, oracle, listed, data)
        store.close()
